"""Settlement: what is due becomes transfers, once; the rest waits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select

from core import settings
from core.models import AuditEvent
from core.work import SHANGHAI
from points.books import books
from points.closing import CloseDay, close_day
from points.earning import awards
from points.ledger import DayClosed, post
from points.models import Award, Transfer
from points.settlement import Settle, settle_chunk, settle_due
from tests.conftest import Clock
from tests.points.books import (
    HERE,
    ISSUED,
    MORNING,
    NEIGHBOUR,
    PURSE,
    REDEEMED,
    THERE,
    WALLET,
    posting,
)
from tests.points.earning import HOUR, JOIN, count, days_later, give, holders
from tests.points.test_posting import totals

Run = Callable[..., Any]
TWO_IN_THE_MORNING = dt.datetime(2026, 11, 25, 2, 0, tzinfo=SHANGHAI)


@pytest.fixture(autouse=True)
def _holders(run: Run) -> None:
    run(holders, None)


@pytest.fixture
def settle(app: Flask) -> Callable[..., int]:
    def call(chunk: int = 5_000) -> int:
        with app.app_context():
            return settle_due(chunk)

    return call


def set_to(run: Run, setting: str, value: str, place: int = settings.DISTRICT) -> None:
    """Change a setting as the district or a community would."""
    command = settings.SetSetting(key=setting, setting=setting, place=place, value=value)
    run(settings.set_setting, command)


# --- when ------------------------------------------------------------------------------------


def test_nothing_settles_a_moment_too_early(clock: Clock, run: Run, settle: Run) -> None:
    give(run, "a")

    clock.set(TWO_IN_THE_MORNING - dt.timedelta(microseconds=1))
    assert settle() == 0
    clock.set(TWO_IN_THE_MORNING)
    assert settle() == 1


def test_the_setting_moves_the_moment(run: Run) -> None:
    set_to(run, "points.settle_at", "03:30")

    assert give(run, "a").due == dt.datetime(2026, 11, 25, 3, 30, tzinfo=SHANGHAI)


def test_an_award_of_the_small_hours_arrives_in_the_same_night(clock: Clock, run: Run) -> None:
    clock.set(dt.datetime(2026, 11, 25, 1, 59, tzinfo=SHANGHAI))
    assert give(run, "a").due == TWO_IN_THE_MORNING

    clock.set(TWO_IN_THE_MORNING)
    assert give(run, "b").due == TWO_IN_THE_MORNING + dt.timedelta(days=1)


def test_fixed_points_arrive_at_once_where_the_community_says_so(run: Run, settle: Run) -> None:
    set_to(run, "points.fixed_at_once", "1", HERE)

    assert give(run, "fixed", rule=JOIN, units=1).due == MORNING + dt.timedelta(hours=1)
    assert give(run, "hours").due == TWO_IN_THE_MORNING
    by_hand = give(run, "by hand", rule=JOIN, units=1, provenance="recorded")
    assert by_hand.due == TWO_IN_THE_MORNING
    assert settle() == 1


def test_what_waits_for_a_second_person_waits(
    clock: Clock, run: Run, ask: Run, settle: Run
) -> None:
    assert give(run, "held back", needs_second=True).due is None
    give(run, "free", holder_id=NEIGHBOUR)

    clock.set(days_later(30))
    assert settle() == 1
    assert ask(totals, WALLET) == (0, 0, 0, 0)
    assert ask(totals, PURSE) == (1000, 0, 0, 1)
    assert ask(count, "awards", "state = 'pending'") == 1


def test_what_was_missed_is_settled_the_next_time(clock: Clock, run: Run, settle: Run) -> None:
    give(run, "a")
    clock.set(days_later(3))
    give(run, "b")

    assert settle() == 1
    clock.advance(days=1)
    assert settle() == 1


# --- once ------------------------------------------------------------------------------------


def test_a_second_run_does_nothing(clock: Clock, run: Run, ask: Run, settle: Run) -> None:
    for number in range(5):
        give(run, f"{number}", units=1)
    clock.set(TWO_IN_THE_MORNING)
    assert settle() == 5
    before = ask(everything)

    assert settle() == 0
    assert ask(everything) == before


def everything(connection: Connection) -> list[int]:
    tables = ("transfers", "account_deltas", "audit_events", "awards")
    return [count(connection, table) for table in tables] + [*totals(connection, WALLET)]


@pytest.mark.parametrize("chunk", [1, 2, 3, 5_000])
def test_however_it_is_cut_each_line_tells_the_balance_after_it(
    clock: Clock, run: Run, ask: Run, settle: Run, chunk: int
) -> None:
    rule = replace(HOUR, cap_per_day=None)
    for number in range(7):
        elsewhere = {"bearing": THERE, "face_bearing": 8_000} if number % 3 == 0 else {}
        give(run, f"{number}", units=number + 1, rule=rule, **elsewhere)
    run(post, posting(1, ISSUED, WALLET, 70))
    clock.set(TWO_IN_THE_MORNING)

    assert settle(chunk) == 7
    run(post, posting(2, WALLET, REDEEMED, 100, "redemption"))

    lines = ask(history)
    assert [line[0] for line in lines] == list(range(1, 10))
    balance = 0
    for _, amount, after in lines:
        balance += amount
        assert after == balance
    assert ask(totals, WALLET)[0] - 100 == balance


def history(connection: Connection) -> list[tuple[int, int, int]]:
    rows = connection.execute(
        select(Transfer.__table__).where((Transfer.credit == WALLET) | (Transfer.debit == WALLET)),
    )
    return sorted(
        (row.credit_version, row.amount, row.credit_balance)
        if row.credit == WALLET
        else (row.debit_version, -row.amount, row.debit_balance)
        for row in rows
    )


def test_many_settlers_at_once_settle_each_award_once(
    clock: Clock, run: Run, ask: Run, settle: Run
) -> None:
    rule = replace(HOUR, cap_per_day=None)
    for number in range(60):
        holder = {"holder_id": NEIGHBOUR} if number % 2 else {}
        give(run, f"{number}", units=1, rule=rule, **holder)
    clock.set(TWO_IN_THE_MORNING)

    with ThreadPoolExecutor(6) as pool:
        settled = list(pool.map(lambda _: settle(4), range(6)))

    assert sum(settled) == 60
    assert ask(count, "transfers") == 60
    assert ask(totals, WALLET) == (15_000, 0, 0, 30)
    assert ask(totals, PURSE) == (15_000, 0, 0, 30)
    assert [book.balance for book in ask(books, "issued")] == [-30_000]


def test_settling_and_voiding_at_once_is_one_or_the_other(
    clock: Clock, run: Run, ask: Run, settle: Run
) -> None:
    rule = replace(HOUR, cap_per_day=None)
    given = [give(run, f"{number}", units=1, rule=rule).id for number in range(30)]
    clock.set(TWO_IN_THE_MORNING)

    def take_back(identity: UUID) -> bool:
        try:
            return bool(run(awards.void_award, identity))
        except awards.AwardSettled:
            return False

    with ThreadPoolExecutor(4) as pool:
        settling = [pool.submit(settle, 3) for _ in range(2)]
        voided = sum(pool.map(take_back, given))
        settled = sum(future.result() for future in settling) + settle()

    assert voided + settled == 30
    assert ask(count, "awards", "state = 'void'") == voided
    assert ask(totals, WALLET) == (500 * settled, 0, 0, settled)


# --- what it writes --------------------------------------------------------------------------


def test_it_books_on_the_day_it_arrives_and_keeps_when_it_was_earned(
    clock: Clock, run: Run, ask: Run, settle: Run
) -> None:
    give(run, "a")
    clock.set(TWO_IN_THE_MORNING)
    settle()

    row = ask(lambda connection: connection.execute(select(Transfer.__table__)).one())
    assert (row.day, row.event_at) == (dt.date(2026, 11, 25), MORNING)
    assert row.posted_at == TWO_IN_THE_MORNING
    done = ask(lambda connection: connection.execute(select(Award.__table__)).one())
    assert (done.state, done.done_at) == ("done", TWO_IN_THE_MORNING)
    assert (row.source_kind, row.source_id) == ("award", done.id)


def test_each_chunk_leaves_one_line_in_the_audit(
    clock: Clock, run: Run, ask: Run, settle: Run
) -> None:
    rule = replace(HOUR, cap_per_day=None)
    for number in range(5):
        give(run, f"{number}", units=1, rule=rule)
    clock.set(TWO_IN_THE_MORNING)
    settle(2)

    found = ask(
        lambda connection: connection.scalars(
            select(AuditEvent.result).where(AuditEvent.use_case == "settle_chunk"),
        ).all(),
    )
    assert sorted(found) == ['{"awards":1}', '{"awards":2}', '{"awards":2}']


def test_a_chunk_that_breaks_settles_nothing(clock: Clock, run: Run, ask: Run, app: Flask) -> None:
    give(run, "a", units=1)
    give(run, "b", units=1)
    clock.set(TWO_IN_THE_MORNING)

    def breaking(work: Any, command: Settle) -> Any:
        settle_chunk(work, command)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        run(breaking, Settle())

    assert ask(count, "awards", "state = 'pending'") == 2
    assert ask(count, "transfers") == 0
    assert ask(totals, WALLET) == (0, 0, 0, 0)


def test_nothing_settles_into_a_closed_day(clock: Clock, run: Run, ask: Run, settle: Run) -> None:
    give(run, "a")
    clock.set(days_later(2))
    run(close_day, CloseDay(day=dt.date(2026, 11, 25)))
    clock.set(TWO_IN_THE_MORNING)

    with pytest.raises(DayClosed):
        settle()
    assert ask(count, "awards", "state = 'pending'") == 1
