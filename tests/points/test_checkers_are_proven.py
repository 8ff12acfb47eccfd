"""The checkers find what they are for: each seeded bug is caught; without one they are silent."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import pytest

from points import ledger
from tests.conftest import Stage
from tests.points.checkers import CHECKERS
from tests.points.proof import EACH, RESULTS, TOGETHER, caught, in_time
from tests.points.seeded import BUGS, Bug, everywhere


def nothing() -> None:
    """Loosen no constraint."""


@pytest.fixture
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this run, which its workers share, for the seconds of each bug."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "seconds"
    folder.mkdir(exist_ok=True)
    return folder


class Misspelt(Exception):
    """What a bug that was seeded badly raises."""


def spoil(stack: contextlib.ExitStack) -> None:
    def debit_legs(*_args: object, **_more: object) -> None:
        raise Misspelt

    everywhere(stack, ledger.debit_legs, debit_legs)


@pytest.mark.database("postgresql")
@pytest.mark.parametrize("checker", ["concurrency", "state machine"])
def test_a_bug_that_was_seeded_badly_is_not_caught(stage: Stage, checker: str) -> None:
    with pytest.raises(Misspelt):
        caught(Bug("misspelt", checker, spoil), stage)


@pytest.mark.database("postgresql")
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_each_seeded_bug_is_caught_and_all_in_time(stage: Stage, bug: Bug, run: Path) -> None:
    # What only a race shows may need another one.
    tries = [caught(bug, stage)]
    while tries[-1].by is None and sum(each.seconds for each in tries) < EACH / 2:
        tries.append(caught(bug, stage))

    assert tries[-1].by == bug.checker
    seconds = sum(each.seconds for each in tries)
    assert seconds < EACH
    # Whoever is last, on whichever worker, sees what all of them took.
    (run / bug.name.replace("/", " ")).write_text(str(seconds), encoding="utf-8")
    took = sum(float(each.read_text(encoding="utf-8")) for each in run.iterdir())
    # Beside other workers each has a share of the machine.
    assert took < TOGETHER * int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


@pytest.mark.long
@pytest.mark.database("postgresql")
@pytest.mark.parametrize("name", CHECKERS)
def test_without_a_bug_the_same_checkers_are_silent(stage: Stage, name: str) -> None:
    with stage.app.app_context():
        assert CHECKERS[name](stage, nothing) is None


def test_the_fifteen_bugs_are_all_there() -> None:
    assert len({bug.name for bug in BUGS}) >= 15


def test_the_proof_that_is_written_down_took_no_longer_and_caught_them_all() -> None:
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))

    assert {row["bug"]: row["caught_by"] for row in rows} == {bug.name: bug.checker for bug in BUGS}
    assert in_time(rows)
    assert not in_time([*rows, {"seconds": 61.0}])
