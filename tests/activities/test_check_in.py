"""A scan of the venue's code becomes an attendance: once, at its own moment, with a place."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from activities.attendance import (
    CheckIn,
    GrantUsed,
    NotArrived,
    NotOpenYet,
    OnlyItsResidents,
    PartFull,
    SessionEnded,
    TooLate,
    check_in,
)
from activities.cancelling import cancel_session
from activities.models import RefusedScan
from activities.publish import PartOffered, SessionUnknown, close_session
from activities.signup import PartNotOffered
from core.acts import Actor
from core.directory import PlaceClosed
from core.errors import AppError, Forbidden
from tests.activities.scene import BOTH, END, JOIN, SERVE, START, Scene, at, sure
from tests.ended import TODAY, YESTERDAY, end
from tests.everything import everything
from tests.people import HERE, THERE

ONE_POINT = 100
NIGHT = at(2, day=25)


def changed_tables(scene: Scene, before: dict[str, list[str]]) -> set[str]:
    after = scene.ask(everything)
    return {table for table, rows in after.items() if rows != before[table]}


def test_taking_part_is_pending_at_once(scene: Scene) -> None:
    session = scene.session()

    done = scene.scan(scene.cast.wang, session, when=at(10, 31))

    assert (done.outcome, done.amount, done.due) == ("arrived", ONE_POINT, NIGHT)
    [award] = scene.awards(session)
    assert (award.points_kind, award.amount, award.state) == ("basic", ONE_POINT, "pending")
    assert (award.provenance, award.event_at) == ("verified", at(10, 31))
    assert done.award == award.id


def test_serving_promises_nothing_before_the_exit(scene: Scene) -> None:
    session = scene.session()

    done = scene.scan(scene.cast.wang, session, "serve", when=at(10, 31))

    assert (done.outcome, done.amount, done.half_hours) == ("arrived", None, None)
    assert (done.due, done.award) == (None, None)
    assert scene.awards(session) == []


def test_the_moment_is_that_of_the_scan_however_late_the_tap(scene: Scene) -> None:
    session = scene.session()
    scene.clock.set(at(10, 31, 7))
    command = scene.command(session)
    scene.clock.advance(minutes=9)

    done = scene.run(check_in, command, scene.cast.actor(scene.cast.wang))

    [row] = scene.attendances(session)
    assert done.at == row.event_at == at(10, 31)
    assert row.recorded_at == at(10, 40, 7)
    assert (row.method, row.provenance, row.phase) == ("venue", "verified", "entry")
    assert row.recorded_by == scene.cast.wang.person


@pytest.mark.parametrize("part", ["take_part", "serve"])
def test_a_second_scan_is_answered_calmly_with_the_first_moment(scene: Scene, part: Any) -> None:
    session = scene.session()
    scene.scan(scene.cast.wang, session, part, when=at(10, 31))
    command = scene.command(session, part)
    before = scene.ask(everything)

    for minutes in (0, 5):
        scene.clock.advance(minutes=minutes)
        again = scene.run(check_in, command, scene.cast.actor(scene.cast.wang))
        assert (again.outcome, again.at, again.amount) == ("again", at(10, 31), None)
    fresh = scene.scan(scene.cast.wang, session, part, when=at(11))

    assert (fresh.outcome, fresh.at) == ("again", at(10, 31))
    assert scene.ask(everything) == before


@pytest.mark.parametrize(("part", "other"), [("take_part", "serve"), ("serve", "take_part")])
def test_who_is_in_already_is_answered_with_their_part_whichever_they_tap(
    scene: Scene, part: Any, other: Any
) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places(other, 1))
    scene.scan(cast.wang, session, part, when=at(10, 31))
    command = scene.command(session, other)
    before = scene.ask(everything)

    done = scene.run(check_in, command, cast.actor(cast.wang))
    same_scan = scene.scan(cast.wang, session, other, when=at(10, 31, 5))

    for each in (done, same_scan):
        assert (each.outcome, each.part, each.at) == ("again", part, at(10, 31))
        assert (each.arrived_at, each.amount) == (at(10, 31), None)
    assert scene.ask(everything) == before
    # The place that they did not take is still there, and a day is counted once.
    assert scene.scan(cast.chen, session, other, when=at(11)).outcome == "arrived"


def test_staff_may_enter_the_other_part_of_somebody_who_is_in(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    scene.scan(cast.wang, session, "serve", when=START)

    assert scene.enter(cast.wang, session).outcome == "arrived"

    assert [row.part for row in scene.attendances(session)] == ["serve", "take_part"]


def test_one_scan_is_good_for_one_record(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    command = scene.command(session)
    scene.run(check_in, command, cast.actor(cast.wang))

    with pytest.raises(GrantUsed):
        scene.run(check_in, replace(command, part="serve"), cast.actor(cast.chen))

    assert len(scene.attendances(session)) == 1
    assert scene.taken(session, "serve") == 0
    assert scene.refused() == ["grant_used"]
    assert scene.scan(cast.chen, session).outcome == "arrived"


def test_who_comes_without_a_sign_up_takes_a_place(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 2))

    scene.scan(cast.wang, session)

    assert scene.taken(session) == 1
    assert scene.sign_ups(session) == {cast.wang.resident: "signed_up"}


def test_who_signed_up_has_taken_the_place_already(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 2))
    scene.sign_up(cast.wang, session)

    scene.scan(cast.wang, session)

    assert scene.taken(session) == 1


def test_who_had_cancelled_takes_a_place_again(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 1))
    scene.sign_up(cast.wang, session)
    scene.cancel(cast.wang, session)

    assert scene.scan(cast.wang, session).outcome == "arrived"

    assert scene.taken(session) == 1
    assert scene.sign_ups(session) == {cast.wang.resident: "signed_up"}


def test_a_full_part_refuses_and_offers_the_other(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 1))
    scene.scan(cast.wang, session)
    cast.actor(cast.chen)
    before = scene.ask(everything)

    with pytest.raises(PartFull) as refusal:
        scene.scan(cast.chen, session)

    assert refusal.value.sentence() == "来参加的名额满了，来帮忙还有名额，请选它，或找工作人员。"
    assert changed_tables(scene, before) == {"refused_scans"}
    assert scene.scan(cast.chen, session, "serve").outcome == "arrived"


def test_where_both_parts_are_full_other_sessions_are_named(scene: Scene) -> None:
    cast = scene.cast
    parts = tuple(replace(part, places=1) for part in BOTH)
    session = scene.session(parts=parts)
    scene.scan(cast.wang, session)
    scene.scan(cast.chen, session, "serve")

    with pytest.raises(PartFull) as refusal:
        scene.scan(cast.new, session)

    assert refusal.value.sentence() == "来参加的名额满了，请看看别的场次，或找工作人员。"
    assert scene.taken(session) == scene.taken(session, "serve") == 1


def test_an_activity_of_its_community_refuses_others_and_names_it(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(community=THERE, open_to="community")

    with pytest.raises(OnlyItsResidents) as refusal:
        scene.scan(cast.wang, session)

    assert refusal.value.sentence().startswith("这场活动只面向")
    assert "社区的居民，不能签到" in refusal.value.sentence()
    assert scene.attendances(session) == []
    assert scene.refused() == ["only_its_residents"]
    assert scene.scan(cast.there, session).outcome == "arrived"


def test_check_in_opens_half_an_hour_before_and_ends_with_the_session(scene: Scene) -> None:
    wang = scene.cast.wang
    session = scene.session(sessions=((at(14), at(16)),))
    with pytest.raises(NotOpenYet) as refusal:
        scene.scan(wang, session, when=at(13, 29, 50))
    assert refusal.value.sentence() == "还没到签到时间，13:30 开始签到。请稍后再扫一次。"

    with pytest.raises(TooLate):
        scene.scan(wang, session, when=at(16, 0, 10))
    assert scene.scan(wang, session, when=at(13, 30)).outcome == "arrived"
    assert scene.scan(scene.cast.chen, session, when=at(16)).outcome == "arrived"
    assert scene.refused() == ["not_open_yet", "too_late"]


def test_a_community_opens_its_check_in_when_it_likes(scene: Scene) -> None:
    session = scene.session(sessions=((at(14), at(16)),))
    scene.set_to("checkin.open_before_minutes", "60", HERE)

    assert scene.scan(scene.cast.wang, session, when=at(13)).outcome == "arrived"


@pytest.mark.parametrize("end", [close_session, cancel_session])
def test_a_session_that_was_ended_takes_no_scan_nor_one_made_before(scene: Scene, end: Any) -> None:
    cast, session = scene.cast, scene.session()
    before = scene.command(session)
    scene.end(end, session)

    with pytest.raises(SessionEnded):
        scene.scan(cast.chen, session)
    with pytest.raises(SessionEnded):
        scene.run(check_in, before, cast.actor(cast.wang))

    assert scene.attendances(session) == []
    assert scene.refused() == ["session_ended", "session_ended"]


def test_after_the_end_of_a_closed_session_nobody_scans_out(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    scene.scan(cast.wang, session, "serve")
    scene.end(close_session, session)

    with pytest.raises(SessionEnded):
        scene.scan(cast.wang, session, "serve", "exit")

    assert len(scene.attendances(session)) == 1


def test_a_refusal_keeps_who_where_why_and_when(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    with pytest.raises(NotArrived):
        scene.scan(cast.wang, session, "serve", "exit", when=at(12, 25))

    table = RefusedScan.__table__
    [row] = scene.ask(lambda c: c.execute(table.select()).all())

    assert (row.session, row.resident, row.reason) == (session, cast.wang.resident, "not_arrived")
    assert (row.at, row.actor) == (at(12, 25), cast.wang.person)


def test_what_is_no_scan_of_a_resident_is_refused_without_a_trace(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=(PartOffered(part="serve", rule=SERVE),))
    command = scene.command(session, "serve")
    wang, staff = cast.actor(cast.wang), cast.actor(cast.staff)
    wrong: list[tuple[CheckIn, Actor, type[AppError]]] = [
        (command, staff, Forbidden),
        (replace(command, part="take_part"), wang, PartNotOffered),
        (replace(command, session=UUID(int=7)), wang, SessionUnknown),
    ]
    before = scene.ask(everything)

    for each, actor, refusal in wrong:
        with pytest.raises(refusal):
            scene.run(check_in, each, actor)

    assert scene.ask(everything) == before


def test_beyond_the_cap_of_the_day_one_is_welcome_without_points(scene: Scene) -> None:
    sessions = [scene.session() for _ in range(3)]

    amounts = [scene.scan(scene.cast.wang, session).amount for session in sessions]

    assert amounts == [ONE_POINT, ONE_POINT, None]
    assert len(scene.attendances(sessions[2])) == 1
    assert scene.used(JOIN) == 2


def test_a_part_without_a_rule_records_and_gives_nothing(scene: Scene) -> None:
    session = scene.session(parts=(PartOffered(part="take_part"),))

    done = scene.scan(scene.cast.wang, session)

    assert (done.outcome, done.amount, done.award) == ("arrived", None, None)
    assert scene.awards(session) == []


def test_where_the_community_says_so_a_fixed_award_is_due_at_once(scene: Scene) -> None:
    session = scene.session()
    scene.set_to("points.fixed_at_once", "1", HERE)
    scene.clock.set(at(10, 31))

    done = scene.scan(scene.cast.wang, session)
    served = scene.serve(scene.cast.chen, session, START, END)

    assert done.due == at(10, 31)
    assert served.due == NIGHT


def test_basic_points_earned_elsewhere_are_the_home_communitys(scene: Scene) -> None:
    session = scene.session()

    scene.scan(scene.cast.there, session)

    [award] = scene.awards(session)
    assert (award.community, award.bearing) == (THERE, THERE)
    assert award.holder_id == sure(scene.cast.there.resident)


def test_midnight_in_hangzhou_divides_the_days_of_the_cap(scene: Scene) -> None:
    late = (at(22), at(23, 50))
    early = (at(0, 10, day=25), at(2, day=25))
    sessions = [scene.session(sessions=(window,)) for window in (late, late, late, early)]
    moments: list[dt.datetime] = [at(22), at(22), at(22), at(0, 10, day=25)]

    amounts = [
        scene.scan(scene.cast.wang, session, when=moment).amount
        for session, moment in zip(sessions, moments, strict=True)
    ]

    assert amounts == [ONE_POINT, ONE_POINT, None, ONE_POINT]


def test_a_community_that_is_over_checks_nobody_in(scene: Scene) -> None:
    session = scene.session()
    end(scene.run, HERE, YESTERDAY)

    with pytest.raises(PlaceClosed):
        scene.scan(scene.cast.wang, session, when=at(10, 31))
    assert scene.attendances(session) == []
    end(scene.run, HERE, TODAY)
    assert scene.scan(scene.cast.wang, session).outcome == "arrived"
