"""A holder's lines and a community's book over three days, figure by figure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection

from core.sheets import Points
from core.work import Work, transact
from points import ledger
from points.accounts import account_id, clearing, household_account, resident_account
from points.reversal import ReverseAll, legs_of, reverse_all
from points.statements import tables
from points.statements.book import BookRow, BookStillOpen, BookTooLong, book_of, transfers
from points.statements.periods import Period
from points.statements.sums import Line, Sums, lines, sums_of
from tests.conftest import Clock
from tests.points.books import HERE, THERE, WALLET, Nothing, open_household, open_resident
from tests.points.earning import HOUSEHOLD
from tests.points.statements_scene import moved
from tests.points.test_statement_sums import BOOK, HERS, LEGS, Move, play

DAYS = Period(first=dt.date(2026, 10, 4), last=dt.date(2026, 10, 6))
TODAY = dt.date(2026, 10, 8)


def of_others(work: Work, _command: None) -> Nothing:
    """Points that are in no book of service points here: basic ones, and those of elsewhere."""
    resident = UUID(int=9)
    open_household(work, HOUSEHOLD, HERE)
    open_resident(work, resident, THERE)
    basic = replace(
        moved(7000, WALLET, 700),
        points_kind="basic",
        debit=account_id("issued", HERE, "basic"),
        credit=household_account(HOUSEHOLD, HERE),
    )
    elsewhere = replace(
        moved(7001, WALLET, 700),
        community=THERE,
        debit=account_id("issued", THERE, "service"),
        credit=resident_account(resident, THERE, "service"),
    )
    ledger.post(work, basic)
    ledger.post(work, elsewhere)
    return Nothing()


@pytest.fixture(autouse=True)
def _played(app: Flask, clock: Clock) -> None:
    """Twenty points in September; ten on October 4, and on the 6th twelve spent by three legs."""
    moves = [
        Move(days=3, amount=2000, legs=1),
        Move(days=30, amount=1000, legs=1),
        Move(days=2, amount=-1200, legs=LEGS),
    ]
    with app.app_context():
        play(clock, moves)
        transact(of_others, None)
    clock.set(dt.datetime(2026, 10, 8, 2, tzinfo=dt.UTC))


def listed(connection: Connection, period: Period = DAYS) -> list[Line]:
    return list(lines(connection, HERS, period, sums_of(connection, HERS, period)))


def figures(sums: Sums) -> tuple[int, int, int, int, int]:
    return sums.opening, sums.added, sums.taken, sums.closing, sums.entries


def test_a_line_says_when_for_what_and_what_there_was_after_it(ask: Callable[..., Any]) -> None:
    assert ask(listed) == [
        Line(
            id=UUID(int=1020),
            day=dt.date(2026, 10, 4),
            at=dt.datetime(2026, 10, 4, 2, tzinfo=dt.UTC),
            act="award",
            reason="便民集市，来帮忙",
            place=HERE,
            amount=1000,
            balance=3000,
        ),
        Line(
            id=UUID(int=1030),
            day=dt.date(2026, 10, 6),
            at=dt.datetime(2026, 10, 6, 2, tzinfo=dt.UTC),
            act="redemption",
            reason="洗洁精一瓶",
            place=HERE,
            amount=-1200,
            balance=1800,
        ),
    ]


def test_a_holders_sums_are_of_the_days_from_the_first_to_the_last(ask: Callable[..., Any]) -> None:
    sums = ask(sums_of, HERS, DAYS)
    inner = Period(first=dt.date(2026, 10, 5), last=dt.date(2026, 10, 5))

    assert figures(sums) == (2000, 1000, 1200, 1800, 2)
    assert (sums.through, sums.agrees) == (5, True)
    assert figures(ask(sums_of, HERS, inner)) == (3000, 0, 0, 3000, 0)


def test_what_came_after_a_version_is_neither_in_the_opening_nor_among_the_lines(
    ask: Callable[..., Any],
) -> None:
    assert figures(ask(sums_of, HERS, DAYS, 0)) == (0, 0, 0, 0, 0)
    assert figures(ask(sums_of, HERS, DAYS, 2)) == (2000, 1000, 0, 3000, 1)
    assert ask(sums_of, HERS, DAYS, 2).agrees, "the account as a whole does"


def test_a_spending_that_came_back_is_one_line_however_small_its_legs(
    app: Flask, ask: Callable[..., Any]
) -> None:
    def back(work: Work, _command: None) -> Nothing:
        command = ReverseAll(
            at=work.now,
            journal=UUID(int=77),
            note="洗洁精一瓶，退回",
            source_kind="order",
            source_id=UUID(int=1030),
        )
        legs = legs_of(work.connection, UUID(int=1030), UUID(int=1030))
        reverse_all(work, legs, command)
        return Nothing()

    with app.app_context():
        transact(back, None)

    day = Period(first=TODAY, last=TODAY)
    assert [(each.act, each.reason, each.amount) for each in ask(listed, day)] == [
        ("reversal", "洗洁精一瓶，退回", 1200)
    ]
    assert figures(ask(sums_of, HERS, day)) == (1800, 1200, 0, 3000, 1)


def row(purpose: str, opening: int, credited: int, debited: int, closing: int) -> BookRow:
    is_clearing = purpose == "clearing"
    return BookRow(
        account=clearing(HERE, THERE) if is_clearing else account_id(purpose, HERE, "service"),
        purpose=purpose,
        counterpart=THERE if is_clearing else 0,
        opening=opening,
        credited=credited,
        debited=debited,
        closing=closing,
    )


def test_a_book_says_of_each_account_what_went_in_and_out_in_these_days(
    ask: Callable[..., Any],
) -> None:
    book = ask(book_of, BOOK, DAYS, TODAY)

    assert book.rows == (
        row("clearing", 0, 1198, 0, 1198),
        row("issued", -2000, 0, 1000, -3000),
        row("retired", 0, 1, 0, 1),
        row("rounding", 0, 1, 0, 1),
    )
    assert figures(book.sums) == (2000, 1000, 1200, 1800, 4)
    assert (book.sums.through, book.sums.agrees) == (0, True)


def test_a_book_of_a_day_without_movements_opens_as_it_closes(ask: Callable[..., Any]) -> None:
    day = Period(first=dt.date(2026, 10, 5), last=dt.date(2026, 10, 5))
    book = ask(book_of, BOOK, day, TODAY)

    assert book.rows == (row("issued", -3000, 0, 0, -3000),)
    assert figures(book.sums) == (3000, 0, 0, 3000, 0)


def test_a_book_goes_to_the_last_closed_day_and_ten_years_back_from_there(
    ask: Callable[..., Any],
) -> None:
    yesterday = TODAY - dt.timedelta(days=1)
    years = Period(first=yesterday - dt.timedelta(days=3652), last=yesterday)

    assert figures(ask(book_of, BOOK, years, TODAY).sums) == (0, 3000, 1200, 1800, 5)
    with pytest.raises(BookTooLong):
        ask(book_of, BOOK, replace(years, first=yesterday - dt.timedelta(days=3653)), TODAY)
    with pytest.raises(BookStillOpen) as refused:
        ask(book_of, BOOK, replace(years, last=TODAY), TODAY)
    assert "2026-10-07" in refused.value.sentence()


def place(code: int) -> str:
    return {HERE: "清波门社区", THERE: "涌金门社区"}.get(code, "")


@pytest.mark.usefixtures("app")
def test_a_book_is_saved_transfer_by_transfer_and_names_no_resident(
    app: Flask, ask: Callable[..., Any]
) -> None:
    def saved(connection: Connection) -> list[Any]:
        book = book_of(connection, BOOK, DAYS, TODAY)
        found = transfers(connection, BOOK, DAYS)
        return list(tables.of_community(book.sums, book.rows, found, place))

    with app.test_request_context():
        rows = ask(saved)

    fourth, sixth = (dt.date(2026, 10, 4), "10:00"), (dt.date(2026, 10, 6), "10:00")
    elsewhere = "通兑往来，涌金门社区"
    assert rows == [
        ["日期", "时间", "类别", "付方", "收方", "分数", "居民增减", "居民合计", "流水号"],
        ["", "", "期初", "", "", "", "", Points(2000), ""],
        [*fourth, "发放", "发放", "居民", *of(1000, 1000, 3000), str(UUID(int=1020))],
        [*sixth, "兑换", "居民", elsewhere, *of(1198, -1198, 1802), str(UUID(int=1030))],
        [*sixth, "折算", "居民", "折算注销", *of(1, -1, 1801), str(UUID(int=1031))],
        [*sixth, "凑整", "居民", "凑整", *of(1, -1, 1800), str(UUID(int=1032))],
        ["", "", "期末", "", "", "", "", Points(1800), ""],
    ]


def of(*figures: int) -> list[Points]:
    return [Points(each) for each in figures]


def test_a_holders_statement_is_saved_line_by_line(app: Flask, ask: Callable[..., Any]) -> None:
    def saved(connection: Connection) -> list[Any]:
        sums = sums_of(connection, HERS, DAYS)
        found = lines(connection, HERS, DAYS, sums)
        return list(tables.of_holder(DAYS, sums, found, place))

    with app.test_request_context():
        rows = ask(saved)

    here = "清波门社区"
    assert rows == [
        ["日期", "时间", "事由", "地点", "增减", "结余"],
        [DAYS.first, "", "期初", "", "", Points(2000)],
        [DAYS.first, "10:00", "便民集市，来帮忙", here, *of(1000, 3000)],
        [DAYS.last, "10:00", "洗洁精一瓶", here, *of(-1200, 1800)],
        [DAYS.last, "", "期末", "", "", Points(1800)],
    ]
