"""Checks: an invariant, the query that finds what breaks it, and where the first broken row is."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import BindParameter, Date, Table, bindparam, select, text

from core.db import Base, UtcDateTime
from core.work import business_day, present
from points.models import Account
from points.proof.chain import Place

if TYPE_CHECKING:
    from sqlalchemy import Connection

Changed = Literal["rows", "accounts", "days", "whole", "night"]
"""What of a check has to be looked at again after a quarter of an hour: new rows, accounts that
were touched, days that are not closed, all of it (it is small), or nothing before the night."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a check found: how many are wrong, where the first is, among how many."""

    times: int
    first: Place | None
    rows: int


Find = Callable[["Connection", int | None], Found]


@dataclass(frozen=True, slots=True)
class Check:
    """An invariant: its name, what breaks it in words, and the query that finds it.

    The query returns the ids of rows of ``table`` that are wrong. ``find`` is for what no query
    can say: with a number it looks at a part only, another part for each number.
    """

    name: str
    words: str
    query: str
    table: str = "transfers"
    title: str = ""
    changed: Changed = "night"
    find: Find | None = None
    #: The same in parts, for two connections to share.
    parts: Callable[[Connection], list[Find]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A broken invariant: how often, and where the first row stands."""

    name: str
    words: str
    times: int
    first: Place

    @property
    def example(self) -> str:
        """Table, id, community and day of the first row."""
        place = self.first
        where = [str(each) for each in (place.community, place.day) if each is not None]
        return f"{place.table} {place.id}" + (f" ({', '.join(where)})" if where else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrow:
    """A WITH clause that puts a part of the rows in the tables' place, and its parameters."""

    tables: str = ""
    only: str = ""
    turn: int | None = None
    values: dict[str, object] = field(default_factory=dict)

    def typed(self) -> list[BindParameter[Any]]:
        """The parameters with the types that both databases store."""
        return [
            bindparam(name, value, type_=Date() if name == "day" else UtcDateTime())
            for name, value in self.values.items()
        ]


WHOLE = Narrow()


KEPT = dt.timedelta(days=180)
"""``:kept_since``: from then on there is what has to be kept for half a year."""

BEFORE = r"before\(([a-z_.:]+), '([0-9a-z ]+)'\)"
BEFORES = {
    "postgresql": r"(\1 - interval '\2')",
    "sqlite": r"strftime('%Y-%m-%d %H:%M:%f', \1, '-\2')",
}
"""What ``before(moment, '10 minutes')`` in a query is."""

DAY = r"hangzhou_day\(([a-z_.:]+|before\([^()]*\))\)"
DAYS = {
    "postgresql": r"CAST(CAST(\1 AT TIME ZONE 'Asia/Shanghai' AS date) AS text)",
    "sqlite": r"strftime('%Y-%m-%d', \1, '+8 hours')",
}
"""What ``hangzhou_day(moment)`` in a query is: moments are what both databases say apart."""


def find(connection: Connection, check: Check, narrow: Narrow = WHOLE) -> Found:
    """Run one check, on a part of the rows if asked."""
    _plan(connection, is_whole=narrow is WHOLE and check.find is None)
    if check.find is not None:
        return check.find(connection, narrow.turn)
    query = re.sub(DAY, DAYS[connection.dialect.name], check.query)
    query = re.sub(BEFORE, BEFORES[connection.dialect.name], query)
    broken = f"FROM ({query}) AS found {narrow.only}"
    if ":kept_since" in query:
        narrow = replace(narrow, values={**narrow.values, "kept_since": present() - KEPT})
    times = connection.scalar(
        text(f"{narrow.tables} SELECT count(*) {broken}").bindparams(*narrow.typed())
    )
    if not times:
        return Found(times=0, first=None, rows=0)
    return Found(times=times, first=_first(connection, check, broken, narrow), rows=0)


def _plan(connection: Connection, *, is_whole: bool) -> None:
    """Let what reads whole tables look up no row for each of another.

    Where nobody has counted the rows since much was written, as in the night in which points
    lapse, PostgreSQL takes them for a few, and would look for ever.
    """
    if connection.dialect.name != "sqlite":
        lookups = "off" if is_whole else "on"
        connection.execute(text(f"SET LOCAL enable_nestloop = {lookups}"))


def _first(connection: Connection, check: Check, broken: str, narrow: Narrow) -> Place:
    """Return where the first broken row in time stands; of one moment, the smallest id."""
    table = Base.metadata.tables[check.table]
    moment = next((name for name in BEGAN if name in table.c), "NULL")
    example = connection.scalar(
        text(
            f"{narrow.tables} SELECT CAST(what AS text) FROM (SELECT what {broken}) AS found"
            f" LEFT JOIN (SELECT CAST({key_of(table)} AS text) AS id, min({moment}) AS moment"
            f" FROM {check.table} GROUP BY 1) AS known ON known.id = CAST(what AS text)"
            " ORDER BY moment NULLS LAST, 1 LIMIT 1",
        ).bindparams(*narrow.typed()),
    )
    return place_of(connection, check.table, str(example))


def key_of(table: Table) -> str:
    """Return the column by which a check names a table's rows."""
    return "id" if "id" in table.c else next(iter(table.primary_key)).name


BOOKS = ("community", "host", "account")
MOMENTS = ("day", "done_at", "void_at", "closed_at", "posted_at", "at", "event_at", "created_at")
"""Columns that say which business day a row belongs to; the first that has a value."""

BEGAN = (
    "posted_at",
    "created_at",
    "proposed_at",
    "submitted_at",
    "recorded_at",
    "issued_at",
    "cut_at",
    "event_at",
    "day",
)
"""Columns by which the first of several broken rows is told; the first that a table has."""


def place_of(connection: Connection, name: str, identity: str) -> Place:
    """Look up where a row stands; what is no longer there, or was spoilt, has only an id."""
    table = Base.metadata.tables[name]
    key = table.c[key_of(table)]
    wanted = [table.c[each] for each in (*BOOKS, *MOMENTS) if each in table.c]
    try:
        given = key.type.python_type(identity)
        row = connection.execute(select(key, *wanted).where(key == given)).mappings().first()
    except ValueError:
        row = None
    if row is None:
        return Place(table=name, id=identity)
    moment = next((row[each] for each in MOMENTS if row.get(each) is not None), None)
    return Place(
        table=name,
        id=str(given),
        community=_community(connection, dict(row)),
        day=business_day(moment) if isinstance(moment, dt.datetime) else moment,
    )


def _community(connection: Connection, row: dict[str, Any]) -> int | None:
    """Return the community that a row names itself, or that of its account."""
    found: int | None = row.get("community", row.get("host"))
    if found is None and "account" in row:
        return connection.scalar(select(Account.community).where(Account.id == row["account"]))
    return found
