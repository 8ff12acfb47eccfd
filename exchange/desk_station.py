"""积分驿站 at the desk: items with their stock, what moved, what may be added, what waits."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select

from core import settings
from core.work import business_day, day_start
from exchange import basket as baskets
from exchange.models import Item, ItemTemplate, Order, Station, Stock, StockMove
from residents.models import Person

if TYPE_CHECKING:
    from sqlalchemy import Connection


MOVES_SHOWN = 12
PERCENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class StationPage:
    """A station's door, and how many orders wait to be collected."""

    id: UUID
    name: str
    address: str
    hours: str
    opened_on: dt.date
    ready: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StationItem:
    """An item with its counters; ``price`` in centipoints, the rest in pieces."""

    id: UUID
    name: str
    category: str
    template: str | None
    source: str
    price: int
    on_hand: int
    reserved: int
    free: int
    full: int
    alert: int
    foreign_left: int
    #: Of the last receipt; None: home residents only.
    foreign_share: int | None
    home_first_until: dt.date | None
    limit: int | None
    #: What the next receipt goes by: days, and percent of what arrives.
    home_first_days: int
    foreign_share_percent: int
    given_this_month: int
    state: str
    low: bool
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StockMoveRow:
    """Why a counter changed."""

    kind: str
    name: str
    quantity: int
    at: dt.datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemTemplateChoice:
    """A ready-made item that the station does not offer yet; ``price`` in centipoints."""

    key: str
    name: str
    category: str
    price: int
    source: str
    limit: int | None
    note: str


def station_page(connection: Connection, community: int) -> StationPage | None:
    """Return a community's station; None where it has not opened."""
    ready = (
        select(func.count())
        .select_from(Order)
        .where(Order.host == community, Order.state == "ready")
        .scalar_subquery()
    )
    row = connection.execute(
        select(
            Station.id,
            Station.name,
            Station.address,
            Station.hours,
            Station.opened_on,
            ready.label("ready"),
        ).where(Station.community == community),
    ).first()
    return StationPage(**row._mapping) if row else None  # noqa: SLF001 - Row API


def station_items(
    connection: Connection,
    community: int,
    now: dt.datetime,
) -> tuple[StationItem, ...]:
    """Return a station's items, those that run low first, those off the list last."""
    item, stock = Item.__table__.c, Stock.__table__.c
    rows = connection.execute(
        select(
            item.id,
            item.name,
            item.category,
            item.template,
            item.source,
            item.price,
            item.limit_per_household_month,
            item.home_first_days,
            item.foreign_share_percent,
            item.state,
            item.note,
            stock.on_hand,
            stock.reserved,
            stock.full,
            stock.foreign_left,
            stock.received_on,
        )
        .join(Stock, stock.item == item.id)
        .where(item.community == community),
    ).all()
    given = _given(connection, community, now)
    received = _received(connection, community)
    percent = settings.integer(connection, "redeem.low_stock_percent", now, community)
    today = business_day(now)
    made = []
    for row in rows:
        free, alert = row.on_hand - row.reserved, row.full * percent // PERCENT
        opens = baskets.opens_on(row.received_on, row.home_first_days)
        share = received.get(row.id, 0) * row.foreign_share_percent // PERCENT
        made.append(
            StationItem(
                id=row.id,
                name=row.name,
                category=row.category,
                template=row.template,
                source=row.source,
                price=row.price,
                on_hand=row.on_hand,
                reserved=row.reserved,
                free=free,
                full=row.full,
                alert=alert,
                foreign_left=row.foreign_left,
                foreign_share=share if row.foreign_share_percent else None,
                home_first_until=opens if opens is not None and today < opens else None,
                limit=row.limit_per_household_month,
                home_first_days=row.home_first_days,
                foreign_share_percent=row.foreign_share_percent,
                given_this_month=given.get(row.id, 0),
                state=row.state,
                low=row.state == "listed" and free <= alert,
                note=row.note,
            ),
        )
    return tuple(sorted(made, key=lambda each: (each.state != "listed", not each.low, each.name)))


def _given(connection: Connection, community: int, now: dt.datetime) -> dict[UUID, int]:
    first = business_day(now).replace(day=1)
    since = day_start(first)
    query = (
        select(StockMove.item, func.sum(-StockMove.quantity))
        .join(Item, Item.id == StockMove.item)
        .where(
            Item.community == community,
            StockMove.kind.in_(("given", "returned")),
            StockMove.at >= since,
        )
        .group_by(StockMove.item)
    )
    return {row[0]: int(row[1]) for row in connection.execute(query)}


def _received(connection: Connection, community: int) -> dict[UUID, int]:
    """Return the pieces of each item's last receipt."""
    query = (
        select(StockMove.item, StockMove.quantity)
        .join(Item, Item.id == StockMove.item)
        .where(Item.community == community, StockMove.kind == "receipt")
        .order_by(StockMove.at, StockMove.id)
    )
    return {row.item: row.quantity for row in connection.execute(query)}


def stock_moves(
    connection: Connection, community: int, item: UUID | None = None
) -> tuple[StockMoveRow, ...]:
    """Return what moved last at a station, of one item or of all."""
    query = (
        select(StockMove.kind, Item.name, StockMove.quantity, StockMove.at, Person.name)
        .join(Item, Item.id == StockMove.item)
        .outerjoin(Person, Person.id == StockMove.by)
        .where(Item.community == community)
        .order_by(StockMove.at.desc(), StockMove.id.desc())
        .limit(MOVES_SHOWN)
    )
    if item is not None:
        query = query.where(Item.id == item)
    return tuple(
        StockMoveRow(kind=row[0], name=row[1], quantity=row[2], at=row[3], by=row[4] or "")
        for row in connection.execute(query)
    )


def template_choices(connection: Connection, community: int) -> tuple[ItemTemplateChoice, ...]:
    """Return ready-made items that the station does not offer yet."""
    taken = select(Item.template).where(Item.community == community, Item.template.is_not(None))
    query = (
        select(
            ItemTemplate.key,
            ItemTemplate.name,
            ItemTemplate.category,
            ItemTemplate.price,
            ItemTemplate.source,
            ItemTemplate.limit_per_household_month.label("limit"),
            ItemTemplate.note,
        )
        .where(ItemTemplate.key.not_in(taken), ItemTemplate.stock_default.is_not(None))
        .order_by(ItemTemplate.position)
    )
    return tuple(ItemTemplateChoice(**row._mapping) for row in connection.execute(query))  # noqa: SLF001 - Row API
