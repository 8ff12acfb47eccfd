"""记一笔 on the desk: by a rule, with the helped neighbour's word, and the second person's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, select

from core.work import SHANGHAI
from points.earning.community_rules import Caps, set_rule
from points.models import Award, NeighbourHelp
from tests.admin.forms import again, fill
from tests.admin.scene import resident_of, words
from tests.conftest import Clock
from tests.people import People, Someone
from tests.points.earning import count
from tests.points.test_community_rules import setting

Run = Callable[..., Any]


def page_of(who: Someone) -> str:
    return f"/desk/acts?resident={resident_of(who)}"


def awards(connection: Connection) -> list[Any]:
    return list(connection.execute(select(Award.__table__)))


def test_a_resident_is_found_and_an_act_recorded(ask: Run, cast: People) -> None:
    browser = cast.browser(cast.staff)
    assert "王秀英" in words(browser.get("/desk/acts", query_string={"q": "秀英"}))

    done = fill(browser, page_of(cast.wang), "/acts", rule="report.idea", note="路灯修好了")

    assert done.status_code == 303
    assert "记上了5分，明早8点前到账" in words(browser.get("/desk/acts"))
    assert ask(awards)[0].reason == "建议被采纳，路灯修好了"


def test_a_households_rule_is_for_the_household(ask: Run, cast: People) -> None:
    fill(cast.browser(cast.staff), page_of(cast.wang), "/acts", rule="safety.home_check")

    row = ask(awards)[0]
    assert (row.holder_id, row.points_kind) == (cast.wang.household, "basic")


def test_a_double_tap_is_one_act(ask: Run, cast: People) -> None:
    browser = cast.browser(cast.staff)
    shown = browser.get(page_of(cast.wang)).get_data(as_text=True)
    for _tap in range(2):
        again(browser, shown, "/acts", rule="report.idea")

    assert ask(count, "awards") == 1
    assert "刚才已经记过了" in words(browser.get("/desk/acts"))


def test_whose_cap_is_full_and_what_was_left_of_it_is_said(
    run: Run, cast: People, clock: Clock
) -> None:
    caps = Caps(per_month=3, household_per_month=4)
    changed = setting(rule="report.idea", points=500, caps=caps)
    run(set_rule, changed, cast.actor(cast.lead))
    clock.advance(days=1)
    browser = cast.browser(cast.staff)
    said = []
    for who, units in ((cast.wang, "3"), (cast.wang, "1"), (cast.li, "3"), (cast.li, "1")):
        fill(browser, page_of(who), "/acts", rule="report.idea", units=units)
        said.append(words(browser.get("/desk/acts")))

    assert "只够" not in said[0]
    assert "本人每月的上限已满，不计分" in said[1]
    assert "全户合计每月的上限只够1次，记上了5分，明早8点前到账" in said[2]
    assert "全户合计每月的上限已满，不计分" in said[3]


def test_a_households_own_cap_is_called_so(cast: People) -> None:
    browser = cast.browser(cast.staff)
    for _each in range(2):
        fill(browser, page_of(cast.wang), "/acts", rule="safety.home_check")

    assert "本户每月的上限已满，不计分" in words(browser.get("/desk/acts"))


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"rule": "serve.neighbour"}, "请写被帮的人"),
        ({"rule": "serve.neighbour", "helped_q": "李国强"}, "同一户的家人之间不记"),
        ({"rule": "report.idea", "units": "零"}, "次数要是正整数"),
        ({"rule": "report.idea", "units": "10001"}, "次数要在1到10000之间"),
        ({"rule": "report.idea", "day": ""}, "请选好日期"),
        ({"rule": "report.idea", "day": "2027-01-01"}, "日期要在今天以前"),
        ({"rule": "covenant.corridor"}, "请先选好人和规则"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_recorded(
    ask: Run, cast: People, typed: dict[str, str], says: str
) -> None:
    refused = fill(cast.browser(cast.staff), page_of(cast.wang), "/acts", **typed)

    assert refused.status_code == 422
    assert says in words(refused)
    assert ask(count, "awards") == 0


def test_the_helped_neighbour_is_asked_on_the_own_phone(ask: Run, cast: People) -> None:
    staff, chen = cast.browser(cast.staff), cast.browser(cast.chen)
    typed = {"rule": "serve.neighbour", "helped_q": "陈建国", "word": "device", "note": "代取药"}
    fill(staff, page_of(cast.wang), "/acts", **typed)
    assert "说「是」才计分" in words(staff.get("/desk/acts"))
    assert ask(count, "awards") == 0

    home = chen.get("/").get_data(as_text=True)
    assert "王秀英帮了您吗" in home
    assert "代取药" in home
    identity = ask(lambda c: c.scalar(select(NeighbourHelp.id)))
    done = again(chen, home, f"/points/helps/{identity}")

    assert done.status_code == 303
    after = chen.get("/").get_data(as_text=True)
    assert "已告诉社区，这位邻居会得分" in after
    assert "帮了您吗" not in after
    assert ask(count, "awards") == 1


@pytest.mark.parametrize("who", ["helped", "staff"])
def test_whose_cap_is_full_is_not_said_to_get_points(ask: Run, cast: People, who: str) -> None:
    staff, chen, lead = (cast.browser(each) for each in (cast.staff, cast.chen, cast.lead))
    for note in ("一", "二"):
        told = {"rule": "serve.neighbour", "helped_q": "陈建国", "word": "told", "note": note}
        fill(staff, page_of(cast.wang), "/acts", **told)
    given = ask(count, "awards")
    typed = {"rule": "serve.neighbour", "helped_q": "陈建国", "word": "device", "note": "三"}
    fill(staff, page_of(cast.wang), "/acts", **typed)
    asked = NeighbourHelp.state == "asked"
    identity = ask(lambda c: c.scalar(select(NeighbourHelp.id).where(asked)))

    if who == "helped":
        again(chen, chen.get("/").get_data(as_text=True), f"/points/helps/{identity}")
        said = words(chen.get("/"))
    else:
        fill(lead, "/desk/acts", f"/acts/helps/{identity}")
        said = words(lead.get("/desk/acts"))

    assert "已到上限" in said
    assert ask(count, "awards") == given


def test_in_elder_mode_the_question_is_there_too(cast: People) -> None:
    chen = cast.browser(cast.chen)
    typed = {"rule": "serve.neighbour", "helped_q": "陈建国", "word": "device"}
    fill(cast.browser(cast.staff), page_of(cast.wang), "/acts", **typed)
    fill(chen, "/me", "/elder", mode="elder")

    assert "王秀英帮了您吗" in chen.get("/").get_data(as_text=True)


def test_staff_who_asked_by_name_note_the_word(ask: Run, cast: People) -> None:
    typed = {"rule": "serve.neighbour", "helped_q": "陈建国", "word": "device"}
    fill(cast.browser(cast.staff), page_of(cast.wang), "/acts", **typed)
    lead = cast.browser(cast.lead)
    identity = ask(lambda c: c.scalar(select(NeighbourHelp.id)))

    done = fill(lead, "/desk/acts", f"/acts/helps/{identity}")

    assert done.status_code == 303
    assert ask(count, "awards") == 1


def test_namesakes_are_offered_to_choose_from(ask: Run, cast: People) -> None:
    browser = cast.browser(cast.staff)
    asked = fill(browser, page_of(cast.wang), "/acts", rule="serve.neighbour", helped_q="建国南苑")

    assert asked.status_code == 422
    assert "有几位，请选一位" in words(asked)
    done = again(browser, asked.get_data(as_text=True), "/acts", helped=str(cast.chen.resident))
    assert done.status_code == 303
    assert ask(awards)[0].holder_id == cast.wang.resident


def test_what_was_long_ago_is_confirmed_by_somebody_else(
    ask: Run, cast: People, clock: Clock
) -> None:
    clock.set(dt.datetime(2026, 11, 25, 0, 30, tzinfo=SHANGHAI))
    staff, lead = cast.browser(cast.staff), cast.browser(cast.lead)
    fill(staff, page_of(cast.wang), "/acts", rule="report.idea", day="2026-11-02")
    assert "要别的工作人员来确认" in words(staff.get("/desk/acts"))
    assert "1笔登记等另一位确认" in words(lead.get("/desk/"))
    assert "第二人确认" not in words(staff.get("/desk/"))

    done = fill(lead, "/desk/acts", "/acts/confirm")

    assert done.status_code == 303
    assert "确认了1笔，今早8点前到账" in words(lead.get("/desk/acts"))
    assert ask(awards)[0].due is not None


def test_hours_without_a_scan_say_that_somebody_else_confirms_them(ask: Run, cast: People) -> None:
    staff, lead = cast.browser(cast.staff), cast.browser(cast.lead)
    shown = words(staff.get(page_of(cast.wang)))
    assert "每半小时5分，要另一位确认" in shown
    assert "每次5分，要另一位确认" not in shown

    fill(staff, page_of(cast.wang), "/acts", rule="serve.hour", units="8")

    assert "记上了40分，等另一位工作人员确认" in words(staff.get("/desk/acts"))
    fill(lead, "/desk/acts", "/acts/confirm")
    assert ask(awards)[0].due is not None


def test_the_keeper_records_nothing(cast: People) -> None:
    assert cast.browser(cast.keeper).get("/desk/acts").status_code == 403
