"""Twelve clients at once on two residents, and a reader of snapshots: nothing is ever broken."""

from __future__ import annotations

import os

import pytest

from tests.conftest import Stage
from tests.points.checkers import crowd

SOAK = bool(os.environ.get("LINLI_SOAK"))
CLIENTS = 12
ROUNDS = 3_600 if SOAK else 12
OPERATIONS = 200_000 if SOAK else 600


@pytest.mark.timeout(12 * 3600 if SOAK else 600)
def test_no_snapshot_and_no_answer_is_wrong(stage: Stage) -> None:
    made = crowd(stage, rounds=ROUNDS, clients=CLIENTS)

    assert made.found == []
    assert made.done >= OPERATIONS
    assert made.snapshots > 0
