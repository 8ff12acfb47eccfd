"""Serving ends with the exit: half hours inside the session, the grace, the caps of the rule."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from activities.attendance import NotArrived, TooLate, check_in
from activities.jobs import close_sessions
from activities.publish import PartOffered, SteerSession, turn_to_exit
from points.earning.awards import ConfirmAwards, confirm_awards
from points.earning.recorders import EMERGENCY
from tests.activities.scene import END, SERVE, START, Scene, at
from tests.everything import everything
from tests.people import HERE

HALF_HOUR_POINTS = 500
NIGHT = at(2, day=25)

SERVED: list[tuple[dt.datetime, dt.datetime, int]] = [
    (START, END, 4),
    (at(10, 5), END, 4),  # early hands are welcome; counted is from the start
    (START, at(13), 4),  # and to the end
    (at(10, 5), at(13), 4),
    (START, at(12, 25), 4),  # five minutes' grace
    (START, at(12, 24, 50), 3),
    (at(10, 35), END, 4),
    (at(10, 35, 10), END, 3),
    (at(10, 45), at(11, 10), 1),
    (at(10, 45), at(11, 9, 50), 0),
    (at(12, 29), at(12, 59), 0),
    (at(10, 5), at(10, 20), 0),  # gone before it began
    (at(11), at(11), 0),
]


def test_half_hours_are_counted_inside_the_session_with_the_grace(scene: Scene) -> None:
    wrong = {}
    for number, (entry, left, half_hours) in enumerate(SERVED):
        # One after the other, a day apart, so that the cap of the day is out of the way.
        later = dt.timedelta(days=number)
        session = scene.session(sessions=((START + later, END + later),))

        done = scene.serve(scene.cast.wang, session, entry + later, left + later)

        amounts = [award.amount for award in scene.awards(session)]
        expected = [half_hours * HALF_HOUR_POINTS] if half_hours else []
        if (done.half_hours, amounts) != (half_hours, expected):
            wrong[entry, left] = (done.half_hours, amounts)
    assert wrong == {}


@pytest.mark.parametrize(("minutes", "half_hours"), [("0", 3), ("5", 4)])
def test_the_grace_is_the_districts_setting(scene: Scene, minutes: str, half_hours: int) -> None:
    session = scene.session()
    scene.set_to("points.hour_grace_minutes", minutes)

    assert scene.serve(scene.cast.wang, session, START, at(12, 25)).half_hours == half_hours


def test_after_the_exit_the_hours_are_pending_until_the_night(scene: Scene) -> None:
    wang, session = scene.cast.wang, scene.session()

    done = scene.serve(wang, session, START, at(12, 28, 3))

    assert (done.outcome, done.amount, done.due) == ("left", 2000, NIGHT)
    assert (done.arrived_at, done.at) == (START, at(12, 28))
    [award] = scene.awards(session)
    assert (award.points_kind, award.units, award.state) == ("service", 4, "pending")
    assert (award.provenance, award.holder_id) == ("verified", wang.resident)
    assert award.reason == "便民集市，来帮忙 2 小时"


def test_too_short_a_time_is_recorded_and_gives_nothing(scene: Scene) -> None:
    session = scene.session()

    done = scene.serve(scene.cast.wang, session, at(11), at(11, 20))

    assert (done.outcome, done.half_hours, done.amount, done.due) == ("left", 0, None, None)
    assert [row.phase for row in scene.attendances(session)] == ["entry", "exit"]
    assert scene.awards(session) == []
    assert scene.used(SERVE) == 0


def test_a_second_exit_changes_nothing(scene: Scene) -> None:
    wang, session = scene.cast.wang, scene.session()
    scene.serve(wang, session, START, at(11, 40))
    before = scene.ask(everything)

    again = scene.scan(wang, session, "serve", "exit", at(12, 30))

    assert (again.outcome, again.at, again.amount) == ("again_left", at(11, 40), None)
    assert scene.ask(everything) == before


def test_hours_beyond_the_cap_of_the_day_are_recorded_without_points(scene: Scene) -> None:
    wang = scene.cast.wang
    long = scene.session(sessions=((at(10), at(15)),))
    short = scene.session(sessions=((at(16), at(17)),))

    first = scene.serve(wang, long, at(10), at(15))
    second = scene.serve(wang, short, at(16), at(17))

    assert (first.half_hours, first.amount) == (10, 8 * HALF_HOUR_POINTS)
    assert (second.half_hours, second.amount, second.award) == (2, None, None)
    assert len(scene.attendances(short)) == 2
    assert scene.used(SERVE) == 8


@pytest.mark.parametrize("part", [None, "take_part"])
def test_an_exit_without_an_entry_to_serve_sends_to_staff(scene: Scene, part: Any) -> None:
    wang, session = scene.cast.wang, scene.session()
    if part:
        scene.scan(wang, session, part)

    with pytest.raises(NotArrived) as refusal:
        scene.scan(wang, session, "serve", "exit", at(12, 25))

    assert "请找现场的工作人员登记" in refusal.value.sentence()
    assert scene.refused() == ["not_arrived"]
    assert {row.phase for row in scene.attendances(session)} <= {"entry"}


def test_exits_are_taken_until_half_an_hour_after_the_end(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    for someone in (cast.wang, cast.chen):
        scene.scan(someone, session, "serve", "entry", START)

    assert scene.scan(cast.wang, session, "serve", "exit", at(13)).half_hours == 4
    with pytest.raises(TooLate):
        scene.scan(cast.chen, session, "serve", "exit", at(13, 0, 10))


def test_an_exit_scanned_at_the_last_moment_may_be_tapped_ten_minutes_later(scene: Scene) -> None:
    wang, session = scene.cast.wang, scene.session()
    scene.scan(wang, session, "serve", "entry", START)
    scene.clock.set(at(13))
    command = scene.command(session, "serve", "exit")
    scene.clock.set(at(13, 9))
    with scene.app.app_context():
        assert close_sessions() == 0

    done = scene.run(check_in, command, scene.cast.actor(wang))

    assert (done.outcome, done.at, done.half_hours) == ("left", at(13), 4)


def test_who_goes_early_leaves_by_the_exit_that_staff_turn_to(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    scene.scan(cast.wang, session, "serve", "entry", START)
    scene.clock.set(at(11, 30))
    scene.run(turn_to_exit, SteerSession(session=session), cast.actor(cast.staff))

    done = scene.scan(cast.wang, session, "serve", "exit")

    assert (done.outcome, done.half_hours) == ("left", 2)


def test_emergency_hours_wait_for_a_second_person_even_when_scanned(scene: Scene) -> None:
    cast = scene.cast
    session = scene.session(parts=(PartOffered(part="serve", rule=EMERGENCY),))

    done = scene.serve(cast.wang, session, START, END)

    assert (done.amount, done.due) == (3200, None)
    [award] = scene.awards(session)
    confirm = ConfirmAwards(awards=(award.id,))
    assert scene.run(confirm_awards, confirm, cast.actor(cast.staff)).confirmed == 1
    assert scene.awards(session)[0].due == NIGHT


def test_the_points_are_those_of_the_day_of_publishing_at_the_host(scene: Scene) -> None:
    session = scene.session(
        parts=(PartOffered(part="serve", rule="serve.hour.skilled"),), community=HERE
    )

    assert scene.serve(scene.cast.there, session, START, END).amount == 2400
