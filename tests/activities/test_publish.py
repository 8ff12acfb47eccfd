"""Staff publish an activity from a template, and steer its sessions."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from activities.cancelling import cancel_session
from activities.models import Activity, ActivityTemplate, Session, SessionPart
from activities.publish import (
    PLACES_MAX,
    SESSIONS_MAX,
    ActivityIncomplete,
    PartOffered,
    PartsMissing,
    PublishActivity,
    RuleUnfit,
    SessionOver,
    SessionPast,
    SessionUnknown,
    SteerSession,
    TemplateUnknown,
    VoidCodes,
    WindowWrong,
    close_session,
    publish_activity,
    turn_to_exit,
    void_codes,
)
from core.acts import NotInYourScope
from core.directory import PlaceClosed
from core.errors import AppError, Forbidden, KeyReused
from points.earning.rules import RuleUnknown
from tests.activities.scene import BOTH, END, JOIN, SERVE, START, Scene, at
from tests.ended import TODAY, end
from tests.people import HERE, THERE

MINUTE = dt.timedelta(minutes=1)


def count(scene: Scene, model: type[Any]) -> int:
    return scene.ask(lambda c: c.scalar(select(func.count()).select_from(model))) or 0


def parts_of(scene: Scene, session: Any) -> dict[str, tuple[Any, ...]]:
    table = SessionPart.__table__
    rows = scene.ask(lambda c: c.execute(select(table).where(SessionPart.session == session)).all())
    return {row.part: (row.places, row.taken, row.rule, row.amount) for row in rows}


def test_a_template_becomes_an_activity_with_both_parts(scene: Scene) -> None:
    made = scene.publish(scene.from_template("phone_class"))

    [session] = made.sessions
    row = scene.row(session)
    assert (row.activity, row.community, row.state, row.epoch) == (made.activity, HERE, "open", 0)
    assert row.ends_at - row.starts_at == dt.timedelta(minutes=90)
    parts = parts_of(scene, session)
    assert parts["take_part"][:3] == (20, 0, "join.activity")
    assert parts["serve"][:3] == (6, 0, "serve.hour.elder")
    assert parts["take_part"][3] == 100
    assert parts["serve"][3] > 0


def test_every_template_of_the_district_can_be_published(scene: Scene) -> None:
    keys = scene.ask(lambda c: c.scalars(select(ActivityTemplate.key)).all())

    for key in keys:
        scene.publish(scene.from_template(key))

    assert len(keys) == count(scene, Activity) == 22


def test_the_promise_is_kept_as_it_was_on_the_day_of_publishing(scene: Scene) -> None:
    session = scene.session()

    assert parts_of(scene, session) == {
        "take_part": (None, 0, JOIN, 100),
        "serve": (None, 0, SERVE, 500),
    }


def test_a_series_has_its_sessions_in_order_each_with_a_code_of_its_own(scene: Scene) -> None:
    week = dt.timedelta(days=7)
    windows = tuple((START + week * index, END + week * index) for index in range(4))

    made = scene.publish(sessions=windows)

    rows = [scene.row(session) for session in made.sessions]
    assert [(row.starts_at, row.ends_at) for row in rows] == list(windows)
    assert len({row.short_code for row in rows}) == 4
    assert count(scene, SessionPart) == 8


def test_published_twice_under_one_key_it_stands_once(scene: Scene) -> None:
    draft = scene.draft()

    first, again = scene.publish(draft), scene.publish(draft)

    assert (first.exists, again.exists) == (False, True)
    assert (again.activity, again.sessions) == (first.activity, first.sessions)
    assert count(scene, Activity) == count(scene, Session) == 1


def test_another_activity_under_the_same_key_is_refused(scene: Scene) -> None:
    draft = scene.draft()
    scene.publish(draft)

    with pytest.raises(KeyReused):
        scene.publish(draft, title="别的活动")

    assert count(scene, Activity) == 1


def test_the_same_key_of_two_people_makes_two_activities(scene: Scene) -> None:
    draft = scene.draft()
    scene.publish(draft)

    other = scene.run(publish_activity, draft, scene.cast.actor(scene.cast.lead))

    assert not other.exists
    assert count(scene, Activity) == 2


BROKEN: dict[str, tuple[dict[str, Any], type[AppError]]] = {
    "no title": ({"title": "　 "}, ActivityIncomplete),
    "a long title": ({"title": "长" * 41}, ActivityIncomplete),
    "no place": ({"place": " "}, ActivityIncomplete),
    "a place without end": ({"place": "东" * 1000}, ActivityIncomplete),
    "a kind that nobody looks for": ({"kind": "别的"}, ActivityIncomplete),
    "no session": ({"sessions": ()}, WindowWrong),
    "too many sessions": ({"sessions": ((START, END),) * (SESSIONS_MAX + 1)}, WindowWrong),
    "ends as it starts": ({"sessions": ((START, START),)}, WindowWrong),
    "ends before it starts": ({"sessions": ((END, START),)}, WindowWrong),
    "longer than a day's work": (
        {"sessions": ((START, START + dt.timedelta(hours=12) + MINUTE),)},
        WindowWrong,
    ),
    "it has ended already": ({"sessions": ((START, END), (at(8), at(10)))}, SessionPast),
    "one of several is wrong": ({"sessions": ((START, END), (END, START))}, WindowWrong),
    "no part": ({"parts": ()}, PartsMissing),
    "the same part twice": ({"parts": (BOTH[0], BOTH[0])}, PartsMissing),
    "no places": ({"parts": (PartOffered(part="serve", places=0, rule=SERVE),)}, PartsMissing),
    "fewer than no places": (
        {"parts": (PartOffered(part="serve", places=-1, rule=SERVE),)},
        PartsMissing,
    ),
    "places for a whole city": (
        {"parts": (PartOffered(part="serve", places=PLACES_MAX + 1, rule=SERVE),)},
        PartsMissing,
    ),
    "taking part by the hour": ({"parts": (PartOffered(part="take_part", rule=SERVE),)}, RuleUnfit),
    "serving by the visit": ({"parts": (PartOffered(part="serve", rule=JOIN),)}, RuleUnfit),
    "a household's rule": (
        {"parts": (PartOffered(part="take_part", rule="covenant.corridor"),)},
        RuleUnfit,
    ),
    "a rule that is none": ({"parts": (PartOffered(part="serve", rule="none"),)}, RuleUnknown),
    "a template that is none": ({"template": "none"}, TemplateUnknown),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_incomplete_is_refused_and_nothing_is_left(scene: Scene, name: str) -> None:
    changes, refusal = BROKEN[name]

    with pytest.raises(refusal):
        scene.publish(**changes)

    assert count(scene, Activity) == count(scene, Session) == count(scene, SessionPart) == 0


def test_a_title_of_forty_characters_and_a_session_of_twelve_hours_are_taken(scene: Scene) -> None:
    hours = dt.timedelta(hours=12)

    scene.publish(title="长" * 40, sessions=((START, START + hours),))

    assert count(scene, Session) == 1


def test_a_part_may_earn_nothing(scene: Scene) -> None:
    session = scene.session(parts=(PartOffered(part="take_part", places=5),))

    assert parts_of(scene, session) == {"take_part": (5, 0, None, None)}
    assert scene.scan(scene.cast.wang, session).amount is None
    assert scene.awards(session) == []


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("elsewhere", NotInYourScope),
        ("near", NotInYourScope),
        ("keeper", Forbidden),
        ("lin", Forbidden),
        ("wang", Forbidden),
    ],
)
def test_only_staff_of_the_community_publish(
    scene: Scene, who: str, refusal: type[AppError]
) -> None:
    actor = scene.cast.actor(getattr(scene.cast, who))

    with pytest.raises(refusal):
        scene.run(publish_activity, scene.draft(), actor)

    assert count(scene, Activity) == 0


def steered(scene: Scene, session: Any) -> tuple[str, int]:
    row = scene.row(session)
    return row.state, row.epoch


def test_a_session_is_closed_once_and_cancelled_no_more(scene: Scene) -> None:
    session = scene.session()
    staff, command = scene.cast.actor(scene.cast.staff), SteerSession(session=session)

    assert scene.run(close_session, command, staff).state == "closed"
    assert scene.run(close_session, command, staff).state == "closed"
    with pytest.raises(SessionOver):
        scene.end(cancel_session, session)
    with pytest.raises(SessionOver):
        scene.run(turn_to_exit, command, staff)
    with pytest.raises(SessionOver):
        scene.run(void_codes, VoidCodes(session=session, epoch=0), staff)
    assert steered(scene, session) == ("closed", 0)


def test_codes_are_voided_once_for_each_epoch_that_was_seen(scene: Scene) -> None:
    session = scene.session()
    staff = scene.cast.actor(scene.cast.staff)

    answers = [
        scene.run(void_codes, VoidCodes(session=session, epoch=epoch), staff).epoch
        for epoch in (0, 0, 1, 0)
    ]

    assert answers == [1, 1, 2, 2]
    assert steered(scene, session) == ("open", 2)


@pytest.mark.parametrize("epoch", [7, -1])
def test_an_epoch_that_nobody_saw_voids_nothing_and_says_so(scene: Scene, epoch: int) -> None:
    session = scene.session()
    command = VoidCodes(session=session, epoch=epoch)

    answer = scene.run(void_codes, command, scene.cast.actor(scene.cast.staff))

    assert answer.epoch == 0
    assert steered(scene, session) == ("open", 0)


def test_the_screen_turns_to_the_exit_at_the_first_press(scene: Scene) -> None:
    session = scene.session()
    staff, command = scene.cast.actor(scene.cast.staff), SteerSession(session=session)
    scene.clock.set(at(11, 15))
    scene.run(turn_to_exit, command, staff)
    scene.clock.set(at(11, 40))
    scene.run(turn_to_exit, command, staff)

    assert scene.row(session).exit_from == at(11, 15)


def test_staff_elsewhere_and_residents_steer_nothing(scene: Scene) -> None:
    session = scene.session()

    for someone in (scene.cast.elsewhere, scene.cast.wang, scene.cast.keeper):
        for act in (close_session, cancel_session, turn_to_exit):
            with pytest.raises(Forbidden):
                scene.end(act, session, scene.cast.actor(someone))
        with pytest.raises(Forbidden):
            scene.run(void_codes, VoidCodes(session=session, epoch=0), scene.cast.actor(someone))

    assert steered(scene, session) == ("open", 0)


def test_a_session_that_is_none_cannot_be_steered(scene: Scene) -> None:
    unknown = scene.publish().activity

    with pytest.raises(SessionUnknown):
        scene.run(close_session, SteerSession(session=unknown), scene.cast.actor(scene.cast.staff))


def test_an_activity_of_another_community_is_published_by_its_own_staff(scene: Scene) -> None:
    draft: PublishActivity = scene.draft(community=THERE)

    session = scene.publish(draft).sessions[0]

    assert scene.row(session).community == THERE


def test_nothing_is_published_for_a_day_after_the_communitys_last(scene: Scene) -> None:
    end(scene.run, HERE, TODAY)
    tomorrow = (START + dt.timedelta(days=1), END + dt.timedelta(days=1))

    with pytest.raises(PlaceClosed):
        scene.publish(sessions=((START, END), tomorrow))
    assert count(scene, Activity) == 0
    scene.publish()
