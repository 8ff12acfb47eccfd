"""按表记: pasted, CSV or Excel; each row is looked at before anything is recorded."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from xlsxwriter import Workbook

from admin.act_sheet_reading import KIND, ActSheetUnreadable
from admin.sheet_files import cells_of, rows_of, table_of
from exchange.moving import MoveHousehold, move_household
from points.earning.act_sheets import ActSheetEmpty, ActSheetTooLong
from points.models import Award
from residents.addresses import Address
from residents.people import EnterResident, enter_resident
from tests.admin.forms import Forms, again, fill
from tests.admin.scene import words
from tests.conftest import Clock
from tests.people import HERE, THERE, People
from tests.points.books import one
from tests.points.calendar import hangzhou
from tests.points.correcting import Desk
from tests.points.earning import count

Run = Callable[..., Any]
SHEET = "/desk/acts/sheet"
LOOK = "/acts/sheet/look"
HEAD = "规则\t姓名\t住址\t次数\t日期\t说明\t被帮的人"
GOOD = (
    HEAD,
    "建议被采纳\t王秀英\t\t1\t2026-11-20\t路灯\t",
    "邻里互助\t周晓燕\t\t1\t11/20\t代买菜\t陈建国 5-1-102",
    "家庭安全自查\t\t3-2-401\t\t\t\t",
)
WRONG = (
    "建议被采纳\t王秀芬\t\t1\t\t\t",
    "发红包\t王秀英\t\t1\t\t\t",
    "邻里互助\t王秀英\t\t1\t\t\t李国强",
    "建议被采纳\t王秀英\t\t两\t\t\t",
    "建议被采纳\t王秀英\t\t1\t昨天\t\t",
    "家庭安全自查\t\t9-9-999\t\t\t\t",
)


def test_each_row_is_looked_at_then_recorded_then_shown(ask: Run, cast: People) -> None:
    browser = cast.browser(cast.staff)
    looked = fill(browser, SHEET, LOOK, cells="\n".join((*GOOD, *WRONG)))

    said = words(looked)
    assert looked.status_code == 200
    assert "3行可以记，共11分，6行要改" in said
    for each in (
        "没有找到「王秀芬」",
        "没有这条规则",
        "同一户的家人",
        "次数要是正整数",
        "日期没有看懂",
        "没有找到这一户",
    ):
        assert each in said
    assert "今天1—要改同一户的家人" in said  # What was typed stays at a row that is refused.
    assert ask(count, "awards") == 0

    forms = Forms(looked.get_data(as_text=True)).forms
    sent = next(dict(values) for _action, values, names in forms if "cells" in names)
    wrong = browser.post(f"{SHEET}/wrong.csv", data=sent)
    back = wrong.get_data(as_text=True)
    assert back.count("\n") == 1 + len(WRONG)
    assert "王秀芬" in back
    assert "路灯" not in back

    done = again(browser, looked.get_data(as_text=True), SHEET)

    assert done.status_code == 303
    result = words(browser.get(done.headers["Location"]))
    assert "记上3行，共11分" in result
    assert f"{len(WRONG)}行没有记" in result
    assert ask(count, "awards") == 3


def test_every_line_of_the_file_is_in_the_result_file_the_unreadable_with_their_reason(
    cast: People,
) -> None:
    browser = cast.browser(cast.staff)
    looked = fill(browser, SHEET, LOOK, cells="\n".join((*GOOD, *WRONG)))
    done = again(browser, looked.get_data(as_text=True), SHEET)

    address = f"{done.headers['Location'].partition('?')[0]}/result.csv"
    file = browser.get(address)
    assert file.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(file.get_data().decode("utf-8-sig"))))
    lines = (*GOOD, *WRONG)
    assert [row["行"] for row in rows] == [str(number + 1) for number in range(1, len(lines))]
    assert [row["结果"] for row in rows] == ["记上了"] * 3 + ["没有记"] * len(WRONG)
    assert "没有找到「王秀芬」" in rows[3]["原因"]
    assert "日期没有看懂" in rows[7]["原因"]
    assert f"{len(lines) - 1} 行" in browser.get(SHEET).get_data(as_text=True)


def test_a_row_that_waits_for_a_second_person_says_so_until_it_was_confirmed(cast: People) -> None:
    waits = "等另一位工作人员确认"
    rows = (HEAD, GOOD[1], "建议被采纳\t王秀英\t\t1\t2026-11-01\t路灯\t")
    browser, lead = cast.browser(cast.staff), cast.browser(cast.lead)
    looked = fill(browser, SHEET, LOOK, cells="\n".join(rows))
    address = again(browser, looked.get_data(as_text=True), SHEET).headers["Location"]

    def results() -> list[tuple[str, str]]:
        file = browser.get(f"{address}/result.csv").get_data().decode("utf-8-sig")
        return [(row["结果"], row["原因"]) for row in csv.DictReader(io.StringIO(file))]

    assert results() == [("记上了", ""), ("记上了", waits)]
    assert words(browser.get(address)).count(f"记上了{waits}") == 1
    fill(lead, "/desk/acts", "/acts/confirm")

    assert results() == [("记上了", ""), ("记上了", "")]
    assert f"记上了{waits}" not in words(browser.get(address))


def test_the_same_sheet_again_records_nothing_more(ask: Run, cast: People) -> None:
    browser = cast.browser(cast.staff)
    for _time in range(2):
        looked = fill(browser, SHEET, LOOK, cells="\n".join(GOOD))
        done = again(browser, looked.get_data(as_text=True), SHEET)

    # What was recorded before cannot be chosen again, and the one result stays.
    assert "3行以前记过" in words(looked)
    assert done.status_code == 303
    assert ask(count, "awards") == 3
    assert ask(count, "act_sheets") == 1
    assert "11月20日" in words(browser.get(SHEET)) or "粘贴的表" in words(browser.get(SHEET))


def test_what_was_cancelled_since_is_recorded_again_where_the_box_is_ticked(
    app: Flask, run: Run, ask: Run, cast: People, clock: Clock
) -> None:
    browser, desk = cast.browser(cast.staff), Desk(app, run, ask, cast, clock)
    again(browser, _look(browser), SHEET)
    desk.back(ask(lambda c: c.scalar(select(Award.id).where(Award.rule == "report.idea"))))

    shown = _look(browser)
    assert "1行后来取消或冲回了，这次重新记" in shown.replace(" ", "")
    assert "以前记过</span>，后来取消或冲回了" in shown.replace(" ", "")
    untouched = again(browser, shown, SHEET)
    assert ask(count, "awards") == 3
    result = words(browser.get(untouched.headers["Location"]))
    assert "记上2行，共6分，1行后来取消或冲回了" in result
    assert "记上了，后来取消或冲回了" in result
    seen = shown.partition('name="again" value="')[2].partition('"')[0]
    for _time in range(2):
        done = again(browser, shown, SHEET, again=seen)
        result = words(browser.get(done.headers["Location"]))
        assert "记上1行，共5分，2行以前记过" in result
    assert ask(count, "awards") == 4
    assert "重新记" not in _look(browser)


def _look(browser: FlaskClient) -> str:
    page: str = fill(browser, SHEET, LOOK, cells="\n".join(GOOD)).get_data(as_text=True)
    return page


def excel(rows: Iterable[Sequence[str | int]]) -> bytes:
    """A workbook as spreadsheets write it."""
    out = io.BytesIO()
    book = Workbook(out, {})
    page = book.add_worksheet("表")
    for line, row in enumerate(rows):
        for column, cell in enumerate(row):
            if isinstance(cell, int):
                page.write_number(line, column, cell)
            else:
                page.write_string(line, column, cell)
    book.close()
    return out.getvalue()


def test_a_full_width_comma_splits_only_under_a_head_that_it_splits() -> None:
    assert cells_of("规则,说明\n建议,路灯，楼道", KIND)[1] == ["建议", "路灯，楼道"]
    assert cells_of("规则，说明\n建议，路灯", KIND)[1] == ["建议", "路灯"]


def test_what_nobody_sees_in_a_cell_of_a_workbook_is_left_out() -> None:
    assert [*table_of(excel([["姓名"], ["王\0秀英"]]), KIND)] == [["姓名"], ["王秀英"]]


@pytest.mark.parametrize("kind", ["xlsx", "utf-8", "utf-8-sig", "gb18030"])
def test_files_of_every_kind_are_read(cast: People, kind: str) -> None:
    rows: list[list[str | int]] = [
        ["规则", "姓名", "次数", "日期"],
        ["建议被采纳", "王秀英", 1, "2026-11-20"],
    ]
    text = "\n".join(",".join(str(cell) for cell in row) for row in rows)
    raw = excel(rows) if kind == "xlsx" else text.encode(kind)
    browser = cast.browser(cast.staff)

    looked = fill(browser, SHEET, LOOK, file=(io.BytesIO(raw), f"十一月.{kind}"))

    assert looked.status_code == 200
    assert "1行可以记，共5分" in words(looked)


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (b"", ActSheetEmpty),
        ("规则\t姓名\n".encode(), ActSheetEmpty),
        ("姓名\t分\n王秀英\t5".encode(), ActSheetUnreadable),
        (b"PK\x03\x04 no workbook", ActSheetUnreadable),
        (b"\xff\xfe\xfa\x80\x81", ActSheetUnreadable),
        ("规则\t姓名\n" + "建议被采纳\t王秀英\n" * 2001, ActSheetTooLong),
    ],
)
def test_what_is_no_sheet_is_refused(raw: bytes | str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        rows_of(cells_of(raw, KIND) if isinstance(raw, str) else table_of(raw, KIND), KIND)


def test_a_workbook_that_unpacks_to_too_much_is_refused_unread() -> None:
    heavy = excel(
        [["规则", "姓名"], *[["建议被采纳", f"{number}" * 60] for number in range(60_000)]]
    )
    with pytest.raises(ActSheetTooLong):
        table_of(heavy, KIND)


def test_a_large_file_is_refused_with_a_sentence(cast: People) -> None:
    browser = cast.browser(cast.staff)
    raw = b"x" * (400 * 1024 + 1)
    refused = fill(browser, SHEET, LOOK, file=(io.BytesIO(raw), "big.csv"))

    assert refused.status_code == 413
    assert "最大400KB" in words(refused)


def test_another_communitys_sheet_is_not_this_desks(cast: People) -> None:
    browser = cast.browser(cast.staff)
    looked = fill(browser, SHEET, LOOK, cells="\n".join(GOOD))
    done = again(browser, looked.get_data(as_text=True), SHEET)

    assert cast.browser(cast.elsewhere).get(done.headers["Location"]).status_code == 404


def test_at_an_address_the_household_is_meant_that_lives_there_now(run: Run, cast: People) -> None:
    both = (one(cast.wang.resident), one(cast.li.resident))
    away = MoveHousehold(key="away", community=THERE, residents=both)
    run(move_household, away, cast.actor(cast.elsewhere))
    browser, row = cast.browser(cast.staff), f"{HEAD}\n家庭安全自查\t\t3-2-401\t\t\t\t"
    assert "没有找到这一户" in words(fill(browser, SHEET, LOOK, cells=row))

    home = Address(estate="建国南苑", building="3", unit="2", room="401")
    run(
        enter_resident,
        EnterResident(community=HERE, name="何静", address=home),
        cast.actor(cast.staff),
    )

    assert "1行可以记" in words(fill(browser, SHEET, LOOK, cells=row))


@pytest.mark.parametrize("day", ["2/29", "2028-13-1", "13800000001-1", "13800000001.0"])
def test_a_day_that_there_was_not_is_said_at_its_row(cast: People, clock: Clock, day: str) -> None:
    """In January of a leap year the last 29th of February lies four years back."""
    clock.set(hangzhou(2028, 1, 10))
    row = f"{HEAD}\n建议被采纳\t王秀英\t\t1\t{day}\t\t"

    looked = fill(cast.browser(cast.staff), SHEET, LOOK, cells=row)

    assert looked.status_code == 200
    assert "日期没有看懂" in words(looked)


@pytest.mark.parametrize("number", ["7", "13800000001"])
def test_a_column_that_numbers_nothing_mixes_up_no_rows(
    ask: Run, cast: People, number: str
) -> None:
    """Each row has a result of its own, also where the sheet has a column 行 for something else."""
    rows = (
        f"{HEAD}\t行",
        f"建议被采纳\t王秀英\t\t1\t2026-11-20\t路灯\t\t{number}",
        f"建议被采纳\t陈建国\t\t1\t2026-11-20\t楼道\t\t{number}",
    )
    browser = cast.browser(cast.staff)
    looked = fill(browser, SHEET, LOOK, cells="\n".join(rows))
    assert "2行可以记" in words(looked)

    done = again(browser, looked.get_data(as_text=True), SHEET)

    assert done.status_code == 303
    result = words(browser.get(done.headers["Location"]))
    assert ask(count, "awards") == 2
    assert "王秀英" in result
    assert "陈建国" in result
