"""Closing a day: nothing goes into it any more, days close in order, corrections come today."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text

from core.models import BusinessDay
from core.work import SHANGHAI, Work
from points import closing, holds, ledger, reversal
from points.models import Transfer
from points.settlement import settle_due
from tests.conftest import Clock
from tests.points.books import (
    ISSUED,
    MORNING,
    REDEEMED,
    WALLET,
    Nothing,
    posting,
    spending,
)
from tests.points.earning import count, days_later, give, holders
from tests.points.test_posting import totals

Run = Callable[..., Any]
TODAY = dt.date(2026, 11, 24)


def days(number: int) -> dt.date:
    return TODAY + dt.timedelta(days=number)


@pytest.fixture(autouse=True)
def _holders(run: Run) -> None:
    run(holders, None)
    run(ledger.post, posting(1, ISSUED, WALLET, 1000))


@pytest.fixture
def close_due(app: Flask) -> Callable[[], int]:
    def call() -> int:
        with app.app_context():
            return closing.close_days()

    return call


def closed(connection: Connection) -> list[tuple[dt.date, dt.datetime]]:
    rows = connection.execute(select(BusinessDay.day, BusinessDay.closed_at))
    return sorted((row.day, row.closed_at) for row in rows)


# --- when ------------------------------------------------------------------------------------


def test_a_day_that_is_not_over_cannot_be_closed(run: Run, ask: Run) -> None:
    for day in (TODAY, days(1)):
        with pytest.raises(closing.DayNotOver):
            run(closing.close_day, closing.CloseDay(day=day))

    assert ask(closed) == []


def test_what_began_before_midnight_may_still_commit(
    clock: Clock, run: Run, ask: Run, close_due: Run
) -> None:
    """A transaction lives a minute at most: only then is the day over for everybody."""
    midnight = dt.datetime(2026, 11, 25, 0, 0, tzinfo=SHANGHAI)
    close_yesterday = closing.CloseDay(day=TODAY)
    run(closing.close_day, closing.CloseDay(day=days(-1)))

    clock.set(midnight + dt.timedelta(seconds=119))
    with pytest.raises(closing.DayNotOver):
        run(closing.close_day, close_yesterday)
    assert close_due() == 0
    clock.set(midnight + dt.timedelta(seconds=120))
    assert close_due() == 1
    assert [day for day, _ in ask(closed)] == [days(-1), TODAY]


def test_days_close_in_order_and_none_is_left_out(clock: Clock, ask: Run, close_due: Run) -> None:
    clock.set(days_later(1))
    assert close_due() == 1
    clock.set(days_later(5))
    assert close_due() == 4

    found = ask(closed)
    assert [day for day, _ in found] == [days(number) for number in range(5)]
    assert [moment for _, moment in found] == [days_later(1)] + 4 * [days_later(5)]


def test_closing_twice_changes_nothing(clock: Clock, run: Run, ask: Run, close_due: Run) -> None:
    clock.set(days_later(1))
    close_due()
    before, audited = ask(closed), ask(count, "audit_events")
    clock.advance(hours=1)

    assert close_due() == 0
    assert run(closing.close_day, closing.CloseDay(day=TODAY)) == closing.Done(rows=0)
    assert (ask(closed), ask(count, "audit_events")) == (before, audited)


# --- what a closed day refuses ---------------------------------------------------------------


def post_more(work: Work) -> object:
    return ledger.post(work, posting(2, ISSUED, WALLET, 100))


def spend(work: Work) -> object:
    leg = ledger.Leg(id=UUID(int=3), act="redemption", credit=REDEEMED, amount=100)
    return ledger.spend(work, spending(3), [leg])


def capture(work: Work) -> object:
    leg = ledger.Leg(id=UUID(int=4), act="redemption", credit=REDEEMED, amount=100)
    return holds.capture(work, UUID(int=50), spending(4), [leg])


def take_back(work: Work) -> object:
    return reversal.reverse(work, back(9, 5))


def back(original: int, identity: int) -> reversal.Reverse:
    return reversal.Reverse(
        original=UUID(int=original),
        id=UUID(int=identity),
        note="记错了，退回",
        source_kind="order",
        source_id=UUID(int=77),
    )


@pytest.mark.parametrize("door", [post_more, spend, capture, take_back])
def test_no_door_posts_into_a_closed_day(
    clock: Clock, run: Run, ask: Run, door: Callable[[Work], object]
) -> None:
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
    run(ledger.post, posting(9, ISSUED, WALLET, 100))
    before = ask(totals, WALLET)
    close(run, clock, TODAY)

    def use_case(work: Work, _command: None) -> Nothing:
        door(work)
        return Nothing()

    with pytest.raises(ledger.DayClosed):
        run(use_case, None)
    assert ask(totals, WALLET) == before
    assert ask(count, "transfers") == 2
    assert ask(count, "reversals") == 0
    clock.set(days_later(1))
    run(use_case, None)
    assert ask(lambda connection: posted(connection)[-1][0]) == days(1)


def close(run: Run, clock: Clock, day: dt.date) -> None:
    """Close a day, and go back into it: a node whose clock is late."""
    clock.set(days_later(1 + (day - TODAY).days))
    run(closing.close_day, closing.CloseDay(day=day))
    clock.set(days_later((day - TODAY).days))


def posted(connection: Connection) -> list[tuple[dt.date, str, int]]:
    rows = connection.execute(
        select(Transfer.day, Transfer.act, Transfer.amount).order_by(
            Transfer.posted_at, Transfer.id
        ),
    )
    return [(row.day, row.act, row.amount) for row in rows]


def test_settlement_refuses_a_closed_day_and_pays_the_next(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    give(run, "a")
    close(run, clock, days(1))
    with app.app_context(), pytest.raises(ledger.DayClosed):
        settle_due()
    assert ask(count, "awards", "state = 'pending'") == 1

    clock.set(days_later(2))
    with app.app_context():
        assert settle_due() == 1
    assert ask(posted)[-1] == (days(2), "award", 1000)


def test_a_retry_with_a_new_moment_comes_through(app: Flask, clock: Clock, run: Run) -> None:
    """A request that began before midnight is tried again, and books on the new day."""
    close(run, clock, TODAY)
    moments = iter([MORNING, days_later(1)])
    seen: list[dt.date] = []

    def use_case(work: Work, command: ledger.Posting) -> ledger.Posted:
        work.now = next(moments)
        work.day = work.now.astimezone(SHANGHAI).date()
        seen.append(work.day)
        return ledger.post(work, command)

    assert not run(use_case, posting(2, ISSUED, WALLET, 100)).exists
    assert seen == [TODAY, days(1)]


# --- corrections -----------------------------------------------------------------------------


def test_what_is_reversed_after_its_day_was_closed_goes_to_today(
    clock: Clock, run: Run, ask: Run, close_due: Run
) -> None:
    run(ledger.post, posting(2, WALLET, REDEEMED, 300, "redemption"))
    before = ask(posted)
    clock.set(days_later(3))
    close_due()

    run(reversal.reverse, back(2, 10))

    assert ask(posted) == [*before, (days(3), "reversal", 300)]
    assert ask(totals, WALLET) == (1000, 0, 0, 3)
    assert ask(of_day, TODAY) == 300
    assert ask(of_day, days(3)) == -300


def of_day(connection: Connection, day: dt.date) -> int:
    """What a day's deltas say of the redeemed points."""
    return int(
        connection.execute(
            text(
                "SELECT sum(credited - debited) FROM account_deltas"
                " WHERE account = :account AND day = :day",
            ),
            {"account": REDEEMED, "day": str(day)},
        ).scalar_one(),
    )
