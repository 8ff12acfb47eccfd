"""The one page of a building lead or grid worker: a rule, the doors, one tap."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from points.earning.community_rules import Caps, set_rule
from points.models import Award
from tests.admin.forms import Forms, again, fill
from tests.admin.scene import words
from tests.conftest import Clock
from tests.people import People, Someone
from tests.points.correcting import Desk
from tests.points.doors import building_lead, grid_worker
from tests.points.earning import count
from tests.points.test_community_rules import setting

Run = Callable[..., Any]
CORRIDOR = "/field/?rule=covenant.corridor"


@pytest.fixture
def fang(run: Run, ask: Run, cast: People) -> Someone:
    """The lead of 3 幢, where only 王秀英's household lives."""
    return building_lead(run, ask, cast)


@pytest.fixture
def phone(cast: People, fang: Someone) -> FlaskClient:
    return cast.browser(fang)


def test_signing_in_leads_to_the_one_page(phone: FlaskClient) -> None:
    assert phone.get("/").headers["Location"] == "/field/"
    page = words(phone.get("/field/"))

    assert "楼道不堆物" in page
    assert "垃圾分类合格" in page
    assert "志愿服务" not in page
    for elsewhere in ("/desk/", "/desk/acts", "/console/"):
        assert phone.get(elsewhere).status_code == 403


def test_the_search_is_named_beside_it(phone: FlaskClient) -> None:
    page = phone.get(CORRIDOR).get_data(as_text=True)

    for field, name in (("f-day", "哪一天"), ("f-q", "找住户")):
        assert f'<label for="{field}">{name}</label>' in page
        assert f'id="{field}"' in page


def test_only_the_own_doors_are_shown(phone: FlaskClient) -> None:
    page = words(phone.get(CORRIDOR))

    assert "建国南苑3-2-401" in page
    assert "5-1-102" not in page


def test_ticked_doors_are_recorded_and_shown_as_done(
    ask: Run, cast: People, phone: FlaskClient
) -> None:
    done = fill(phone, CORRIDOR, "/field/record", holder=[str(cast.wang.household)])

    assert done.status_code == 303
    page = words(phone.get(done.headers["Location"]))
    assert "记上了1笔，共5分" in page
    assert "这个月已记" in page
    later = phone.get(CORRIDOR).get_data(as_text=True)
    assert all(name != "holder" for form in Forms(later).forms for name in form[2])
    assert ask(count, "awards") == 1


def test_doors_of_long_ago_say_that_somebody_else_confirms_them(
    ask: Run, cast: People, phone: FlaskClient
) -> None:
    page = f"{CORRIDOR}&day=2026-10-20"
    done = fill(phone, page, "/field/record", holder=[str(cast.wang.household)])

    said = words(phone.get(done.headers["Location"]))
    assert "记上了1笔，共5分，其中1笔等另一位工作人员确认" in said
    assert ask(count, "awards", "due IS NULL") == 1


def test_the_same_tap_twice_is_one(ask: Run, cast: People, phone: FlaskClient) -> None:
    form = {
        "rule": "covenant.corridor",
        "day": "2026-11-24",
        "holder": str(cast.wang.household),
    }
    shown = phone.get(CORRIDOR).get_data(as_text=True)
    token = dict(Forms(shown).forms[-1][1])["csrf_token"]
    for _tap in range(2):
        assert phone.post("/field/record", data=form | {"csrf_token": token}).status_code == 303
    assert ask(count, "awards") == 1
    assert "没有多记" in words(phone.get("/field/"))


def test_a_forged_door_beyond_the_building_is_refused(
    ask: Run, cast: People, phone: FlaskClient
) -> None:
    shown = phone.get(CORRIDOR).get_data(as_text=True)
    form = {
        "rule": "covenant.corridor",
        "day": "2026-11-24",
        "holder": str(cast.chen.household),
        "csrf_token": dict(Forms(shown).forms[-1][1])["csrf_token"],
    }
    answer = phone.post("/field/record", data=form, follow_redirects=True)

    assert "这不在您管的范围里" in answer.get_data(as_text=True)
    assert ask(count, "awards") == 0


def test_nothing_ticked_is_told(phone: FlaskClient) -> None:
    refused = fill(phone, CORRIDOR, "/field/record")
    assert refused.status_code == 422
    assert "至少勾一户" in words(refused)


