"""What residents see of the exchange: stations by nearness, their shelves, one item."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import case, func, select

from core.work import business_day
from exchange import basket as baskets
from exchange import words
from exchange.basket import Buyer
from exchange.models import Item, Order, Station, Stock
from exchange.prices import price_of
from exchange.rates import RateInForce, rates_from, subdistrict_of
from exchange.reserve import NO_LIMIT, household_used
from points.accounts import FACE_ONE
from residents.models import Community, District, Subdistrict
from residents.queries import Place

if TYPE_CHECKING:
    from sqlalchemy import Connection

OPEN_STATES = ("asked", "submitted", "ready")
STATIONS_PER_PAGE = 6
OFFERS_HOME = 4
OFFERS_OTHER = 2
ARRIVALS = 3
ARRIVAL_DAYS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An item on a shelf as one resident may take it; amounts in centipoints."""

    id: UUID
    name: str
    category: str
    template: str | None
    price: int
    cost: int
    #: Pieces on the shelf that nobody has reserved.
    in_stock: int
    #: Pieces that this resident may still take.
    left: int
    #: Why they may take none.
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StationView:
    """A station with part of its shelf, and what a point counts for there."""

    id: UUID
    name: str
    place: Place
    at_home: bool
    hours: str
    address: str
    rate: int
    why: str
    document: str
    offers: tuple[Offer, ...]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelves:
    """The exchange as a resident enters it."""

    balance: int
    open_orders: int
    home: StationView | None
    others: tuple[StationView, ...]
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemView:
    """An item by itself."""

    id: UUID
    community: int
    name: str
    category: str
    template: str | None
    source: str
    note: str
    share: int
    limit: int | None
    #: Centipoints per piece at its own station.
    price: int
    #: Pieces on the shelf that nobody has reserved.
    in_stock: int
    listed: bool


def shelves(connection: Connection, resident: UUID, now: dt.datetime, page: int = 1) -> Shelves:
    """Return the resident's own station first, then others by nearness, some per page."""
    buyer = baskets.load_buyer(connection, resident)
    wanted = _stations(connection, buyer, page)
    views = _views(connection, buyer, wanted[: STATIONS_PER_PAGE + 1], now)
    home = next((view for view in views if view.at_home), None)
    others = tuple(view for view in views if not view.at_home)
    open_orders = connection.scalar(
        select(func.count())
        .select_from(Order)
        .where(Order.resident == resident, Order.state.in_(OPEN_STATES)),
    )
    return Shelves(
        balance=buyer.available,
        open_orders=open_orders or 0,
        home=home,
        others=others[:STATIONS_PER_PAGE],
        has_more=len(wanted) > STATIONS_PER_PAGE + 1,
    )


def balance(connection: Connection, resident: UUID) -> int:
    """Return the centipoints that a resident can spend."""
    return baskets.load_buyer(connection, resident).available


def home_of(connection: Connection, resident: UUID) -> int:
    """Return the code of a resident's home community."""
    return baskets.load_buyer(connection, resident).community


def station_view(
    connection: Connection,
    resident: UUID,
    community: int,
    now: dt.datetime,
) -> tuple[int, StationView] | None:
    """Return what the resident can spend, and a community's whole shelf; None: not open."""
    buyer = baskets.load_buyer(connection, resident)
    found = connection.scalar(select(Station.community).where(Station.community == community))
    if found is None:
        return None
    return buyer.available, _views(connection, buyer, [found], now, whole=True)[0]


def _stations(connection: Connection, buyer: Buyer, page: int) -> list[int]:
    """Return codes of stations: the home one, then the page's neighbours and one more."""
    mine = subdistrict_of(buyer.community)
    near = case((Community.subdistrict == mine, 0), else_=1)
    query = (
        select(Station.community)
        .join(Community, Community.code == Station.community)
        .where(Station.community != buyer.community)
        .order_by(near, Station.community)
        .offset((page - 1) * STATIONS_PER_PAGE)
        .limit(STATIONS_PER_PAGE + 1)
    )
    return [buyer.community, *connection.scalars(query)]


def places(connection: Connection, codes: Iterable[int]) -> dict[int, Place]:
    """Return communities as pages name them; without a number of their own, the district's."""
    district = connection.scalar(select(District.phone).limit(1)) or ""
    query = (
        select(
            Community.code,
            Community.short_name,
            Community.display_name,
            Community.kind,
            Community.phone,
            Subdistrict.name.label("subdistrict"),
        )
        .join(Subdistrict, Subdistrict.code == Community.subdistrict)
        .where(Community.code.in_(list(codes)))
    )
    return {
        row.code: Place(
            code=row.code,
            short_name=row.short_name,
            display_name=row.display_name,
            subdistrict=row.subdistrict,
            kind=row.kind,
            phone=row.phone or district,
        )
        for row in connection.execute(query)
    }


