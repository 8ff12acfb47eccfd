"""What was cancelled or taken back is recorded again only where somebody says so, and then once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, select

from core.served import Span
from core.work import present, reading
from points.earning import act_sheets as sheets
from points.earning.act_sheets import RowResult, listed, record_all
from points.earning.community_rules import Caps, set_rule
from points.earning.recorders import Act, Looker
from points.earning.sheet_queries import sheet_of
from points.feeds.imported import HoursRow, import_hours, look_at_hours
from points.models import Award
from tests.activities.scene import at
from tests.people import HERE, Someone
from tests.points.books import one
from tests.points.correcting import Desk
from tests.points.doors import building_lead
from tests.points.earning import count
from tests.points.test_community_rules import setting

Run = Callable[..., Any]
Again = bool | dt.datetime
DAY, TODAY = dt.date(2026, 11, 20), dt.date(2026, 11, 24)
UNDONE = "后来取消或冲回了"


def idea(desk: Desk, **changes: Any) -> Act:
    given: dict[str, Any] = {
        "rule": "report.idea",
        "holder_kind": "resident",
        "holder_id": one(desk.cast.wang.resident),
        "units": 1,
        "day": DAY,
        "note": "路灯",
    }
    return Act(**given | changes)


def moment(desk: Desk, again: Again) -> dt.datetime | None:
    return desk.clock.now if again is True else again or None


def bring(
    desk: Desk, *acts: Act, again: Again = False, who: Someone | None = None
) -> tuple[UUID, tuple[RowResult, ...]]:
    """Bring a sheet of these acts; ``again``: with the box of a look of now, or of a moment."""
    rows = listed(enumerate(acts, start=1), TODAY)
    with desk.app.app_context():
        actor = desk.cast.actor(who or desk.cast.staff)
        sheet, done = record_all(actor, HERE, rows, name="十一月", again=moment(desk, again))
    return one(sheet), done.rows


def look(desk: Desk, *acts: Act, again: Again = False) -> tuple[RowResult, ...]:
    """Look what would become of them."""
    rows = listed(enumerate(acts, start=1), TODAY)
    with desk.app.app_context(), reading() as connection:
        actor = desk.cast.actor(desk.cast.staff)
        asking = Looker(connection=connection, actor=actor, day=present().date())
        return sheets.look_at(asking, HERE, rows, again=moment(desk, again)).rows


def undo(desk: Desk, row: RowResult, how: str) -> None:
    """Cancel what has not arrived, or take back what has."""
    if how == "taken back":
        desk.night()
    desk.back(one(row.award))


def said(rows: tuple[RowResult, ...]) -> list[tuple[str, str, bool]]:
    return [(row.outcome, row.message, row.undone) for row in rows]


def causes(connection: Connection) -> list[str]:
    return sorted(connection.scalars(select(Award.cause)))


@pytest.mark.parametrize("how", ["cancelled", "taken back"])
def test_the_same_sheet_leaves_undone_what_was_undone_and_says_so(desk: Desk, how: str) -> None:
    _sheet, [row] = bring(desk, idea(desk))
    undo(desk, row, how)

    assert said(look(desk, idea(desk))) == [("existed", UNDONE, True)]
    assert said(bring(desk, idea(desk))[1]) == [("existed", UNDONE, True)]
    assert desk.ask(count, "awards") == 1


@pytest.mark.parametrize("how", ["cancelled", "taken back"])
def test_what_was_undone_is_recorded_again_once_where_somebody_says_so(
    desk: Desk, how: str
) -> None:
    _sheet, [row] = bring(desk, idea(desk))
    undo(desk, row, how)
    right = idea(desk, units=2)

    assert [each.outcome for each in look(desk, right, again=True)] == ["recorded"]
    sheet, [done] = bring(desk, right, again=True)
    assert (done.outcome, done.units, done.amount) == ("recorded", 2, 1000)
    for again in (True, False):
        # Whoever brings it once more, ticked or not, finds it recorded.
        _sheet, [repeat] = bring(desk, right, again=again, who=desk.cast.lead)
        assert said((repeat,)) == said(look(desk, right, again=again)) == [("existed", "", False)]
        assert repeat.award == done.award
    assert desk.ask(count, "awards") == 2
    assert desk.ask(sheet_of, sheet, HERE).counts == {"recorded": 1}
    assert desk.broken() == []


def test_it_is_undone_and_recorded_again_as_often_as_it_takes(desk: Desk) -> None:
    again = False
    for _time in range(3):
        _sheet, [row] = bring(desk, idea(desk), again=again)
        assert row.outcome == "recorded"
        undo(desk, row, "cancelled")
        desk.clock.advance(minutes=1)
        again = True
    sheet, [last] = bring(desk, idea(desk), again=True)

    first = desk.ask(causes)[0]
    assert desk.ask(causes) == [first, *(f"{first}#{attempt}" for attempt in (1, 2, 3))]
    page = desk.ask(sheet_of, sheet, HERE)
    assert (page.counts, page.amount) == ({"recorded": 1}, last.amount)


def test_a_ticked_sheet_records_nothing_anew_of_what_stands(desk: Desk) -> None:
    """Of two ideas of a day one was wrong: the other one stays as it is."""
    _sheet, (wrong, right) = bring(desk, idea(desk), idea(desk))
    undo(desk, wrong, "cancelled")

    _sheet, rows = bring(desk, idea(desk), idea(desk), again=True)

    assert [row.outcome for row in rows] == ["recorded", "existed"]
    assert rows[1].award == right.award
    assert desk.ask(count, "awards", "state <> 'void'") == 2


def test_what_was_taken_back_in_part_stands(desk: Desk) -> None:
    _sheet, [row] = bring(desk, idea(desk, units=2))
    desk.night()
    desk.back(one(row.award), amount=500)

    _sheet, [again] = bring(desk, idea(desk, units=2), again=True)

    assert said((again,)) == [("existed", "其中一部分冲回了", False)]


def test_a_row_that_says_another_number_than_was_recorded_is_told(desk: Desk) -> None:
    bring(desk, idea(desk))
    october = dt.date(2026, 10, 20)
    bring(desk, idea(desk, units=2, day=october))
    less, more = idea(desk, units=2), idea(desk, day=october)

    for row, says in ((less, "记的是 1 次"), (more, "记的是 2 次，要改请先取消或冲回")):
        assert said(look(desk, row)) == said(bring(desk, row)[1]) == [("existed", says, False)]


def test_a_month_that_was_undone_counts_once_again(desk: Desk) -> None:
    fang = building_lead(desk.run, desk.ask, desk.cast)
    tidy = idea(
        desk,
        rule="covenant.corridor",
        holder_kind="household",
        holder_id=one(desk.cast.wang.household),
    )
    _sheet, [row] = bring(desk, tidy, who=fang)
    undo(desk, row, "cancelled")

    both = (tidy, replace(tidy, day=DAY + dt.timedelta(days=1)))
    _sheet, rows = bring(desk, *both, who=fang, again=True)

    assert [row.outcome for row in rows] == ["recorded", "existed"]
    assert desk.ask(count, "awards") == 2


def test_help_that_was_undone_is_noted_anew_with_its_award(desk: Desk) -> None:
    chen, new = desk.cast.chen, desk.cast.new
    errand = idea(
        desk, rule="serve.neighbour", holder_id=one(new.resident), helped=one(chen.resident)
    )
    _sheet, [row] = bring(desk, errand)
    undo(desk, row, "cancelled")
    bring(desk, errand)
    assert desk.ask(count, "neighbour_helps") == 1

    bring(desk, errand, again=True)

    assert desk.ask(count, "neighbour_helps") == 2
    assert desk.broken() == []


def test_corrected_hours_of_a_file_are_imported_again_where_somebody_says_so(desk: Desk) -> None:
    """The list had an hour too much; its start is what it is known by."""
    chen, staff = one(desk.cast.chen.resident), desk.cast.actor(desk.cast.staff)

    def row(until: int) -> HoursRow:
        return HoursRow(number=1, resident=chen, span=Span(at(8, day=20), at(until, day=20)))

    def hours(until: int, *, again: bool = False) -> RowResult:
        seen_at = moment(desk, again)
        with desk.app.app_context(), reading() as connection:
            looker = Looker(connection=connection, actor=staff, day=TODAY)
            seen = look_at_hours(looker, present(), HERE, [row(until)], again=seen_at).rows[0]
        with desk.app.app_context():
            done = import_hours(staff, HERE, [row(until)], "志愿浙江", again=seen_at)[1].rows[0]
        assert said((seen,)) == said((done,))
        return done

    wrong = hours(11)
    says = "记的是 3 小时，要改请先取消或冲回"
    assert said((hours(10),)) == [("existed", says, False)]
    undo(desk, wrong, "cancelled")
    assert said((hours(10),)) == [("existed", UNDONE, True)]

    right = hours(10, again=True)
    assert (right.outcome, right.units) == ("recorded", 4)
    assert said((hours(10, again=True),)) == said((hours(10),)) == [("existed", "", False)]
    assert desk.ask(count, "awards") == 2
    assert desk.broken() == []


def test_of_two_equal_rows_the_one_that_is_left_is_the_one_that_stands(desk: Desk) -> None:
    """The wrong row was taken off the sheet; the right one is not given twice."""
    _sheet, (wrong, right) = bring(desk, idea(desk), idea(desk))
    undo(desk, wrong, "cancelled")

    assert said(look(desk, idea(desk), again=True)) == [("existed", "", False)]
    _sheet, [left] = bring(desk, idea(desk), again=True)
    assert (left.outcome, left.award) == ("existed", right.award)
    # Two rows are two acts again.
    _sheet, rows = bring(desk, idea(desk), idea(desk), again=True)
    assert [row.outcome for row in rows] == ["recorded", "existed"]


def test_of_three_the_two_that_stand_are_those_of_two_rows(desk: Desk) -> None:
    wide = setting(rule="report.idea", points=500, caps=Caps(per_month=9), recorded_by=("社工",))
    desk.run(set_rule, wide, desk.cast.actor(desk.cast.lead))
    desk.clock.advance(days=2)
    one_more = idea(desk, day=dt.date(2026, 11, 26))
    _sheet, (first, second, third) = bring(desk, one_more, one_more, one_more)
    undo(desk, first, "cancelled")

    _sheet, rows = bring(desk, one_more, one_more, again=True)

    assert [row.award for row in rows] == [third.award, second.award]


def test_a_sheet_that_comes_once_more_knew_nothing_of_what_was_undone_later(desk: Desk) -> None:
    _sheet, [row] = bring(desk, idea(desk))
    undo(desk, row, "cancelled")
    looked = desk.clock.now
    desk.clock.advance(minutes=1)
    sheet, [anew] = bring(desk, idea(desk), again=looked)
    undo(desk, anew, "cancelled")

    repeated, [row] = bring(desk, idea(desk), again=looked)

    assert (repeated, said((row,))) == (sheet, [("existed", UNDONE, True)])
    assert desk.ask(count, "awards") == 2


def test_the_page_of_a_sheet_says_what_of_it_is_no_more(desk: Desk) -> None:
    sheet, (first, _second) = bring(desk, idea(desk), idea(desk, day=TODAY))
    undo(desk, first, "cancelled")
    bring(desk, idea(desk), idea(desk, day=TODAY))

    page = desk.ask(sheet_of, sheet, HERE)
    assert (page.counts, page.amount) == ({"undone": 1, "recorded": 1}, 500)
    assert [(row.message, row.undone) for row in page.rows] == [(UNDONE, True), ("", False)]


def test_the_second_of_two_equal_hours_of_a_file_is_known_by_the_first(desk: Desk) -> None:
    chen, staff = one(desk.cast.chen.resident), desk.cast.actor(desk.cast.staff)
    span = Span(at(8, day=20), at(10, day=20))
    both = [HoursRow(number=number, resident=chen, span=span) for number in (1, 2)]
    with desk.app.app_context():
        [row, _same] = import_hours(staff, HERE, both, "志愿浙江")[1].rows
    undo(desk, row, "cancelled")

    with desk.app.app_context():
        rows = import_hours(staff, HERE, both, "志愿浙江", again=desk.clock.now)[1].rows

    assert said(rows) == [("recorded", "", False), ("existed", "", False)]


def test_programs_say_again_too(desk: Desk, client: FlaskClient) -> None:
    headers = desk.cast.headers(desk.cast.staff)

    def send(path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = client.post(f"/api/v1/staff/{path}", json=body, headers=headers)
        return dict(answer.get_json()["rows"][0])

    act = {
        "rule": "report.idea",
        "holder_kind": "resident",
        "holder_id": str(desk.cast.wang.resident),
        "day": DAY.isoformat(),
    }
    hour = {"resident": act["holder_id"], "day": "2026-11-20", "minutes": 60}
    for path, body in (("acts", {"acts": [act]}), ("hours", {"name": "十一月", "rows": [hour]})):
        row = send(path, body)
        desk.back(UUID(row["award"]))
        same = send(path, body)
        assert (same["outcome"], same["undone"]) == ("existed", True)
        anew = body | {"undone_before": desk.clock.now.isoformat()}
        assert send(path, anew | {"dry_run": True})["outcome"] == "recorded"
        given = send(path, anew)
        assert given["outcome"] == "recorded"
        assert send(path, anew)["outcome"] == "existed"
        desk.clock.advance(minutes=1)
        desk.back(UUID(given["award"]))
        # A request that comes once more knew nothing of what was undone later.
        assert send(path, anew)["undone"] is True

    late = {"undone_before": (desk.clock.now + dt.timedelta(seconds=1)).isoformat()}
    answer = client.post("/api/v1/staff/acts", json={"acts": [act]} | late, headers=headers)
    assert (answer.status_code, "还没有到" in str(answer.get_json())) == (422, True)
