"""冲回 of a spending, in parts: every leg its part, every payer their share, as old as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from core.acts import Actor
from core.formats import points
from core.settings import SetSetting, set_setting
from core.work import Work
from points import reversal
from points.accounts import account_id
from points.closing import close_days
from points.correcting import adjustments
from points.correcting.adjustments import LeadDecides, OwnAdjustment
from points.ledger import Leg, Spending, spend
from points.models import ExpiryMark
from points.stories import story_of
from tests.people import HERE, THERE
from tests.points.books import Nothing, one
from tests.points.correcting import GREAT, Desk


def test_a_spending_that_comes_back_lowers_what_was_debited(desk: Desk) -> None:
    desk.earn()
    line = desk.spend(600)
    done = desk.back(line)

    assert done.posted == 600
    assert desk.totals() == (1000, 0, 1000)
    assert desk.broken() == []


def test_a_part_of_a_spending_comes_back(desk: Desk) -> None:
    desk.earn()
    line = desk.spend(600)
    desk.back(line, amount=250)

    assert desk.totals() == (1000, 350, 650)
    assert desk.broken() == []


def test_a_spending_of_more_than_a_thousand_points_comes_back_whole(desk: Desk) -> None:
    desk.earn(**GREAT)
    done = desk.back(desk.spend(150_000))

    assert done.posted == 150_000
    assert desk.totals() == (200_000, 0, 200_000)
    assert desk.broken() == []


def marks(desk: Desk) -> list[tuple[int, int]]:
    """Return the marks of the account: year, credited."""
    return desk.ask(  # type: ignore[no-any-return]
        lambda c: [
            (row[0], row[1])
            for row in c.execute(
                select(ExpiryMark.year, ExpiryMark.credited)
                .where(ExpiryMark.account == desk.account())
                .order_by(ExpiryMark.year)
            )
        ]
    )


def lapse(desk: Desk, year: int) -> int:
    """What a mark lets lapse: max(0, mark − debited − held)."""
    row = desk.ask(
        lambda c: c.execute(
            text("SELECT debited, held FROM accounts WHERE id = :id"), {"id": desk.account()}
        ).one()
    )
    debited, held = int(row[0]), int(row[1])
    return max(0, dict(marks(desk))[year] - debited - held)


def test_points_that_come_back_after_a_year_are_as_old_as_they_were(desk: Desk) -> None:
    """Earned in 2026, spent, the year closed, earned again in 2027: the old ones are old."""
    desk.earn(units=4)
    line = desk.spend(1500)
    with desk.app.app_context():
        close_days()
    while desk.clock.now.year < 2027 or desk.clock.now.month < 2:
        desk.clock.advance(days=1)
        with desk.app.app_context():
            close_days()
    assert marks(desk) == [(2026, 2000)]
    desk.earn(units=2, event_at=desk.clock.now)
    assert lapse(desk, 2026) == 500

    desk.back(line)

    assert desk.totals() == (3000, 0, 3000)
    assert lapse(desk, 2026) == 2000
    assert desk.broken() == []


class Row:
    """A transfer that was never stored."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


def leg_row(number: int, amount: int, standard: int | None) -> dict[str, Any]:
    return {
        "id": UUID(int=number),
        "act": "redemption" if standard else "rounding",
        "debit": 5,
        "credit": -number - 1,
        "community": HERE,
        "amount": amount,
        "standard": standard,
    }


def test_a_part_is_split_among_the_legs_to_the_centipoint(desk: Desk) -> None:
    """Every part of a spending of three legs: its parts sum up, none is larger than its leg."""
    amounts = (960, 190, 51)
    legs = [
        leg_row(number, amount, 960 if number == 0 else None)
        for number, amount in enumerate(amounts)
    ]
    pair = leg_row(9, 768, 960)
    pair.update(debit=-1, credit=-2, community=THERE)
    rows = [Row(**leg) for leg in [*legs, pair]]
    for amount in range(1, sum(amounts) + 1):
        parts = {leg.id.int: part for leg, part in reversal.split(rows, amount)}  # type: ignore[arg-type]
        ours = [parts[number].amount for number in range(3) if number in parts]
        assert sum(ours) == amount
        # What the first ones get together is cut once, and not each by itself.
        for first in (1, 2):
            share = sum(parts[number].amount for number in range(first) if number in parts)
            assert share == amount * sum(amounts[:first]) // sum(amounts)
        assert all(
            parts[number].amount <= amounts[number] for number in range(3) if number in parts
        )
        home = parts[0].standard if 0 in parts else None
        host = parts[9].standard if 9 in parts else None
        assert home == host
        if 9 in parts:
            assert parts[9].amount == 768 * parts[0].amount // 960
    assert parts[9].amount == 768
    assert parts[0].standard == 960


