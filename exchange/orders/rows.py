"""An order's rows: writing them, reading them whole, and moving an order from state to state."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import and_, bindparam, insert, select, update

from core.errors import N_, Conflict, Forbidden, NotFound
from exchange.basket import Basket, Terms, in_words
from exchange.models import Order, OrderLine, OrderPayment, Station
from exchange.prices import standard_of
from exchange.reserve import Letting, Piece
from points.models import Account
from residents.models import Community, Person, Resident

if TYPE_CHECKING:
    from sqlalchemy import BindParameter, Connection

    from core.work import Work

LIVES_THERE = and_(Resident.valid_to.is_(None), Resident.household == OrderPayment.payer_household)
"""Whether a payer still lives where they were asked: nobody else's word is awaited."""

DONE = frozenset({"refused", "cancelled", "lapsed", "collected", "returned"})


class OrderUnknown(NotFound):
    """There is no such order, or it is not for the one who asks."""

    text = N_("没有找到这张兑换单。请回到我的兑换看看。")


class OrderMoved(Conflict):
    """The order is in another state than the act needs."""

    text = N_("这张兑换单的情况刚刚变了。请刷新页面再看看。")


class OwnOrder(Forbidden):
    """Nobody decides on what they pay or ordered themselves."""

    text = N_("这是您自己的兑换单，要由别的工作人员来办。")


class HandedByYou(Forbidden):
    """Who gave the goods out does not take them back alone: points return by two people."""

    text = N_("这单是您或您家人经手给出的，退货要请另一位工作人员来收。")


