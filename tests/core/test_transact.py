"""The transaction: all or nothing, one audit row, an equal repeat, what is done after it."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app import create_app
from core import work as working
from core.acts import SYSTEM, Actor
from core.config import Config, ConfigInvalid
from core.db import db
from core.errors import AppError, Busy, KeyReused, Rejected
from core.ids import NIL
from core.work import SHANGHAI, Work, clock_from, reading, transact
from tests.conftest import START, Clock
from tests.core.noting import Attempts, Note, Noted, audit, has, line, lines, note
from tests.exchange.threads import all_at_once
from tests.people import HERE

Run = Callable[..., Any]
CLERK = Actor(person=UUID(int=11), role="staff", scope_kind="community", place=HERE, name="陈晓琳")
OTHER = Actor(person=UUID(int=12), role="staff", scope_kind="community", place=HERE)


class NotNoted(Rejected):
    """These tests' own refusal: what it left behind has to go."""

    text = "这一行不能记。请换一行再试。"


class NotedAsRefused(Rejected):
    """These tests' own refusal that leaves a trace."""

    leaves_trace = True
    text = "这一行没有记上，但记下了谁来过。请换一行再试。"

    def leave_trace(self, work: Work) -> None:
        """Note who came."""
        work.replayed()
        line(work, f"refused {self.facts['key']} by {work.actor.person.int}")


class NotedLater(AppError):
    """These tests' own refusal that goes away at a later moment."""

    retried = True
    text = "现在还不能记。请稍后再试。"


def refusing(refusal: AppError) -> Callable[[Work], object]:
    def act(work: Work) -> None:
        line(work, "half done")
        raise refusal

    return act


# --- one transaction -------------------------------------------------------------------------


def test_all_that_a_use_case_writes_is_there_together(run: Run, ask: Run) -> None:
    def both(work: Work, _command: None) -> None:
        line(work, "first")
        with pytest.raises(AssertionError):
            assert "first" in ask(lines)
        line(work, "second")

    run(both, None)

    assert ask(lines) == {"first": 1, "second": 1}


def test_a_refusal_rolls_everything_back_and_leaves_no_audit_row(run: Run, ask: Run) -> None:
    with pytest.raises(NotNoted):
        run(Attempts(refusing(NotNoted())), None)

    assert ask(lines) == {}
    assert ask(audit, "attempts") == []


def test_an_error_of_ours_rolls_everything_back_and_is_not_repeated(run: Run, ask: Run) -> None:
    def broken(work: Work) -> None:
        line(work, "half done")
        raise ZeroDivisionError

    use_case = Attempts(broken)
    with pytest.raises(ZeroDivisionError):
        run(use_case, None)

    assert use_case.made == 1
    assert ask(lines) == {}


def test_the_trace_of_a_refusal_survives_it(run: Run, ask: Run) -> None:
    with pytest.raises(NotedAsRefused):
        run(Attempts(refusing(NotedAsRefused(key="a"))), None, CLERK)

    assert ask(lines) == {"refused a by 11": 1}


def test_a_refusal_that_time_heals_is_tried_again(run: Run, ask: Run) -> None:
    healed = Attempts(refusing(NotedLater()), refusing(NotedLater()), lambda w: line(w, "x"))
    assert run(healed, None) == 3

    stubborn = Attempts(refusing(NotedLater()))
    with pytest.raises(NotedLater):
        run(stubborn, None)

    assert stubborn.made == working.ATTEMPTS_MIN
    assert ask(lines) == {"x": 1}


# --- the audit row ---------------------------------------------------------------------------


def test_the_audit_row_says_who_did_what_where_under_which_key_with_what_result(
    run: Run, ask: Run
) -> None:
    run(note, Note(key="a", words="王秀英家里漏水"), CLERK)

    (row,) = ask(audit, "note")
    assert (row.use_case, row.actor, row.scope, row.key) == (
        "note",
        CLERK.person,
        f"community:{HERE}",
        "a",
    )
    assert row.at == START
    assert row.result == f'{{"id":"{UUID(int=7)}","state":"noted","amount":30}}'


def test_the_audit_row_holds_no_word_of_a_person(run: Run, ask: Run) -> None:
    for number, words in enumerate(("王秀英家里漏水", "王秀英家里漏水", "别的话")):
        run(note, Note(key=str(number), words=words))

    first, second, third = ask(audit, "note")
    for row in (first, second, third):
        kept = f"{row.use_case} {row.key} {row.digest} {row.result} {row.scope}"
        assert "王秀英" not in kept
        assert "别的话" not in kept
        assert len(row.digest) == 32
    assert len({first.digest, second.digest, third.digest}) == 3


