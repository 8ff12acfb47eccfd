"""``flask verify`` on who decides: they had the role, and the right to so much, at that time."""

# ruff: noqa: S608 - statements put together from this file's own ids

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from core.acts import SYSTEM, Actor
from core.settings import SetSetting, set_setting
from residents.grants import EndGrant, GrantRole, end_grant, grant_role
from tests.people import HERE
from tests.points.books import one
from tests.points.correcting import Desk
from tests.points.test_shortage import waive
from tests.points.verified import damaged

WITHOUT_ROLE = {"staff of the time"}


@pytest.fixture
def colleague(desk: Desk) -> Actor:
    """周国栋, who works at this desk, too, since today."""
    return hired(desk)[1]


def hired(desk: Desk) -> tuple[UUID, Actor]:
    role = GrantRole(
        name=desk.cast.elsewhere.name, phone=desk.cast.elsewhere.phone, role="staff", place=HERE
    )
    made = desk.run(grant_role, role, desk.cast.actor(desk.cast.lin))
    return made.id, replace(desk.cast.actor(desk.cast.elsewhere), place=HERE)


def limit(desk: Desk, points: int, place: int = HERE) -> None:
    command = SetSetting(
        key=desk.serial(), setting="redeem.lead_points", place=place, value=str(points)
    )
    desk.run(set_setting, command, SYSTEM)


def test_decisions_of_staff_and_lead_hold_whatever_becomes_of_them_later(
    desk: Desk, colleague: Actor
) -> None:
    desk.decide(desk.propose(4_900), colleague)
    desk.decide(desk.propose(5_000))
    desk.decide(desk.propose(100), colleague, refusal="签到表上没有")
    desk.clock.advance(minutes=5)
    limit(desk, 10)
    proposal = desk.propose(-20_000)
    desk.decide(proposal)
    waive(desk, proposal, "算了")

    assert desk.broken() == []


def test_whoever_lost_the_role_that_day_had_it_in_the_morning(desk: Desk) -> None:
    grant, colleague = hired(desk)
    desk.decide(desk.propose(500), colleague)
    desk.clock.advance(hours=3)
    desk.run(end_grant, EndGrant(grant=grant), desk.cast.actor(desk.cast.lin))

    assert desk.broken() == []


GRANTS = {
    "another role": "role = 'keeper'",
    "another place": "place = 330102001052",
    "over by then": "valid_to = '2026-11-22'",
    "begun later": "valid_from = '2026-11-25'",
    "written later": "created_at = '2026-11-24 12:00:00'",
}


@pytest.mark.parametrize("kind", GRANTS)
@pytest.mark.parametrize("who", ["maker", "checker", "waived_by"])
def test_a_decision_of_somebody_without_the_role_of_the_time_is_named(
    desk: Desk, who: str, kind: str
) -> None:
    proposal = desk.propose(-500)
    desk.decide(proposal)
    waive(desk, proposal, "算了")
    person = one(getattr(desk.row(proposal), who))
    damage = f"UPDATE grants SET {GRANTS[kind]} WHERE person = '{person.hex}'"

    assert damaged(desk.app, damage) == WITHOUT_ROLE


@pytest.mark.parametrize("role", ["maker_role", "checker_role"])
def test_a_decision_in_a_role_that_decides_nothing_is_named(desk: Desk, role: str) -> None:
    desk.decide(desk.propose(500))
    keeps = f"UPDATE adjustments SET {role} = 'keeper'"
    both = "UPDATE grants SET role = 'keeper' WHERE role IN ('staff', 'lead')"

    assert damaged(desk.app, keeps) == WITHOUT_ROLE
    assert damaged(desk.app, keeps, both) == WITHOUT_ROLE


def said(moment: str, value: Any, place: int = HERE) -> str:
    """Say that a limit was set at a moment; the decision of these tests is of two o'clock."""
    return (
        "INSERT INTO setting_values (key, place, valid_from, value, set_by) VALUES"
        f" ('redeem.lead_points', {place}, '2026-11-24 {moment}', '{value}', '{UUID(int=1).hex}')"
    )


def test_what_was_the_leads_by_the_limit_of_the_time_is_named(desk: Desk, colleague: Actor) -> None:
    desk.decide(desk.propose(1_000), colleague)

    assert damaged(desk.app, said("01:00:00", 11)) == set()
    assert damaged(desk.app, said("01:00:00", 10)) == {"lead's limit"}
    assert damaged(desk.app, said("01:00:00", 10, place=0)) == {"lead's limit"}
    assert damaged(desk.app, said("01:00:00", 10, place=0), said("01:30:00", 50)) == set()
    ended = (said("01:00:00", 50), said("01:30:00", ""), said("00:30:00", 10, place=0))
    assert damaged(desk.app, *ended) == {"lead's limit"}
    assert damaged(desk.app, said("02:00:01", 10)) == set()


def test_a_limit_that_was_set_a_minute_before_was_not_known_everywhere(
    desk: Desk, colleague: Actor
) -> None:
    desk.decide(desk.propose(1_000), colleague)

    assert damaged(desk.app, said("01:59:00", 10)) == set()
    assert damaged(desk.app, said("01:57:00", 10)) == {"lead's limit"}


def test_the_limit_of_the_district_holds_where_nobody_has_set_one(
    desk: Desk, colleague: Actor
) -> None:
    desk.decide(desk.propose(4_900), colleague)
    more = "UPDATE adjustments SET amount = 5000, together = 5000, posted = 5000"

    assert damaged(desk.app, more) == {"adjustments", "lead's limit"}
