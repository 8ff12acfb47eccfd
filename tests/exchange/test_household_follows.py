"""What arrives late for a household follows it: into another community, into another record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from exchange.moving import (
    MergeRecords,
    MoveHousehold,
    follow_residents,
    merge_records,
    move_household,
)
from points.accounts import household_account
from points.earning.awards import award
from points.settlement import settle_due
from residents.addresses import Address
from residents.endings import RecordDeath, record_death
from residents.finding import households_at
from residents.homes import unknown_homes
from residents.local_grants import doors
from residents.models import Dwelling
from residents.people import EnterHousehold, EnterResident, enter_household, enter_resident
from tests.conftest import Clock
from tests.exchange.scene import POINT, Scene
from tests.exchange.test_moving import honour, move, totals
from tests.people import HERE, NEAR, THERE, People, Someone
from tests.points.books import one
from tests.points.calendar import holds_true
from tests.points.earning import CORRIDOR, serving

Run = Callable[..., Any]


@pytest.fixture
def wu(cast: People, run: Run) -> Someone:
    """吴阿毛 of elsewhere, whose household has ten basic points."""
    run(honour, household_account(one(cast.there.household), THERE))
    return cast.there


def corridor(run: Run, clock: Clock, household: UUID, cause: str = "corridor") -> None:
    """Give a household of elsewhere five basic points, which arrive tomorrow."""
    given = serving(
        cause,
        rule=CORRIDOR,
        units=1,
        holder_kind="household",
        holder_id=household,
        community=THERE,
        bearing=THERE,
        event_at=clock.now,
    )
    run(award, given)


def arrive(app: Flask, clock: Clock) -> str:
    """Let the night pass: what is due arrives, and what was left behind follows."""
    clock.advance(days=1)
    with app.app_context():
        settle_due()
        return follow_residents()


def test_what_a_household_earned_before_it_moved_follows_it_at_night(
    app: Flask, clock: Clock, cast: People, run: Run, ask: Run, wu: Someone
) -> None:
    corridor(run, clock, one(wu.household))
    moved = move(cast, run, wu)

    assert [arrive(app, clock), arrive(app, clock)] == ["followed 1", "followed 0"]

    old, new = household_account(one(wu.household), THERE), household_account(moved.household, HERE)
    assert ask(totals, old) == (15 * POINT, 15 * POINT, 0)
    assert ask(totals, new) == (15 * POINT, 0, 0)
    holds_true(app, "awarded transfers")


def test_what_many_households_earned_follows_each_of_them(
    app: Flask, clock: Clock, cast: People, run: Run, ask: Run
) -> None:
    scene, homes = Scene(app), {}
    for number in range(3):
        who = scene.resident(THERE, name=f"邻居{number}")
        corridor(run, clock, who.household, f"corridor{number}")
        command = MoveHousehold(key=f"m{number}", community=NEAR, residents=(who.resident,))
        homes[who.household] = run(move_household, command, cast.actor(cast.near)).household
    clock.advance(days=1)

    with app.app_context():
        settle_due()
        assert [follow_residents(chunk=1), follow_residents(chunk=1)] == [
            "followed 3",
            "followed 0",
        ]
    for old, new in homes.items():
        assert ask(totals, household_account(old, THERE)) == (5 * POINT, 5 * POINT, 0)
        assert ask(totals, household_account(new, NEAR)) == (5 * POINT, 0, 0)


def test_what_a_household_earned_follows_over_several_moves(
    app: Flask, clock: Clock, cast: People, run: Run, ask: Run, wu: Someone
) -> None:
    corridor(run, clock, one(wu.household))
    new = move(cast, run, wu).residents[0]
    clock.advance(hours=1)
    command = MoveHousehold(key="on", community=NEAR, residents=(new,))
    last = run(move_household, command, cast.actor(cast.near)).household

    assert arrive(app, clock) == "followed 1"
    assert ask(totals, household_account(last, NEAR)) == (15 * POINT, 0, 0)


def test_what_a_household_earned_stays_where_one_of_it_stayed(
    app: Flask, clock: Clock, cast: People, run: Run, ask: Run, wu: Someone
) -> None:
    Scene(app).resident(THERE, name="吴小毛", household=one(wu.household))
    corridor(run, clock, one(wu.household))
    moved = move(cast, run, wu)

    assert arrive(app, clock) == "followed 0"
    assert ask(totals, household_account(one(wu.household), THERE)) == (15 * POINT, 0, 0)
    assert ask(totals, household_account(moved.household, HERE)) == (0, 0, 0)


def test_what_arrives_in_a_household_that_is_lived_in_again_is_theirs(
    app: Flask, clock: Clock, cast: People, run: Run, ask: Run, wu: Someone
) -> None:
    moved = move(cast, run, wu)
    clock.advance(hours=1)
    Scene(app).resident(THERE, name="郑大海", household=one(wu.household))
    corridor(run, clock, one(wu.household))

    assert arrive(app, clock) == "followed 0"
    assert ask(totals, household_account(moved.household, HERE)) == (10 * POINT, 0, 0)


def test_a_household_that_came_back_keeps_what_arrives(
    app: Flask, clock: Clock, cast: People, run: Run, ask: Run, wu: Someone
) -> None:
    new = move(cast, run, wu).residents[0]
    clock.advance(hours=1)
    back = MoveHousehold(key="back", community=THERE, residents=(new,), household=wu.household)
    again = run(move_household, back, cast.actor(cast.elsewhere)).residents[0]
    corridor(run, clock, one(wu.household))
    run(record_death, RecordDeath(resident=again), cast.actor(cast.elsewhere))

    assert arrive(app, clock) == "followed 0"
    assert ask(totals, household_account(one(wu.household), THERE)) == (25 * POINT, 10 * POINT, 0)


def test_what_the_household_of_a_merged_record_earned_follows(
    app: Flask, clock: Clock, cast: People, run: Run, ask: Run
) -> None:
    twin = Scene(app).resident(THERE, name="吴阿茂")
    corridor(run, clock, twin.household)
    command = MergeRecords(key="m", keep=one(cast.there.resident), drop=twin.resident)
    run(merge_records, command, cast.actor(cast.elsewhere))

    assert arrive(app, clock) == "followed 1"
    kept = household_account(one(cast.there.household), THERE)
    assert ask(totals, kept) == (5 * POINT, 0, 0)


def test_whoever_lives_there_afterwards_is_another_household(
    clock: Clock, cast: People, run: Run, ask: Run, wu: Someone
) -> None:
    clerk, home = (
        cast.actor(cast.elsewhere),
        Address(estate="青年里", building="1", unit="1", room="301"),
    )
    before = EnterHousehold(community=THERE, address=home)
    assert run(enter_household, before, clerk).household == wu.household
    move(cast, run, wu)
    clock.advance(hours=1)

    assert ask(unknown_homes, THERE, "1-1-301") == []
    command = EnterResident(community=THERE, name="郑大海", address=home)
    entered = run(enter_resident, command, clerk)

    assert entered.household != wu.household
    assert run(enter_household, before, clerk).household == entered.household
    door = (THERE, "青年里 1-1-301")
    assert ask(households_at, [door]) == {door: (entered.household,)}
    query = select(Dwelling.building).where(Dwelling.community == THERE)
    building = ask(lambda c: c.scalar(query))
    assert [each.household for each in ask(doors, "building", building)] == [entered.household]
