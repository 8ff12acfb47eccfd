"""Hours of a file: what does not fit is refused by its own name, and what is over a cap is said."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from core.errors import AppError
from core.served import Span
from core.work import reader
from points.earning.act_sheets import ActSheetEmpty, ActSheetTooLong, RowResult, RowsRecorded
from points.earning.recorders import Looker
from points.feeds import imported
from points.feeds.hours import HoursImported, HoursKnown, HoursTooShort, HoursWrong
from points.feeds.imported import (
    HoursRow,
    HoursWithoutTimes,
    import_hours,
    look_at_hours,
    whole_day,
)
from points.models import ActSheet, Award, ImportedHours
from tests.activities.scene import Scene, at
from tests.conftest import Clock
from tests.people import HERE, People, Someone
from tests.points.books import one
from tests.points.correcting import Desk
from tests.points.earning import count

TODAY, YESTERDAY = whole_day(dt.date(2026, 11, 24)), whole_day(dt.date(2026, 11, 23))


@pytest.fixture
def scene(app: Flask, cast: People, clock: Clock) -> Scene:
    """王秀英 served here from 10:30 to 11:30; it is one o'clock now."""
    made = Scene(app, cast, clock)
    made.serve(cast.wang, made.session(), at(10, 30), at(11, 30))
    clock.set(at(13))
    return made


def hours(who: Someone, span: Span, minutes: int | None = None) -> HoursRow:
    return HoursRow(number=1, resident=one(who.resident), span=span, minutes=minutes)


def bring(scene: Scene, *rows: HoursRow) -> list[Any]:
    """Import rows as staff; return what became of each."""
    staff = scene.cast.actor(scene.cast.staff)
    with scene.app.app_context():
        _sheet, done = import_hours(staff, HERE, rows, "志愿浙江")
    return list(done.rows)


@pytest.mark.parametrize(
    ("span", "minutes", "refusal"),
    [
        (Span(at(12), at(11)), None, HoursWrong),
        (Span(at(12), at(12)), None, HoursWrong),
        (Span(at(12), at(13, 1)), None, HoursWrong),
        (Span(at(12), at(14)), None, HoursWrong),
        (Span(at(12, 50, day=22), at(12, 51, day=23)), None, HoursWrong),
        (Span(at(12), at(12, 20)), None, HoursTooShort),
        (Span(at(10, 30), at(11, 30)), None, HoursKnown),
        (Span(at(11), at(11, 40)), None, HoursKnown),
        (Span(at(8, 59), at(10)), None, HoursImported),
        (TODAY, 60, HoursWithoutTimes),
        (YESTERDAY, 24, HoursTooShort),
    ],
)
def test_hours_that_do_not_fit_are_refused(
    scene: Scene, span: Span, minutes: int | None, refusal: type[AppError]
) -> None:
    wang = scene.cast.wang
    bring(scene, hours(wang, Span(at(8), at(9))))

    [row] = bring(scene, hours(wang, span, minutes))

    with scene.app.test_request_context():
        assert (row.outcome, row.message) == ("refused", refusal().sentence())
    assert scene.ask(lambda c: count(c, "imported_hours")) == 1


@pytest.mark.parametrize(
    ("span", "minutes", "units"),
    [
        (Span(at(12), at(13)), None, 2),
        (Span(at(12, day=22), at(12, day=23)), None, 8),
        (Span(at(12), at(12, 25)), None, 1),
        (Span(at(9), at(9, 30)), None, 1),
        (YESTERDAY, 25, 1),
        (YESTERDAY, 85, 3),
    ],
)
def test_hours_exactly_at_a_bound_count(
    scene: Scene, span: Span, minutes: int | None, units: int
) -> None:
    wang = scene.cast.wang
    bring(scene, hours(wang, Span(at(8), at(9))))

    [row] = bring(scene, hours(wang, span, minutes))

    assert (row.outcome, row.units) == ("recorded", units)


def test_today_gives_no_more_hours_than_it_has_had(scene: Scene) -> None:
    chen = scene.cast.chen

    [over] = bring(scene, hours(chen, TODAY, 13 * 60 + 1))
    [whole] = bring(scene, hours(chen, TODAY, 13 * 60))

    with scene.app.test_request_context():
        assert (over.outcome, over.message) == ("refused", HoursWrong().sentence())
    assert (whole.outcome, whole.units) == ("recorded", 8)


