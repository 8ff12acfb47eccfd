"""What the ledger answers and refuses at its edges, beside what its use cases show."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from core.work import Work
from points import cause, holds, ledger, reversal, subscribers, wallet, words
from points.accounts import (
    AccountKey,
    account_id,
    household_account,
    open_accounts,
    resident_account,
    resident_keys,
)
from points.books import books
from points.carrying import Carry, Holder, YearNotClosed, carry
from points.earning import awards
from points.holding import holds_of
from points.models import AccountEnd
from points.queries import available
from residents.events import ResidentDied
from tests.conftest import Clock
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
    open_household,
    posting,
    spending,
)
from tests.points.calendar import close, hangzhou
from tests.points.earning import HOUSEHOLD, JOIN, count, give, holders
from tests.points.test_posting import totals

Run = Callable[..., Any]
ELSEWHERE = UUID(int=71)
"""A household of the other community."""
FAR = 330102008051
STRANGER = UUID(int=72)
MET = [
    AccountKey(purpose="clearing", community=HERE, points_kind="service", counterpart=place)
    for place in (THERE, FAR)
]


@pytest.fixture(autouse=True)
def _points(run: Run) -> None:
    run(holders, None)
    run(ledger.post, posting(1, ISSUED, WALLET, 1000))


def spent(run: Run, amount: int, identity: int = 20, account: int = WALLET) -> bool:
    """Spend without a hold."""
    leg = ledger.Leg(id=UUID(int=identity), act="redemption", credit=REDEEMED, amount=amount)
    whose = spending(identity)
    whose = ledger.Spending(
        account=account,
        community=whose.community,
        event_at=whose.event_at,
        source_kind=whose.source_kind,
        source_id=whose.source_id,
        journal=whose.journal,
    )

    def use_case(work: Work, _command: None) -> bool:
        return ledger.spend(work, whose, [leg])

    return bool(run(use_case, None))


def test_a_spending_is_done_once_covered_and_from_an_account_that_is_there(
    run: Run, ask: Run
) -> None:
    assert [spent(run, 300), spent(run, 300)] == [True, False]
    with pytest.raises(ledger.InsufficientPoints):
        spent(run, 701, 21)
    with pytest.raises(ledger.AccountUnknown):
        spent(run, 1, 22, resident_account(UUID(int=99), HERE, "service"))
    assert ask(totals, WALLET)[:2] == (1000, 300)
    assert ask(available, RESIDENT, HERE) == 700


def test_a_hold_is_captured_from_its_own_account_only(run: Run, ask: Run) -> None:
    command = holds.OpenHold(
        id=UUID(int=50),
        account=WALLET,
        amount=100,
        reason="抽纸",
        source_kind="order",
        source_id=UUID(int=50),
    )
    run(holds.hold, command)
    other = ledger.Spending(
        account=PURSE,
        community=HERE,
        event_at=spending(5).event_at,
        source_kind="order",
        source_id=UUID(int=5),
        journal=UUID(int=5),
    )
    leg = ledger.Leg(id=UUID(int=60), act="redemption", credit=REDEEMED, amount=100)

    def use_case(work: Work, _command: None) -> bool:
        return holds.capture(work, UUID(int=50), other, [leg])

    with pytest.raises(holds.HoldDiffers):
        run(use_case, None)
    assert ask(totals, WALLET)[2] == 100


@pytest.mark.parametrize("amount", [0, 301])
def test_no_more_comes_back_than_went(run: Run, amount: int) -> None:
    spent(run, 300)

    def use_case(work: Work, _command: None) -> Nothing:
        legs = reversal.legs_of(work.connection, UUID(int=20), UUID(int=20))
        undo = reversal.ReverseAll(
            at=work.now,
            journal=UUID(int=90),
            note="退回",
            source_kind="order",
            source_id=UUID(int=90),
            amount=amount,
        )
        reversal.reverse_all(work, legs, undo)
        return Nothing()

    with pytest.raises(reversal.PartTooLarge):
        run(use_case, None)


def test_basic_points_go_along_inside_a_book_and_out_of_it(run: Run, ask: Run) -> None:
    def homes(work: Work, _command: None) -> Nothing:
        open_household(work, ELSEWHERE, THERE)
        return Nothing()

    def basic(work: Work, account: int) -> Nothing:
        given = ledger.Posting(
            id=UUID(int=account % 1000 + 2000),
            act="award",
            points_kind="basic",
            community=HERE,
            debit=account_id("issued", HERE, "basic"),
            credit=account,
            amount=300,
            event_at=work.now,
            source_kind="award",
            source_id=UUID(int=3),
        )
        ledger.post(work, given)
        return Nothing()

    run(homes, None)
    run(basic, household_account(HOUSEHOLD, HERE))
    run(basic, resident_account(RESIDENT, HERE, "basic"))
    home = Holder(id=HOUSEHOLD, community=HERE, kind="household")
    away = Holder(id=ELSEWHERE, community=THERE, kind="household")
    mine, theirs = (Holder(id=each, community=HERE) for each in (RESIDENT, NEIGHBOUR))

    assert run(carry, Carry(source=home, target=away, note="搬家转分")).basic == 300
    carried = run(carry, Carry(source=mine, target=theirs, note="合并登记"))

    assert (carried.basic, carried.service) == (300, 1000)
    assert ask(totals, household_account(ELSEWHERE, THERE))[:2] == (300, 0)


def test_nobody_carries_while_the_year_that_is_over_is_open(
    app: Flask, clock: Clock, run: Run
) -> None:
    close(app, clock, dt.date(2026, 12, 30))
    clock.set(hangzhou(2027, 1, 1, 0, 10))
    source, target = (Holder(id=each, community=HERE) for each in (RESIDENT, NEIGHBOUR))

    with pytest.raises(YearNotClosed):
        run(carry, Carry(source=source, target=target, note="合并登记"))


def test_a_cause_is_asked_what_it_gave(run: Run, ask: Run) -> None:
    made = give(run, "visit", rule=JOIN, units=1)

    [(name, found)] = ask(cause.awards_of, "act", UUID(int=900)).items()

    assert (name, found.id, found.units) == ("visit", made.id, 1)
    assert ask(cause.award_of, "visit") == found
    assert ask(cause.award_of, "nothing") is None


def test_neither_another_cause_nor_what_was_taken_back_is_told(run: Run, ask: Run) -> None:
    kept = give(run, "kept", source_kind="session")
    give(run, "elsewhere", source_kind="session", source_id=UUID(int=901))
    give(run, "of another kind")
    run(awards.void_award, give(run, "taken back", source_kind="session").id)

    assert {
        name: found.id for name, found in ask(cause.awards_of, "session", UUID(int=900)).items()
    } == {"kept": kept.id}
    assert ask(cause.award_of, "taken back") is None


def test_books_are_asked_of_some_places_only(run: Run, ask: Run) -> None:
    assert [each.balance for each in ask(books, "issued", communities=[HERE])] == [-1000]
    assert ask(books, "issued", communities=[THERE]) == []


def test_books_stand_apart_in_the_order_of_places_and_purposes(run: Run, ask: Run) -> None:
    def theirs(work: Work, _command: None) -> Nothing:
        open_accounts(work, [*resident_keys(STRANGER, THERE), *MET])
        return Nothing()

    run(theirs, None)
    there = resident_account(STRANGER, THERE, "service")
    issued = account_id("issued", THERE, "service")
    run(ledger.post, replace(posting(2, issued, there, 200), community=THERE))
    run(ledger.post, posting(3, WALLET, REDEEMED, 300, "redemption"))
    run(ledger.post, replace(posting(4, MET[1].id, WALLET, 60), standard=60))
    run(ledger.post, replace(posting(5, MET[0].id, WALLET, 50), standard=50))

    assert [
        (book.community, book.purpose, book.counterpart, book.balance)
        for book in ask(books, "redeemed", "clearing", "issued")
    ] == [
        (HERE, "clearing", THERE, -50),
        (HERE, "clearing", FAR, -60),
        (HERE, "issued", 0, -1000),
        (HERE, "redeemed", 0, 300),
        (THERE, "issued", 0, -200),
    ]


def test_a_place_has_a_book_for_each_kind(run: Run, ask: Run) -> None:
    mine = resident_account(RESIDENT, HERE, "basic")
    given = posting(2, account_id("issued", HERE, "basic"), mine, 300)
    run(ledger.post, replace(given, points_kind="basic"))

    assert {(book.points_kind, book.balance) for book in ask(books, "issued")} == {
        ("service", -1000),
        ("basic", -300),
    }


def test_what_is_set_aside_is_told_of_ones_own_open_holds_the_oldest_first(
    clock: Clock, run: Run, ask: Run
) -> None:
    run(ledger.post, posting(2, ISSUED, PURSE, 1000))
    for number, account in ((53, WALLET), (52, WALLET), (51, PURSE), (50, WALLET)):
        run(
            holds.hold,
            holds.OpenHold(
                id=UUID(int=number),
                account=account,
                amount=100,
                reason="抽纸",
                source_kind="order",
                source_id=UUID(int=number),
            ),
        )
        clock.advance(minutes=number == 53)

    def release(work: Work, hold: UUID) -> bool:
        return holds.release(work, hold)

    run(release, UUID(int=50))

    assert [found.id.int for found in ask(holds_of, [WALLET])] == [53, 52]
    assert [found.id.int for found in ask(holds_of, [WALLET, PURSE])] == [53, 51, 52]


def test_the_account_of_somebody_who_died_ends_on_its_day_unless_they_live(
    clock: Clock, run: Run, ask: Run
) -> None:
    died = ResidentDied(RESIDENT, HERE, dt.date(2027, 11, 24))

    def dies(work: Work, _command: None) -> Nothing:
        subscribers.end_account(work, died)
        return Nothing()

    def lives(work: Work, _command: None) -> Nothing:
        subscribers.reopen_account(work, died)
        return Nothing()

    run(dies, None)
    assert ask(count, "account_ends") == 1
    run(lives, None)
    assert ask(count, AccountEnd.__tablename__) == 0


@pytest.mark.database("sqlite")
def test_lines_are_said_in_words(app: Flask, clock: Clock) -> None:
    now, night = clock.now, clock.now + dt.timedelta(hours=16)
    with app.test_request_context():
        said = [
            words.state_words("pending", None, now),
            words.arrival(now, now),
            words.arrival(now + dt.timedelta(hours=1), now),
            words.arrival(night, now),
            words.arrival(night + dt.timedelta(days=3), now),
            words.state_words("held", None, now),
            words.state_words("posted", None, now),
            words.rule_words("半小时", 4, 500),
            words.rule_words("户月", 1, 500),
            words.rule_words("次", 2, 100),
            words.title_of("expiry", ""),
            words.title_of("award", ""),
        ]
    states = [wallet.state_of(*each) for each in (("reversal", 1), ("expiry", -1), ("award", 1))]

    assert said[:4] == ["等另一位工作人员核对", "马上到账", "今早 8 点前到账", "明早 8 点前到账"]
    assert said[4].endswith(" 8 点前到账")
    assert said[5:7] == ["预留中，领取时才扣", "已到账"]
    assert said[7:10] == ["每半小时 5 分，共 4 个", "每月 5 分", "每次 1 分，共 2 次"]
    assert said[10:] == ["年底到期", "积分"]
    assert states == ["returned", "lapsed", "posted"]
    assert words.shape("confirming") == "pending"


def test_an_age_too_small_for_a_centipoint_over_there_is_nobodys(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    spent(run, 999)
    close(app, clock, dt.date(2026, 12, 31))
    clock.set(hangzhou(2027, 5, 5))
    run(ledger.post, posting(2, ISSUED, WALLET, 1001))
    source = Holder(id=RESIDENT, community=HERE, face=5_000)
    target = Holder(id=NEIGHBOUR, community=HERE)

    assert run(carry, Carry(source=source, target=target, note="搬家转分")).service == 1002
    assert ask(count, "expiry_marks") == 1
