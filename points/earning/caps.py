"""Caps of earning: guarded counters of units, raised together with the award."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text, update

from core.directory import directory
from core.work import business_day
from points.earning.rules import Rule
from points.models import Award, RuleUsage

if TYPE_CHECKING:
    from sqlalchemy import Row

    from core.work import Work

UNLIMITED = 2**31 - 1
PERIODS = ("year", "month", "day")
# A period is counted also where no cap limits it, so that counters are what awards come to, and a
# cap that is set later finds what was given before.
USE_CAPS = (
    "INSERT INTO rule_usage (holder_id, rule, period, used) VALUES"
    " (:v_holder, :v_rule, :v_year, :v_units), (:v_holder, :v_rule, :v_month, :v_units),"
    " (:v_holder, :v_rule, :v_day, :v_units)"
    " ON CONFLICT (holder_id, rule, period) DO UPDATE SET used = rule_usage.used + excluded.used"
    " WHERE rule_usage.used + excluded.used <= CASE length(excluded.period)"
    " WHEN 10 THEN :v_per_day WHEN 7 THEN :v_per_month ELSE :v_per_year END RETURNING period"
)
USE = text(USE_CAPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Units that somebody is to get by a rule at a moment; ``counter``: whose caps they use."""

    counter: UUID
    units: int
    at: dt.datetime


def periods_of(moment: dt.datetime) -> tuple[str, str, str]:
    """Return the year, month and day that a moment's units count in."""
    day = business_day(moment).isoformat()
    return day[:4], day[:7], day


def caps_of(rule: Rule) -> tuple[int, int, int]:
    """Return the most units of a year, a month and a day."""
    caps = (rule.cap_per_year, rule.cap_per_month, rule.cap_per_day)
    year, month, day = (UNLIMITED if cap is None else cap for cap in caps)
    return year, month, day


def values_of(rule: Rule, wanted: Wanted) -> dict[str, object]:
    """Return the values of ``USE_CAPS``."""
    periods = zip(PERIODS, periods_of(wanted.at), caps_of(rule), strict=True)
    counters: dict[str, object] = {}
    for name, period, cap in periods:
        counters |= {f"v_{name}": period, f"v_per_{name}": cap}
    return {"v_holder": wanted.counter, "v_rule": rule.key, "v_units": wanted.units, **counters}


def use_caps(work: Work, rule: Rule, wanted: Wanted, used: dict[str, int]) -> int:
    """Raise the counters of day, month and year together; return the units that fit in all."""
    periods = zip(periods_of(wanted.at), caps_of(rule), strict=True)
    units: int = min(wanted.units, *(cap - used.get(period, 0) for period, cap in periods))
    if units <= 0:
        return 0
    # Nobody uses a cap up since it was read: a claim before it has locked the counters, as the
    # household's account is locked before a deduction.
    work.connection.execute(USE, work.bind(**values_of(rule, wanted) | {"v_units": units}))
    return units


def give_back(work: Work, counter: UUID, rule: str, units: int, periods: tuple[str, ...]) -> None:
    """Lower the counters by the units of an award that was taken back."""
    work.connection.execute(
        update(RuleUsage)
        .where(
            RuleUsage.holder_id == counter,
            RuleUsage.rule == rule,
            RuleUsage.period.in_(periods),
        )
        .values(used=RuleUsage.used - units),
    )


COUNTED = (
    Award.holder_id,
    Award.counted_for,
    Award.rule,
    Award.units,
    Award.event_at,
    Award.created_at,
)
"""What tells where an award is counted in caps."""


def free_caps(
    work: Work, counted: Row[UUID, UUID | None, str, int, dt.datetime, dt.datetime], units: int
) -> None:
    """Let units of an award be earned again, wherever they were counted on after a move, too."""
    counter = counted.counted_for or counted.holder_id
    went = directory().following(work.connection, counter, counted.created_at)
    for holder in sorted({counter, *went}):
        give_back(work, holder, counted.rule, units, periods_of(counted.event_at))
