"""Expiry at a year's end: what lapses, what does not, when, by which policy, once."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, insert, select, text

from core import jobs
from core.acts import SYSTEM
from core.work import Work, transact
from points import ledger, reversal
from points.accounts import account_id, resident_account
from points.books import books
from points.expiring.expiry import (
    LapseAccount,
    LapseChunk,
    Lapsed,
    expire_points,
    lapse_account,
    lapse_chunk,
    lapse_id,
)
from points.expiring.rush import LastRun, last_run, losing, rush
from points.models import AccountEnd, ExpiryRun, Transfer
from tests.conftest import Clock
from tests.points.books import (
    HERE,
    ISSUED,
    PURSE,
    REDEEMED,
    RESIDENT,
    WALLET,
    Nothing,
    decided,
    posting,
)
from tests.points.calendar import (
    close,
    ends,
    give_back,
    hangzhou,
    holds_true,
    lapsed,
    left,
    many,
    night,
    policy,
    set_aside,
)
from tests.points.correcting import Desk
from tests.points.earning import JOIN, give, holders

Run = Callable[..., Any]
LAST = dt.date(2027, 12, 31)


@pytest.fixture(autouse=True)
def _holders(run: Run, app: Flask, clock: Clock) -> None:
    run(holders, None)


def earn(run: Run, identity: int, amount: int, account: int = WALLET) -> None:
    run(decided, posting(identity, ISSUED, account, amount, "adjustment"))


def pay(run: Run, identity: int, amount: int) -> None:
    run(ledger.post, posting(identity, WALLET, REDEEMED, amount, "redemption"))


def take_back(run: Run, original: int, identity: int) -> None:
    command = reversal.Reverse(
        original=UUID(int=original),
        id=UUID(int=identity),
        note="退回",
        source_kind="order",
        source_id=UUID(int=original),
    )
    run(reversal.reverse, command)


def test_points_of_a_year_lapse_when_the_next_one_ends(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    earn(run, 1, 1000)
    assert night(app, clock, 2026) == 0
    clock.set(hangzhou(2027, 3, 1))
    earn(run, 2, 500)
    pay(run, 3, 300)

    assert night(app, clock, 2027) == 1

    assert ask(lapsed) == [700]
    assert ask(left) == 500
    line = ask(
        lambda c: c.execute(select(Transfer.__table__).where(Transfer.act == "expiry")).one()
    )
    [run_row] = ask(
        lambda c: c.execute(select(ExpiryRun.__table__).where(ExpiryRun.day == LAST)).all()
    )
    assert line._asdict() == {
        "id": lapse_id(WALLET, LAST),
        "journal": None,
        "act": "expiry",
        "points_kind": "service",
        "community": HERE,
        "debit": WALLET,
        "credit": account_id("expired", HERE, "service"),
        "amount": 700,
        "debit_balance": 500,
        "debit_version": 4,
        "credit_balance": None,
        "credit_version": None,
        "event_at": hangzhou(2027, 12, 31, 23, 59, 59),
        "posted_at": clock.now,
        "day": dt.date(2028, 1, 1),
        "source_kind": "expiry",
        "source_id": run_row.id,
        "actor": SYSTEM.person,
        "rate": None,
        "standard": None,
        "note": None,
    }
    assert ask(last_run) == LastRun(day=LAST, accounts=1, amount=700, finished=True)
    assert ask(books, "expired")[0].balance == 700
    holds_true(app)


@pytest.mark.parametrize(
    ("at", "left_over"),
    [
        (hangzhou(2026, 12, 31, 23, 59, 59), 0),
        (hangzhou(2027, 1, 1, 0, 0), 1000),
    ],
    ids=["in the last second of the year", "in the first second of the next one"],
)
def test_the_year_of_arrival_decides(
    app: Flask, clock: Clock, run: Run, ask: Run, at: dt.datetime, left_over: int
) -> None:
    clock.set(at)
    earn(run, 1, 1000)
    night(app, clock, 2026)

    night(app, clock, 2027)

    assert ask(left) == left_over


def test_what_is_spent_before_the_run_of_the_night_is_spent_in_time(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    earn(run, 1, 1000)
    night(app, clock, 2026)
    clock.set(hangzhou(2028, 1, 1, 0, 10))
    pay(run, 2, 400)

    night(app, clock, 2027)

    assert ask(lapsed) == [600]
    assert ask(left) == 0


def test_nothing_lapses_before_the_last_day_is_closed(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    earn(run, 1, 1000)
    night(app, clock, 2026)
    clock.set(hangzhou(2028, 1, 1, 0, 20))
    with app.app_context():
        assert expire_points() == 0

    assert ask(left) == 1000


def test_basic_points_never_lapse(app: Flask, clock: Clock, run: Run, ask: Run) -> None:
    give(run, "a", rule=JOIN, units=2)
    clock.set(hangzhou(2026, 12, 1))
    app.test_cli_runner().invoke(args=["jobs", "run", "settle-awards"])
    run(policy, "end_of_year")
    for year in (2026, 2027, 2028):
        assert night(app, clock, year) == 0

    assert ask(left, resident_account(RESIDENT, HERE, "basic")) == 200


# --- what is held, and what comes back -----------------------------------------------------------


def test_what_is_held_does_not_lapse_and_a_capture_spends_it(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    earn(run, 1, 1000)
    night(app, clock, 2026)
    clock.set(hangzhou(2027, 12, 30))
    set_aside(run, 50, 300)

    assert night(app, clock, 2027) == 1

    assert ask(lapsed) == [700]
    assert ask(ends, clock.now).overdue == 0


def test_what_comes_back_from_a_hold_can_be_used_to_the_end_of_the_month(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    earn(run, 1, 1000)
    night(app, clock, 2026)
    clock.set(hangzhou(2027, 12, 30))
    set_aside(run, 50, 300)
    night(app, clock, 2027)
    clock.set(hangzhou(2028, 1, 5))
    give_back(run, 50)

    found = ask(ends, clock.now)
    assert (found.overdue, found.overdue_on) == (300, dt.date(2028, 1, 31))
    pay(run, 2, 100)
    assert night(app, clock, 2028, 1) == 1

    assert ask(lapsed) == [700, 200]
    assert ask(left) == 0
    assert night(app, clock, 2028, 2) == 0
    holds_true(app)


def test_a_spend_that_comes_back_after_its_year_lapses_with_its_month(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    earn(run, 1, 1000)
    night(app, clock, 2026)
    clock.set(hangzhou(2027, 6, 1))
    pay(run, 2, 400)
    night(app, clock, 2027)
    clock.set(hangzhou(2028, 3, 5))
    take_back(run, 2, 3)
    assert ask(left) == 400

    night(app, clock, 2028, 3)

    assert ask(lapsed) == [600, 400]
    assert ask(left) == 0
    holds_true(app)


def test_the_new_years_points_stay_whatever_comes_back(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    earn(run, 1, 1000)
    night(app, clock, 2026)
    clock.set(hangzhou(2027, 6, 1))
    pay(run, 2, 400)
    night(app, clock, 2027)
    clock.set(hangzhou(2028, 3, 5))
    earn(run, 4, 250)
    take_back(run, 2, 3)

    night(app, clock, 2028, 3)

    assert ask(left) == 250


# --- policies ------------------------------------------------------------------------------------


def test_by_the_strict_policy_a_years_points_lapse_at_its_own_end(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    run(policy, "end_of_year")
    clock.set(hangzhou(2027, 5, 1))
    earn(run, 1, 1000)
    found = ask(ends, clock.now)
    assert (found.this_year, found.next_year, found.new_on) == (1000, 0, LAST)

    assert night(app, clock, 2027) == 1

    assert ask(left) == 0


def test_where_points_never_lapse_none_do(app: Flask, clock: Clock, run: Run, ask: Run) -> None:
    earn(run, 1, 1000)
    run(policy, "never")
    for year in (2026, 2027, 2028, 2029):
        assert night(app, clock, year) == 0

    assert ask(left) == 1000
    found = ask(ends, clock.now)
    assert (found.this_year, found.next_year, found.new_on) == (0, 0, None)


def test_a_stricter_policy_begins_with_the_next_year(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    earn(run, 1, 1000)
    night(app, clock, 2026)
    clock.set(hangzhou(2027, 6, 1))
    run(policy, "end_of_year")
    earn(run, 2, 500)
    assert ask(ends, clock.now).this_year == 1000
    assert ask(ends, clock.now).next_year == 500

    night(app, clock, 2027)
    assert ask(left) == 500
    clock.set(hangzhou(2028, 6, 1))
    earn(run, 3, 70)
    assert ask(ends, clock.now).this_year == 570
    night(app, clock, 2028)

    assert ask(lapsed) == [1000, 570]


def test_an_account_lapses_whole_once_a_day(run: Run, ask: Run) -> None:
    """What comes back on the day on which it lapsed lapses on the next one."""
    over = LapseAccount(resident=RESIDENT, community=HERE)
    earn(run, 1, 700)
    assert run(lapse_account, over).amount == 700
    assert run(lapse_account, over).accounts == 0

    earn(run, 2, 300)
    assert run(lapse_account, over).accounts == 0
    assert ask(left, WALLET) == 300


def test_a_milder_policy_holds_at_once(app: Flask, clock: Clock, run: Run, ask: Run) -> None:
    earn(run, 1, 1000)
    night(app, clock, 2026)
    clock.set(hangzhou(2027, 12, 20))
    assert ask(ends, clock.now).this_year == 1000
    run(policy, "never")
    assert ask(ends, clock.now).this_year == 0

    night(app, clock, 2027)

    assert ask(left) == 1000


def test_points_that_never_lapsed_get_a_year_when_they_shall(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    run(policy, "never")
    earn(run, 1, 1000)
    night(app, clock, 2026)
    clock.set(hangzhou(2027, 3, 1))
    run(policy, "end_of_next_year")
    night(app, clock, 2027)
    assert ask(left) == 1000

    night(app, clock, 2028)

    assert ask(left) == 0


# --- once, whoever runs it -----------------------------------------------------------------------


def crowd(run: Run, count: int) -> list[int]:
    residents = [UUID(int=5000 + number) for number in range(count)]
    run(many, residents)
    accounts = [resident_account(resident, HERE, "service") for resident in residents]
    for number, account in enumerate(accounts):
        earn(run, 9000 + number, 100 + number, account)
    return accounts


def test_a_second_run_lapses_nothing(app: Flask, clock: Clock, run: Run, ask: Run) -> None:
    crowd(run, 7)
    night(app, clock, 2026)
    assert night(app, clock, 2027, chunk=3) == 7

    with app.app_context():
        assert expire_points() == 0
        assert transact(lapse_chunk, LapseChunk(day=LAST)).accounts == 0

    assert ask(total) == (7, sum(100 + number for number in range(7)))
    holds_true(app)


def total(connection: Connection) -> tuple[int, int]:
    row = connection.execute(
        text("SELECT count(*), coalesce(sum(amount), 0) FROM transfers WHERE act = 'expiry'"),
    ).one()
    return int(row[0]), int(row[1])


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_whoever_died_lapses_however_many_they_are(
    app: Flask, clock: Clock, run: Run, ask: Run, chunk: int
) -> None:
    accounts = crowd(run, 3)
    run(ended, accounts)
    clock.advance(days=1)

    with app.app_context():
        assert expire_points(chunk=chunk) == 3
        assert expire_points(chunk=chunk) == 0

    assert ask(total) == (3, sum(100 + number for number in range(3)))
    holds_true(app)


def ended(work: Work, accounts: list[int]) -> Nothing:
    """Today is the last day of these accounts."""
    rows = [{"account": account, "lapse_on": work.day} for account in accounts]
    work.connection.execute(insert(AccountEnd), rows)
    return Nothing()


def test_the_run_tells_how_far_it_came(app: Flask, clock: Clock, run: Run, ask: Run) -> None:
    accounts = crowd(run, 5)
    night(app, clock, 2026)
    close(app, clock, LAST)
    run(lapse_chunk, LapseChunk(day=LAST, chunk=2))

    row = ask(lambda c: c.execute(select(ExpiryRun.__table__).where(ExpiryRun.day == LAST)).one())
    assert (row.upto, row.accounts, row.finished_at) == (sorted(accounts)[1], 2, None)

    night(app, clock, 2027)
    row = ask(lambda c: c.execute(select(ExpiryRun.__table__).where(ExpiryRun.day == LAST)).one())
    assert (row.accounts, row.amount) == ask(total)
    assert row.finished_at is not None


def test_each_chunk_says_what_lapsed_and_the_last_that_nothing_is_left(
    app: Flask, clock: Clock, run: Run
) -> None:
    crowd(run, 2)
    night(app, clock, 2026)
    close(app, clock, LAST)

    assert [run(lapse_chunk, LapseChunk(day=LAST, chunk=2)) for _ in range(3)] == [
        Lapsed(accounts=2, amount=201, finished=False),
        Lapsed(accounts=0, amount=0, finished=True),
        Lapsed(accounts=0, amount=0, finished=True),
    ]


def test_two_schedulers_lapse_each_account_once(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    crowd(run, 40)
    night(app, clock, 2026)
    close(app, clock, LAST)
    clock.advance(minutes=30)
    found: list[int] = []

    def scheduler() -> None:
        with app.app_context():
            found.append(expire_points(3))

    threads = [threading.Thread(target=scheduler) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(found) == 40
    assert ask(total) == (40, sum(100 + number for number in range(40)))
    holds_true(app)


def test_a_year_without_a_scheduler_is_caught_up_with(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    earn(run, 1, 1000)
    close(app, clock, dt.date(2026, 12, 31))
    clock.set(hangzhou(2027, 2, 1))
    earn(run, 2, 500)
    for day in (LAST, dt.date(2028, 1, 31), dt.date(2028, 12, 31)):
        close(app, clock, day)
    with app.app_context():
        expire_points()

    assert ask(lapsed) == [1000, 500]


def test_the_job_runs_by_itself_after_the_day_is_closed(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    earn(run, 1, 1000)
    earn(run, 2, 10, PURSE)
    close(app, clock, dt.date(2026, 12, 31))
    close(app, clock, dt.date(2027, 12, 30))
    clock.set(hangzhou(2028, 1, 1, 1, 0))
    with app.app_context():
        jobs.tick()

    assert ask(total) == (2, 1010)


def test_where_nothing_lapses_nobody_loses_anything(desk: Desk, app: Flask) -> None:
    desk.earn()
    night(app, desk.clock, 2026)
    night(app, desk.clock, 2027)
    assert desk.ask(last_run).accounts == 1
    desk.run(policy, "never")

    assert desk.ask(rush, desk.clock.now) == []
    assert desk.ask(losing, desk.clock.now, HERE) is None
