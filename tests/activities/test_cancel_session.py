"""A session that will not take place is cancelled, and whoever was coming is told why."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import select, text

from activities.attendance import SessionEnded, check_in
from activities.cancelling import (
    Cancelled,
    CancelReasonMissing,
    CancelSession,
    PeopleArrived,
    cancel_session,
)
from activities.publish import SessionOver, SessionUnknown
from activities.roster import sign_ups, without_phone
from activities.signup import ForResident, SignUpClosed, sign_up
from core.errors import AppError
from core.models import OutboxMessage
from core.outbox import words_of
from core.work import Work, transact
from tests.activities.scene import END, Scene, at, sure
from tests.exchange.threads import all_at_once
from tests.people import HERE, Someone


def told(scene: Scene) -> dict[UUID, tuple[str, str]]:
    """Return how each person was told, and in which words."""
    query = select(OutboxMessage).where(OutboxMessage.template == "activity.cancelled")
    rows = scene.ask(lambda c: c.execute(query).all())
    return {row.person: (row.channel, words_of(row.template, row.params)) for row in rows}


def queued(scene: Scene) -> UUID:
    """Publish with one place: 王秀英 has it, 李国强 and 陈建国 wait, 周晓燕 has given hers back."""
    cast = scene.cast
    session = scene.session(parts=scene.places("take_part", 1))
    staff = cast.actor(cast.staff)
    for someone in (cast.wang, cast.li, cast.chen, cast.new):
        scene.sign_up(someone, session, actor=staff)
        scene.clock.advance(seconds=1)
    scene.cancel(cast.new, session)
    return session


def test_who_has_a_place_and_who_waits_are_told_why_and_whom_to_call(scene: Scene) -> None:
    cast, session = scene.cast, queued(scene)

    done = scene.end(cancel_session, session)

    assert (done.state, done.told, done.without_phone) == ("cancelled", 2, 1)
    words = "11月24日10:30 的便民集市取消了：有暴雨。请不要前往，有事可联系社区。"
    assert told(scene) == {
        cast.wang.person: ("sms", words),
        cast.chen.person: ("sms", words),
        cast.li.person: ("inapp", words),
    }
    assert (scene.row(session).state, scene.row(session).cancel_reason) == ("cancelled", "有暴雨")


def test_it_is_said_at_night_too_as_somebody_might_set_out_early(scene: Scene) -> None:
    session = scene.session(sessions=((at(9, day=25), at(11, day=25)),))
    scene.sign_up(scene.cast.wang, session)
    scene.clock.set(at(23))

    scene.end(cancel_session, session)

    query = select(OutboxMessage.send_after).where(OutboxMessage.template == "activity.cancelled")
    assert scene.ask(lambda c: c.scalars(query).all()) == [at(23)]


def test_who_serves_and_takes_part_is_told_once(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    scene.sign_up(cast.wang, session)
    scene.sign_up(cast.wang, session, "serve")

    assert scene.end(cancel_session, session).told == 1
    assert len(told(scene)) == 1


def test_cancelled_twice_nobody_is_told_twice(scene: Scene) -> None:
    session = queued(scene)

    first = scene.end(cancel_session, session)
    again = scene.run(
        cancel_session,
        CancelSession(session=session, reason="场地用不了"),
        scene.cast.actor(scene.cast.lead),
    )

    assert again == first
    assert len(told(scene)) == 3
    assert scene.row(session).cancel_reason == "有暴雨"


def test_who_waits_moves_up_no_more_and_nobody_signs_up(scene: Scene) -> None:
    cast, session = scene.cast, queued(scene)
    scene.end(cancel_session, session)

    scene.cancel(cast.wang, session)

    states = scene.sign_ups(session)
    assert states[cast.li.resident] == states[cast.chen.resident] == "waiting"  # type: ignore[index]
    with pytest.raises(SignUpClosed):
        scene.sign_up(cast.new, session)


def test_staff_still_see_whom_they_tell_in_person(scene: Scene) -> None:
    session = queued(scene)
    scene.end(cancel_session, session)

    rows = scene.ask(lambda c: sign_ups(c, session, HERE))

    assert [(row.name, row.state, row.turn) for row in rows] == [
        ("王秀英", "signed_up", 0),
        ("李国强", "waiting", 1),
        ("陈建国", "waiting", 2),
    ]
    assert [(row.name, row.where) for row in without_phone(rows)] == [
        ("李国强", "建国南苑 3-2-401"),
    ]


def test_what_cannot_be_cancelled_stays_and_nobody_is_told(scene: Scene) -> None:
    cast, session, visited = scene.cast, scene.session(), scene.session()
    scene.sign_up(cast.chen, session)
    scene.scan(cast.wang, visited)

    def refused(session: UUID, reason: str, refusal: type[AppError]) -> None:
        command = CancelSession(session=session, reason=reason)
        with pytest.raises(refusal):
            scene.run(cancel_session, command, cast.actor(cast.staff))

    refused(session, "　", CancelReasonMissing)
    refused(session, "长" * 21, CancelReasonMissing)
    refused(visited, "有暴雨", PeopleArrived)
    scene.clock.set(END)
    refused(session, "有暴雨", SessionOver)
    refused(UUID(int=7), "有暴雨", SessionUnknown)

    assert scene.row(session).state == scene.row(visited).state == "open"
    assert told(scene) == {}


BLOCKED = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def test_who_comes_while_it_is_being_cancelled_finds_it_cancelled(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    for someone in (cast.chen, cast.new):
        scene.sign_up(someone, session)
    scene.cancel(cast.new, session)
    scans = [(someone, scene.command(session)) for someone in (cast.chen, cast.wang)]
    uncommitted = threading.Event()

    def slowly(work: Work, command: CancelSession) -> Cancelled:
        done = cancel_session(work, command)
        uncommitted.set()
        for _try in range(0 if work.is_sqlite else 500):
            if work.connection.scalar(BLOCKED) == len(late):
                break
            time.sleep(0.01)
        return done

    def after(use_case: Callable[..., object], command: object, who: Someone) -> object:
        uncommitted.wait()
        return transact(use_case, command, cast.actor(who))

    def places(who: Someone) -> ForResident:
        return ForResident(session=session, part="take_part", resident=sure(who.resident))

    late = [partial(after, check_in, scan, who) for who, scan in scans]
    late += [
        partial(after, sign_up, places(who), actor)
        for who, actor in ((cast.li, cast.staff), (cast.new, cast.new))
    ]
    cancel = partial(
        transact, slowly, CancelSession(session=session, reason="有暴雨"), cast.actor(cast.staff)
    )
    done, *answers = all_at_once(scene.app, [cancel, *late])

    assert isinstance(done, Cancelled)
    assert [type(each) for each in answers] == [SessionEnded] * 2 + [SignUpClosed] * 2
    assert scene.attendances(session) == []
    assert scene.taken(session) == 1
    assert set(told(scene)) == {cast.chen.person}
