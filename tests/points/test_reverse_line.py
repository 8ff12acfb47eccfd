"""冲回: two people undo a line, or a part of it, by its own figures, in both books, once only."""

# ruff: noqa: S608 - statements put together from this file's own names

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, select, text

from core.acts import Actor, NotInYourScope
from core.settings import SetSetting, set_setting
from core.work import Work
from points import reversal
from points.accounts import account_id, clearing
from points.closing import close_days
from points.correcting import adjustments
from points.correcting.adjustments import LeadDecides, OwnAdjustment
from points.correcting.deciding import PartOfWaiting
from points.ledger import Leg, Spending, spend
from points.lines import LineUnknown
from points.models import Award, ExpiryMark, Reversal, RuleUsage, Transfer
from tests.people import HERE, THERE, People
from tests.points.books import Nothing, one
from tests.points.correcting import Desk
from tests.points.earning import HOUR, JOIN


def there(cast: People, role: Any = "staff") -> Actor:
    """Somebody who works at the community where the service was done, or its lead."""
    if role == "staff":
        return cast.actor(cast.elsewhere)
    return Actor(
        person=one(cast.near.person), role=role, scope_kind="community", place=THERE, name="负责人"
    )


def back_there(desk: Desk, line: UUID, **changes: Any) -> Any:
    """Undo a line that THERE recorded, by two of its staff."""
    proposal = desk.propose_back(line, there(desk.cast), **changes)
    return desk.decide(proposal, there(desk.cast, "lead"))


def of(desk: Desk, account: int) -> tuple[int, int]:
    return desk.ask(lambda c: balance(c, account))  # type: ignore[no-any-return]


def balance(connection: Connection, account: int) -> tuple[int, int]:
    found = [0, 0]
    for table in ("account_folds", "account_deltas"):
        row = connection.execute(
            text(
                "SELECT coalesce(sum(credited - debited), 0), coalesce(sum(standard), 0)"
                f" FROM {table} WHERE account = :id"
            ),
            {"id": account},
        ).one()
        found[0] += int(row[0])
        found[1] += int(row[1])
    return found[0], found[1]


def used(desk: Desk, rule: str = "serve.hour") -> set[int]:
    return set(
        desk.ask(lambda c: c.scalars(select(RuleUsage.used).where(RuleUsage.rule == rule)).all())
    )


def test_an_award_is_taken_back_and_its_caps_are_free_again(desk: Desk) -> None:
    line = desk.earn(units=4)
    assert used(desk) == {4}

    done = desk.back(line)

    assert (done.posted, done.shortage) == (2000, 0)
    assert desk.totals() == (2000, 2000, 0)
    assert used(desk) == {0}
    assert of(desk, account_id("issued", HERE, "service"))[0] == 0
    assert desk.broken() == []


def test_a_part_of_an_award_frees_a_part_of_its_caps(desk: Desk) -> None:
    line = desk.earn(units=4)
    done = desk.back(line, amount=500)

    assert done.posted == 500
    assert desk.totals() == (2000, 500, 1500)
    assert used(desk) == {3}
    assert desk.broken() == []


def test_an_award_borne_elsewhere_is_undone_in_both_books(desk: Desk) -> None:
    line = desk.earn(bearing=THERE, units=4)
    back_there(desk, line)

    assert desk.totals() == (2000, 2000, 0)
    for account in (
        clearing(HERE, THERE),
        clearing(THERE, HERE),
        account_id("issued", THERE, "service"),
    ):
        assert of(desk, account) == (0, 0)
    assert desk.broken() == []


@pytest.mark.parametrize(
    ("face", "part"),
    [(10_000, 333), (8_000, 1), (8_000, 1599), (30_000, 1), (30_000, 777), (7, 1), (7, 35)],
)
def test_a_part_clears_to_zero_at_every_face_value(desk: Desk, part: int, face: int) -> None:
    """Rounding in between never makes or loses a centipoint of a standard point."""
    rule = replace(HOUR, cap_per_day=None, cap_per_month=None)
    line = desk.earn(bearing=THERE, units=100, rule=rule, face_bearing=face)
    whole = desk.totals()[2]
    part = min(part, whole)
    proposal = desk.propose_back(line, there(desk.cast), amount=part)
    desk.decide(proposal, there(desk.cast, "lead"))

    assert desk.totals()[2] == whole - part
    ours, theirs = of(desk, clearing(HERE, THERE)), of(desk, clearing(THERE, HERE))
    assert ours[1] + theirs[1] == 0
    given = 100 * HOUR.amount
    assert theirs[0] == given - given * part // whole
    assert desk.broken() == []


def test_a_line_is_reversed_once_only(desk: Desk) -> None:
    line = desk.earn(units=4)
    desk.back(line, amount=500)

    for amount in (None, 1500):
        with pytest.raises(reversal.AlreadyReversed):
            desk.propose_back(line, amount=amount)


