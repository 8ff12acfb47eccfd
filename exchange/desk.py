"""兑换审核: the orders of a station that wait for a decision, are ready, or are done."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select

from core import settings
from core.directory import directory
from core.work import business_day, day_start
from exchange import words
from exchange.basket import POINT
from exchange.models import Item, Order, OrderPayment, QuotaUsage
from exchange.order_queries import LineView, first_payment, last_moment, lines_of
from exchange.reserve import HOUSEHOLD_ITEM_MONTH, RESIDENT_MONTH, month_of
from residents.models import Resident
from residents.queries import ResidentLine, ever, place, places

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from core.acts import Actor

DONE_STATES = ("collected", "refused", "cancelled", "lapsed", "returned")
GONE_STATES = ("refused", "cancelled", "lapsed", "returned")
DECIDED_ON = ("submitted", "collected")
"""States in which the desk may have its say: approve or refuse, and take goods back."""

DONE_PER_PAGE = 30
WAITING_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalCounts:
    """How many orders of a station wait, are ready and are done; and of those that wait."""

    waiting: int
    ready: int
    done: int
    clean: int
    look: int
    locked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRow:
    """An order as the desk lists it; amounts in centipoints."""

    id: UUID
    submitted_at: dt.datetime
    #: None for somebody from elsewhere, whose page is not this desk's to open.
    resident_id: UUID | None
    name: str
    where: str
    what: str
    category: str
    template: str | None
    cost: int
    price: int
    foreign: bool
    limit_used: int | None
    limit: int | None
    limit_words: str
    household_orders: int
    household_cost: int
    #: Worth a look: never among those that are chosen all at once.
    flag: str | None
    #: Why this desk or this person may not decide.
    lock: str | None
    state: str
    state_words: str
    pickup_until: dt.datetime | None

    @property
    def clean(self) -> bool:
        """Whether nothing speaks against approving it with others."""
        return self.flag is None and self.lock is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvals:
    """The orders that wait, with their counts."""

    counts: ApprovalCounts
    rows: tuple[ApprovalRow, ...]
    has_more: bool = False


def approvals(
    connection: Connection,
    actor: Actor,
    now: dt.datetime,
    show: str = "waiting",
    page: int = 1,
) -> Approvals:
    """Return the orders of the actor's community: ``waiting``, ``ready`` or ``done``."""
    host = actor.place
    waiting = _listed(connection, actor, now, _orders(host, ("submitted",)).limit(WAITING_MAX))
    rows, has_more = waiting, False
    if show == "ready":
        rows = _listed(connection, actor, now, _orders(host, ("ready",)).limit(WAITING_MAX))
    elif show == "done":
        query = _orders(host, DONE_STATES, newest=True).offset((page - 1) * DONE_PER_PAGE)
        rows = _listed(connection, actor, now, query.limit(DONE_PER_PAGE + 1))
        rows, has_more = rows[:DONE_PER_PAGE], len(rows) > DONE_PER_PAGE
    return Approvals(counts=_counts(connection, host, waiting), rows=rows, has_more=has_more)


def one(connection: Connection, actor: Actor, order: UUID, now: dt.datetime) -> ApprovalRow:
    """Return one order of the actor's community as the list has it."""
    waiting = _listed(connection, actor, now, _orders(actor.place, ("submitted",)))
    found = next((row for row in waiting if row.id == order), None)
    if found is not None:
        return found
    states = ("ready", "asked", *DONE_STATES)
    query = _orders(actor.place, states).where(Order.__table__.c.id == order)
    return _listed(connection, actor, now, query)[0]


def _orders(host: int, states: Sequence[str], *, newest: bool = False) -> Any:
    table = Order.__table__
    order = table.c.closed_at.desc() if newest else table.c.submitted_at
    return (
        select(
            table,
            OrderPayment.payer,
            OrderPayment.payer_household,
            Resident.state.label("resident_state"),
            Resident.valid_to.label("resident_until"),
        )
        .select_from(table)
        .join(OrderPayment, first_payment(OrderPayment.order == table.c.id))
        .join(Resident, Resident.id == table.c.resident)
        .where(table.c.host == host, table.c.state.in_(list(states)))
        .order_by(order, table.c.id)
    )