def test_the_digest_is_of_no_use_without_the_secret(
    run: Run, ask: Run, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(note, Note(key="a", words="13800000001"))
    runtime = app.extensions["linli"]
    other = Config(
        environment="test",
        database_url=runtime.config.database_url,
        secret_key="another secret that is only good for tests 0123456789",
        instance=runtime.config.instance,
    )
    monkeypatch.setattr(runtime, "config", other)

    with pytest.raises(KeyReused):
        run(note, Note(key="a", words="13800000001"))


def test_the_system_acts_under_no_person(run: Run, ask: Run) -> None:
    run(note, Note(key="a"), SYSTEM)

    (row,) = ask(audit, "note")
    assert (row.actor, row.scope) == (NIL, "district")


def test_what_has_no_key_leaves_a_row_each_time_and_a_mere_repeat_none(run: Run, ask: Run) -> None:
    plain = Attempts(lambda work: line(work, "a"), lambda work: line(work, "b"))
    run(plain, None)
    run(plain, None)
    run(Attempts(Work.replayed), None)

    rows = ask(audit, "attempts")
    assert [row.digest for row in rows] == ["", ""]
    assert len({row.key for row in rows}) == 2


# --- the key ---------------------------------------------------------------------------------


def test_an_equal_repeat_is_answered_alike_and_leaves_no_second_row(run: Run, ask: Run) -> None:
    first = run(note, Note(key="a", words="x"), CLERK)
    again = run(note, Note(key="a", words="x"), CLERK)

    assert first == again
    assert len(ask(audit, "note")) == 1
    assert ask(lines) == {"a": 1}


def test_another_body_under_the_same_key_is_refused_and_does_nothing(run: Run, ask: Run) -> None:
    def blind(work: Work, command: Note) -> None:
        line(work, command.words)

    run(blind, Note(key="a", words="x"), CLERK)
    with pytest.raises(KeyReused):
        run(blind, Note(key="a", words="y"), CLERK)

    assert KeyReused.status == HTTPStatus.CONFLICT
    assert ask(lines) == {"x": 1}
    assert len(ask(audit, "blind")) == 1


def test_a_repeat_that_found_everything_done_is_refused_with_another_body_too(run: Run) -> None:
    run(note, Note(key="a", words="x"), CLERK)

    with pytest.raises(KeyReused):
        run(note, Note(key="a", words="y"), CLERK)


def test_a_key_belongs_to_one_actor_and_one_use_case(run: Run, ask: Run) -> None:
    def here(work: Work, command: Note) -> None:
        line(work, command.words)

    def there(work: Work, command: Note) -> None:
        line(work, command.words)

    run(here, Note(key="a", words="x"), CLERK)
    run(here, Note(key="a", words="y"), OTHER)
    run(there, Note(key="a", words="z"), CLERK)

    assert ask(lines) == {"x": 1, "y": 1, "z": 1}
    assert len(ask(audit, "here")) == 2
    assert len(ask(audit, "there")) == 1


def test_many_at_once_under_one_key_do_it_once(app: Flask, ask: Run) -> None:
    command = Note(key="a", words="x")
    acts = [lambda: transact(note, command, CLERK)] * 8

    results = all_at_once(app, acts)

    assert results == [Noted(id=UUID(int=7), state="noted", name="x", amount=30)] * 8
    assert ask(lines) == {"a": 1}
    assert len(ask(audit, "note")) == 1


# --- events, and what comes after ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of these tests."""

    what: str


def publishing(work: Work, command: Note) -> None:
    work.publish(Happened(command.key))


def test_subscribers_run_in_the_transaction_in_the_order_of_the_table(
    run: Run, ask: Run, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []

    def first(work: Work, event: Happened) -> None:
        line(work, f"first of {event.what}")
        heard.append("first")

    def second(work: Work, event: Happened) -> None:
        assert has(work, f"first of {event.what}")
        heard.append("second")
        if event.what == "refused":
            raise NotNoted

    table = {Happened: (first, second)}
    monkeypatch.setattr(app.extensions["linli"], "subscribers", table)

    run(publishing, Note(key="a"))
    with pytest.raises(NotNoted):
        run(publishing, Note(key="refused"))

    assert heard == ["first", "second"] * 2
    assert ask(lines) == {"first of a": 1}
    assert [row.key for row in ask(audit, "publishing")] == ["a"]


def test_what_fails_after_the_commit_undoes_nothing_and_stops_nothing(
    run: Run, ask: Run, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[dict[str, int]] = []

    def use_case(work: Work, command: Note) -> str:
        line(work, command.key)
        work.after_commit.append(lambda: 1 / 0)
        work.after_commit.append(lambda: seen.append(ask(lines)))
        return "done"

    with caplog.at_level(logging.ERROR):
        assert run(use_case, Note(key="a")) == "done"

    assert seen == [{"a": 1}]
    assert "ZeroDivisionError" in caplog.text


def test_nothing_comes_after_what_was_refused(run: Run) -> None:
    seen: list[str] = []

    def act(work: Work) -> None:
        work.after_commit.append(lambda: seen.append("sent"))
        raise NotNoted

    with pytest.raises(NotNoted):
        run(Attempts(act), None)

    assert seen == []


# --- time ------------------------------------------------------------------------------------


def test_work_older_than_a_minute_is_not_committed(
    run: Run, ask: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert working.WORK_SECONDS_MAX == 60
    monkeypatch.setattr(working, "WORK_SECONDS_MAX", -1.0)
    slow = Attempts(lambda work: line(work, "a"))

    with pytest.raises(Busy):
        run(slow, None)

    assert slow.made == 1
    assert ask(lines) == {}
    assert ask(audit, "attempts") == []


def test_the_moment_of_a_work_stands_still_and_its_day_is_hangzhous(run: Run, clock: Clock) -> None:
    clock.set(dt.datetime(2026, 11, 25, 0, 5, tzinfo=SHANGHAI))

    def act(work: Work) -> None:
        before = work.now
        clock.advance(hours=1)
        assert work.now == before
        assert work.day == dt.date(2026, 11, 25)
        assert work.now.astimezone(dt.UTC).day == 24

    run(Attempts(act), None)


def test_a_builder_brings_a_clock_of_its_own(app: Flask, ask: Run) -> None:
    then = dt.datetime(2026, 9, 1, 1, 0, tzinfo=dt.UTC)

    with app.app_context():
        transact(note, Note(key="a"), clock=lambda: then)

    (row,) = ask(audit, "note")
    assert row.at == then


@pytest.mark.database("sqlite")
def test_the_clock_of_the_environment_stands_still_or_is_put_forward(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixed = clock_from("2026-12-31T23:59:00+08:00")
    assert fixed() == fixed() == dt.datetime(2026, 12, 31, 15, 59, tzinfo=dt.UTC)

    real = clock_from(None)()
    assert abs(clock_from("+86400")() - real - dt.timedelta(days=1)) < dt.timedelta(minutes=1)
    assert abs(clock_from("-3600")() - real + dt.timedelta(hours=1)) < dt.timedelta(minutes=1)

    config = app.extensions["linli"].config
    monkeypatch.setenv("LINLI_CLOCK", "2026-12-31T23:59:00+08:00")
    monkeypatch.setenv("LINLI_DATABASE_URL", config.database_url)
    monkeypatch.setenv("LINLI_INSTANCE", str(config.instance))
    started = create_app(Config.from_environment())
    with started.app_context():
        transact(note, Note(key="a"))
        with reading() as connection:
            (row,) = audit(connection, "note")
        db.engine.dispose()
    assert row.at == fixed()


@pytest.mark.parametrize("clock", ["soon", "+soon", "2026-12-31T23:59:00", "+"])
def test_a_clock_that_nobody_can_read_is_named(clock: str) -> None:
    with pytest.raises(ConfigInvalid, match="LINLI_CLOCK"):
        clock_from(clock)


# --- reading ---------------------------------------------------------------------------------


@pytest.mark.database("sqlite")
def test_a_reader_of_the_embedded_database_cannot_write(app: Flask, run: Run, ask: Run) -> None:
    run(note, Note(key="a"))
    with app.app_context():
        with pytest.raises(OperationalError, match="readonly"), reading() as connection:
            connection.execute(text("DELETE FROM rate_limits"))
        with pytest.raises(OperationalError, match="readonly"):
            db.session.execute(text("DELETE FROM rate_limits"))
        db.session.remove()

    run(note, Note(key="b"))
    assert ask(lines) == {"a": 1, "b": 1}


def test_ids_sort_by_the_moment_of_their_work(run: Run, clock: Clock) -> None:
    made: list[UUID] = []
    for _ in range(3):
        run(Attempts(lambda work: made.extend([work.new_id(), work.new_id()])), None)
        clock.advance(seconds=1)

    assert [made[0] < made[2], made[1] < made[2], made[3] < made[4]] == [True] * 3
    assert {identity.version for identity in made} == {7}
    assert len(set(made)) == 6
