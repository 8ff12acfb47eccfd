"""The ledger beside plain dicts: twenty thousand random steps over both databases agree.

``make soak`` takes other steps each time, and a million.
"""

from __future__ import annotations

import itertools
import os
import secrets
import sys

import pytest

from tests.conftest import Stage
from tests.points.checkers import drive
from tests.points.ledger_story import ACTS
from tests.points.ledger_world import World

SOAK = bool(os.environ.get("LINLI_SOAK"))
STEPS = {"sqlite": 16_500, "postgresql": 3_500}
"""Twenty thousand together; the embedded database is no trip away, and takes more of them."""

SOAKED = 500_000

EXAMPLES = 10
"""Stories of one seed: the last seed is told to its end, and few go little beyond the steps."""


@pytest.mark.long
@pytest.mark.timeout(12 * 3600 if SOAK else 900)
def test_ledger_and_model_agree_after_each_step(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    world, steps = World(stage), SOAKED if SOAK else STEPS[stage.kind]
    first = secrets.randbelow(1 << 32) if SOAK else 1
    with stage.app.app_context():
        for number in itertools.count(first):
            try:
                drive(world, number, EXAMPLES)
            except Exception as error:
                error.add_note(f"seeds from {first}, broke at {number}")
                raise
            if world.steps >= steps:
                break
        world.finish()
    with capsys.disabled():
        words = f"{world.steps} steps, {world.refusals} of their parts refused, seeds from {first}"
        sys.stdout.write(f"\n{stage.kind}: {words}\n")
    assert world.steps >= steps
    assert set(world.acts) == set(ACTS)