class OwnHousehold(Forbidden):
    """Nobody decides on an order of their own household."""

    text = N_("这是您家人或您代办的人的兑换单，要由别的工作人员来办。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """How an order came about, beside what it is for."""

    id: UUID
    key: str
    channel: str
    state: str
    confirmation: str | None = None
    entered_by: UUID | None = None
    approver: UUID | None = None
    approver_household: UUID | None = None
    closed_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """Who pays what of a new order, in centipoints; ``asked``: their word is still missing."""

    resident: UUID
    person: UUID
    household: UUID
    account: int
    amount: int
    hold: UUID | None
    agreed_by: UUID | None = None
    confirmation: str | None = None
    asked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Who pays what of an order; without a hold, nothing is set aside."""

    account: int
    resident: UUID
    payer: UUID
    payer_household: UUID
    hold: UUID | None
    amount: int
    agreed_by: UUID | None
    phone_cipher: str | None
    #: Whether the payer lives in this household and community now.
    lives_there: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """An order with its payments, by account, and its station; amounts in centipoints."""

    id: UUID
    station: UUID
    station_name: str
    host: int
    host_name: str
    home: int
    resident: UUID
    confirmed: bool
    ordered_by: UUID
    channel: str
    state: str
    price: int
    par: int
    exact: int
    cost: int
    rate_row: UUID | None
    face_home: int
    face_host: int
    difference: str
    standard: int
    submitted_at: dt.datetime
    decided_at: dt.datetime | None
    decided_by: UUID | None
    entered_by: UUID | None
    handed_by: UUID | None
    pickup_code: str | None
    pickup_until: dt.datetime | None
    closed_at: dt.datetime | None
    refusal: str | None
    #: Of the resident whom the order is for.
    phone_cipher: str | None
    payments: tuple[Payment, ...]
    pieces: tuple[Piece, ...]

    @property
    def cross(self) -> bool:
        """Whether the station is another community's than the payer's."""
        return self.home != self.host

    @property
    def words(self) -> str:
        """The items in a few words."""
        return in_words((piece.name, piece.quantity) for piece in self.pieces)

    @property
    def reason(self) -> str:
        """What points are spent on and where, as the resident's list shows it."""
        return f"{self.words}，{self.station_name}"

    @property
    def letting(self) -> Letting:
        """What the order gives back when it ends without its goods."""
        waits = self.state == "asked"
        return Letting(
            order=self.id,
            household=self.payments[0].payer_household,
            # Nothing was counted yet for who has not agreed.
            shares={each.resident: each.amount for each in self.payments if each.hold or not waits},
            cross=self.cross,
            submitted_at=self.submitted_at,
            pieces=self.pieces,
        )


def write(work: Work, basket: Basket, terms: Terms, entry: Entry) -> None:
    """Insert the order and its lines.

    This comes before anything is held: a second tap with the same key waits here, and then finds
    the order of the first, instead of a balance that the first has used up.
    """
    buyer, host = basket.buyer, basket.host
    decided = entry.approver is not None
    work.connection.execute(
        insert(Order).values(
            id=entry.id,
            key=entry.key,
            station=host.station,
            host=host.community,
            home=buyer.community,
            resident=buyer.resident,
            ordered_by=work.actor.person if entry.entered_by is None else buyer.person,
            entered_by=entry.entered_by,
            handed_by=entry.approver if entry.state == "collected" else None,
            channel=entry.channel,
            confirmation=entry.confirmation,
            state=entry.state,
            price=terms.price,
            par=terms.cost.par,
            exact=terms.cost.exact,
            cost=terms.cost.cost,
            rate=terms.rate,
            rate_row=terms.rate_row,
            face_home=terms.face_home,
            face_host=terms.face_host,
            difference=terms.difference,
            standard=standard_of(terms.price, terms.face_host),
            submitted_at=work.now,
            decided_at=work.now if decided else None,
            decided_by=entry.approver,
            closed_at=entry.closed_at,
        ),
    )
    work.connection.execute(
        insert(OrderLine),
        [
            {
                "order": entry.id,
                "item": line.item,
                "name": line.name,
                "quantity": line.quantity,
                "price": line.price,
            }
            for line in basket.lines
        ],
    )


def buyer_pays(basket: Basket, amount: int, hold: UUID | None) -> Payer:
    """Return the payment of the one who orders."""
    buyer = basket.buyer
    return Payer(
        resident=buyer.resident,
        person=buyer.person,
        household=buyer.household,
        account=buyer.account,
        amount=amount,
        hold=hold,
    )


def write_payments(work: Work, payers: Iterable[Payer], entry: Entry) -> None:
    """Insert who pays, from which hold, and who has approved."""
    work.connection.execute(
        insert(OrderPayment),
        [
            {
                "order": entry.id,
                "account": payer.account,
                "points_kind": "service",
                "hold": payer.hold,
                "amount": payer.amount,
                "payer": payer.person,
                "payer_household": payer.household,
                "taken_at": None if payer.asked else work.now,
                "agreed_by": payer.agreed_by,
                "confirmation": payer.confirmation,
                "approver": entry.approver,
                "approver_household": entry.approver_household,
            }
            for payer in payers
        ],
    )


WANTED: BindParameter[UUID] = bindparam("v_orders", expanding=True)
ROWS = (
    select(
        *(c for c in Order.__table__.c if c.name in OrderRow.__dataclass_fields__),
        Station.name.label("station_name"),
        Community.display_name.label("host_name"),
        (Resident.state == "confirmed").label("confirmed"),
        Person.phone_cipher,
    )
    .join(Station, Station.id == Order.station)
    .join(Community, Community.code == Order.host)
    .join(Resident, Resident.id == Order.resident)
    .join(Person, Person.id == Resident.person)
    .where(Order.id.in_(WANTED))
)
LINES = (
    select(OrderLine.order, OrderLine.item, OrderLine.quantity, OrderLine.name)
    .where(OrderLine.order.in_(WANTED))
    .order_by(OrderLine.item)
)
PAYMENTS = (
    select(
        OrderPayment.order,
        OrderPayment.account,
        Resident.id.label("resident"),
        OrderPayment.payer,
        OrderPayment.payer_household,
        OrderPayment.hold,
        OrderPayment.amount,
        OrderPayment.agreed_by,
        Person.phone_cipher,
        LIVES_THERE.label("lives_there"),
    )
    .join(Account, Account.id == OrderPayment.account)
    .join(Resident, Resident.id == Account.holder_id)
    .join(Person, Person.id == OrderPayment.payer)
    .where(OrderPayment.order.in_(WANTED))
    .order_by(OrderPayment.account)
)
LOCK = (
    select(Order.id).where(Order.id.in_(WANTED)).order_by(Order.id).with_for_update(key_share=True)
)


def load(connection: Connection, ids: Iterable[UUID]) -> dict[UUID, OrderRow]:
    """Return orders with everything that an act on them needs, in three queries."""
    wanted = list(ids)
    asked = {"v_orders": wanted}
    rows = connection.execute(ROWS, asked).all()
    payments = _payments(connection, wanted)
    pieces: dict[UUID, list[Piece]] = defaultdict(list)
    for line in connection.execute(LINES, asked):
        pieces[line.order].append(Piece(item=line.item, quantity=line.quantity, name=line.name))
    return {
        row.id: OrderRow(
            **row._mapping,  # noqa: SLF001 - Row API
            payments=tuple(payments[row.id]),
            pieces=tuple(pieces[row.id]),
        )
        for row in rows
    }


def _payments(connection: Connection, orders: list[UUID]) -> dict[UUID, list[Payment]]:
    found: dict[UUID, list[Payment]] = defaultdict(list)
    for row in connection.execute(PAYMENTS, {"v_orders": orders}):
        facts = dict(row._mapping)  # noqa: SLF001 - Row API
        found[facts.pop("order")].append(Payment(**facts))
    return found


def locked(work: Work, orders: Iterable[UUID]) -> dict[UUID, OrderRow]:
    """Lock orders in id order, then read them: a double tap sees what the first one did.

    The order's row comes before accounts, quotas and stock in the lock order.
    """
    wanted = list(orders)
    if not work.is_sqlite:
        work.connection.execute(LOCK, {"v_orders": wanted}).all()
    return load(work.connection, wanted)


def locked_one(work: Work, order: UUID) -> OrderRow:
    """Lock one order and read it; raises OrderUnknown."""
    found = locked(work, [order]).get(order)
    if found is None:
        raise OrderUnknown
    return found


def load_one(connection: Connection, order: UUID) -> OrderRow:
    """Return one order; raises OrderUnknown."""
    found = load(connection, [order]).get(order)
    if found is None:
        raise OrderUnknown
    return found


def move(work: Work, order: UUID, before: Iterable[str], after: str, **values: object) -> bool:
    """Take an order from a state to another, once; False if it was in none of them."""
    moved = work.connection.execute(
        update(Order)
        .where(Order.id == order, Order.state.in_(list(before)))
        .values(state=after, **values)
        .returning(Order.id),
    ).first()
    return moved is not None


def refuse_own(order: OrderRow, person: UUID, own: frozenset[UUID]) -> None:
    """Raise OwnOrder or OwnHousehold; ``own`` is what the directory says of the person.

    The constraint of order_payments says the same of the payer.
    """
    payers = {each.payer for each in order.payments}
    if person == order.ordered_by or person in payers:
        raise OwnOrder
    places = {value for each in order.payments for value in (each.resident, each.payer_household)}
    if own & (payers | places | {order.resident, order.ordered_by}):
        raise OwnHousehold
