"""Orders as residents see them: the list, and one with what has happened to it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import aliased

from core.directory import places_of
from core.work import business_day, present
from exchange import pickup, words
from exchange.models import Item, Order, OrderLine, OrderPayment, Station, StockMove
from exchange.orders.finish import asked_until
from exchange.queries import OPEN_STATES
from points.models import Account
from residents.heirs import died_with
from residents.models import Person, Resident

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Select

ORDERS_PER_PAGE = 30
SHARED = (
    select(func.count() > 1)
    .where(OrderPayment.order == Order.id)
    .correlate(Order)
    .scalar_subquery()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """An item in an order; ``price`` per piece in the host's centipoints."""

    item: UUID
    name: str
    category: str
    template: str | None
    quantity: int
    price: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where to collect."""

    name: str
    address: str
    hours: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """An order with everything that its page says; amounts in centipoints."""

    id: UUID
    number: str
    #: Whom it is for.
    resident: UUID
    state: str
    channel: str
    host: int
    home: int
    station: str
    station_address: str
    station_hours: str
    lines: tuple[LineView, ...]
    price: int
    cost: int
    rate: int
    submitted_at: dt.datetime
    decided_at: dt.datetime | None
    decided_by: str | None
    refusal: str | None
    pickup_code: str | None
    pickup_until: dt.datetime | None
    #: Until when an asked order waits for a yes.
    asked_until: dt.datetime | None
    #: Whether several pay it.
    shared: bool
    closed_at: dt.datetime | None
    #: When the goods came back, after all.
    returned_at: dt.datetime | None
    #: Whether the viewer ordered it; else they pay a share, or inherit.
    mine: bool

    @property
    def at_home(self) -> bool:
        """Whether the station is the resident's own."""
        return self.home == self.host

    @property
    def door(self) -> Door:
        """The station's name, address and hours."""
        return Door(name=self.station, address=self.station_address, hours=self.station_hours)

    @property
    def pickup_url(self) -> str | None:
        """The address that the QR code of the pickup code holds."""
        return pickup.address(self.id, self.pickup_code) if self.pickup_code else None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderBrief:
    """A line of 我的兑换."""

    id: UUID
    name: str
    category: str
    template: str | None
    station: str
    cost: int
    state: str
    channel: str
    at: dt.datetime
    pickup_until: dt.datetime | None
    asked_until: dt.datetime | None
    shared: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MyOrders:
    """A resident's orders: those under way, all of them; those done, a page."""

    open: tuple[OrderBrief, ...]
    closed: tuple[OrderBrief, ...]
    has_more: bool


