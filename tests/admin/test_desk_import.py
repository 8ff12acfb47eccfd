"""导入时长: hours of 志愿浙江 from a file, looked at, recorded once, and given back as a result."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, select
from xlsxwriter import Workbook

from activities.attendance import record_attendance
from activities.publish import PartOffered, PublishActivity, publish_activity
from activities.situation import Record
from admin.hours_reading import KIND, HoursUnreadable
from admin.sheet_files import rows_of
from points.earning.act_sheets import ActSheetEmpty, ActSheetTooLong
from points.models import Award, ImportedHours
from points.proof.verify import verify
from tests.admin.forms import again, fill
from tests.admin.scene import words
from tests.conftest import Clock
from tests.people import HERE, People
from tests.points.books import one
from tests.points.doors import building_lead
from tests.points.earning import count
from tests.points.feeding import platform, served

Run = Callable[..., Any]
PAGE, LOOK = "/desk/import", "/import/look"
HEAD = "姓名\t手机号\t开始时间\t结束时间\t日期\t时长"
WANG, CHEN = "王秀英\t13800000001", "陈建国\t13800000003"
GOOD = (
    HEAD,
    f"{WANG}\t2026-11-20 09:00\t2026-11-20 11:00\t\t",
    f"{CHEN}\t\t\t2026/11/21\t1.5小时",
)
WRONG = (
    "王秀英\t0001\t2026-11-20 14:00\t2026-11-20 15:00\t\t",
    "吴阿毛\t13800000005\t2026-11-20 14:00\t2026-11-20 15:00\t\t",
    f"{WANG}\t昨天\t今天\t\t",
    f"{WANG}\t2026-11-22 11:00\t2026-11-22 09:00\t\t",
    f"{WANG}\t2026-11-22 11:00\t2026-11-22 11:10\t\t",
    f"{WANG}\t2026-11-20 10:00\t2026-11-20 12:00\t\t",
    f"{WANG}\t\t\t2026-11-20\t2",
    f"{WANG}\t\t\t2026-11-22\t很久",
    f"{WANG}\t2026-12-20 09:00\t2026-12-20 11:00\t\t",
)


def given(connection: Connection) -> list[tuple[Any, ...]]:
    rows = connection.execute(select(Award.__table__).order_by(Award.event_at))
    return [(row.holder_id, row.units, row.amount, row.provenance) for row in rows]


def look(cast: People, *lines: str, who: Any = None) -> tuple[Any, Any]:
    browser = cast.browser(who or cast.staff)
    return browser, fill(browser, PAGE, LOOK, cells="\n".join(lines))


def bring(cast: People, *lines: str, who: Any = None) -> tuple[Any, str]:
    """Look and say yes; return the browser and the address of the result."""
    browser, looked = look(cast, *lines, who=who)
    done = again(browser, looked.get_data(as_text=True), PAGE)
    assert done.status_code == 303
    return browser, done.headers["Location"]


def test_each_row_is_looked_at_then_recorded_then_given_back(ask: Run, cast: People) -> None:
    browser, looked = look(cast, *GOOD, *WRONG)
    said = words(looked)
    assert "2行可以导入，共35分" in said
    assert "9行要改" in said
    for reason in (
        "没有这个姓名和手机号的居民",
        "时间没有看懂",
        "起止时间不对",
        "不满半小时",
        "和已经导入的时长重叠",
        "没有起止时间",
        "时长没有看懂",
        "一年以内",
    ):
        assert reason in said
    assert "13800000001" not in said.split("改表里的内容")[0]
    assert ask(count, "awards") == 0

    done = again(browser, looked.get_data(as_text=True), PAGE)

    assert ask(given) == [
        (one(cast.wang.resident), 4, 2000, "recorded"),
        (one(cast.chen.resident), 3, 1500, "recorded"),
    ]
    assert "记上2行，共35分" in words(browser.get(done.headers["Location"]))
    sheet = done.headers["Location"].partition("?")[0]
    raw = browser.get(f"{sheet}/result.csv").get_data().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(raw)))
    assert [(row["行"], row["姓名"], row["分"], row["结果"]) for row in rows[:2]] == [
        ("2", "王秀英", "20", "记上了"),
        ("3", "陈建国", "15", "记上了"),
    ]
    assert [row["行"] for row in rows] == [str(number) for number in range(2, 2 + len(rows))]
    assert len(rows) == 2 + len(WRONG), "every line of the file is in its result"
    assert {row["结果"] for row in rows[2:]} == {"没有记"}
    assert all(row["原因"] for row in rows[2:])
    assert ask(verify).broken == ()


@pytest.mark.parametrize(
    ("starts", "ends"),
    [
        ("2026-11-20T01:00:00Z", "2026-11-20T03:00:00Z"),
        ("2026-11-20T01:00:00.000+00:00", "2026-11-20T11:00+08:00"),
        ("2026-11-19T18:00:00-0700", "2026-11-20 11:00"),
    ],
)
def test_a_moment_of_another_zone_is_the_same_moment(
    ask: Run, cast: People, starts: str, ends: str
) -> None:
    browser, looked = look(cast, HEAD, f"{WANG}\t{starts}\t{ends}\t\t")
    assert "1行可以导入，共20分" in words(looked)

    again(browser, looked.get_data(as_text=True), PAGE)

    [hours] = ask(lambda c: c.execute(select(ImportedHours.__table__)).all())
    morning = dt.datetime(2026, 11, 20, 1, tzinfo=dt.UTC)
    assert (hours.starts_at, hours.ends_at) == (morning, morning + dt.timedelta(hours=2))


@pytest.mark.parametrize(
    "line",
    [
        f"{WANG}\t0001-01-01 10:00\t0001-01-01 12:00\t\t",
        f"{WANG}\t\t\t0001-01-01\t2",
        f"{WANG}\t0001-01-01T10:00:00Z\t0001-01-01T12:00:00Z\t\t",
        f"{WANG}\t9999-12-31 10:00\t9999-12-31 12:00\t\t",
        f"{WANG}\t\t\t9999-12-31\t2",
    ],
)
def test_a_day_at_an_end_of_all_calendars_is_refused_by_itself(cast: People, line: str) -> None:
    _browser, looked = look(cast, *GOOD, line)

    said = words(looked)
    assert "2行可以导入，共35分" in said
    assert "1行要改" in said


def test_wrong_rows_are_given_back_as_they_came_with_the_reason(cast: People) -> None:
    browser, looked = look(cast, *GOOD, WRONG[0], "=1+1\t13800000001\t\t\t2026-11-20\t2")
    sent = again(browser, looked.get_data(as_text=True), PAGE)
    assert sent.status_code == 303
    cells = "\n".join((*GOOD, WRONG[0], "=1+1\t13800000001\t\t\t2026-11-20\t2"))
    page = browser.get(PAGE).get_data(as_text=True)
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    file = browser.post("/desk/import/wrong.csv", data={"csrf_token": token, "cells": cells})
    rows = list(csv.reader(io.StringIO(file.get_data().decode("utf-8-sig"))))
    assert rows[0][-1] == "结果"
    assert [row[0] for row in rows[1:]] == ["王秀英", "'=1+1"]
    assert "没有这个姓名和手机号的居民" in rows[1][-1]


def test_the_same_file_again_gives_nothing_new(ask: Run, cast: People) -> None:
    bring(cast, *GOOD)
    browser, looked = look(cast, *GOOD, who=cast.lead)
    assert "0行可以导入" in words(looked)
    assert "2行以前记过" in words(looked)
    done = again(browser, looked.get_data(as_text=True), PAGE)
    assert done.status_code == 303
    # Another file of the same month, with the same hours in another order.
    bring(cast, GOOD[0], GOOD[2], GOOD[1], f"{WANG}\t2026-11-22 09:00\t2026-11-22 10:00\t\t")
    assert ask(count, "awards") == 3


def test_hours_of_a_file_and_of_a_feed_meet(
    app: Flask, ask: Run, run: Run, cast: People, clock: Clock
) -> None:
    bring(cast, *GOOD)
    hours = platform(app, run, cast, clock)
    same = dt.datetime(2026, 11, 20, 1, 0, tzinfo=dt.UTC)
    assert hours.codes(served("a", same), served("b", same + dt.timedelta(hours=4))) == [
        "hours_imported",
        "",
    ]
    assert ask(count, "awards") == 3
    assert ask(verify).broken == ()


def attended(run: Run, cast: People, clock: Clock) -> None:
    """Let 王秀英 serve here from 10:00 to 11:00."""
    starts = clock.now - dt.timedelta(minutes=10)
    command = PublishActivity(
        key="fair",
        community=HERE,
        template=None,
        title="便民集市",
        kind="公益集市",
        scene="",
        summary="街坊师傅当面摆摊",
        bring="",
        place="小营公园东门",
        open_to="district",
        sessions=((starts, starts + dt.timedelta(hours=2)),),
        parts=(PartOffered(part="serve", rule="serve.hour"),),
    )
    made = run(publish_activity, command, cast.actor(cast.staff))
    for phase in ("entry", "exit"):
        record: dict[str, Any] = {"phase": phase, "part": "serve", "method": "hand"}
        run(
            record_attendance,
            Record(
                session=made.sessions[0],
                resident=one(cast.wang.resident),
                at=clock.now,
                **record,
            ),
            cast.actor(cast.staff),
        )
        clock.advance(hours=1)


def test_hours_that_were_served_here_are_not_counted_twice(
    ask: Run, run: Run, cast: People, clock: Clock
) -> None:
    attended(run, cast, clock)
    clock.advance(hours=4)
    before = ask(count, "awards")
    inside = f"{WANG}\t2026-11-24 10:00\t2026-11-24 11:00\t\t"
    around = f"{WANG}\t2026-11-24 09:30\t2026-11-24 12:00\t\t"
    untimed = f"{WANG}\t\t\t2026-11-24\t2"
    _browser, looked = look(cast, HEAD, inside, untimed, around)
    said = words(looked)
    assert "以这里的为准" in said
    assert "这一天另有签到或导入的时长" in said
    assert "1行可以导入，共15分" in said
    bring(cast, HEAD, inside, untimed, around)
    assert ask(count, "awards") == before + 1
    assert ask(count, "awards", "rule = 'serve.import' AND units = 3") == 1


def test_old_hours_and_the_importers_own_wait_for_a_second_person(ask: Run, cast: People) -> None:
    bring(cast, HEAD, f"{WANG}\t2026-11-02 09:00\t2026-11-02 11:00\t\t")
    assert ask(count, "awards", "due IS NULL AND provenance = 'back_filled'") == 1
    other = cast.browser(cast.lead)
    assert "志愿平台时长" in other.get("/desk/acts").get_data(as_text=True)


def test_an_excel_file_keeps_its_times(ask: Run, cast: People) -> None:
    out = io.BytesIO()
    book = Workbook(out, {})
    page, moment = book.add_worksheet("表"), book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    for column, head in enumerate(("志愿者姓名", "联系电话", "签到时间", "签退时间")):
        page.write_string(0, column, head)
    page.write_string(1, 0, "王秀英")
    page.write_number(1, 1, 13800000001)
    page.write_datetime(1, 2, dt.datetime(2026, 11, 20, 9), moment)  # noqa: DTZ001
    page.write_datetime(1, 3, dt.datetime(2026, 11, 20, 10, 30), moment)  # noqa: DTZ001
    book.close()
    browser = cast.browser(cast.staff)
    file = (io.BytesIO(out.getvalue()), "十一月.xlsx")
    looked = fill(browser, PAGE, LOOK, file=file)
    assert "1行可以导入，共15分" in words(looked)
    done = again(browser, looked.get_data(as_text=True), PAGE)
    assert "十一月.xlsx" in words(browser.get(done.headers["Location"]))
    assert ask(given) == [(one(cast.wang.resident), 3, 1500, "recorded")]


@pytest.mark.parametrize(
    ("table", "refusal"),
    [
        ([], ActSheetEmpty),
        ([["姓名", "手机号", "时长"]], ActSheetEmpty),
        ([["姓名", "时长"], ["王秀英", "2"]], HoursUnreadable),
        ([["姓名", "手机号", "日期"], ["王秀英", "1", "2"]], HoursUnreadable),
        ([["姓名", "手机号", "时长"], *([["王", "1", "2"]] * 2001)], ActSheetTooLong),
    ],
)
def test_a_file_that_is_none_is_refused(table: list[list[str]], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        rows_of(table, KIND)


def test_only_staff_import(run: Run, ask: Run, cast: People) -> None:
    fang = building_lead(run, ask, cast)
    for who in (cast.keeper, fang, cast.wang, cast.lin):
        assert cast.browser(who).get(PAGE).status_code == 403