def test_a_grid_worker_reports_who_saw_a_hazard(run: Run, ask: Run, cast: People) -> None:
    qian = cast.browser(grid_worker(run, ask, cast, "3", "5"))
    done = fill(
        qian,
        "/field/?rule=report.hazard",
        "/field/record",
        holder=[str(cast.chen.resident)],
        note="电线垂下来了",
    )

    assert done.status_code == 303
    assert ask(count, "awards", "reason = '反映隐患，电线垂下来了'") == 1


HAZARD = "/field/?rule=report.hazard"


@pytest.fixture
def worker(run: Run, ask: Run, cast: People) -> Someone:
    """The grid worker of both buildings."""
    return grid_worker(run, ask, cast, "3", "5")


@pytest.fixture
def qian(cast: People, worker: Someone) -> FlaskClient:
    """The phone of the grid worker."""
    return cast.browser(worker)


def ticks(phone: FlaskClient, page: str, cast: People) -> list[str]:
    """Return what can be ticked of 陈建国."""
    shown = phone.get(page).get_data(as_text=True)
    boxes = re.findall(r'<input[^>]* name="holder" value="([^"]+)"( disabled)?', shown)
    return [tick for tick, off in boxes if tick.startswith(str(cast.chen.resident)) and not off]


def test_what_a_rule_allows_twice_a_day_can_be_recorded_twice(
    ask: Run, cast: People, qian: FlaskClient
) -> None:
    for times in (1, 2):
        [tick] = ticks(qian, HAZARD, cast)
        # A second tap of the same page is the same act.
        for _tap in range(2):
            fill(qian, HAZARD, "/field/record", holder=[tick])
        assert ask(count, "awards") == times
        assert ("这天记过1次" in words(qian.get(HAZARD))) is (times == 1)
    page = words(qian.get(HAZARD))
    assert "这天已记" in page
    assert ticks(qian, HAZARD, cast) == []


def test_a_month_that_is_full_says_so_on_another_day(
    ask: Run, cast: People, qian: FlaskClient
) -> None:
    for day in range(1, 6):
        page = f"{HAZARD}&day=2026-11-{day:02}"
        for _time in range(2):
            fill(qian, page, "/field/record", holder=ticks(qian, page, cast))
    assert ask(count, "awards") == 10

    assert ticks(qian, HAZARD, cast) == []
    assert "已到上限" in words(qian.get(HAZARD))


@pytest.fixture
def desk(app: Flask, run: Run, ask: Run, cast: People, clock: Clock) -> Desk:
    """Staff who take back what was wrong."""
    return Desk(app=app, run=run, ask=ask, cast=cast, clock=clock)


@pytest.mark.parametrize("arrived", [False, True])
def test_a_door_whose_record_was_undone_can_be_recorded_again(
    ask: Run, cast: People, worker: Someone, desk: Desk, *, arrived: bool
) -> None:
    qian, day = cast.browser(worker), f"{HAZARD}&day=2026-11-24"
    for _time in range(2):
        fill(qian, day, "/field/record", holder=ticks(qian, day, cast))
    if arrived:
        desk.night()
        qian = cast.browser(worker)
    first = ask(lambda c: c.scalar(select(Award.id).where(Award.cause.endswith(":0"))))
    desk.back(first)

    assert "这天记过1次" in words(qian.get(day))
    [tick] = ticks(qian, day, cast)
    for _tap in range(2):
        done = fill(qian, day, "/field/record", holder=[tick])
    assert "以前记过，没有多记" in words(qian.get(done.headers["Location"]))
    assert ask(count, "awards") == 3
    assert ticks(qian, day, cast) == []
    assert desk.broken() == []


def test_a_page_that_was_open_before_gives_nothing_back(
    ask: Run, cast: People, qian: FlaskClient, desk: Desk, clock: Clock
) -> None:
    old = qian.get(HAZARD).get_data(as_text=True)
    [tick] = ticks(qian, HAZARD, cast)
    again(qian, old, "/field/record", holder=[tick])
    clock.advance(minutes=1)
    desk.back(ask(lambda c: c.scalar(select(Award.id))))

    done = again(qian, old, "/field/record", holder=[tick])

    assert "以前记过，没有多记" in words(qian.get(done.headers["Location"]))
    assert ask(count, "awards") == 1


def test_what_was_undone_is_marked_and_not_among_all(
    ask: Run, cast: People, phone: FlaskClient, desk: Desk
) -> None:
    box = f'name="holder" value="{cast.wang.household}:0"'
    assert f'class="row-check" type="checkbox" {box}' in phone.get(CORRIDOR).get_data(as_text=True)
    fill(phone, CORRIDOR, "/field/record", holder=[f"{cast.wang.household}:0"])
    desk.back(ask(lambda c: c.scalar(select(Award.id))))

    page = phone.get(CORRIDOR)
    assert "后来取消或冲回了" in words(page)
    assert f'<input type="checkbox" {box}' in page.get_data(as_text=True)


