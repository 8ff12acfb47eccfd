"""Feeds and imported hours are proven: what was tampered with is found and named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from core.db import db
from points.proof.verify import verify
from tests.conftest import Clock
from tests.people import People
from tests.points.feeding import feeder, open_rule, platform, served, thrown

Run = Callable[..., Any]
FEEDING_CHECKS = {"feeds", "hours elsewhere"}
"""Checks that this file damages books for; the others are damaged in ``test_verify_damage``."""


@pytest.fixture
def fed(app: Flask, run: Run, cast: People, clock: Clock) -> None:
    """A bag and two reports of hours."""
    open_rule(run, cast, clock)
    assert feeder(app, run, cast, clock).states(thrown("a", clock.now)) == ["recorded"]
    hours = platform(app, run, cast, clock)
    at = clock.now - dt.timedelta(hours=9)
    later = served("c", at + dt.timedelta(hours=4))
    assert hours.states(served("b", at), later) == ["recorded", "recorded"]


def test_what_was_fed_is_whole(fed: None, ask: Run) -> None:
    assert ask(verify).broken == ()


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        ("DELETE FROM feed_items WHERE key = 'a'", "feeds"),
        ("UPDATE feed_items SET units = 2 WHERE key = 'a'", "feeds"),
        ("UPDATE awards SET source_kind = 'act' WHERE rule = 'waste.device'", "feeds"),
        (
            """UPDATE imported_hours SET ends_at = (SELECT max(ends_at) FROM imported_hours)
            WHERE starts_at = (SELECT min(starts_at) FROM imported_hours)""",
            "hours elsewhere",
        ),
        ("UPDATE imported_hours SET resident = award", "hours elsewhere"),
    ],
)
def test_damage_is_found(fed: None, app: Flask, ask: Run, damage: str, check: str) -> None:
    with app.app_context(), db.engine.connect().execution_options(writes=True) as connection:
        connection.execute(text(damage))
        connection.commit()
    assert check in {each.name for each in ask(verify).broken}
