"""Who forgot the exit gets an automatic one, worth a share of the session; sessions close."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import pytest
from sqlalchemy import update

from activities.attendance import ScanRefused
from activities.jobs import WriteExits, close_sessions, write_missing_exits
from activities.models import Session
from activities.publish import Part, close_session
from activities.signup import ResidentNotHere
from core.ids import NIL
from core.work import Work
from exchange.moving import (
    MergeRecords,
    MoveHousehold,
    follow_residents,
    merge_records,
    move_household,
)
from points.accounts import resident_account
from points.earning.awards import AwardNeedsSecondPerson, ConfirmAwards, confirm_awards
from points.settlement import settle_due
from residents.endings import RecordDeath, record_death
from residents.people import EnterResident, enter_resident
from tests.activities.scene import END, START, Scene, at
from tests.admin.scene import words
from tests.ended import YESTERDAY, end
from tests.everything import everything
from tests.exchange.test_moving import totals
from tests.exchange.threads import all_at_once
from tests.people import HERE, NEAR, THERE, Someone
from tests.points.books import one
from tests.residents.forms import send

HALF_HOUR_POINTS = 500
OVER = at(13, 10)


def close(scene: Scene, when: dt.datetime = OVER) -> int:
    """Let the job run at a moment; return how many exits it wrote."""
    scene.clock.set(when)
    with scene.app.app_context():
        return close_sessions()


def test_half_the_session_is_counted_where_the_exit_is_missing(scene: Scene) -> None:
    wang, session = scene.cast.wang, scene.session()
    scene.scan(wang, session, "serve", "entry", START)

    assert close(scene) == 1

    [_entry, left] = scene.attendances(session)
    assert (left.phase, left.method, left.event_at) == ("exit", "automatic", END)
    assert (left.provenance, left.recorded_by, left.reason) == ("recorded", NIL, "没有签退")
    [award] = scene.awards(session)
    assert (award.units, award.amount) == (2, 2 * HALF_HOUR_POINTS)
    assert (award.provenance, award.due) == ("recorded", at(2, day=25))
    assert scene.row(session).state == "closed"


def test_it_waits_until_no_exit_can_come_any_more(scene: Scene) -> None:
    session = scene.session()
    scene.scan(scene.cast.wang, session, "serve", "entry", START)

    assert close(scene, at(13, 9, 59)) == 0
    assert scene.row(session).state == "open"
    assert close(scene, OVER) == 1


def test_a_second_run_does_nothing(scene: Scene) -> None:
    session = scene.session()
    scene.scan(scene.cast.wang, session, "serve", "entry", START)
    close(scene)
    before = scene.ask(everything)

    assert close(scene, at(14)) == 0

    assert scene.ask(everything) == before


def test_several_schedulers_at_once_write_each_exit_once(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    for someone in (cast.wang, cast.chen, cast.new):
        scene.scan(someone, session, "serve", "entry", START)
    scene.clock.set(OVER)

    all_at_once(scene.app, [close_sessions] * 4)

    phases = [row.phase for row in scene.attendances(session)]
    assert sorted(phases) == ["entry"] * 3 + ["exit"] * 3
    assert [award.units for award in scene.awards(session)] == [2, 2, 2]


@pytest.mark.parametrize(("percent", "half_hours"), [("0", 0), ("30", 1), ("100", 4)])
def test_the_share_is_the_communitys_setting(scene: Scene, percent: str, half_hours: int) -> None:
    session, other = scene.session(), scene.session(community=NEAR)
    scene.set_to("points.missing_exit_percent", percent, HERE)
    scene.scan(scene.cast.wang, session, "serve", "entry", START)
    scene.scan(scene.cast.chen, other, "serve", "entry", START)

    close(scene)

    assert sum(award.units for award in scene.awards(session)) == half_hours
    assert [award.units for award in scene.awards(other)] == [2]


def test_nobody_gets_more_than_an_exit_at_the_end_would_have_given(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    scene.scan(cast.wang, session, "serve", "entry", at(11, 55))
    scene.scan(cast.chen, session, "serve", "entry", at(12, 19))

    assert close(scene) == 2

    assert [award.units for award in scene.awards(session)] == [1]
    assert scene.awards(session)[0].holder_id == cast.wang.resident


def test_who_left_takes_part_or_was_cancelled_gets_none(scene: Scene) -> None:
    cast, session, cancelled = scene.cast, scene.session(), scene.session()
    scene.serve(cast.wang, session, START, at(11, 5))
    scene.clock.set(START)
    scene.scan(cast.chen, session, "take_part")
    scene.scan(cast.new, cancelled, "serve")
    scene.run(cancel_meanwhile, cancelled)

    assert close(scene) == 0

    assert [award.units for award in scene.awards(session) if award.points_kind == "service"] == [1]
    assert scene.awards(cancelled) == []
    assert scene.row(cancelled).state == "cancelled"


def cancel_meanwhile(work: Work, session: UUID) -> None:
    """Cancel a session at the very moment in which a scan is recorded."""
    work.connection.execute(
        update(Session).where(Session.id == session).values(state="cancelled"),
    )


def move(scene: Scene, who: Someone) -> UUID:
    """Let somebody move to another community; return the old record."""
    old, cast = one(who.resident), scene.cast
    command = MoveHousehold(key=scene.serial(), community=THERE, residents=(old,))
    [who.resident] = scene.run(move_household, command, cast.actor(cast.elsewhere)).residents
    who.community = THERE
    return old


def arrive_and_settle(scene: Scene) -> None:
    """Let a night pass: what is due arrives, and follows who has gone on."""
    scene.clock.set(at(9, day=25))
    with scene.app.app_context():
        settle_due()
        follow_residents()


def balance(scene: Scene, who: Someone) -> int:
    """Return somebody's service points, in centipoints, where they live now."""
    account = resident_account(one(who.resident), who.community, "service")
    credited, debited, _ = scene.ask(lambda c: totals(c, account))
    return credited - debited


