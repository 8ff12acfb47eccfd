"""The posting statements, made once per pair of sides: one for PostgreSQL, its parts for SQLite.

Parameters carry a ``v_`` prefix: one that has a column's name would be taken as a SET value.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, overload

from sqlalchemy import TextClause, text

from core import straight

FRESH = (
    "NOT EXISTS (SELECT 1 FROM transfers WHERE id = :v_id)"
    " AND NOT EXISTS (SELECT 1 FROM business_days WHERE day = :v_day)"
)
DEBIT = (
    "UPDATE accounts SET debited = debited + :v_amount, version = version + 1"
    " WHERE id = :v_debit AND community = :v_community AND points_kind = :v_points_kind"
    f" AND credited - debited - held >= :v_amount AND {FRESH}"
    " RETURNING credited - debited AS balance, version"
)
# A spend that comes back lowers debited: the points return with the age they had.
CREDIT = (
    "UPDATE accounts SET"
    " credited = credited + CASE WHEN :v_act = 'reversal' THEN 0 ELSE :v_amount END,"
    " debited = debited - CASE WHEN :v_act = 'reversal' THEN :v_amount ELSE 0 END,"
    " version = version + 1"
    " WHERE id = :v_credit AND community = :v_community AND points_kind = :v_points_kind"
    " AND {condition} RETURNING credited - debited AS balance, version"
)
COLUMNS = (
    "id, act, points_kind, community, debit, credit, amount, debit_balance, debit_version,"
    " credit_balance, credit_version, standard, event_at, posted_at, day, journal, source_kind,"
    " source_id, actor, rate, note"
)
VALUES = (
    ":v_id, :v_act, :v_points_kind, :v_community, :v_debit, :v_credit, :v_amount,"
    " {debit_balance}, {debit_version}, {credit_balance}, {credit_version},"
    " :v_standard, :v_event_at, :v_now, :v_day, :v_journal, :v_source_kind, :v_source_id,"
    " :v_actor, :v_rate, :v_note"
)
# PostgreSQL takes a parameter that may be null for text unless it is told.
CASTS = {
    "v_standard": "bigint",
    "v_journal": "uuid",
    "v_rate": "uuid",
    "v_note": "text",
}
DELTA_COLUMNS = "cause, account, day, credited, debited, standard"
DELTA_CREDIT = ":v_id, :v_credit, :v_day, :v_amount, 0, coalesce(:v_standard, 0)"
DELTA_DEBIT = ":v_id, :v_debit, :v_day, 0, :v_amount, -coalesce(:v_standard, 0)"


@dataclass(frozen=True, slots=True)
class Sides:
    """Which sides of a transfer are holders with running totals."""

    debit_holder: bool
    credit_holder: bool


@dataclass(frozen=True, slots=True)
class Parts:
    """The same posting as separate statements, for a database with one writer at a time."""

    guards: tuple[tuple[str, TextClause], ...]
    transfer: TextClause
    deltas: tuple[TextClause, ...]
    empty: dict[str, object]


@overload
def statement(sides: Sides) -> TextClause: ...
@overload
def statement(sides: Sides, *, parts: Literal[True]) -> Parts: ...
@lru_cache(maxsize=8)
def statement(sides: Sides, *, parts: bool = False) -> TextClause | Parts:
    """Return the statement, or its parts, for a pair of sides; zero rows back is a refusal."""
    return _parts(sides) if parts else _single(sides)


@lru_cache(maxsize=8)
def plain(sides: Sides) -> str:
    """Return the one statement as psycopg takes it."""
    return straight.plain(_single(sides))


def _guards(sides: Sides) -> list[tuple[str, str]]:
    guards = []
    if sides.debit_holder:
        guards.append(("debit", DEBIT))
    if sides.credit_holder:
        condition = "EXISTS (SELECT 1 FROM debit_side)" if sides.debit_holder else FRESH
        guards.append(("credit", CREDIT.format(condition=condition)))
    if not guards:
        guards.append(("", f"SELECT 1 WHERE {FRESH}"))
    return guards


def _single(sides: Sides) -> TextClause:
    guards = _guards(sides)
    names = [f"{name or 'fresh'}_side" for name, _ in guards]
    with_parts = [f"{name} AS ({sql})" for name, (_, sql) in zip(names, guards, strict=True)]
    values = VALUES.format(
        debit_balance="debit_side.balance" if sides.debit_holder else "NULL",
        debit_version="debit_side.version" if sides.debit_holder else "NULL",
        credit_balance="credit_side.balance" if sides.credit_holder else "NULL",
        credit_version="credit_side.version" if sides.credit_holder else "NULL",
    )
    for name, kind in CASTS.items():
        values = values.replace(f":{name}", f"CAST(:{name} AS {kind})")
    insert = (
        f"INSERT INTO transfers ({COLUMNS}) SELECT {values} FROM {', '.join(names)} RETURNING id"
    )
    deltas = [
        f"SELECT {delta} FROM posted".replace(":v_standard", "CAST(:v_standard AS bigint)")
        for holder, delta in (
            (sides.debit_holder, DELTA_DEBIT),
            (sides.credit_holder, DELTA_CREDIT),
        )
        if not holder
    ]
    if not deltas:
        with_parts.append(f"posted AS ({insert})")
        return text(f"WITH {', '.join(with_parts)} SELECT id FROM posted")
    with_parts.append(f"posted AS ({insert})")
    return text(
        f"WITH {', '.join(with_parts)} INSERT INTO account_deltas ({DELTA_COLUMNS})"
        f" {' UNION ALL '.join(deltas)} RETURNING cause",
    )


def _parts(sides: Sides) -> Parts:
    values = VALUES.format(
        debit_balance=":v_debit_balance",
        debit_version=":v_debit_version",
        credit_balance=":v_credit_balance",
        credit_version=":v_credit_version",
    )
    deltas = []
    if not sides.debit_holder:
        deltas.append(DELTA_DEBIT)
    if not sides.credit_holder:
        deltas.append(DELTA_CREDIT)
    return Parts(
        guards=tuple(
            (name, text(sql.replace("EXISTS (SELECT 1 FROM debit_side)", "1 = 1")))
            for name, sql in _guards(sides)
        ),
        transfer=text(f"INSERT INTO transfers ({COLUMNS}) VALUES ({values})"),
        deltas=tuple(
            text(f"INSERT INTO account_deltas ({DELTA_COLUMNS}) VALUES ({delta})")
            for delta in deltas
        ),
        empty={
            "v_debit_balance": None,
            "v_debit_version": None,
            "v_credit_balance": None,
            "v_credit_version": None,
        },
    )
