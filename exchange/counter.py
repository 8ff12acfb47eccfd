"""现场兑换: ordered, approved and captured in one transaction, with the resident's own yes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from core import settings
from core.acts import NotInYourScope
from core.directory import directory
from core.errors import N_, Conflict, Rejected
from core.formats import message_time, points
from core.ids import uuid8
from exchange import basket as baskets
from exchange import messages
from exchange.basket import POINT, Basket, Terms, Wanted
from exchange.orders import legs, rows
from exchange.orders.decide import refuse_large
from exchange.orders.finish import asked_for, confirm_at_counter
from exchange.orders.rows import OrderMoved, OwnHousehold, OwnOrder
from exchange.orders.submit import (
    NotYourOrder,
    ordered_before,
    own_key,
    pieces_of,
    place,
)
from exchange.reserve import give_stock, hand_out, quotas_of, raise_quotas

if TYPE_CHECKING:
    from core.work import Work

Confirmation = Literal["known", "device"]
CONFIRMATIONS = ("known", "device")


class KnownTooLarge(Rejected):
    """Knowing somebody is enough up to ``redeem.known_face_points``."""

    text = N_("认识本人，一次最多付 {limit} 分。请本人在自己的手机上点同意。")


class ConfirmationUnknown(Rejected):
    """A resident agrees on their own phone, or staff know them."""

    text = N_("请选本人怎样确认：在自己的手机上点同意，或工作人员认识本人。")


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
    five minutes until the resident agrees. Raises OwnOrder, OwnHousehold, KnownTooLarge,
    LeadNeeded, ResidentUnconfirmed, what ``basket`` and ``reserve`` raise, InsufficientPoints.
    """
    work.actor.require("counter.redeem")
    if command.confirmation not in CONFIRMATIONS:
        raise ConfirmationUnknown
    key = own_key(work, command.key)
    earlier = ordered_before(work, key)
    if earlier is not None:
        return Redeemed(id=earlier.id, state=earlier.state, price=earlier.price, cost=earlier.cost)
    basket = baskets.load(work.connection, command.resident, command.lines)
    if not work.actor.covers(basket.host.community):
        raise NotInYourScope
    _refuse_own(work, basket)
    terms = baskets.terms_of(work.connection, basket, work.now)
    if command.shown is not None and command.shown != terms.cost.cost:
        raise CostChanged(cost=points(terms.cost.cost))
    _refuse_amount(work, basket, terms.cost.cost, command.confirmation)
    if not basket.buyer.confirmed:
        confirm_at_counter(
            work, command.resident, basket.host.community, seen=command.confirm_resident
        )
        basket = replace(basket, buyer=replace(basket.buyer, confirmed=True))
    baskets.refuse(work.connection, basket, terms.cost.cost, work.now)
    entry = rows.Entry(
        id=work.new_id(),
        key=key,
        channel="counter",
        state="collected",
        confirmation=command.confirmation,
        entered_by=work.actor.person,
        approver=work.actor.person,
        approver_household=directory().household_of(work.connection, work.actor.person),
        closed_at=work.now,
    )
    return (
        _ask(work, basket, terms, entry)
        if command.confirmation == "device"
        else _give(work, basket, terms, entry)
    )


def _refuse_own(work: Work, basket: Basket) -> None:
    buyer = basket.buyer
    if buyer.person == work.actor.person:
        raise OwnOrder
    own = directory().own(work.connection, work.actor.person)
    if own & {buyer.person, buyer.resident, buyer.household}:
        raise OwnHousehold


def _refuse_amount(work: Work, basket: Basket, cost: int, confirmation: str) -> None:
    host = basket.host.community
    refuse_large(work, host, cost)
    limit = settings.integer(work.connection, "redeem.known_face_points", work.now, host)
    if confirmation == "known" and cost > limit * POINT:
        raise KnownTooLarge(limit=limit)


def _ask(work: Work, basket: Basket, terms: Terms, entry: rows.Entry) -> Redeemed:
    """Hold everything and wait for the resident's phone."""
    held = uuid8(work.now, "hold", entry.id)
    payers = [rows.buyer_pays(basket, terms.cost.cost, held)]
    place(work, basket, terms, replace(entry, state="asked", closed_at=None), payers)
    return Redeemed(id=entry.id, state="asked", price=terms.price, cost=terms.cost.cost)


def _give(work: Work, basket: Basket, terms: Terms, entry: rows.Entry) -> Redeemed:
    """Write the order, then spend: the account first, quotas by key, stock by id."""
    rows.write(work, basket, terms, entry)
    rows.write_payments(work, [rows.buyer_pays(basket, terms.cost.cost, None)], entry)
    order = rows.load_one(work.connection, entry.id)
    legs.pay(work, order)
    shares = {basket.buyer.resident: terms.cost.cost}
    raise_quotas(work, quotas_of(work.connection, basket, shares, work.now))
    give_stock(work, pieces_of(basket), entry.id, cross=basket.cross)
    messages.tell(work, order, "order.collected", time=message_time(work.now))
    return Redeemed(id=entry.id, state="collected", price=terms.price, cost=terms.cost.cost)


def confirm_asked(work: Work, command: ConfirmAsked) -> Redeemed:
    """Agree to what the counter asked, within five minutes: points are taken, goods are given.

    Raises OrderUnknown, NotYourOrder, NobodyAsked or OrderMoved.
    """
    order = rows.locked_one(work, command.order)
    if work.actor.resident != order.resident:
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
    messages.tell(work, order, "order.collected", time=message_time(work.now))
    return result
