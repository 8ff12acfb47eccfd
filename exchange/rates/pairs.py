"""The communities inside a cell of the matrix, and one pair of them, as the console shows them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from exchange.rates.resolve import (
    LADDER,
    groups_of,
    ladder_of,
    latest_of,
    rate_rows,
    resolve,
    resolve_between,
    subdistrict_of,
)
from exchange.rates.tables import Cell, CellDetail, Named, Rung, communities_of, waiting_rates
from residents.models import Community, Subdistrict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from exchange.rates.resolve import Place, RateInForce, RateRow

NARROW = frozenset({"pair", "home", "host", "group"})
"""Scopes by which communities differ from their subdistricts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """The pairs of communities of a cell: ``rows[i][j]`` is home i at host j."""

    home: Named
    host: Named
    home_communities: tuple[Named, ...]
    host_communities: tuple[Named, ...]
    rows: tuple[tuple[Cell, ...], ...]
    #: The district's default, in basis points.
    default: int
    #: Pairs whose rate is not the subdistricts'.
    own: int


def inside(connection: Connection, home: int, host: int, now: dt.datetime) -> Inside | None:
    """Return the pairs of communities of two subdistricts; None for unknown codes."""
    query = select(Subdistrict.code, Subdistrict.name).where(Subdistrict.code.in_({home, host}))
    names = {row[0]: Named(code=row[0], name=row[1]) for row in connection.execute(query)}
    if home not in names or host not in names:
        return None
    rows = rate_rows(connection)
    latest = latest_of(row for row in rows if row.valid_from <= now)
    upcoming = latest_of(row for row in reversed(rows) if row.valid_from > now)
    waiting, groups = waiting_rates(connection), groups_of(connection)
    default = resolve(latest, [("district", 0, 0)]).rate
    homes, hosts = communities_of(connection, home), communities_of(connection, host)
    cells = tuple(
        tuple(
            _cell(
                ("pair", one.code, other.code),
                resolve_between(latest, groups, one.code, other.code),
                upcoming,
                waiting,
                default,
            )
            for other in hosts
        )
        for one in homes
    )
    return Inside(
        home=names[home],
        host=names[host],
        home_communities=homes,
        host_communities=hosts,
        rows=cells,
        default=default,
        own=sum(each.scope in NARROW for line in cells for each in line),
    )


def _cell(
    own: Place,
    found: RateInForce,
    upcoming: Mapping[Place, RateRow],
    waiting: Mapping[Place, int | None],
    default: int,
) -> Cell:
    _scope, home, host = own
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
        exceptions=0,
    )


def pair(connection: Connection, home: int, host: int, now: dt.datetime) -> CellDetail | None:
    """Return why a pair of communities has its rate; None for unknown codes.

    Inside one community no row applies: its own station never discounts.
    """
    query = select(Community.code, Community.display_name).where(Community.code.in_({home, host}))
    names = {row[0]: Named(code=row[0], name=row[1]) for row in connection.execute(query)}
    if home not in names or host not in names:
        return None
    rows, groups = rate_rows(connection), groups_of(connection)
    latest = latest_of(row for row in rows if row.valid_from <= now)
    found = resolve_between(latest, groups, home, host)
    places = _places(groups, home, host)
    relevant = [row for row in rows if (row.scope, row.home, row.host) in places.values()]
    return CellDetail(
        home=names[home],
        host=names[host],
        in_force=found,
        ladder=tuple(_rung(scope, places.get(scope), latest, found.scope) for scope in LADDER),
        history=tuple(row for row in reversed(relevant) if row.valid_from <= now),
        upcoming=tuple(row for row in relevant if row.valid_from > now),
        exceptions=(),
        home_communities=communities_of(connection, subdistrict_of(home)),
        host_communities=communities_of(connection, subdistrict_of(host)),
    )


def _places(groups: Mapping[int, object], home: int, host: int) -> dict[str, Place]:
    """Return the places of the ladder that apply to a pair, by their scope."""
    if home == host:
        return {}
    grouped = home in groups and groups[home] == groups.get(host)
    return {place[0]: place for place in ladder_of(home, host) if place[0] != "group" or grouped}


def _rung(
    scope: str,
    place: Place | None,
    latest: Mapping[Place, RateRow],
    holding: str,
) -> Rung:
    row = latest.get(place) if place is not None else None
    rate = row.rate if row is not None else None
    return Rung(
        scope=scope,
        rate=rate,
        count=int(rate is not None),
        applies=place is not None,
        holds=scope == holding,
    )
