"""The bytes of a final row, the same on both databases, so that anybody can compute a seal again.

A row is its table's name and its columns in the order below, joined by ``|``. Null is empty. An id
is 32 hexadecimal digits, a number decimal, a day ``2026-11-24``, a moment
``2026-11-24 02:00:00.5`` in UTC, without zeros at its end; words are led by how many characters
they have and a colon (null by none), so that nothing in them can pass for another column.
decisions/007 says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shape = Literal["id", "number", "day", "moment", "words"]


@dataclass(frozen=True, slots=True)
class Final:
    """A table whose rows become final: how one is written, and when it is final."""

    table: str
    columns: tuple[tuple[str, Shape], ...]
    #: Which book a row belongs to, and what has to be joined to know it.
    community: str
    join: str
    #: Final after ``:after`` and not after ``:until`` (days), or from ``:start`` before ``:end``.
    span: str


def _columns(*shapes: tuple[Shape, str]) -> tuple[tuple[str, Shape], ...]:
    """Give each of the names the shape that stands before them."""
    return tuple((name, shape) for shape, names in shapes for name in names.split())


FINALS: tuple[Final, ...] = (
    Final(
        table="transfers",
        columns=_columns(
            ("id", "id journal source_id actor rate"),
            ("number", "community debit credit amount standard"),
            ("number", "debit_balance debit_version credit_balance credit_version"),
            ("moment", "event_at posted_at"),
            ("day", "day"),
            ("words", "act points_kind source_kind note"),
        ),
        community="transfers.community",
        join="",
        span="transfers.day > :after AND transfers.day <= :until",
    ),
    Final(
        table="awards",
        columns=_columns(
            (
                "id",
                "id holder_id counted_for host_transfer source_id recorded_by confirmed_by batch",
            ),
            ("number", "account community bearing amount host_amount standard units"),
            ("moment", "event_at created_at due done_at void_at"),
            ("words", "cause points_kind rule provenance reason source_kind state"),
        ),
        community="awards.community",
        join="",
        span="(awards.done_at >= :start AND awards.done_at < :end)"
        " OR (awards.void_at >= :start AND awards.void_at < :end)",
    ),
    Final(
        table="holds",
        columns=_columns(
            ("id", "id source_id"),
            ("number", "account amount captured"),
            ("moment", "created_at lapse_at closed_at"),
            ("words", "points_kind state reason source_kind"),
        ),
        community="accounts.community",
        join=" JOIN accounts ON accounts.id = holds.account",
        span="holds.closed_at >= :start AND holds.closed_at < :end",
    ),
)

# ``concat`` writes null as nothing, and is three times as fast as a chain of ``||``.
POSTGRESQL: dict[Shape, str] = {
    "id": "encode(uuid_send({0}), 'hex')",
    "number": "{0}",
    "day": "{0}",
    "moment": "{0} AT TIME ZONE 'UTC'",
    "words": "length({0}), ':', {0}",
}
# Ids and days are stored as this very text.
SQLITE: dict[Shape, str] = {
    "id": "coalesce({0}, '')",
    "number": "coalesce({0}, '')",
    "day": "{0}",
    "moment": "coalesce(rtrim(rtrim({0}, '0'), '.'), '')",
    "words": "coalesce(length({0}), '') || ':' || coalesce({0}, '')",
}


def line(final: Final, *, sqlite: bool) -> str:
    """Return the SQL expression of a row's canonical text."""
    shapes = SQLITE if sqlite else POSTGRESQL
    parts = [shapes[shape].format(f"{final.table}.{name}") for name, shape in final.columns]
    if sqlite:
        return f"'{final.table}|' || " + " || '|' || ".join(parts)
    return f"concat('{final.table}|', " + ", '|', ".join(parts) + ")"


def lines(*, sqlite: bool, one_community: bool = False) -> str:
    """Return the query of all rows that became final in a span: community, place, id, line.

    ``place`` tells the table, and orders the rows that share an id.
    """
    only = " AND {community} = :community" if one_community else ""
    return " UNION ALL ".join(
        f"SELECT {final.community} AS community, {place} AS place, {final.table}.id AS id,"
        f" {line(final, sqlite=sqlite)} AS line FROM {final.table}{final.join}"
        f" WHERE ({final.span}){only.format(community=final.community)}"
        for place, final in enumerate(FINALS)
    )
