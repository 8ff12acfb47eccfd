"""Jobs by slots: each slot is run once, whatever dies, fails, comes late or jumps."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, select

from core import jobs, settings
from core.jobs import Claim, Daily, Every, Finish, Job, JobUnknown, claim, finish, tick
from core.models import JobRun
from core.settings import SetSetting, set_setting
from core.work import SHANGHAI, transact
from tests.conftest import Clock
from tests.core.noting import audit, line, lines
from tests.exchange.threads import all_at_once

Run = Callable[..., Any]
MINUTE = dt.timedelta(minutes=1)
NIGHT = Daily(at=dt.time(2))


class Table:
    """A table of jobs that note when they run."""

    def __init__(self, app: Flask, clock: Clock, **schedules: Every | Daily) -> None:
        self.app, self.clock = app, clock
        self.ran: list[str] = []
        self.broken: set[str] = set()
        self.jobs = tuple(
            Job(name, "试一试", schedule, lambda name=name: self.body(name))  # type: ignore[misc]
            for name, schedule in schedules.items()
        )

    def body(self, name: str) -> str:
        self.ran.append(name)
        if name in self.broken:
            raise ZeroDivisionError
        return f"did {len(self.ran)}"

    def tick(self) -> list[str]:
        """Tick once, and return what ran."""
        before = len(self.ran)
        with self.app.app_context():
            tick(self.jobs)
        return self.ran[before:]


def runs(connection: Connection) -> list[tuple[str, str, int]]:
    """Return each claimed slot: job, state, attempts."""
    columns = (JobRun.job, JobRun.state, JobRun.attempts)
    rows = connection.execute(select(*columns).order_by(JobRun.slot, JobRun.job))
    return [(row[0], row[1], row[2]) for row in rows]


# --- when ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "now", "slot"),
    [
        (Every(MINUTE), (10, 0, 59), (24, 10, 0, 0)),
        (Every(MINUTE), (10, 1, 0), (24, 10, 1, 0)),
        (Every(dt.timedelta(seconds=20)), (10, 0, 59), (24, 10, 0, 40)),
        (NIGHT, (1, 59, 59), (23, 2, 0, 0)),
        (NIGHT, (2, 0, 0), (24, 2, 0, 0)),
        (Daily(setting="points.settle_at"), (23, 0, 0), (24, 2, 0, 0)),
    ],
)
def test_only_the_latest_slot_is_due(
    ask: Run, schedule: Every | Daily, now: tuple[int, int, int], slot: tuple[int, int, int, int]
) -> None:
    moment = dt.datetime(2026, 11, 24, *now, tzinfo=SHANGHAI)

    def due(connection: Connection) -> list[dt.datetime]:
        return schedule.due(connection, moment)

    assert ask(due) == [dt.datetime(2026, 11, *slot, tzinfo=SHANGHAI)]


def test_a_time_of_day_that_is_a_setting_follows_it(run: Run, ask: Run, clock: Clock) -> None:
    later = SetSetting(key="k", setting="points.settle_at", place=settings.DISTRICT, value="04:30")
    run(set_setting, later)

    found = ask(Daily(setting="points.settle_at").time_of, clock.now)

    assert found == dt.time(4, 30)


# --- once ------------------------------------------------------------------------------------


def test_a_slot_is_run_once_and_the_next_one_again(app: Flask, clock: Clock, ask: Run) -> None:
    table = Table(app, clock, fold=Every(MINUTE))

    assert table.tick() == ["fold"]
    clock.advance(seconds=59)
    assert table.tick() == []
    clock.advance(seconds=1)
    assert table.tick() == ["fold"]
    assert ask(runs) == [("fold", "done", 1)] * 2


def test_many_schedulers_at_once_run_each_slot_once(app: Flask, clock: Clock, ask: Run) -> None:
    table = Table(app, clock, fold=Every(MINUTE), settle=NIGHT, send=Every(MINUTE))

    for _ in range(3):
        all_at_once(app, [lambda: tick(table.jobs)] * 6)
        clock.advance(minutes=1)

    assert sorted(table.ran) == ["fold"] * 3 + ["send"] * 3 + ["settle"]
    assert {(state, attempts) for _job, state, attempts in ask(runs)} == {("done", 1)}


def test_a_scheduler_that_was_down_for_days_runs_each_job_once(app: Flask, clock: Clock) -> None:
    table = Table(app, clock, fold=Every(MINUTE), settle=NIGHT)
    table.tick()
    clock.advance(days=3, hours=2)

    assert table.tick() == ["fold", "settle"]
    assert table.tick() == []


def test_nothing_is_run_twice_when_the_clock_goes_back_or_leaps(
    app: Flask, clock: Clock, ask: Run
) -> None:
    table = Table(app, clock, settle=NIGHT)
    began = clock.now
    assert table.tick() == ["settle"]

    clock.set(began - dt.timedelta(hours=1))
    assert table.tick() == []
    clock.set(began + dt.timedelta(days=1))
    assert table.tick() == ["settle"]
    clock.set(began)
    assert table.tick() == []
    clock.set(began + dt.timedelta(days=2))
    assert table.tick() == ["settle"]


def test_claiming_leaves_no_audit_row(app: Flask, clock: Clock, ask: Run) -> None:
    Table(app, clock, fold=Every(MINUTE)).tick()

    assert ask(audit, "claim") == ask(audit, "finish") == []


# --- failing ---------------------------------------------------------------------------------


def test_a_job_that_fails_is_marked_and_holds_up_no_other(
    app: Flask, clock: Clock, ask: Run, caplog: pytest.LogCaptureFixture
) -> None:
    table = Table(app, clock, broken=Every(MINUTE), fold=Every(MINUTE))
    table.broken = {"broken"}

    assert table.tick() == ["broken", "fold"]

    assert ask(runs) == [("broken", "failed", 1), ("fold", "done", 1)]
    assert "job broken failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_what_failed_is_tried_again_and_done_once_it_succeeds(
    app: Flask, clock: Clock, ask: Run
) -> None:
    table = Table(app, clock, settle=NIGHT)
    table.broken = {"settle"}
    table.tick()
    table.tick()
    table.broken = set()

    assert table.tick() == ["settle"]
    assert table.tick() == []
    assert ask(runs) == [("settle", "done", 3)]


def test_what_fails_each_time_is_given_up_until_its_next_slot(
    app: Flask, clock: Clock, ask: Run
) -> None:
    table = Table(app, clock, settle=NIGHT)
    table.broken = {"settle"}
    for _ in range(8):
        table.tick()
        clock.advance(minutes=1)

    assert table.ran == ["settle"] * jobs.ATTEMPTS_MAX
    clock.advance(days=1)
    assert table.tick() == ["settle"]
    assert ask(runs) == [("settle", "failed", 5), ("settle", "failed", 1)]


def test_what_a_failing_job_had_committed_stays(app: Flask, clock: Clock, ask: Run) -> None:
    def body() -> str:
        transact(lambda work, _command: line(work, "first chunk"), None)
        raise ZeroDivisionError

    with app.app_context():
        assert tick((Job("broken", "试一试", Every(MINUTE), body),)) == 0

    assert ask(lines) == {"first chunk": 1}


def test_a_schedule_that_cannot_be_read_holds_up_no_other_job(
    app: Flask, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    table = Table(app, clock, odd=Daily(setting="no.such.setting"), fold=Every(MINUTE))

    assert table.tick() == ["fold"]
    assert "job odd" in caplog.text


# --- leases ----------------------------------------------------------------------------------


def taken(run: Run, clock: Clock) -> Any:
    return run(claim, Claim(job="fold", slot=dt.datetime(2026, 11, 24, tzinfo=dt.UTC))).id


def test_a_slot_that_somebody_runs_is_left_to_them_until_the_lease_ends(
    run: Run, clock: Clock
) -> None:
    first = taken(run, clock)
    assert first is not None

    clock.advance(minutes=9, seconds=59)
    assert taken(run, clock) is None
    clock.advance(seconds=1)
    assert taken(run, clock) not in {None, first}


def test_a_dead_scheduler_s_slot_is_taken_over_by_one_of_many(
    app: Flask, run: Run, clock: Clock, ask: Run
) -> None:
    table = Table(app, clock, settle=NIGHT)
    slot = ask(NIGHT.due, clock.now)[0]
    run(claim, Claim(job="settle", slot=slot))
    clock.advance(minutes=10)

    all_at_once(app, [lambda: tick(table.jobs)] * 6)

    assert table.ran == ["settle"]
    assert ask(runs) == [("settle", "done", 2)]


def test_who_lost_the_lease_closes_nothing(run: Run, clock: Clock, ask: Run) -> None:
    slot = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
    late = taken(run, clock)
    clock.advance(minutes=10)
    mine = taken(run, clock)

    run(finish, Finish(job="fold", slot=slot, claim=late, state="failed", report=""))
    assert ask(runs) == [("fold", "running", 2)]
    run(finish, Finish(job="fold", slot=slot, claim=mine, state="done", report="did 1"))

    assert ask(runs) == [("fold", "done", 2)]
    clock.advance(hours=1)
    assert taken(run, clock) is None


def test_a_slow_job_is_not_begun_again_by_another_while_its_lease_lasts(
    app: Flask, clock: Clock
) -> None:
    began, may_end = threading.Event(), threading.Event()
    ran: list[str] = []

    def slow() -> str:
        ran.append("slow")
        began.set()
        may_end.wait(10)
        return "done"

    table = (Job("slow", "试一试", NIGHT, slow),)

    def other() -> int:
        began.wait(10)
        try:
            return tick(table)
        finally:
            may_end.set()

    assert sorted(map(str, all_at_once(app, [lambda: tick(table), other]))) == ["0", "1"]
    assert ran == ["slow"]


# --- looking, and by hand --------------------------------------------------------------------


def test_the_last_run_of_each_job_tells_what_became_of_it(
    app: Flask, clock: Clock, ask: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Table(app, clock, fold=Every(MINUTE), settle=NIGHT, never=NIGHT)
    monkeypatch.setitem(app.extensions, "linli.jobs", table.jobs)
    table.jobs = table.jobs[:2]
    table.tick()
    clock.advance(minutes=1)
    table.broken = {"fold"}
    table.tick()

    found = ask(jobs.last_runs)

    assert set(found) == {"fold", "settle"}
    assert (found["fold"].state, found["fold"].report) == ("failed", "")
    assert (found["settle"].state, found["settle"].report) == ("done", "did 2")
    assert found["fold"].slot == found["fold"].started_at == clock.now
    assert found["settle"].finished_at == clock.now - MINUTE
    assert found["settle"].attempts == 1


def test_by_hand_a_job_runs_whatever_its_slots_say(
    app: Flask, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Table(app, clock, settle=NIGHT)
    monkeypatch.setitem(app.extensions, "linli.jobs", table.jobs)
    table.tick()

    with app.app_context():
        assert jobs.run_by_hand("settle") == "did 2"
        with pytest.raises(JobUnknown):
            jobs.run_by_hand("nothing")


@pytest.mark.database("sqlite")
def test_the_command_names_what_there_is_and_says_what_there_is_not(app: Flask) -> None:
    runner = app.test_cli_runner()

    listed = runner.invoke(args=["jobs", "list"]).output
    unknown = runner.invoke(args=["jobs", "run", "nothing"])

    with app.app_context():
        assert [row.split()[0] for row in listed.splitlines()] == [
            job.name for job in jobs.registered()
        ]
    assert unknown.exit_code == 1
    assert unknown.output == f"Error: {JobUnknown.text}\n"


@pytest.mark.database("sqlite")
def test_the_scheduler_ticks_every_twenty_seconds_and_never_twice_at_once(app: Flask) -> None:
    running = jobs.start_scheduler(app)
    try:
        (job,) = running.get_jobs()
        assert job.trigger.interval == dt.timedelta(seconds=20)
        assert job.max_instances == 1
    finally:
        running.shutdown(wait=True)


def test_runs_are_kept_for_a_month(app: Flask, clock: Clock, run: Run, ask: Run) -> None:
    table = Table(app, clock, fold=Every(MINUTE))
    table.tick()
    clock.advance(days=30)
    table.tick()

    assert run(jobs.clean, None) == jobs.Cleaned(runs=0)
    clock.advance(minutes=1)
    assert run(jobs.clean, None) == jobs.Cleaned(runs=1)
    assert len(ask(runs)) == 1
