"""The district's rates as pages show them: matrix, one cell of it, a community's notice."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import and_, or_, select

from exchange.models import DiscountRate, RateProposal
from exchange.rates.resolve import (
    LADDER,
    Place,
    RateInForce,
    RateRow,
    groups_of,
    latest_of,
    rate_rows,
    resolve,
    resolve_between,
    subdistrict_of,
)
from residents.models import Community, GroupMember, Person, Subdistrict

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

GROUP: Place = ("group", 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A place code with the name that people read."""

    code: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of the matrix: residents of a subdistrict at stations of another."""

    home: int
    host: int
    rate: int
    scope: str
    document: str
    #: Compared with the district's default: -1 lower, 0 equal, 1 higher.
    against_default: int
    #: A change already published: its rate (None: back to the default) and when it begins.
    upcoming: RateRow | None
    #: A change that waits for the second person.
    proposed: bool
    proposed_rate: int | None
    #: Other rates in force inside the cell: of pairs, single communities, and its group (片区).
    exceptions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The district's rates, subdistrict by subdistrict: ``rows[i][j]`` is home i at host j."""

    subdistricts: tuple[Named, ...]
    rows: tuple[tuple[Cell, ...], ...]
    default: int
    same_subdistrict: int
    #: Cells with a rate of their own, waiting for the second person, and published ahead.
    own: int
    waiting: int
    published: int


def matrix(connection: Connection, now: dt.datetime) -> Matrix:
    """Return the whole matrix in one pass: three queries, one more where groups have a rate."""
    named = [
        Named(code=row.code, name=row.name)
        for row in connection.execute(
            select(Subdistrict.code, Subdistrict.name).order_by(Subdistrict.code),
        )
    ]
    rows = rate_rows(connection)
    latest = latest_of(row for row in rows if row.valid_from <= now)
    upcoming = latest_of(row for row in reversed(rows) if row.valid_from > now)
    waiting = waiting_rates(connection)
    default = resolve(latest, [("district", 0, 0)]).rate
    exceptions, grouped = _exceptions(latest), _grouped_cells(connection, latest)
    cells = tuple(
        tuple(
            _cell(home.code, host.code, latest, upcoming, waiting, default, exceptions, grouped)
            for host in named
        )
        for home in named
    )
    flat = [cell for line in cells for cell in line]
    same = latest.get(("same_subdistrict", 0, 0))
    return Matrix(
        subdistricts=tuple(named),
        rows=cells,
        default=default,
        same_subdistrict=default if same is None or same.rate is None else same.rate,
        own=sum(cell.scope == "subdistricts" for cell in flat),
        waiting=sum(cell.proposed for cell in flat),
        published=sum(cell.upcoming is not None for cell in flat),
    )


def waiting_rates(connection: Connection) -> dict[Place, int | None]:
    """Return the rate that waits for the second person, place by place."""
    query = select(
        RateProposal.scope, RateProposal.home, RateProposal.host, RateProposal.rate
    ).where(RateProposal.state == "proposed", RateProposal.withdraws.is_(None))
    return {(row[0], row[1], row[2]): row[3] for row in connection.execute(query)}


def _exceptions(latest: Mapping[Place, RateRow]) -> dict[tuple[int, int], int]:
    """Count narrower rates per pair of subdistricts; 0 stands for every subdistrict."""
    counted: dict[tuple[int, int], int] = defaultdict(int)
    for scope, home, host in latest:
        if scope in {"pair", "home", "host"} and latest[scope, home, host].rate is not None:
            counted[subdistrict_of(home), subdistrict_of(host)] += 1
    return counted


def _grouped_cells(
    connection: Connection, latest: Mapping[Place, RateRow]
) -> frozenset[tuple[int, int]]:
    """Return the cells inside which communities share a group, while groups have a rate."""
    row = latest.get(GROUP)
    if row is None or row.rate is None:
        return frozenset()
    inside: dict[UUID, list[int]] = defaultdict(list)
    for community, group in groups_of(connection).items():
        inside[group].append(community)
    return frozenset(
        (subdistrict_of(one), subdistrict_of(other))
        for members in inside.values()
        for one in members
        for other in members
        if one != other
    )


