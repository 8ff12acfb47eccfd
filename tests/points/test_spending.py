"""Spending by several legs: from what is free, all or nothing, each leg a line of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, select

from core.work import Work
from points import holds, ledger
from points.accounts import resident_account
from points.models import AccountDelta, Transfer
from tests.points.books import (
    HERE,
    ISSUED,
    REDEEMED,
    THERE,
    WALLET,
    posting,
    residents,
    spending,
)
from tests.points.test_posting import totals

Run = Callable[..., Any]
RATE = UUID(int=600)


@pytest.fixture(autouse=True)
def _points(run: Run) -> None:
    """1000 points, of which 200 are spent and 300 held."""
    run(residents, None)
    run(ledger.post, posting(1, ISSUED, WALLET, 1000))
    run(ledger.post, posting(2, WALLET, REDEEMED, 200, "redemption"))
    held = holds.OpenHold(
        id=UUID(int=50),
        account=WALLET,
        amount=300,
        reason="大米",
        source_kind="order",
        source_id=UUID(int=50),
    )
    run(holds.hold, held)


def leg(identity: int, amount: int, **changes: Any) -> ledger.Leg:
    given: dict[str, Any] = {"act": "redemption", "credit": REDEEMED, "amount": amount}
    return ledger.Leg(id=UUID(int=identity), **(given | changes))


def pay(run: Run, *legs: ledger.Leg, **changes: Any) -> bool:
    def use_case(work: Work, _command: None) -> bool:
        return ledger.spend(work, replace(spending(9), **changes), legs)

    return bool(run(use_case, None))


def lines(connection: Connection) -> list[tuple[object, ...]]:
    query = (
        select(
            Transfer.amount,
            Transfer.debit_balance,
            Transfer.debit_version,
            Transfer.standard,
            Transfer.rate,
            Transfer.note,
            AccountDelta.credited,
            AccountDelta.standard.label("of_delta"),
        )
        .join(AccountDelta, AccountDelta.cause == Transfer.id)
        .where(Transfer.journal == UUID(int=9))
        .order_by(Transfer.debit_version)
    )
    return [tuple(row) for row in connection.execute(query)]


def test_what_is_free_can_be_spent_to_the_last_centipoint_and_no_more(run: Run, ask: Run) -> None:
    with pytest.raises(ledger.InsufficientPoints):
        pay(run, leg(11, 400), leg(12, 101))
    assert ask(totals, WALLET) == (1000, 200, 300, 2)

    assert pay(run, leg(11, 400), leg(12, 100))
    assert ask(totals, WALLET) == (1000, 700, 300, 4)


def test_each_leg_tells_what_was_left_after_it_and_what_it_was_worth(run: Run, ask: Run) -> None:
    pay(run, leg(11, 400, standard=320, rate=RATE), leg(12, 100), note="抽纸")

    assert ask(lines) == [
        (400, 400, 3, 320, RATE, "抽纸", 400, 320),
        (100, 300, 4, None, None, "抽纸", 100, 0),
    ]


def test_free_is_what_is_neither_spent_nor_held(run: Run) -> None:
    def free(work: Work, _command: None) -> int:
        return ledger.free_of(work, WALLET)

    assert run(free, None) == 500


def test_the_same_spending_again_spends_once(run: Run, ask: Run) -> None:
    assert pay(run, leg(11, 400), leg(12, 100))
    assert not pay(run, leg(11, 400), leg(12, 100))

    assert ask(totals, WALLET) == (1000, 700, 300, 4)


def test_an_account_that_this_book_does_not_have_is_unknown(run: Run) -> None:
    stranger = resident_account(UUID(int=99), HERE, "service")

    for changed in ({"account": stranger}, {"community": THERE}):
        with pytest.raises(ledger.AccountUnknown):
            pay(run, leg(11, 1), **changed)
