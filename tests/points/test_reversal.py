"""Reversal: a new transfer with the sides swapped, never twice, with the age the points had."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, select, text

from core.ids import uuid8
from core.work import Work
from points import ledger, reversal
from points.accounts import account_id, clearing, open_clearing
from points.models import Reversal, Transfer
from tests.people import HERE, THERE
from tests.points.books import (
    ISSUED,
    MORNING,
    PURSE,
    REDEEMED,
    WALLET,
    Nothing,
    posting,
    residents,
    spending,
)
from tests.points.test_posting import totals

Run = Callable[..., Any]
ACT = UUID(int=900)


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


def test_it_repeats_the_figures_of_its_original_with_its_own_cause(run: Run, ask: Run) -> None:
    rate, journal = UUID(int=600), UUID(int=700)
    paid = replace(posting(3, WALLET, REDEEMED, 100, "redemption"), rate=rate, standard=80)
    run(ledger.post, paid)

    run(reversal.reverse, replace(back(3), journal=journal))

    row = ask(lambda c: c.execute(select(Transfer).where(Transfer.id == UUID(int=10))).one())
    assert (row.act, row.debit, row.credit) == ("reversal", REDEEMED, WALLET)
    assert (row.amount, row.standard, row.rate) == (100, 80, rate)
    assert (row.journal, row.note, row.source_id) == (journal, "不合适，退回", UUID(int=77))


def one_act(run: Run) -> list[int]:
    """Post one act of several legs in no order at all; return the legs' ids as they come back."""
    low, high = sorted((WALLET, PURSE))
    run(ledger.post, posting(20, ISSUED, low, 1000))
    run(ledger.post, posting(21, ISSUED, high, 1000))
    for number, debit, credit in (
        (39, ISSUED, REDEEMED),
        (38, REDEEMED, ISSUED),
        (47, ISSUED, high),
        (46, high, REDEEMED),
        (45, low, REDEEMED),
        (44, ISSUED, low),
    ):
        run(ledger.post, replace(posting(number, debit, credit, 5074), journal=ACT, act="award"))
    return [45, 44, 47, 46, 38, 39]


def spent(run: Run, *legs: ledger.Leg) -> None:
    """Spend by the legs of one act."""

    def use_case(work: Work, _command: None) -> Nothing:
        ledger.spend(work, spending(70), legs)
        return Nothing()

    run(use_case, None)


def undo_all(run: Run, journal: UUID, amount: int | None = None, act: UUID = ACT) -> None:
    def use_case(work: Work, _command: None) -> Nothing:
        command = reversal.ReverseAll(
            at=MORNING, journal=journal, note="", source_kind="order", source_id=ACT, amount=amount
        )
        reversal.reverse_all(work, reversal.legs_of(work.connection, act, act), command)
        return Nothing()

    run(use_case, None)


@pytest.fixture
def rich(run: Run) -> None:
    """Both holders have what the legs of an act take."""
    run(ledger.post, posting(18, ISSUED, WALLET, 100_000))
    run(ledger.post, posting(19, ISSUED, PURSE, 100_000))


def test_holders_legs_come_first_by_account_and_then_as_they_were_made(
    run: Run, ask: Run, rich: None
) -> None:
    order = one_act(run)

    legs = ask(reversal.legs_of, UUID(int=45), ACT)
    alone = ask(reversal.legs_of, UUID(int=45), None)

    assert [leg.id.int for leg in legs] == order
    assert [leg.id.int for leg in alone] == [45]


def test_all_or_a_part_comes_back_and_no_more_than_there_was(
    run: Run, ask: Run, rich: None
) -> None:
    one_act(run)
    for amount in (0, 4 * 5074 + 1):
        with pytest.raises(reversal.PartTooLarge) as refused:
            undo_all(run, UUID(int=800), amount)
        assert refused.value.facts == {"most": "202.96"}

    undo_all(run, UUID(int=800), 2)

    made = ask(lambda c: c.execute(select(Reversal.original, Reversal.reversal)).all())
    journal = UUID(int=800)
    ids = {uuid8(MORNING, "reversal", row.original, journal) for row in made}
    assert {row.reversal for row in made} == ids
    journals = select(Transfer.journal, Transfer.amount).where(Transfer.act == "reversal")
    rows = ask(lambda c: c.execute(journals).all())
    assert {row.journal for row in rows} == {UUID(int=800)}
    assert sum(row.amount for row in rows) == 2