def test_a_leg_is_met_only_by_its_own_in_the_other_book(desk: Desk) -> None:
    ours = leg_row(0, 960, 960)
    here = leg_row(1, 1, 960) | {"debit": -1}
    another = leg_row(2, 2, 5) | {"debit": -1, "community": THERE}
    pair = leg_row(9, 768, 960) | {"debit": -1, "community": THERE}
    rows = [Row(**leg) for leg in (ours, here, another, pair)]

    met = reversal.split(rows, 480)  # type: ignore[arg-type]
    alone = reversal.split(rows[:3], 480)  # type: ignore[arg-type]

    assert [(leg.id.int, part.amount, part.standard) for leg, part in met] == [
        (0, 480, 480),
        (9, 384, 480),
    ]
    assert [(leg.id.int, part.amount, part.standard) for leg, part in alone] == [(0, 480, None)]


def together(desk: Desk) -> UUID:
    """Something that 王秀英 and 陈建国 paid together, six points and four."""
    desk.earn(units=2)
    desk.earn(units=2, who=desk.cast.chen)
    journal = UUID(int=8000)

    def paid(work: Work, _command: None) -> Nothing:
        for number, (who, amount) in enumerate(((desk.cast.wang, 600), (desk.cast.chen, 400))):
            spending = Spending(
                account=desk.account(who),
                community=HERE,
                event_at=work.now,
                source_kind="test",
                source_id=journal,
                journal=journal,
            )
            credit = account_id("redeemed", HERE, "service")
            leg = Leg(id=UUID(int=8001 + number), act="redemption", credit=credit, amount=amount)
            spend(work, spending, [leg])
        return Nothing()

    desk.run(paid, None)
    return UUID(int=8001)


def test_what_several_paid_comes_back_whole_each_with_their_share(desk: Desk) -> None:
    desk.back(together(desk))

    assert desk.totals() == (1000, 0, 1000)
    assert desk.totals(desk.cast.chen) == (1000, 0, 1000)
    assert desk.broken() == []


def test_what_several_paid_is_as_large_as_all_of_it(desk: Desk) -> None:
    """Six and four points: each below the ten that the lead decides on, together not."""
    proposal = desk.propose_back(together(desk))
    desk.clock.advance(seconds=1)
    desk.run(set_setting, SetSetting(key="l", setting="redeem.lead_points", place=HERE, value="10"))
    colleague = replace(desk.cast.actor(desk.cast.elsewhere), place=HERE)

    with pytest.raises(LeadDecides):
        desk.decide(proposal, colleague)
    desk.decide(proposal)
    assert desk.totals() == (1000, 0, 1000)


def test_none_of_those_who_paid_undoes_it(desk: Desk) -> None:
    line = together(desk)
    other = Actor(
        person=one(desk.cast.chen.person), role="staff", scope_kind="community", place=HERE
    )

    with pytest.raises(OwnAdjustment):
        desk.propose_back(line, other)
    with pytest.raises(OwnAdjustment):
        desk.decide(desk.propose_back(line), replace(other, role="lead"))


def test_what_was_spent_comes_back_in_parts_up_to_the_whole(desk: Desk) -> None:
    desk.earn()
    line = desk.spend(600)
    desk.back(line, amount=250)
    with pytest.raises(reversal.PartTooLarge) as refused:
        desk.propose_back(line, amount=351)
    assert refused.value.facts == {"most": "3.5"}
    desk.back(line, amount=1)
    assert desk.ask(story_of, line).left == 349
    done = desk.back(line)

    assert done.posted == 349
    assert desk.totals() == (1000, 0, 1000)
    with pytest.raises(reversal.AlreadyReversed):
        desk.propose_back(line)
    assert desk.broken() == []


