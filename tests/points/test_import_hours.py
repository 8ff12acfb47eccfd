"""Hours of a file: what does not fit is refused by its own name, and what is over a cap is said."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from flask import Flask

from core.errors import AppError
from core.served import Span
from points.earning.act_sheets import ActSheetEmpty, ActSheetTooLong
from points.feeds import imported
from points.feeds.hours import HoursImported, HoursKnown, HoursTooShort, HoursWrong
from points.feeds.imported import HoursRow, HoursWithoutTimes, import_hours, whole_day
from tests.activities.scene import Scene, at
from tests.conftest import Clock
from tests.people import HERE, People, Someone
from tests.points.books import one
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
        (Span(at(12), at(14)), None, HoursWrong),
        (Span(at(12, 50, day=22), at(12, 51, day=23)), None, HoursWrong),
        (Span(at(12), at(12, 20)), None, HoursTooShort),
        (Span(at(10, 30), at(11, 30)), None, HoursKnown),
        (Span(at(11), at(11, 40)), None, HoursKnown),
        (Span(at(8, 59), at(10)), None, HoursImported),
        (TODAY, 60, HoursWithoutTimes),
        (YESTERDAY, 10, HoursTooShort),
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


def test_a_file_has_rows_and_an_end(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imported, "ROWS_MAX", 2)
    whole = [hours(scene.cast.chen, Span(at(8), at(9))), hours(scene.cast.chen, TODAY)]

    with pytest.raises(ActSheetEmpty):
        bring(scene)
    with pytest.raises(ActSheetTooLong):
        bring(scene, *whole, hours(scene.cast.wang, Span(at(12), at(13))))
    assert scene.ask(lambda c: count(c, "imported_hours")) == 0
    assert len(bring(scene, *whole)) == len(whole)
