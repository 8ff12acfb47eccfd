"""What the district sees: orders between communities, flows, clearing, whom a rate affects."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import aliased

from core.formats import mask_name
from exchange import words
from exchange.models import DiscountRate, Order
from exchange.order_queries import lines_of
from points.books import books
from residents.models import Community, Person, Resident, Subdistrict

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Select

PER_PAGE = 40
GIVEN = ("collected",)
SUBDISTRICT = 1000
AFFECTED_DAYS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossRow:
    """An order between communities; amounts in centipoints, ``standard`` in hundredths."""

    id: UUID
    number: str
    at: dt.datetime
    name: str
    home: str
    host: str
    what: str
    category: str
    template: str | None
    price: int
    cost: int
    rate: int
    scope_words: str
    standard: int
    state: str
    state_words: str
    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossTotals:
    """Sums over the orders that a filter leaves, those that gave nothing left out."""

    orders: int
    people: int
    price: int
    cost: int
    standard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossOrders:
    """A page of orders between communities, the latest first, and the sums of them all."""

    rows: tuple[CrossRow, ...]
    totals: CrossTotals
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What residents of one community took at another's station."""

    home: int
    host: int
    home_name: str
    host_name: str
    orders: int
    standard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A community's outstanding clearing, in hundredths of a standard point."""

    community: int
    name: str
    subdistrict: str
    receivable: int
    payable: int

    @property
    def net(self) -> int:
        """What the others owe it less what it owes the others."""
        return self.receivable - self.payable


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """Who redeemed between two places lately, and how much; ``standard`` in hundredths."""

    people: int
    orders: int
    standard: int


def _within(column: Any, place: int | None) -> list[ColumnElement[bool]]:
    """Return the condition that a community code lies in a subdistrict or is a community."""
    if not place:
        return []
    if place % SUBDISTRICT == 0:
        return [column.between(place, place + SUBDISTRICT - 1)]
    return [column == place]


def _between(home: int | None, host: int | None) -> list[ColumnElement[bool]]:
    return [Order.home != Order.host, *_within(Order.home, home), *_within(Order.host, host)]


def _touching(within: int | None) -> list[ColumnElement[bool]]:
    """Return the condition that an order begins or ends in a subdistrict."""
    if not within:
        return []
    return [or_(*_within(Order.home, within), *_within(Order.host, within))]


def _given(span: tuple[dt.datetime, dt.datetime] | None) -> list[ColumnElement[bool]]:
    """Return the condition that the goods were handed over between two moments."""
    if span is None:
        return []
    return [Order.state.in_(GIVEN), Order.closed_at >= span[0], Order.closed_at < span[1]]


def cross_orders(
    connection: Connection,
    home: int | None = None,
    host: int | None = None,
    page: int = 1,
    *,
    within: int | None = None,
    collected: tuple[dt.datetime, dt.datetime] | None = None,
) -> CrossOrders:
    """Return orders between communities; places are codes of subdistricts or communities.

    ``within`` leaves those that begin or end there: what the readers of a subdistrict see;
    ``collected`` those whose goods were handed over between two moments.
    """
    conditions = [*_between(home, host), *_touching(within), *_given(collected)]
    rows = connection.execute(
        _cross()
        .where(*conditions)
        .order_by(Order.submitted_at.desc(), Order.id.desc())
        .offset((page - 1) * PER_PAGE)
        .limit(PER_PAGE + 1),
    ).all()
    shown = rows[:PER_PAGE]
    lines = lines_of(connection, [row.id for row in shown])
    return CrossOrders(
        rows=tuple(
            CrossRow(
                id=row.id,
                number=words.short_number(row.id, row.submitted_at),
                at=row.submitted_at,
                name=mask_name(row.name),
                home=row.home_name,
                host=row.host_name,
                what=words.what([(line.name, line.quantity) for line in lines[row.id]]),
                category=lines[row.id][0].category,
                template=lines[row.id][0].template,
                price=row.price,
                cost=row.cost,
                rate=row.rate,
                scope_words=words.scope_words(row.scope or ""),
                standard=row.standard,
                state=row.state,
                state_words=words.state_words(row.state, row.pickup_until, row.refusal),
                channel=row.channel,
            )
            for row in shown
        ),
        totals=_totals(connection, conditions),
        has_more=len(rows) > PER_PAGE,
    )


