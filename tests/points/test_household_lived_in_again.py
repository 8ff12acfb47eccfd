"""Who pays, and who is told, where a household's first family left and another one came."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from exchange.moving import MoveHousehold, follow_residents, move_household
from points.accounts import household_account
from points.earning.deductions import Deduct, NoteReminder, RemindersMissing, deduct, note_reminder
from residents.people import EnterResident, enter_resident
from tests.exchange.test_moving import totals
from tests.people import HERE, NEAR
from tests.points.books import one
from tests.points.correcting import Desk, deductions_on
from tests.points.earning import CORRIDOR
from tests.points.test_correcting_kept import messages
from tests.points.test_taken_after_a_move import away, honoured


def enters(desk: Desk) -> UUID:
    """Let somebody else live where 王秀英's family lived; return the resident."""
    desk.clock.advance(hours=1)
    command = EnterResident(community=HERE, name="孙小芳", household=one(desk.cast.wang.household))
    made = desk.run(enter_resident, command, desk.cast.actor(desk.cast.staff))
    return one(made.resident)


def leaves(desk: Desk, resident: UUID) -> int:
    """Let them get five points and move on; return the household's account there."""
    desk.clock.advance(days=40)
    old = one(desk.cast.wang.household)
    facts: dict[str, Any] = {
        "holder_kind": "household",
        "holder_id": old,
        "event_at": desk.clock.now,
    }
    desk.earn(rule=CORRIDOR, units=1, **facts)
    command = MoveHousehold(key="on", community=NEAR, residents=(resident,))
    moved = desk.run(move_household, command, desk.cast.actor(desk.cast.near))
    return household_account(moved.household, NEAR)


def taken(desk: Desk) -> list[UUID]:
    """Who of a household was told that five points were taken, in order."""
    told = desk.ask(messages, "points.adjusted_home")
    return sorted(person for person, params in told if params["points"] == "−5")


def family(desk: Desk) -> list[UUID]:
    """王秀英 and who moved with her."""
    return sorted(one(each.person) for each in (desk.cast.wang, desk.cast.li))


def test_the_family_that_had_an_award_gives_it_back_and_not_the_next_one(desk: Desk) -> None:
    line, _ = honoured(desk)
    _, new = away(desk)
    other = leaves(desk, enters(desk))

    assert desk.back(line).posted == 500
    assert (desk.ask(totals, new), desk.ask(totals, other)) == ((1200, 500, 0), (500, 0, 0))
    assert taken(desk) == family(desk)
    assert desk.broken() == []


def test_what_the_next_family_owes_is_not_taken_of_those_who_left(desk: Desk) -> None:
    honoured(desk)
    _, new = away(desk)
    enters(desk)
    desk.clock.advance(hours=1)
    old = one(desk.cast.wang.household)

    done = desk.decide(
        desk.propose(-300, holder_kind="household", holder_id=old, points_kind="basic")
    )

    assert (done.posted, done.shortage) == (0, 300)
    assert desk.ask(totals, new) == (1200, 0, 0)
    assert desk.broken() == []


def test_a_family_that_has_moved_is_told_what_was_taken_since(desk: Desk) -> None:
    line, _ = honoured(desk)
    away(desk)
    desk.clock.advance(hours=1)

    desk.back(line)

    assert taken(desk) == family(desk)


@pytest.mark.parametrize("wrong", ["award", "deduction"])
def test_what_came_when_everybody_had_left_is_theirs_who_left_last(desk: Desk, wrong: str) -> None:
    facts: dict[str, Any] = {"holder_kind": "household", "holder_id": one(desk.cast.wang.household)}
    _, new = away(desk)
    desk.clock.advance(hours=1)
    day = desk.clock.now.replace(hour=0)
    line = desk.earn(rule=CORRIDOR, units=1, event_at=day, **facts)
    with desk.app.app_context():
        assert follow_residents() == "followed 1"
    desk.clock.advance(hours=1)

    if wrong == "award":
        desk.back(line)
    else:
        desk.decide(desk.propose(-500, points_kind="basic", **facts))

    assert desk.ask(totals, new) == (500, 500, 0)
    assert taken(desk) == family(desk)
    assert desk.broken() == []


def reminded(desk: Desk, household: UUID) -> int:
    """Remind a household today; return how many reminders count."""
    command = NoteReminder(community=HERE, household=household, rule="deduct.corridor")
    made = desk.run(note_reminder, command, desk.cast.actor(desk.cast.staff))
    return int(made.reminders)


def test_who_lives_there_next_has_reminders_of_their_own_before_a_deduction(desk: Desk) -> None:
    lead, old = desk.cast.actor(desk.cast.lead), one(desk.cast.wang.household)
    deductions_on(desk.run, desk.cast, desk.clock)
    for count in (1, 2):
        desk.clock.advance(days=1)
        assert reminded(desk, old) == count
    away(desk)
    enters(desk)
    facts: dict[str, Any] = {"holder_kind": "household", "event_at": desk.clock.now}
    desk.earn(rule=CORRIDOR, units=1, holder_id=old, **facts)
    taken = Deduct(key="d", community=HERE, household=old, rule="deduct.corridor", reason="堆物")

    with pytest.raises(RemindersMissing):
        desk.run(deduct, taken, lead)

    for count in (1, 2):
        assert reminded(desk, old) == count
        desk.clock.advance(days=1)
    assert desk.run(deduct, taken, lead).amount == 200
    assert desk.broken() == []
