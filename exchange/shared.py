"""Orders that a family pays together, as its members see them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from core.directory import directory, places_of
from core.work import business_day
from exchange import basket as baskets
from exchange.models import Order, OrderPayment
from exchange.order_queries import LineView, lines_of
from exchange.orders.rows import LIVES_THERE
from exchange.orders.sharing import agree_by, agreeing
from exchange.payers import Relative, relatives
from points.models import Account
from points.reversal import came_back, legs_of, shares
from residents.models import Person, Resident

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareView:
    """Who pays what of an order, in centipoints; ``may_answer``: the viewer's word is awaited."""

    resident: UUID
    name: str
    amount: int
    #: What of it has come back after all.
    back: int
    agreed: bool
    mine: bool
    may_answer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedShare:
    """A share that somebody is asked for now."""

    order: UUID
    resident: UUID
    name: str
    by: str
    amount: int
    lines: tuple[LineView, ...]
    until: dt.datetime


def spoken_for(connection: Connection, person: UUID, now: dt.datetime) -> frozenset[UUID]:
    """Return the people whose word somebody may give: their own, and whom they act for."""
    return directory().wards(connection, person, business_day(now)) | {person}


def shares_of(
    connection: Connection,
    order: UUID,
    people: Collection[UUID],
    resident: UUID,
    now: dt.datetime,
) -> tuple[ShareView, ...]:
    """Return who pays an order, the one who ordered first."""
    rows = connection.execute(
        select(
            Account.holder_id,
            OrderPayment.account,
            OrderPayment.payer,
            OrderPayment.amount,
            OrderPayment.taken_at,
            Person.name,
            Order.resident,
            Order.state,
            Order.submitted_at,
            LIVES_THERE.label("lives_there"),
        )
        .join(Order, Order.id == OrderPayment.order)
        .join(Account, Account.id == OrderPayment.account)
        .join(Resident, Resident.id == Account.holder_id)
        .join(Person, Person.id == OrderPayment.payer)
        .where(OrderPayment.order == order)
        .order_by(OrderPayment.account),
    ).all()
    back = _came_back(connection, order)
    own = places_of(connection, resident)
    views = [
        ShareView(
            resident=row.holder_id,
            name=row.name,
            amount=row.amount,
            back=back.get(row.account, 0),
            agreed=row.taken_at is not None,
            mine=row.holder_id in own,
            may_answer=row.taken_at is None
            and row.lives_there
            and row.state == "asked"
            and row.payer in people
            and agree_by(row.submitted_at) > now,
        )
        for row in rows
    ]
    first = {row.holder_id: row.holder_id != row.resident for row in rows}
    return tuple(sorted(views, key=lambda view: first[view.resident]))


def _came_back(connection: Connection, order: UUID) -> dict[int, int]:
    """Return what of an order each account has again."""
    legs = legs_of(connection, order, journal=order)
    back = came_back(connection, legs)
    return shares((leg, back[leg.id]) for leg in legs if leg.id in back)


def asked_of(
    connection: Connection, people: Collection[UUID], now: dt.datetime
) -> tuple[AskedShare, ...]:
    """Return the shares that these people are asked for now, the oldest first."""
    rows = connection.execute(
        select(
            Order.id,
            Order.submitted_at,
            Order.ordered_by,
            Account.holder_id,
            OrderPayment.amount,
            Person.name,
        )
        .join(Order, Order.id == OrderPayment.order)
        .join(Account, Account.id == OrderPayment.account)
        .join(Resident, Resident.id == Account.holder_id)
        .join(Person, Person.id == OrderPayment.payer)
        .where(
            OrderPayment.payer.in_(people),
            LIVES_THERE,
            OrderPayment.taken_at.is_(None),
            Order.state == "asked",
            Order.channel == "phone",
            Order.submitted_at > now - agreeing(),
        )
        .order_by(Order.submitted_at, Account.holder_id),
    ).all()
    if not rows:
        return ()
    lines = lines_of(connection, {row.id for row in rows})
    orderers = select(Person.id, Person.name).where(Person.id.in_({row.ordered_by for row in rows}))
    by = {row.id: row.name for row in connection.execute(orderers)}
    return tuple(
        AskedShare(
            order=row.id,
            resident=row.holder_id,
            name=row.name,
            by=by[row.ordered_by],
            amount=row.amount,
            lines=lines[row.id],
            until=agree_by(row.submitted_at),
        )
        for row in rows
    )


def family_of(connection: Connection, resident: UUID, now: dt.datetime) -> tuple[Relative, ...]:
    """Return who may pay beside a resident."""
    buyer = baskets.load_buyer(connection, resident)
    return relatives(connection, buyer, business_day(now), buyer.person)


def proposed(family: Collection[Relative], cost: int, available: int) -> dict[UUID, int]:
    """Return shares to begin with: own points first, then what was left, then the first of all.

    Others pay whole points; what is not whole is the orderer's.
    """
    missing = -(-max(cost - available, 0) // baskets.POINT) * baskets.POINT
    shares = dict.fromkeys((each.resident for each in family), 0)
    for each in sorted(family, key=lambda each: not each.left):
        most = missing if each.available is None else each.available // baskets.POINT * 100
        shares[each.resident] = min(missing, most, cost - sum(shares.values()))
        missing -= shares[each.resident]
    return shares
