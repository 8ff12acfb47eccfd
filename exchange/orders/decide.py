"""Approving and refusing: never one's own, never one's household's; an approval can be undone."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select, update

from core import outbox, settings
from core.directory import directory
from core.errors import N_, AppError, Conflict, Forbidden, Rejected
from core.formats import message_day
from core.work import SHANGHAI
from exchange import messages
from exchange.basket import POINT
from exchange.models import Order, OrderPayment
from exchange.orders import rows
from exchange.orders.rows import OrderMoved, OrderRow, OrderUnknown
from exchange.reserve import let_go
from points.holds import release

if TYPE_CHECKING:
    from core.work import Work

UNDO_SECONDS = 10
REASON_LENGTH_MAX = 100
ORDERS_MAX = 200
CODES = 1_000_000


class LeadNeeded(Forbidden):
    """From ``redeem.lead_points`` on only the community's lead approves."""

    text = N_("付的分达到 {limit} 分的兑换单，要由社区负责人审核。")


class ReasonMissing(Rejected):
    """A refusal says why: the resident reads it."""

    text = N_("请写明不通过的原因，不超过 100 个字，居民会看到。")


class RefusedBefore(Conflict):
    """The same person refused the order with another reason, and the resident has read that."""

    text = N_(
        "您已经没有通过这张兑换单，居民看到的原因是「{reason}」，不能再改。请打电话跟居民说明。"
    )


class TooLateToUndo(Conflict):
    """An approval can be undone by the same person within ten seconds."""

    text = N_("过了 10 秒，不能撤销了。需要的话，请联系居民取消这张兑换单。")


class TooManyOrders(Rejected):
    """At most 200 orders are decided at once."""

    text = N_("一次最多审核 200 张兑换单。请分几次来。")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveOrders:
    """Orders that one staff member approves together."""

    orders: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoApprovals:
    """Orders whose approval the same staff member takes back within ten seconds."""

    orders: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseOrder:
    """An order that is not approved, and why."""

    order: UUID
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What became of one order: its state now, or the refusal that left it as it was."""

    order: UUID
    state: str
    refusal: AppError | None = None

    @property
    def done(self) -> bool:
        """Whether the act took place, now or before."""
        return self.refusal is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One decision per order asked for, in the order of asking."""

    decisions: tuple[Decision, ...]
    done: int


def approve_orders(work: Work, command: ApproveOrders) -> Decided:
    """Approve each order that may be approved: it gets its pickup code and its days.

    What stands in the way of one does not stop the others. An order that the same person has
    approved before stays as it is. Raises TooManyOrders.
    """
    own = directory().own(work.connection, work.actor.person)
    return _each(work, command.orders, lambda order: _approve(work, order, own))


def _each(
    work: Work,
    orders: tuple[UUID, ...],
    act: Callable[[OrderRow], Decision],
) -> Decided:
    """Run an act on orders in id order, and answer in the order of asking."""
    if len(orders) > ORDERS_MAX:
        raise TooManyOrders
    found = rows.locked(work, orders)
    made: dict[UUID, Decision] = {}
    for order in sorted(set(orders)):
        try:
            if order not in found:
                raise OrderUnknown
            made[order] = act(found[order])
        except AppError as refusal:
            state = found[order].state if order in found else "unknown"
            made[order] = Decision(order=order, state=state, refusal=refusal)
    decisions = tuple(made[order] for order in dict.fromkeys(orders))
    return Decided(decisions=decisions, done=sum(each.done for each in decisions))


def _approve(work: Work, order: OrderRow, own: frozenset[UUID]) -> Decision:
    """Guard and move one order; every check comes before the first write."""
    refuse_decision(work, order, own)
    if order.state == "ready" and order.decided_by == work.actor.person:
        return Decision(order=order.id, state="ready")
    if order.state != "submitted":
        raise OrderMoved
    code = _free_code(work, order.station)
    until = pickup_until(work, order.host)
    approved = rows.move(
        work,
        order.id,
        ["submitted"],
        "ready",
        decided_at=work.now,
        decided_by=work.actor.person,
        pickup_code=code,
        pickup_until=until,
    )
    if not approved:
        raise OrderMoved
    work.connection.execute(
        update(OrderPayment)
        .where(OrderPayment.order == order.id)
        .values(
            approver=work.actor.person,
            approver_household=directory().household_of(work.connection, work.actor.person),
        ),
    )
    messages.tell(
        work,
        order,
        "order.ready",
        key=_ready_key(order.id, work.now),
        not_before=work.now + dt.timedelta(seconds=UNDO_SECONDS),
        code=code,
        date=message_day(until - dt.timedelta(seconds=1)),
        station=order.station_name,
    )
    return Decision(order=order.id, state="ready")