@given(
    st.lists(
        st.tuples(
            st.integers(1, 3000),
            st.integers(1, 3000),
            st.integers(0, 300),
            st.integers(0, 99),
        ),
        min_size=1,
        max_size=4,
    ),
    st.lists(st.integers(1, 4000), max_size=6),
)
def test_any_parts_of_what_several_paid_add_up_to_the_whole(
    paid: list[tuple[int, int, int, int]], parts: list[int]
) -> None:
    """Each payer a leg that clears, one with a difference that clears, too, and one of rounding."""
    rows: list[Any] = []
    for account, (par, theirs, over, rounding) in enumerate(paid, start=1):
        for act, amount, met in (
            ("redemption", par, theirs),
            ("discount", over, over * 7 // 9),
            ("rounding", rounding, 0),
        ):
            standard = met * 3 // 2 or None
            sides = {"act": act, "standard": standard}
            if amount:
                rows.append(leg_row(len(rows), amount, None) | sides | {"debit": account})
            if standard:
                host = {"debit": -1, "community": THERE}
                rows.append(leg_row(len(rows), met, None) | sides | host)
    legs: Any = [Row(**row) for row in rows]
    came: dict[UUID, reversal.Back] = {}
    own: dict[int, int] = {}
    whole, done = reversal.held_by_holders(legs), 0
    rest = [*parts, whole]
    for number, wanted in enumerate(rest, start=1):
        amount = min(wanted, whole - done)
        if not amount:
            break
        split = reversal.split(legs, amount, came)
        done += amount
        assert sum(reversal.shares(split).values()) == amount
        ours = sum(part.standard or 0 for leg, part in split if leg.debit > 0)
        assert ours == sum(part.standard or 0 for leg, part in split if leg.debit < 0)
        for leg, part in split:
            had = came.get(leg.id, reversal.NOTHING)
            assert part.number == had.parts
            came[leg.id] = reversal.Back(
                amount=had.amount + part.amount,
                standard=had.standard + (part.standard or 0),
                parts=had.parts + 1,
            )
            assert came[leg.id].amount <= leg.amount
            assert came[leg.id].standard <= (leg.standard or 0)
        for account, share in reversal.shares(split).items():
            own[account] = own.get(account, 0) + share
        for account in range(1, len(paid) + 1):
            share = sum(leg.amount for leg in legs if leg.debit == account)
            assert abs(own.get(account, 0) * whole - done * share) < number * whole
    assert done == whole
    assert all(
        (came[leg.id].amount, came[leg.id].standard) == (leg.amount, leg.standard or 0)
        for leg in legs
    )


def test_a_part_of_what_several_paid_comes_back_by_their_shares(desk: Desk) -> None:
    line = together(desk)

    proposal = desk.propose_back(line, amount=333)
    desk.decide(proposal)

    assert (desk.totals()[1], desk.totals(desk.cast.chen)[1]) in {(401, 266), (400, 267)}
    assert desk.row(proposal).amount == 600 - desk.totals()[1]
    assert desk.row(proposal).together == 333
    told = "SELECT person, params FROM outbox WHERE template = 'points.adjusted'"
    rows = desk.ask(lambda c: c.execute(text(told)).all())
    assert {json.loads(row.params)["points"] for row in rows} == {
        f"+{points(600 - desk.totals()[1])}",
        f"+{points(400 - desk.totals(desk.cast.chen)[1])}",
    }
    assert len({row.person for row in rows}) == 2
    assert desk.broken() == []


def test_each_of_those_who_paid_reads_what_they_have_again(desk: Desk) -> None:
    line = together(desk)
    desk.back(line, amount=500)
    theirs = UUID(int=8002)

    for each, own in ((line, 300), (theirs, 200)):
        story = desk.ask(story_of, each)
        assert [(row.amount, row.posted, row.together) for row in story.adjustments] == [
            (own, own, 500)
        ]
        assert story.left == 500


def test_parts_of_what_several_paid_are_named_by_any_of_their_lines(desk: Desk) -> None:
    """The proposal that waits is one for all of them, and the last takes what is left."""
    line, theirs = together(desk), UUID(int=8002)
    waits = desk.propose_back(theirs, amount=500)

    with pytest.raises(reversal.AlreadyReversed):
        desk.propose_back(line)
    desk.decide(waits)
    assert desk.row(waits).amount == 200
    with pytest.raises(reversal.PartTooLarge) as refused:
        desk.propose_back(line, amount=501)
    assert refused.value.facts == {"most": "5"}
    desk.back(line, amount=2)
    desk.back(theirs)

    assert desk.totals() == desk.totals(desk.cast.chen) == (1000, 0, 1000)
    with pytest.raises(reversal.AlreadyReversed):
        desk.propose_back(theirs)
    assert desk.broken() == []


def test_of_too_little_one_of_them_would_have_nothing(desk: Desk) -> None:
    line = together(desk)
    small, large = (line, UUID(int=8002))
    if desk.account() > desk.account(desk.cast.chen):
        small, large = large, small

    with pytest.raises(adjustments.ShareTooSmall):
        desk.propose_back(small, amount=1)
    desk.back(large, amount=1)

    assert sorted((desk.totals()[1], desk.totals(desk.cast.chen)[1])) in ([399, 600], [400, 599])
    assert desk.broken() == []
