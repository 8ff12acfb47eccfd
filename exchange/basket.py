"""What somebody wants from a station, and whether they may: for a quote, an order, the counter."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from core import settings
from core.directory import refuse_closed
from core.errors import N_, Conflict, Rejected
from core.formats import date
from core.work import business_day
from exchange.gate import refuse_gate
from exchange.models import FaceValue, Item, Station, Stock
from exchange.prices import PAR, ROUND_STEPS, Cost, price_of
from exchange.rates import RateInForce, rate_in_force
from exchange.stations import ItemUnknown
from points.accounts import FACE_ONE, resident_account
from points.queries import free_on
from residents.models import Community, Person, Resident
from residents.people import ResidentUnknown

if TYPE_CHECKING:
    from sqlalchemy import Connection

POINT = 100
QUANTITY_MAX = 99
LINES_MAX = 20


class BasketInvalid(Rejected):
    """A basket has 1 to 20 different items of one station, 1 to 99 pieces each."""

    text = N_("数量要是 1 到 99 的整数，一张兑换单里的东西要在同一个驿站。请改一改再提交。")


class ItemUnlisted(Conflict):
    """The station no longer gives this item."""

    text = N_("{item}已经下架了。请看看驿站里别的兑换品。")


class ExchangeClosed(Conflict):
    """A community has left the exchange: its residents go nowhere, and nobody comes to it."""

    text = N_("{community}暂时不和别的社区相互兑换。请先在自己社区的驿站兑换。")


class ConfirmFirst(Conflict):
    """The community confirms its residents before their first order."""

    text = N_("您的信息还没有核实。请先到社区当面核实一下，就能兑换了。")


class HomeOnly(Rejected):
    """The item is for the station's own residents."""

    text = N_("{item}只给本社区居民兑换。请看看别的兑换品。")


class HomeFirst(Conflict):
    """The first days after a receipt are for the station's own residents."""

    text = N_("{item}刚补货，先给本社区居民，{date}起您也能兑换。")


class OverOrderQuota(Rejected):
    """An order at another community costs at most ``quota.order_points``."""

    text = N_("到别的社区兑换，一张兑换单最多付 {limit} 分。请减少数量再提交。")


