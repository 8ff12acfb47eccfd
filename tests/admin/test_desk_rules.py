"""积分规则 on the desk: the table, adapting one with a look at last month, own ones, others'."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, select

from core import settings
from points.earning.acts import RecordAct, record_act
from points.earning.community_rules import Caps, set_rule
from points.earning.rules import rule_in_force
from points.models import CommunityRule
from tests.admin.forms import Forms, again, fill
from tests.admin.scene import resident_of, words
from tests.conftest import Clock
from tests.people import HERE, People
from tests.points.earning import count
from tests.points.test_community_rules import setting

Run = Callable[..., Any]
TOMORROW = dt.date(2026, 11, 25)
ERRAND = "/desk/rules/serve.neighbour"


def set_rows(connection: Connection) -> list[Any]:
    return list(connection.execute(select(CommunityRule.__table__)))


def test_the_table_shows_base_band_and_difference(run: Run, cast: People, clock: Clock) -> None:
    run(set_rule, setting(points=500), cast.actor(cast.lead))
    before = words(cast.browser(cast.staff).get("/desk/rules"))
    clock.advance(days=1)
    page = words(cast.browser(cast.staff).get("/desk/rules"))

    assert "21条在用，21条同区指导目录基准，0条自设" in before
    assert "11-25起5" in before or "明天起5" in before
    assert "21条在用，20条同区指导目录基准" in page
    assert "高2" in page
    assert "没有打开的" in page
    assert "守时装修、夜间安静" in page


def test_the_lead_adapts_a_rule_from_tomorrow(ask: Run, cast: People, clock: Clock) -> None:
    browser = cast.browser(cast.lead)

    done = fill(
        browser,
        ERRAND,
        ERRAND,
        points="4",
        per_day="3",
        household_per_day="4",
        household_per_month="20",
        recorded_by=["社工", "网格员"],
    )

    assert done.status_code == 303
    assert "已保存，明天起生效" in words(browser.get(done.headers["Location"]))
    rule = ask(rule_in_force, HERE, "serve.neighbour", TOMORROW)
    assert (rule.amount, rule.cap_per_day, rule.cap_per_month) == (400, 3, 10)
    assert rule.household_caps == (None, 20, 4)
    clock.advance(days=1)
    browser = cast.browser(cast.lead)
    assert "每人每天3，每月10，每年60；全户合计每天4，每月20" in words(browser.get("/desk/rules"))
    shown = words(browser.get(ERRAND))
    assert "每人上限" in shown
    assert "全户合计上限" in shown
    assert set(rule.recorders) == {"社工", "网格员"}


@pytest.mark.parametrize(
    ("caps", "says"),
    [
        (Caps(household_per_month=4), "全户合计每月4"),
        (Caps(per_act=1, household_per_month=4), "每人每次1；全户合计每月4"),
        (Caps(per_act=1, per_year=4), "每次1，每年4"),
        (Caps(), "不限"),
    ],
)
def test_the_table_says_whose_caps_they_are(
    run: Run, cast: People, clock: Clock, caps: Caps, says: str
) -> None:
    run(set_rule, setting(caps=caps), cast.actor(cast.lead))
    clock.advance(days=1)

    assert f"4{says}社工" in words(cast.browser(cast.staff).get("/desk/rules"))


def test_a_rule_for_households_has_their_caps_only(cast: People) -> None:
    browser = cast.browser(cast.lead)
    waste = "/desk/rules/waste.month"
    page = words(browser.get(waste))
    new = "/desk/own-rules/new"
    monthly = {"name": "楼道守护", "topic": "covenant", "unit": "户月", "holder": "household"}
    refused = fill(browser, new, new, points="4", household_per_month="4", **monthly)

    assert "每户上限" in page
    assert "全户合计上限" not in page
    assert refused.status_code == 422
    assert "请把全户合计的上限留空" in words(refused)


def test_a_deduction_says_its_band_as_it_is_typed(run: Run, cast: People) -> None:
    allowed = settings.SetSetting(key="a", setting="points.deductions", place=HERE, value="1")
    run(settings.set_setting, allowed, cast.actor(cast.lead))
    browser, deduction = cast.browser(cast.lead), "/desk/rules/deduct.corridor"
    page = browser.get(deduction)
    refused = fill(browser, deduction, deduction, points="5", on="1")

    assert "区指导目录：基准扣2分，区间扣1–3分。" in words(page)
    assert "扣 1 到 3 分，基准 2 分" in page.get_data(as_text=True), "the line says the same"
    assert refused.status_code == 422
    assert "超出区指导目录的1–3分" in words(refused)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"points": "9"}, "超出区指导目录的2–5分"),
        ({"points": "很多"}, "请填整数的分"),
        ({"points": "0"}, "请填整数的分"),
        ({"per_day": "两次"}, "上限要是正整数"),
        ({"per_day": "20"}, "上限要是正整数"),
        ({"household_per_day": "两次"}, "全户合计的上限要是正整数"),
        ({"household_per_month": "9"}, "不能比同期的每人上限小"),
        ({"recorded_by": []}, "请选好谁来记"),
        ({"valid_from": "2026-11-24"}, "生效日期要从明天起"),
        ({"valid_from": ""}, "请选好日期"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_kept(
    ask: Run, cast: People, typed: dict[str, Any], says: str
) -> None:
    given: dict[str, Any] = {"points": "4"} | typed

    refused = fill(cast.browser(cast.lead), ERRAND, ERRAND, **given)

    assert refused.status_code == 422
    assert says in words(refused)
    assert f'value="{given["points"]}"' in refused.get_data(as_text=True)
    assert ask(count, "community_rules") == 0


def test_staff_look_and_try_but_do_not_save(ask: Run, cast: People) -> None:
    browser = cast.browser(cast.staff)
    page = words(browser.get(ERRAND))

    assert "规则由社区负责人来改" in page
    assert browser.get("/desk/own-rules/new").status_code == 403
    token = dict(Forms(browser.get("/desk/").get_data(as_text=True)).forms[0][1])["csrf_token"]
    sent = {"csrf_token": token, "points": "4", "on": "1", "valid_from": TOMORROW.isoformat()}
    assert browser.post(ERRAND, data=sent).status_code == 403
    assert ask(count, "community_rules") == 0


def test_a_rule_is_tried_on_last_month_before_it_is_saved(run: Run, ask: Run, cast: People) -> None:
    """Last month 王秀英 helped twice on one day, three points each; the day's cap becomes one."""
    for key, day in (("a", 20), ("b", 20), ("c", 21)):
        act = RecordAct(
            key=key,
            community=HERE,
            rule="serve.neighbour",
            holder_kind="resident",
            holder_id=resident_of(cast.wang),
            units=1,
            day=dt.date(2026, 10, day),
            helped=resident_of(cast.chen),
        )
        run(record_act, act, cast.actor(cast.staff))

    asked = {"points": "5", "per_day": "1", "on": "1", "per_month": "10", "per_year": "60"}
    page = cast.browser(cast.staff).get(ERRAND, query_string=asked)

    said = words(page)
    assert "把10月记的3次按左边的写法重算一遍" in said
    assert "记了几笔32" in said
    assert "一共几分910" in said
    assert "+1分" in said
    assert ask(set_rows) == []