def _places_of(home: int, host: int) -> list[Place]:
    """Return the places of the ladder that a whole cell can have its rate from."""
    inside = [("same_subdistrict", 0, 0)] if home == host else []
    return [("subdistricts", home, host), *inside, ("district", 0, 0)]


def _cell(  # noqa: PLR0913, PLR0917 - the maps of one pass over the matrix
    home: int,
    host: int,
    latest: Mapping[Place, RateRow],
    upcoming: Mapping[Place, RateRow],
    waiting: Mapping[Place, int | None],
    default: int,
    exceptions: Mapping[tuple[int, int], int],
    grouped: frozenset[tuple[int, int]],
) -> Cell:
    places = _places_of(home, host)
    own, found = places[0], resolve(latest, places)
    # A group's rate comes after the subdistricts' own and before the district's.
    by_group = found.scope == "district" and (home, host) in grouped
    return Cell(
        home=home,
        host=host,
        rate=found.rate,
        scope=found.scope,
        document=found.document,
        against_default=(found.rate > default) - (found.rate < default),
        upcoming=upcoming.get(own),
        proposed=own in waiting,
        proposed_rate=waiting.get(own),
        exceptions=by_group
        + sum(exceptions.get(key, 0) for key in ((home, host), (home, 0), (0, host))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A step of the ladder for a cell: its rate if a row holds there, and whether it decides."""

    scope: str
    rate: int | None
    #: Rates of this scope inside the cell, where it has many places (pairs, communities).
    count: int
    applies: bool
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CellDetail:
    """Why a cell has its rate, what it was before, and what comes."""

    home: Named
    host: Named
    in_force: RateInForce
    ladder: tuple[Rung, ...]
    history: tuple[RateRow, ...]
    upcoming: tuple[RateRow, ...]
    #: Narrower rates inside the cell, in force.
    exceptions: tuple[RateRow, ...]
    home_communities: tuple[Named, ...]
    host_communities: tuple[Named, ...]


def cell(connection: Connection, home: int, host: int, now: dt.datetime) -> CellDetail | None:
    """Return a cell of two subdistricts with its ladder and history; None for unknown codes."""
    names = {
        row.code: Named(code=row.code, name=row.name)
        for row in connection.execute(
            select(Subdistrict.code, Subdistrict.name).where(Subdistrict.code.in_({home, host})),
        )
    }
    if home not in names or host not in names:
        return None
    rows = rate_rows(connection)
    latest = latest_of(row for row in rows if row.valid_from <= now)
    places = _places_of(home, host)
    grouped = (home, host) in _grouped_cells(connection, latest)
    inside = tuple(row for row in latest.values() if _is_inside(row, home, host))
    found = resolve(latest, places)
    relevant = [row for row in rows if (row.scope, row.home, row.host) in places]
    return CellDetail(
        home=names[home],
        host=names[host],
        in_force=found,
        ladder=tuple(
            _rung(scope, latest, places[0], found, inside, grouped=grouped) for scope in LADDER
        ),
        history=tuple(row for row in reversed(relevant) if row.valid_from <= now),
        upcoming=tuple(row for row in relevant if row.valid_from > now),
        exceptions=inside,
        home_communities=communities_of(connection, home),
        host_communities=communities_of(connection, host),
    )


def _is_inside(row: RateRow, home: int, host: int) -> bool:
    if row.scope not in {"pair", "home", "host"} or row.rate is None:
        return False
    return subdistrict_of(row.home) in {home, 0} and subdistrict_of(row.host) in {host, 0}


def _rung(
    scope: str,
    latest: Mapping[Place, RateRow],
    own: Place,
    found: RateInForce,
    inside: tuple[RateRow, ...],
    *,
    grouped: bool,
) -> Rung:
    if scope in {"pair", "home", "host"}:
        count = sum(row.scope == scope for row in inside)
        return Rung(scope=scope, rate=None, count=count, applies=True, holds=False)
    row = latest.get(own if scope == "subdistricts" else (scope, 0, 0))
    rate = row.rate if row is not None else None
    applies = {"same_subdistrict": own[1] == own[2], "group": grouped}.get(scope, True)
    return Rung(
        scope=scope,
        rate=rate,
        count=int(rate is not None),
        applies=applies,
        holds=scope == found.scope,
    )


def communities_of(connection: Connection, subdistrict: int) -> tuple[Named, ...]:
    """Return the communities of a subdistrict, by code."""
    query = (
        select(Community.code, Community.display_name)
        .where(Community.subdistrict == subdistrict)
        .order_by(Community.code)
    )
    return tuple(Named(code=row[0], name=row[1]) for row in connection.execute(query))


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A community's rates as its residents read them: what holds, and what comes next."""

    in_force: tuple[RateRow, ...]
    upcoming: tuple[RateRow, ...]


def notice_of(connection: Connection, home: int, now: dt.datetime) -> Notice:
    """Return every rate that touches residents of a community."""
    sub = subdistrict_of(home)
    mine = or_(
        and_(DiscountRate.scope == "pair", DiscountRate.home == home),
        and_(DiscountRate.scope == "home", DiscountRate.home == home),
        and_(DiscountRate.scope == "host", DiscountRate.host != home),
        and_(DiscountRate.scope == "subdistricts", DiscountRate.home == sub),
        DiscountRate.scope.in_(("same_subdistrict", "district")),
        _grouped(home),
    )
    rows = rate_rows(connection, mine)
    latest = latest_of(row for row in rows if row.valid_from <= now)
    return Notice(
        in_force=tuple(row for row in latest.values() if row.rate is not None),
        upcoming=tuple(row for row in rows if row.valid_from > now),
    )


def _grouped(home: int) -> ColumnElement[bool]:
    member = select(GroupMember.community).where(GroupMember.community == home)
    return and_(DiscountRate.scope == "group", member.exists())


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A change of rate on its way: waiting for the second person, or published ahead."""

    id: UUID
    scope: str
    home: int
    host: int
    home_name: str
    host_name: str
    rate: int | None
    #: What holds there today; None where that is not one rate.
    rate_before: int | None
    valid_from: dt.datetime
    document: str
    proposed_by: UUID
    proposed_by_name: str
    proposed_at: dt.datetime
    state: str
    #: The published rate that is to be taken back; None: a new rate.
    withdraws: UUID | None


def proposals(
    connection: Connection,
    now: dt.datetime,
    state: str = "proposed",
) -> tuple[Proposal, ...]:
    """Return the proposals in a state, the oldest first; confirmed ones only while ahead."""
    query = (
        select(RateProposal.__table__, Person.name.label("proposed_by_name"))
        .join(Person, Person.id == RateProposal.proposed_by)
        .where(RateProposal.state == state)
        .order_by(RateProposal.proposed_at)
    )
    if state == "confirmed":
        query = query.where(RateProposal.valid_from > now, RateProposal.withdraws.is_(None))
    found = connection.execute(query).all()
    if not found:
        return ()
    names = _names(connection, {code for row in found for code in (row.home, row.host)})
    latest = latest_of(row for row in rate_rows(connection) if row.valid_from <= now)
    groups = groups_of(connection)
    return tuple(
        Proposal(
            id=row.id,
            scope=row.scope,
            home=row.home,
            host=row.host,
            home_name=names.get(row.home, ""),
            host_name=names.get(row.host, ""),
            rate=row.rate,
            rate_before=_before(latest, groups, (row.scope, row.home, row.host)),
            valid_from=row.valid_from,
            document=row.document,
            proposed_by=row.proposed_by,
            proposed_by_name=row.proposed_by_name,
            proposed_at=row.proposed_at,
            state=row.state,
            withdraws=row.withdraws,
        )
        for row in found
    )


def _before(
    latest: Mapping[Place, RateRow], groups: Mapping[int, UUID], place: Place
) -> int | None:
    """Return the rate that holds at a place today, from a wider scope where it has none."""
    scope, home, host = place
    if scope == "pair":
        return resolve_between(latest, groups, home, host).rate
    if scope == "subdistricts":
        return resolve(latest, _places_of(home, host)).rate
    row = latest.get(place)
    return row.rate if row else None


def _names(connection: Connection, codes: set[int]) -> dict[int, str]:
    """Return names of subdistricts and communities by their codes."""
    found: dict[int, str] = {}
    for query in (
        select(Subdistrict.code, Subdistrict.name).where(Subdistrict.code.in_(codes)),
        select(Community.code, Community.display_name).where(Community.code.in_(codes)),
    ):
        found |= {row[0]: row[1] for row in connection.execute(query)}
    return found
