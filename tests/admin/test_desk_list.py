"""导入名单 at the desk: each row is looked at before anybody is entered."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from tests.admin.forms import Forms, again, fill
from tests.admin.scene import words
from tests.people import People
from tests.points.earning import count

Run = Callable[..., Any]
PAGE = "/desk/residents/list"
ROWS = (
    "姓名\t住址\t手机\t出生年",
    "沈玉兰\t建国南苑 9-1-101\t13957000001\t1948",
    "钱福根\t建国南苑 9-1-101\t\t",
    "沈玉兰\t建国南苑 9-1-101\t\t",
    "王秀英\t\t13800000001\t",
    "吴阿毛\t\t13800000005\t",
    "沈小弟\t建国南苑\t\t",
    "周福\t建国南苑 9-1-102\t1395700\t",
    "何福\t建国南苑 9-1-102\t\t四二年",
)


def test_a_list_is_looked_at_then_entered_and_the_wrong_rows_given_back(
    cast: People, ask: Run
) -> None:
    staff, before = cast.browser(cast.staff), ask(count, "residents")
    looked = fill(staff, PAGE, f"{PAGE}/look", cells="\n".join(ROWS))

    said = words(looked)
    assert "2位可以登记，2行登记过，4行要改" in said
    for reason in ("已经登记在", "住址要写全", "手机号", "出生年份不对"):
        assert reason in said
    assert "13957000001" not in said.split("改表里的内容")[0]
    assert ask(count, "residents") == before

    shown = looked.get_data(as_text=True)
    forms = Forms(shown).forms
    sent = next(dict(values) for _action, values, names in forms if "cells" in names)
    wrong = staff.post(f"{PAGE}/wrong.csv", data=sent).get_data(as_text=True)
    assert [name in wrong for name in ("吴阿毛", "沈小弟", "何福", "钱福根")] == [
        True,
        True,
        True,
        False,
    ]

    unasked = again(staff, shown, PAGE)
    assert unasked.status_code == 422
    assert "都同意登记" in words(unasked)
    done = again(staff, shown, PAGE, consent="1")
    assert done.status_code == 303
    told = words(staff.get(done.headers["Location"]))
    for each in ("登记了2位", "2位以前登记过", "4行要改"):
        assert each in told
    assert ask(count, "residents") == before + 2
    again(staff, shown, PAGE, consent="1")
    assert ask(count, "residents") == before + 2


def test_a_namesake_in_a_list_waits_until_the_list_says_that_it_is_another(
    cast: People, ask: Run
) -> None:
    staff, before = cast.browser(cast.staff), ask(count, "residents")
    assert "另一位" in words(staff.get(PAGE))

    for said, ready in (("", "0位可以登记"), ("是", "1位可以登记")):
        cells = f"姓名\t住址\t另一位\n王秀英\t建国南苑 9-1-101\t{said}"
        looked = fill(staff, PAGE, f"{PAGE}/look", cells=cells)
        assert ready in words(looked)
        assert ("王秀英（建国南苑3-2-401）" in words(looked)) == (not said)
    again(staff, looked.get_data(as_text=True), PAGE, consent="1")
    assert ask(count, "residents") == before + 1


def test_a_file_will_do_and_what_is_no_list_is_refused(cast: People) -> None:
    staff = cast.browser(cast.staff)
    raw = "姓名,室号\n沈玉兰,建国南苑 9-1-101\n".encode("gb18030")
    assert "1位可以登记" in words(
        fill(staff, PAGE, f"{PAGE}/look", file=(io.BytesIO(raw), "a.csv"))
    )

    for cells, says in (("", "名单里没有人"), ("姓名\n王", "没有看懂"), ("住址\n王", "没有看懂")):
        refused = fill(staff, PAGE, f"{PAGE}/look", cells=cells)
        assert refused.status_code == 422
        assert says in words(refused)
    assert cast.browser(cast.keeper).get(PAGE).status_code == 403
