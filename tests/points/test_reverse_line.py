"""冲回: two people undo a line, or a part of it, by its own figures, in both books, never twice."""

# ruff: noqa: S608 - statements put together from this file's own names

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text

from core.acts import Actor, NotInYourScope
from core.work import Work
from points import reversal
from points.accounts import account_id, clearing
from points.correcting import adjustments, corrected
from points.correcting.adjustments import (
    OwnAdjustment,
    ProposeReversal,
    propose_reversal,
)
from points.correcting.deciding import PartOfWaiting
from points.correcting.queries import adjustments_about
from points.earning.awards import award
from points.earning.recorders import HolderUnknown
from points.lines import LineUnknown
from points.models import Award, Reversal, RuleUsage, Transfer
from tests.people import HERE, THERE, People
from tests.points.books import RESIDENT, Nothing, appointed, one, open_resident, there_is
from tests.points.correcting import GREAT, Desk
from tests.points.earning import HOUR, JOIN, serving


def there(cast: People) -> Actor:
    """Somebody who works at the community where the service was done."""
    return cast.actor(cast.elsewhere)


def lead_there(desk: Desk) -> Actor:
    """The lead of that community."""
    person = one(desk.cast.near.person)
    desk.run(there_is, lambda work: appointed(work, person, "lead", THERE))
    return Actor(person=person, role="lead", scope_kind="community", place=THERE, name="负责人")


def back_there(desk: Desk, line: UUID, **changes: Any) -> Any:
    """Undo a line that THERE recorded, by two of its staff."""
    proposal = desk.propose_back(line, there(desk.cast), **changes)
    return desk.decide(proposal, lead_there(desk))


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
    desk.decide(proposal, lead_there(desk))

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


def test_two_thousand_points_that_wait_are_voided_whole(desk: Desk) -> None:
    done = desk.back(desk.earn(settled=False, **GREAT))

    assert (done.voided, done.posted) == (200_000, 0)
    assert desk.ask(lambda c: c.scalar(select(Award.state))) == "void"
    desk.night()
    assert desk.totals() == (0, 0, 0)
    assert desk.broken() == []


@pytest.mark.parametrize(("amount", "taken"), [(None, 200_000), (150_050, 150_050)])
def test_two_thousand_points_that_have_arrived_are_taken_back_whole_or_in_part(
    desk: Desk, amount: int | None, taken: int
) -> None:
    done = desk.back(desk.earn(**GREAT), amount=amount)

    assert (done.posted, done.shortage) == (taken, 0)
    assert desk.totals() == (200_000, taken, 200_000 - taken)
    assert desk.broken() == []


def test_of_a_large_line_no_more_comes_back_than_went(desk: Desk) -> None:
    line = desk.earn(**GREAT)

    with pytest.raises(reversal.PartTooLarge) as refused:
        desk.propose_back(line, amount=200_001)
    with desk.app.test_request_context():
        assert "最多还能冲回 2000 分" in refused.value.sentence()


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


def test_reversals_name_what_they_undo(desk: Desk) -> None:
    line = desk.earn(bearing=THERE)
    back_there(desk, line)

    originals = set(desk.ask(lambda c: c.scalars(select(Reversal.original)).all()))
    assert originals == set(
        desk.ask(lambda c: c.scalars(select(Transfer.id).where(Transfer.act == "award")).all())
    )


def test_the_same_proposal_again_is_the_same(desk: Desk) -> None:
    line = desk.earn()
    assert desk.propose_back(line, key="a") == desk.propose_back(line, key="a")


def test_points_of_nobody_who_is_known_are_not_undone(desk: Desk) -> None:
    def opened(work: Work, _command: None) -> Nothing:
        open_resident(work, RESIDENT, HERE)
        return Nothing()

    desk.run(opened, None)
    made = desk.run(award, serving("x"), desk.cast.actor(desk.cast.staff))
    command = ProposeReversal(key="k", line=made.id, reason="记错了", evidence="签到表")
    with pytest.raises(HolderUnknown):
        desk.run(propose_reversal, command, desk.cast.actor(desk.cast.staff))


def test_what_two_people_gave_is_undone_like_an_award(desk: Desk, app: Flask) -> None:
    assert desk.decide(desk.propose(-300)).shortage == 300
    given = desk.propose(500)
    desk.decide(given)
    line = desk.made(given)[0].id
    desk.back(line)
    spent = desk.spend(100) if desk.totals()[2] else None
    said = desk.ask(adjustments_about, line, "adjustment", given)

    assert spent is None
    with app.test_request_context():
        told = [corrected.undone(each, desk.clock.now) for each in said]
        assert [len(corrected.both(each)) for each in said] == [2, 2]
    assert {each[-6:] for each in told} == {"退回 5 分", "收回 5 分"}
    assert desk.broken() == []
