"""An order paid by several of a household: each agrees to a share, then it goes to the station.

Who orders pays the rest; what the others pay is set aside when they agree, and not before. The
goods are reserved meanwhile. One who does not agree, or too much time, ends the whole order.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from sqlalchemy import update

from core.directory import directory
from core.errors import N_, Conflict, Forbidden, Rejected
from core.formats import message_time
from core.ids import uuid8
from exchange import messages
from exchange.basket import POINT
from exchange.known import AGREE_HOURS, ShareTooLarge, known_payers, refuse_over
from exchange.models import OrderPayment
from exchange.orders import rows
from exchange.orders.decide import free
from exchange.orders.rows import OrderMoved, OrderRow, OrderUnknown, Payment
from exchange.payers import Relative, relatives
from exchange.reserve import month_quotas, raise_quotas
from points.holds import OpenHold, hold
from residents.acting import is_child

if TYPE_CHECKING:
    from core.work import Work
    from exchange.basket import Basket

SHARES_MAX = 10


class NotOfHousehold(Rejected):
    """Only members of the same household pay together."""

    text = N_("只能和同一户已核实的家人一起付。请重新选付分的人。")


class SharesWrong(Rejected):
    """Each share is something, each payer has one, and together they are at most the cost."""

    text = N_("家人付的分加起来不能超过 {cost} 分，每人不能少于 0。请改一改再提交。")


class NotYourShare(Forbidden):
    """Somebody agrees to their own share, or for whom they may act."""

    text = N_("这一份要由本人点同意。没有手机的，请到社区柜台办。")


class GuardianAgrees(Forbidden):
    """For a child a guardian agrees."""

    text = N_("未满 14 周岁，由监护人点同意。请监护人打开邻里。")


class AgreedBefore(Conflict):
    """Whose share is set aside has agreed; who ordered may still cancel it for all."""

    text = N_("您已经同意，积分预留着，领取时才扣。不想换了，请下单的家人取消这张兑换单。")


class NobodyWaits(Conflict):
    """The order waits for no agreement any more."""

    text = N_("这次一起兑换已经结束，您的积分没有扣。请和家人说一声，可以重新提交。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a member of the household is asked to pay, in centipoints."""

    resident: UUID
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreeToPay:
    """同意: a share of an order is set aside."""

    order: UUID
    resident: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineToPay:
    """不同意: the order ends, and everybody has theirs back."""

    order: UUID
    resident: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """The order's state now, and the share in centipoints."""

    id: UUID
    state: str
    amount: int


