"""现场兑换: ordered, approved and captured in one transaction, with the resident's own yes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from sqlalchemy import select

from core.acts import NotInYourScope
from core.directory import directory
from core.errors import N_, Conflict, Rejected
from core.formats import message_time, points
from core.ids import uuid8
from exchange import basket as baskets
from exchange import messages
from exchange.basket import Basket, Buyer, Terms, Wanted
from exchange.known import KnownTooLarge, ShareTooLarge, refuse_over
from exchange.orders import legs, rows
from exchange.orders.decide import refuse_large
from exchange.orders.finish import asked_for, confirm_at_counter
from exchange.orders.rows import OrderMoved, OwnHousehold, OwnOrder
from exchange.orders.sharing import Share, hold_id, payers_of
from exchange.orders.submit import (
    NotYourOrder,
    ordered_before,
    own_key,
    pieces_of,
    place,
)
from exchange.reserve import give_stock, hand_out, quotas_of, raise_quotas
from points.queries import free_on
from residents.models import Person

if TYPE_CHECKING:
    from core.work import Work

Confirmation = Literal["known", "device"]
CONFIRMATIONS = ("known", "device")


class ConfirmationUnknown(Rejected):
    """A resident agrees on their own phone, or staff know them."""

    text = N_("请选本人怎样确认：在自己的手机上点同意，或工作人员认识本人。")


class PayerLacksPoints(Rejected):
    """Somebody who pays a share has less than it."""

    text = N_("{name}的可用积分只有 {left} 分，不够付 {points} 分。请少填一些，或由别人多付。")


class CostChanged(Conflict):
    """It costs another sum now than the one that was shown."""

    text = N_("价格刚刚变了，现在付 {cost} 分。请给居民看一眼，再确认。")


class NobodyAsked(Conflict):
    """The counter no longer waits for this resident's yes."""

    text = N_("这次现场兑换已经结束，积分没有扣。请在柜台重新办一次。")


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterRedemption:
    """A resident takes something at the counter; the key makes a double tap one redemption.

    ``confirm_resident``: staff have checked who an unconfirmed resident is, face to face.
    """

    key: str
    resident: UUID
    lines: tuple[Wanted, ...]
    confirmation: Confirmation
    confirm_resident: bool = False
    #: What the page showed, in centipoints; another sum by now is refused.
    shown: int | None = None
    #: What others of the household pay who stand here, too; the rest is the resident's own.
    shares: tuple[Share, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    """The order: ``collected``, or ``asked`` while the resident's phone shows it. Centipoints."""

    id: UUID
    state: str
    price: int
    cost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmAsked:
    """同意, tapped by the resident on their own phone."""

    order: UUID


def redeem_at_counter(work: Work, command: CounterRedemption) -> Redeemed:
    """Redeem at the actor's own station, at today's price and rate.

    ``known``: spent and handed over at once. ``device``: points, quotas and stock are held for
    five minutes until the resident agrees. Others of the household who stand here agree before
    staff who know them. Raises OwnOrder, OwnHousehold, KnownTooLarge, ShareTooLarge,
    LeadNeeded, ResidentUnconfirmed, PayerLacksPoints, InsufficientPoints, and what ``basket``,
    ``reserve`` and ``payers_of`` raise.
    """
    work.actor.require("counter.redeem")
    if command.confirmation not in CONFIRMATIONS:
        raise ConfirmationUnknown
    key = own_key(work, command.key)
    earlier = ordered_before(work, key, "counter")
    if earlier is not None:
        return Redeemed(id=earlier.id, state=earlier.state, price=earlier.price, cost=earlier.cost)
    basket = baskets.load(work.connection, command.resident, command.lines)
    if not work.actor.covers(basket.host.community):
        raise NotInYourScope
    _refuse_own(work, basket.buyer)
    terms = baskets.terms_of(work.connection, basket, work.now)
    if command.shown is not None and command.shown != terms.cost.cost:
        raise CostChanged(cost=points(terms.cost.cost))
    order, cost = work.new_id(), terms.cost.cost
    payers = _payers(work, basket, cost, command, order)
    refuse_large(work, basket.host.community, cost)
    known = _by_word(basket, command.confirmation, payers)
    _refuse_over(work, basket, known, sum(each.amount for each in known))
    if not basket.buyer.confirmed:
        confirm_at_counter(
            work, command.resident, basket.host.community, seen=command.confirm_resident
        )
        basket = replace(basket, buyer=replace(basket.buyer, confirmed=True))
    baskets.refuse(work.connection, basket, max(each.amount for each in payers), work.now)
    entry = rows.Entry(
        id=order,
        key=key,
        channel="counter",
        state="collected",
        confirmation=command.confirmation,
        entered_by=work.actor.person,
        approver=work.actor.person,
        approver_household=directory().household_of(work.connection, work.actor.person),
        closed_at=work.now,
    )
    act = _ask if command.confirmation == "device" else _give
    done = act(work, basket, terms, entry, payers)
    # Once more with the accounts locked: another clerk may have given them something meanwhile.
    _refuse_over(work, basket, known)
    return done


def _payers(
    work: Work, basket: Basket, cost: int, command: CounterRedemption, order: UUID
) -> list[rows.Payer]:
    """Return who pays what: nothing is held for whom staff know, everything for a phone's yes."""
    held = command.confirmation == "device"
    if not command.shares:
        return [rows.buyer_pays(basket, cost, uuid8(work.now, "hold", order) if held else None)]
    payers = [
        replace(
            each,
            hold=hold_id(work.now, order, each.account) if held else None,
            asked=False,
            **({} if each.resident == basket.buyer.resident else _known(work)),
        )
        for each in payers_of(work, basket, cost, command.shares, order)
    ]
    for each in payers:
        _refuse_own(work, each)
    _refuse_short(work, payers)
    return payers


def _known(work: Work) -> dict[str, Any]:
    return {"agreed_by": work.actor.person, "confirmation": "known"}


def _refuse_short(work: Work, payers: Sequence[rows.Payer]) -> None:
    """Raise PayerLacksPoints by name; the guard of the account says it without."""
    left = free_on(work.connection, [each.account for each in payers])
    for each in payers:
        if left[each.account] < each.amount:
            name = work.connection.scalar(select(Person.name).where(Person.id == each.person))
            raise PayerLacksPoints(
                name=name, left=points(left[each.account]), points=points(each.amount)
            )


def _refuse_own(work: Work, payer: Buyer | rows.Payer) -> None:
    """Raise OwnOrder or OwnHousehold: nobody's word is enough for their own, or whom they act for.

    The buyer may pay nothing, and others of the household a share.
    """
    if payer.person == work.actor.person:
        raise OwnOrder
    own = directory().own(work.connection, work.actor.person)
    if own & {payer.person, payer.resident, payer.household}:
        raise OwnHousehold


def _refuse_over(work: Work, basket: Basket, known: Sequence[rows.Payer], amount: int = 0) -> None:
    own = [each.resident for each in known] == [basket.buyer.resident]
    refusal = KnownTooLarge if own else ShareTooLarge
    accounts = [each.account for each in known]
    refuse_over(work, basket.host.community, accounts, amount, refusal=refusal)


def _by_word(basket: Basket, confirmation: str, payers: Sequence[rows.Payer]) -> list[rows.Payer]:
    """Return those who pay because staff know them: all but the buyer with a phone in hand."""
    own = basket.buyer.resident
    return [each for each in payers if confirmation == "known" or each.resident != own]


def _ask(
    work: Work, basket: Basket, terms: Terms, entry: rows.Entry, payers: Sequence[rows.Payer]
) -> Redeemed:
    """Hold everything and wait for the resident's phone."""
    place(work, basket, terms, replace(entry, state="asked", closed_at=None), payers)
    return Redeemed(id=entry.id, state="asked", price=terms.price, cost=terms.cost.cost)


def _give(
    work: Work, basket: Basket, terms: Terms, entry: rows.Entry, payers: Sequence[rows.Payer]
) -> Redeemed:
    """Write the order, then spend: the account first, quotas by key, stock by id."""
    rows.write(work, basket, terms, entry)
    rows.write_payments(work, payers, entry)
    order = rows.load_one(work.connection, entry.id)
    legs.pay(work, order)
    shares = {each.resident: each.amount for each in payers}
    raise_quotas(work, quotas_of(work.connection, basket, shares, work.now))
    give_stock(work, pieces_of(basket), entry.id, cross=basket.cross)
    messages.tell_payers(work, order, "order.collected", time=message_time(work.now))
    return Redeemed(id=entry.id, state="collected", price=terms.price, cost=terms.cost.cost)


def confirm_asked(work: Work, command: ConfirmAsked) -> Redeemed:
    """Agree to what the counter asked, within five minutes: points are taken, goods are given.

    Whoever rang it up does not say yes to it. Raises OrderUnknown, NotYourOrder, NobodyAsked or
    OrderMoved.
    """
    order = rows.locked_one(work, command.order)
    if work.actor.resident != order.resident or work.actor.person == order.entered_by:
        raise NotYourOrder
    result = Redeemed(id=order.id, state="collected", price=order.price, cost=order.cost)
    if order.state == "collected":
        work.replayed()
        return result
    over = order.state != "asked" or order.submitted_at + asked_for() <= work.now
    if over or order.channel != "counter":
        raise NobodyAsked
    agreed = rows.move(
        work, order.id, ["asked"], "collected", handed_by=order.entered_by, closed_at=work.now
    )
    if not agreed:
        raise OrderMoved
    legs.pay(work, order)
    hand_out(work, order.pieces, order.id)
    messages.tell_payers(work, order, "order.collected", time=message_time(work.now))
    return result
