"""通兑公告: a community's rates as its residents read them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from exchange import words
from exchange.defaults import FIRST_DAY
from exchange.prices import PAR
from exchange.rates import LADDER, RateRow, notice_of, subdistrict_of
from residents.models import Community, Subdistrict

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A line of the notice: what one point counts for where, since when, by which document."""

    where: str
    rate: int
    why: str
    #: None: it has been so from the beginning.
    since: dt.datetime | None
    document: str


def notice(
    connection: Connection,
    community: int,
    now: dt.datetime,
) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """Return a community's rates in force, the most particular first, and those published ahead."""
    found = notice_of(connection, community, now)
    codes = {row.host for row in (*found.in_force, *found.upcoming)}
    named = _place_names(connection, codes | {subdistrict_of(community)})
    in_force = sorted(found.in_force, key=lambda row: (LADDER.index(row.scope), row.host))
    district = [row.rate for row in found.in_force if row.scope == "district"]
    widest = district[0] or PAR if district else PAR

    def rule(row: RateRow) -> Rule:
        home = named.get(subdistrict_of(community), "")
        host = named.get(row.host, home)
        rate = row.rate if row.rate is not None else widest
        return Rule(
            where=words.where(row.scope, home, host),
            rate=rate,
            why=words.why(row.scope, rate, home, host if row.scope == "subdistricts" else ""),
            since=row.valid_from if row.valid_from > FIRST_DAY else None,
            document=row.document,
        )

    return tuple(map(rule, in_force)), tuple(map(rule, found.upcoming))


def _place_names(connection: Connection, codes: set[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for query in (
        select(Subdistrict.code, Subdistrict.name).where(Subdistrict.code.in_(codes)),
        select(Community.code, Community.display_name).where(Community.code.in_(codes)),
    ):
        found |= {row[0]: row[1] for row in connection.execute(query)}
    return found