def _counts(
    connection: Connection,
    host: int,
    waiting: Sequence[ApprovalRow],
) -> ApprovalCounts:
    query = (
        select(Order.state, func.count())
        .where(Order.host == host, Order.state != "asked")
        .group_by(Order.state)
    )
    found = {row[0]: row[1] for row in connection.execute(query)}
    locked = sum(row.lock is not None for row in waiting)
    clean = sum(row.clean for row in waiting)
    return ApprovalCounts(
        waiting=found.get("submitted", 0),
        ready=found.get("ready", 0),
        done=sum(found.get(state, 0) for state in DONE_STATES),
        clean=clean,
        look=len(waiting) - clean - locked,
        locked=locked,
    )


def _listed(
    connection: Connection,
    actor: Actor,
    now: dt.datetime,
    query: Any,
) -> tuple[ApprovalRow, ...]:
    """Build rows from orders, a few queries for all of them together."""
    orders = connection.execute(query).all()
    facts = _Facts.load(connection, actor, now, orders)
    ranks = _ranks(orders)
    return tuple(_row(order, facts, ranks[order.id]) for order in orders)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What rows need beside the orders themselves."""

    actor: Actor
    own: frozenset[UUID]
    residents: dict[UUID, ResidentLine]
    lines: dict[UUID, tuple[LineView, ...]]
    names: dict[int, str]
    #: Orders and centipoints of each household at this station this quarter, still standing.
    quarter: dict[UUID, tuple[int, int]]
    limits: dict[UUID, int | None]
    used: dict[tuple[str, str, str], int]
    lead_from: int
    month_limit: int

    @classmethod
    def load(
        cls,
        connection: Connection,
        actor: Actor,
        now: dt.datetime,
        orders: Sequence[Row[Any]],
    ) -> _Facts:
        lines = lines_of(connection, [order.id for order in orders])
        items = {line.item for each in lines.values() for line in each}
        households = {order.payer_household for order in orders}
        lead = settings.integer(connection, "redeem.lead_points", now, actor.place)
        month = settings.integer(connection, "quota.resident_month_points", now)
        return cls(
            actor=actor,
            own=directory().own(connection, actor.person),
            residents=ever(connection, {order.resident for order in orders}),
            lines=lines,
            names=_names(connection, {order.home for order in orders}),
            quarter=_quarter(connection, actor.place, households, now),
            limits=_limits(connection, items),
            used=_used(connection, orders),
            lead_from=lead * POINT,
            month_limit=month * POINT,
        )


def _names(connection: Connection, codes: set[int]) -> dict[int, str]:
    if len(codes) == 1:
        found = place(connection, next(iter(codes)))
        return {found.code: found.display_name} if found else {}
    return {each.code: each.display_name for each in places(connection) if each.code in codes}


def quarter_start(now: dt.datetime) -> dt.datetime:
    """Return the first moment of the quarter, in Hangzhou."""
    today = business_day(now)
    first = dt.date(today.year, (today.month - 1) // 3 * 3 + 1, 1)
    return day_start(first)


def _quarter(
    connection: Connection,
    host: int,
    households: Iterable[UUID],
    now: dt.datetime,
) -> dict[UUID, tuple[int, int]]:
    query = (
        select(
            OrderPayment.payer_household,
            func.count(Order.id.distinct()),
            func.sum(OrderPayment.amount),
        )
        .join(Order, Order.id == OrderPayment.order)
        .where(
            OrderPayment.payer_household.in_(list(households)),
            Order.host == host,
            Order.submitted_at >= quarter_start(now),
            Order.state.not_in(GONE_STATES),
        )
        .group_by(OrderPayment.payer_household)
    )
    return {row[0]: (int(row[1]), int(row[2])) for row in connection.execute(query)}


def _limits(connection: Connection, items: Iterable[UUID]) -> dict[UUID, int | None]:
    query = select(Item.id, Item.limit_per_household_month).where(Item.id.in_(list(items)))
    return {row[0]: row[1] for row in connection.execute(query)}


def _used(connection: Connection, orders: Sequence[Row[Any]]) -> dict[tuple[str, str, str], int]:
    """Return quota counters of the payers' households and residents in these orders' months."""
    periods = {month_of(order.submitted_at) for order in orders}
    residents = [str(order.resident) for order in orders]
    households = {str(order.payer_household) for order in orders}
    query = select(QuotaUsage.__table__).where(QuotaUsage.period.in_(list(periods)))
    found = {}
    by_resident = query.where(QuotaUsage.quota == RESIDENT_MONTH, QuotaUsage.subject.in_(residents))
    by_household = query.where(
        QuotaUsage.quota == HOUSEHOLD_ITEM_MONTH,
        func.substr(QuotaUsage.subject, 1, 36).in_(list(households)),
    )
    for each in (by_resident, by_household):
        for row in connection.execute(each):
            found[row.quota, row.subject, row.period] = row.used
    return found


def _ranks(orders: Sequence[Row[Any]]) -> dict[UUID, int]:
    """Count each household's orders among these, in their order: its second one is worth a look."""
    seen: Counter[UUID] = Counter()
    ranks = {}
    for order in orders:
        seen[order.payer_household] += 1
        ranks[order.id] = seen[order.payer_household]
    return ranks