def refuse_decision(work: Work, order: OrderRow, own: frozenset[UUID]) -> None:
    """Raise unless the actor may decide on this order: role, place, amount, not their own."""
    work.actor.require("order.approve", order.host)
    rows.refuse_own(order, work.actor.person, own)
    refuse_large(work, order.host, order.cost)


def refuse_large(work: Work, host: int, cost: int) -> None:
    """Raise LeadNeeded if the amount is for the community's lead only."""
    limit = settings.integer(work.connection, "redeem.lead_points", work.now, host)
    if cost >= limit * POINT and not work.actor.may("order.approve_large", host):
        raise LeadNeeded(limit=limit)


def pickup_until(work: Work, host: int) -> dt.datetime:
    """Return the end of the last day of pickup."""
    days = settings.integer(work.connection, "redeem.pickup_days", work.now, host)
    end = dt.datetime.combine(work.day + dt.timedelta(days=days + 1), dt.time(), SHANGHAI)
    return end.astimezone(dt.UTC)


def _free_code(work: Work, station: UUID) -> str:
    """Draw six digits that no ready order of the station has; a race meets the unique index."""
    query = select(Order.pickup_code).where(Order.station == station, Order.state == "ready")
    taken = set(work.connection.scalars(query))
    while True:
        code = f"{secrets.randbelow(CODES):06d}"
        if code not in taken:
            return code


def _ready_key(order: UUID, moment: dt.datetime) -> str:
    """One message per approval: one that was undone and given again is told again."""
    return f"{order}:{int(moment.timestamp() * 1000)}"


def undo_approvals(work: Work, command: UndoApprovals) -> Decided:
    """Take back approvals of the last ten seconds, by the same person; nobody was told yet.

    What stands in the way of one does not stop the others. Raises TooManyOrders.
    """
    return _each(work, command.orders, lambda order: _undo(work, order))


def _undo(work: Work, order: OrderRow) -> Decision:
    work.actor.require("order.approve", order.host)
    if order.state == "submitted":
        return Decision(order=order.id, state="submitted")
    decided = order.decided_at
    fresh = decided is not None and work.now - decided <= dt.timedelta(seconds=UNDO_SECONDS)
    if order.state != "ready" or decided is None or order.decided_by != work.actor.person:
        raise OrderMoved
    if not fresh:
        raise TooLateToUndo
    undone = rows.move(
        work,
        order.id,
        ["ready"],
        "submitted",
        decided_at=None,
        decided_by=None,
        pickup_code=None,
        pickup_until=None,
    )
    if not undone:
        raise OrderMoved
    work.connection.execute(
        update(OrderPayment)
        .where(OrderPayment.order == order.id)
        .values(approver=None, approver_household=None),
    )
    outbox.cancel(work, "order.ready", key=_ready_key(order.id, decided))
    return Decision(order=order.id, state="submitted")


def refuse_order(work: Work, command: RefuseOrder) -> Decision:
    """Refuse an order with a reason; points, quotas and stock are free again at once.

    Raises ReasonMissing, OrderUnknown, OrderMoved, OwnOrder, OwnHousehold or RefusedBefore.
    """
    reason = command.reason.strip()
    if not 0 < len(reason) <= REASON_LENGTH_MAX:
        raise ReasonMissing
    order = rows.locked_one(work, command.order)
    work.actor.require("order.approve", order.host)
    rows.refuse_own(order, work.actor.person, directory().own(work.connection, work.actor.person))
    if order.state == "refused" and order.decided_by == work.actor.person:
        if order.refusal != reason:
            raise RefusedBefore(reason=order.refusal)
        work.replayed()
        return Decision(order=order.id, state="refused")
    refused = rows.move(
        work,
        order.id,
        ["submitted"],
        "refused",
        decided_at=work.now,
        decided_by=work.actor.person,
        refusal=reason,
        closed_at=work.now,
    )
    if not refused:
        raise OrderMoved
    free(work, order)
    messages.tell_payers(work, order, "order.refused", reason=reason)
    return Decision(order=order.id, state="refused")


def free(work: Work, order: OrderRow, *, lapsed: bool = False) -> None:
    """Give back what an order held: points, then quotas, then stock (the lock order)."""
    for payment in order.payments:
        if payment.hold is not None:
            release(work, payment.hold, lapsed=lapsed)
    let_go(work, order.letting)
