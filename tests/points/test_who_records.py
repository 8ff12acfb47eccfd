"""Who may record an act: staff here, grid workers and building leads only at their own doors."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, select

from core.acts import NotInYourScope
from core.errors import Forbidden, KeyReused
from core.work import SHANGHAI
from points.earning.acts import RecordAct, Recorded, record_act
from points.earning.awards import (
    UNITS_MAX,
    AwardDiffers,
    AwardNeedsSecondPerson,
    ConfirmAwards,
    UnitsOutOfRange,
    confirm_awards,
    void_award,
)
from points.earning.community_rules import Caps, SetRule, set_rule
from points.earning.recorders import HolderUnfit, HolderUnknown, KindUnfit, RuleNotByHand
from points.earning.rules import RuleUnknown
from points.models import Award
from residents.local_grants import (
    EndLocal,
    GrantLocal,
    LocalPlaceUnknown,
    SetGrid,
    end_local,
    grant_local,
    set_grid,
)
from tests.conftest import Clock
from tests.people import HERE, People
from tests.points.books import one
from tests.points.doors import building, building_lead, grid_worker
from tests.points.earning import count
from tests.points.test_proving import damage

Run = Callable[..., Any]


def tidy(cast: People, **changes: Any) -> RecordAct:
    """The corridor before 王秀英's door was tidy this month."""
    given: dict[str, Any] = {
        "key": "tidy-1",
        "community": HERE,
        "rule": "covenant.corridor",
        "holder_kind": "household",
        "holder_id": one(cast.wang.household),
        "units": 1,
    }
    return RecordAct(**(given | changes))


def awards(connection: Connection) -> list[Any]:
    return list(connection.execute(select(Award.__table__)))


def test_a_building_lead_records_at_the_own_doors(run: Run, ask: Run, cast: People) -> None:
    fang = building_lead(run, ask, cast)

    made: Recorded = run(record_act, tidy(cast), cast.actor(fang))

    assert (made.amount, made.units, made.exists) == (500, 1, False)
    row = ask(awards)[0]
    assert (row.recorded_by, row.provenance, row.points_kind) == (fang.person, "recorded", "basic")
    assert row.due is not None


def test_beyond_the_own_building_a_building_lead_records_nothing(
    run: Run, ask: Run, cast: People
) -> None:
    fang = building_lead(run, ask, cast)

    with pytest.raises(NotInYourScope):
        run(record_act, tidy(cast, holder_id=one(cast.chen.household)), cast.actor(fang))
    # Somebody whose address is not known lives in no building of theirs.
    with pytest.raises(NotInYourScope):
        run(record_act, tidy(cast, holder_id=one(cast.new.household)), cast.actor(fang))
    with pytest.raises(HolderUnknown):
        run(record_act, tidy(cast, holder_id=one(cast.there.household)), cast.actor(fang))
    assert ask(count, "awards") == 0


def test_a_grid_worker_records_in_the_own_grid(run: Run, ask: Run, cast: People) -> None:
    qian = grid_worker(run, ask, cast, "5")

    made = run(record_act, tidy(cast, holder_id=one(cast.chen.household)), cast.actor(qian))
    assert made.amount == 500
    with pytest.raises(NotInYourScope):
        run(record_act, tidy(cast, key="other"), cast.actor(qian))


def test_each_records_only_the_rules_that_name_them(run: Run, ask: Run, cast: People) -> None:
    fang = building_lead(run, ask, cast)
    hazard = {"rule": "report.hazard", "holder_kind": "resident", "holder_id": cast.wang.resident}

    with pytest.raises(RuleNotByHand):
        run(record_act, tidy(cast, **hazard), cast.actor(fang))
    # 楼道不堆物 is for building leads and grid workers, not for the desk.
    with pytest.raises(RuleNotByHand):
        run(record_act, tidy(cast), cast.actor(cast.staff))
    run(record_act, tidy(cast, **hazard), cast.actor(cast.staff))


def test_what_the_catalogue_gives_nothing_for_is_not_recorded(
    run: Run, ask: Run, cast: People
) -> None:
    fang = building_lead(run, ask, cast)
    nothing = "UPDATE catalogue_rules SET points_min = 0, points_base = 0"
    damage(cast.app, f"{nothing} WHERE key = 'covenant.corridor'")

    with pytest.raises(RuleNotByHand):
        run(record_act, tidy(cast), cast.actor(fang))
    assert ask(count, "awards") == 0


