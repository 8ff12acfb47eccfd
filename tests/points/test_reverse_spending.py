"""冲回 of a spending: every leg its part, every payer their share, each point as old as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from core.acts import Actor
from core.settings import SetSetting, set_setting
from core.work import Work
from points import reversal
from points.accounts import account_id
from points.closing import close_days
from points.correcting import adjustments
from points.correcting.adjustments import LeadDecides, OwnAdjustment
from points.ledger import Leg, Spending, spend
from points.models import ExpiryMark
from tests.people import HERE, THERE
from tests.points.books import Nothing, one
from tests.points.correcting import Desk


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
    line = together(desk)

    with pytest.raises(adjustments.SharedLine):
        desk.propose_back(line, amount=100)
    desk.back(line)

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
