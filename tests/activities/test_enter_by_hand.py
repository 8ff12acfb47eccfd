"""Staff enter somebody by hand: with a reason, inside the session, and answered for by two."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from activities.attendance import NotArrived, PartFull, SessionEnded
from activities.cancelling import cancel_session
from activities.entries import EntryReasonMissing, TimesMissing, TimesWrong, enter_by_hand
from activities.publish import SessionUnknown, SteerSession, close_session
from activities.signup import PartNotOffered, ResidentNotHere
from core.acts import NotInYourScope
from core.errors import Forbidden
from points.earning.awards import AwardNeedsSecondPerson, ConfirmAwards, confirm_awards
from points.settlement import settle_due
from residents.people import EnterResident, enter_resident
from tests.activities.scene import END, SERVE, START, Scene, at, sure
from tests.everything import everything
from tests.people import HERE, Someone

NIGHT = at(2, day=25)
NOON = at(12)


def scanned(scene: Scene, session: UUID, *people: Someone) -> None:
    """Let people scan, so that entries by hand are a small share."""
    for someone in people:
        scene.scan(someone, session, when=START)


def test_staff_enter_somebody_without_a_phone(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    scene.clock.set(at(11))

    done = scene.enter(cast.li, session, entry=at(10, 40))

    assert (done.outcome, done.at, done.amount) == ("arrived", at(10, 40), 100)
    [row] = scene.attendances(session)
    assert (row.method, row.provenance, row.reason) == ("hand", "recorded", "没带手机")
    assert (row.resident, row.recorded_by) == (cast.li.resident, cast.staff.person)
    assert (row.event_at, row.recorded_at) == (at(10, 40), at(11))
    assert scene.taken(session) == 1


def test_arrival_and_leaving_are_entered_at_once(scene: Scene) -> None:
    session = scene.session()
    scene.clock.set(NOON)

    done = scene.enter(scene.cast.li, session, part="serve", exit=at(11, 30))

    assert (done.outcome, done.half_hours, done.amount) == ("left", 2, 1000)
    assert [row.phase for row in scene.attendances(session)] == ["entry", "exit"]


def test_only_the_exit_that_was_missing_is_added_to_a_scan(scene: Scene) -> None:
    session = scene.session()
    scene.scan(scene.cast.wang, session, "serve", "entry", START)
    scene.clock.set(NOON)

    done = scene.enter(scene.cast.wang, session, part="serve", entry=None, exit=at(11, 30))

    assert (done.outcome, done.half_hours) == ("left", 2)
    [entry, left] = scene.attendances(session)
    assert (entry.method, left.method) == ("venue", "hand")


def test_entered_twice_it_stands_once(scene: Scene) -> None:
    session = scene.session()
    scene.clock.set(NOON)
    scene.enter(scene.cast.li, session, part="serve", exit=at(11, 30))
    before = scene.ask(everything)

    for left in (at(11, 30), at(12)):
        again = scene.enter(scene.cast.li, session, part="serve", exit=left)
        assert (again.outcome, again.at, again.amount) == ("again_left", at(11, 30), None)

    assert scene.ask(everything) == before


def test_a_scan_and_an_entry_by_hand_are_one_record(scene: Scene) -> None:
    wang, session = scene.cast.wang, scene.session()
    scene.scan(wang, session, when=at(10, 31))

    done = scene.enter(wang, session, entry=START)

    assert (done.outcome, done.at) == ("again", at(10, 31))
    assert len(scene.attendances(session)) == 1


@pytest.mark.parametrize("who", ["elsewhere", "near", "keeper", "lin", "chen", "wang"])
def test_nobody_but_staff_of_the_community_enters_anybody(scene: Scene, who: str) -> None:
    cast, session = scene.cast, scene.session()
    actor = cast.actor(getattr(cast, who))
    before = scene.ask(everything)

    for changes in ({}, {"part": "serve", "exit": at(11)}):
        scene.clock.set(NOON)
        with pytest.raises(Forbidden) as refusal:
            scene.enter(cast.wang, session, actor=actor, **changes)
        is_staff = who in {"elsewhere", "near"}
        assert isinstance(refusal.value, NotInYourScope) == is_staff

    assert scene.ask(everything) == before


def test_the_lead_may_and_staff_there_enter_for_their_own_session(scene: Scene) -> None:
    cast = scene.cast
    here, there = scene.session(), scene.session(community=cast.there.community)
    scene.clock.set(at(11))

    assert scene.enter(cast.wang, here, actor=cast.actor(cast.lead)).outcome == "arrived"
    assert scene.enter(cast.wang, there, actor=cast.actor(cast.elsewhere)).outcome == "arrived"


WRONG_TIMES: dict[str, dict[str, dt.datetime | None]] = {
    "in the future": {"entry": at(12, 0, 1), "exit": None},
    "left in the future": {"entry": START, "exit": at(12, 0, 1)},
    "left before arriving": {"entry": at(11, 30), "exit": at(11)},
    "left when arriving": {"entry": at(11, 30), "exit": at(11, 30)},
    "before it opens": {"entry": at(9, 59, 59), "exit": None},
    "another day": {"entry": START - dt.timedelta(days=1), "exit": None},
    "long ago": {"entry": dt.datetime(1, 1, 2, tzinfo=dt.UTC), "exit": None},
}


def test_times_lie_within_the_session_and_in_order(scene: Scene) -> None:
    session = scene.session()
    scene.clock.set(NOON)
    scene.cast.actor(scene.cast.staff)
    before = scene.ask(everything)

    for times in WRONG_TIMES.values():
        with pytest.raises(TimesWrong):
            scene.enter(scene.cast.li, session, part="serve", **times)

    assert scene.ask(everything) == before


def test_an_entry_without_any_time_says_that_it_is_missing(scene: Scene) -> None:
    session = scene.session()
    scene.clock.set(NOON)

    with pytest.raises(TimesMissing) as caught:
        scene.enter(scene.cast.li, session, entry=None, exit=None)

    assert "还没有写时间" in caught.value.sentence()
    assert scene.attendances(session) == []


@pytest.mark.parametrize("left", [at(10, 40), at(11)])
def test_nobody_leaves_before_the_arrival_that_is_recorded(scene: Scene, left: dt.datetime) -> None:
    session = scene.session()
    scene.scan(scene.cast.wang, session, "serve", "entry", at(11))
    scene.clock.set(NOON)

    for entry in (None, START):
        with pytest.raises(TimesWrong):
            scene.enter(scene.cast.wang, session, part="serve", entry=entry, exit=left)

    assert [row.phase for row in scene.attendances(session)] == ["entry"]


def test_after_the_end_times_lie_before_it_and_half_an_hour_after_for_leaving(scene: Scene) -> None:
    session = scene.session()
    scene.clock.set(at(18))

    with pytest.raises(TimesWrong):
        scene.enter(scene.cast.li, session, entry=END + dt.timedelta(seconds=1))
    with pytest.raises(TimesWrong):
        scene.enter(scene.cast.li, session, part="serve", exit=at(13, 0, 1))
    assert scene.enter(scene.cast.li, session, part="serve", exit=at(13)).half_hours == 4


@pytest.mark.parametrize("reason", ["", "  ", "　"])
def test_without_a_reason_nothing_is_entered(scene: Scene, reason: str) -> None:
    session = scene.session()
    scene.clock.set(NOON)

    with pytest.raises(EntryReasonMissing):
        scene.enter(scene.cast.li, session, reason=reason)

    assert scene.attendances(session) == []


def test_what_does_not_exist_cannot_be_entered(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("serve", 1)[:1])
    scene.clock.set(NOON)
    actor = cast.actor(cast.staff)
    entry = scene.by_hand(cast.li.resident, session, part="serve")

    for wrong, refusal in (
        (replace(entry, session=UUID(int=7)), SessionUnknown),
        (replace(entry, resident=UUID(int=7)), ResidentNotHere),
        (replace(entry, part="take_part"), PartNotOffered),
        (replace(entry, entry=None, exit=at(11)), NotArrived),
    ):
        with pytest.raises(refusal):
            scene.run(enter_by_hand, wrong, actor)
    scene.run(enter_by_hand, entry, actor)
    with pytest.raises(PartFull):
        scene.enter(cast.wang, session, part="serve")


def test_a_closed_session_is_still_entered_a_cancelled_one_is_not(scene: Scene) -> None:
    cast, closed, cancelled = scene.cast, scene.session(), scene.session()
    scene.clock.set(NOON)
    staff = cast.actor(cast.staff)
    scene.run(close_session, SteerSession(session=closed), staff)
    scene.end(cancel_session, cancelled)

    assert scene.enter(cast.li, closed).outcome == "arrived"
    with pytest.raises(SessionEnded):
        scene.enter(cast.li, cancelled)


def test_hours_above_the_share_of_the_community_wait_for_a_second_person(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    scanned(scene, session, cast.chen, cast.new)
    scene.clock.set(NOON)

    done = scene.enter(cast.li, session, part="serve", exit=at(11, 30))

    assert (done.amount, done.due) == (1000, None)
    scene.clock.set(at(9, day=26))
    with scene.app.app_context():
        settle_due()
    [award] = [each for each in scene.awards(session) if each.points_kind == "service"]
    assert (award.state, award.provenance) == ("pending", "recorded")
    command = ConfirmAwards(awards=(award.id,))
    with pytest.raises(AwardNeedsSecondPerson):
        scene.run(confirm_awards, command, cast.actor(cast.staff))
    assert scene.run(confirm_awards, command, cast.actor(cast.lead)).confirmed == 1
    assert at(2, day=27) in {each.due for each in scene.awards(session)}


def test_hours_inside_the_share_settle_by_themselves(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    scanned(scene, session, cast.chen, cast.new, cast.there)
    scene.clock.set(NOON)

    assert scene.enter(cast.wang, session, part="serve", exit=at(11, 30)).due == NIGHT


def test_the_share_is_the_communitys_setting(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    scene.set_to("checkin.by_hand_percent", "100", HERE)
    scene.clock.set(NOON)

    assert scene.enter(cast.li, session, part="serve", exit=at(11, 30)).due == NIGHT


@pytest.mark.parametrize(("moment", "back_filled"), [(at(13), False), (at(13, 0, 1), True)])
def test_half_an_hour_after_the_end_it_is_back_filled_and_hours_wait(
    scene: Scene, moment: dt.datetime, back_filled: Any
) -> None:
    session = scene.session()
    scene.set_to("checkin.by_hand_percent", "100", HERE)
    scene.clock.set(moment)

    done = scene.enter(scene.cast.li, session, part="serve", exit=END)
    taken_part = scene.enter(scene.cast.wang, session)

    provenance = "back_filled" if back_filled else "recorded"
    assert {row.provenance for row in scene.attendances(session)} == {provenance}
    assert {award.provenance for award in scene.awards(session)} == {provenance}
    assert done.due == (None if back_filled else NIGHT)
    assert taken_part.due == NIGHT


def test_an_entry_by_hand_makes_the_hours_by_hand_though_the_exit_is_scanned(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    scene.clock.set(at(11))
    scene.enter(cast.wang, session, part="serve", entry=START)

    done = scene.scan(cast.wang, session, "serve", "exit", at(12, 25))

    assert (done.half_hours, done.due) == (4, None)
    [award] = scene.awards(session)
    assert (award.provenance, award.recorded_by) == ("recorded", cast.staff.person)


def test_hours_of_staffs_own_household_wait_for_a_second_person(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    scene.set_to("checkin.by_hand_percent", "100", HERE)
    staff = cast.actor(cast.staff)
    lives_here = EnterResident(community=HERE, name=cast.staff.name, phone=cast.staff.phone)
    own = scene.run(enter_resident, lives_here, staff)
    me = replace(cast.staff, resident=own.resident, role="resident")
    scene.clock.set(NOON)

    done = scene.enter(me, session, part="serve", exit=at(11, 30), actor=staff)
    other = scene.enter(cast.li, session, part="serve", exit=at(11, 30))

    assert own.person == cast.staff.person
    assert (done.amount, done.due) == (1000, None)
    assert other.due == NIGHT
    assert scene.used(SERVE) == 4
    assert sure(me.resident) in {row.resident for row in scene.attendances(session)}