@pytest.mark.parametrize("units", [0, -1, UNITS_MAX + 1])
def test_nobody_does_a_thing_less_than_once_or_without_end(
    run: Run, ask: Run, cast: People, units: int
) -> None:
    with pytest.raises(UnitsOutOfRange):
        run(record_act, tidy(cast, units=units), cast.actor(cast.staff))

    assert ask(count, "awards") == 0


def test_a_resident_is_no_household(run: Run, ask: Run, cast: People) -> None:
    fang = building_lead(run, ask, cast)
    for changes in (
        {"holder_kind": "resident", "holder_id": one(cast.wang.resident)},
        {"holder_id": one(cast.wang.resident)},
    ):
        with pytest.raises(HolderUnfit):
            run(record_act, tidy(cast, **changes), cast.actor(fang))


@pytest.mark.parametrize("kind", ["household", "resident"])
def test_a_household_is_told_that_it_has_basic_points_only(
    run: Run, cast: People, kind: str
) -> None:
    home = {"holder_kind": kind, "holder_id": one(cast.wang.household)}
    with pytest.raises(KindUnfit):
        run(record_act, tidy(cast, rule="serve.hour", **home), cast.actor(cast.staff))
    with pytest.raises(HolderUnfit):
        run(record_act, tidy(cast, rule="join.activity", **home), cast.actor(cast.staff))


def test_the_own_household_waits_for_a_second_person(run: Run, ask: Run, cast: People) -> None:
    """王秀英 leads her own building: her own door is confirmed by somebody else."""
    wang = building_lead(run, ask, cast, name="王秀英", phone=cast.wang.phone)
    assert wang.person == cast.wang.person
    made = run(record_act, tidy(cast), cast.actor(wang))

    assert made.due is None
    command = ConfirmAwards(awards=(one(made.id),))
    with pytest.raises((AwardNeedsSecondPerson, Forbidden)):
        run(confirm_awards, command, cast.actor(wang))
    assert run(confirm_awards, command, cast.actor(cast.staff)).confirmed == 1


def test_who_has_no_such_role_records_nothing(run: Run, ask: Run, cast: People) -> None:
    for someone in (cast.wang, cast.keeper, cast.lin):
        with pytest.raises(Forbidden):
            run(record_act, tidy(cast), cast.actor(someone))
    with pytest.raises(NotInYourScope):
        run(record_act, tidy(cast), cast.actor(cast.elsewhere))


def test_a_role_that_was_taken_back_is_gone_at_once(run: Run, ask: Run, cast: People) -> None:
    fang = building_lead(run, ask, cast)
    token = cast.headers(fang)
    command = GrantLocal(
        community=HERE,
        role="building_lead",
        scope_id=ask(building, "3"),
        name=fang.name,
        phone=fang.phone,
    )
    again = run(grant_local, command, cast.actor(cast.lead))
    assert again.exists

    run(end_local, EndLocal(grant=again.id), cast.actor(cast.lead))

    body = {"rule": "covenant.corridor", "holder_kind": "household", "units": 1}
    answer = cast.app.test_client().post(
        "/api/v1/staff/awards",
        json=body | {"holder_id": str(cast.wang.household)},
        headers=token | {"Idempotency-Key": "a"},
    )
    assert answer.status_code == 401
    renewed = run(grant_local, command, cast.actor(cast.lead))
    assert (renewed.id, renewed.exists) == (again.id, False)


def test_only_the_lead_here_makes_building_leads(run: Run, ask: Run, cast: People) -> None:
    place = ask(building, "3")
    command = GrantLocal(
        community=HERE, role="building_lead", scope_id=place, name="方大姐", phone="13700000021"
    )
    with pytest.raises(Forbidden):
        run(grant_local, command, cast.actor(cast.staff))
    lead = cast.actor(cast.lead)
    for changes in ({"role": "lead"}, {"role": "grid_worker"}, {"scope_id": cast.wang.household}):
        with pytest.raises(LocalPlaceUnknown):
            run(grant_local, replace(command, **changes), lead)
    with pytest.raises(LocalPlaceUnknown):
        run(
            set_grid,
            SetGrid(community=HERE, name="甲", buildings=(one(cast.wang.household),)),
            lead,
        )