def test_nothing_else_is_proposed_while_a_proposal_waits(desk: Desk) -> None:
    line = desk.earn()
    first = desk.propose_back(line)

    with pytest.raises(reversal.AlreadyReversed):
        desk.propose_back(line, amount=100)
    desk.decide(first, refusal="没有记错")
    assert desk.back(line).posted == 1000


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


def test_what_waits_is_voided_whole(desk: Desk) -> None:
    line = desk.earn(settled=False)
    part = desk.propose_back(line, amount=100)
    with pytest.raises(PartOfWaiting):
        desk.decide(part)
    desk.decide(part, refusal="等到账")

    done = desk.back(line)

    assert (done.voided, done.posted) == (1000, 0)
    assert used(desk) == {0}
    assert desk.ask(lambda c: c.scalar(select(Award.state))) == "void"
    desk.night()
    assert desk.totals() == (0, 0, 0)
    assert desk.broken() == []


def test_what_arrives_before_the_decision_is_reversed_all_the_same(desk: Desk) -> None:
    line = desk.earn(settled=False)
    proposal = desk.propose_back(line)
    desk.night()

    assert desk.decide(proposal).posted == 1000
    assert desk.totals() == (1000, 1000, 0)
    assert desk.broken() == []


def test_basic_points_are_taken_back_inside_their_fence(desk: Desk) -> None:
    line = desk.earn(rule=JOIN, units=1)
    proposal = desk.propose_back(line)
    desk.decide(proposal)

    [made] = desk.made(proposal)
    assert (made.act, made.points_kind, made.credit) == (
        "reversal",
        "basic",
        account_id("issued", HERE, "basic"),
    )
    assert desk.broken() == []


def test_an_adjustment_is_reversed_too(desk: Desk) -> None:
    desk.earn()
    proposal = desk.propose(-400)
    desk.decide(proposal)
    [made] = desk.made(proposal)
    desk.back(made.id)

    assert desk.totals() == (1000, 0, 1000)
    assert of(desk, account_id("adjusted", HERE, "service"))[0] == 0
    assert desk.broken() == []


def test_a_reversal_is_not_reversed_again(desk: Desk) -> None:
    proposal = desk.propose_back(desk.earn())
    desk.decide(proposal)
    [made] = desk.made(proposal)

    with pytest.raises(adjustments.NotReversible):
        desk.propose_back(made.id)


@pytest.mark.parametrize("amount", [0, -5, 1001])
def test_no_more_comes_back_than_went(desk: Desk, amount: int) -> None:
    line = desk.earn()

    with pytest.raises(reversal.PartTooLarge):
        desk.propose_back(line, amount=amount)


def test_a_line_that_never_was_is_not_found(desk: Desk) -> None:
    with pytest.raises(LineUnknown):
        desk.propose_back(UUID(int=404))


def test_the_community_that_recorded_it_decides(desk: Desk) -> None:
    line = desk.earn(bearing=THERE)

    with pytest.raises(NotInYourScope):
        desk.propose_back(line)
    proposal = desk.propose_back(line, there(desk.cast))
    with pytest.raises(NotInYourScope):
        desk.decide(proposal)
    with pytest.raises(adjustments.AdjustmentNeedsSecondPerson):
        desk.decide(proposal, there(desk.cast))


def test_neither_of_the_two_is_of_the_household(desk: Desk) -> None:
    line = desk.earn()
    neighbour = Actor(
        person=one(desk.cast.li.person), role="staff", scope_kind="community", place=HERE
    )

    with pytest.raises(OwnAdjustment):
        desk.propose_back(line, neighbour)


def test_what_was_undone_otherwise_meanwhile_cannot_be_decided_any_more(desk: Desk) -> None:
    line = desk.earn()
    proposal = desk.propose_back(line)

    def undo(work: Work, _command: None) -> Nothing:
        reversal.reverse(
            work,
            reversal.Reverse(
                original=line, id=UUID(int=77), note="", source_kind="test", source_id=line
            ),
        )
        return Nothing()

    desk.run(undo, None)
    with pytest.raises(reversal.AlreadyReversed):
        desk.decide(proposal)
    assert desk.row(proposal).state == "proposed"


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
    colleague = replace(there(desk.cast), place=HERE)

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


def test_many_who_propose_at_once_propose_once(desk: Desk) -> None:
    line = desk.earn()
    actors = [desk.cast.actor(desk.cast.staff), desk.cast.actor(desk.cast.lead)] * 4

    def attempt(actor: Actor) -> bool:
        try:
            desk.propose_back(line, actor)
        except reversal.AlreadyReversed:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(attempt, actors)).count(True) == 1


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


def test_reversals_name_what_they_undo(desk: Desk) -> None:
    line = desk.earn(bearing=THERE)
    back_there(desk, line)

    originals = set(desk.ask(lambda c: c.scalars(select(Reversal.original)).all()))
    assert originals == set(
        desk.ask(lambda c: c.scalars(select(Transfer.id).where(Transfer.act == "award")).all())
    )