def _row(order: Row[Any], facts: _Facts, rank: int) -> ApprovalRow:
    lines = facts.lines[order.id]
    orders, cost = facts.quarter.get(order.payer_household, (0, 0))
    used, limit, unit = _limit_of(order, lines, facts)
    foreign = order.home != order.host
    return ApprovalRow(
        id=order.id,
        submitted_at=order.submitted_at,
        resident_id=None if foreign or order.resident_until else order.resident,
        name=_name(order, facts),
        where=_where(order, facts, foreign=foreign),
        what=words.what([(line.name, line.quantity) for line in lines]),
        category=lines[0].category,
        template=lines[0].template,
        cost=order.cost,
        price=order.price,
        foreign=foreign,
        limit_used=used,
        limit=limit,
        limit_words=unit,
        household_orders=orders,
        household_cost=cost,
        flag=_flag(order, rank) if order.state == "submitted" else None,
        lock=_lock(order, facts) if order.state in DECIDED_ON else None,
        state=order.state,
        state_words=words.state_words(order.state, order.pickup_until, order.refusal),
        pickup_until=last_moment(order.pickup_until),
    )


def _name(order: Row[Any], facts: _Facts) -> str:
    found = facts.residents.get(order.resident)
    return found.name if found else ""


def _where(order: Row[Any], facts: _Facts, *, foreign: bool) -> str:
    """Say where somebody lives: the community of those from elsewhere, a masked room of ours."""
    if foreign:
        return facts.names.get(order.home, "")
    found = facts.residents.get(order.resident)
    if found is None or not found.address:
        return words.no_address()
    return words.masked_address(found.address)


def _limit_of(
    order: Row[Any],
    lines: tuple[LineView, ...],
    facts: _Facts,
) -> tuple[int | None, int | None, str]:
    """Return the limit that the order comes nearest to, this order included."""
    period = month_of(order.submitted_at)
    found: list[tuple[int, int, str]] = []
    for line in lines:
        limit = facts.limits.get(line.item)
        if limit:
            subject = f"{order.payer_household}:{line.item}"
            used = facts.used.get((HOUSEHOLD_ITEM_MONTH, subject, period), 0)
            found.append((used, limit, words.pieces_unit()))
    if order.home != order.host:
        used = facts.used.get((RESIDENT_MONTH, str(order.resident), period), 0)
        found.append((used // POINT, facts.month_limit // POINT, words.points_unit()))
    if not found:
        return None, None, ""
    return max(found, key=lambda each: each[0] * 1_000_000 // max(each[1], 1))


def _flag(order: Row[Any], rank: int) -> str | None:
    if order.resident_until is not None:
        # Nobody moves, or is merged, while an order of theirs is under way.
        return words.died()
    if order.resident_state == "unconfirmed":
        return words.unconfirmed_first()
    if rank > 1:
        return words.household_order(rank)
    return None


def _lock(order: Row[Any], facts: _Facts) -> str | None:
    if facts.own & {order.payer, order.payer_household, order.resident}:
        return words.own_lock()
    if order.state == "collected" and order.handed_by in facts.own:
        return words.handed_lock()
    if order.cost >= facts.lead_from and not facts.actor.may("order.approve_large", order.host):
        return words.lead_lock(facts.lead_from // POINT)
    if not facts.actor.may("order.approve", order.host):
        return words.role_lock()
    return None
