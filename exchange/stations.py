"""Stations and their items: what a community has to give."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import insert, select, update

from core import audit, settings
from core.errors import N_, Conflict, NotFound, Rejected
from exchange.models import SOURCES, Item, ItemTemplate, Station, Stock

if TYPE_CHECKING:
    from sqlalchemy import Row

    from core.work import Work

PRICE_MAX = 100_000
"""Centipoints: the highest order quota that a district may set."""

QUANTITY_MAX = 10_000
PERCENT_MAX = 100
HOME_FIRST_DAYS_MAX = 30


class StationUnknown(NotFound):
    """The community has opened no station."""

    text = N_("这个社区的积分驿站还没有开张。请先开张，再上架兑换品。")


class StationNameMissing(Rejected):
    """A station has a name, an address and hours that residents read."""

    text = N_("请填好积分驿站的名字、地址和开放时间，居民要照着来领取。")


class ItemUnknown(NotFound):
    """There is no such item, or it is another community's."""

    text = N_("没有找到这样兑换品，可能已经下架了。请回到兑换页看看。")


class ItemTemplateUnknown(NotFound):
    """The district has no such ready-made item."""

    text = N_("没有这样现成的兑换品。请从列表里选，或自己填写。")


class ItemNameTaken(Conflict):
    """The station has an item of this name."""

    text = N_("驿站里已经有同名的兑换品了。请换个名字，或直接给它补货。")


