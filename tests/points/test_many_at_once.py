"""Twelve clients at once on two residents, and a reader of snapshots: nothing is ever broken.

They earn, spend, hold and return, and years end meanwhile, so that points lapse.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.conftest import Stage
from tests.points.checkers import crowd

SOAK = bool(os.environ.get("LINLI_SOAK"))
CLIENTS = 12
ROUNDS = 122
OPERATIONS = 200_000 if SOAK else 10_000
"""On each database, by crowd after crowd: of full tables each look would take longer."""


@pytest.mark.long
@pytest.mark.timeout(12 * 3600 if SOAK else 600)
def test_no_snapshot_and_no_answer_is_wrong(stage: Stage) -> None:
    deadlocks = 0
    done, answers, posted = 0, Counter[str](), Counter[str]()
    while done < OPERATIONS:
        if done:
            stage.reset()
        made = crowd(stage, rounds=ROUNDS, clients=CLIENTS)
        assert made.found == []
        assert made.snapshots > 0
        deadlocks += made.deadlocks
        done += made.done
        answers += made.answers
        posted += Counter(made.posted)

    # Nobody was told of those that there were.
    assert deadlocks > 0 or stage.kind == "sqlite"
    assert {"InsufficientPoints", "AlreadyReversed"} < set(answers)
    assert set(posted) == {"adjustment", "award", "expiry", "redemption", "reversal"}
