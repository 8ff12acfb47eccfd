"""The checkers find what they are for: each seeded bug is caught; without one they are silent."""

from __future__ import annotations

import pytest

from tests.conftest import Stage
from tests.points.checkers import CHECKERS
from tests.points.proof import caught
from tests.points.seeded import BUGS, Bug

SECONDS_MAX = 60.0


def nothing() -> None:
    """Loosen no constraint."""


@pytest.mark.database("postgresql")
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_each_seeded_bug_is_caught(stage: Stage, bug: Bug) -> None:
    # What only a race shows may need another one.
    tries = [caught(bug, stage)]
    while tries[-1].by is None and sum(each.seconds for each in tries) < SECONDS_MAX / 2:
        tries.append(caught(bug, stage))

    assert tries[-1].by == bug.checker
    assert sum(each.seconds for each in tries) < SECONDS_MAX


@pytest.mark.database("postgresql")
@pytest.mark.parametrize("name", CHECKERS)
def test_without_a_bug_the_same_checkers_are_silent(stage: Stage, name: str) -> None:
    with stage.app.app_context():
        assert CHECKERS[name](stage, nothing) is None


def test_the_fifteen_bugs_are_all_there() -> None:
    assert len({bug.name for bug in BUGS}) >= 15
