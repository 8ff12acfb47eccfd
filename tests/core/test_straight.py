"""Statements of the hot paths go straight to psycopg, and answer as SQLAlchemy's own do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Date, bindparam, literal, select, text
from sqlalchemy.exc import OperationalError

from core.models import RateLimit
from core.straight import Straight
from core.work import Work, reader, transact
from tests.conftest import Stage
from tests.points.raw import Raw

Ask = Callable[..., Any]
NOON = dt.datetime(2026, 11, 25, 4, tzinfo=dt.UTC)
LIMIT = Straight(
    select(RateLimit.key, RateLimit.window_end, literal("of today").label("kind")).where(
        RateLimit.key == bindparam("v_key")
    )
)
DAY = Straight(select(bindparam("v_day", type_=Date()).label("day")))
BACKEND = Straight(text("SELECT pg_backend_pid() AS pid"))


def limited(work: Work, key: str) -> None:
    work.session.add(RateLimit(key=key, window_end=NOON, used=1))


def test_a_row_comes_back_by_name_with_its_moment_in_utc(run: Ask, ask: Ask) -> None:
    run(limited, "a")

    row = ask(LIMIT.first, {"v_key": "a"})

    assert (row.key, row.window_end, row.kind) == ("a", NOON, "of today")
    assert row.window_end.utcoffset() == dt.timedelta(0)


def test_where_there_is_no_row_nothing_comes_back(ask: Ask) -> None:
    assert ask(LIMIT.first, {"v_key": "a"}) is None


def test_the_same_statement_is_asked_again_with_other_values(ask: Ask) -> None:
    days = [dt.date(2026, 11, day) for day in (24, 25)]

    assert [ask(DAY.first, {"v_day": day}).day for day in days] == days


@pytest.mark.database("sqlite")
def test_a_list_cannot_go_straight_and_says_so_when_it_is_written() -> None:
    with pytest.raises(ValueError, match="a list"):
        Straight(select(RateLimit.key).where(RateLimit.key.in_(["a", "b"])))


@pytest.mark.database("postgresql")
def test_a_cut_line_is_an_outage_and_the_next_question_dials_anew(app: Flask, stage: Stage) -> None:
    with app.app_context():
        pid = BACKEND.first(reader(), {}).pid
        with Raw(stage) as raw:
            raw.execute(f"SELECT pg_terminate_backend({pid})")
        with pytest.raises(OperationalError) as cut:
            BACKEND.first(reader(), {})
        assert cut.value.connection_invalidated
    with app.app_context():
        assert BACKEND.first(reader(), {}).pid != pid


@pytest.mark.database("postgresql")
@pytest.mark.parametrize(("method", "same"), [("POST", True), ("GET", False)])
def test_a_request_that_may_write_goes_on_where_it_has_read(
    app: Flask, method: str, *, same: bool
) -> None:
    def backend_and_write(work: Work, key: str) -> tuple[int, object]:
        limited(work, key)
        work.flush()
        return BACKEND.first(work.connection, {}).pid, work.connection.get_transaction()

    with app.test_request_context("/", method=method):
        read = reader()
        LIMIT.first(read, {"v_key": "a"})
        _, transaction = transact(backend_and_write, "a")
        assert (getattr(transaction, "connection", None) is read) is same

    with app.app_context():
        assert LIMIT.first(reader(), {"v_key": "a"}).key == "a"


@pytest.mark.database("postgresql")
def test_what_fails_after_a_read_leaves_nothing_behind(app: Flask) -> None:
    def fails(work: Work, key: str) -> None:
        limited(work, key)
        work.flush()
        message = "on purpose"
        raise RuntimeError(message)

    with app.test_request_context("/", method="POST"):
        LIMIT.first(reader(), {"v_key": "a"})
        with pytest.raises(RuntimeError):
            transact(fails, "a")
        assert LIMIT.first(reader(), {"v_key": "a"}) is None
