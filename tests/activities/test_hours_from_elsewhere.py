"""Hours that were imported count once, also where the attendance is entered afterwards."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from activities.entries import EnterSheet, SheetRow, enter_sheet
from activities.verify import CHECKS, hours_twice
from core.db import db
from core.served import Span
from points.earning.awards import void_award
from points.feeds.imported import HoursRow, import_hours, whole_day
from points.proof.verify import broken
from tests.activities.scene import Scene, at, sure
from tests.admin.forms import fill
from tests.admin.scene import words
from tests.people import Someone

NOON = at(13)


def imported(
    scene: Scene, who: Someone, span: Span, minutes: int | None = None
) -> tuple[str, int, Any]:
    """Import hours of somebody, as staff; return what became of them."""
    row = HoursRow(number=1, resident=sure(who.resident), span=span, minutes=minutes)
    staff = scene.cast.actor(scene.cast.staff)
    with scene.app.app_context():
        _sheet, done = import_hours(staff, who.community, [row], "志愿浙江")
    [found] = done.rows
    return found.outcome, found.units, found.award


@pytest.fixture
def session(scene: Scene) -> UUID:
    """A session of this morning, over since half an hour."""
    made = scene.session()
    scene.clock.set(NOON)
    return made


def serve_by_hand(scene: Scene, who: Someone, session: UUID, entry: Any, left: Any) -> Any:
    return scene.enter(who, session, part="serve", entry=entry, exit=left)


def units(scene: Scene, session: UUID) -> list[int]:
    return [award.units for award in scene.awards(session)]


def wrong(scene: Scene) -> list[str]:
    """Return which checks of attendance do not hold."""
    return [each.name for each in scene.ask(lambda c: list(broken(c, CHECKS)))]


def test_hours_that_were_imported_are_entered_and_give_nothing_again(
    scene: Scene, session: UUID
) -> None:
    wang = scene.cast.wang
    assert imported(scene, wang, Span(at(10, 30), at(12, 30)))[:2] == ("recorded", 4)

    done = serve_by_hand(scene, wang, session, at(10, 30), at(12, 30))

    assert (done.outcome, done.half_hours, done.elsewhere, done.award) == ("left", 0, 4, None)
    assert len(scene.attendances(session)) == 2
    assert scene.awards(session) == []
    assert wrong(scene) == []


def test_what_the_import_left_uncovered_counts(scene: Scene, session: UUID) -> None:
    wang = scene.cast.wang
    imported(scene, wang, Span(at(10), at(11, 30)))

    done = serve_by_hand(scene, wang, session, at(10, 30), at(12, 30))

    assert (done.half_hours, done.elsewhere) == (2, 2)
    assert units(scene, session) == [2]
    assert wrong(scene) == []


def test_hours_without_their_times_cover_their_day_up_to_when_they_came(scene: Scene) -> None:
    cast, early, late = scene.cast, scene.session(), scene.session(sessions=((at(14), at(15)),))
    scene.clock.set(NOON)
    today = whole_day(dt.date(2026, 11, 24))
    assert imported(scene, cast.wang, today, 120)[0] == "recorded"

    assert serve_by_hand(scene, cast.wang, early, at(10, 30), at(12, 30)).elsewhere == 4
    scene.clock.set(at(15))
    assert serve_by_hand(scene, cast.wang, late, at(14), at(15)).elsewhere == 0

    assert (units(scene, early), units(scene, late)) == ([], [2])
    assert wrong(scene) == []


def test_what_is_imported_later_gives_way_and_an_exit_by_hand_does_not_again(
    scene: Scene,
) -> None:
    cast, session = scene.cast, scene.session()
    scene.scan(cast.wang, session, "serve", when=at(11))
    serve_by_hand(scene, cast.chen, session, at(11), None)
    scene.clock.set(NOON)

    for who in (cast.wang, cast.chen):
        assert imported(scene, who, Span(at(10), at(12, 30)))[:2] == ("recorded", 2)
        done = serve_by_hand(scene, who, session, None, at(12, 30))
        assert (done.half_hours, done.elsewhere) == (3, 0)
    assert wrong(scene) == []


def test_hours_that_were_taken_back_are_in_nobodys_way(scene: Scene, session: UUID) -> None:
    wang = scene.cast.wang
    award = imported(scene, wang, Span(at(10, 30), at(12, 30)))[2]
    scene.run(void_award, award)

    assert serve_by_hand(scene, wang, session, at(10, 30), at(12, 30)).half_hours == 4
    assert wrong(scene) == []


def test_each_line_of_a_sheet_says_what_did_not_count(scene: Scene, session: UUID) -> None:
    cast = scene.cast
    imported(scene, cast.wang, Span(at(10, 30), at(12)))
    rows = tuple(
        SheetRow(resident=sure(who.resident), part="serve", entry=at(10, 30), exit=at(12, 30))
        for who in (cast.wang, cast.chen)
    )

    done = scene.run(enter_sheet, EnterSheet(session=session, rows=rows), cast.actor(cast.staff))

    assert (done.entered, done.refused) == (2, 0)
    assert [line.message for line in done.lines] == [
        "1.5 小时已按导入的志愿时长计过分，只记到场，不重复计分。",
        "",
    ]
    assert sorted(units(scene, session)) == [1, 4]


def test_the_desk_says_so_beside_the_name_and_goes_on(scene: Scene, session: UUID) -> None:
    cast = scene.cast
    for who in (cast.wang, cast.chen):
        imported(scene, who, Span(at(10, 30), at(12, 30)))
    browser, page = cast.browser(cast.staff), f"/desk/sessions/{session}"

    typed = {"part": "serve", "phase": "both", "entry": "10:30", "reason": "没带手机"}
    by_hand = fill(browser, f"{page}?q=王秀英", "/by-hand", **typed)
    sheet = {"who": ["陈建国", *[""] * 11], "part": ["serve"] * 12}
    entered = fill(browser, f"{page}?sheet=1", "/sheet", **sheet)

    assert (by_hand.status_code, entered.status_code) == (303, 303)
    said = words(browser.get(page))
    assert "陈建国：2小时已按导入的志愿时长计过分，只记到场，不重复计分。" in said
    assert len(scene.attendances(session)) == 4


@pytest.mark.parametrize("minutes", [None, 120])
def test_hours_that_gave_points_twice_are_found(
    scene: Scene, session: UUID, minutes: int | None
) -> None:
    wang = scene.cast.wang
    span = Span(at(10, 30), at(12, 30)) if minutes is None else whole_day(dt.date(2026, 11, 24))
    imported(scene, wang, span, minutes)
    # A door that knows nothing of imports: the time is moved away while the hours are entered.
    aside = "UPDATE imported_hours SET resident = award"
    back = "UPDATE imported_hours SET resident = (SELECT holder_id FROM awards WHERE id = award)"
    change(scene, aside)
    serve_by_hand(scene, wang, session, at(10, 30), at(12, 30))
    change(scene, back)

    assert wrong(scene) == ["hours twice"]
    found = scene.ask(lambda c: hours_twice(c, None))
    assert (found.times, found.rows) == (1, 1)
    assert found.first is not None
    assert found.first.id == str(scene.awards(session)[0].id)


def change(scene: Scene, statement: str) -> None:
    with scene.app.app_context(), db.engine.connect().execution_options(writes=True) as connection:
        connection.execute(text(statement))
        connection.commit()
