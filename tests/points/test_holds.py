"""Holds: points set aside inside the guard, then captured, released or lapsed, once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, select, text

from core.work import Work
from points import holds, ledger
from points.accounts import account_id, resident_account
from points.models import Hold
from tests.conftest import Clock
from tests.points.books import HERE, ISSUED, REDEEMED, WALLET, posting, residents, spending
from tests.points.test_posting import totals

Run = Callable[..., Any]
RETIRED = account_id("retired", HERE, "service")
HOLD = UUID(int=50)


@pytest.fixture(autouse=True)
def _points(run: Run) -> None:
    run(residents, None)
    run(ledger.post, posting(1, ISSUED, WALLET, 1000))


def open_hold(amount: int, identity: UUID = HOLD) -> holds.OpenHold:
    return holds.OpenHold(
        id=identity,
        account=WALLET,
        amount=amount,
        reason="大米 2.5 公斤",
        source_kind="order",
        source_id=identity,
    )


def capture(run: Run, *amounts: int) -> bool:
    legs = [
        ledger.Leg(id=UUID(int=60 + index), act="redemption", credit=REDEEMED, amount=amount)
        for index, amount in enumerate(amounts)
    ]

    def use_case(work: Work, _command: None) -> bool:
        return holds.capture(work, HOLD, spending(5), legs)

    return bool(run(use_case, None))


def release(work: Work, hold: UUID) -> bool:
    return holds.release(work, hold)


def test_held_points_cannot_be_spent(run: Run, ask: Run) -> None:
    run(holds.hold, open_hold(800))

    with pytest.raises(ledger.InsufficientPoints):
        run(ledger.post, posting(2, WALLET, REDEEMED, 201, "redemption"))

    assert ask(totals, WALLET) == (1000, 0, 800, 1)


def test_more_than_there_is_cannot_be_held(run: Run) -> None:
    with pytest.raises(ledger.InsufficientPoints):
        run(holds.hold, open_hold(1001))
    assert run(holds.hold, open_hold(1000)).amount == 1000


def test_what_is_held_or_spent_cannot_be_held_again(run: Run, ask: Run) -> None:
    run(holds.hold, open_hold(300))
    run(ledger.post, posting(2, WALLET, REDEEMED, 200, "redemption"))

    with pytest.raises(ledger.InsufficientPoints):
        run(holds.hold, open_hold(501, UUID(int=51)))
    run(holds.hold, open_hold(500, UUID(int=51)))

    assert ask(totals, WALLET) == (1000, 200, 800, 2)


def test_nothing_is_held_of_an_account_that_was_never_opened(run: Run) -> None:
    stranger = replace(open_hold(1), account=resident_account(UUID(int=99), HERE, "service"))

    with pytest.raises(ledger.AccountUnknown):
        run(holds.hold, stranger)


def test_the_same_hold_again_holds_once(run: Run, ask: Run) -> None:
    first = run(holds.hold, open_hold(300))
    again = run(holds.hold, open_hold(300))

    assert first == holds.Held(id=HOLD, amount=300, exists=False)
    assert again == holds.Held(id=HOLD, amount=300, exists=True)
    assert ask(totals, WALLET) == (1000, 0, 300, 1)


def test_the_same_hold_with_another_amount_is_refused(run: Run) -> None:
    run(holds.hold, open_hold(300))

    with pytest.raises(holds.HoldDiffers):
        run(holds.hold, open_hold(301))


def test_capturing_all_debits_by_the_legs(run: Run, ask: Run) -> None:
    run(holds.hold, open_hold(500))

    assert capture(run, 400, 100)
    assert ask(totals, WALLET) == (1000, 500, 0, 3)
    assert ask(balances_after) == [600, 500]


def balances_after(connection: Connection) -> list[int]:
    rows = connection.execute(
        text("SELECT debit_balance FROM transfers WHERE debit = :id ORDER BY debit_version"),
        {"id": WALLET},
    )
    return [row[0] for row in rows]


def test_capturing_a_part_frees_the_rest(run: Run, ask: Run) -> None:
    run(holds.hold, open_hold(500))

    assert capture(run, 200)
    assert ask(totals, WALLET) == (1000, 200, 0, 2)


def test_capturing_twice_debits_once(run: Run, ask: Run) -> None:
    run(holds.hold, open_hold(500))
    capture(run, 500)

    assert not capture(run, 500)
    assert ask(totals, WALLET) == (1000, 500, 0, 2)


def test_more_than_was_held_cannot_be_captured(run: Run, ask: Run) -> None:
    run(holds.hold, open_hold(500))

    with pytest.raises(holds.HoldTooSmall):
        capture(run, 501)

    assert ask(totals, WALLET) == (1000, 0, 500, 1)


def test_releasing_gives_everything_back_once(run: Run, ask: Run) -> None:
    run(holds.hold, open_hold(500))

    assert run(release, HOLD)
    assert not run(release, HOLD)
    assert ask(totals, WALLET) == (1000, 0, 0, 1)


def test_each_hold_ends_by_itself_and_says_how_and_when(run: Run, ask: Run, clock: Clock) -> None:
    for number in (50, 51, 52):
        run(holds.hold, open_hold(100, UUID(int=number)))
    opened = clock.now
    clock.advance(minutes=5)
    run(release, HOLD)

    def lapse(work: Work, hold: UUID) -> bool:
        return holds.release(work, hold, lapsed=True)

    run(lapse, UUID(int=51))

    assert ask(ends) == [
        ("released", 0, opened, clock.now),
        ("lapsed", 0, opened, clock.now),
        ("open", 0, opened, None),
    ]
    assert ask(totals, WALLET) == (1000, 0, 100, 1)


def ends(connection: Connection) -> list[tuple[object, ...]]:
    query = select(Hold.state, Hold.captured, Hold.created_at, Hold.closed_at).order_by(Hold.id)
    return [tuple(row) for row in connection.execute(query)]


def test_a_released_hold_cannot_be_captured(run: Run, ask: Run) -> None:
    run(holds.hold, open_hold(500))
    run(release, HOLD)

    assert not capture(run, 500)
    assert ask(totals, WALLET) == (1000, 0, 0, 1)


def test_an_unknown_hold_is_refused(run: Run) -> None:
    with pytest.raises(holds.HoldUnknown):
        run(release, UUID(int=404))


def test_capture_and_release_at_once_end_in_one_of_them(run: Run, ask: Run) -> None:
    run(holds.hold, open_hold(500))

    with ThreadPoolExecutor(8) as pool:
        done = list(
            pool.map(
                lambda number: capture(run, 500) if number % 2 else run(release, HOLD),
                range(16),
            ),
        )

    assert done.count(True) == 1
    credited, debited, held, _version = ask(totals, WALLET)
    assert held == 0
    assert (credited, debited) in {(1000, 500), (1000, 0)}
