"""A deduction that was given back whole: its cap and its reminders count for the right one."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from points.earning.awards import award
from points.earning.deductions import (
    Deduct,
    Deducted,
    NoteReminder,
    RemindersMissing,
    deduct,
    note_reminder,
)
from points.models import Reminder
from tests.people import HERE
from tests.points.books import one
from tests.points.correcting import Desk, deductions_on
from tests.points.earning import CORRIDOR, serving

RULE = "deduct.corridor"


@pytest.fixture
def home(desk: Desk) -> Desk:
    """王秀英's household has five basic points and was reminded twice; the cap is one a month."""
    cast, household = desk.cast, one(desk.cast.wang.household)
    deductions_on(desk.run, desk.cast, desk.clock)
    given = serving("c", rule=CORRIDOR, units=1, holder_kind="household", holder_id=household)
    desk.run(award, given)
    desk.night()
    for day in (15, 22):
        reminder = NoteReminder(
            community=HERE, household=household, rule=RULE, day=dt.date(2026, 11, day)
        )
        desk.run(note_reminder, reminder, cast.actor(cast.staff))
    return desk


def take(desk: Desk, key: str) -> Deducted:
    command = Deduct(
        key=key, community=HERE, household=one(desk.cast.wang.household), rule=RULE, reason="纸箱"
    )
    made: Deducted = desk.run(deduct, command, desk.cast.actor(desk.cast.staff))
    return made


@pytest.mark.parametrize("parts", [(None,), (50, None)])
def test_the_right_deduction_can_follow_the_wrong_one(
    home: Desk, parts: tuple[int | None, ...]
) -> None:
    wrong = take(home, "d-1")
    for part in parts:
        # As long as anything of it is left, it counts.
        with pytest.raises(RemindersMissing):
            take(home, "d-2")
        home.back(wrong.id, amount=part)

    right = take(home, "d-2")

    assert (right.amount, right.exists) == (200, False)
    assert home.ask(lambda c: list(c.scalars(select(Reminder.deduction)))) == [right.id] * 2
    assert home.broken() == []
    with pytest.raises(RemindersMissing):
        take(home, "d-3")
    # The wrong one's key is still that of the wrong one.
    assert (take(home, "d-1").id, take(home, "d-1").exists) == (wrong.id, True)
