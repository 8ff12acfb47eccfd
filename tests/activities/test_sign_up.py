"""Signing up: a place, or a place in the queue that moves on when somebody cancels."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text

from activities.attendance import PartFull
from activities.publish import PartOffered, SessionUnknown, SteerSession, close_session
from activities.signup import (
    AlreadyArrived,
    ForResident,
    OnlyForItsCommunity,
    PartNotOffered,
    ResidentNotHere,
    SignUpClosed,
    cancel_sign_up,
    sign_up,
)
from core.acts import Actor
from core.errors import Forbidden
from core.models import OutboxMessage
from core.work import transact
from residents.identity import actor_of
from residents.limits import prove_number
from residents.people import EnterResident, enter_resident
from residents.representations import Represent, represent
from residents.sign_in import AskCode, Choose, ask_code, choose
from tests.activities.scene import END, SERVE, Scene, sure
from tests.exchange.threads import all_at_once
from tests.people import People, Someone, last_code

ROUNDS = 10


def messages(connection: Connection) -> list[str]:
    """Return the kinds of the messages about sign-ups, oldest first."""
    query = "SELECT template FROM outbox WHERE template LIKE 'signup.%' ORDER BY created_at, id"
    return [str(row[0]) for row in connection.execute(text(query))]


def test_a_sign_up_takes_a_place_and_is_confirmed_by_a_message(scene: Scene) -> None:
    session = scene.session(parts=scene.places("take_part", 2))

    done = scene.sign_up(scene.cast.wang, session)

    assert (done.session, done.part, done.state, done.ahead) == (
        session,
        "take_part",
        "signed_up",
        0,
    )
    assert scene.taken(session) == 1
    query = select(OutboxMessage.params).where(OutboxMessage.template == "signup.confirmed")
    [sent] = scene.ask(lambda c: c.scalars(query).all())
    assert json.loads(sent)["time"] == "11月24日10:30"


def test_twice_is_harmless(scene: Scene) -> None:
    session = scene.session(parts=scene.places("take_part", 2))
    scene.sign_up(scene.cast.wang, session)

    again = scene.sign_up(scene.cast.wang, session)

    assert (again.state, again.ahead) == ("signed_up", 0)
    assert scene.taken(session) == 1
    assert scene.ask(messages) == ["signup.confirmed"]


def test_a_full_part_queues_in_the_order_of_coming(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 1))
    answers = []
    for someone in (cast.wang, cast.chen, cast.new, cast.there, cast.new):
        answers.append(scene.sign_up(someone, session))
        scene.clock.advance(seconds=1)

    assert [(each.state, each.ahead) for each in answers] == [
        ("signed_up", 0),
        ("waiting", 0),
        ("waiting", 1),
        ("waiting", 2),
        ("waiting", 1),
    ]
    assert scene.taken(session) == 1
    assert scene.ask(messages) == ["signup.confirmed"] + ["signup.waiting"] * 3


def test_a_full_part_leaves_the_other_part_open(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 1))
    scene.sign_up(cast.wang, session)
    scene.sign_up(cast.chen, session)

    assert scene.sign_up(cast.chen, session, "serve").state == "signed_up"
    assert (scene.taken(session), scene.taken(session, "serve")) == (1, 1)


def test_cancelling_gives_the_place_to_the_first_who_waits(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 1))
    for someone in (cast.wang, cast.chen, cast.new):
        scene.sign_up(someone, session)
        scene.clock.advance(seconds=1)

    assert scene.cancel(cast.wang, session).state == "cancelled"

    assert scene.sign_ups(session) == {
        cast.wang.resident: "cancelled",
        cast.chen.resident: "signed_up",
        cast.new.resident: "waiting",
    }
    assert scene.taken(session) == 1
    assert scene.sign_up(cast.new, session).ahead == 0
    assert scene.ask(messages)[-1] == "signup.confirmed"


def test_cancelling_in_the_queue_lets_those_behind_move_up(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 1))
    for someone in (cast.wang, cast.chen, cast.new):
        scene.sign_up(someone, session)
        scene.clock.advance(seconds=1)

    scene.cancel(cast.chen, session)

    assert scene.taken(session) == 1
    assert scene.sign_up(cast.new, session).ahead == 0
    assert scene.sign_ups(session)[sure(cast.wang.resident)] == "signed_up"


def test_cancelled_twice_gives_back_one_place(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 3))
    scene.sign_up(cast.wang, session)
    scene.sign_up(cast.chen, session)

    scene.cancel(cast.wang, session)
    scene.cancel(cast.wang, session)

    assert scene.taken(session) == 1


def test_cancelling_what_was_never_signed_up_writes_nothing(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()

    assert scene.cancel(cast.wang, session).state == "cancelled"

    assert scene.sign_ups(session) == {}
    assert scene.taken(session) == 0


def test_after_cancelling_one_queues_at_the_end_again(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 1))
    for someone in (cast.wang, cast.chen):
        scene.sign_up(someone, session)
        scene.clock.advance(seconds=1)
    scene.cancel(cast.wang, session)

    again = scene.sign_up(cast.wang, session)

    assert (again.state, again.ahead) == ("waiting", 0)
    assert scene.taken(session) == 1


def test_whoever_is_there_does_not_cancel(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    scene.sign_up(cast.wang, session)
    scene.scan(cast.wang, session)

    with pytest.raises(AlreadyArrived):
        scene.cancel(cast.wang, session)

    assert scene.taken(session) == 1


def test_who_signed_up_finds_the_place_kept_and_who_waits_does_not(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 1))
    scene.sign_up(cast.wang, session)
    scene.sign_up(cast.chen, session)

    with pytest.raises(PartFull):
        scene.scan(cast.chen, session)

    assert scene.scan(cast.wang, session).outcome == "arrived"
    assert scene.taken(session) == 1


@pytest.mark.parametrize("moment", [END, END + dt.timedelta(days=1)])
def test_after_the_end_nobody_signs_up(scene: Scene, moment: dt.datetime) -> None:
    session = scene.session()
    scene.clock.set(moment)

    with pytest.raises(SignUpClosed):
        scene.sign_up(scene.cast.wang, session)

    assert scene.sign_ups(session) == {}


def test_a_session_that_was_closed_takes_no_sign_up(scene: Scene) -> None:
    session = scene.session()
    scene.run(close_session, SteerSession(session=session), scene.cast.actor(scene.cast.staff))

    with pytest.raises(SignUpClosed):
        scene.sign_up(scene.cast.wang, session)


def test_a_place_given_back_after_the_end_goes_to_nobody(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 1))
    scene.sign_up(cast.wang, session)
    scene.sign_up(cast.chen, session)
    scene.clock.set(END)

    scene.cancel(cast.wang, session)

    assert scene.sign_ups(session)[sure(cast.chen.resident)] == "waiting"
    assert sorted(scene.ask(messages)) == ["signup.confirmed", "signup.waiting"]


def test_an_activity_of_its_community_refuses_others_and_names_it(scene: Scene) -> None:
    session = scene.session(open_to="community")

    with pytest.raises(OnlyForItsCommunity) as refusal:
        scene.sign_up(scene.cast.there, session)

    assert "这场活动只面向" in refusal.value.sentence()
    assert "{" not in refusal.value.sentence()
    assert scene.sign_up(scene.cast.wang, session).state == "signed_up"


def test_a_part_that_is_not_offered_is_refused(scene: Scene) -> None:
    session = scene.session(parts=(PartOffered(part="serve", rule=SERVE),))

    with pytest.raises(PartNotOffered):
        scene.sign_up(scene.cast.wang, session)


def test_an_unknown_session_and_an_unknown_resident_are_refused(scene: Scene) -> None:
    unknown = UUID(int=7)

    with pytest.raises(SessionUnknown):
        scene.sign_up(scene.cast.wang, unknown)
    with pytest.raises(ResidentNotHere):
        scene.sign_up(
            Someone("无名", "", resident=unknown),
            scene.session(),
            actor=scene.cast.actor(scene.cast.staff),
        )


def test_staff_sign_up_somebody_without_a_phone(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()

    done = scene.sign_up(cast.li, session, actor=cast.actor(cast.staff))

    assert done.state == "signed_up"
    assert scene.sign_ups(session) == {cast.li.resident: "signed_up"}
    assert scene.cancel(cast.li, session, actor=cast.actor(cast.staff)).state == "cancelled"


@pytest.mark.parametrize("who", ["chen", "elsewhere", "near", "keeper", "lin"])
def test_nobody_else_acts_for_a_resident(scene: Scene, who: str) -> None:
    cast, session = scene.cast, scene.session()
    actor = cast.actor(getattr(cast, who))

    with pytest.raises(Forbidden):
        scene.sign_up(cast.wang, session, actor=actor)
    scene.sign_up(cast.wang, session)
    with pytest.raises(Forbidden):
        scene.cancel(cast.wang, session, actor=actor)

    assert scene.sign_ups(session) == {cast.wang.resident: "signed_up"}


def representing(scene: Scene, cast: People, agent: Someone, principal: Someone) -> Actor:
    """Sign somebody in to act for the one whom they represent."""
    given = {"principal": principal.person, "agent": agent.person, "kind": "family"}
    scene.run(represent, Represent(**given), cast.actor(cast.staff))  # type: ignore[arg-type]
    scene.run(ask_code, AskCode(phone=agent.phone, browser="test"))
    code = last_code(scene.app.extensions["linli"].config.instance, agent.phone)
    with scene.app.app_context():
        verified = prove_number(agent.phone, code, "test")
    chosen = next(choice for choice in verified.choices if choice.name == principal.name)
    signed = scene.run(choose, Choose(phone=agent.phone, id=chosen.id, label="test"))
    with scene.app.app_context():
        found = actor_of(signed.token)
    assert found is not None
    return found


def test_a_represented_person_is_signed_up_and_checked_in_by_whom_they_trust(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    actor = representing(scene, cast, cast.chen, cast.li)

    done = scene.sign_up(cast.li, session, actor=actor)

    assert done.state == "signed_up"
    assert scene.sign_ups(session) == {cast.li.resident: "signed_up"}
    with pytest.raises(Forbidden):
        scene.sign_up(cast.chen, session, actor=actor)


def alike(scene: Scene, use_case: Any, someone: Someone, session: UUID, times: int) -> list[Any]:
    """Do the same thing several times at the same moment."""
    command = ForResident(session=session, part="take_part", resident=sure(someone.resident))
    actor = scene.cast.actor(someone)
    return all_at_once(scene.app, [partial(transact, use_case, command, actor)] * times)


def test_two_taps_at_the_same_moment_take_one_place(scene: Scene) -> None:
    for _ in range(ROUNDS):
        session = scene.session(parts=scene.places("take_part", 5))

        answers = alike(scene, sign_up, scene.cast.wang, session, 4)

        assert {each.state for each in answers} == {"signed_up"}
        assert scene.taken(session) == 1


def test_two_taps_on_the_last_place_keep_it(scene: Scene) -> None:
    for _ in range(ROUNDS):
        session = scene.session(parts=scene.places("take_part", 1))

        alike(scene, sign_up, scene.cast.wang, session, 4)

        assert scene.sign_ups(session) == {scene.cast.wang.resident: "signed_up"}
        assert scene.taken(session) == 1


def test_two_cancellations_at_the_same_moment_give_back_one_place(scene: Scene) -> None:
    for _ in range(ROUNDS):
        session = scene.session(parts=scene.places("take_part", 5))
        scene.sign_up(scene.cast.wang, session)
        scene.sign_up(scene.cast.chen, session)

        alike(scene, cancel_sign_up, scene.cast.wang, session, 4)

        assert scene.taken(session) == 1


def test_two_who_cancel_at_the_same_moment_let_two_move_up(scene: Scene, app: Flask) -> None:
    cast = scene.cast
    leaving = (cast.wang, cast.chen)
    for _ in range(ROUNDS):
        session = scene.session(parts=scene.places("take_part", 2))
        for someone in (*leaving, cast.new, cast.there):
            scene.sign_up(someone, session)
            scene.clock.advance(seconds=1)
        acts = [
            partial(
                transact,
                cancel_sign_up,
                ForResident(session=session, part="take_part", resident=sure(someone.resident)),
                cast.actor(someone),
            )
            for someone in leaving
        ]

        all_at_once(app, acts)

        states = scene.sign_ups(session)
        assert states[sure(cast.new.resident)] == states[sure(cast.there.resident)] == "signed_up"
        assert scene.taken(session) == 2


def test_many_at_once_get_exactly_the_places_that_there_are(scene: Scene, app: Flask) -> None:
    staff = scene.cast.actor(scene.cast.staff)
    people = [
        scene.run(enter_resident, EnterResident(community=staff.place, name=f"居民{index}"), staff)
        for index in range(12)
    ]
    for _ in range(3):
        session = scene.session(parts=scene.places("take_part", 5))
        acts = [
            partial(
                transact,
                sign_up,
                ForResident(session=session, part="take_part", resident=each.resident),
                staff,
            )
            for each in people
        ]

        answers: list[Any] = all_at_once(app, acts)

        assert sorted(each.state for each in answers) == ["signed_up"] * 5 + ["waiting"] * 7
        assert scene.taken(session) == 5


def test_the_scan_at_the_moment_of_signing_up_takes_one_place(scene: Scene, app: Flask) -> None:
    wang = scene.cast.wang
    actor = scene.cast.actor(wang)
    for _ in range(ROUNDS):
        session = scene.session(parts=scene.places("take_part", 5))
        for_wang = ForResident(session=session, part="take_part", resident=sure(wang.resident))
        acts: list[Callable[[], object]] = [
            partial(transact, sign_up, for_wang, actor),
            partial(scene.scan, wang, session),
        ]

        all_at_once(app, acts)

        assert scene.taken(session) == 1
        assert len(scene.attendances(session)) == 1
