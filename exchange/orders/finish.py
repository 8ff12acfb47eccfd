"""How orders end: picked up, cancelled, lapsed; and returned after all."""

from __future__ import annotations

import datetime as dt
import logging
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import and_, case, or_, select

from core.directory import directory
from core.errors import N_, AppError, Conflict, NotFound, Rejected
from core.formats import message_time
from core.ids import NIL
from core.work import present, reading, transact
from exchange import messages
from exchange.models import Order
from exchange.orders import legs, rows
from exchange.orders.decide import REASON_LENGTH_MAX, free, refuse_decision
from exchange.orders.rows import OrderMoved, OrderRow
from exchange.orders.sharing import agree_by, agreeing
from exchange.orders.submit import NotYourOrder
from exchange.reserve import hand_out, take_back
from points.events import LineReversed
from residents.heirs import may_end
from residents.people import ConfirmResident, confirm_at_station

if TYPE_CHECKING:
    from core.work import Work

log = logging.getLogger(__name__)
REPEAT_MINUTES = 10
ASKED_MINUTES = 5
CODE_LENGTH = 6
LAPSE_BATCH = 500


class PickupCodeUnknown(NotFound):
    """No order of this station waits under these six digits."""

    text = N_("没有等领取的兑换单用这个领取码。请核对 6 位数字，或请居民打开兑换单看看。")


class PickupCodeNeeded(Rejected):
    """Whoever has no pickup code is looked at: an order found by name is not proof of anybody."""

    text = N_("请输入居民的 6 位领取码；没有手机的，看一眼本人，勾上「已当面核实本人」再交。")


class PickupOver(Conflict):
    """The order's last day of pickup has passed."""

    text = N_("这张兑换单过了领取期限，积分已经退回。居民可以重新兑换。")


class ResidentUnconfirmed(Conflict):
    """The resident registered by themselves and was not confirmed yet: ask them now."""

    text = N_("这位居民还没有核实。请当面核对姓名和住址，勾上「已当面核实本人」再办。")