def _views(
    connection: Connection,
    buyer: Buyer,
    communities: list[int],
    now: dt.datetime,
    *,
    whole: bool = False,
) -> list[StationView]:
    stations = connection.execute(
        select(Station.__table__).where(Station.community.in_(communities)),
    ).all()
    named = places(connection, {*communities, buyer.community})
    rates = rates_from(connection, buyer.community, communities, now)
    values = baskets.faces(connection, business_day(now), buyer.community, *communities)
    shelf = _shelf(connection, buyer, communities, now)
    step = baskets.round_step(connection, now)
    made = []
    for station in sorted(stations, key=lambda row: communities.index(row.community)):
        at_home = station.community == buyer.community
        rate = rates[station.community]
        face_home = values[buyer.community] if not at_home else FACE_ONE
        face_host = values[station.community] if not at_home else FACE_ONE
        offers = [
            _offer(row, price_of(row.price, face_home, face_host, rate.rate, step).cost)
            for row in shelf[station.community]
        ]
        offers.sort(key=lambda offer: offer.left <= 0)
        shown = len(offers) if whole else OFFERS_HOME if at_home else OFFERS_OTHER
        made.append(
            StationView(
                id=station.id,
                name=station.name,
                place=named[station.community],
                at_home=at_home,
                hours=station.hours,
                address=station.address,
                rate=rate.rate,
                why=_why(rate, named[buyer.community], named[station.community]),
                document=rate.document,
                offers=tuple(offers[:shown]),
                count=len(offers),
            ),
        )
    return made


def _why(rate: RateInForce, home: Place, host: Place) -> str:
    return words.why(rate.scope, rate.rate, home.subdistrict, host.subdistrict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shelved:
    """An item on a shelf, with what one buyer may still take of it."""

    id: UUID
    community: int
    name: str
    category: str
    template: str | None
    price: int
    in_stock: int
    left: int
    note: str


def _shelf(
    connection: Connection,
    buyer: Buyer,
    communities: Iterable[int],
    now: dt.datetime,
) -> dict[int, list[_Shelved]]:
    """Return listed items by community; what is for home residents only is not shown to others."""
    item, stock = Item.__table__.c, Stock.__table__.c
    rows = connection.execute(
        select(
            item.id,
            item.community,
            item.name,
            item.category,
            item.template,
            item.price,
            item.limit_per_household_month,
            item.home_first_days,
            item.foreign_share_percent,
            stock.on_hand,
            stock.reserved,
            stock.foreign_left,
            stock.received_on,
        )
        .join(Stock, stock.item == item.id)
        .where(item.community.in_(list(communities)), item.state == "listed")
        .order_by(stock.received_on.desc(), item.name),
    ).all()
    used = household_used(connection, buyer.household, [row.id for row in rows], now)
    outside = baskets.outside_exchange(connection, {buyer.community, *communities}, now)
    today = business_day(now)
    found: dict[int, list[_Shelved]] = defaultdict(list)
    for row in rows:
        in_stock = max(row.on_hand - row.reserved, 0)
        own = (row.limit_per_household_month or NO_LIMIT) - used.get(row.id, 0)
        left, foreign_gone = min(in_stock, own), False
        if row.community != buyer.community:
            if row.foreign_share_percent == 0:
                continue
            left, foreign_gone = min(left, row.foreign_left), row.foreign_left <= 0
        note = "" if left > 0 else words.none_left(stock=in_stock, foreign=foreign_gone)
        if row.community != buyer.community:
            opens = baskets.opens_on(row.received_on, row.home_first_days)
            if opens is not None and today < opens:
                left, note = 0, words.opens_later(opens)
            if outside & {buyer.community, row.community}:
                left, note = 0, words.exchange_closed()
        found[row.community].append(
            _Shelved(
                id=row.id,
                community=row.community,
                name=row.name,
                category=row.category,
                template=row.template,
                price=row.price,
                in_stock=in_stock,
                left=max(left, 0),
                note=note,
            ),
        )
    return found


def item_view(connection: Connection, item: UUID) -> ItemView | None:
    """Return an item as its page shows it, listed or not; None for an unknown one."""
    row = connection.execute(
        select(
            Item.id,
            Item.community,
            Item.name,
            Item.category,
            Item.template,
            Item.source,
            Item.note,
            Item.foreign_share_percent,
            Item.limit_per_household_month,
            Item.price,
            Item.state,
            (Stock.on_hand - Stock.reserved).label("free"),
        )
        .outerjoin(Stock, Stock.item == Item.id)
        .where(Item.id == item),
    ).first()
    if row is None:
        return None
    return ItemView(
        id=row.id,
        community=row.community,
        name=row.name,
        category=row.category,
        template=row.template,
        source=row.source,
        note=row.note,
        share=row.foreign_share_percent,
        limit=row.limit_per_household_month,
        price=row.price,
        in_stock=row.free or 0,
        listed=row.state == "listed",
    )


def arrivals(
    connection: Connection,
    resident: UUID,
    now: dt.datetime,
) -> tuple[Place, tuple[Offer, ...]]:
    """Return what came to the resident's own station in the last days and is still there."""
    buyer = baskets.load_buyer(connection, resident)
    since = business_day(now) - dt.timedelta(days=ARRIVAL_DAYS)
    fresh = set(
        connection.scalars(
            select(Stock.item)
            .join(Item, Item.id == Stock.item)
            .where(Item.community == buyer.community, Stock.received_on >= since),
        ),
    )
    shelf = _shelf(connection, buyer, [buyer.community], now)[buyer.community]
    offers = tuple(_offer(row, row.price) for row in shelf if row.id in fresh and row.left > 0)
    return places(connection, [buyer.community])[buyer.community], offers[:ARRIVALS]


def _offer(row: _Shelved, cost: int) -> Offer:
    return Offer(
        id=row.id,
        name=row.name,
        category=row.category,
        template=row.template,
        price=row.price,
        cost=cost,
        in_stock=row.in_stock,
        left=row.left,
        note=row.note,
    )