def first_payment(connected: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that leaves one payment of an order: the orderer's own, if any."""
    other = aliased(OrderPayment)
    first = select(func.min(other.account)).where(other.order == Order.id).correlate(Order)
    own = first.where(other.payer == Order.ordered_by)
    account = func.coalesce(own.scalar_subquery(), first.scalar_subquery())
    return and_(connected, OrderPayment.account == account)


def last_moment(pickup_until: dt.datetime | None) -> dt.datetime | None:
    """Return the last second of pickup: what people read as the day until which it is kept."""
    return pickup_until and pickup_until - dt.timedelta(seconds=1)


def _asked_until(row: Any) -> dt.datetime | None:
    return asked_until(row.channel, row.submitted_at) if row.state == "asked" else None


def lines_of(connection: Connection, orders: Iterable[UUID]) -> dict[UUID, tuple[LineView, ...]]:
    """Return the lines of orders, with the drawings that their items have."""
    query = (
        select(
            OrderLine.order,
            OrderLine.item,
            OrderLine.name,
            OrderLine.quantity,
            OrderLine.price,
            Item.category,
            Item.template,
        )
        .join(Item, Item.id == OrderLine.item)
        .where(OrderLine.order.in_(list(orders)))
        .order_by(OrderLine.item)
    )
    found: dict[UUID, list[LineView]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.order].append(
            LineView(
                item=row.item,
                name=row.name,
                category=row.category,
                template=row.template,
                quantity=row.quantity,
                price=row.price,
            ),
        )
    return {order: tuple(lines) for order, lines in found.items()}


def order_view(
    connection: Connection, order: UUID, resident: UUID, people: Collection[UUID] = ()
) -> OrderView | None:
    """Return a resident's order, one that ``people`` pay, or one of whom they inherit from.

    None for any other.
    """
    paid = _paid_by(connection, order, people)
    places, died = places_of(connection, resident), _died_with(resident)
    seen = or_(Order.resident.in_(places), Order.id.in_(paid), Order.resident.in_(died))
    row = connection.execute(
        select(
            Order.__table__,
            Station.name.label("station_name"),
            Station.address.label("station_address"),
            Station.hours.label("station_hours"),
            Person.name.label("decided_name"),
            SHARED.label("shared"),
        )
        .join(Station, Station.id == Order.station)
        .outerjoin(Person, Person.id == Order.decided_by)
        .where(Order.id == order, seen),
    ).first()
    if row is None:
        return None
    return OrderView(
        id=row.id,
        number=words.number(row.submitted_at),
        resident=row.resident,
        state=row.state,
        channel=row.channel,
        host=row.host,
        home=row.home,
        station=row.station_name,
        station_address=row.station_address,
        station_hours=row.station_hours,
        lines=lines_of(connection, [order])[order],
        price=row.price,
        cost=row.cost,
        rate=row.rate,
        submitted_at=row.submitted_at,
        decided_at=row.decided_at,
        decided_by=row.decided_name,
        refusal=row.refusal,
        pickup_code=row.pickup_code if row.state == "ready" else None,
        pickup_until=last_moment(row.pickup_until),
        asked_until=_asked_until(row),
        shared=bool(row.shared),
        closed_at=row.closed_at,
        returned_at=returned_at(connection, order) if row.state == "returned" else None,
        mine=row.resident in places,
    )


def _paid_by(connection: Connection, order: UUID, people: Collection[UUID]) -> Select[UUID]:
    """Return the order if people pay a share of it, also under a record that was merged away."""
    homes = select(Resident.id).where(Resident.person.in_(people), Resident.valid_to.is_(None))
    today = connection.scalars(homes).all() if people else ()
    places = [place for each in today for place in places_of(connection, each)]
    return (
        select(OrderPayment.order)
        .join(Account, Account.id == OrderPayment.account)
        .where(
            OrderPayment.order == order,
            or_(OrderPayment.payer.in_(people), Account.holder_id.in_(places)),
        )
    )


def returned_at(connection: Connection, order: UUID) -> dt.datetime | None:
    """Return when an order's goods came back to the shelf."""
    query = select(func.max(StockMove.at)).where(
        StockMove.order == order, StockMove.kind == "returned"
    )
    return connection.scalar(query)


def open_orders(connection: Connection, resident: UUID) -> tuple[OrderBrief, ...]:
    """Return a resident's orders that are under way, the newest first."""
    return _open(connection, Order.resident == resident)


def open_left(connection: Connection, resident: UUID) -> tuple[OrderBrief, ...]:
    """Return what those have under way from whom a resident inherits, the newest first."""
    return _open(connection, Order.resident.in_(_died_with(resident)))


def _open(connection: Connection, whose: ColumnElement[bool]) -> tuple[OrderBrief, ...]:
    return _briefs(
        connection, connection.execute(_of(whose).where(Order.state.in_(OPEN_STATES))).all()
    )


def my_orders(connection: Connection, resident: UUID, page: int = 1) -> MyOrders:
    """Return a resident's orders, the newest first, those from before they moved, too."""
    done = connection.execute(
        _of(Order.resident.in_(places_of(connection, resident)))
        .where(Order.state.not_in(OPEN_STATES))
        .offset((page - 1) * ORDERS_PER_PAGE)
        .limit(ORDERS_PER_PAGE + 1),
    ).all()
    return MyOrders(
        open=open_orders(connection, resident),
        closed=_briefs(connection, done[:ORDERS_PER_PAGE]),
        has_more=len(done) > ORDERS_PER_PAGE,
    )


def _died_with(resident: UUID) -> Select[UUID]:
    return died_with(resident, business_day(present()))


def _of(whose: ColumnElement[bool]) -> Select[Any]:
    return (
        select(
            Order.id,
            Order.state,
            Order.cost,
            Order.submitted_at,
            Order.closed_at,
            Order.pickup_until,
            Order.channel,
            SHARED.label("shared"),
            Station.name.label("station"),
        )
        .join(Station, Station.id == Order.station)
        .where(whose)
        .order_by(Order.submitted_at.desc(), Order.id.desc())
    )


def _briefs(connection: Connection, rows: Sequence[Any]) -> tuple[OrderBrief, ...]:
    lines = lines_of(connection, [row.id for row in rows]) if rows else {}
    return tuple(
        OrderBrief(
            id=row.id,
            name=words.several(lines[row.id][0].name, len(lines[row.id])),
            category=lines[row.id][0].category,
            template=lines[row.id][0].template,
            station=row.station,
            cost=row.cost,
            state=row.state,
            at=row.closed_at or row.submitted_at,
            pickup_until=last_moment(row.pickup_until),
            channel=row.channel,
            asked_until=_asked_until(row),
            shared=bool(row.shared),
        )
        for row in rows
    )
