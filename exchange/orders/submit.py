"""Submitting on the phone: what the quote promised is held in one step, or nothing is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from core.errors import N_, Forbidden, KeyReused
from core.ids import uuid8
from exchange import basket as baskets
from exchange import messages
from exchange import quote as quotes
from exchange.models import Order
from exchange.orders import rows
from exchange.orders.sharing import Share, ask, payers_of
from exchange.reserve import Piece, quotas_of, raise_quotas, reserve_stock
from points.holds import OpenHold, hold

if TYPE_CHECKING:
    from core.work import Work
    from exchange.basket import Basket, Terms


class NotYourOrder(Forbidden):
    """A resident orders for themselves, and acts on their own orders."""

    text = N_("这张兑换单不是您的。请换成本人登录，再来办理。")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOrder:
    """A quote that the resident agrees to; the key makes a double tap one order."""

    key: str
    resident: UUID
    quote: str
    #: What others of the household are asked to pay; the rest is the resident's own.
    shares: tuple[Share, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """The order; ``cost`` in centipoints is held now."""

    id: UUID
    state: str
    price: int
    cost: int
    submitted_at: dt.datetime


def submit_order(work: Work, command: SubmitOrder) -> Ordered:
    """Order what a quote promises: points, quotas and stock are held in one step.

    Price and rate are the quote's, whatever changed since. Where others pay a share it waits for
    them in state ``asked``. Raises NotYourOrder, QuoteInvalid, QuoteExpired, what
    ``basket.refuse``, ``reserve`` and ``payers_of`` raise, and InsufficientPoints.
    """
    if work.actor.resident != command.resident:
        raise NotYourOrder
    key = own_key(work, command.key)
    earlier = ordered_before(work, key, "phone")
    if earlier is not None:
        return earlier
    promise = quotes.opened(command.quote, work.now)
    if promise.resident != command.resident:
        raise quotes.QuoteInvalid
    basket = baskets.load(work.connection, command.resident, promise.wanted)
    if basket.buyer.community != promise.home:
        # They moved house between asking and ordering: another book pays.
        raise quotes.QuoteExpired
    basket = _promised(basket, promise)
    order, cost = work.new_id(), promise.terms.cost.cost
    payers = [rows.buyer_pays(basket, cost, uuid8(work.now, "hold", order))]
    if command.shares:
        payers = payers_of(work, basket, cost, command.shares, order)
    baskets.refuse(work.connection, basket, max(each.amount for each in payers), work.now)
    state = "asked" if any(payer.asked for payer in payers) else "submitted"
    entry = rows.Entry(id=order, key=key, channel="phone", state=state)
    place(work, basket, promise.terms, entry, payers)
    made = rows.load_one(work.connection, order)
    if state == "asked":
        ask(work, made)
    else:
        messages.tell(work, made, "order.submitted")
    return Ordered(
        id=order,
        state=state,
        price=promise.terms.price,
        cost=promise.terms.cost.cost,
        submitted_at=work.now,
    )


def own_key(work: Work, key: str) -> str:
    """Return the key as stored: two people may choose the same one."""
    return f"{work.actor.person.hex}:{key}"


def ordered_before(work: Work, key: str, channel: str) -> Ordered | None:
    """Return the order that this key made; another body is refused by the audit row's digest.

    Raises KeyReused where it was ordered by somebody else, or in another way.
    """
    found = work.connection.execute(
        select(
            Order.id,
            Order.state,
            Order.price,
            Order.cost,
            Order.submitted_at,
            Order.channel,
            Order.ordered_by,
            Order.entered_by,
        ).where(Order.key == key),
    ).first()
    if found is None:
        return None
    mine = work.actor.person in {found.ordered_by, found.entered_by}
    if not mine or found.channel != channel:
        raise KeyReused
    return Ordered(
        id=found.id,
        state=found.state,
        price=found.price,
        cost=found.cost,
        submitted_at=found.submitted_at,
    )


def _promised(basket: Basket, promise: quotes.Promise) -> Basket:
    lines = tuple(replace(line, price=promise.prices[line.item]) for line in basket.lines)
    return replace(basket, lines=lines)


def place(
    work: Work, basket: Basket, terms: Terms, entry: rows.Entry, payers: Sequence[rows.Payer]
) -> None:
    """Write the order, and hold points, then quotas, then stock (the lock order).

    Nothing is held or counted for a payer who is still asked.
    """
    rows.write(work, basket, terms, entry)
    shares = {}
    for payer in sorted(payers, key=lambda each: each.account):
        if payer.hold is None:
            continue
        shares[payer.resident] = payer.amount
        hold(
            work,
            OpenHold(
                id=payer.hold,
                account=payer.account,
                amount=payer.amount,
                reason=reason_of(basket),
                source_kind="order",
                source_id=entry.id,
            ),
        )
    raise_quotas(work, quotas_of(work.connection, basket, shares, work.now))
    reserve_stock(work, pieces_of(basket), cross=basket.cross)
    rows.write_payments(work, payers, entry)


def reason_of(basket: Basket) -> str:
    """Say what points are spent on and where, as the resident's list shows it."""
    return f"{basket.words}，{basket.host.station_name}"


def pieces_of(basket: Basket) -> tuple[Piece, ...]:
    """Return the basket's pieces."""
    return tuple(
        Piece(item=line.item, quantity=line.quantity, name=line.name) for line in basket.lines
    )
