"""What stands of a day at each door: how often it was recorded, and whether more would count."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

import pytest

from points.earning.act_sheets import ListedAct, RowResult, record_all
from points.earning.acts import RecordAct, record_act
from points.earning.recorders import Act
from points.earning.repeats import recorded_on
from points.earning.rules import Rule, rule_in_force
from tests.people import HERE, Someone
from tests.points.books import one
from tests.points.correcting import Desk
from tests.points.doors import building_lead, grid_worker

DAY = dt.date(2026, 11, 24)


@pytest.fixture
def worker(desk: Desk) -> Someone:
    return grid_worker(desk.run, desk.ask, desk.cast, "3", "5")


def rule_of(desk: Desk, key: str) -> Rule:
    found: Rule = desk.ask(rule_in_force, HERE, key, DAY)
    return found


def tick(
    desk: Desk, who: Someone, holder: UUID, occurrence: int = 0, day: dt.date = DAY, **changes: Any
) -> RowResult:
    """Record a door as the field page does."""
    given: dict[str, Any] = {"rule": "report.hazard", "holder_kind": "resident", "units": 1}
    row = ListedAct(
        number=1, act=Act(**given | changes, holder_id=holder, day=day), occurrence=occurrence
    )
    with desk.app.app_context():
        return record_all(desk.cast.actor(who), HERE, [row], again=desk.clock.now)[1].rows[0]


def stands(desk: Desk, key: str, holder: UUID, day: dt.date = DAY) -> tuple[int, bool, int]:
    """Return how often it was recorded, whether it is full, and the next row of the day."""
    found = desk.ask(recorded_on, HERE, rule_of(desk, key), day, [holder])[holder]
    return found.times, found.is_full, found.next


def test_each_act_of_a_day_is_the_next_row_until_the_day_is_full(
    desk: Desk, worker: Someone
) -> None:
    chen = one(desk.cast.chen.resident)
    assert stands(desk, "report.hazard", chen) == (0, False, 0)
    tick(desk, worker, chen)
    assert stands(desk, "report.hazard", chen) == (1, False, 1)
    tick(desk, worker, chen, 1)
    assert stands(desk, "report.hazard", chen) == (2, True, 2)
    assert stands(desk, "report.hazard", chen, DAY - dt.timedelta(days=1)) == (0, False, 0)
    assert stands(desk, "report.hazard", one(desk.cast.wang.resident)) == (0, False, 0)


@pytest.mark.parametrize("arrived", [False, True])
def test_the_row_of_an_act_that_was_undone_is_the_next_one(
    desk: Desk, worker: Someone, *, arrived: bool
) -> None:
    chen = one(desk.cast.chen.resident)
    first = tick(desk, worker, chen)
    tick(desk, worker, chen, 1)
    if arrived:
        desk.night()
    desk.back(one(first.award))

    assert stands(desk, "report.hazard", chen) == (1, False, 0)
    day = desk.ask(recorded_on, HERE, rule_of(desk, "report.hazard"), DAY, [chen])[chen]
    assert (day.was_undone, day.rows) == (True, {0, 1})
    assert tick(desk, worker, chen).outcome == "recorded"
    assert stands(desk, "report.hazard", chen) == (2, True, 2)


def test_what_was_recorded_at_the_desk_counts_but_is_no_row_of_a_list(desk: Desk) -> None:
    chen = one(desk.cast.chen.resident)
    command = RecordAct(
        key="k",
        community=HERE,
        rule="report.idea",
        holder_kind="resident",
        holder_id=chen,
        units=1,
        day=DAY,
    )
    desk.run(record_act, command, desk.cast.actor(desk.cast.staff))

    assert stands(desk, "report.idea", chen) == (1, False, 0)


def test_a_month_that_is_full_is_full_on_each_of_its_days(desk: Desk, worker: Someone) -> None:
    chen = one(desk.cast.chen.resident)
    for day in range(1, 6):
        for occurrence in (0, 1):
            tick(desk, worker, chen, occurrence, dt.date(2026, 11, day))

    assert stands(desk, "report.hazard", chen) == (0, True, 0)
    assert stands(desk, "report.hazard", chen, dt.date(2026, 10, 31)) == (0, False, 0)


def test_a_rule_of_the_month_is_done_with_one_on_any_of_its_days(desk: Desk) -> None:
    fang = building_lead(desk.run, desk.ask, desk.cast)
    home = one(desk.cast.wang.household)
    tick(desk, fang, home, rule="covenant.corridor", holder_kind="household")

    for day in (1, 30):
        assert stands(desk, "covenant.corridor", home, DAY.replace(day=day)) == (1, True, 1)
    assert stands(desk, "covenant.corridor", home, dt.date(2026, 10, 31)) == (0, False, 0)
