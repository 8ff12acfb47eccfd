"""信息核实 honours a resident with basic points, once in a life."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from core.work import Work
from exchange.moving import MergeRecords, MoveHousehold, merge_records, move_household
from points.accounts import resident_account
from points.earning.community_rules import Caps, set_rule
from points.models import Award, CommunityRule
from points.subscribers import award_verified
from residents import people
from residents.events import ResidentConfirmed
from tests.conftest import Clock
from tests.people import HERE, THERE, People
from tests.points.books import Nothing, one
from tests.points.test_community_rules import setting

Run = Callable[..., Any]


def given(connection: Connection) -> list[tuple[str, int, str, int]]:
    rows = connection.execute(
        select(Award.rule, Award.amount, Award.points_kind, Award.bearing, Award.cause),
    )
    return [(row.rule, row.amount, row.points_kind, row.bearing) for row in rows]


@pytest.fixture
def confirm(cast: People) -> people.ConfirmResident:
    return people.ConfirmResident(resident=one(cast.new.resident))


def test_a_confirmed_resident_gets_two_basic_points(
    run: Run, ask: Run, cast: People, confirm: people.ConfirmResident
) -> None:
    run(people.confirm_resident, confirm, cast.actor(cast.staff))

    assert ask(given) == [("resident.verified", 200, "basic", HERE)]


def test_it_is_an_award_of_the_community_for_the_confirmation_itself(
    run: Run, ask: Run, cast: People, clock: Clock, confirm: people.ConfirmResident
) -> None:
    run(people.confirm_resident, confirm, cast.actor(cast.staff))

    row = dict(ask(lambda c: c.execute(select(Award.__table__)).one())._mapping)
    who = confirm.resident
    expected = {
        "cause": f"verified:{who}",
        "account": resident_account(who, HERE, "basic"),
        "holder_id": who,
        "points_kind": "basic",
        "community": HERE,
        "bearing": HERE,
        "amount": 200,
        "rule": "resident.verified",
        "units": 1,
        "provenance": "recorded",
        "reason": "信息核实",
        "source_kind": "resident",
        "source_id": who,
        "recorded_by": cast.staff.person,
        "event_at": clock.now,
        "created_at": clock.now,
        "state": "pending",
        "confirmed_by": None,
    }
    assert {name: row[name] for name in expected} == expected


def test_confirming_twice_and_hearing_twice_honours_once(
    run: Run, ask: Run, cast: People, confirm: people.ConfirmResident
) -> None:
    run(people.confirm_resident, confirm, cast.actor(cast.staff))
    run(people.confirm_resident, confirm, cast.actor(cast.lead))

    def hear(work: Work, event: ResidentConfirmed) -> Nothing:
        award_verified(work, event)
        return Nothing()

    run(hear, ResidentConfirmed(confirm.resident, HERE))

    assert len(ask(given)) == 1


def test_whoever_moves_in_before_anybody_confirmed_them_is_honoured_where_they_live_now(
    run: Run, ask: Run, cast: People, confirm: people.ConfirmResident
) -> None:
    command = MoveHousehold(key="move", community=THERE, residents=(confirm.resident,))
    run(move_household, command, cast.actor(cast.elsewhere))

    assert ask(given) == [("resident.verified", 200, "basic", THERE)]
    with pytest.raises(people.ResidentUnknown):
        run(people.confirm_resident, confirm, cast.actor(cast.staff))


def test_the_record_that_stays_of_two_is_not_honoured_a_second_time(
    run: Run, ask: Run, cast: People, clock: Clock, confirm: people.ConfirmResident
) -> None:
    staff = cast.actor(cast.staff)
    run(people.confirm_resident, confirm, staff)
    twin = people.Register(
        phone="13900000009", name="周小燕", community=HERE, consent=True, is_fourteen=True
    )
    kept = one(run(people.register, twin).resident)
    run(merge_records, MergeRecords(key="merge", keep=kept, drop=confirm.resident), staff)
    clock.advance(days=400)
    run(people.confirm_resident, people.ConfirmResident(resident=kept), staff)

    assert len(ask(given)) == 1


def test_a_household_has_a_cap_of_it_together(
    run: Run, ask: Run, cast: People, clock: Clock, confirm: people.ConfirmResident
) -> None:
    caps = Caps(per_year=1, household_per_year=1)
    changed = setting(rule="resident.verified", points=200, caps=caps)
    run(set_rule, changed, cast.actor(cast.lead))
    clock.advance(days=1)
    run(people.confirm_resident, confirm, cast.actor(cast.staff))

    def household(connection: Connection) -> list[Any]:
        return list(connection.scalars(select(Award.counted_for)))

    assert ask(household) == [one(cast.new.household)]


def test_a_community_that_switched_the_rule_off_confirms_without_points(
    run: Run, ask: Run, cast: People, confirm: people.ConfirmResident
) -> None:
    def switch_off(work: Work, _command: None) -> Nothing:
        work.connection.execute(
            insert(CommunityRule).values(
                community=HERE,
                rule="resident.verified",
                valid_from=work.day,
                revision=1,
                points=None,
                recorded_by="社工",
                outside_band=False,
                set_by=work.actor.person,
                set_at=work.now,
            ),
        )
        return Nothing()

    run(switch_off, None)

    done = run(people.confirm_resident, confirm, cast.actor(cast.staff))

    assert dataclasses.asdict(done)["state"] == "confirmed"
    assert ask(given) == []
