"""A hold at depth: part of it captured, lapsed in time, and both at the same moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text

from core.work import Work, reading
from points import holds, ledger
from points.closing import lapse_due
from points.models import Hold
from points.proof import verify
from tests.conftest import Clock
from tests.points.books import ISSUED, REDEEMED, WALLET, posting, residents, spending
from tests.points.test_posting import totals

Run = Callable[..., Any]
ROUNDS = 20


@pytest.fixture(autouse=True)
def _points(run: Run) -> None:
    run(residents, None)
    run(ledger.post, posting(1, ISSUED, WALLET, 100_000))


def set_aside(run: Run, clock: Clock, number: int, amount: int = 500) -> UUID:
    """Hold points for an hour."""
    identity = UUID(int=1000 + number)
    command = holds.OpenHold(
        id=identity,
        account=WALLET,
        amount=amount,
        reason="抽纸",
        source_kind="order",
        source_id=identity,
        lapse_at=clock.now + dt.timedelta(hours=1),
    )
    run(holds.hold, command)
    return identity


def capture(run: Run, hold: UUID, amount: int) -> bool:
    leg = ledger.Leg(id=UUID(int=hold.int + 5000), act="redemption", credit=REDEEMED, amount=amount)

    def use_case(work: Work, _command: None) -> bool:
        return holds.capture(work, hold, spending(hold.int), [leg])

    return bool(run(use_case, None))


def lapse(app: Flask) -> int:
    with app.app_context():
        return lapse_due()


def release(work: Work, hold: UUID) -> bool:
    return holds.release(work, hold)


def state(connection: Connection, hold: UUID) -> tuple[str, int]:
    row = connection.execute(select(Hold.state, Hold.captured).where(Hold.id == hold)).one()
    return row[0], row[1]


def posted(connection: Connection, hold: UUID) -> int:
    """How many transfers a hold has become."""
    query = text("SELECT count(*) FROM transfers WHERE journal = :journal")
    values = {
        "journal": hold.hex if connection.dialect.name == "sqlite" else hold,
    }
    return int(connection.execute(query, values).scalar_one())


def books_hold(app: Flask) -> None:
    with app.app_context(), reading() as connection:
        # The points of this file come from nowhere.
        names = {found.name for found in verify.broken(connection)}
    assert names <= {"awarded transfers"}, names


def test_less_than_was_held_frees_the_rest_at_once(
    app: Flask, run: Run, ask: Run, clock: Clock
) -> None:
    hold = set_aside(run, clock, 1, 99_999)

    assert capture(run, hold, 1)
    assert ask(totals, WALLET) == (100_000, 1, 0, 2)
    assert ask(state, hold) == ("captured", 1)
    set_aside(run, clock, 2, 99_999)
    assert ask(totals, WALLET) == (100_000, 1, 99_999, 2)
    books_hold(app)


def test_a_second_capture_takes_nothing_of_what_was_freed(
    app: Flask, run: Run, ask: Run, clock: Clock
) -> None:
    hold = set_aside(run, clock, 1)
    capture(run, hold, 200)

    assert not capture(run, hold, 300)
    assert not capture(run, hold, 200)
    assert ask(totals, WALLET) == (100_000, 200, 0, 2)
    assert ask(posted, hold) == 1
    books_hold(app)


def test_more_than_was_held_is_refused_and_the_hold_stays(
    app: Flask, run: Run, ask: Run, clock: Clock
) -> None:
    hold = set_aside(run, clock, 1)

    with pytest.raises(holds.HoldTooSmall):
        capture(run, hold, 501)
    assert ask(state, hold) == ("open", 0)
    assert capture(run, hold, 500)
    books_hold(app)


def test_what_has_lapsed_is_neither_captured_nor_released(
    app: Flask, run: Run, ask: Run, clock: Clock
) -> None:
    hold = set_aside(run, clock, 1)
    clock.advance(minutes=59)
    assert lapse(app) == 0
    clock.advance(minutes=1)
    assert lapse(app) == 1
    assert lapse(app) == 0

    assert not capture(run, hold, 500)
    assert not run(release, hold)
    assert ask(state, hold) == ("lapsed", 0)
    assert ask(totals, WALLET) == (100_000, 0, 0, 1)
    books_hold(app)


def test_a_captured_hold_does_not_lapse(app: Flask, run: Run, ask: Run, clock: Clock) -> None:
    hold = set_aside(run, clock, 1)
    capture(run, hold, 300)
    clock.advance(hours=2)

    assert lapse(app) == 0
    assert ask(state, hold) == ("captured", 300)
    books_hold(app)


def test_of_capture_and_lapse_at_once_exactly_one_wins(
    app: Flask, run: Run, ask: Run, clock: Clock
) -> None:
    """Twenty rounds, two of each at the same moment: the hold ends once, its points move once."""
    spent = 0
    for number in range(ROUNDS):
        hold = set_aside(run, clock, number)
        clock.advance(hours=1)
        acts: list[Callable[[], int]] = [
            lambda hold=hold: int(capture(run, hold, 300)),  # type: ignore[misc]
            lambda: lapse(app),
        ] * 2
        with ThreadPoolExecutor(4) as pool:
            captured, lapsed, again, twice = pool.map(lambda act: act(), acts)

        ended, amount = ask(state, hold)
        assert captured + lapsed + again + twice == 1
        assert (ended, amount) == (("captured", 300) if captured + again else ("lapsed", 0))
        assert ask(posted, hold) == captured + again
        spent += amount
        credited, debited, held, _version = ask(totals, WALLET)
        assert (credited, debited, held) == (100_000, spent, 0)
    books_hold(app)
