"""Year marks: what an account had got when a year closed, from which a year later what lapses."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select

from core.work import SHANGHAI, Work
from points import closing, holds, ledger, reversal
from points.accounts import resident_account
from points.expiring.lapsing import lapsing as lapsing_of
from points.marks import keep_older
from points.models import Account, ExpiryMark
from points.settlement import settle_due
from tests.conftest import Clock
from tests.points.books import (
    HERE,
    ISSUED,
    PURSE,
    REDEEMED,
    RESIDENT,
    WALLET,
    Nothing,
    open_resident,
    posting,
)
from tests.points.earning import JOIN, count, give, holders

Run = Callable[..., Any]


def hangzhou(year: int, month: int, day: int, hour: int = 10, minute: int = 0) -> dt.datetime:
    return dt.datetime(year, month, day, hour, minute, tzinfo=SHANGHAI)


@pytest.fixture(autouse=True)
def _holders(run: Run) -> None:
    run(holders, None)


@pytest.fixture
def close_year(app: Flask, clock: Clock) -> Callable[..., None]:
    """Close the last days of a year, half an hour after it."""

    def call(year: int, at: dt.datetime | None = None) -> None:
        clock.set(hangzhou(year, 12, 31))
        with app.app_context():
            closing.close_days()
        clock.set(at or hangzhou(year + 1, 1, 1, 0, 30))
        with app.app_context():
            closing.close_days()

    return call


def marks(connection: Connection) -> dict[tuple[int, int], int]:
    rows = connection.execute(select(ExpiryMark.account, ExpiryMark.year, ExpiryMark.credited))
    return {(row.account, row.year): row.credited for row in rows}


def lapsing(connection: Connection, now: dt.datetime) -> int:
    row = connection.execute(
        select(Account.credited, Account.debited, Account.held).where(Account.id == WALLET),
    ).one()
    return lapsing_of(connection, WALLET, row.credited, row.debited + row.held, now).by_year_end


def test_the_last_day_of_a_year_marks_what_each_wallet_had_got(
    run: Run, ask: Run, close_year: Run
) -> None:
    run(ledger.post, posting(1, ISSUED, WALLET, 1000))
    run(ledger.post, posting(2, WALLET, REDEEMED, 300, "redemption"))

    close_year(2026)

    assert ask(marks) == {(WALLET, 2026): 1000}


def test_no_other_day_marks_anything(app: Flask, clock: Clock, run: Run, ask: Run) -> None:
    run(ledger.post, posting(1, ISSUED, WALLET, 1000))
    for month, day in ((11, 30), (12, 30)):
        clock.set(hangzhou(2026, month, day) + dt.timedelta(days=1))
        with app.app_context():
            assert closing.close_days() >= 1

    assert ask(marks) == {}


def test_closing_again_marks_once(clock: Clock, run: Run, ask: Run, close_year: Run) -> None:
    run(ledger.post, posting(1, ISSUED, WALLET, 1000))
    close_year(2026)
    run(ledger.post, posting(2, ISSUED, WALLET, 500))

    assert run(closing.close_day, closing.CloseDay(day=dt.date(2026, 12, 31))).rows == 0
    assert ask(marks) == {(WALLET, 2026): 1000}


def test_what_the_new_year_brought_before_the_old_one_was_closed_does_not_count(
    clock: Clock, run: Run, ask: Run, close_year: Run
) -> None:
    run(ledger.post, posting(1, ISSUED, WALLET, 1000))
    run(ledger.post, posting(2, WALLET, REDEEMED, 300, "redemption"))
    clock.set(hangzhou(2027, 1, 1, 0, 1))
    run(ledger.post, posting(3, ISSUED, WALLET, 50))
    run(ledger.post, posting(4, ISSUED, PURSE, 70))
    run(ledger.post, posting(5, WALLET, REDEEMED, 10, "redemption"))
    # What comes back lowers what was spent: it is nothing new either.
    run(reversal.reverse, back(2, 6))

    close_year(2026, at=hangzhou(2027, 1, 1, 9))

    assert ask(marks)[WALLET, 2026] == 1000
    assert ask(marks).get((PURSE, 2026), 0) == 0


def back(original: int, identity: int) -> reversal.Reverse:
    return reversal.Reverse(
        original=UUID(int=original),
        id=UUID(int=identity),
        note="退回",
        source_kind="order",
        source_id=UUID(int=77),
    )


def test_an_award_of_december_that_arrives_in_january_belongs_to_the_new_year(
    app: Flask, clock: Clock, run: Run, ask: Run, close_year: Run
) -> None:
    run(ledger.post, posting(1, ISSUED, WALLET, 1000))
    clock.set(hangzhou(2026, 12, 31, 20))
    give(run, "late", event_at=hangzhou(2026, 12, 31, 18))

    close_year(2026)
    clock.set(hangzhou(2027, 1, 1, 2))
    with app.app_context():
        assert settle_due() == 1

    assert ask(marks) == {(WALLET, 2026): 1000}


def test_basic_points_have_no_mark(
    app: Flask, clock: Clock, run: Run, ask: Run, close_year: Run
) -> None:
    give(run, "a", rule=JOIN, units=2)
    clock.set(hangzhou(2026, 12, 1))
    with app.app_context():
        settle_due()

    close_year(2026)

    assert ask(count, "expiry_marks") == 0
    basic = resident_account(RESIDENT, HERE, "basic")
    assert (
        ask(
            lambda connection: connection.scalar(
                select(Account.credited).where(Account.id == basic)
            )
        )
        == 200
    )


def test_a_year_later_the_mark_less_what_went_lapses(
    clock: Clock, run: Run, ask: Run, close_year: Run
) -> None:
    run(ledger.post, posting(1, ISSUED, WALLET, 1000))
    assert ask(lapsing, clock.now) == 0
    close_year(2026)
    assert ask(lapsing, clock.now) == 1000

    run(ledger.post, posting(2, ISSUED, WALLET, 5000))
    run(ledger.post, posting(3, WALLET, REDEEMED, 300, "redemption"))
    assert ask(lapsing, clock.now) == 700
    run(
        holds.hold,
        holds.OpenHold(
            id=UUID(int=50),
            account=WALLET,
            amount=200,
            reason="抽纸",
            source_kind="order",
            source_id=UUID(int=50),
        ),
    )
    assert ask(lapsing, clock.now) == 500
    run(ledger.post, posting(4, WALLET, REDEEMED, 900, "redemption"))
    assert ask(lapsing, clock.now) == 0


def test_what_comes_back_returns_with_the_age_it_had(
    clock: Clock, run: Run, ask: Run, close_year: Run
) -> None:
    run(ledger.post, posting(1, ISSUED, WALLET, 1000))
    run(ledger.post, posting(2, WALLET, REDEEMED, 300, "redemption"))
    close_year(2026)
    assert ask(lapsing, clock.now) == 700

    run(reversal.reverse, back(2, 6))
    assert ask(lapsing, clock.now) == 1000


def test_each_year_adds_its_own_mark(run: Run, ask: Run, close_year: Run) -> None:
    run(ledger.post, posting(1, ISSUED, WALLET, 1000))
    close_year(2026)
    run(ledger.post, posting(2, ISSUED, WALLET, 500))
    close_year(2027)

    assert ask(marks) == {(WALLET, 2026): 1000, (WALLET, 2027): 1500}
    assert ask(lapsing, hangzhou(2027, 6, 1)) == 1000
    assert ask(lapsing, hangzhou(2028, 6, 1)) == 1500


def test_many_wallets_are_marked_in_chunks_and_whoever_begins_anew_changes_nothing(
    clock: Clock, run: Run, ask: Run
) -> None:
    for number in range(5):
        resident = UUID(int=500 + number)
        run(opened, resident)
        run(ledger.post, posting(number, ISSUED, resident_account(resident, HERE, "service"), 100))
    clock.set(hangzhou(2027, 1, 1, 0, 30))
    day = dt.date(2026, 12, 31)
    first = run(closing.mark_year, closing.MarkYear(day=day, chunk=2))
    run(ledger.post, posting(9, ISSUED, first.upto, 50))

    again = run(closing.mark_year, closing.MarkYear(day=day, chunk=2))
    run(closing.close_day, closing.CloseDay(day=day, marked=again.upto))

    assert (first, len(ask(marks))) == (again, 5)
    assert set(ask(marks).values()) == {100}
    with pytest.raises(closing.DayNotOver):
        run(closing.mark_year, closing.MarkYear(day=dt.date(2027, 12, 31)))


def test_the_job_marks_a_chunk_at_a_time(
    app: Flask, clock: Clock, run: Run, ask: Run, statements: Run, close_year: Run
) -> None:
    run(ledger.post, posting(1, ISSUED, WALLET, 1000))
    run(ledger.post, posting(2, ISSUED, PURSE, 200))
    with statements() as seen:
        close_year(2026)

    assert len([one for one in seen if "INSERT INTO expiry_marks" in one]) == 1
    assert ask(marks) == {(WALLET, 2026): 1000, (PURSE, 2026): 200}


@pytest.mark.parametrize(
    ("year", "amount", "then"),
    [
        (2027, 300, (1300, 1500)),
        (2027, 600, (1500, 1500)),
        (2028, 100, (1100, 1600)),
        (2028, 900, (1700, 1700)),
        (2026, 300, (1000, 1500)),
        (2028, 0, (1000, 1500)),
    ],
)
def test_what_goes_of_one_year_leaves_older_points_as_old_as_they_are(
    year: int, amount: int, then: tuple[int, int], run: Run, ask: Run, close_year: Run
) -> None:
    run(ledger.post, posting(1, ISSUED, WALLET, 1000))
    run(ledger.post, posting(2, ISSUED, PURSE, 40))
    close_year(2026)
    run(ledger.post, posting(3, ISSUED, WALLET, 500))
    run(ledger.post, posting(4, ISSUED, PURSE, 40))
    close_year(2027)
    run(ledger.post, posting(5, ISSUED, WALLET, 200))

    def goes(work: Work, _command: None) -> Nothing:
        keep_older(work, WALLET, year, amount)
        return Nothing()

    run(goes, None)

    assert ask(marks) == {
        (WALLET, 2026): then[0],
        (WALLET, 2027): then[1],
        (PURSE, 2026): 40,
        (PURSE, 2027): 80,
    }


def opened(work: Work, resident: UUID) -> Nothing:
    """Open a resident's accounts."""
    open_resident(work, resident, HERE)
    return Nothing()