class ItemInvalid(Rejected):
    """A price is whole centipoints up to the largest order; limits and shares are in range."""

    text = N_("标价要大于 0 分、不超过 1000 分，限量和份额要在范围内。请改一改再保存。")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStation:
    """Open a community's station, or change what its door says."""

    community: int
    name: str
    address: str
    hours: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StationOpened:
    """The station; with it the community has joined the exchange."""

    id: UUID
    community: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AddItem:
    """An item from the district's template, or of the station's own; None: the template's value."""

    community: int
    template: str | None = None
    name: str | None = None
    category: str | None = None
    price: int | None = None
    source: str | None = None
    limit_per_household_month: int | None = None
    home_first_days: int | None = None
    foreign_share_percent: int | None = None
    note: str | None = None

    @property
    def key(self) -> str:
        """What was asked for: it tells a late repeat when the item has other terms by now."""
        return blake2b(repr(self).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeItem:
    """New terms of an item; None: as it was. ``limit`` 0: no limit."""

    item: UUID
    price: int | None = None
    limit_per_household_month: int | None = None
    home_first_days: int | None = None
    foreign_share_percent: int | None = None
    note: str | None = None
    listed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemChanged:
    """The item as it is now."""

    id: UUID
    community: int
    name: str
    price: int
    state: str


def open_station(work: Work, command: OpenStation) -> StationOpened:
    """Open the station of a community, once; again, it changes name, address and hours."""
    work.actor.require("item.change", command.community)
    facts = {
        "name": command.name.strip(),
        "address": command.address.strip(),
        "hours": command.hours.strip(),
    }
    if not all(facts.values()):
        raise StationNameMissing
    found = work.connection.execute(
        select(Station.id, Station.name, Station.address, Station.hours).where(
            Station.community == command.community,
        ),
    ).first()
    if found is not None:
        if (found.name, found.address, found.hours) == tuple(facts.values()):
            work.replayed()
        else:
            work.connection.execute(update(Station).where(Station.id == found.id).values(**facts))
        return StationOpened(id=found.id, community=command.community)
    identity = work.new_id()
    work.connection.execute(
        insert(Station).values(
            id=identity, community=command.community, opened_on=work.day, **facts
        ),
    )
    return StationOpened(id=identity, community=command.community)


def add_item(work: Work, command: AddItem) -> ItemChanged:
    """List an item at the community's station, with no stock until a receipt.

    The same template again is the item that is there, and so is one's own item of equal terms, or
    what the actor asked for when it was made.
    Raises StationUnknown, ItemTemplateUnknown, ItemNameTaken or ItemInvalid.
    """
    work.actor.require("item.change", command.community)
    station = work.connection.scalar(
        select(Station.id).where(Station.community == command.community),
    )
    if station is None:
        raise StationUnknown
    values = _item_values(work, command)
    _check(values)
    found = work.connection.execute(
        select(Item.__table__).where(Item.station == station, Item.name == values["name"]),
    ).first()
    if found is not None:
        is_same = found.template == command.template and (
            found.template is not None
            or all(getattr(found, name) == value for name, value in values.items())
        )
        if not (is_same or audit.came_before(work, "add_item", command.key)):
            raise ItemNameTaken
        work.replayed()
        return _changed(found)
    identity = work.new_id()
    work.connection.execute(
        insert(Item).values(
            id=identity, station=station, community=command.community, state="listed", **values
        ),
    )
    work.connection.execute(insert(Stock).values(item=identity))
    return ItemChanged(
        id=identity,
        community=command.community,
        name=str(values["name"]),
        price=int(str(values["price"])),
        state="listed",
    )


def _item_values(work: Work, command: AddItem) -> dict[str, object]:
    """Return the item's columns: the template's values where the command gives none."""
    base: dict[str, object] = {
        "name": "",
        "category": "日用品",
        "price": 0,
        "source": SOURCES[0],
        "limit_per_household_month": None,
        "home_first_days": settings.integer(work.connection, "quota.home_first_days", work.now),
        "foreign_share_percent": settings.integer(work.connection, "quota.foreign_share", work.now),
        "note": "",
    }
    if command.template is not None:
        found = work.connection.execute(
            # What has no stock to count (gifts to the fund) is no item of a shelf.
            select(ItemTemplate.__table__).where(
                ItemTemplate.key == command.template,
                ItemTemplate.stock_default.is_not(None),
            ),
        ).first()
        if found is None:
            raise ItemTemplateUnknown
        base = {name: getattr(found, name) for name in base}
    given = {name: getattr(command, name) for name in base}
    values = base | {name: value for name, value in given.items() if value is not None}
    values["name"] = str(values["name"]).strip()
    values["limit_per_household_month"] = values["limit_per_household_month"] or None
    return values | {"template": command.template}


def _check(values: dict[str, object]) -> None:
    price, limit = values["price"], values["limit_per_household_month"]
    days, share = values["home_first_days"], values["foreign_share_percent"]
    in_range = (
        bool(values["name"])
        and isinstance(price, int)
        and 0 < price <= PRICE_MAX
        and (limit is None or (isinstance(limit, int) and 0 < limit <= QUANTITY_MAX))
        and isinstance(days, int)
        and 0 <= days <= HOME_FIRST_DAYS_MAX
        and isinstance(share, int)
        and 0 <= share <= PERCENT_MAX
    )
    if not in_range:
        raise ItemInvalid


def change_item(work: Work, command: ChangeItem) -> ItemChanged:
    """Change an item's terms, or take it off the list; quotes already given keep their price."""
    found = item_row(work, command.item)
    work.actor.require("item.change", found.community)
    names = (
        "price",
        "limit_per_household_month",
        "home_first_days",
        "foreign_share_percent",
        "note",
    )
    given = {name: getattr(command, name) for name in names}
    changes = {name: value for name, value in given.items() if value is not None}
    if "limit_per_household_month" in changes:
        changes["limit_per_household_month"] = changes["limit_per_household_month"] or None
    if command.listed is not None:
        changes["state"] = "listed" if command.listed else "unlisted"
    values = dict(found._mapping) | changes  # noqa: SLF001 - Row API
    _check(values)
    changes = {name: value for name, value in changes.items() if value != getattr(found, name)}
    if not changes:
        work.replayed()
        return _changed(found)
    row = work.connection.execute(
        update(Item)
        .where(Item.id == command.item)
        .values(**changes)
        .returning(*Item.__table__.columns),
    ).one()
    return _changed(row)


def _changed(row: Row[tuple[object, ...]]) -> ItemChanged:
    return ItemChanged(
        id=row.id,
        community=row.community,
        name=row.name,
        price=row.price,
        state=row.state,
    )


def item_row(work: Work, item: UUID) -> Row[tuple[Item]]:
    """Return an item's row; raises ItemUnknown."""
    found = work.connection.execute(select(Item.__table__).where(Item.id == item)).first()
    if found is None:
        raise ItemUnknown
    return found