@pytest.mark.parametrize(
    ("day", "waits"), [(17, False), (16, True)], ids=["a week ago", "a day more"]
)
def test_acts_of_long_ago_wait_too(
    run: Run, ask: Run, cast: People, day: int, *, waits: bool
) -> None:
    fang = building_lead(run, ask, cast)

    made = run(record_act, tidy(cast, day=dt.date(2026, 11, day)), cast.actor(fang))

    assert (made.due is None) == waits
    assert ask(awards)[0].provenance == ("back_filled" if waits else "recorded")


def test_what_people_scan_for_themselves_waits_when_it_is_recorded_by_hand(
    run: Run, ask: Run, cast: People
) -> None:
    """No session counts the share of hours that one person wrote down, so none passes alone."""
    hours = {"rule": "serve.hour", "holder_kind": "resident", "holder_id": cast.wang.resident}

    made = run(record_act, tidy(cast, **hours, units=8), cast.actor(cast.staff))

    assert (made.amount, made.due) == (4000, None)
    command = ConfirmAwards(awards=(one(made.id),))
    with pytest.raises(AwardNeedsSecondPerson):
        run(confirm_awards, command, cast.actor(cast.staff))
    assert run(confirm_awards, command, cast.actor(cast.lead)).confirmed == 1
    assert ask(awards)[0].due is not None
    # Basic points wait like hours; what nobody can scan does not.
    goods = hours | {"rule": "give.goods", "key": "goods"}
    assert run(record_act, tidy(cast, **goods), cast.actor(cast.staff)).due is None
    idea = hours | {"rule": "report.idea", "key": "idea"}
    assert run(record_act, tidy(cast, **idea), cast.actor(cast.staff)).due is not None


def test_a_repeat_is_answered_from_what_it_gave_when_the_rule_was_closed_since(
    run: Run, ask: Run, cast: People, clock: Clock
) -> None:
    fang = cast.actor(building_lead(run, ask, cast))
    first = run(record_act, tidy(cast), fang)
    closed = SetRule(
        community=HERE,
        rule="covenant.corridor",
        valid_from=dt.date(2026, 11, 25),
        points=None,
        caps=Caps(per_month=1, per_year=12),
        recorded_by=("楼道长",),
    )
    run(set_rule, closed, cast.actor(cast.lead))
    clock.advance(days=1)

    again = run(record_act, tidy(cast), fang)

    assert again == replace(first, exists=True)
    with pytest.raises((RuleUnknown, RuleNotByHand)):
        run(record_act, tidy(cast, key="tidy-2"), fang)
    with pytest.raises(AwardDiffers):
        run(record_act, tidy(cast, holder_id=one(cast.chen.household)), fang)
    assert ask(count, "awards") == 1


def test_what_was_given_is_known_by_its_award_where_its_audit_row_is_lost(
    app: Flask, run: Run, ask: Run, cast: People
) -> None:
    fang = cast.actor(building_lead(run, ask, cast))
    first = run(record_act, tidy(cast), fang)
    damage(app, "DELETE FROM audit_events")

    assert run(record_act, tidy(cast), fang) == replace(first, exists=True)
    assert ask(count, "awards") == 1


def test_what_came_to_nothing_stays_nothing_when_its_request_comes_again(
    run: Run, ask: Run, cast: People, clock: Clock
) -> None:
    fang = cast.actor(building_lead(run, ask, cast))
    only = run(record_act, tidy(cast), fang)
    nothing = run(record_act, tidy(cast, key="tidy-2"), fang)
    assert (nothing.id, nothing.capped) == (None, True)

    run(void_award, one(only.id))
    assert run(record_act, tidy(cast, key="tidy-2"), fang) == replace(nothing, cap=None)
    clock.set(dt.datetime(2026, 12, 1, 10, tzinfo=SHANGHAI))
    assert run(record_act, tidy(cast, key="tidy-2"), fang) == replace(nothing, cap=None)
    assert ask(count, "awards") == 1
    # Asked for anew, under a key of its own, it is judged anew.
    assert run(record_act, tidy(cast, key="tidy-3"), fang).amount == 500
    with pytest.raises(KeyReused):
        run(record_act, tidy(cast, key="tidy-2", holder_id=one(cast.chen.household)), fang)