class ReturnReasonMissing(Rejected):
    """A return says why."""

    text = N_("请写明退回的原因，不超过 100 个字。")


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """A pickup at a station: by six digits there, or by the order that a scanned code names.

    ``confirm_resident``: the staff member has checked who this is, face to face; then an order
    that is named needs no code.
    """

    code: str = ""
    order: UUID | None = None
    confirm_resident: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """What was given to whom, with a code or ``by_name``.

    ``repeated``: it had been handed over a moment ago.
    """

    id: UUID
    state: str
    words: str
    cost: int
    resident: UUID
    by_name: bool
    repeated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """The resident does not want it any more."""

    order: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class LapseOrder:
    """An order whose time is over."""

    order: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnOrder:
    """Goods come back to the shelf, and points to the resident."""

    order: UUID
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The order and its state now."""

    id: UUID
    state: str
    cost: int


def normal_code(raw: str) -> str:
    """Return the digits of a pickup code as typed: spaces and full-width digits are forgiven."""
    return re.sub(r"\D", "", unicodedata.normalize("NFKC", raw))


def hand_over(work: Work, command: HandOver) -> HandedOver:
    """Give out a ready order and take its points, once; both books carry it in one journal.

    A repeat within minutes is answered as done. Raises PickupCodeUnknown, PickupCodeNeeded,
    PickupOver, ResidentUnconfirmed or OrderMoved.
    """
    # First of all: whoever may not hand out learns nothing about codes.
    work.actor.require("order.hand_over")
    named = None if command.code else command.order
    by_name = named is not None
    order = rows.locked_one(work, named) if named else _by_code(work, command)
    work.actor.require("order.hand_over", order.host)
    if by_name and not command.confirm_resident:
        raise PickupCodeNeeded
    if order.state == "collected":
        work.replayed()
        return _handed(order, by_name=by_name, repeated=True)
    if order.state == "lapsed" or (order.pickup_until and order.pickup_until <= work.now):
        raise PickupOver
    if not order.confirmed:
        confirm_at_counter(work, order.resident, order.host, seen=command.confirm_resident)
    collected = rows.move(
        work, order.id, ["ready"], "collected", handed_by=work.actor.person, closed_at=work.now
    )
    if not collected:
        raise OrderMoved
    legs.pay(work, order)
    hand_out(work, order.pieces, order.id)
    messages.tell_payers(work, order, "order.collected", time=message_time(work.now))
    return _handed(order, by_name=by_name, repeated=False)


def _handed(order: OrderRow, *, by_name: bool, repeated: bool) -> HandedOver:
    return HandedOver(
        id=order.id,
        state="collected",
        words=order.words,
        cost=order.cost,
        resident=order.resident,
        by_name=by_name,
        repeated=repeated,
    )


def _by_code(work: Work, command: HandOver) -> OrderRow:
    """Find the order: the ready one, else one that was just handed over or has lapsed."""
    code = normal_code(command.code)
    if len(code) != CODE_LENGTH:
        raise PickupCodeUnknown
    query = select(Order.id).where(
        Order.pickup_code == code,
        or_(
            Order.state == "ready",
            Order.closed_at > work.now - dt.timedelta(minutes=REPEAT_MINUTES),
            Order.state == "lapsed",
        ),
    )
    if command.order is not None:
        query = query.where(Order.id == command.order)
    else:
        query = query.where(Order.host == work.actor.place)
    ready_first = (Order.state == "ready").desc()
    found = work.connection.scalar(
        query.where(Order.state.in_(("ready", "collected", "lapsed")))
        .order_by(ready_first, Order.closed_at.desc())
        .limit(1),
    )
    if found is None:
        raise PickupCodeUnknown
    return rows.locked_one(work, found)


def confirm_at_counter(work: Work, resident: UUID, host: int, *, seen: bool) -> None:
    """Confirm an unconfirmed resident whom staff have just seen; raises ResidentUnconfirmed."""
    if not seen:
        raise ResidentUnconfirmed
    confirm_at_station(work, ConfirmResident(resident=resident), host)
    # Whatever it found, handing over is a change of its own.
    work.changed = True


def cancel_order(work: Work, command: CancelOrder) -> Ended:
    """Cancel one's own order before it is picked up; everything held is free again.

    What somebody ordered who has died an adult cancels who inherits. Raises OrderUnknown,
    NotYourOrder or OrderMoved.
    """
    order = rows.locked_one(work, command.order)
    own = work.actor.resident
    if own is None or not may_end(work.connection, own, order.resident, work.day):
        raise NotYourOrder
    result = Ended(id=order.id, state="cancelled", cost=order.cost)
    if order.state == "cancelled":
        work.replayed()
        return result
    waiting = ["asked", "submitted", "ready"]
    if not rows.move(work, order.id, waiting, "cancelled", closed_at=work.now):
        raise OrderMoved
    free(work, order)
    messages.tell_freed(work, order, "order.cancelled")
    return result


def lapse_order(work: Work, command: LapseOrder) -> Ended:
    """End an order whose days of pickup, or whose minutes of asking, are over."""
    order = rows.locked_one(work, command.order)
    result = Ended(id=order.id, state="lapsed", cost=order.cost)
    if order.state == "asked" and asked_until(order.channel, order.submitted_at) <= work.now:
        after, told = "cancelled", False
    elif order.state == "ready" and order.pickup_until and order.pickup_until <= work.now:
        after, told = "lapsed", True
    else:
        work.replayed()
        return Ended(id=order.id, state=order.state, cost=order.cost)
    if not rows.move(work, order.id, [order.state], after, closed_at=work.now):
        work.replayed()
        return result
    free(work, order, lapsed=told)
    if told:
        messages.tell_payers(work, order, "order.lapsed")
    elif order.channel == "phone":
        messages.tell(work, order, "order.not_agreed")
        messages.tell_freed(work, order, "order.not_agreed")
    return Ended(id=order.id, state=after, cost=order.cost)


def asked_for() -> dt.timedelta:
    """Return how long a resident has for 同意 on their own phone."""
    return dt.timedelta(minutes=ASKED_MINUTES)


def asked_until(channel: str, submitted_at: dt.datetime) -> dt.datetime:
    """Return until when the counter waits for a yes, or an order for its payers."""
    return agree_by(submitted_at) if channel == "phone" else submitted_at + asked_for()


def lapse_orders(batch: int = LAPSE_BATCH) -> str:
    """End every order whose time is over, each in a transaction of its own: the job's body."""
    ended, failed, upto = 0, 0, NIL
    while True:
        now = present()
        with reading() as connection:
            query = select(Order.id).where(
                Order.id > upto,
                or_(
                    (Order.state == "ready") & (Order.pickup_until <= now),
                    and_(
                        Order.state == "asked",
                        case(
                            (Order.channel == "phone", Order.submitted_at <= now - agreeing()),
                            else_=Order.submitted_at <= now - asked_for(),
                        ),
                    ),
                ),
            )
            due = connection.scalars(query.order_by(Order.id).limit(batch)).all()
        for order in due:
            try:
                ended += transact(lapse_order, LapseOrder(order=order)).state != "ready"
            except AppError as refusal:
                log.warning("order %s was not ended: %s", order, refusal.code())
                failed += 1
        if len(due) < batch:
            return f"ended {ended}" + (f", failed {failed}" if failed else "")
        upto = due[-1]


def return_order(work: Work, command: ReturnOrder) -> Ended:
    """Take back what was collected: what is left of it is reversed, stock put back.

    Points return with the age they had. Whoever may approve the order may take it back, but for
    who gave it out: what two people moved, one alone does not undo. Raises ReturnReasonMissing,
    OrderUnknown, OrderMoved, OwnOrder, OwnHousehold, HandedByYou or LeadNeeded.
    """
    reason = command.reason.strip()
    if not 0 < len(reason) <= REASON_LENGTH_MAX:
        raise ReturnReasonMissing
    order = rows.locked_one(work, command.order)
    own = directory().own(work.connection, work.actor.person)
    refuse_decision(work, order, own)
    result = Ended(id=order.id, state="returned", cost=order.cost)
    if order.state == "returned":
        work.replayed()
        return result
    if order.handed_by in own:
        raise rows.HandedByYou
    if not rows.move(work, order.id, ["collected"], "returned", refusal=reason):
        raise OrderMoved
    _put_back(work, order, legs.undo(work, order, reason))
    return result


def _put_back(work: Work, order: OrderRow, back: Mapping[int, int]) -> None:
    """Put the goods back on the shelf, free the quotas, tell who paid what they have again."""
    take_back(work, order.letting)
    messages.tell_payers(work, order, "order.returned", back)


def order_reversed(work: Work, event: LineReversed) -> None:
    """Follow what two people decided in the ledger; as long as some is left the order stands.

    Raises OrderMoved where the order was returned before.
    """
    if event.source_kind != legs.SOURCE or not event.whole:
        return
    order = rows.locked_one(work, event.source_id)
    if not rows.move(work, order.id, ["collected"], "returned", refusal=event.note):
        raise OrderMoved
    _put_back(work, order, event.back)
