"""The checkers find what they are for: each seeded bug is caught; without one they are silent."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Stage
from tests.points.checkers import CHECKERS
from tests.points.proof import EACH, RESULTS, caught, in_time
from tests.points.seeded import BUGS, Bug


def nothing() -> None:
    """Loosen no constraint."""


@pytest.mark.database("postgresql")
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_each_seeded_bug_is_caught(stage: Stage, bug: Bug) -> None:
    # What only a race shows may need another one.
    tries = [caught(bug, stage)]
    while tries[-1].by is None and sum(each.seconds for each in tries) < EACH / 2:
        tries.append(caught(bug, stage))

    assert tries[-1].by == bug.checker
    assert sum(each.seconds for each in tries) < EACH


@pytest.mark.database("postgresql")
@pytest.mark.parametrize("name", CHECKERS)
def test_without_a_bug_the_same_checkers_are_silent(stage: Stage, name: str) -> None:
    with stage.app.app_context():
        assert CHECKERS[name](stage, nothing) is None


def test_the_fifteen_bugs_are_all_there() -> None:
    assert len({bug.name for bug in BUGS}) >= 15


def test_the_last_proof_took_no_more_than_three_minutes_and_caught_them_all() -> None:
    """A run beside other tests says nothing about time: ``make proof`` measured it alone."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))

    assert {row["bug"]: row["caught_by"] for row in rows} == {bug.name: bug.checker for bug in BUGS}
    assert in_time(rows)
    assert not in_time([*rows, {"seconds": 61.0}])