def test_what_a_file_recorded_is_kept_and_told_again(scene: Scene, clock: Clock) -> None:
    chen, staff = scene.cast.chen, scene.cast.actor(scene.cast.staff)
    rows = [
        hours(chen, Span(at(8), at(9))),
        replace(hours(scene.cast.wang, YESTERDAY, 60), number=2),
    ]
    unread = RowResult(
        number=3, outcome="refused", award=None, units=0, amount=0, message="没有看懂。"
    )
    with scene.app.app_context():
        looker = Looker(connection=reader(), actor=staff, day=clock.now.date())
        seen = look_at_hours(looker, clock.now, HERE, rows)
        sheet, done = import_hours(staff, HERE, rows, "志愿浙江", [unread])
        again = import_hours(staff, HERE, rows, "志愿浙江", [unread])

    def result(number: int, outcome: str, award: UUID | None) -> RowResult:
        return RowResult(
            number=number, outcome=outcome, award=award, units=2, amount=1000, message=""
        )

    assert seen.rows == (result(1, "recorded", None), result(2, "recorded", None))
    came = Award.source_kind == "import"
    given = scene.ask(
        lambda c: c.execute(select(Award.__table__).where(came).order_by(Award.event_at)).all()
    )
    [of_wang, of_chen] = given
    assert done.rows == (
        result(1, "recorded", of_chen.id),
        result(2, "recorded", of_wang.id),
        unread,
    )
    assert again == (
        sheet,
        RowsRecorded(
            rows=(result(1, "existed", of_chen.id), result(2, "existed", of_wang.id), unread)
        ),
    )
    assert [
        (each.cause, each.holder_id, each.community, each.bearing, each.rule, each.source_kind)
        for each in given
    ] == [
        (f"hours:{who.resident}:{when}", who.resident, HERE, HERE, "serve.import", "import")
        for who, when in (
            (scene.cast.wang, "2026-11-23"),
            (chen, "2026-11-24T00:00:00+00:00"),
        )
    ]
    assert {(each.source_id, each.recorded_by, each.reason) for each in given} == {
        (sheet, staff.person, "志愿平台时长，志愿浙江")
    }
    [kept] = scene.ask(lambda c: c.execute(select(ActSheet.__table__)).mappings().all())
    assert dict(kept) == {
        "id": sheet,
        "community": HERE,
        "name": "志愿浙江",
        "total": 3,
        "recorded_by": staff.person,
        "created_at": clock.now,
    }
    spans = select(ImportedHours.__table__).order_by(ImportedHours.starts_at)
    assert scene.ask(lambda c: [tuple(row) for row in c.execute(spans)]) == [
        (of_wang.id, scene.cast.wang.resident, YESTERDAY.starts_at, YESTERDAY.ends_at),
        (of_chen.id, chen.resident, at(8), at(9)),
    ]


def test_what_was_served_here_is_taken_off(scene: Scene) -> None:
    [row] = bring(scene, hours(scene.cast.wang, Span(at(10), at(12))))

    assert (row.outcome, row.units) == ("recorded", 2)


def test_hours_beyond_the_cap_of_a_day_are_in_nobodys_way(scene: Scene) -> None:
    chen = scene.cast.chen
    whole = hours(chen, Span(at(8, day=23), at(12, day=23)))
    beyond = hours(chen, Span(at(13, day=23), at(14, day=23)))

    done = bring(scene, whole, beyond)

    assert [(row.outcome, row.units) for row in done] == [("recorded", 8), ("capped", 0)]
    assert [row.message for row in done] == ["", "本人每天的上限已满，不计分"]
    assert scene.ask(lambda c: count(c, "imported_hours")) == 1


def test_a_file_of_known_hours_leaves_no_trace_but_its_sheet(scene: Scene) -> None:
    """Who brings what was there already has changed nothing that has to be audited."""
    known = hours(scene.cast.chen, Span(at(8), at(9)))
    kept = [scene.ask(lambda c: count(c, "audit_events"))]
    outcomes = []
    for _time in range(2):
        [row] = bring(scene, known)
        outcomes.append(row.outcome)
        kept.append(scene.ask(lambda c: count(c, "audit_events")))

    assert outcomes == ["recorded", "existed"]
    assert kept[0] < kept[1] == kept[2]


def test_hours_that_follow_each_other_in_a_file_do_not_overlap(scene: Scene) -> None:
    chen = scene.cast.chen

    done = bring(scene, hours(chen, Span(at(8), at(9))), hours(chen, Span(at(9), at(10))))

    assert [(row.outcome, row.units) for row in done] == [("recorded", 2), ("recorded", 2)]


def test_a_row_that_stands_twice_in_a_file_counts_once(scene: Scene) -> None:
    row = hours(scene.cast.chen, Span(at(8), at(9)))

    done = bring(scene, row, replace(row, number=2))

    assert [(each.outcome, each.units, each.amount) for each in done] == [
        ("recorded", 2, 1000),
        ("existed", 0, 0),
    ]


def test_a_file_has_rows_and_an_end(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imported, "ROWS_MAX", 2)
    whole = [hours(scene.cast.chen, Span(at(8), at(9))), hours(scene.cast.chen, TODAY)]

    with pytest.raises(ActSheetEmpty):
        bring(scene)
    with pytest.raises(ActSheetTooLong):
        bring(scene, *whole, hours(scene.cast.wang, Span(at(12), at(13))))
    assert scene.ask(lambda c: count(c, "imported_hours")) == 0
    assert len(bring(scene, *whole)) == len(whole)


@pytest.mark.parametrize(("amount", "outcome"), [(None, "recorded"), (500, "refused")])
def test_hours_are_in_nobodys_way_once_all_of_them_were_taken_back(
    scene: Scene, desk: Desk, amount: int | None, outcome: str
) -> None:
    """陈建国 had been mixed up with somebody; his own morning comes with the next list."""
    chen = scene.cast.chen
    [mixed_up] = bring(scene, hours(chen, Span(at(8), at(10))))
    desk.night()
    desk.back(mixed_up.award, amount=amount)

    [own] = bring(scene, hours(chen, Span(at(9), at(11))))

    assert own.outcome == outcome
    assert desk.broken() == []


def test_hours_that_were_taken_back_in_part_still_cover_their_time(
    scene: Scene, desk: Desk
) -> None:
    """Half an hour of two was wrong; a sheet of the same morning gives none of them again."""
    chen, session = scene.cast.chen, scene.session(sessions=((at(14), at(16)),))
    scene.clock.set(at(17))
    [given] = bring(scene, hours(chen, Span(at(14), at(16))))
    desk.night()
    desk.back(given.award, amount=500)

    done = scene.enter(chen, session, part="serve", entry=at(14), exit=at(16))

    assert (done.half_hours, done.elsewhere) == (0, 4)
