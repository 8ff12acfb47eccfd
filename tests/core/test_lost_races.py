"""Lost races are run again, with real rivals: a second connection, a deadlock, a cut line.

Only what a repeat can heal is repeated; a CHECK or a foreign key that refuses is a bug of ours.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError, OperationalError

from core.errors import Busy
from core.models import RateLimit
from core.work import ATTEMPTS_MIN, Work, _lost_a_race, reader, reading, transact
from tests.conftest import Stage
from tests.core.noting import Attempts, Note, audit, has, line, lines, note
from tests.exchange.threads import all_at_once
from tests.points.raw import Raw

Run = Callable[..., Any]
INSERT = "INSERT INTO rate_limits (key, window_end, used) VALUES ('{}', '2026-11-25 00:00:00', 1)"


@pytest.fixture
def rival(stage: Stage) -> Iterator[Raw]:
    """A second connection, past the application."""
    with Raw(stage) as raw:
        yield raw


def raised(work: Work, key: str) -> None:
    """Count one more on a line."""
    work.connection.execute(
        update(RateLimit).where(RateLimit.key == key).values(used=RateLimit.used + 1)
    )


def found(work: Work) -> None:
    """Find what the winner did, and go on from there."""
    assert has(work, "a")
    raised(work, "a")


def backend(work: Work) -> int:
    """Return the server's process behind a work."""
    return int(work.connection.scalar(text("SELECT pg_backend_pid()")) or 0)


# --- unique keys -----------------------------------------------------------------------------


def test_who_loses_the_race_for_a_key_finds_what_the_winner_did(run: Run, ask: Run) -> None:
    run(note, Note(key="a"))
    late = Attempts(lambda work: line(work, "a"), found)

    assert run(late, None) == 2
    assert ask(lines) == {"a": 2}
    assert len(ask(audit, "attempts")) == 1


@pytest.mark.database("postgresql")
def test_two_connections_race_for_a_key(run: Run, ask: Run, rival: Raw) -> None:
    def overtaken(work: Work) -> None:
        assert not has(work, "a")
        rival.execute(INSERT.format("a"))
        line(work, "a")

    late = Attempts(overtaken, found)

    assert run(late, None) == 2
    assert ask(lines) == {"a": 2}


def test_a_key_that_stays_taken_ends_as_busy_and_writes_nothing(
    run: Run, ask: Run, caplog: pytest.LogCaptureFixture
) -> None:
    run(note, Note(key="a"))

    def blind(work: Work) -> None:
        line(work, "half done")
        line(work, "a")

    stubborn = Attempts(blind)
    with pytest.raises(Busy):
        run(stubborn, None)

    assert stubborn.made == ATTEMPTS_MIN
    assert ask(lines) == {"a": 1}
    assert "attempts gave up" in caplog.text


def test_as_many_keys_as_race_are_lost_before_it_gives_up(app: Flask, run: Run) -> None:
    run(note, Note(key="a"))
    stubborn = Attempts(lambda work: line(work, "a"))

    with app.app_context(), pytest.raises(Busy):
        transact(stubborn, None, attempts=7)

    assert stubborn.made == 7


# --- serialization, deadlock -----------------------------------------------------------------


@pytest.mark.database("postgresql")
def test_a_snapshot_that_somebody_overtook_is_taken_anew(run: Run, ask: Run, rival: Raw) -> None:
    run(note, Note(key="a"))

    def overtaken(work: Work) -> None:
        work.connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        has(work, "a")
        rival.execute("UPDATE rate_limits SET used = used + 10")
        raised(work, "a")

    late = Attempts(overtaken, lambda work: raised(work, "a"))

    assert run(late, None) == 2
    assert ask(lines) == {"a": 12}


@pytest.mark.database("postgresql")
def test_a_deadlock_reaches_nobody(app: Flask, run: Run, ask: Run) -> None:
    run(note, Note(key="a"))
    run(note, Note(key="b"))
    embraced = threading.Barrier(2)

    def crossing(first: str, second: str) -> Attempts:
        def meet(work: Work) -> None:
            raised(work, first)
            embraced.wait(10)
            raised(work, second)

        def alone(work: Work) -> None:
            raised(work, first)
            raised(work, second)

        return Attempts(meet, alone)

    there, back = crossing("a", "b"), crossing("b", "a")
    all_at_once(app, [lambda: transact(there, None), lambda: transact(back, None)])

    assert sorted((there.made, back.made)) == [1, 2]
    assert ask(lines) == {"a": 3, "b": 3}


# --- locks -----------------------------------------------------------------------------------


@pytest.fixture
def locked(app: Flask, rival: Raw) -> Raw:
    """Somebody else holds the embedded database, and nobody waits five seconds for it."""
    with app.app_context(), reading() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 100")
    rival.execute("BEGIN IMMEDIATE")
    return rival


@pytest.mark.database("sqlite")
def test_an_embedded_database_that_somebody_locks_is_tried_again(
    run: Run, ask: Run, locked: Raw
) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(run, Attempts(lambda work: line(work, "a")), None)
        time.sleep(0.2)
        locked.execute("COMMIT")
        waiting.result()

    assert ask(lines) == {"a": 1}


