"""Claiming an award in one trip to the server: its counters are raised and its row is written.

PostgreSQL does both in one statement. The embedded database is no trip away, and has no statement
that changes two tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy import text

from core.straight import Straight
from points.earning.caps import PERIODS, USE_CAPS, Wanted, give_back, values_of

if TYPE_CHECKING:
    from core.work import Work
    from points.earning.rules import Rule

COLUMNS = (
    "id, cause, account, holder_id, points_kind, community, bearing, amount, host_transfer,"
    " host_amount, standard, rule, units, counted_for, provenance, reason, source_kind, source_id,"
    " recorded_by, event_at, created_at, due"
)
# PostgreSQL takes a parameter that may be null for text unless it is told.
CASTS = {
    "host_transfer": "uuid",
    "host_amount": "bigint",
    "standard": "bigint",
    "counted_for": "uuid",
    "due": "timestamptz",
}


def insert_award(source: str) -> str:
    """Return the insert of an award: once per cause, from VALUES or from a guarded SELECT."""
    return (
        f"INSERT INTO awards ({COLUMNS}, state) {source} ON CONFLICT (cause) DO NOTHING"
        " RETURNING id"
    )


def parameters(*, cast: bool) -> str:
    """Return the parameters of an award's row, in the order of its columns."""
    names = COLUMNS.split(", ")
    typed = (
        f"CAST(:{name} AS {CASTS[name]})" if cast and name in CASTS else f":{name}"
        for name in names
    )
    return f"{', '.join(typed)}, 'pending'"


MADE = insert_award(
    f"SELECT {parameters(cast=True)} WHERE (SELECT count(*) FROM raised) = {len(PERIODS)}"
)
CLAIM = Straight(
    text(
        f"WITH raised AS ({USE_CAPS}), made AS ({MADE}) SELECT (SELECT count(*) FROM made) AS made,"
        " (SELECT string_agg(period, ' ') FROM raised) AS raised",
    )
)


def claim(work: Work, rule: Rule, wanted: Wanted, row: Mapping[str, object]) -> bool:
    """Write an award of all the units that are wanted; False: nothing was changed.

    It is False where the cause has its award already, or where a cap leaves room for less. No
    more may be wanted than each cap by itself allows: the first use of a period is not compared.
    """
    answer = CLAIM.first(work.connection, {**row, **values_of(rule, wanted)})
    if not answer.made and answer.raised:
        give_back(work, wanted.counter, rule.key, wanted.units, tuple(answer.raised.split()))
    return bool(answer.made)
