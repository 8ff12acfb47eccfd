"""Posting one transfer: guarded, once per id, with the balance after it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from core.errors import Busy
from core.models import BusinessDay
from core.work import Work
from points import ledger
from points.accounts import SYSTEM_ACCOUNTS, resident_account
from residents.events import PlacesLoaded
from tests.points.books import (
    HERE,
    ISSUED,
    NEIGHBOUR,
    PURSE,
    REDEEMED,
    RESIDENT,
    THERE,
    WALLET,
    Nothing,
    posting,
    residents,
)
from tests.points.earning import count

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def _accounts(run: Run) -> None:
    run(residents, None)


def totals(connection: Connection, account: int) -> tuple[int, int, int, int]:
    row = connection.execute(
        text("SELECT credited, debited, held, version FROM accounts WHERE id = :id"),
        {"id": account},
    ).one()
    return (row[0], row[1], row[2], row[3])


def test_a_posting_credits_the_holder_and_leaves_a_delta_for_the_system(run: Run, ask: Run) -> None:
    posted = run(ledger.post, posting(1, ISSUED, WALLET, 1500))

    assert posted == ledger.Posted(id=UUID(int=1), exists=False)
    assert ask(totals, WALLET) == (1500, 0, 0, 1)
    assert ask(totals, ISSUED) == (0, 0, 0, 0)
    assert ask(deltas) == [(ISSUED, 0, 1500)]


def deltas(connection: Connection) -> list[tuple[int, int, int]]:
    rows = connection.execute(text("SELECT account, credited, debited FROM account_deltas"))
    return [(row[0], row[1], row[2]) for row in rows]


def test_the_same_posting_again_says_that_it_exists(run: Run, ask: Run) -> None:
    run(ledger.post, posting(1, ISSUED, WALLET, 1500))

    again = run(ledger.post, posting(1, ISSUED, WALLET, 1500))

    assert again == ledger.Posted(id=UUID(int=1), exists=True)
    assert ask(totals, WALLET) == (1500, 0, 0, 1)


def test_a_replay_whose_first_run_spent_everything_still_says_exists(run: Run) -> None:
    run(ledger.post, posting(1, ISSUED, WALLET, 1000))
    run(ledger.post, posting(2, WALLET, REDEEMED, 1000, "redemption"))

    assert run(ledger.post, posting(2, WALLET, REDEEMED, 1000, "redemption")).exists


@pytest.mark.parametrize(
    "changed",
    [{"amount": 1501}, {"credit": PURSE}, {"debit": REDEEMED}, {"act": "adjustment"}],
)
def test_the_same_id_with_other_content_is_refused(run: Run, changed: dict[str, Any]) -> None:
    first = posting(1, ISSUED, WALLET, 1500)
    run(ledger.post, first)

    with pytest.raises(ledger.TransferDiffers):
        run(ledger.post, dataclasses.replace(first, **changed))


def test_more_than_there_is_cannot_be_spent(run: Run, ask: Run) -> None:
    run(ledger.post, posting(1, ISSUED, WALLET, 1000))

    with pytest.raises(ledger.InsufficientPoints):
        run(ledger.post, posting(2, WALLET, REDEEMED, 1001, "redemption"))

    assert ask(totals, WALLET) == (1000, 0, 0, 1)


def test_an_account_that_was_never_opened_is_unknown(run: Run) -> None:
    stranger = resident_account(UUID(int=99), HERE, "service")

    with pytest.raises(ledger.AccountUnknown):
        run(ledger.post, posting(1, ISSUED, stranger, 100))


def test_an_id_that_two_accounts_share_does_not_pass_in_silence(run: Run) -> None:
    def becomes_anothers(work: Work, _command: None) -> Nothing:
        work.connection.execute(
            text("UPDATE accounts SET holder_id = :other WHERE id = :id"),
            work.bind(other=UUID(int=99), id=WALLET),
        )
        return Nothing()

    run(residents, None)
    run(becomes_anothers, None)
    with pytest.raises(Busy):
        run(residents, None)


def test_an_account_of_another_book_is_unknown_to_this_one(run: Run, ask: Run) -> None:
    with pytest.raises(ledger.AccountUnknown):
        run(ledger.post, dataclasses.replace(posting(1, ISSUED, WALLET, 100), community=THERE))

    assert ask(totals, WALLET) == (0, 0, 0, 0)


def test_kinds_of_points_do_not_meet_in_a_transfer(run: Run, ask: Run) -> None:
    run(ledger.post, posting(1, ISSUED, WALLET, 1000))
    basic = resident_account(RESIDENT, HERE, "basic")
    for sides in ((ISSUED, basic), (WALLET, basic), (basic, WALLET)):
        with pytest.raises(ledger.KindsMixed):
            run(ledger.post, posting(2, *sides, 100, "moving"))

    assert ask(totals, WALLET) == (1000, 0, 0, 1)
    assert ask(totals, basic) == (0, 0, 0, 0)


def test_a_posting_between_two_holders_changes_both_or_none(run: Run, ask: Run) -> None:
    run(ledger.post, posting(1, ISSUED, WALLET, 1000))
    run(ledger.post, posting(2, WALLET, PURSE, 400, "moving"))

    assert ask(totals, WALLET) == (1000, 400, 0, 2)
    assert ask(totals, PURSE) == (400, 0, 0, 1)
    with pytest.raises(ledger.InsufficientPoints):
        run(ledger.post, posting(3, WALLET, PURSE, 601, "moving"))
    assert ask(totals, PURSE) == (400, 0, 0, 1)


def test_a_credit_to_a_stranger_takes_nothing_from_the_holder(run: Run, ask: Run) -> None:
    run(ledger.post, posting(1, ISSUED, WALLET, 1000))
    stranger = resident_account(UUID(int=99), HERE, "service")

    with pytest.raises(ledger.AccountUnknown):
        run(ledger.post, posting(2, WALLET, stranger, 400, "moving"))

    assert ask(totals, WALLET) == (1000, 0, 0, 1)


def test_nothing_is_posted_into_a_closed_day(run: Run, ask: Run) -> None:
    run(close_today, None)

    with pytest.raises(ledger.DayClosed):
        run(ledger.post, posting(1, ISSUED, WALLET, 100))

    assert ask(totals, WALLET) == (0, 0, 0, 0)


def close_today(work: Work, _command: None) -> Nothing:
    work.session.add(BusinessDay(day=work.day, closed_at=work.now))
    return Nothing()


def test_each_row_tells_the_balance_and_the_version_after_it(run: Run, ask: Run) -> None:
    run(ledger.post, posting(3, ISSUED, WALLET, 1000))
    run(ledger.post, posting(1, WALLET, REDEEMED, 300, "redemption"))
    run(ledger.post, posting(2, ISSUED, WALLET, 50))

    assert ask(history) == [(1, 1000), (2, 700), (3, 750)]


def history(connection: Connection) -> list[tuple[int, int]]:
    rows = connection.execute(
        text(
            "SELECT coalesce(debit_version, credit_version),"
            " coalesce(debit_balance, credit_balance) FROM transfers ORDER BY 1",
        ),
    )
    return [(row[0], row[1]) for row in rows]


def test_forty_spenders_at_once_cannot_spend_more_than_there_is(
    app: Flask, run: Run, ask: Run
) -> None:
    run(ledger.post, posting(1, ISSUED, WALLET, 500))

    def spend(number: int) -> bool:
        try:
            run(ledger.post, posting(100 + number, WALLET, REDEEMED, 100, "redemption"))
        except ledger.InsufficientPoints:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(spend, range(40)))

    assert sum(answers) == 5
    assert ask(totals, WALLET) == (500, 500, 0, 6)


def test_the_same_id_from_many_at_once_is_posted_once(run: Run, ask: Run) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda _: run(ledger.post, posting(1, ISSUED, WALLET, 100)), range(32)),
        )

    assert [answer.exists for answer in answers].count(False) == 1
    assert ask(totals, WALLET) == (100, 0, 0, 1)


def test_two_who_pay_each_other_never_wait_for_each_other_forever(run: Run, ask: Run) -> None:
    run(ledger.post, posting(1, ISSUED, WALLET, 10_000))
    run(ledger.post, posting(2, ISSUED, PURSE, 10_000))

    def pay(number: int) -> None:
        one, other = (WALLET, PURSE) if number % 2 else (PURSE, WALLET)
        run(ledger.post, posting(100 + number, one, other, 10, "moving"))

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(pay, range(60)))

    assert ask(totals, WALLET) == (10_300, 300, 0, 61)
    assert ask(totals, PURSE) == (10_300, 300, 0, 61)
    assert resident_account(NEIGHBOUR, HERE, "service") == PURSE


def test_a_community_that_is_loaded_has_its_books(run: Run, ask: Run) -> None:
    new = 330109001001

    def load(work: Work, command: PlacesLoaded) -> Nothing:
        work.publish(command)
        return Nothing()

    run(load, PlacesLoaded(330109, (new,)))
    run(load, PlacesLoaded(330109, (new,)))

    assert ask(count, "accounts", f"id < 0 AND community = {new}") == len(SYSTEM_ACCOUNTS)
