"""Folding: a system account's balance is folds + deltas at any moment, and folding changes none."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from core.work import Work
from points import ledger
from points.books import Book, books
from points.closing import Fold, fold, fold_deltas
from points.settlement import settle_due
from tests.conftest import Clock
from tests.points.books import HERE, ISSUED, PURSE, REDEEMED, THERE, WALLET, Nothing, posting
from tests.points.earning import HOUR, count, days_later, give, holders

Run = Callable[..., Any]
ALL = ("issued", "redeemed", "clearing", "adjusted")


@pytest.fixture(autouse=True)
def _holders(run: Run) -> None:
    run(holders, None)


@pytest.fixture
def fold_all(app: Flask) -> Callable[[], int]:
    def call() -> int:
        with app.app_context():
            return fold_deltas()

    return call


def from_transfers(connection: Connection) -> dict[int, int]:
    """System balances added up from the transfers, without folds and deltas."""
    rows = connection.execute(
        text(
            "SELECT account, sum(change) AS balance FROM ("
            "SELECT credit AS account, amount AS change FROM transfers WHERE credit < 0"
            " UNION ALL SELECT debit, -amount FROM transfers WHERE debit < 0"
            ") AS sides GROUP BY account",
        ),
    )
    return {row.account: int(row.balance) for row in rows}


def from_folds_and_deltas(connection: Connection) -> dict[int, int]:
    rows = connection.execute(
        text(
            "SELECT account, sum(credited - debited) AS balance FROM ("
            "SELECT account, credited, debited FROM account_folds"
            " UNION ALL SELECT account, credited, debited FROM account_deltas"
            ") AS parts GROUP BY account",
        ),
    )
    return {row.account: int(row.balance) for row in rows}


def busy(app: Flask, clock: Clock, run: Run, offset: int) -> None:
    """Award at home and elsewhere, settle, and spend."""
    for number in range(6):
        elsewhere = {"bearing": THERE, "face_bearing": 8_000} if number % 2 else {}
        rule = replace(HOUR, cap_per_day=None)
        give(run, f"{offset}:{number}", rule=rule, units=1 + number, **elsewhere)
    clock.advance(days=1)
    with app.app_context():
        settle_due()
    run(ledger.post, posting(offset + 1, WALLET, REDEEMED, 250, "redemption"))


def test_folding_changes_no_balance(
    app: Flask, clock: Clock, run: Run, ask: Run, fold_all: Run
) -> None:
    for offset in (100, 200, 300):
        busy(app, clock, run, offset)
        before: list[Book] = ask(books, *ALL)
        assert {book.purpose for book in before} == {"issued", "redeemed", "clearing"}

        assert fold_all() > 0
        assert ask(count, "account_deltas") == 0
        assert ask(books, *ALL) == before
        assert ask(from_folds_and_deltas) == ask(from_transfers)


def test_between_two_folds_both_parts_count(
    app: Flask, clock: Clock, run: Run, ask: Run, fold_all: Run
) -> None:
    busy(app, clock, run, 100)
    fold_all()
    busy(app, clock, run, 200)

    assert ask(count, "account_folds") > 0
    assert ask(count, "account_deltas") > 0
    assert ask(from_folds_and_deltas) == ask(from_transfers)


def test_folding_nothing_does_nothing(run: Run, ask: Run, fold_all: Run) -> None:
    run(ledger.post, posting(1, ISSUED, WALLET, 500))
    assert fold_all() == 1

    before = ask(count, "account_folds"), ask(count, "audit_events")
    assert fold_all() == 0
    assert (ask(count, "account_folds"), ask(count, "audit_events")) == before


def test_each_business_day_has_its_own_fold(
    clock: Clock, run: Run, ask: Run, fold_all: Run
) -> None:
    for day, amounts in enumerate([(100, 200), (400,)]):
        clock.set(days_later(day))
        for number, amount in enumerate(amounts):
            run(ledger.post, posting(10 * day + number + 1, ISSUED, WALLET, amount))
            fold_all()

    rows = ask(
        lambda connection: connection.execute(
            text("SELECT day, debited FROM account_folds ORDER BY day"),
        ).all(),
    )
    assert [(str(row.day), row.debited) for row in rows] == [
        ("2026-11-24", 300),
        ("2026-11-25", 400),
    ]


def test_the_standard_of_clearing_survives(
    app: Flask, clock: Clock, run: Run, ask: Run, fold_all: Run
) -> None:
    give(run, "a", bearing=THERE, face_bearing=8_000)
    clock.advance(days=1)
    with app.app_context():
        settle_due()
    fold_all()

    pair = {book.community: book for book in ask(books, "clearing")}
    assert (pair[HERE].standard, pair[THERE].standard) == (-800, 800)


def test_a_fold_that_breaks_loses_nothing(run: Run, ask: Run) -> None:
    run(ledger.post, posting(1, ISSUED, WALLET, 500))

    def breaking(work: Work, command: Fold) -> Nothing:
        fold(work, command)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        run(breaking, Fold())
    assert (ask(count, "account_deltas"), ask(count, "account_folds")) == (1, 0)


def test_balances_are_exact_while_others_post_and_several_fold(
    app: Flask, run: Run, ask: Run, fold_all: Run
) -> None:
    stop = threading.Event()

    def post_some(first: int) -> None:
        for number in range(40):
            run(ledger.post, posting(first + number, ISSUED, (WALLET, PURSE)[number % 2], 100))

    def keep_folding() -> int:
        folded = 0
        while not stop.is_set():
            folded += fold_all()
        return folded

    def keep_reading() -> list[bool]:
        seen = []
        while not stop.is_set():
            seen.append(ask(exact))
        return seen

    with ThreadPoolExecutor(6) as pool:
        folding = [pool.submit(keep_folding) for _ in range(2)]
        reading = pool.submit(keep_reading)
        list(pool.map(post_some, [1000, 2000, 3000]))
        stop.set()
        folded = sum(future.result() for future in folding) + fold_all()

    assert reading.result()
    assert all(reading.result())
    assert folded == 120
    assert ask(from_folds_and_deltas) == {ISSUED: -12_000} == ask(from_transfers)


def exact(connection: Connection) -> bool:
    """Whether both ways of adding up agree, in one statement and so on one snapshot."""
    row = connection.execute(
        text(
            "SELECT (SELECT coalesce(sum(amount), 0) FROM transfers) AS posted,"
            " (SELECT coalesce(sum(debited), 0) FROM account_folds)"
            " + (SELECT coalesce(sum(debited), 0) FROM account_deltas) AS booked",
        ),
    ).one()
    return int(row.posted) == int(row.booked)