def test_a_day_has_the_caps_that_held_then(
    run: Run, ask: Run, cast: People, worker: Someone, clock: Clock
) -> None:
    day = f"{HAZARD}&day=2026-11-24"
    fewer = setting(rule="report.hazard", points=200, caps=Caps(per_day=1), recorded_by=("网格员",))
    run(set_rule, fewer, cast.actor(cast.lead))
    clock.advance(days=2)
    qian = cast.browser(worker)
    for times in (1, 2):
        fill(qian, day, "/field/record", holder=ticks(qian, day, cast))
        assert ask(count, "awards") == times
    assert ticks(qian, day, cast) == []


def test_which_cap_is_full_is_said(run: Run, cast: People, clock: Clock, worker: Someone) -> None:
    together = setting(
        rule="report.hazard",
        points=200,
        caps=Caps(per_day=1, household_per_day=1),
        recorded_by=("网格员",),
    )
    run(set_rule, together, cast.actor(cast.lead))
    clock.advance(days=2)
    qian = cast.browser(worker)
    for who in (cast.wang, cast.li):
        done = fill(qian, HAZARD, "/field/record", holder=[f"{who.resident}:0"])

    said = words(qian.get(done.headers["Location"]))
    assert "1笔没有记：全户合计每天的上限已满，不计分" in said


def test_a_tick_that_nobody_could_have_made_records_nothing(
    ask: Run, cast: People, qian: FlaskClient
) -> None:
    beyond = fill(qian, HAZARD, "/field/record", holder=[f"{cast.chen.resident}:1"])
    assert (beyond.status_code, "请看过再勾" in words(beyond)) == (409, True)
    refused = fill(qian, HAZARD, "/field/record", holder=[f"{cast.chen.resident}:x", "x:0"])

    assert refused.status_code == 422
    assert ask(count, "awards") == 0


def test_help_between_two_doors_is_recorded_with_the_word(run: Run, ask: Run, cast: People) -> None:
    """The grid of both buildings has no rule for it; the building lead of 3 幢 sees only hers."""
    fang = cast.browser(building_lead(run, ask, cast))
    page = "/field/?rule=serve.neighbour"
    refused = fill(
        fang, page, "/field/record", holder=str(cast.wang.resident), helped=str(cast.li.resident)
    )

    assert refused.status_code == 422
    assert "同一户的家人之间不记" in words(refused)
    done = fill(
        fang, page, "/field/record", holder=str(cast.wang.resident), helped=str(cast.chen.resident)
    )
    assert done.status_code == 303
    assert ask(count, "awards") == 1


def test_the_lead_arranges_grids_and_helpers_at_the_desk(run: Run, ask: Run, cast: People) -> None:
    lead, place = cast.browser(cast.lead), "/desk/helpers"
    assert cast.browser(cast.staff).get(place).status_code == 403
    shown = lead.get(place).get_data(as_text=True)
    assert "建国南苑 3 幢" in shown
    buildings = [part.split('"')[0] for part in shown.split('name="building" value="')[1:]]
    done = fill(lead, place, "/helpers/grid", grid="第一网格", building=buildings)
    assert done.status_code == 303
    scope = f"building_lead:{buildings[0]}"
    done = fill(lead, place, "/desk/helpers", name="方大姐", phone="13700000021", scope=scope)
    assert done.status_code == 303
    page = words(lead.get(place))
    assert "方大姐" in page
    assert "第一网格" in page
    ended = fill(lead, place, "/helpers/end")
    assert ended.status_code == 303
    assert "方大姐" not in words(lead.get(place))


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"name": ""}, "姓名"),
        ({"phone": "12"}, "手机号"),
        ({"scope": "building_lead:no"}, "请选网格或楼幢"),
    ],
)
def test_what_is_wrong_with_a_helper_is_said(
    cast: People, typed: dict[str, str], says: str
) -> None:
    given = {"name": "方大姐", "phone": "13700000021"} | typed
    refused = fill(cast.browser(cast.lead), "/desk/helpers", "/desk/helpers", **given)

    assert refused.status_code == 422
    assert says in words(refused)


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2020-01-01"])
def test_a_day_that_nothing_is_recorded_for_shows_today(phone: FlaskClient, day: str) -> None:
    answer = phone.get(f"{CORRIDOR}&day={day}")

    assert answer.status_code == 200
    assert 'value="2026-11-24"' in answer.get_data(as_text=True)
