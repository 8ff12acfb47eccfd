"""A quote: price and rate promised for some minutes; signed, without a row, holding nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from core import settings
from core.crypto import sign, signed
from core.errors import N_, AppError, Conflict, Rejected
from exchange import basket as baskets
from exchange.basket import POINT, Basket, Terms, Wanted
from exchange.prices import Cost, price_of
from exchange.reserve import (
    RESIDENT_MONTH,
    ForeignShareUsed,
    SoldOut,
    quotas_of,
    used_of,
)
from points.ledger import InsufficientPoints

if TYPE_CHECKING:
    from sqlalchemy import Connection

PURPOSE = "quote"


class QuoteInvalid(Rejected):
    """The quote was not made here, or not for this resident."""

    text = N_("这张兑换单的内容不完整。请回到兑换品那一页，重新提交。")


class QuoteExpired(Conflict):
    """The minutes for which the quote promised its price are over."""

    text = N_("价格保留的时间过了。请看一眼现在的价格，再提交。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The limit that binds first, in pieces of a single item; ``kind`` names it.

    Kinds: stock, foreign_share, household, order_points, month_points.
    """

    kind: str
    pieces: int
    #: What is left of a points quota, in centipoints; None for counters of pieces.
    left: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteLine:
    """An item as quoted."""

    item: UUID
    name: str
    quantity: int
    price: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What an order would cost and leave, and the signed text that promises it.

    Amounts are centipoints. ``obstacle`` is what submitting would be refused for right now.
    """

    token: str
    resident: UUID
    station: UUID
    station_name: str
    host: int
    host_name: str
    home: int
    lines: tuple[QuoteLine, ...]
    price: int
    par: int
    exact: int
    cost: int
    rate: int
    scope: str
    document: str
    valid_until: dt.datetime
    available: int
    left: int
    limit: Limit | None
    obstacle: AppError | None

    @property
    def cross(self) -> bool:
        """Whether the station is another community's."""
        return self.home != self.host


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What a signed quote says, read back."""

    resident: UUID
    home: int
    wanted: tuple[Wanted, ...]
    prices: dict[UUID, int]
    terms: Terms


def quote(
    connection: Connection,
    resident: UUID,
    wanted: Sequence[Wanted],
    now: dt.datetime,
) -> Quote:
    """Price a basket for a resident now.

    Raises BasketInvalid, ItemUnknown, ItemUnlisted, ResidentUnknown or RateUnknown.
    """
    basket = baskets.load(connection, resident, wanted)
    for line in basket.lines:
        if not line.listed:
            raise baskets.ItemUnlisted(item=line.name)
    terms = baskets.terms_of(connection, basket, now)
    minutes = settings.integer(connection, "exchange.quote_minutes", now)
    until = now + dt.timedelta(minutes=minutes)
    cost = terms.cost
    return Quote(
        token=sign(PURPOSE, _packed(basket, terms, until)),
        resident=resident,
        station=basket.host.station,
        station_name=basket.host.station_name,
        host=basket.host.community,
        host_name=basket.host.name,
        home=basket.buyer.community,
        lines=tuple(
            QuoteLine(item=line.item, name=line.name, quantity=line.quantity, price=line.price)
            for line in basket.lines
        ),
        price=terms.price,
        par=cost.par,
        exact=cost.exact,
        cost=cost.cost,
        rate=terms.rate,
        scope=terms.scope,
        document=terms.document,
        valid_until=until,
        available=basket.buyer.available,
        left=basket.buyer.available - cost.cost,
        limit=binding(connection, basket, terms, now),
        obstacle=_obstacle(connection, basket, terms, now),
    )


def _packed(basket: Basket, terms: Terms, until: dt.datetime) -> dict[str, object]:
    return {
        "resident": basket.buyer.resident.hex,
        "home": basket.buyer.community,
        "lines": [[line.item.hex, line.quantity, line.price] for line in basket.lines],
        "price": terms.price,
        "cost": [terms.cost.par, terms.cost.exact, terms.cost.cost],
        "rate": terms.rate,
        "row": terms.rate_row.hex if terms.rate_row else None,
        "scope": terms.scope,
        "document": terms.document,
        "faces": [terms.face_home, terms.face_host],
        "difference": terms.difference,
        "until": int(until.timestamp()),
    }


def opened(token: str, now: dt.datetime) -> Promise:
    """Read a quote back; raises QuoteInvalid or QuoteExpired."""
    found: Any = signed(PURPOSE, token)
    if not isinstance(found, dict):
        raise QuoteInvalid
    if found["until"] <= now.timestamp():
        raise QuoteExpired
    par, exact, cost = found["cost"]
    return Promise(
        resident=UUID(found["resident"]),
        home=found["home"],
        wanted=tuple(Wanted(item=UUID(line[0]), quantity=line[1]) for line in found["lines"]),
        prices={UUID(line[0]): line[2] for line in found["lines"]},
        terms=Terms(
            price=found["price"],
            cost=Cost(par=par, exact=exact, cost=cost),
            rate=found["rate"],
            rate_row=UUID(found["row"]) if found["row"] else None,
            scope=found["scope"],
            document=found["document"],
            face_home=found["faces"][0],
            face_host=found["faces"][1],
            difference=found["difference"],
        ),
    )


def peek(token: str) -> Wanted | None:
    """Return the item of a quote for one, expired or not, to show its page again."""
    found: Any = signed(PURPOSE, token)
    if not isinstance(found, dict) or len(found["lines"]) != 1:
        return None
    item, quantity, _price = found["lines"][0]
    return Wanted(item=UUID(item), quantity=quantity)


def binding(
    connection: Connection,
    basket: Basket,
    terms: Terms,
    now: dt.datetime,
) -> Limit | None:
    """Return the limit that a single item meets first; None for a basket of several."""
    if len(basket.lines) != 1:
        return None
    line = basket.lines[0]
    limits = [Limit(kind="stock", pieces=max(line.free, 0))]
    if basket.cross:
        limits.append(Limit(kind="foreign_share", pieces=line.foreign_left))
        ceiling = settings.integer(connection, "quota.order_points", now) * POINT
        pieces = _pieces_for(connection, ceiling, line.price, terms, now)
        limits.append(Limit(kind="order_points", pieces=pieces, left=ceiling))
    quotas = quotas_of(connection, basket, {basket.buyer.resident: terms.cost.cost}, now)
    used = used_of(connection, quotas)
    for quota in quotas:
        left = max(quota.limit - used.get((quota.quota, quota.subject), 0), 0)
        if quota.quota == RESIDENT_MONTH:
            pieces = _pieces_for(connection, left, line.price, terms, now)
            limits.append(Limit(kind="month_points", pieces=pieces, left=left))
        else:
            limits.append(Limit(kind="household", pieces=left))
    return min(limits, key=lambda each: each.pieces)


def _pieces_for(
    connection: Connection,
    points: int,
    price: int,
    terms: Terms,
    now: dt.datetime,
) -> int:
    """Return how many pieces some centipoints pay for in one order."""
    step = baskets.round_step(connection, now)
    pieces = points // max(terms.cost.exact // max(terms.price // price, 1), 1)
    while pieces and _cost(price * pieces, terms, step) > points:
        pieces -= 1
    return pieces


def _cost(price: int, terms: Terms, step: int) -> int:
    return price_of(price, terms.face_home, terms.face_host, terms.rate, step).cost


def _obstacle(
    connection: Connection,
    basket: Basket,
    terms: Terms,
    now: dt.datetime,
) -> AppError | None:
    """Return what submitting would be refused for now; the guards decide when it comes to it."""
    try:
        baskets.refuse(connection, basket, terms.cost.cost, now)
    except AppError as refusal:
        return refusal
    for line in basket.lines:
        if line.free < line.quantity:
            return SoldOut(item=line.name, left=max(line.free, 0))
        if basket.cross and line.foreign_left < line.quantity:
            return ForeignShareUsed(item=line.name, left=line.foreign_left)
    quotas = quotas_of(connection, basket, {basket.buyer.resident: terms.cost.cost}, now)
    used = used_of(connection, quotas)
    for quota in quotas:
        before = used.get((quota.quota, quota.subject), 0)
        if before + quota.amount > quota.limit:
            return quota.refusal(before)
    if basket.buyer.available < terms.cost.cost:
        return InsufficientPoints()
    return None
