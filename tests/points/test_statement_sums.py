"""A statement's arithmetic: opening + entries = closing, exactly, over any ledger and any days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from core.db import db
from core.work import Work, reading, transact
from points import ledger
from points.accounts import account_id, clearing, open_books, open_clearing
from points.closing import close_days, fold_deltas
from points.ledger import AccountUnknown
from points.statements.book import BookRow, BookStillOpen, BookTooLong, book_of
from points.statements.book import moved as moved_in
from points.statements.periods import (
    Period,
    PeriodNotYet,
    PeriodUpsideDown,
    Subject,
    month_before,
    month_of,
)
from points.statements.sums import lines, sums_of
from points.statements.sums import lines as lines_of
from tests.conftest import Clock
from tests.points.books import HERE, RESIDENT, THERE, WALLET, Nothing, one, open_resident
from tests.points.correcting import Desk
from tests.points.statements_scene import moved, post

Run = Callable[..., Any]
FIRST = dt.datetime(2026, 9, 1, 2, 0, tzinfo=dt.UTC)
HERS = Subject(of="resident", community=HERE, points_kind="service", holder=RESIDENT)
BOOK = Subject(of="community", community=HERE, points_kind="service")
LEGS = 3


@dataclass(frozen=True)
class Move:
    """After so many days: gain or spend an amount; a spending may have three legs."""

    days: int
    amount: int
    legs: int


MOVES = st.lists(
    st.builds(
        Move,
        days=st.integers(0, 20),
        amount=st.integers(-3000, 3000).filter(bool),
        legs=st.sampled_from((1, LEGS)),
    ),
    max_size=14,
)


def opened(work: Work, _command: None) -> Nothing:
    """Open the accounts of one resident here, and the books."""
    open_resident(work, RESIDENT, HERE)
    open_books(work, HERE, THERE)
    open_clearing(work, HERE, THERE)
    return Nothing()


def spent(number: int, total: int) -> Callable[[Work, None], Nothing]:
    """Spend by three legs of one journal."""

    def use_case(work: Work, _command: None) -> Nothing:
        spending = ledger.Spending(
            account=WALLET,
            community=HERE,
            event_at=work.now,
            source_kind="order",
            source_id=UUID(int=number),
            journal=UUID(int=number),
            note="洗洁精一瓶",
        )
        targets = (
            ("redemption", clearing(HERE, THERE), total - 2),
            ("discount", account_id("retired", HERE, "service"), 1),
            ("rounding", account_id("rounding", HERE, "service"), 1),
        )
        legs = [
            ledger.Leg(id=UUID(int=number + at), act=act, credit=credit, amount=amount)
            for at, (act, credit, amount) in enumerate(targets)
        ]
        ledger.spend(work, spending, legs)
        return Nothing()

    return use_case


def play(clock: Clock, moves: list[Move]) -> list[tuple[dt.date, int]]:
    """Make the moves that the balance allows; return each with its day."""
    clock.set(FIRST)
    transact(opened, None)
    balance, number, made = 0, 1000, []
    for move in moves:
        clock.advance(days=move.days)
        if balance + move.amount < 0:
            continue
        number += 10
        if move.amount < -LEGS and move.legs == LEGS:
            transact(spent(number, -move.amount), None)
        else:
            transact(post, moved(number, WALLET, move.amount))
        balance += move.amount
        made.append((clock.now.date(), move.amount))
    return made


def erase() -> None:
    """Empty the ledger before the next example."""
    with db.engine.connect().execution_options(writes=True) as connection:
        for table in ("transfers", "account_deltas", "account_folds", "accounts"):
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608
        connection.execute(text("DELETE FROM business_days"))
        connection.commit()


@given(moves=MOVES, start=st.integers(-5, 200), length=st.integers(0, 200))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_opening_and_entries_make_the_closing_over_any_ledger(
    app: Flask, clock: Clock, moves: list[Move], start: int, length: int
) -> None:
    first = FIRST.date() + dt.timedelta(days=start)
    period = Period(first=first, last=first + dt.timedelta(days=length))
    with app.app_context():
        erase()
        made = play(clock, moves)
        with reading() as connection:
            sums = sums_of(connection, HERS, period)
            listed = list(lines(connection, HERS, period, sums))

    inside = [amount for day, amount in made if period.first <= day <= period.last]
    assert sums.opening == sum(amount for day, amount in made if day < period.first)
    assert sums.closing == sums.opening + sum(inside)
    assert (sums.added, sums.taken) == (
        sum(amount for amount in inside if amount > 0),
        -sum(amount for amount in inside if amount < 0),
    )
    assert [line.amount for line in listed] == inside
    assert sums.entries == len(inside)
    assert sums.agrees
    if listed:
        assert listed[-1].balance == sums.closing


@given(moves=MOVES, start=st.integers(0, 100), length=st.integers(0, 60), is_folded=st.booleans())
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_communitys_book_adds_up_over_any_ledger_folded_or_not(
    app: Flask, clock: Clock, moves: list[Move], start: int, length: int, *, is_folded: bool
) -> None:
    first = FIRST.date() + dt.timedelta(days=start)
    period = Period(first=first, last=first + dt.timedelta(days=length))
    with app.app_context():
        erase()
        made = play(clock, moves)
        clock.set(FIRST + dt.timedelta(days=600))
        if is_folded:
            fold_deltas()
        with reading() as connection:
            book = book_of(connection, BOOK, period, clock.now.date())

    inside = [amount for day, amount in made if period.first <= day <= period.last]
    assert book.sums.opening == sum(amount for day, amount in made if day < period.first)
    assert book.sums.closing == book.sums.opening + sum(inside)
    assert book.sums.agrees
    assert sum(row.debited - row.credited for row in book.rows) == sum(inside)


@pytest.fixture
def played(app: Flask, clock: Clock) -> None:
    """Two awards and a spending of three legs, in two months."""
    with app.app_context():
        play(
            clock,
            [
                Move(days=3, amount=2000, legs=1),
                Move(days=30, amount=1000, legs=1),
                Move(days=2, amount=-1200, legs=LEGS),
            ],
        )


OCTOBER = month_of(dt.date(2026, 10, 15))


def test_the_legs_of_one_act_are_one_line(played: None, ask: Callable[..., Any]) -> None:
    sums = ask(sums_of, HERS, OCTOBER)
    found = ask(lambda connection: list(lines(connection, HERS, OCTOBER, sums)))

    assert [(line.reason, line.amount, line.balance) for line in found] == [
        ("便民集市，来帮忙", 1000, 3000),
        ("洗洁精一瓶", -1200, 1800),
    ]
    assert (sums.opening, sums.added, sums.taken, sums.closing) == (2000, 1000, 1200, 1800)


def test_what_was_posted_later_the_same_day_is_not_on_the_paper(
    played: None, run: Run, ask: Callable[..., Any]
) -> None:
    before = ask(sums_of, HERS, OCTOBER)
    run(post, moved(9000, WALLET, 500))

    assert ask(sums_of, HERS, OCTOBER, before.through) == before
    assert ask(sums_of, HERS, OCTOBER).closing == before.closing + 500


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transfers SET amount = amount + 1 WHERE act = 'award'",
        "DELETE FROM transfers WHERE act = 'rounding'",
        "UPDATE accounts SET credited = credited + 1 WHERE id > 0 AND points_kind = 'service'",
    ],
)
def test_books_that_were_tampered_with_do_not_agree(
    app: Flask, played: None, ask: Callable[..., Any], statement: str
) -> None:
    before = ask(sums_of, HERS, OCTOBER)
    with app.app_context(), db.engine.connect().execution_options(writes=True) as connection:
        connection.execute(text(statement))
        connection.commit()

    after = ask(sums_of, HERS, OCTOBER)
    assert before.agrees
    assert not after.agrees
    assert after != before


def test_a_transfer_that_is_gone_from_the_book_is_noticed(
    app: Flask, played: None, clock: Clock, ask: Callable[..., Any]
) -> None:
    clock.advance(days=60)
    book = ask(book_of, BOOK, OCTOBER, clock.now.date())
    with app.app_context(), db.engine.connect().execution_options(writes=True) as connection:
        connection.execute(text("DELETE FROM transfers WHERE act = 'discount'"))
        connection.commit()

    assert book.sums.agrees
    assert not ask(book_of, BOOK, OCTOBER, clock.now.date()).sums.agrees


def test_a_book_is_given_out_over_closed_days_only(
    app: Flask, played: None, clock: Clock, ask: Callable[..., Any]
) -> None:
    clock.set(dt.datetime(2026, 10, 20, 1, tzinfo=dt.UTC))
    with app.app_context():
        close_days()

    with pytest.raises(BookStillOpen, match="BookStillOpen") as refused:
        ask(book_of, BOOK, OCTOBER, dt.date(2026, 10, 20))
    assert "2026-10-19" in refused.value.sentence()


def test_a_book_is_read_ten_years_at_a_time(played: None, ask: Callable[..., Any]) -> None:
    long = Period(first=dt.date(2015, 12, 31), last=dt.date(2026, 1, 1))
    with pytest.raises(BookTooLong):
        ask(book_of, BOOK, long, dt.date(2026, 11, 24))


def test_an_account_that_does_not_exist_has_no_statement(ask: Callable[..., Any]) -> None:
    nobody = Subject(of="household", community=HERE, points_kind="basic", holder=UUID(int=404))
    with pytest.raises(AccountUnknown):
        ask(sums_of, nobody, OCTOBER)


def test_a_period_ends_after_it_begins_and_before_tomorrow() -> None:
    today = dt.date(2026, 11, 24)
    with pytest.raises(PeriodUpsideDown):
        Period(first=today, last=today - dt.timedelta(days=1)).checked(today)
    with pytest.raises(PeriodNotYet):
        Period(first=today, last=today + dt.timedelta(days=1)).checked(today)
    assert Period(first=today, last=today).checked(today).last == today


def test_months_end_where_the_next_begins() -> None:
    assert month_of(dt.date(2028, 2, 10)).last == dt.date(2028, 2, 29)
    assert month_before(dt.date(2027, 1, 31)) == month_of(dt.date(2026, 12, 1))


def statements_of(connection: Connection, period: Period) -> int:
    sums = sums_of(connection, HERS, period)
    return sum(1 for _line in lines(connection, HERS, period, sums))


def test_a_statement_takes_a_handful_of_statements_of_sql(
    played: None, ask: Callable[..., Any], statements: Callable[[], Any]
) -> None:
    with statements() as seen:
        ask(statements_of, OCTOBER)

    assert len([each for each in seen if each.lstrip().startswith("SELECT")]) <= 5


def test_of_several_awards_each_is_one_line_with_its_own_reason(desk: Desk) -> None:
    for reason in ("扫雪", "送报"):
        desk.earn(reason=reason)
    wallet = Subject(
        of="resident", community=HERE, points_kind="service", holder=one(desk.cast.wang.resident)
    )
    period = Period(first=dt.date(2026, 11, 1), last=dt.date(2026, 11, 30))
    sums = desk.ask(sums_of, wallet, period)

    found = desk.ask(lambda connection: list(lines_of(connection, wallet, period, sums)))

    assert [(line.reason, line.amount) for line in found] == [("扫雪", 1000), ("送报", 1000)]


def test_clearing_stands_at_the_end_of_a_book() -> None:
    def row(purpose: str, debited: int = 100) -> BookRow:
        return BookRow(
            account=-1,
            purpose=purpose,
            counterpart=0,
            opening=0,
            credited=0,
            debited=debited,
            closing=0,
        )

    rows = [row("adjusted", debited=0), row("clearing"), row("issued")]
    assert [each.purpose for each in moved_in(rows)] == ["issued", "clearing"]
