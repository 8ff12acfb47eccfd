"""The story of one order, as the desk's drawer tells it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from exchange import desk, words
from exchange.desk import ApprovalRow
from exchange.models import Order, OrderPayment, Stock
from exchange.order_queries import LineView, first_payment, lines_of, returned_at
from exchange.orders.sharing import agree_by
from exchange.shared import ShareView, shares_of
from points.models import Account, Award
from residents.models import Person, Resident

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from core.acts import Actor

EARNED_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseholdOrder:
    """An order of the same household this quarter."""

    day: dt.datetime
    name: str
    what: str
    cost: int
    state_words: str
    this: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """Points that came to the payer lately."""

    day: dt.datetime
    reason: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StockNote:
    """What lies on the shelf of an item in the order."""

    name: str
    on_hand: int
    reserved: int
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitNote:
    """A limit with what was used of it, this order included."""

    name: str
    used: int
    limit: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent:
    """Something that happened to the order; without a moment, it is still to come."""

    at: dt.datetime | None
    words: str
    by: str
    bad: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStory:
    """An order with all that helps to decide on it; amounts in centipoints.

    What somebody from elsewhere has and how they earned it stays with their home: the points of
    the order are held, so that there is enough.
    """

    id: UUID
    number: str
    name: str
    where: str
    household_words: str
    resident_id: UUID | None
    state: str
    lock: str | None
    look: tuple[str, ...]
    lines: tuple[LineView, ...]
    price: int
    cost: int
    available: int | None
    held: int | None
    left: int | None
    rate: int | None
    household: tuple[HouseholdOrder, ...]
    earned: tuple[Earned, ...]
    stock: tuple[StockNote, ...]
    limits: tuple[LimitNote, ...]
    events: tuple[OrderEvent, ...]
    unconfirmed: bool
    #: Who pays what; empty where one pays all.
    shares: tuple[ShareView, ...]


def story(
    connection: Connection,
    actor: Actor,
    order: UUID,
    now: dt.datetime,
) -> OrderStory | None:
    """Return an order of the actor's community with its story; None for any other."""
    approver, handed = aliased(Person), aliased(Person)
    row = connection.execute(
        select(
            Order.__table__,
            OrderPayment.account,
            OrderPayment.amount.label("share"),
            OrderPayment.payer_household,
            Resident.state.label("resident_state"),
            Account.credited,
            Account.debited,
            Account.held,
            approver.name.label("approver_name"),
            handed.name.label("handed_name"),
        )
        .select_from(Order)
        .join(OrderPayment, first_payment(OrderPayment.order == Order.id))
        .join(Resident, Resident.id == Order.resident)
        .join(Account, Account.id == OrderPayment.account)
        .outerjoin(approver, approver.id == Order.decided_by)
        .outerjoin(handed, handed.id == Order.handed_by)
        .where(Order.id == order, Order.host == actor.place),
    ).first()
    if row is None:
        return None
    listed = desk.one(connection, actor, order, now)
    lines = lines_of(connection, [order])[order]
    shares = shares_of(connection, order, (), row.resident, now)
    free = row.credited - row.debited - row.held
    open_state = row.state in {"submitted", "ready", "asked"}
    members = (
        select(func.count())
        .select_from(Resident)
        .where(Resident.household == row.payer_household, Resident.valid_to.is_(None))
    )
    return OrderStory(
        id=order,
        number=words.short_number(order, row.submitted_at),
        name=listed.name,
        where=listed.where,
        household_words=""
        if listed.foreign
        else words.household_size(connection.scalar(members) or 0),
        resident_id=listed.resident_id,
        state=row.state,
        lock=listed.lock,
        look=_look(listed),
        lines=lines,
        price=row.price,
        cost=row.cost,
        available=None if listed.foreign else free + (row.share if open_state else 0),
        held=None if listed.foreign else row.held - (row.share if open_state else 0),
        left=None if listed.foreign else free,
        rate=row.rate if listed.foreign else None,
        household=_household(connection, row, actor.place, now),
        earned=() if listed.foreign else _earned(connection, row.account),
        stock=_stock(connection, lines) if open_state else (),
        limits=_limits(listed),
        events=_events(row, shares, returned_at(connection, order)),
        unconfirmed=row.resident_state == "unconfirmed",
        shares=shares if len(shares) > 1 else (),
    )


def _look(listed: ApprovalRow) -> tuple[str, ...]:
    """Say in a sentence why it is worth a look."""
    if listed.flag is None:
        return ()
    return (words.look(listed.flag),)


def _limits(listed: ApprovalRow) -> tuple[LimitNote, ...]:
    if listed.limit is None or listed.limit_used is None:
        return ()
    note = LimitNote(
        name=words.month_limit(),
        used=listed.limit_used,
        limit=listed.limit,
        words=listed.limit_words,
    )
    return (note,)