def test_who_moved_before_the_end_has_served_all_the_same(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    for someone in (cast.wang, cast.chen):
        scene.scan(someone, session, "serve", "entry", START)
    old = move(scene, cast.wang)

    assert close(scene) == 2

    made = {award.holder_id: award.units for award in scene.awards(session)}
    assert made == {old: 2, cast.chen.resident: 2}
    assert scene.row(session).state == "closed"
    arrive_and_settle(scene)
    assert balance(scene, cast.wang) == 2 * HALF_HOUR_POINTS


def test_what_somebody_served_who_died_that_day_is_for_their_household(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    scene.scan(cast.wang, session, "serve", "entry", START)
    died = RecordDeath(resident=one(cast.wang.resident))
    scene.run(record_death, died, cast.actor(cast.staff))

    assert close(scene) == 1

    arrive_and_settle(scene)
    assert balance(scene, cast.wang) == 2 * HALF_HOUR_POINTS


def test_a_scan_after_the_move_ends_what_was_begun_before_it(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    scene.scan(cast.wang, session, "serve", "entry", START)
    old = move(scene, cast.wang)

    left = scene.scan(cast.wang, session, "serve", "exit", END)

    assert (left.outcome, left.half_hours) == ("left", 4)
    assert [row.resident for row in scene.attendances(session)] == [old, old]
    assert close(scene) == 0
    arrive_and_settle(scene)
    assert balance(scene, cast.wang) == 4 * HALF_HOUR_POINTS


def test_the_pages_of_a_phone_know_who_came_before_the_move(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(open_to="district")
    scene.scan(cast.wang, session, "serve", "entry", START)
    move(scene, cast.wang)
    phone = cast.browser(cast.wang)

    scene.clock.set(END)
    phone.get(f"/V/{scene.code(session, 'exit')}", follow_redirects=True)
    answer = send(phone, "/activities/presence", "/activities/check-in", part="serve")

    assert "2小时" in words(phone.get(answer.headers["Location"]))
    assert [award.units for award in scene.awards(session)] == [4]


def test_home_and_cards_know_who_came_before_the_move(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(open_to="district")
    scene.scan(cast.wang, session, "serve", "entry", START)
    move(scene, cast.wang)
    phone = cast.browser(cast.wang)
    scene.clock.set(at(11))

    assert "已签到，离开时再扫一次" in words(phone.get("/"))
    assert "已签到" in words(phone.get("/activities/?scope=district"))
    mine = phone.get("/api/v1/activities?scope=mine", headers=cast.headers(cast.wang)).get_json()
    assert [each["session_id"] for each in mine] == [str(session)]
    scene.scan(cast.wang, session, "serve", "exit", END)
    assert "已签到，离开时再扫一次" not in words(phone.get("/"))


@pytest.mark.parametrize("part", ["take_part", "serve"])
def test_who_scans_the_entry_again_after_the_move_is_in_already(scene: Scene, part: Part) -> None:
    cast, session = scene.cast, scene.session()
    scene.scan(cast.wang, session, "serve", "entry", START)
    old = move(scene, cast.wang)

    again = scene.scan(cast.wang, session, part, "entry", at(10, 40))

    assert (again.outcome, again.part, again.at) == ("again", "serve", START)
    assert [row.resident for row in scene.attendances(session)] == [old]


def in_twice(scene: Scene, session: UUID) -> Someone:
    """Let somebody be in under two records, the second entered by hand, not left by either."""
    cast = scene.cast
    scene.scan(cast.wang, session, "serve", "entry", START)
    entered = EnterResident(community=HERE, name="王秀瑛")
    twin = scene.run(enter_resident, entered, cast.actor(cast.staff)).resident
    other = Someone("王秀瑛", "", resident=twin)
    scene.enter(other, session, part="serve", entry=START)
    return other


def merge(scene: Scene, keep: Someone, drop: Someone) -> None:
    """Let staff make one record of two."""
    command = MergeRecords(key="merge", keep=one(keep.resident), drop=one(drop.resident))
    scene.run(merge_records, command, scene.cast.actor(scene.cast.staff))


@pytest.mark.parametrize("kept", ["the first", "the second"])
@pytest.mark.parametrize("left", ["neither", "the first", "the second"])
def test_who_was_in_under_two_records_is_counted_once(scene: Scene, kept: str, left: str) -> None:
    session = scene.session()
    both = {"the first": scene.cast.wang, "the second": in_twice(scene, session)}
    if left in both:
        scene.clock.set(at(12, 40))
        scene.enter(both[left], session, part="serve", exit=END)
    [dropped] = both.keys() - {kept}
    merge(scene, both[kept], both[dropped])

    assert close(scene) == (2 if left == "neither" else 1)

    units = [award.units for award in scene.awards(session)]
    assert units == ([2] if left == "neither" else [4])


def test_of_two_merged_records_the_exit_of_one_ends_the_visit_of_both(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    twin = in_twice(scene, session)
    scene.clock.set(at(11, 30))
    scene.enter(twin, session, part="serve", exit=at(11, 30))
    merge(scene, cast.wang, twin)
    phone = cast.browser(cast.wang)

    scene.clock.set(END)
    phone.get(f"/V/{scene.code(session, 'exit')}", follow_redirects=True)
    answer = send(phone, "/activities/presence", "/activities/check-in", part="serve")
    typed = scene.enter(cast.wang, session, part="serve", exit=END)

    assert "您11:30已经记下离开，不用再扫" in words(phone.get(answer.headers["Location"]))
    assert (typed.outcome, typed.at) == ("again_left", at(11, 30))
    assert [award.units for award in scene.awards(session)] == [2]


def test_a_community_that_is_over_by_the_end_holds_up_nobody(scene: Scene) -> None:
    cast, session, other = scene.cast, scene.session(), scene.session(community=NEAR)
    for someone, where in ((cast.wang, session), (cast.chen, other)):
        scene.scan(someone, where, "serve", "entry", START)
    end(scene.run, NEAR, YESTERDAY)

    assert close(scene) == 2

    for each in (session, other):
        assert [award.units for award in scene.awards(each)] == [2]
        assert scene.row(each).state == "closed"


def test_a_sheet_that_names_the_new_record_gives_nothing_twice(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    scene.scan(cast.wang, session, "serve", "entry", START)
    move(scene, cast.wang)
    close(scene)

    done = scene.enter(cast.wang, session, part="serve", entry=START, exit=END)

    assert done.outcome == "again_left"
    assert [award.units for award in scene.awards(session)] == [2]


def test_nobody_arrives_under_a_record_that_has_ended(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    scene.clock.set(START)
    cast.wang.resident = move(scene, cast.wang)

    for phase in ({"entry": START, "exit": None}, {"entry": None, "exit": START}):
        with pytest.raises(ResidentNotHere):
            scene.enter(cast.wang, session, part="serve", **phase)

    assert scene.attendances(session) == []


def test_a_session_that_staff_closed_still_gets_its_exits(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    scene.scan(cast.wang, session, "serve", "entry", START)
    close_by_staff(scene, session, at(12, 40))
    with pytest.raises(ScanRefused):
        scene.scan(cast.wang, session, "serve", "exit", at(12, 45))

    assert close(scene) == 1
    assert [award.units for award in scene.awards(session)] == [2]


def close_by_staff(scene: Scene, session: UUID, when: dt.datetime) -> None:
    """End a session, as its staff, at a moment."""
    scene.clock.set(when)
    scene.end(close_session, session)


def test_a_session_that_was_ended_early_is_as_long_as_it_lasted(scene: Scene) -> None:
    cast, session, minute = scene.cast, scene.session(), scene.session()
    scene.scan(cast.wang, session, "serve", "entry", START)
    scene.scan(cast.wang, minute, "serve")
    close_by_staff(scene, minute, START + dt.timedelta(minutes=1))
    close_by_staff(scene, session, at(11, 35))
    close_by_staff(scene, session, at(12, 25))

    assert close(scene) == 2

    assert scene.awards(minute) == []
    [_entry, left] = scene.attendances(session)
    assert left.event_at == at(11, 35)
    assert [award.units for award in scene.awards(session)] == [1]


def test_who_came_after_an_early_end_or_before_a_start_that_never_was_gets_nothing(
    scene: Scene,
) -> None:
    cast, session, before = scene.cast, scene.session(), scene.session()
    scene.scan(cast.wang, before, "serve", "entry", at(10, 5))
    close_by_staff(scene, before, at(10, 20))
    close_by_staff(scene, session, at(11, 35))
    scene.clock.set(at(12))
    scene.enter(cast.chen, session, part="serve", entry=at(11, 50), exit=None)

    assert close(scene) == 2

    assert scene.awards(session) == scene.awards(before) == []
    assert [row.event_at for row in scene.attendances(session)] == [at(11, 50)] * 2


def test_an_entry_by_hand_waits_for_a_second_person_though_the_exit_is_automatic(
    scene: Scene,
) -> None:
    cast, session = scene.cast, scene.session()
    scene.clock.set(at(13, 5))
    scene.enter(cast.wang, session, part="serve", entry=START, exit=None)
    assert close(scene) == 1

    [award] = scene.awards(session)
    assert (award.provenance, award.due) == ("back_filled", None)
    assert award.recorded_by == cast.staff.person
    scene.clock.set(at(9, day=26))
    with scene.app.app_context():
        assert settle_due() == 0
    command = ConfirmAwards(awards=(award.id,))
    with pytest.raises(AwardNeedsSecondPerson):
        scene.run(confirm_awards, command, cast.actor(cast.staff))
    assert scene.run(confirm_awards, command, cast.actor(cast.lead)).confirmed == 1


def test_the_job_says_how_many_sessions_it_closed(scene: Scene) -> None:
    scene.session()
    scene.session()
    scene.clock.set(OVER)

    done = scene.run(write_missing_exits, WriteExits())

    assert (done.exits, done.closed) == (0, 2)
