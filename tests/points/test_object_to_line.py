"""分数不对: residents object inside the window, staff answer, and the list stays as it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

import pytest
from flask import Flask

from core.acts import NotInYourScope
from core.errors import Forbidden
from exchange.moving import MoveHousehold, move_household
from points.bulletins import lists
from points.bulletins.lists import BulletinUnknown
from points.bulletins.objecting import NotYourCommunity, Object, ObjectionsOver, object_to_line
from points.correcting.corrections import (
    AnswerCorrection,
    CorrectionOpen,
    CorrectionWordsMissing,
    OwnCorrection,
    answer_correction,
)
from tests.conftest import Clock
from tests.people import HERE, THERE, People
from tests.points.books import one
from tests.points.bulletins_scene import NOVEMBER, give, november, post, settle, shown
from tests.points.correcting import Desk

Run = Callable[..., Any]
WORDS = "那天他没有来"


@pytest.fixture
def line(app: Flask, run: Run, cast: People, clock: Clock, ask: Callable[..., Any]) -> UUID:
    """The first line of November's list: 王秀英's service."""
    for who in (cast.wang, cast.chen, cast.there, cast.elsewhere, cast.lead):
        cast.actor(who)
    november(app, run, cast, clock)
    post(run)
    return first(ask)


def first(ask: Callable[..., Any], community: int = HERE) -> UUID:
    posted = ask(lists.list_of, community, NOVEMBER)
    found: UUID = ask(lists.lines, posted)[0].id
    return found


def test_a_neighbour_objects_and_is_answered(
    run: Run, cast: People, ask: Callable[..., Any], line: UUID
) -> None:
    before = ask(shown)
    made = run(object_to_line, Object(line=line, words=WORDS), cast.actor(cast.chen))
    waiting = ask(lists.open_objections, HERE)
    command = AnswerCorrection(correction=made.id, answer="查过签到，那天到了两次")
    run(answer_correction, command, cast.actor(cast.staff))
    posted, found = ask(lists.line, line)
    objection = ask(lists.objections, posted)[0]

    assert waiting == {NOVEMBER: 1}
    assert ask(lists.open_objections, HERE) == {}
    assert found.objection == "explained"
    assert (objection.words, objection.state) == (WORDS, "answered")
    assert objection.answer == "查过签到，那天到了两次"
    assert ask(shown) == before


def test_the_same_words_again_are_the_same_objection(run: Run, cast: People, line: UUID) -> None:
    actor = cast.actor(cast.chen)
    made = run(object_to_line, Object(line=line, words=WORDS), actor)
    again = run(object_to_line, Object(line=line, words=WORDS), actor)

    assert (again.id, again.exists) == (made.id, True)
    with pytest.raises(CorrectionOpen):
        run(object_to_line, Object(line=line, words="还有，次数也不对"), actor)


def test_an_open_objection_is_shown_on_the_line(
    run: Run, cast: People, ask: Callable[..., Any], line: UUID
) -> None:
    run(object_to_line, Object(line=line, words=WORDS), cast.actor(cast.chen))

    assert ask(lists.line, line)[1].objection == "open"


def test_the_window_closes_after_its_last_day(
    run: Run, cast: People, clock: Clock, line: UUID
) -> None:
    clock.set(dt.datetime(2026, 12, 12, 15, 59, tzinfo=dt.UTC))
    run(object_to_line, Object(line=line, words=WORDS), cast.actor(cast.chen))
    clock.set(dt.datetime(2026, 12, 12, 16, 1, tzinfo=dt.UTC))

    with pytest.raises(ObjectionsOver):
        run(object_to_line, Object(line=line, words=WORDS), cast.actor(cast.wang))


def test_an_objection_in_time_is_answered_also_after_the_window(
    run: Run, cast: People, clock: Clock, ask: Callable[..., Any], line: UUID
) -> None:
    made = run(object_to_line, Object(line=line, words=WORDS), cast.actor(cast.chen))
    clock.advance(days=9)
    command = AnswerCorrection(correction=made.id, answer="少记一次，已补")
    run(answer_correction, command, cast.actor(cast.staff))

    assert ask(lists.line, line)[1].objection == "explained"


def test_nobody_objects_to_the_list_of_another_community(
    run: Run, cast: People, line: UUID
) -> None:
    with pytest.raises(NotYourCommunity):
        run(object_to_line, Object(line=line, words=WORDS), cast.actor(cast.there))


def test_whoever_served_elsewhere_objects_to_their_own_line_there(
    app: Flask, run: Run, cast: People, clock: Clock, ask: Callable[..., Any], line: UUID
) -> None:
    clock.set(dt.datetime(2026, 11, 25, 2, tzinfo=dt.UTC))
    give(run, cast, "elsewhere", bearing=THERE)
    settle(app, clock)
    clock.set(dt.datetime(2026, 12, 5, 2, tzinfo=dt.UTC))
    post(run, community=THERE)
    there = first(ask, THERE)

    assert not run(
        object_to_line, Object(line=there, words="少了半小时"), cast.actor(cast.wang)
    ).exists
    with pytest.raises(NotYourCommunity):
        run(object_to_line, Object(line=there, words=WORDS), cast.actor(cast.chen))


def test_staff_write_down_what_somebody_without_a_phone_says(
    run: Run, cast: People, ask: Callable[..., Any], line: UUID
) -> None:
    command = Object(line=line, words=WORDS, resident=one(cast.li.resident))
    run(object_to_line, command, cast.actor(cast.staff))
    posted, _line = ask(lists.line, line)

    assert ask(lists.objections, posted)[0].asked_by == cast.li.person
    with pytest.raises(NotInYourScope):
        run(object_to_line, command, cast.actor(cast.elsewhere))


def test_staff_of_where_somebody_moved_write_down_what_they_say_of_a_line_of_before(
    run: Run, cast: People, ask: Callable[..., Any], line: UUID
) -> None:
    move = MoveHousehold(key="m", community=THERE, residents=(one(cast.wang.resident),))
    [now] = run(move_household, move, cast.actor(cast.elsewhere)).residents
    run(object_to_line, Object(line=line, words=WORDS, resident=now), cast.actor(cast.elsewhere))

    assert ask(lists.open_objections, HERE) == {NOVEMBER: 1}


def test_staff_object_to_nothing_in_their_own_name(run: Run, cast: People, line: UUID) -> None:
    with pytest.raises(Forbidden):
        run(object_to_line, Object(line=line, words=WORDS), cast.actor(cast.staff))


def test_an_objection_says_something(run: Run, cast: People, line: UUID) -> None:
    for words in ("", "  ", "多" * 201):
        with pytest.raises(CorrectionWordsMissing):
            run(object_to_line, Object(line=line, words=words), cast.actor(cast.chen))


def test_a_line_that_does_not_exist_is_refused(run: Run, cast: People, line: UUID) -> None:
    command = Object(line=uuid5(line, "no"), words=WORDS)
    with pytest.raises(BulletinUnknown):
        run(object_to_line, command, cast.actor(cast.chen))


def test_nobody_answers_their_own_objection(run: Run, cast: People, line: UUID) -> None:
    made = run(object_to_line, Object(line=line, words=WORDS), cast.actor(cast.chen))
    staff = cast.actor(cast.staff)
    same = type(staff)(
        person=one(cast.chen.person), role="staff", scope_kind="community", place=HERE
    )
    with pytest.raises(OwnCorrection):
        run(answer_correction, AnswerCorrection(correction=made.id, answer="没错"), same)


def test_nobody_answers_an_objection_to_their_own_line_or_their_households(
    run: Run, cast: People, line: UUID
) -> None:
    made = run(object_to_line, Object(line=line, words=WORDS), cast.actor(cast.chen))
    staff = cast.actor(cast.staff)
    for someone in (cast.wang, cast.li):
        same = replace(staff, person=one(someone.person))
        with pytest.raises(OwnCorrection):
            run(answer_correction, AnswerCorrection(correction=made.id, answer="没错"), same)
    assert run(answer_correction, AnswerCorrection(correction=made.id, answer="没错"), staff)


def test_an_open_objection_outweighs_one_that_was_answered(desk: Desk, app: Flask) -> None:
    november(app, desk.run, desk.cast, desk.clock)
    post(desk.run)
    posted = desk.ask(lists.list_of, HERE, NOVEMBER)
    [first, *_] = desk.ask(lists.lines, posted)
    for number, who in enumerate((desk.cast.chen, desk.cast.new)):
        command = Object(line=first.id, words="那天他没有来")
        made = desk.run(object_to_line, command, desk.cast.actor(who))
        if not number:
            said = AnswerCorrection(correction=made.id, answer="查过签到")
            desk.run(answer_correction, said, desk.cast.actor(desk.cast.staff))

    assert desk.ask(lists.lines, posted)[0].objection == "open"
