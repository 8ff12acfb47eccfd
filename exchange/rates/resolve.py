"""Discount rates: which one holds between two communities, and why. Rows are never edited."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import aliased

from core.errors import N_, Conflict
from exchange.models import DiscountRate
from exchange.prices import PAR
from residents.models import GroupMember

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

Scope = Literal["pair", "home", "host", "subdistricts", "same_subdistrict", "group", "district"]
LADDER: tuple[str, ...] = (
    "pair",
    "home",
    "host",
    "subdistricts",
    "same_subdistrict",
    "group",
    "district",
)
"""First match holds (design.md section 7)."""

Place = tuple[str, int, int]
"""Scope, home code and host code: 0 where the scope names none."""


class RateUnknown(Conflict):
    """Not even the district has a rate in force: its defaults were never loaded."""

    text = N_("区里还没有公布折算率，暂时只能在本社区兑换。请联系区级管理员。")


@dataclass(frozen=True, slots=True, kw_only=True)
class RateInForce:
    """The rate between two communities at a moment, in basis points, and where it comes from.

    ``scope`` is ``own`` inside one community: always par, by no row.
    """

    rate: int
    row: UUID | None
    scope: str
    document: str
    since: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRow:
    """A row of the history: a rate (None: the next scope of the ladder holds) from a moment on."""

    id: UUID
    scope: str
    home: int
    host: int
    rate: int | None
    valid_from: dt.datetime
    document: str
    proposed_by: UUID
    confirmed_by: UUID | None


OWN = RateInForce(rate=PAR, row=None, scope="own", document="")


def subdistrict_of(community: int) -> int:
    """Return the code of the subdistrict that a community lies in."""
    return community // 1000 * 1000


def ladder_of(home: int, host: int) -> tuple[Place, ...]:
    """Return the places of the ladder for a pair of communities, the narrowest first."""
    home_sub, host_sub = subdistrict_of(home), subdistrict_of(host)
    places: list[Place] = [
        ("pair", home, host),
        ("home", home, 0),
        ("host", 0, host),
        ("subdistricts", home_sub, host_sub),
    ]
    if home_sub == host_sub:
        places.append(("same_subdistrict", 0, 0))
    return (*places, ("group", 0, 0), ("district", 0, 0))


def _at(place: Place) -> ColumnElement[bool]:
    scope, home, host = place
    return and_(DiscountRate.scope == scope, DiscountRate.home == home, DiscountRate.host == host)


def _same_group(home: int, host: int) -> ColumnElement[bool]:
    """Whether both communities are in one group (片区), as a condition of the one query."""
    one, other = aliased(GroupMember), aliased(GroupMember)
    shared = select(one.community).where(
        one.community == home, other.community == host, one.group == other.group
    )
    return and_(DiscountRate.scope == "group", shared.exists())


def rate_rows(connection: Connection, *conditions: ColumnElement[bool]) -> list[RateRow]:
    """Return rows, the newest of each place last."""
    table = DiscountRate.__table__
    query = (
        select(
            table.c.id,
            table.c.scope,
            table.c.home,
            table.c.host,
            table.c.rate,
            table.c.valid_from,
            table.c.document,
            table.c.proposed_by,
            table.c.confirmed_by,
        )
        .where(*conditions)
        .order_by(table.c.valid_from)
    )
    return [RateRow(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - Row API


def latest_of(rows: Iterable[RateRow]) -> dict[Place, RateRow]:
    """Return the last row of each place: the one that holds, of rows in order of time."""
    return {(row.scope, row.home, row.host): row for row in rows}


def resolve(latest: Mapping[Place, RateRow], places: Iterable[Place]) -> RateInForce:
    """Return the first place's rate that holds; raises RateUnknown."""
    for place in places:
        row = latest.get(place)
        if row is not None and row.rate is not None:
            return RateInForce(
                rate=row.rate,
                row=row.id,
                scope=row.scope,
                document=row.document,
                since=row.valid_from,
            )
    raise RateUnknown


def rate_in_force(connection: Connection, home: int, host: int, now: dt.datetime) -> RateInForce:
    """Return what one point of ``home`` counts for at ``host`` now; one query.

    Raises RateUnknown where the district has none.
    """
    if home == host:
        return OWN
    places = ladder_of(home, host)
    rows = rate_rows(
        connection,
        DiscountRate.valid_from <= now,
        or_(
            _same_group(home, host),
            *(_at(place) for place in places if place[0] != "group"),
        ),
    )
    return resolve(latest_of(rows), places)


def rates_from(
    connection: Connection,
    home: int,
    hosts: Iterable[int],
    now: dt.datetime,
) -> dict[int, RateInForce]:
    """Return the rates of a community at many stations at once: two queries, however many."""
    latest = latest_of(rate_rows(connection, DiscountRate.valid_from <= now))
    groups = groups_of(connection)
    return {host: resolve_between(latest, groups, home, host) for host in hosts}


def groups_of(connection: Connection) -> dict[int, UUID]:
    """Return the group (片区) of each community that is in one."""
    query = select(GroupMember.community, GroupMember.group)
    return {row[0]: row[1] for row in connection.execute(query)}


def resolve_between(
    latest: Mapping[Place, RateRow],
    groups: Mapping[int, UUID],
    home: int,
    host: int,
) -> RateInForce:
    """Return the rate between two communities from rows at hand; raises RateUnknown."""
    if home == host:
        return OWN
    grouped = home in groups and groups[home] == groups.get(host)
    places = [place for place in ladder_of(home, host) if place[0] != "group" or grouped]
    return resolve(latest, places)