def opens_on(received_on: dt.date | None, home_first_days: int) -> dt.date | None:
    """Return the day from which residents of other communities may take a receipt's goods."""
    if received_on is None or not home_first_days:
        return None
    return received_on + dt.timedelta(days=home_first_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Pieces of an item that somebody asks for."""

    item: UUID
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An item of the basket as it is now; ``price`` per piece in the host's centipoints."""

    item: UUID
    quantity: int
    name: str
    price: int
    listed: bool
    limit: int | None
    home_first_days: int
    foreign_share_percent: int
    on_hand: int
    reserved: int
    foreign_left: int
    received_on: dt.date | None

    @property
    def free(self) -> int:
        """Pieces that nobody has ordered yet."""
        return self.on_hand - self.reserved

    @property
    def open_from(self) -> dt.date | None:
        """The day from which residents of other communities may take it."""
        return opens_on(self.received_on, self.home_first_days)

    @property
    def home_only(self) -> bool:
        """Whether residents of other communities may never take it."""
        return self.foreign_share_percent == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The station and its community."""

    station: UUID
    station_name: str
    community: int
    name: str
    #: The last day of the community; None: it goes on.
    until: dt.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """The resident who pays, with what the account holds for spending (centipoints)."""

    resident: UUID
    person: UUID
    name: str
    household: UUID
    community: int
    community_name: str
    confirmed: bool
    phone_cipher: str | None
    account: int
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Price and rate at one moment: the snapshot that an order keeps for ever."""

    price: int
    cost: Cost
    rate: int
    rate_row: UUID | None
    scope: str
    document: str
    face_home: int
    face_host: int
    difference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Basket:
    """Who wants what, where."""

    host: Host
    lines: tuple[Line, ...]
    buyer: Buyer

    @property
    def cross(self) -> bool:
        """Whether the station is another community's than the resident's."""
        return self.host.community != self.buyer.community

    @property
    def words(self) -> str:
        """The items in a few words: "抽纸一包×2、毛巾一条"."""
        return in_words((line.name, line.quantity) for line in self.lines)


def in_words(lines: Iterable[tuple[str, int]]) -> str:
    """Name items with their quantities."""
    return "、".join(name if count == 1 else f"{name}×{count}" for name, count in lines)


def load(connection: Connection, resident: UUID, wanted: Sequence[Wanted]) -> Basket:
    """Return the basket in two queries; raises BasketInvalid, ItemUnknown or ResidentUnknown."""
    host, lines = _load_lines(connection, wanted)
    return Basket(host=host, lines=lines, buyer=load_buyer(connection, resident))


def _load_lines(
    connection: Connection,
    wanted: Sequence[Wanted],
) -> tuple[Host, tuple[Line, ...]]:
    counts = {each.item: each.quantity for each in wanted}
    if not 0 < len(wanted) <= LINES_MAX or len(counts) != len(wanted):
        raise BasketInvalid
    if not all(0 < count <= QUANTITY_MAX for count in counts.values()):
        raise BasketInvalid
    item, stock = Item.__table__.c, Stock.__table__.c
    rows = connection.execute(
        select(
            item.id,
            item.name,
            item.price,
            item.state,
            item.limit_per_household_month,
            item.home_first_days,
            item.foreign_share_percent,
            stock.on_hand,
            stock.reserved,
            stock.foreign_left,
            stock.received_on,
            Station.id.label("station"),
            Station.name.label("station_name"),
            Community.code.label("community"),
            Community.display_name.label("community_name"),
            Community.valid_to.label("until"),
        )
        .join(Stock, stock.item == item.id)
        .join(Station, Station.id == item.station)
        .join(Community, Community.code == Station.community)
        .where(item.id.in_(counts))
        .order_by(item.id),
    ).all()
    if len(rows) != len(counts):
        raise ItemUnknown
    if len({row.station for row in rows}) != 1:
        raise BasketInvalid
    lines = tuple(
        Line(
            item=row.id,
            quantity=counts[row.id],
            name=row.name,
            price=row.price,
            listed=row.state == "listed",
            limit=row.limit_per_household_month,
            home_first_days=row.home_first_days,
            foreign_share_percent=row.foreign_share_percent,
            on_hand=row.on_hand,
            reserved=row.reserved,
            foreign_left=row.foreign_left,
            received_on=row.received_on,
        )
        for row in rows
    )
    first = rows[0]
    host = Host(
        station=first.station,
        station_name=first.station_name,
        community=first.community,
        name=first.community_name,
        until=first.until,
    )
    return host, lines


def load_buyer(connection: Connection, resident: UUID) -> Buyer:
    """Return the resident with the service points that are free; raises ResidentUnknown."""
    row = connection.execute(
        select(
            Resident.person,
            Resident.household,
            Resident.community,
            Resident.state,
            Person.name,
            Person.phone_cipher,
            Community.display_name,
        )
        .join(Person, Person.id == Resident.person)
        .join(Community, Community.code == Resident.community)
        .where(Resident.id == resident, Resident.valid_to.is_(None)),
    ).first()
    if row is None:
        raise ResidentUnknown
    account = resident_account(resident, row.community, "service")
    available = free_on(connection, [account]).get(account)
    return Buyer(
        resident=resident,
        person=row.person,
        name=row.name,
        household=row.household,
        community=row.community,
        community_name=row.display_name,
        confirmed=row.state == "confirmed",
        phone_cipher=row.phone_cipher,
        account=account,
        available=available or 0,
    )


def faces(connection: Connection, day: dt.date, *communities: int) -> dict[int, int]:
    """Return face values in ten-thousandths of a standard point; nearly all are one."""
    query = (
        select(FaceValue.community, FaceValue.value)
        .where(FaceValue.community.in_(communities), FaceValue.valid_from <= day)
        .order_by(FaceValue.valid_from)
    )
    found = {row.community: row.value for row in connection.execute(query)}
    return {community: found.get(community, FACE_ONE) for community in communities}


def terms_of(connection: Connection, basket: Basket, now: dt.datetime) -> Terms:
    """Return what the basket costs its buyer now, and why; raises RateUnknown."""
    home, host = basket.buyer.community, basket.host.community
    price = sum(line.price * line.quantity for line in basket.lines)
    if not basket.cross:
        found = RateInForce(rate=PAR, row=None, scope="own", document="")
        face_home = face_host = FACE_ONE
    else:
        found = rate_in_force(connection, home, host, now)
        values = faces(connection, business_day(now), home, host)
        face_home, face_host = values[home], values[host]
    return Terms(
        price=price,
        cost=price_of(price, face_home, face_host, found.rate, round_step(connection, now)),
        rate=found.rate,
        rate_row=found.row,
        scope=found.scope,
        document=found.document,
        face_home=face_home,
        face_host=face_host,
        difference=settings.choice(connection, "exchange.difference", now),
    )


def round_step(connection: Connection, now: dt.datetime) -> int:
    """Return the step that an order's cost rounds up to, in centipoints."""
    return ROUND_STEPS[settings.choice(connection, "exchange.round", now)]


def outside_exchange(
    connection: Connection, communities: Iterable[int], now: dt.datetime
) -> set[int]:
    """Return which of the communities take no part in the exchange."""
    return {
        code for code in communities if not settings.flag(connection, "exchange.join", now, code)
    }


def refuse(connection: Connection, basket: Basket, cost: int, now: dt.datetime) -> None:
    """Raise what stands in the way whatever the counters say.

    Raises PlaceClosed, ItemUnlisted, ConfirmFirst, BasicPointsMissing, ExchangeClosed, HomeOnly,
    HomeFirst or OverOrderQuota.
    """
    buyer, host = basket.buyer, basket.host
    refuse_closed(connection, host.community, host.until, business_day(now))
    for line in basket.lines:
        if not line.listed:
            raise ItemUnlisted(item=line.name)
    verify = settings.choice(connection, "redeem.verify", now, buyer.community)
    if not buyer.confirmed and verify == "before_order":
        raise ConfirmFirst
    refuse_gate(connection, buyer.community, buyer.household, now)
    if not basket.cross:
        return
    names = {buyer.community: buyer.community_name, host.community: host.name}
    outside = outside_exchange(connection, names, now)
    for code, name in names.items():
        if code in outside:
            raise ExchangeClosed(community=name)
    for line in basket.lines:
        _refuse_foreign(line, business_day(now))
    limit = settings.integer(connection, "quota.order_points", now) * POINT
    if cost > limit:
        raise OverOrderQuota(limit=limit // POINT)


def _refuse_foreign(line: Line, day: dt.date) -> None:
    """Raise HomeOnly or HomeFirst if the line is not for residents of other communities now."""
    if line.home_only:
        raise HomeOnly(item=line.name)
    if line.open_from is not None and day < line.open_from:
        raise HomeFirst(item=line.name, date=date(line.open_from, day))