@pytest.mark.database("sqlite")
def test_an_embedded_database_that_stays_locked_ends_as_busy(
    run: Run, ask: Run, locked: Raw
) -> None:
    with pytest.raises(Busy):
        run(Attempts(lambda work: line(work, "a")), None)

    assert ask(lines) == {}


@pytest.mark.database("postgresql")
def test_a_lock_that_somebody_holds_too_long_is_asked_for_again(
    run: Run, ask: Run, rival: Raw
) -> None:
    run(note, Note(key="a"))
    rival.execute("BEGIN")
    rival.execute("UPDATE rate_limits SET used = used + 10")

    def impatient(work: Work) -> None:
        work.connection.execute(text("SET LOCAL lock_timeout = '50ms'"))
        raised(work, "a")

    def after_the_other(work: Work) -> None:
        rival.execute("COMMIT")
        raised(work, "a")

    use_case = Attempts(impatient, impatient, after_the_other)

    assert run(use_case, None) == 3
    assert ask(lines) == {"a": 12}


# --- lost connections ------------------------------------------------------------------------


@pytest.mark.database("postgresql")
def test_a_cut_line_is_dialled_again_and_nothing_is_done_twice(
    run: Run, ask: Run, rival: Raw
) -> None:
    def cut(work: Work) -> None:
        line(work, "a")
        rival.execute(f"SELECT pg_terminate_backend({backend(work)})")
        line(work, "b")

    use_case = Attempts(cut, lambda work: line(work, "a"))

    assert run(use_case, None) == 2
    assert ask(lines) == {"a": 1}


@pytest.mark.database("postgresql")
def test_a_line_that_was_cut_while_nobody_spoke_is_dialled_again(
    run: Run, ask: Run, rival: Raw
) -> None:
    pids: list[int] = []
    run(Attempts(lambda work: pids.append(backend(work))), None)
    rival.execute(f"SELECT pg_terminate_backend({pids[0]})")

    run(Attempts(lambda work: line(work, "a")), None)

    assert ask(lines) == {"a": 1}


@pytest.mark.database("postgresql")
def test_a_line_that_is_cut_each_time_ends_as_busy(run: Run, ask: Run, rival: Raw) -> None:
    def cut(work: Work) -> None:
        rival.execute(f"SELECT pg_terminate_backend({backend(work)})")
        line(work, "a")

    with pytest.raises(Busy):
        run(Attempts(cut), None)

    assert ask(lines) == {}


@pytest.mark.database("postgresql")
def test_a_read_that_was_cut_off_holds_up_no_write(app: Flask, ask: Run, rival: Raw) -> None:
    with app.app_context():
        pid = reader().scalar(text("SELECT pg_backend_pid()"))
        rival.execute(f"SELECT pg_terminate_backend({pid})")
        with pytest.raises(OperationalError):
            reader().scalar(text("SELECT 1"))

        transact(note, Note(key="a"))
        assert reader().scalar(text("SELECT 1")) == 1

    assert ask(lines) == {"a": 1}


@pytest.mark.database("postgresql")
def test_a_read_that_was_cut_off_after_its_last_word_holds_up_no_write(
    app: Flask, ask: Run, rival: Raw
) -> None:
    with app.app_context():
        pid = reader().scalar(text("SELECT pg_backend_pid()"))
        rival.execute(f"SELECT pg_terminate_backend({pid})")

        transact(note, Note(key="a"))

    assert ask(lines) == {"a": 1}


# --- bugs of ours ----------------------------------------------------------------------------

CHECKED = (
    "INSERT INTO job_runs (job, slot, state, claim, lease_until, started_at, attempts) VALUES"
    " ('a', '2026-11-24 00:00:00', 'wondering', '00000000000000000000000000000001',"
    " '2026-11-24 00:00:00', '2026-11-24 00:00:00', 1)"
)
ORPHAN = "UPDATE communities SET subdistrict = 999 WHERE code = 330102001051"
EMPTY = "UPDATE communities SET subdistrict = NULL WHERE code = 330102001051"


@pytest.mark.parametrize(
    "words",
    [
        "SSL SYSCALL error: EOF detected",
        "could not receive data from server: timed out",
        "server closed the connection unexpectedly",
    ],
)
def test_a_line_cut_while_commit_was_on_its_way_is_worth_a_repeat(words: str) -> None:
    assert _lost_a_race(psycopg.OperationalError(words))
    assert _lost_a_race(psycopg.errors.CrashShutdown(words))
    assert not _lost_a_race(psycopg.errors.CheckViolation(words))
    assert not _lost_a_race(psycopg.errors.QueryCanceled(words))


@pytest.mark.parametrize("statement", [CHECKED, ORPHAN, EMPTY])
def test_what_the_database_forbids_is_not_tried_again(run: Run, ask: Run, statement: str) -> None:
    def forbidden(work: Work) -> None:
        line(work, "half done")
        work.connection.execute(text(statement))

    use_case = Attempts(forbidden)
    with pytest.raises(IntegrityError):
        run(use_case, None)

    assert use_case.made == 1
    assert ask(lines) == {}
