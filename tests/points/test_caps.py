"""Caps in units per act, day, month and year, of a person or of a household together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from core.work import SHANGHAI
from points.earning.awards import Award, award, void_award
from points.earning.rules import Rule
from points.proof.verify import verify
from tests.conftest import Stage
from tests.points.books import NEIGHBOUR, RESIDENT, one
from tests.points.earning import HOUR, HOUSEHOLD, days_later, holders, serving
from tests.points.raw import Raw

Run = Callable[..., Any]
FAMILY = replace(
    HOUR, cap_per_act=3, cap_per_day=4, cap_per_month=6, cap_per_year=8, household_caps=True
)


@pytest.fixture(autouse=True)
def people(run: Run, cast: Any) -> None:
    run(holders, None)


def given(cause: str, rule: Rule = FAMILY, **changes: Any) -> Award:
    return serving(cause, rule=rule, household=HOUSEHOLD, **changes)


def used(connection: Connection) -> set[tuple[str, int]]:
    rows = connection.execute(text("SELECT period, used FROM rule_usage WHERE used > 0"))
    return {(row.period, row.used) for row in rows}


def test_one_act_counts_no_more_than_its_cap(run: Run) -> None:
    made = run(award, given("a", units=10))

    assert (made.units, made.capped) == (3, True)


def test_members_of_a_household_use_its_caps_together(run: Run, ask: Run) -> None:
    first = run(award, given("a", units=3))
    second = run(award, given("b", units=3, holder_id=NEIGHBOUR))
    nothing = run(award, given("c", units=1))

    assert (first.units, second.units, second.capped) == (3, 1, True)
    assert (nothing.units, nothing.id) == (0, None)
    assert ask(used) == {("2026", 4), ("2026-11", 4), ("2026-11-24", 4)}


def test_the_month_and_the_year_count_the_household_too(run: Run) -> None:
    run(award, given("a", units=3))
    other = run(award, given("b", units=3, holder_id=NEIGHBOUR, event_at=days_later(1)))
    month = run(award, given("c", units=3, event_at=days_later(2)))
    year = run(award, given("d", units=3, event_at=days_later(7)))

    assert [other.units, month.units, year.units] == [3, 0, 2]


def test_a_rule_that_counts_persons_leaves_the_household_out(run: Run) -> None:
    each = replace(FAMILY, household_caps=False)
    run(award, given("a", each, units=3))
    made = run(award, given("b", each, units=3, holder_id=NEIGHBOUR))

    assert made.units == 3


def test_a_void_award_gives_the_household_its_units_back(run: Run, ask: Run) -> None:
    made = run(award, given("a", units=3))
    alone, other = replace(FAMILY, household_caps=False), replace(FAMILY, key="join.activity")
    run(award, given("of one of them", alone, units=2, holder_id=NEIGHBOUR))
    run(award, given("by another rule", other, units=3))
    run(award, given("a day later", units=1, event_at=days_later(1)))

    def void(work: Any, identity: UUID) -> Any:
        return void_award(work, identity)

    run(void, one(made.id))

    assert ask(used) == {
        *((period, 2) for period in ("2026", "2026-11", "2026-11-24")),
        *((period, 3) for period in ("2026", "2026-11", "2026-11-24")),
        *((period, 1) for period in ("2026", "2026-11", "2026-11-25")),
    }
    assert run(award, given("b", units=3, holder_id=NEIGHBOUR)).units == 3


def test_the_day_is_the_one_in_hangzhou(run: Run, ask: Run) -> None:
    late = days_later(0).astimezone(SHANGHAI).replace(hour=23, minute=59)
    run(award, given("a", units=3, event_at=late))

    assert ("2026-11-24", 3) in ask(used)
    assert RESIDENT != NEIGHBOUR


def test_a_cap_that_comes_later_finds_what_was_given_before(run: Run, ask: Run) -> None:
    free = replace(FAMILY, cap_per_act=None, cap_per_day=None, cap_per_month=None)
    first = run(award, given("a", free, units=3))
    second = run(award, given("b", units=3, holder_id=NEIGHBOUR))

    def void(work: Any, identity: UUID) -> Any:
        return void_award(work, identity)

    run(void, one(first.id))

    assert second.units == 1
    assert ask(used) == {("2026", 1), ("2026-11", 1), ("2026-11-24", 1)}


def test_the_verifier_holds_the_counters_against_the_awards(
    run: Run, ask: Run, stage: Stage
) -> None:
    run(award, given("a", units=3))
    run(award, given("b", replace(FAMILY, household_caps=False), units=2))

    def times() -> int:
        return sum(each.times for each in ask(lambda c: verify(c).broken) if each.name == "caps")

    found = [times()]
    with Raw(stage) as raw:
        for damage in (
            "UPDATE rule_usage SET used = used + 1 WHERE used = 3 AND period = '2026-11'",
            "UPDATE rule_usage SET used = used - 1 WHERE used = 2 AND period = '2026'",
            "UPDATE rule_usage SET period = '2026-11-25' WHERE used = 2 AND period = '2026-11-24'",
        ):
            raw.execute(damage)
            found.append(times())

    # A month is wrong beside its days and its year; a counter of another day on both days.
    assert found == [0, 2, 3, 5]
