"""A paper sheet of a session: each line by itself, and a sheet typed twice is one sheet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from activities.entries import EnterSheet, SheetEntered, SheetRow, enter_sheet
from activities.publish import Part, SessionUnknown, close_session
from core.acts import NotInYourScope
from core.errors import Forbidden
from core.work import transact
from tests.activities.scene import END, START, Scene, at, sure
from tests.everything import everything
from tests.exchange.threads import all_at_once
from tests.people import Someone

NOON = at(12)


def line(
    someone: Someone,
    part: Part = "take_part",
    entry: dt.datetime | None = START,
    left: dt.datetime | None = None,
) -> SheetRow:
    return SheetRow(resident=sure(someone.resident), part=part, entry=entry, exit=left)


def enter(scene: Scene, session: UUID, rows: Sequence[SheetRow]) -> SheetEntered:
    command = EnterSheet(session=session, rows=tuple(rows))
    return scene.run(enter_sheet, command, scene.cast.actor(scene.cast.staff))


def test_a_sheet_enters_its_lines(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    scene.clock.set(NOON)

    done = enter(
        scene, session, [line(cast.wang), line(cast.li, "serve", left=at(11, 30)), line(cast.there)]
    )

    assert (done.entered, done.refused) == (3, 0)
    assert [each.outcome for each in done.lines] == ["arrived", "left", "arrived"]
    rows = scene.attendances(session)
    assert {(row.method, row.provenance, row.reason) for row in rows} == {
        ("sheet", "recorded", "照签到表录入"),
    }
    assert {row.recorded_by for row in rows} == {cast.staff.person}
    assert sorted(award.amount for award in scene.awards(session)) == [100, 100, 1000]


def test_typed_twice_it_is_one_sheet(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    scene.clock.set(NOON)
    sheet = [line(cast.wang), line(cast.li, "serve", left=at(11, 30)), line(cast.wang)]
    enter(scene, session, sheet)
    before = scene.ask(everything)

    again = enter(scene, session, sheet)

    assert [each.outcome for each in again.lines] == ["again", "again_left", "again"]
    assert (again.entered, again.refused) == (3, 0)
    assert scene.ask(everything) == before


def test_typed_by_several_at_once_it_is_one_sheet(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    scene.clock.set(NOON)
    rows = (line(cast.wang), line(cast.li, "serve", left=at(11, 30)), line(cast.chen))
    command = EnterSheet(session=session, rows=rows)
    other = EnterSheet(session=session, rows=rows[::-1])
    staff, lead = cast.actor(cast.staff), cast.actor(cast.lead)

    done: list[Any] = all_at_once(
        scene.app,
        [partial(transact, enter_sheet, command, staff)] * 3
        + [partial(transact, enter_sheet, other, lead)] * 3,
    )

    assert [(each.entered, each.refused) for each in done] == [(3, 0)] * 6
    assert len(scene.attendances(session)) == 4
    assert len(scene.awards(session)) == 3
    assert (scene.taken(session), scene.taken(session, "serve")) == (2, 1)


def test_a_line_that_is_refused_is_left_out_by_itself(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 1))
    scene.clock.set(NOON)
    stranger = Someone("无名", "", resident=UUID(int=7))

    done = enter(
        scene,
        session,
        [
            line(cast.wang),
            line(stranger),
            line(cast.chen),
            line(cast.new, "serve", at(11), at(10, 40)),
            line(cast.li, "serve", at(12, 1)),
            line(cast.li, "serve", START, at(11, 30)),
        ],
    )

    assert (done.entered, done.refused) == (2, 4)
    assert [each.row for each in done.lines if each.outcome == "refused"] == [1, 2, 3, 4]
    sentences = [each.message for each in done.lines]
    assert sentences[0] == sentences[5] == ""
    assert sentences[1] == "没有找到这位居民。请先登记。"
    assert "名额满了" in sentences[2]
    assert sentences[3] == sentences[4]
    assert "离开要晚于签到" in sentences[3]
    assert len(scene.attendances(session)) == 3
    assert scene.taken(session) == scene.taken(session, "serve") == 1
    assert scene.refused() == []


def test_times_that_are_not_written_are_those_of_the_session(scene: Scene) -> None:
    cast, session, ended = scene.cast, scene.session(), scene.session()
    scene.clock.set(at(11, 5))
    scene.end(close_session, ended)
    rows = [line(cast.wang, entry=None), line(cast.li, "serve", None)]

    enter(scene, session, [line(cast.chen, "serve", None)])
    scene.clock.set(NOON)
    for each in (session, ended):
        enter(scene, each, rows)

    times = {row.event_at for row in scene.attendances(session) if row.phase == "exit"}
    assert times == {at(11, 5), NOON}
    assert [row.event_at for row in scene.attendances(ended)] == [START, at(11, 5), START]


def test_a_sheet_of_the_day_after_is_back_filled_and_its_hours_wait(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    scene.clock.set(at(9, day=25))

    enter(scene, session, [line(cast.wang), line(cast.li, "serve", left=END)])

    assert {row.provenance for row in scene.attendances(session)} == {"back_filled"}
    due = {award.points_kind: award.due for award in scene.awards(session)}
    assert due == {"basic": at(2, day=26), "service": None}


@pytest.mark.parametrize("who", ["elsewhere", "keeper", "lin", "wang"])
def test_nobody_but_staff_of_the_community_enters_a_sheet(scene: Scene, who: str) -> None:
    cast, session = scene.cast, scene.session()
    scene.clock.set(NOON)
    actor = cast.actor(getattr(cast, who))
    command = EnterSheet(session=session, rows=(line(cast.wang),))
    before = scene.ask(everything)

    with pytest.raises(Forbidden) as refusal:
        scene.run(enter_sheet, command, actor)
    with pytest.raises(SessionUnknown):
        scene.run(enter_sheet, EnterSheet(session=UUID(int=7), rows=command.rows), actor)

    assert isinstance(refusal.value, NotInYourScope) == (who == "elsewhere")
    assert scene.ask(everything) == before