def test_what_one_act_undid_is_undone_again_by_nothing_but_itself(
    run: Run, ask: Run, rich: None
) -> None:
    one_act(run)
    undo_all(run, UUID(int=800))
    before = ask(totals, WALLET)

    undo_all(run, UUID(int=800))
    with pytest.raises(reversal.AlreadyReversed):
        undo_all(run, UUID(int=801))

    assert ask(totals, WALLET) == before


def test_a_leg_that_was_undone_by_itself_holds_the_whole_act_back(
    run: Run, ask: Run, rich: None
) -> None:
    one_act(run)
    run(reversal.reverse, back(46))

    with pytest.raises(reversal.AlreadyReversed):
        undo_all(run, UUID(int=800))


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


def test_what_has_come_back_in_parts_is_not_undone_again(run: Run, ask: Run) -> None:
    leg = ledger.Leg(id=UUID(int=70), act="redemption", credit=REDEEMED, amount=300)
    spent(run, leg)
    before = ask(totals, WALLET)

    for number, part in enumerate((100, 1, None)):
        undo_all(run, UUID(int=800 + number), part, UUID(int=70))
    with pytest.raises(reversal.AlreadyReversed):
        undo_all(run, UUID(int=900), None, UUID(int=70))

    assert before[1] - ask(totals, WALLET)[1] == 300


def test_what_comes_back_in_parts_clears_by_exactly_what_was_sent(run: Run, ask: Run) -> None:
    """A third of a spend elsewhere, and a third, and the rest: both books say the same standard."""
    here, there = clearing(HERE, THERE), clearing(THERE, HERE)

    def act(work: Work, _command: None) -> Nothing:
        open_clearing(work, HERE, THERE)
        leg = ledger.Leg(id=UUID(int=70), act="redemption", credit=here, amount=300, standard=250)
        ledger.spend(work, spending(70), [leg])
        redeemed = account_id("redeemed", THERE, "service")
        hosted = posting(71, there, redeemed, 313, "redemption")
        ledger.post(
            work, replace(hosted, community=THERE, journal=spending(70).journal, standard=250)
        )
        return Nothing()

    run(act, None)
    for number, part in enumerate((100, 100, None)):
        undo_all(run, UUID(int=800 + number), part, spending(70).journal)

    sums = (
        "SELECT community, sum(amount), sum(standard), count(*) FROM transfers"
        " WHERE act = 'reversal' GROUP BY community ORDER BY community"
    )
    found = ask(lambda c: [tuple(map(int, row)) for row in c.execute(text(sums))])
    assert sorted(found) == sorted([(HERE, 300, 250, 3), (THERE, 313, 250, 3)])


def test_what_comes_back_whole_is_the_first_part_and_others_are_counted(run: Run, ask: Run) -> None:
    run(reversal.reverse, back(2))
    run(ledger.post, posting(3, WALLET, REDEEMED, 100, "redemption"))
    for number in range(3):
        part = reversal.Part(amount=20, standard=None, number=number)
        made = replace(back(3, identity=20 + number), part=part)
        assert not run(reversal.reverse, made).exists
        assert run(reversal.reverse, made).exists

    parts = select(Reversal.original, Reversal.part).order_by(Reversal.original, Reversal.part)
    found = ask(lambda c: [(row.original.int, row.part) for row in c.execute(parts)])
    assert found == [(2, 0), (3, 0), (3, 1), (3, 2)]


def test_parts_at_once_never_give_back_more_than_there_was(run: Run, ask: Run) -> None:
    legs = [
        ledger.Leg(id=UUID(int=70 + leg), act="redemption", credit=REDEEMED, amount=200 + leg)
        for leg in range(3)
    ]
    spent(run, *legs)
    before = ask(totals, WALLET)

    def attempt(number: int) -> int:
        try:
            undo_all(run, UUID(int=900 + number), 101, UUID(int=70))
        except (reversal.AlreadyReversed, reversal.PartTooLarge):
            return 0
        return 101

    with ThreadPoolExecutor(8) as pool:
        back = sum(pool.map(attempt, range(12)))

    after = ask(totals, WALLET)
    assert 101 <= back <= 603
    assert before[1] - after[1] == back
