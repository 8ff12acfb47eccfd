"""The ledger's jobs by hand: each does what is due, a second run does nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from core import jobs
from core.work import SHANGHAI
from residents import people
from tests.conftest import Clock
from tests.people import People
from tests.points.books import one

Run = Callable[..., Any]


def by_hand(app: Flask, name: str) -> str:
    answer = app.test_cli_runner().invoke(args=["jobs", "run", name])
    assert answer.exit_code == 0, answer.output
    return answer.output.strip()


def test_settling_by_hand_settles_once(app: Flask, clock: Clock, cast: People, run: Run) -> None:
    confirm = people.ConfirmResident(resident=one(cast.new.resident))
    run(people.confirm_resident, confirm, cast.actor(cast.staff))

    assert by_hand(app, "settle-awards") == "settle-awards: settled 0"
    clock.set(dt.datetime(2026, 11, 25, 2, 0, tzinfo=SHANGHAI))
    assert by_hand(app, "settle-awards") == "settle-awards: settled 1"
    assert by_hand(app, "settle-awards") == "settle-awards: settled 0"


@pytest.mark.parametrize(
    "name",
    [
        "settle-awards",
        "settle-at-once",
        "lapse-holds",
        "fold-deltas",
        "close-day",
        "expire-points",
        "warn-expiry",
        "warn-heirs",
        "follow-residents",
        "clean-limits",
        "forget-feeds",
    ],
)
def test_every_job_of_the_ledger_runs_twice(app: Flask, name: str) -> None:
    first = by_hand(app, name)

    assert first.startswith(f"{name}: ")
    assert by_hand(app, name) == f"{name}: {first.split()[1]} 0"


@pytest.mark.database("sqlite")
def test_every_job_has_a_schedule_and_a_chinese_title(app: Flask) -> None:
    with app.app_context():
        found = {job.name: job.schedule.words for job in jobs.registered()}

    assert found["settle-awards"] == "每天到账时间"
    assert found["close-day"] == "每天 00:30"
    assert found["settle-at-once"] == "每 1 分钟"
    assert found["fold-deltas"] == "每小时"
