"""The database under it: what keeps points on SQLite, what bounds waiting on PostgreSQL."""

from __future__ import annotations

import datetime as dt
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import StatementError

from app import create_app
from core.db import CONNECT_SECONDS
from core.models import BusinessDay, RateLimit
from core.work import Work, reading
from tests.conftest import START, Stage
from tests.core.noting import Attempts, Note, line, lines, note

Run = Callable[..., Any]


@pytest.mark.database("sqlite")
def test_the_embedded_database_loses_nothing_that_it_acknowledged(ask: Run, run: Run) -> None:
    def pragmas(connection: Connection) -> dict[str, Any]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return {name: connection.scalar(text(f"PRAGMA {name}")) for name in names}

    full = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
    assert ask(pragmas) == full

    def writing(work: Work) -> None:
        assert pragmas(work.connection) == full
        assert work.is_sqlite

    run(Attempts(writing), None)


@pytest.mark.database("sqlite")
def test_who_writes_has_the_lock_before_reading(run: Run, statements: Run) -> None:
    with statements() as seen:
        run(note, Note(key="a"))

    assert seen[:2] == ["PRAGMA query_only=OFF", "BEGIN IMMEDIATE"]
    assert seen[2].startswith("SELECT")


@pytest.mark.database("sqlite")
def test_who_reads_holds_up_nobody(app: Flask, run: Run, ask: Run) -> None:
    with app.app_context(), reading() as connection:
        assert lines(connection) == {}
        run(note, Note(key="a"))
        assert lines(connection) == {}, "a read stands still"

    assert ask(lines) == {"a": 1}


@pytest.mark.database("postgresql")
def test_nobody_waits_for_ever(ask: Run) -> None:
    def limits(connection: Connection) -> list[Any]:
        names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        return [connection.scalar(text(f"SHOW {name}")) for name in names]

    assert ask(limits) == ["15s", "5s", "30s"]


@pytest.mark.database("postgresql")
def test_a_machine_that_answers_nothing_is_given_up(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"postgresql+psycopg://postgres@127.0.0.1:{silent.getsockname()[1]}/linli"
        app = create_app(replace(stage.config(), database_url=address))
        began = time.monotonic()
        assert app.test_client().get("/readyz").status_code == 503

    assert time.monotonic() - began < 2 * CONNECT_SECONDS


def test_a_moment_comes_back_as_it_was_in_utc(run: Run, ask: Run) -> None:
    shanghai = START.astimezone(dt.timezone(dt.timedelta(hours=8)))

    def keep(work: Work) -> None:
        row = {"key": "a", "window_end": shanghai, "used": 1}
        work.connection.execute(insert(RateLimit).values(row))
        work.connection.execute(insert(BusinessDay).values(day=work.day, closed_at=shanghai))

    run(Attempts(keep), None)

    def moments(connection: Connection) -> list[Any]:
        kept = connection.scalar(select(RateLimit.window_end))
        return [kept, *connection.execute(select(BusinessDay.day, BusinessDay.closed_at)).one()]

    window, day, closed = ask(moments)
    assert window == closed == START
    assert window.utcoffset() == dt.timedelta(0)
    assert day == dt.date(2026, 11, 24)


def test_a_raw_statement_stores_what_the_model_reads(run: Run, ask: Run) -> None:
    def keep(work: Work) -> None:
        statement = text(
            "INSERT INTO job_runs (job, slot, state, claim, lease_until, started_at, attempts)"
            " VALUES ('a', :now, 'done', :id, :now, :now, 1)"
        )
        work.connection.execute(statement, work.bind(now=work.now, id=work.new_id()))

    run(Attempts(keep), None)

    found = text("SELECT count(*) FROM job_runs WHERE slot = started_at")
    assert ask(lambda connection: connection.scalar(found)) == 1


def test_a_moment_without_a_zone_is_a_bug(run: Run, ask: Run) -> None:
    def naive(work: Work) -> None:
        line(work, "half done")
        moment = START.replace(tzinfo=None)
        work.connection.execute(insert(RateLimit).values(key="a", window_end=moment, used=1))

    with pytest.raises(StatementError, match="without a time zone"):
        run(Attempts(naive), None)

    assert ask(lines) == {}
