"""Many acts at once: repeatable, chunk by chunk, a bad row refused by itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select

from core.work import Work, present, reading
from points.earning import act_sheets, sheet_queries
from points.earning import act_sheets as sheets
from points.earning.act_sheets import RecordRows, RowsRecorded, listed, record_all, record_rows
from points.earning.community_rules import Caps, set_rule
from points.earning.recorders import Act, Looker
from points.earning.sheet_queries import SheetLine, sheet_of
from points.models import ActSheetRow, Award
from points.proof.verify import verify
from tests.conftest import Clock
from tests.people import HERE, THERE, People
from tests.points.books import one
from tests.points.correcting import Desk
from tests.points.doors import building_lead
from tests.points.earning import count
from tests.points.test_community_rules import setting

Run = Callable[..., Any]
DAY = dt.date(2026, 11, 20)


def acts(cast: People) -> list[tuple[int, Act]]:
    """Two ideas of 王秀英 on one day, help for 陈建国, and three rows that are wrong."""
    idea = Act(
        rule="report.idea",
        holder_kind="resident",
        holder_id=one(cast.wang.resident),
        units=1,
        day=DAY,
        note="路灯",
    )
    errand = Act(
        rule="serve.neighbour",
        holder_kind="resident",
        holder_id=one(cast.new.resident),
        units=1,
        day=DAY,
        helped=one(cast.chen.resident),
    )
    unknown = Act(rule="no.such", holder_kind="resident", holder_id=idea.holder_id, units=1)
    stranger = Act(
        rule="report.idea", holder_kind="resident", holder_id=one(cast.there.resident), units=1
    )
    alone = Act(
        rule="serve.neighbour", holder_kind="resident", holder_id=idea.holder_id, units=1, day=DAY
    )
    return [(2, idea), (3, idea), (4, errand), (5, unknown), (6, stranger), (7, alone)]


@pytest.fixture
def record(app: Flask, cast: People) -> Callable[..., tuple[Any, RowsRecorded]]:
    """Record a sheet as somebody."""

    def call(rows: list[tuple[int, Act]], who: Any = None, **named: Any) -> Any:
        with app.app_context():
            return record_all(
                cast.actor(who or cast.staff),
                HERE,
                listed(rows, dt.date(2026, 11, 24)),
                **({"name": "十一月"} | named),
            )

    return call


def kept(connection: Connection) -> list[tuple[int, str]]:
    query = select(ActSheetRow.number, ActSheetRow.outcome).order_by(ActSheetRow.number)
    return [(row.number, row.outcome) for row in connection.execute(query)]


def test_a_row_of_help_by_the_recorders_own_is_refused_before_and_after(
    app: Flask, run: Run, ask: Run, cast: People, record: Callable[..., Any]
) -> None:
    lead = building_lead(run, ask, cast, name="王秀英", phone=cast.wang.phone)
    help_of_wang = replace(acts(cast)[2][1], holder_id=one(cast.wang.resident))
    rows = [(1, help_of_wang)]
    with app.app_context(), reading() as connection:
        looker = Looker(connection=connection, actor=cast.actor(lead), day=DAY)
        seen = sheets.look_at(looker, HERE, listed(rows, DAY))

    _sheet, done = record(rows, lead)

    assert [row.outcome for row in (*seen.rows, *done.rows)] == ["refused", "refused"]
    assert "不能替对方说" in done.rows[0].message
    assert ask(count, "awards") == 0


def test_good_rows_are_recorded_and_bad_ones_say_why(
    ask: Run, cast: People, clock: Clock, record: Callable[..., Any]
) -> None:
    sheet, done = record(acts(cast))

    assert [(row.number, row.outcome) for row in done.rows] == [
        (2, "recorded"),
        (3, "recorded"),
        (4, "recorded"),
        (5, "refused"),
        (6, "refused"),
        (7, "refused"),
    ]
    assert "没有这条积分规则" in done.rows[3].message
    assert "没有这位居民" in done.rows[4].message
    assert "写明帮了谁" in done.rows[5].message
    assert done.amount == 500 + 500 + 300
    assert ask(kept) == [(row.number, row.outcome) for row in done.rows]
    line = SheetLine(id=sheet, name="十一月", total=6, created_at=clock.now, by=cast.staff.name)
    assert ask(sheet_queries.recent_sheets, HERE) == [line]
    assert ask(sheet_queries.recent_sheets, THERE) == []
    page = ask(sheet_of, sheet, HERE)
    assert (page.line, page.amount) == (line, 1300)
    assert page.counts == {"recorded": 3, "refused": 3}
    assert [(row.number, row.outcome, row.name, row.reason, row.amount) for row in page.rows] == [
        (5, "refused", "", "", 0),
        (6, "refused", "", "", 0),
        (7, "refused", "", "", 0),
        (2, "recorded", "王秀英", "建议被采纳，路灯", 500),
        (3, "recorded", "王秀英", "建议被采纳，路灯", 500),
        (4, "recorded", cast.new.name, "邻里互助", 300),
    ]
    assert [row.message for row in page.rows[:3]] == [row.message for row in done.rows[3:]]


def test_the_same_sheet_twice_gives_the_same_awards_whoever_brings_it(
    ask: Run, cast: People, record: Callable[..., Any]
) -> None:
    first, _done = record(acts(cast))
    again, done = record(acts(cast), cast.lead)

    assert again == first
    assert [row.outcome for row in done.rows][:3] == ["existed"] * 3
    assert ask(count, "awards") == 3
    assert ask(count, "act_sheets") == 1
    assert ask(count, "neighbour_helps") == 1
    assert ask(kept)[:3] == [(2, "recorded"), (3, "recorded"), (4, "recorded")]


def test_a_monthly_rule_is_one_of_the_month_on_any_sheet(
    run: Run, ask: Run, cast: People, record: Callable[..., Any]
) -> None:
    fang = building_lead(run, ask, cast)
    tidy: dict[str, Any] = {
        "rule": "covenant.corridor",
        "holder_kind": "household",
        "holder_id": one(cast.wang.household),
        "units": 1,
    }
    record([(1, Act(**tidy, day=DAY))], fang)
    _sheet, done = record([(1, Act(**tidy, day=DAY + dt.timedelta(days=3)))], fang)

    assert done.rows[0].outcome == "existed"
    assert ask(count, "awards") == 1


def test_a_sheet_comes_to_what_it_recorded_itself(
    run: Run, ask: Run, cast: People, record: Callable[..., Any]
) -> None:
    fang = building_lead(run, ask, cast)
    tidy = Act(
        rule="covenant.corridor",
        holder_kind="household",
        holder_id=one(cast.wang.household),
        units=1,
        day=DAY,
    )
    outside = replace(tidy, rule="covenant.ebike")
    first, _done = record([(1, tidy)], fang)
    second, _done = record([(1, tidy), (2, outside)], fang, name="补充")

    pages = [ask(sheet_of, sheet, HERE) for sheet in (first, second)]
    assert [page.counts for page in pages] == [{"recorded": 1}, {"existed": 1, "recorded": 1}]
    assert [page.amount for page in pages] == [500, 300]


def test_caps_leave_nothing_of_a_row_and_say_so(cast: People, record: Callable[..., Any]) -> None:
    idea = acts(cast)[0][1]
    _sheet, done = record([(number, idea) for number in range(4)])

    assert [row.outcome for row in done.rows] == ["recorded", "recorded", "capped", "capped"]
    full = "本人每月的上限已满，不计分"
    assert [row.message for row in done.rows] == ["", "", full, full]


def test_what_waits_for_a_second_person_says_so_beside_what_a_cap_left_out(
    ask: Run, cast: People, record: Callable[..., Any]
) -> None:
    idea = acts(cast)[0][1]
    late = replace(idea, day=dt.date(2026, 11, 1), units=9)
    rows = [(1, idea), (2, late), (3, replace(late, units=1))]
    sheet, done = record(rows)
    _sheet, again = record(rows)
    page = ask(sheet_of, sheet, HERE)

    full = next(row.message for row in done.rows if row.number == 2)
    assert full
    assert [(row.outcome, row.waits) for row in done.rows] == [
        ("recorded", False),
        ("recorded", True),
        ("capped", False),
    ]
    assert (done.waiting, again.waiting) == (1, 0)
    assert {row.number: row.message for row in page.rows} == {
        1: "",
        2: f"{full}，等另一位工作人员确认",
        3: done.rows[2].message,
    }


def test_a_household_is_full_on_a_sheet_as_it_is_one_by_one(
    run: Run, ask: Run, cast: People, clock: Clock, record: Callable[..., Any]
) -> None:
    caps = Caps(per_month=2, household_per_month=3)
    changed = setting(rule="report.idea", points=500, caps=caps)
    run(set_rule, changed, cast.actor(cast.lead))
    clock.advance(days=2)
    day = dt.date(2026, 11, 26)
    idea = replace(acts(cast)[0][1], day=day, units=2)
    of_li = replace(idea, holder_id=one(cast.li.resident), note="长椅")
    _sheet, done = record([(1, idea), (2, of_li), (3, of_li), (4, idea)])

    assert [(row.outcome, row.units, row.message) for row in done.rows] == [
        ("recorded", 2, ""),
        ("recorded", 1, "全户合计每月的上限只够 1 次"),
        ("capped", 0, "全户合计每月的上限已满，不计分"),
        ("capped", 0, "本人每月的上限已满，不计分"),
    ]
    assert [each.name for each in ask(lambda c: verify(c).broken)] == []


def test_a_look_says_what_would_become_of_the_rows_and_writes_nothing(
    app: Flask, ask: Run, cast: People, record: Callable[..., Any]
) -> None:
    rows = listed(acts(cast), dt.date(2026, 11, 24))

    def look() -> RowsRecorded:
        with app.app_context(), reading() as connection:
            asking = Looker(
                connection=connection, actor=cast.actor(cast.staff), day=present().date()
            )
            return sheets.look_at(asking, HERE, rows)

    before = look()
    assert [row.outcome for row in before.rows] == ["recorded"] * 3 + ["refused"] * 3
    assert (before.amount, ask(count, "awards")) == (1300, 0)
    record(acts(cast))
    assert [row.outcome for row in look().rows][:3] == ["existed"] * 3


def test_a_look_counts_a_monthly_rule_once_as_recording_does(
    app: Flask, run: Run, ask: Run, cast: People, record: Callable[..., Any]
) -> None:
    fang = building_lead(run, ask, cast)
    tidy = Act(
        rule="covenant.corridor",
        holder_kind="household",
        holder_id=one(cast.wang.household),
        units=1,
    )
    both = [(row, replace(tidy, day=DAY + dt.timedelta(days=row))) for row in (1, 2)]
    with app.app_context(), reading() as connection:
        asking = Looker(connection=connection, actor=cast.actor(fang), day=present().date())
        seen = sheets.look_at(asking, HERE, listed(both, DAY))
    _sheet, done = record(both, fang)

    assert [row.outcome for row in seen.rows] == ["recorded", "existed"]
    assert [row.outcome for row in done.rows] == ["recorded", "existed"]
    assert seen.amount == done.amount


def test_nothing_of_a_chunk_stays_when_it_breaks(run: Run, ask: Run, cast: People) -> None:
    command = RecordRows(community=HERE, rows=listed(acts(cast), DAY), sheet=UUID(int=5), total=6)

    def breaks(work: Work, rows: RecordRows) -> RowsRecorded:
        record_rows(work, rows)
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - made here
        run(breaks, command, cast.actor(cast.staff))
    for table in ("awards", "act_sheets", "act_sheet_rows", "neighbour_helps", "rule_usage"):
        assert ask(count, table) == 0


def test_limits_of_a_sheet_are_told(cast: People, record: Callable[..., Any]) -> None:
    idea = acts(cast)[0]
    with pytest.raises(sheets.ActSheetEmpty):
        record([])
    with pytest.raises(sheets.ActSheetTooLong):
        record([idea] * 2001)


def test_a_thousand_rows_go_in_chunks(
    ask: Run, cast: People, clock: Clock, record: Callable[..., Any]
) -> None:
    idea = acts(cast)[0][1]
    rows = [
        (number, Act(**{**_fields(idea), "day": DAY - dt.timedelta(days=number % 300)}))
        for number in range(1000)
    ]
    _sheet, done = record(rows)

    assert len(done.rows) == 1000
    assert ask(count, "act_sheet_rows") == 1000
    assert done.count("recorded") == ask(count, "awards")
    assert ask(lambda c: c.scalar(select(Award.source_kind).limit(1))) == "act"


def _fields(act: Act) -> dict[str, Any]:
    return {name: getattr(act, name) for name in act.__dataclass_fields__}


def test_a_chunk_has_an_end(desk: Desk) -> None:
    act = Act(
        rule="report.idea",
        holder_kind="resident",
        holder_id=one(desk.cast.wang.resident),
        units=0,
    )
    rows = act_sheets.listed([(1, act)] * (act_sheets.CHUNK + 1), dt.date(2026, 11, 24))
    command = act_sheets.RecordRows(community=HERE, rows=rows)
    with pytest.raises(act_sheets.ActSheetTooLong):
        desk.run(act_sheets.record_rows, command, desk.cast.actor(desk.cast.staff))


def test_a_sheet_is_found_again_by_its_community(
    desk: Desk, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    act = Act(
        rule="report.idea",
        holder_kind="resident",
        holder_id=one(desk.cast.wang.resident),
        units=1,
    )
    rows = act_sheets.listed([(1, act), (2, replace(act, rule="no.such"))], dt.date(2026, 11, 24))
    staff = desk.cast.actor(desk.cast.staff)
    with app.app_context():
        sheet, _ = act_sheets.record_all(staff, HERE, rows, name="十一月")
    desk.clock.advance(hours=1)
    with app.app_context():
        other, _ = act_sheets.record_all(staff, HERE, rows[1:], name="又一张")

    last, line = desk.ask(sheet_queries.recent_sheets, HERE)
    page = desk.ask(sheet_queries.sheet_of, sheet, HERE)
    assert (line.id, line.name, page.line) == (sheet, "十一月", line)
    assert page.counts == {"recorded": 1, "refused": 1}
    assert [row.number for row in page.rows] == [2, 1]
    assert desk.ask(sheet_queries.sheet_of, other, HERE).line == last
    monkeypatch.setattr(sheet_queries, "RECENT", 1)
    assert desk.ask(sheet_queries.recent_sheets, HERE) == [last]
    with pytest.raises(act_sheets.ActSheetUnknown):
        desk.ask(sheet_queries.sheet_of, sheet, THERE)
