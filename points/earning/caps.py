"""Caps of earning: guarded counters of units, raised together with the award."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text, update

from core.directory import directory
from core.errors import N_
from core.work import business_day
from points.earning.rules import Caps, Rule
from points.models import Award, RuleUsage

if TYPE_CHECKING:
    from sqlalchemy import Row

    from core.work import Work

UNLIMITED = 2**31 - 1
PERIODS = ("year", "month", "day")
NAMES = ("per_year", "per_month", "per_day")
WORDS = {
    "per_act": N_("每次"),
    "per_day": N_("每天"),
    "per_month": N_("每月"),
    "per_year": N_("每年"),
}
HOUSEHOLD = "household_"
"""How the name of a cap begins that the members of a household have together."""

Counter = tuple[UUID, str, str]
"""Whose, by which rule, in which period."""


def _counters(holder: str) -> str:
    return ", ".join(f"(:{holder}, :v_rule, :v_{period}, :v_units)" for period in PERIODS)


def _cap(of: str) -> str:
    return (
        f"CASE length(excluded.period) WHEN 10 THEN :{of}_day WHEN 7 THEN :{of}_month"
        f" ELSE :{of}_year END"
    )


def _raising(counters: str, cap: str) -> str:
    return (
        f"INSERT INTO rule_usage (holder_id, rule, period, used) VALUES {counters}"  # noqa: S608 - ours
        " ON CONFLICT (holder_id, rule, period) DO UPDATE SET"
        " used = rule_usage.used + excluded.used"
        f" WHERE rule_usage.used + excluded.used <= {cap} RETURNING holder_id, period"
    )


# A period is counted also where no cap limits it, so that counters are what awards come to, and a
# cap that is set later finds what was given before.
USE_CAPS = _raising(_counters("v_holder"), _cap("v_per"))
# The household's first: who waits for it holds no counter of its members.
USE_BOTH = _raising(
    f"{_counters('v_household')}, {_counters('v_holder')}",
    f"CASE excluded.holder_id WHEN :v_holder THEN {_cap('v_per')} ELSE {_cap('v_together')} END",
)
USE, USE_TOGETHER = text(USE_CAPS), text(USE_BOTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Units that a holder is to get by a rule at a moment."""

    holder: UUID
    units: int
    at: dt.datetime
    #: The household whose caps they use as well.
    household: UUID | None = None


@lru_cache(maxsize=512)
def periods_of(moment: dt.datetime) -> tuple[str, str, str]:
    """Return the year, month and day that a moment's units count in."""
    day = business_day(moment).isoformat()
    return day[:4], day[:7], day


def caps_of(rule: Rule, wanted: Wanted) -> list[tuple[UUID, Caps]]:
    """Return whose caps are used, in the order in which their counters are locked."""
    own = wanted.holder, rule.caps
    return [own] if wanted.household is None else [(wanted.household, rule.household_caps), own]


def limits_of(rule: Rule, wanted: Wanted) -> list[tuple[Counter, int]]:
    """Return the most units of each counter, in the order in which they are locked."""
    periods = periods_of(wanted.at)
    return [
        ((whose, rule.key, period), UNLIMITED if cap is None else cap)
        for whose, caps in caps_of(rule, wanted)
        for period, cap in zip(periods, caps, strict=True)
    ]


def values_of(rule: Rule, wanted: Wanted) -> dict[str, object]:
    """Return the values of ``USE_CAPS``, and of ``USE_BOTH`` where a household counts as well."""
    values: dict[str, object] = {
        "v_holder": wanted.holder,
        "v_rule": rule.key,
        "v_units": wanted.units,
    }
    for name, period, cap in zip(PERIODS, periods_of(wanted.at), rule.caps, strict=True):
        values |= {f"v_{name}": period, f"v_per_{name}": UNLIMITED if cap is None else cap}
    if wanted.household is not None:
        values["v_household"] = wanted.household
        for name, cap in zip(PERIODS, rule.household_caps, strict=True):
            values[f"v_together_{name}"] = UNLIMITED if cap is None else cap
    return values


def use_caps(work: Work, rule: Rule, wanted: Wanted, used: Mapping[Counter, int]) -> int:
    """Raise the counters of day, month and year together; return the units that fit in all."""
    left = (cap - used.get(counter, 0) for counter, cap in limits_of(rule, wanted))
    units: int = min(wanted.units, *left)
    if units <= 0:
        return 0
    # Nobody uses a cap up since it was read: a claim before it has locked the counters, as the
    # household's account is locked before a deduction.
    statement = USE if wanted.household is None else USE_TOGETHER
    work.connection.execute(statement, work.bind(**values_of(rule, wanted) | {"v_units": units}))
    return units


def tightest(rule: Rule, wanted: Wanted, used: Mapping[Counter, int]) -> str:
    """Name the cap that leaves the fewest units; of equal ones the longest of the holder's own."""
    left = [cap - used.get(counter, 0) for counter, cap in limits_of(rule, wanted)]
    own, together = left[-len(PERIODS) :], left[: -len(PERIODS)]
    found = dict(zip(NAMES, own, strict=True))
    if rule.cap_per_act is not None:
        found["per_act"] = rule.cap_per_act
    found |= {f"{HOUSEHOLD}{name}": units for name, units in zip(NAMES, together, strict=False)}
    return min(found, key=found.__getitem__)


def full_words(cap: str, holder: str, units: int) -> str:
    """Say whose cap is full, or what it had left."""
    words = cap_words(cap, holder)
    if not units:
        return N_("{cap}的上限已满，不计分").format(cap=words)
    return N_("{cap}的上限只够 {units} 次").format(cap=words, units=units)


def cap_words(cap: str, holder: str) -> str:
    """Say whose cap it is and of what: 本人每天, 全户合计每月."""
    if cap.startswith(HOUSEHOLD):
        return N_("全户合计") + WORDS[cap.removeprefix(HOUSEHOLD)]
    whose = N_("本户") if holder == "household" else N_("本人")
    return whose + WORDS[cap]


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
    for counter in (counted.counted_for, counted.holder_id):
        if counter is None:
            continue
        went = directory().following(work.connection, counter, counted.created_at)
        for holder in sorted({counter, *went}):
            give_back(work, holder, counted.rule, units, periods_of(counted.event_at))