def test_what_is_tried_stands_in_the_address_without_the_token(cast: People) -> None:
    for who in (cast.lead, cast.staff):
        page = cast.browser(who).get(ERRAND).get_data(as_text=True)
        form = page.partition(f'action="{ERRAND}">')[2].partition("</form>")[0]

        assert 'formmethod="get"' in form
        assert 'type="hidden"' not in form
        # Enter presses the first button, which changes nothing.
        assert "试算" in form.partition("<button")[2].partition("</button>")[0]


@pytest.mark.parametrize("typed", [{"points": "三"}, {"points": ""}, {"per_day": "-1"}])
def test_what_cannot_be_read_is_not_tried_as_if_the_rule_were_off(
    cast: People, typed: dict[str, str]
) -> None:
    asked = {"points": "5", "on": "1"} | typed
    said = words(cast.browser(cast.staff).get(ERRAND, query_string=asked))

    assert "分数和上限都填整数，上限空着就是不限。改好再点试算。" in said
    assert ("请填整数的分。" in said) == ("points" in typed)
    assert "10月" not in said


def test_last_month_without_any_says_so(cast: People) -> None:
    assert "10月没有按这条规则记过分" in words(cast.browser(cast.staff).get(ERRAND))


def test_an_own_rule_is_made_and_taken_over_next_door(run: Run, ask: Run, cast: People) -> None:
    browser = cast.browser(cast.lead)
    new = "/desk/own-rules/new"

    done = fill(
        browser,
        new,
        new,
        name="老墙门守护",
        topic="covenant",
        unit="户月",
        holder="household",
        points="4",
        per_month="1",
        recorded_by=["楼道长"],
    )

    assert done.status_code == 303
    assert "老墙门守护" in words(browser.get("/desk/rules"))
    theirs = words(cast.browser(cast.near).get("/desk/rules/elsewhere"))
    assert "老墙门守护" in theirs
    assert "小营巷" in theirs or "社区" in theirs


def test_an_own_rule_cannot_make_waste_sorting_redeemable(ask: Run, cast: People) -> None:
    new = "/desk/own-rules/new"
    browser = cast.browser(cast.lead)
    refused = fill(
        browser,
        new,
        new,
        name="垃圾分类达人",
        topic="serve",
        points="5",
        recorded_by=["社工"],
    )

    assert refused.status_code == 422
    assert "人人该做的" in words(refused)
    shown = refused.get_data(as_text=True)
    mended = again(browser, shown, new, topic="waste", per_month="")
    assert mended.status_code == 303
    assert ask(count, "catalogue_rules", "community IS NOT NULL AND points_kind = 'basic'") == 1


def test_the_console_lists_what_lies_outside_the_band(run: Run, cast: People) -> None:
    admin = cast.browser(cast.lin)
    assert "没有区间外的规则" in words(admin.get("/console/rules-outside-band"))
    allowed = settings.SetSetting(key="a", setting="exchange.face_value", place=0, value="1")
    run(settings.set_setting, allowed, cast.actor(cast.lin))

    fill(cast.browser(cast.lead), ERRAND, ERRAND, points="9")

    page = words(admin.get("/console/rules-outside-band"))
    assert "1条社区规则超出" in page
    # Nobody can set a face value yet, and the page promises none.
    assert "目前还不能另定分值" in page
    assert "邻里互助每次92–5分" in page
    assert "赵建平" in page


def test_a_rule_that_nobody_has_is_not_found(cast: People) -> None:
    assert cast.browser(cast.lead).get("/desk/rules/no.such").status_code == 404
