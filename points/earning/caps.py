"""Caps of earning: guarded counters of units, raised together with the award."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import TextClause, text, update

from core.errors import N_, Conflict
from core.work import business_day
from points.earning.rules import Rule
from points.models import RuleUsage

if TYPE_CHECKING:
    from core.work import Work

USE_CAPS = (
    "INSERT INTO rule_usage (holder_id, rule, period, used) VALUES {values}"
    " ON CONFLICT (holder_id, rule, period) DO UPDATE SET used = rule_usage.used + excluded.used"
    " WHERE rule_usage.used + excluded.used <= CASE length(excluded.period)"
    " WHEN 10 THEN :v_day WHEN 7 THEN :v_month ELSE :v_year END RETURNING period"
)


class AwardRaced(Conflict):
    """The same cause was awarded at the same moment; tried again, it says that it exists."""

    retried = True
    text = N_("刚刚有人记了同一件事，请再看一眼。")


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


def values_of(periods: int) -> str:
    """Return the rows of ``USE_CAPS`` for so many periods."""
    each = "(:v_holder, :v_rule, :v_period{}, :v_units)"
    return ", ".join(each.format(index) for index in range(periods))


@lru_cache(maxsize=4)
def _use_caps(periods: int) -> TextClause:
    return text(USE_CAPS.format(values=values_of(periods)))


def caps_of(rule: Rule, wanted: Wanted) -> tuple[dict[str, int], dict[str, object]]:
    """Return the periods that the rule limits with their caps, and the values of ``USE_CAPS``."""
    caps = (rule.cap_per_year, rule.cap_per_month, rule.cap_per_day)
    limited = {
        period: cap
        for period, cap in zip(periods_of(wanted.at), caps, strict=True)
        if cap is not None
    }
    if not limited:
        return {}, {}
    named = {f"v_period{index}": period for index, period in enumerate(limited)}
    return limited, {
        "v_holder": wanted.counter,
        "v_rule": rule.key,
        "v_units": wanted.units,
        "v_day": rule.cap_per_day,
        "v_month": rule.cap_per_month,
        "v_year": rule.cap_per_year,
        **named,
    }


def use_caps(work: Work, rule: Rule, wanted: Wanted, used: dict[str, int]) -> int:
    """Raise the counters of day, month and year together; return the units that fit in all."""
    limited, values = caps_of(rule, wanted)
    if not limited:
        return wanted.units
    left = [cap - used.get(period, 0) for period, cap in limited.items()]
    units: int = min(wanted.units, *left)
    if units <= 0:
        return 0
    raised = work.connection.execute(
        _use_caps(len(limited)), work.bind(**values | {"v_units": units})
    ).all()
    if len(raised) < len(limited):
        # Somebody else used the cap up since it was read: roll back and read it again.
        raise AwardRaced
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
