"""Two records of one person become one: the points move, what was done stays where it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from core.acts import Actor, NotInYourScope
from core.errors import KeyReused
from core.work import Work
from exchange.moving import MergeRecords, OrderOpen, follow_residents, merge_records
from points.accounts import household_account, resident_account
from points.correcting.adjustments import OwnAdjustment, ProposeAdjustment, propose_adjustment
from points.earning.awards import AwardNeedsSecondPerson, ConfirmAwards, award, confirm_awards
from points.models import Award, RuleUsage
from residents.endings import SamePerson, WorksHere
from residents.grants import GrantRole, grant_role
from residents.models import Person, Resident, ResidentEnd
from residents.people import EnterResident, OwnResident, ResidentUnknown, enter_resident
from tests.admin.forms import fill
from tests.admin.scene import words
from tests.conftest import Clock
from tests.exchange.scene import POINT, Scene
from tests.exchange.test_moving import honour_here, payer, totals
from tests.people import HERE, People, Someone
from tests.points.books import Nothing, one
from tests.points.calendar import ends, hangzhou, holds_true, night
from tests.points.earning import serving

Run = Callable[..., Any]


@pytest.fixture
def twin(app: Flask, clock: Clock, cast: People, run: Run) -> Someone:
    """王秀英, entered a second time as 王秀瑛 without a phone, with points of two years."""
    command = EnterResident(community=HERE, name="王秀瑛")
    entered = run(enter_resident, command, cast.actor(cast.staff))
    found = Someone(
        "王秀瑛",
        "",
        resident=entered.resident,
        person=entered.person,
        household=entered.household,
    )
    scene = Scene(app)
    scene.give(payer(found), 20 * POINT)
    scene.give(payer(cast.wang), 8 * POINT)
    night(app, clock, 2026)
    clock.set(hangzhou(2027, 5, 5))
    scene.give(payer(found), 30 * POINT)
    run(honour_here, resident_account(one(found.resident), HERE, "basic"))
    run(honour_here, household_account(one(found.household), HERE))
    return found


def merge(cast: People, run: Run, keep: Someone, drop: Someone, key: str = "merge") -> Any:
    command = MergeRecords(key=key, keep=one(keep.resident), drop=one(drop.resident))
    return run(merge_records, command, cast.actor(cast.staff))


def merged(cast: People, run: Run, drop: Someone) -> Someone:
    """Make one of two records of somebody; return the one that stays."""
    made = run(enter_resident, EnterResident(community=HERE, name="王秀瑛"), cast.actor(cast.staff))
    kept = Someone("王秀瑛", drop.phone, resident=made.resident, person=made.person)
    merge(cast, run, kept, drop)
    return kept


def test_the_points_move_with_the_age_they_have(
    app: Flask, clock: Clock, cast: People, run: Run, ask: Run, twin: Someone
) -> None:
    merged = merge(cast, run, cast.wang, twin)

    assert (merged.resident, merged.service, merged.basic) == (
        cast.wang.resident,
        50 * POINT,
        20 * POINT,
    )
    wallet = resident_account(one(cast.wang.resident), HERE, "service")
    found = ask(ends, clock.now, wallet)
    assert (found.this_year, found.next_year) == (28 * POINT, 30 * POINT)
    assert ask(totals, household_account(one(cast.wang.household), HERE))[0] == 10 * POINT
    credited, debited, _ = ask(totals, resident_account(one(twin.resident), HERE, "service"))
    assert credited == debited
    holds_true(app, "awarded transfers")


def test_one_record_ends_and_leads_to_the_other(
    clock: Clock, cast: People, run: Run, ask: Run, twin: Someone
) -> None:
    merge(cast, run, cast.wang, twin)

    end = ask(lambda c: c.execute(select(ResidentEnd)).one())
    assert (end.resident, end.reason, end.successor) == (
        twin.resident,
        "merged",
        cast.wang.resident,
    )
    found = cast.browser(cast.staff).get("/desk/residents", query_string={"q": "王秀瑛"})
    assert "没有找到" in words(found)


def test_merging_again_changes_nothing(cast: People, run: Run, twin: Someone) -> None:
    merge(cast, run, cast.wang, twin)

    for key in ("merge", "another"):
        assert merge(cast, run, cast.wang, twin, key).exists
    with pytest.raises(KeyReused):
        merge(cast, run, cast.chen, cast.li, "merge")


def test_the_number_goes_to_the_record_that_stays_without_one(
    app: Flask, cast: People, run: Run, ask: Run, twin: Someone
) -> None:
    headers = cast.headers(cast.wang)
    merge(cast, run, twin, cast.wang)

    rows = {
        row.id: row.phone_tail
        for row in ask(lambda c: c.execute(select(Person.id, Person.phone_tail)).all())
    }
    assert rows[twin.person] == "0001"
    assert rows[cast.wang.person] is None
    assert app.test_client().get("/api/v1/balance", headers=headers).status_code == 401
    twin.phone = cast.wang.phone
    found = app.test_client().get("/api/v1/balance", headers=cast.headers(twin)).get_json()
    assert found["balance"] == 58 * POINT


def test_what_is_known_of_the_record_that_ends_is_known_of_the_one_that_stays(
    cast: People, run: Run, ask: Run
) -> None:
    command = EnterResident(community=HERE, name="周小燕", birth_year=2015)
    entered = run(enter_resident, command, cast.actor(cast.staff))
    merge(cast, run, cast.new, Someone("周小燕", "", resident=entered.resident))

    places = select(Resident.state, Resident.confirmed_by, Person.birth_year)
    places = places.join(Person, Person.id == Resident.person)
    stays = places.where(Resident.id == cast.new.resident)
    assert ask(lambda c: c.execute(stays).one()) == ("confirmed", cast.staff.person, 2015)
    given = select(Award.state).where(Award.cause == f"verified:{cast.new.resident}")
    assert ask(lambda c: c.scalars(given).all()) == ["pending"]
    other = run(
        enter_resident, replace(command, name="周燕", birth_year=1980), cast.actor(cast.staff)
    )
    merge(cast, run, cast.new, Someone("周燕", "", resident=other.resident), "other")
    assert ask(lambda c: c.execute(stays).one().birth_year) == 2015


def test_an_open_order_holds_it_back(
    app: Flask, cast: People, run: Run, ask: Run, twin: Someone
) -> None:
    scene, clerk = Scene(app), cast.actor(cast.staff)
    scene.station(HERE, clerk)
    scene.order(payer(cast.wang), scene.item(HERE, clerk, stock=5, price=5 * POINT))

    with pytest.raises(OrderOpen):
        merge(cast, run, twin, cast.wang)

    query = select(Resident.valid_to).where(Resident.id == cast.wang.resident)
    assert ask(lambda c: c.scalar(query)) is None


def test_what_arrives_for_the_record_that_ended_follows(
    app: Flask, cast: People, run: Run, ask: Run, twin: Someone
) -> None:
    merge(cast, run, cast.wang, twin)
    Scene(app).give(payer(twin), 5 * POINT)
    with app.app_context():
        assert follow_residents() == "followed 1"

    wallet = resident_account(one(cast.wang.resident), HERE, "service")
    assert ask(totals, wallet)[0] == 63 * POINT


def test_caps_count_what_both_used(cast: People, run: Run, ask: Run, twin: Someone) -> None:
    def used(work: Work, _command: object) -> Nothing:
        for who, units in ((twin, 30), (cast.wang, 3)):
            row = RuleUsage(holder_id=one(who.resident), rule="serve.hour", period="2027")
            row.used = units
            work.session.add(row)
        return Nothing()

    run(used, None)
    merge(cast, run, cast.wang, twin)

    query = select(RuleUsage.used).where(RuleUsage.holder_id == cast.wang.resident)
    assert ask(lambda c: c.scalar(query)) == 33


def test_quotas_count_what_both_used(app: Flask, cast: People, run: Run, twin: Someone) -> None:
    scene = Scene(app)
    clerk = scene.staff(HERE, name="社工")
    scene.station(HERE, clerk)
    rice = scene.item(HERE, clerk, stock=9, price=2 * POINT)
    orders = [
        scene.redeem(payer(who), rice, clerk, quantity=pieces)
        for who, pieces in ((twin, 2), (cast.wang, 1))
    ]

    merge(cast, run, cast.wang, twin)

    assert scene.used("household_item_month", f"{cast.wang.household}:{rice}") == 3
    scene.take_back(orders[0].id, clerk.place)
    assert scene.used("household_item_month", f"{cast.wang.household}:{rice}") == 1


def test_only_two_records_of_one_community_that_are_nobodys_own(
    cast: People, run: Run, twin: Someone
) -> None:
    with pytest.raises(SamePerson):
        merge(cast, run, twin, twin, "same")
    with pytest.raises(NotInYourScope):
        merge(cast, run, twin, cast.there, "there")
    with pytest.raises(ResidentUnknown):
        merge(cast, run, twin, Someone("谁", "", resident=UUID(int=4711)), "nobody")
    role = GrantRole(name=twin.name, phone="13900000077", role="staff", place=HERE)
    run(grant_role, role, cast.actor(cast.lin))


def test_a_record_that_works_here_does_not_end(cast: People, run: Run, twin: Someone) -> None:
    role = GrantRole(name="王秀英", phone=cast.wang.phone, role="keeper", place=HERE)
    run(grant_role, role, cast.actor(cast.lin))

    with pytest.raises(WorksHere):
        merge(cast, run, twin, cast.wang)


def test_staff_do_not_merge_their_own_household(cast: People, run: Run, twin: Someone) -> None:
    command = EnterResident(
        community=HERE, name=cast.staff.name, phone=cast.staff.phone, household=twin.household
    )
    run(enter_resident, command, cast.actor(cast.lead))

    with pytest.raises(OwnResident):
        merge(cast, run, cast.wang, twin)


def test_the_desk_finds_the_other_record_and_merges_it(cast: People, twin: Someone) -> None:
    desk = cast.browser(cast.staff)
    page = f"/desk/residents/{cast.wang.resident}/end?q=王秀"
    assert "王秀瑛" in words(desk.get(page))
    assert "还要代办的，请用这一份重新登记" in words(desk.get(page))

    answer = fill(desk, page, f"/{cast.wang.resident}/merge")

    assert answer.status_code == 303
    assert "并入50服务积分" in words(desk.get(answer.headers["Location"]))


def test_the_api_merges(app: Flask, cast: People, twin: Someone) -> None:
    headers = cast.headers(cast.staff) | {"Idempotency-Key": "one"}
    body = {"keep": str(cast.wang.resident), "drop": str(twin.resident)}

    answer = app.test_client().post("/api/v1/staff/merges", json=body, headers=headers)

    assert answer.status_code == 201, answer.get_json()
    assert answer.get_json()["service"] == 50 * POINT


def test_nobody_decides_on_the_points_of_a_record_that_was_merged_into_their_own(
    cast: People, run: Run, twin: Someone
) -> None:
    lodger = EnterResident(community=HERE, name="何租客", household=twin.household)
    run(enter_resident, lodger, cast.actor(cast.staff))
    waits = serving("waits", holder_id=one(twin.resident), needs_second=True)
    waiting = run(award, waits, cast.actor(cast.staff))
    merge(cast, run, cast.wang, twin)
    at_work = Actor(person=one(cast.wang.person), role="staff", scope_kind="community", place=HERE)
    more = ProposeAdjustment(
        key="more",
        holder_kind="resident",
        holder_id=one(twin.resident),
        points_kind="service",
        amount=10 * POINT,
        reason="少记了",
        evidence="签到表",
    )

    with pytest.raises(AwardNeedsSecondPerson):
        run(confirm_awards, ConfirmAwards(awards=(waiting.id,)), at_work)
    with pytest.raises(OwnAdjustment):
        run(propose_adjustment, more, at_work)