def _cross() -> Select[Any]:
    home, host = aliased(Community), aliased(Community)
    table = Order.__table__
    return (
        select(
            table,
            Person.name,
            home.display_name.label("home_name"),
            host.display_name.label("host_name"),
            DiscountRate.scope,
        )
        .join(Resident, Resident.id == table.c.resident)
        .join(Person, Person.id == Resident.person)
        .join(home, home.code == table.c.home)
        .join(host, host.code == table.c.host)
        .outerjoin(DiscountRate, DiscountRate.id == table.c.rate_row)
    )


def _totals(connection: Connection, conditions: Sequence[ColumnElement[bool]]) -> CrossTotals:
    standing = Order.state.in_(("submitted", "ready", "collected"))
    row = connection.execute(
        select(
            func.count(),
            func.count(Order.resident.distinct()),
            func.coalesce(func.sum(Order.price), 0),
            func.coalesce(func.sum(Order.cost), 0),
            func.coalesce(func.sum(Order.standard), 0),
        ).where(standing, *conditions),
    ).one()
    return CrossTotals(
        orders=row[0], people=row[1], price=int(row[2]), cost=int(row[3]), standard=int(row[4])
    )


def flows(
    connection: Connection,
    since: dt.datetime,
    until: dt.datetime,
    limit: int = 10,
    *,
    within: int | None = None,
) -> tuple[Flow, ...]:
    """Return the largest flows between communities in a span of time, or those of a subdistrict."""
    home, host = aliased(Community), aliased(Community)
    total = func.sum(Order.standard)
    query = (
        select(
            Order.home,
            Order.host,
            home.display_name.label("home_name"),
            host.display_name.label("host_name"),
            func.count().label("orders"),
            total.label("standard"),
        )
        .join(home, home.code == Order.home)
        .join(host, host.code == Order.host)
        .where(Order.home != Order.host, *_touching(within), *_given((since, until)))
        .group_by(Order.home, Order.host, home.display_name, host.display_name)
        .order_by(total.desc(), Order.home, Order.host)
        .limit(limit)
    )
    return tuple(
        Flow(**{**row._mapping, "standard": int(row.standard)})  # noqa: SLF001 - Row API
        for row in connection.execute(query)
    )


def positions(connection: Connection, *, within: int | None = None) -> tuple[Position, ...]:
    """Return every community's outstanding clearing, or a subdistrict's, the largest net first.

    Each clearing account stands in its own book: what it was credited, its holders owe to the
    counterpart (payable); what it was debited, the counterpart owes (receivable).
    """
    receivable: dict[int, int] = {}
    payable: dict[int, int] = {}
    for book in books(connection, "clearing"):
        side = payable if book.standard > 0 else receivable
        side[book.community] = side.get(book.community, 0) + abs(book.standard)
    codes = receivable.keys() | payable.keys()
    named = connection.execute(
        select(Community.code, Community.display_name, Subdistrict.name)
        .join(Subdistrict, Subdistrict.code == Community.subdistrict)
        .where(Community.code.in_(list(codes)), *_within(Community.code, within)),
    )
    found = [
        Position(
            community=row[0],
            name=row[1],
            subdistrict=row[2],
            receivable=receivable.get(row[0], 0),
            payable=payable.get(row[0], 0),
        )
        for row in named
    ]
    return tuple(sorted(found, key=lambda each: (-abs(each.net), each.community)))


def affected(connection: Connection, home: int, host: int, now: dt.datetime) -> Affected:
    """Return who redeemed between two places in the last ninety days."""
    since = now - dt.timedelta(days=AFFECTED_DAYS)
    row = connection.execute(
        select(
            func.count(Order.resident.distinct()),
            func.count(),
            func.coalesce(func.sum(Order.standard), 0),
        ).where(
            *_between(home, host),
            Order.state.in_(("ready", *GIVEN)),
            Order.submitted_at >= since,
        ),
    ).one()
    return Affected(people=row[0], orders=row[1], standard=int(row[2]))