def _household(
    connection: Connection,
    row: Row[Any],
    host: int,
    now: dt.datetime,
) -> tuple[HouseholdOrder, ...]:
    found = connection.execute(
        select(
            Order.id,
            Order.submitted_at,
            Order.state,
            Order.cost,
            Order.refusal,
            Person.name,
        )
        .select_from(Order)
        .join(OrderPayment, first_payment(OrderPayment.order == Order.id))
        .join(Resident, Resident.id == Order.resident)
        .join(Person, Person.id == Resident.person)
        .where(
            OrderPayment.payer_household == row.payer_household,
            Order.host == host,
            Order.submitted_at >= desk.quarter_start(now),
        )
        .order_by(Order.submitted_at),
    ).all()
    lines = lines_of(connection, [each.id for each in found])
    return tuple(
        HouseholdOrder(
            day=each.submitted_at,
            name=each.name,
            what=words.what([(line.name, line.quantity) for line in lines[each.id]]),
            cost=each.cost,
            state_words=words.state_words(each.state, None, each.refusal),
            this=each.id == row.id,
        )
        for each in found
    )


def _earned(connection: Connection, account: int) -> tuple[Earned, ...]:
    query = (
        select(Award.event_at, Award.reason, Award.amount)
        .where(Award.account == account, Award.state == "done")
        .order_by(Award.event_at.desc())
        .limit(EARNED_SHOWN)
    )
    return tuple(
        Earned(day=row.event_at, reason=row.reason, amount=row.amount)
        for row in connection.execute(query)
    )


def _stock(connection: Connection, lines: tuple[LineView, ...]) -> tuple[StockNote, ...]:
    names = {line.item: line.name for line in lines}
    query = select(Stock.item, Stock.on_hand, Stock.reserved).where(Stock.item.in_(list(names)))
    return tuple(
        StockNote(
            name=names[row.item],
            on_hand=row.on_hand,
            reserved=row.reserved,
            free=row.on_hand - row.reserved,
        )
        for row in connection.execute(query.order_by(Stock.item))
    )


def _ended(row: Row[Any], shares: tuple[ShareView, ...]) -> str:
    """Say how an order ended that was neither refused nor collected.

    Before all have agreed it ends by a no, or in time: who ordered seldom cancels it then.
    """
    at_counter = row.channel == "counter"
    if at_counter or all(each.agreed for each in shares):
        return words.event(row.state, at_counter)
    back = sum(each.amount for each in shares if each.agreed)
    return words.not_agreed(back, late=agree_by(row.submitted_at) <= row.closed_at)


def _events(
    row: Row[Any], shares: tuple[ShareView, ...], returned: dt.datetime | None
) -> tuple[OrderEvent, ...]:
    """Return what has happened, and what comes next."""
    at_counter = row.channel == "counter"
    events = [
        OrderEvent(at=row.submitted_at, words=words.event("submitted", at_counter), by=""),
    ]
    by = row.approver_name or ""
    if row.state == "refused":
        said = words.event("refused", at_counter, row.refusal or "")
        return (*events, OrderEvent(at=row.decided_at, words=said, by=by, bad=True))
    if row.decided_at is not None and not at_counter:
        events.append(
            OrderEvent(at=row.decided_at, words=words.event("ready", at_counter), by=by),
        )
    if row.state in {"collected", "returned"}:
        handed = row.handed_name or ""
        events.append(
            OrderEvent(at=row.closed_at, words=words.event("collected", at_counter), by=handed),
        )
    if row.state in {"cancelled", "lapsed"}:
        said = _ended(row, shares)
        events.append(OrderEvent(at=row.closed_at, words=said, by="", bad=row.state == "lapsed"))
    if row.state == "submitted":
        events.append(OrderEvent(at=None, words=words.event("wait", at_counter), by=""))
    if row.state == "ready":
        events.append(OrderEvent(at=None, words=words.event("pickup", at_counter), by=""))
    if row.state == "returned":
        said = words.event("returned", at_counter, row.refusal or "")
        events.append(OrderEvent(at=returned, words=said, by="", bad=True))
    return tuple(events)


def find(connection: Connection, community: int, code: str) -> UUID | None:
    """Return the order that a pickup code opens at a community's station; None if there is none.

    A ready order comes first; else the latest that had this code, so that its page can say what
    became of it.
    """
    query = (
        select(Order.id)
        .where(Order.host == community, Order.pickup_code == code)
        .order_by((Order.state == "ready").desc(), Order.submitted_at.desc())
        .limit(1)
    )
    return connection.scalar(query)
