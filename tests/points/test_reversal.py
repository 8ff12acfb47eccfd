"""Reversal: a new transfer with the sides swapped, once only, with the age the points had."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from points import ledger, reversal
from tests.points.books import ISSUED, REDEEMED, WALLET, posting, residents
from tests.points.test_posting import totals

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def _points(run: Run) -> None:
    run(residents, None)
    run(ledger.post, posting(1, ISSUED, WALLET, 1000))
    run(ledger.post, posting(2, WALLET, REDEEMED, 300, "redemption"))


def back(original: int, identity: int = 10) -> reversal.Reverse:
    return reversal.Reverse(
        original=UUID(int=original),
        id=UUID(int=identity),
        note="不合适，退回",
        source_kind="order",
        source_id=UUID(int=77),
    )


def test_a_spend_that_comes_back_lowers_what_was_debited(run: Run, ask: Run) -> None:
    run(reversal.reverse, back(2))

    assert ask(totals, WALLET) == (1000, 0, 0, 3)
    assert ask(system_balance, REDEEMED) == 0


def system_balance(connection: Connection, account: int) -> int:
    return int(
        connection.execute(
            text("SELECT sum(credited - debited) FROM account_deltas WHERE account = :id"),
            {"id": account},
        ).scalar_one(),
    )


def test_an_award_that_is_taken_back_is_a_debit(run: Run, ask: Run) -> None:
    run(ledger.post, posting(3, ISSUED, WALLET, 200))
    run(reversal.reverse, back(3))

    assert ask(totals, WALLET) == (1200, 500, 0, 4)


def test_a_second_reversal_is_refused(run: Run) -> None:
    run(reversal.reverse, back(2))

    with pytest.raises(reversal.AlreadyReversed):
        run(reversal.reverse, back(2, identity=11))


def test_the_same_reversal_again_says_that_it_exists(run: Run, ask: Run) -> None:
    run(reversal.reverse, back(2))

    assert run(reversal.reverse, back(2)).exists
    assert ask(totals, WALLET) == (1000, 0, 0, 3)


def test_a_transfer_that_never_was_cannot_be_reversed(run: Run) -> None:
    with pytest.raises(ledger.AccountUnknown):
        run(reversal.reverse, back(404))


def test_an_award_already_spent_cannot_be_taken_back_below_zero(run: Run, ask: Run) -> None:
    with pytest.raises(ledger.InsufficientPoints):
        run(reversal.reverse, back(1))

    assert ask(totals, WALLET) == (1000, 300, 0, 2)


def test_many_reversals_at_once_reverse_once(run: Run, ask: Run) -> None:
    def attempt(number: int) -> bool:
        try:
            run(reversal.reverse, back(2, identity=100 + number))
        except reversal.AlreadyReversed:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(attempt, range(12)))

    assert answers.count(True) == 1
    assert ask(totals, WALLET) == (1000, 0, 0, 3)
