"""现场兑换 and 领取 at the desk: what one resident may take, how they agree, what waits."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from core.formats import mask_name
from core.work import business_day
from exchange import basket as baskets
from exchange import words
from exchange.desk import ApprovalRow, approvals
from exchange.desk_station import station_items
from exchange.known import left_today
from exchange.models import Item, Order
from exchange.order_queries import LineView, last_moment
from exchange.quote import Quote
from exchange.reserve import NO_LIMIT, household_used
from exchange.shared import family_of
from exchange.story import OrderStory, find, story
from points.queries import free_on

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.acts import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterItem:
    """An item at the counter, as one resident may take it; ``closed`` says why they may not."""

    id: UUID
    name: str
    category: str
    template: str | None
    price: int
    left: int
    quantity: int
    closed: str


def counter_items(
    connection: Connection,
    resident: UUID,
    community: int,
    chosen: dict[UUID, int],
    now: dt.datetime,
) -> tuple[CounterItem, ...]:
    """Return what a resident may take at a station's counter, with what is in the basket."""
    buyer = baskets.load_buyer(connection, resident)
    today = business_day(now)
    made = []
    used = _used(connection, buyer.household, community, now)
    for item in station_items(connection, community, now):
        if item.state != "listed":
            continue
        left = min(item.free, (item.limit or NO_LIMIT) - used.get(item.id, 0))
        closed, foreign_gone = "", False
        if buyer.community != community:
            left, foreign_gone = min(left, item.foreign_left), item.foreign_left <= 0
            if item.foreign_share is None:
                closed = words.home_residents_only()
            elif item.home_first_until is not None and today < item.home_first_until:
                closed = words.opens_to_others(item.home_first_until)
        if left <= 0 and not closed:
            closed = words.nothing_left(stock=item.free, foreign=foreign_gone)
        made.append(
            CounterItem(
                id=item.id,
                name=item.name,
                category=item.category,
                template=item.template,
                price=item.price,
                left=max(left, 0),
                quantity=chosen.get(item.id, 0),
                closed=closed,
            ),
        )
    return tuple(sorted(made, key=lambda each: (bool(each.closed), each.name)))


def _used(
    connection: Connection,
    household: UUID,
    community: int,
    now: dt.datetime,
) -> dict[UUID, int]:
    items = connection.scalars(select(Item.id).where(Item.community == community)).all()
    return household_used(connection, household, items, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Somebody of the household who may pay a share at the counter, with what they have."""

    resident: UUID
    name: str
    left: bool
    available: int | None


def family_at(
    connection: Connection, resident: UUID, host: int, now: dt.datetime
) -> tuple[Beside, ...]:
    """Return who of the household may pay beside a resident, if anything is theirs.

    A station elsewhere reads masked names and not what each has.
    """
    home = baskets.load_buyer(connection, resident).community == host
    family = family_of(connection, resident, now)
    available = free_on(connection, [each.account for each in family])
    return tuple(
        Beside(
            resident=each.resident,
            name=each.name if home else mask_name(each.name),
            left=each.left,
            available=available[each.account] if home else None,
        )
        for each in family
        if available.get(each.account)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way to agree at the counter, and whether it is open for this sum."""

    value: str
    title: str
    note: str
    allowed: bool
    chosen: bool


def ways(
    connection: Connection, community: int, quote: Quote, now: dt.datetime, *, shared: bool = False
) -> tuple[Way, ...]:
    """Return the ways to agree: the resident's phone, or staff who know them up to a day's sum.

    ``shared``: the family may pay so much of it that the resident's own part is below that sum.
    """
    buyer = baskets.load_buyer(connection, quote.resident)
    left = left_today(connection, community, [buyer.account], now)
    known = quote.cost <= left
    phone = buyer.phone_cipher is not None
    return (
        Way(
            value="device",
            title=words.way_title("device"),
            note=words.device_note(open_=phone),
            allowed=phone,
            chosen=phone and not known,
        ),
        Way(
            value="known",
            title=words.way_title("known"),
            note=words.known_note(left),
            allowed=known or shared,
            chosen=known or (shared and not phone),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyOrder:
    """An order that waits to be collected."""

    id: UUID
    name: str
    what: str
    pickup_until: dt.datetime
    #: 0: today is its last day.
    days_left: int


def ready_orders(connection: Connection, actor: Actor, now: dt.datetime) -> tuple[ReadyOrder, ...]:
    """Return what waits at the actor's station, the soonest to lapse first."""
    today = business_day(now)
    rows = approvals(connection, actor, now, "ready").rows
    waiting = [row for row in rows if row.pickup_until is not None]
    return tuple(
        ReadyOrder(
            id=row.id,
            name=row.name,
            what=row.what,
            pickup_until=_until(row),
            days_left=(business_day(_until(row)) - today).days,
        )
        for row in sorted(waiting, key=_until)
    )


def _until(row: ApprovalRow) -> dt.datetime:
    return row.pickup_until or row.submitted_at


@dataclass(frozen=True, slots=True, kw_only=True)
class PickupOrder:
    """What a pickup code opens at the counter."""

    id: UUID
    number: str
    name: str
    where: str
    resident_id: UUID | None
    lines: tuple[LineView, ...]
    cost: int
    approved_by: str
    pickup_until: dt.datetime | None
    unconfirmed: bool
    state: str
    collected_at: dt.datetime | None
    handed_by: str


def pickup_order(
    connection: Connection,
    actor: Actor,
    wanted: str | UUID,
    now: dt.datetime,
) -> PickupOrder | None:
    """Return an order of the actor's station, whatever became of it: by six digits or by its id."""
    order = wanted if isinstance(wanted, UUID) else find(connection, actor.place, wanted)
    found: OrderStory | None = story(connection, actor, order, now) if order else None
    if found is None or found.state in {"asked", "submitted"}:
        return None
    row = connection.execute(
        select(Order.pickup_until, Order.closed_at).where(Order.id == found.id),
    ).one()
    # Who only hands over sees an address where they are to confirm that this is the resident.
    reads = actor.may("resident.enter")
    names = [event.by for event in found.events if event.by]
    collected = found.state in {"collected", "returned"}
    return PickupOrder(
        id=found.id,
        number=found.number,
        name=found.name,
        where=found.where if reads or found.unconfirmed else "",
        resident_id=found.resident_id if reads else None,
        lines=found.lines,
        cost=found.cost,
        approved_by=names[0] if names else "",
        pickup_until=last_moment(row.pickup_until),
        unconfirmed=found.unconfirmed,
        state=found.state,
        collected_at=row.closed_at if collected else None,
        handed_by=names[-1] if names and collected else "",
    )
