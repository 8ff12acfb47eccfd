"""Somebody has died: nobody acts as them any more, the points stay for the household a while."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from core.acts import NotInYourScope
from core.errors import Forbidden
from core.models import OutboxMessage
from exchange.basket import load_buyer
from exchange.heirs import warn_families
from exchange.left import left_to
from exchange.moving import MergeRecords, MoveHousehold, merge_records, move_household
from exchange.payers import relatives
from points.accounts import resident_account
from points.earning.awards import award
from points.expiring.expiry import expire_points
from points.models import AccountEnd, Transfer
from residents.addresses import Address
from residents.deaths import LeftLapsed, LivesAgain, TakeBackDeath, take_back_death
from residents.endings import (
    DeathRecorded,
    RecordDeath,
    StillWorks,
    months_later,
    record_death,
)
from residents.finding import households_at
from residents.grants import EndGrant, GrantRole, end_grant, grant_role
from residents.models import Resident, ResidentEnd
from residents.people import (
    EnterHousehold,
    EnterResident,
    OwnResident,
    ResidentUnknown,
    enter_household,
    enter_resident,
)
from residents.representations import Represent, represent
from tests.admin.forms import fill
from tests.admin.scene import words
from tests.conftest import Clock
from tests.exchange.scene import POINT, Scene
from tests.exchange.test_moving import payer
from tests.people import HERE, THERE, People, Someone
from tests.points.books import one
from tests.points.calendar import give_back, hangzhou, holds_true, left, night, set_aside
from tests.points.earning import serving

Run = Callable[..., Any]


@pytest.fixture
def wallet(app: Flask, cast: People) -> int:
    """The account of 李国强, husband of 王秀英, with twelve points."""
    Scene(app).give(payer(cast.li), 12 * POINT)
    return resident_account(one(cast.li.resident), HERE, "service")


def died(cast: People, run: Run, who: Someone, by: Someone | None = None) -> DeathRecorded:
    done: DeathRecorded = run(
        record_death, RecordDeath(resident=one(who.resident)), cast.actor(by or cast.staff)
    )
    return done


def expire(app: Flask) -> int:
    with app.app_context():
        return expire_points()


def test_the_points_stay_for_twelve_months_and_over_a_years_end(
    app: Flask, clock: Clock, cast: People, run: Run, ask: Run, wallet: int
) -> None:
    night(app, clock, 2026)
    clock.set(hangzhou(2027, 7, 5))
    assert died(cast, run, cast.li).keeps_until == dt.date(2028, 7, 5)
    night(app, clock, 2027)
    assert ask(left, wallet) == 12 * POINT
    clock.set(hangzhou(2028, 7, 5, 23, 59))
    assert expire(app) == 0

    clock.set(hangzhou(2028, 7, 6, 1))
    assert expire(app) == 1
    assert expire(app) == 0

    assert ask(left, wallet) == 0
    query = select(Transfer.__table__).where(Transfer.debit == wallet)
    line = ask(lambda c: c.execute(query).one())
    assert (line.act, line.source_kind, line.amount) == ("expiry", "account_end", 12 * POINT)
    holds_true(app, "awarded transfers")


def test_however_many_have_died_all_of_it_lapses(
    app: Flask, clock: Clock, cast: People, run: Run, ask: Run, wallet: int
) -> None:
    wallets = [wallet]
    for who in (cast.wang, cast.chen):
        Scene(app).give(payer(who), 12 * POINT)
        wallets.append(resident_account(one(who.resident), HERE, "service"))
    set_aside(run, 77, 12 * POINT, sorted(wallets)[1])
    for who in (cast.li, cast.wang, cast.chen):
        died(cast, run, who)
    clock.set(hangzhou(2027, 11, 25, 1))

    with app.app_context():
        assert expire_points(chunk=1) == 2
        give_back(run, 77)
        assert expire_points(chunk=1) == 1

    assert [ask(left, each) for each in wallets] == [0, 0, 0]


def test_what_is_still_held_lapses_when_it_comes_back(
    app: Flask, clock: Clock, cast: People, run: Run, ask: Run, wallet: int
) -> None:
    set_aside(run, 77, 5 * POINT, wallet)
    died(cast, run, cast.li)
    clock.set(hangzhou(2027, 11, 25, 1))
    assert expire(app) == 1
    clock.advance(hours=1)
    give_back(run, 77)
    assert expire(app) == 0, "once a day"
    clock.advance(days=1)

    assert expire(app) == 1
    assert ask(left, wallet) == 0


def test_the_place_ends_and_nobody_acts_for_them(
    app: Flask, clock: Clock, cast: People, run: Run, ask: Run, wallet: int
) -> None:
    command = Represent(principal=one(cast.wang.person), agent=one(cast.chen.person), kind="family")
    run(represent, command, cast.actor(cast.staff))
    headers = cast.headers(cast.wang)

    died(cast, run, cast.wang)

    assert app.test_client().get("/api/v1/balance", headers=headers).status_code == 401
    end = ask(lambda c: c.execute(select(ResidentEnd)).one())
    assert (end.reason, end.successor, end.recorded_by) == ("deceased", None, cast.staff.person)
    place = select(Resident.valid_to).where(Resident.id == cast.wang.resident)
    assert ask(lambda c: c.scalar(place)) == dt.date(2026, 11, 24)
    token = cast.headers(cast.chen)
    assert app.test_client().get("/api/v1/balance", headers=token).status_code == 200


def test_recording_it_twice_is_recording_it_once(
    clock: Clock, cast: People, run: Run, wallet: int
) -> None:
    first = died(cast, run, cast.li)
    clock.advance(days=40)

    again = died(cast, run, cast.li)

    assert (again.keeps_until, again.exists) == (first.keeps_until, True)


def test_only_the_staff_of_the_place_record_it_and_not_of_their_own(
    cast: People, run: Run, wallet: int
) -> None:
    with pytest.raises(NotInYourScope):
        died(cast, run, cast.li, cast.elsewhere)
    with pytest.raises(Forbidden):
        died(cast, run, cast.li, cast.wang)
    with pytest.raises(ResidentUnknown):
        died(cast, run, Someone("谁", "", resident=cast.wang.household))
    command = EnterResident(
        community=HERE, name=cast.staff.name, phone=cast.staff.phone, household=cast.li.household
    )
    run(enter_resident, command, cast.actor(cast.lead))
    with pytest.raises(OwnResident):
        died(cast, run, cast.li)
    died(cast, run, cast.li, cast.lead)
    with pytest.raises(NotInYourScope):
        died(cast, run, cast.li, cast.elsewhere)


@pytest.mark.parametrize(
    ("day", "months", "until"),
    [
        ((2026, 11, 24), 12, (2027, 11, 24)),
        ((2026, 8, 31), 6, (2027, 2, 28)),
        ((2024, 2, 29), 12, (2025, 2, 28)),
        ((2026, 12, 1), 1, (2027, 1, 1)),
    ],
)
def test_some_months_later(
    day: tuple[int, int, int], months: int, until: tuple[int, int, int]
) -> None:
    assert months_later(dt.date(*day), months) == dt.date(*until)


def test_the_household_sees_what_is_left_and_until_when(
    app: Flask, clock: Clock, cast: People, run: Run, wallet: int
) -> None:
    browser = cast.browser(cast.wang)
    assert "留下" not in words(browser.get("/"))
    died(cast, run, cast.li)

    assert "李国强留下的服务积分，家人可以用到2027年11月24日12分" in words(browser.get("/"))
    client = app.test_client()
    found = client.get("/api/v1/household/kept", headers=cast.headers(cast.wang)).get_json()
    assert found == [
        {
            "resident": str(cast.li.resident),
            "name": "李国强",
            "amount": 12 * POINT,
            "until": "2027-11-24",
        },
    ]
    assert client.get("/api/v1/household/kept", headers=cast.headers(cast.chen)).get_json() == []
    answer = client.get("/api/v1/household/kept", headers=cast.headers(cast.staff))
    assert answer.status_code == 403


def test_what_was_left_follows_the_last_of_the_household(
    app: Flask, clock: Clock, cast: People, run: Run, ask: Run, wallet: int
) -> None:
    died(cast, run, cast.li)
    away = MoveHousehold(key="away", community=THERE, residents=(one(cast.wang.resident),))
    moved = run(move_household, away, cast.actor(cast.elsewhere))

    [kept] = ask(left_to, moved.household, dt.date(2027, 11, 24))
    assert (kept.name, kept.amount, kept.community) == ("李国强", 12 * POINT, THERE)
    assert ask(left, wallet) == 0
    assert "李国强留下的服务积分" in words(cast.browser(cast.wang).get("/"))
    buyer = ask(load_buyer, moved.residents[0])
    [payer_] = ask(relatives, buyer, dt.date(2026, 11, 24), cast.wang.person)
    assert (payer_.left, payer_.available) == (True, 12 * POINT)
    clock.set(hangzhou(2027, 11, 25, 1))
    assert expire(app) == 1
    assert ask(left_to, moved.household, dt.date(2027, 11, 24)) == []
    holds_true(app, "awarded transfers")


def test_what_was_left_follows_into_the_record_that_stays(
    cast: People, run: Run, ask: Run, wallet: int
) -> None:
    twin = EnterResident(community=HERE, name="王秀瑛")
    keep = run(enter_resident, twin, cast.actor(cast.staff))
    died(cast, run, cast.li)
    command = MergeRecords(key="one", keep=keep.resident, drop=one(cast.wang.resident))
    run(merge_records, command, cast.actor(cast.staff))

    [kept] = ask(left_to, keep.household, dt.date(2026, 11, 24))
    assert (kept.amount, kept.until) == (12 * POINT, dt.date(2027, 11, 24))


def test_the_family_is_told_twice_before_it_lapses(
    app: Flask, clock: Clock, cast: People, run: Run, ask: Run, wallet: int
) -> None:
    child = EnterResident(
        community=HERE, name="李小", household=cast.wang.household, birth_year=2015
    )
    run(enter_resident, child, cast.actor(cast.staff))
    died(cast, run, cast.li)
    said = []
    # The first warning is due on 25 September, the last on 10 November.
    for day in ((9, 24), (9, 25), (10, 1), (11, 9), (11, 10), (11, 24), (11, 25)):
        clock.set(hangzhou(2027, *day))
        with app.app_context():
            said.append(warn_families())

    assert [words_ for words_ in said if words_ != "warned 0"] == ["warned 1", "warned 1"]
    assert [said[1], said[4]] == ["warned 1", "warned 1"]
    query = select(OutboxMessage.__table__).where(OutboxMessage.template == "expiry.left")
    told = ask(lambda c: c.execute(query).all())
    assert [row.person for row in told] == [cast.wang.person] * 2
    facts = json.loads(told[0].params)
    assert (facts["name"], facts["points"], facts["date"]) == ("李国强", "12", "11月24日")


def test_however_many_have_died_every_family_is_told_once(
    app: Flask, clock: Clock, cast: People, run: Run, ask: Run
) -> None:
    scene, dead = Scene(app), []
    for number in range(4):
        gone = scene.resident(HERE, name=f"老人{number}")
        scene.resident(HERE, name=f"家人{number}", household=gone.household)
        dead.append(gone)
    _poor, *others = sorted(dead, key=lambda gone: gone.resident)
    for gone in others:
        scene.give(gone, 5 * POINT)
    for gone in dead:
        run(record_death, RecordDeath(resident=gone.resident), cast.actor(cast.staff))
    clock.set(hangzhou(2027, 11, 1))

    with app.app_context():
        assert [warn_families(chunk=1), warn_families(chunk=3)] == ["warned 3", "warned 0"]

    query = select(OutboxMessage.key).where(OutboxMessage.template == "expiry.left")
    keys = ask(lambda c: c.scalars(query).all())
    assert {key.split(":")[1] for key in keys} == {str(gone.person) for gone in others}
    assert len(keys) == 3


def test_a_family_that_has_moved_on_since_is_not_told_again(
    app: Flask, clock: Clock, cast: People, run: Run, wallet: int
) -> None:
    died(cast, run, cast.li)
    clock.set(hangzhou(2027, 9, 25))
    with app.app_context():
        assert warn_families() == "warned 1"
    away = MoveHousehold(key="away", community=THERE, residents=(one(cast.wang.resident),))
    run(move_household, away, cast.actor(cast.elsewhere))
    clock.advance(days=1)

    with app.app_context():
        assert warn_families() == "warned 0"


def test_the_family_of_somebody_who_dies_after_all_is_told_of_the_new_day(
    app: Flask, clock: Clock, cast: People, run: Run, ask: Run, wallet: int
) -> None:
    died(cast, run, cast.li)
    clock.set(hangzhou(2027, 11, 1))
    with app.app_context():
        assert warn_families() == "warned 1"
    mistaken = TakeBackDeath(resident=one(cast.li.resident))
    run(take_back_death, mistaken, cast.actor(cast.staff))
    clock.advance(days=1)
    died(cast, run, cast.li)
    clock.set(hangzhou(2028, 10, 1))

    with app.app_context():
        assert warn_families() == "warned 1"

    query = select(OutboxMessage.params).where(OutboxMessage.template == "expiry.left")
    told = [json.loads(row)["date"] for row in ask(lambda c: c.scalars(query).all())]
    assert sorted(told) == ["11月24日", "11月2日"]


def test_as_long_as_somebody_stays_it_stays(cast: People, run: Run, ask: Run, wallet: int) -> None:
    daughter = EnterResident(community=HERE, name="李晓", household=cast.wang.household)
    run(enter_resident, daughter, cast.actor(cast.staff))
    died(cast, run, cast.li)
    away = MoveHousehold(key="away", community=THERE, residents=(one(cast.wang.resident),))
    moved = run(move_household, away, cast.actor(cast.elsewhere))

    assert ask(left_to, moved.household, dt.date(2026, 11, 24)) == []
    assert ask(left, wallet) == 12 * POINT


def test_a_death_recorded_by_mistake_is_taken_back(
    app: Flask, clock: Clock, cast: People, run: Run, ask: Run, wallet: int
) -> None:
    died(cast, run, cast.li)
    command = TakeBackDeath(resident=one(cast.li.resident))
    with pytest.raises(NotInYourScope):
        run(take_back_death, command, cast.actor(cast.elsewhere))
    with pytest.raises(Forbidden):
        run(take_back_death, command, cast.actor(cast.wang))

    done = [run(take_back_death, command, cast.actor(cast.staff)).exists for _ in range(2)]

    assert done == [False, True]
    assert ask(left_to, cast.li.household, dt.date(2026, 11, 24)) == []
    assert ask(lambda c: c.scalar(select(AccountEnd.account))) is None
    clock.advance(minutes=1)
    Scene(app).give(payer(cast.li), 3 * POINT)
    clock.set(hangzhou(2027, 11, 25, 1))
    assert expire(app) == 0
    assert ask(left, wallet) == 15 * POINT
    again = died(cast, run, cast.li)
    assert again.keeps_until == dt.date(2028, 11, 25)


def test_what_has_gone_on_meanwhile_is_not_taken_back(
    clock: Clock, cast: People, run: Run, ask: Run, wallet: int
) -> None:
    died(cast, run, cast.li)
    died(cast, run, cast.wang)
    anew = EnterResident(community=HERE, name=cast.wang.name, phone=cast.wang.phone)
    entered = run(enter_resident, anew, cast.actor(cast.staff))
    assert entered.person == cast.wang.person
    with pytest.raises(LivesAgain):
        run(
            take_back_death,
            TakeBackDeath(resident=one(cast.wang.resident)),
            cast.actor(cast.staff),
        )
    clock.set(hangzhou(2027, 11, 25))
    late = TakeBackDeath(resident=one(cast.li.resident))
    with pytest.raises(LeftLapsed):
        run(take_back_death, late, cast.actor(cast.staff))


def test_whoever_lives_where_the_family_went_lapses_nowhere_on_a_day_of_their_own(
    cast: People, run: Run, ask: Run, wallet: int
) -> None:
    died(cast, run, cast.li)
    away = MoveHousehold(key="away", community=THERE, residents=(one(cast.wang.resident),))
    run(move_household, away, cast.actor(cast.elsewhere))
    assert len(ask(lambda c: c.scalars(select(AccountEnd.account)).all())) == 2
    went = select(ResidentEnd.successor).where(ResidentEnd.resident == cast.li.resident)

    command = TakeBackDeath(resident=ask(lambda c: c.scalar(went)))
    run(take_back_death, command, cast.actor(cast.elsewhere))

    assert ask(lambda c: c.scalars(select(AccountEnd.account)).all()) == []


def test_whoever_lives_after_all_has_used_what_they_had_before_the_records_became_one(
    app: Flask, clock: Clock, cast: People, run: Run, ask: Run
) -> None:
    staff, served = cast.actor(cast.staff), {"event_at": clock.now, "units": 8}
    given = run(award, serving("a", holder_id=one(cast.li.resident), **served), staff)
    died(cast, run, cast.li)
    twin = run(enter_resident, EnterResident(community=HERE, name="王秀瑛"), staff)
    command = MergeRecords(key="one", keep=twin.resident, drop=one(cast.wang.resident))
    run(merge_records, command, staff)
    went = select(ResidentEnd.successor).where(ResidentEnd.resident == cast.li.resident)
    lives = ask(lambda c: c.scalar(went))
    run(take_back_death, TakeBackDeath(resident=lives), staff)

    again = run(award, serving("b", holder_id=lives, **served), staff)

    assert (given.units, again.units, again.cap) == (8, 0, "per_day")
    holds_true(app)


def test_the_desk_and_the_api_take_it_back(app: Flask, cast: People, run: Run, wallet: int) -> None:
    died(cast, run, cast.li)
    browser = cast.browser(cast.staff)
    assert "李国强" in words(browser.get("/desk/deaths"))
    answer = fill(browser, "/desk/deaths", "/take-back")
    assert "代办和报名要重新办" in words(browser.get(answer.headers["Location"]))
    assert "没有去世登记" in words(browser.get("/desk/deaths"))

    died(cast, run, cast.li)
    client, headers = app.test_client(), cast.headers(cast.staff)
    [listed] = client.get("/api/v1/staff/deaths", headers=headers).get_json()
    assert (listed["name"], listed["recorded_by"]) == ("李国强", "陈晓琳")
    path = f"/api/v1/staff/deaths/{listed['resident']}/take-back"
    assert client.post(path, headers=headers).get_json()["exists"] is False


def test_the_desk_records_it_after_a_look(cast: People, wallet: int) -> None:
    desk = cast.browser(cast.staff)
    page = f"/desk/residents/{cast.li.resident}/end"
    assert fill(desk, page, "/death").status_code == 422

    answer = fill(desk, page, "/death", sure="1")

    assert answer.status_code == 303
    assert "为家人留到2027-11-24" in words(desk.get(answer.headers["Location"]))


def test_the_desk_keeps_nothing_for_a_family_that_is_not(cast: People) -> None:
    desk, page = cast.browser(cast.staff), f"/desk/residents/{cast.chen.resident}/end"

    answer = fill(desk, page, "/death", sure="1")

    said = words(desk.get(answer.headers["Location"]))
    assert "同户没有已核实的成年家人，服务积分2027-11-24到期" in said
    assert "为家人留到" not in said


def test_the_desk_does_not_say_that_no_adult_lives_there_who_is_not_confirmed_yet(
    cast: People, run: Run
) -> None:
    father = EnterResident(community=HERE, name="周国强", household=cast.new.household)
    entered = run(enter_resident, father, cast.actor(cast.staff))
    desk, page = cast.browser(cast.staff), f"/desk/residents/{entered.resident}/end"

    said = words(desk.get(fill(desk, page, "/death", sure="1").headers["Location"]))

    assert "同户没有已核实的成年家人" in said


def test_the_api_records_it(app: Flask, cast: People, wallet: int) -> None:
    body = {"resident": str(cast.li.resident)}
    headers = cast.headers(cast.staff)

    answer = app.test_client().post("/api/v1/staff/deaths", json=body, headers=headers)

    assert answer.status_code == 201, answer.get_json()
    assert answer.get_json()["keeps_until"] == "2027-11-24"


def test_whoever_moves_into_a_home_that_has_died_out_inherits_nothing(
    clock: Clock, cast: People, run: Run, ask: Run, wallet: int
) -> None:
    died(cast, run, cast.li)
    died(cast, run, cast.wang)
    clock.advance(days=60)
    tenant = EnterResident(community=HERE, name="何租客", household=cast.li.household)
    came = run(enter_resident, tenant, cast.actor(cast.staff))
    today = dt.date(2027, 1, 23)

    assert ask(left_to, came.household, today) == []
    assert ask(relatives, ask(load_buyer, came.resident), today, came.person) == ()


def test_whoever_moves_out_of_a_home_that_had_died_out_takes_nothing_along(
    clock: Clock, cast: People, run: Run, ask: Run, wallet: int
) -> None:
    died(cast, run, cast.li)
    died(cast, run, cast.wang)
    clock.advance(days=60)
    tenant = EnterResident(community=HERE, name="何租客", household=cast.li.household)
    came = run(enter_resident, tenant, cast.actor(cast.staff))
    clock.advance(days=1)
    away = MoveHousehold(key="away", community=THERE, residents=(came.resident,))
    moved = run(move_household, away, cast.actor(cast.elsewhere))

    assert ask(left_to, moved.household, dt.date(2027, 1, 24)) == []
    assert ask(left, wallet) == 12 * POINT


def test_the_widow_inherits_under_the_record_that_stays_of_two(
    clock: Clock, cast: People, run: Run, ask: Run, wallet: int
) -> None:
    died(cast, run, cast.li)
    clock.advance(days=1)
    twin = EnterResident(community=HERE, name="王秀瑛", household=cast.li.household)
    keep = run(enter_resident, twin, cast.actor(cast.staff))
    command = MergeRecords(key="one", keep=keep.resident, drop=one(cast.wang.resident))
    run(merge_records, command, cast.actor(cast.staff))

    [kept] = ask(left_to, one(cast.li.household), dt.date(2026, 11, 25))
    assert kept.amount == 12 * POINT


def test_a_role_ends_before_a_death_is_recorded(cast: People, run: Run) -> None:
    """The phone of somebody who died would sign in to it."""
    role = GrantRole(name=cast.wang.name, phone=cast.wang.phone, role="keeper", place=HERE)
    granted = run(grant_role, role, cast.actor(cast.lin))

    with pytest.raises(StillWorks):
        died(cast, run, cast.wang)
    run(end_grant, EndGrant(grant=granted.id), cast.actor(cast.lin))

    assert not died(cast, run, cast.wang).exists


def test_the_next_at_an_address_are_a_household_of_their_own(
    cast: People, run: Run, ask: Run
) -> None:
    """They read neither the lines nor the title of somebody who lived there alone."""
    home = Address(estate="建国南苑", building="9", unit="1", room="101")
    staff = cast.actor(cast.staff)
    alone = run(enter_resident, EnterResident(community=HERE, name="沈阿婆", address=home), staff)
    run(record_death, RecordDeath(resident=alone.resident), staff)

    unknown = run(enter_household, EnterHousehold(community=HERE, address=home), staff)
    tenant = EnterResident(community=HERE, name="何静", address=home)
    came = run(enter_resident, tenant, staff)

    assert alone.household != unknown.household == came.household
    door = (HERE, "建国南苑 9-1-101")
    assert ask(households_at, [door]) == {door: (came.household,)}