def payers_of(
    work: Work, basket: Basket, cost: int, shares: Sequence[Share], order: UUID
) -> list[rows.Payer]:
    """Return who pays what; the buyer pays the rest. Raises NotOfHousehold or SharesWrong."""
    family = {
        each.resident: each
        for each in relatives(work.connection, basket.buyer, work.day, work.actor.person)
    }
    asked = {each.resident: each.amount for each in shares}
    if not asked.keys() <= family.keys():
        raise NotOfHousehold
    rest = cost - sum(asked.values())
    if len(asked) != len(shares) or min(asked.values()) <= 0 or rest < 0:
        raise SharesWrong(cost=cost // POINT)
    made = [_asked(work, basket, family[each], asked[each], order) for each in asked]
    if rest:
        made.append(rows.buyer_pays(basket, rest, hold_id(work.now, order, basket.buyer.account)))
    return made


def _asked(work: Work, basket: Basket, relative: Relative, amount: int, order: UUID) -> rows.Payer:
    now = relative.spoken_for
    return rows.Payer(
        resident=relative.resident,
        person=relative.person,
        household=basket.buyer.household,
        account=relative.account,
        amount=amount,
        hold=hold_id(work.now, order, relative.account) if now else None,
        agreed_by=work.actor.person if now else None,
        confirmation="device" if now else None,
        asked=not now,
    )


def hold_id(at: dt.datetime, order: UUID, account: int) -> UUID:
    """Return the id of the hold of one payer's share."""
    return uuid8(at, "hold", order, account)


def agreeing() -> dt.timedelta:
    """Return how long the others have to agree."""
    return dt.timedelta(hours=AGREE_HOURS)


def agree_by(submitted_at: dt.datetime) -> dt.datetime:
    """Return until when the others may agree."""
    return submitted_at + agreeing()


def ask(work: Work, order: OrderRow) -> None:
    """Tell everybody whose word is missing."""
    until = message_time(agree_by(order.submitted_at))
    for payment in order.payments:
        if payment.hold is None:
            messages.tell_payer(
                work, order, payment, "order.asked", name=work.actor.name, time=until
            )


def agree_to_pay(work: Work, command: AgreeToPay) -> Agreed:
    """Set a share aside; with the last one the order is submitted.

    By the payer, by whom they let act, or at the counter by staff who know them. Raises
    OrderUnknown, NotYourShare, GuardianAgrees, ShareTooLarge, OwnOrder, OwnHousehold, Forbidden,
    NobodyWaits, InsufficientPoints or OverMonthQuota.
    """
    order = rows.locked_one(work, command.order)
    payment = _share(order, command.resident)
    confirmation = _by_right(work, order, payment)
    if payment.agreed_by is not None and order.state not in {"cancelled", "lapsed"}:
        work.replayed()
        return Agreed(id=order.id, state=order.state, amount=payment.amount)
    _refuse_over(work, order, payment)
    if confirmation == "known":
        _refuse_unknown(work, order, payment, payment.amount)
    _set_aside(work, order, payment, confirmation)
    if confirmation == "known":
        # Once more with the account locked: another order may have taken some meanwhile.
        _refuse_unknown(work, order, payment)
    if any(each.hold is None for each in order.payments if each != payment):
        return Agreed(id=order.id, state="asked", amount=payment.amount)
    if not rows.move(work, order.id, ["asked"], "submitted"):
        raise OrderMoved
    messages.tell(work, order, "order.submitted")
    return Agreed(id=order.id, state="submitted", amount=payment.amount)


def _share(order: OrderRow, resident: UUID) -> Payment:
    for payment in order.payments:
        if payment.resident == resident:
            return payment
    raise OrderUnknown


def _by_right(work: Work, order: OrderRow, payment: Payment) -> Literal["device", "known"]:
    """Return how the payer's word came; raises what stands in the way."""
    actor = work.actor
    if actor.is_staff:
        if not actor.may("counter.redeem", order.home):
            actor.require("counter.redeem", order.host)
        rows.refuse_own(order, actor.person, directory().own(work.connection, actor.person))
        return "known"
    if payment.payer in directory().wards(work.connection, actor.person, work.day):
        return "device"
    if actor.resident != payment.resident:
        raise NotYourShare
    if is_child(work.connection, payment.payer, work.day):
        raise GuardianAgrees
    return "device"


def _refuse_over(work: Work, order: OrderRow, payment: Payment) -> None:
    over = order.state != "asked" or agree_by(order.submitted_at) <= work.now
    if over or payment.hold is not None or not payment.lives_there:
        raise NobodyWaits


def _refuse_unknown(work: Work, order: OrderRow, payment: Payment, amount: int = 0) -> None:
    """Raise ShareTooLarge where those whom staff know pay more of it together than in a day."""
    place = order.home if work.actor.covers(order.home) else order.host
    accounts = {*known_payers(work.connection, order.id), payment.account}
    refuse_over(work, place, accounts, amount, refusal=ShareTooLarge)


def _set_aside(work: Work, order: OrderRow, payment: Payment, confirmation: str) -> None:
    """Hold the share and count it: the account first, then the quota (the lock order)."""
    held = hold_id(order.submitted_at, order.id, payment.account)
    hold(
        work,
        OpenHold(
            id=held,
            account=payment.account,
            amount=payment.amount,
            reason=order.reason,
            source_kind="order",
            source_id=order.id,
        ),
    )
    if order.cross:
        shares = {payment.resident: payment.amount}
        raise_quotas(work, month_quotas(work.connection, shares, order.submitted_at))
    work.connection.execute(
        update(OrderPayment)
        .where(OrderPayment.order == order.id, OrderPayment.account == payment.account)
        .values(
            hold=held,
            taken_at=work.now,
            agreed_by=work.actor.person,
            confirmation=confirmation,
        ),
    )


def decline_to_pay(work: Work, command: DeclineToPay) -> Agreed:
    """Say no: the order ends, and what others had set aside is theirs again.

    Raises OrderUnknown, NotYourShare, AgreedBefore or NobodyWaits.
    """
    order = rows.locked_one(work, command.order)
    payment = _share(order, command.resident)
    _refuse_stranger(work, payment)
    result = Agreed(id=order.id, state="cancelled", amount=payment.amount)
    if order.state == "cancelled" and payment.hold is None:
        work.replayed()
        return result
    if payment.hold is not None and order.state not in rows.DONE:
        raise AgreedBefore
    if payment.hold is not None or order.channel != "phone":
        raise NobodyWaits
    if not rows.move(work, order.id, ["asked"], "cancelled", closed_at=work.now):
        raise NobodyWaits
    free(work, order)
    messages.tell(work, order, "order.not_agreed")
    messages.tell_freed(work, order, "order.not_agreed")
    return result


def _refuse_stranger(work: Work, payment: Payment) -> None:
    """Raise unless it is the payer, or a resident who acts for them; a child may say no, too."""
    actor = work.actor
    own = actor.resident is not None and actor.resident == payment.resident
    wards = directory().wards(work.connection, actor.person, work.day)
    if not own and (actor.is_staff or payment.payer not in wards):
        raise NotYourShare
