"""Claiming an award in one trip to the server: its counters are raised and its row is written.

PostgreSQL does both in one statement. The embedded database is no trip away, and has no statement
that changes two tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Uuid, and_, bindparam, literal, select, text

from core.straight import Straight
from points.earning.caps import (
    PERIODS,
    USE_BOTH,
    USE_CAPS,
    Wanted,
    give_back,
    periods_of,
    values_of,
)
from points.models import Award, RuleUsage

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


def _claiming(use_caps: str, counters: int, raised: str) -> Straight:
    made = insert_award(
        f"SELECT {parameters(cast=True)} WHERE (SELECT count(*) FROM raised) = {counters}"
    )
    return Straight(
        text(
            f"WITH raised AS ({use_caps}), made AS ({made})"
            f" SELECT (SELECT count(*) FROM made) AS made, {raised}"
        )
    )


RAISED = "(SELECT string_agg(period, ' ') FROM raised"
CLAIM = _claiming(USE_CAPS, len(PERIODS), f"{RAISED}) AS raised, NULL AS together")
CLAIM_BOTH = _claiming(
    USE_BOTH,
    2 * len(PERIODS),
    f"{RAISED} WHERE holder_id = :v_holder) AS raised,"
    f" {RAISED} WHERE holder_id <> :v_holder) AS together",
)


def claim(work: Work, rule: Rule, wanted: Wanted, row: Mapping[str, object]) -> bool:
    """Write an award of all the units that are wanted; False: nothing was changed.

    It is False where the cause has its award already, or where a cap leaves room for less. No
    more may be wanted than each cap by itself allows: the first use of a period is not compared.
    """
    statement = CLAIM if wanted.household is None else CLAIM_BOTH
    answer = statement.first(work.connection, {**row, **values_of(rule, wanted)})
    if not answer.made:
        for counter, raised in (
            (wanted.household, answer.together),
            (wanted.holder, answer.raised),
        ):
            if counter is not None and raised is not None:
                give_back(work, counter, rule.key, wanted.units, tuple(raised.split()))
    return bool(answer.made)


COUNTERS = ("holder", "household")
# What has to be known first, in one question: the cause's award, and what of its caps is used.
BEFORE = (
    select(
        Award.id,
        Award.amount,
        Award.units,
        Award.due,
        Award.holder_id,
        Award.rule,
        RuleUsage.holder_id.label("counter"),
        RuleUsage.period,
        RuleUsage.used,
    )
    .select_from(select(literal(1).label("one")).subquery())
    .outerjoin(Award, Award.cause == bindparam("v_cause"))
    .outerjoin(
        RuleUsage,
        and_(
            RuleUsage.holder_id.in_([bindparam(f"v_{name}", type_=Uuid()) for name in COUNTERS]),
            RuleUsage.rule == bindparam("v_rule"),
            RuleUsage.period.in_([bindparam(f"v_{name}") for name in PERIODS]),
        ),
    )
)


def before(work: Work, cause: str, rule: Rule, wanted: Wanted) -> Sequence[Mapping[Any, Any]]:
    """Return what a cause was awarded and what is used of the counters, at least one row."""
    looked_for = {
        "v_cause": cause,
        "v_holder": wanted.holder,
        "v_household": wanted.household or wanted.holder,
        "v_rule": rule.key,
    }
    periods = zip(PERIODS, periods_of(wanted.at), strict=True)
    looked_for |= {f"v_{name}": period for name, period in periods}
    return work.connection.execute(BEFORE, looked_for).mappings().all()
