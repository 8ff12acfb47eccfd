"""Residents look for what is coming, open it, and find the one act that fits where they stand."""

from __future__ import annotations

import datetime as dt
import html
import re
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from activities.attendance import EXIT_GRACE
from activities.cancelling import cancel_session
from activities.publish import PartOffered, close_session
from residents.modes import ChangeMode, change_mode
from tests.activities.scene import END, JOIN, START, Scene, at
from tests.admin.forms import fill
from tests.admin.scene import words
from tests.people import HERE, NEAR, THERE
from tests.residents.forms import field, prove, send

TOMORROW = (at(14, day=25), at(16, day=25))
LATER = (at(9, day=27), at(10, day=27))


def page(scene: Scene, session: UUID) -> str:
    """Return the address of a session's page."""
    return f"/activities/{scene.row(session).activity}?session={session}"


def dock(browser: FlaskClient, address: str) -> str:
    """Return what the one act of a page says, or the line in its place."""
    shown: Any = browser.get(address)
    assert shown.status_code == 200
    return words(shown).partition("依据区里的《积分指导目录》")[2]


def test_what_is_coming_at_home_is_listed_by_day(scene: Scene) -> None:
    browser = scene.cast.browser(scene.cast.wang)
    scene.session(title="后天的事", sessions=(LATER,))
    scene.session(title="明天的事", sessions=(TOMORROW,), open_to="community")
    scene.session(title="别处的事", sessions=(TOMORROW,), community=THERE)
    scene.session(title="上午的事")
    scene.clock.set(END)

    said = words(browser.get("/activities/"))

    assert said.index("明天") < said.index("明天的事") < said.index("后天的事")
    assert "14:00–16:00" in said
    assert "来参加：1基本积分" in said
    assert "来帮忙：每小时10服务积分，最多20分" in said
    assert "别处的事" not in said
    assert "上午的事" not in said


def test_the_district_lists_what_is_open_to_it(scene: Scene, client: FlaskClient) -> None:
    browser = scene.cast.browser(scene.cast.wang)
    scene.session(title="明天的事", sessions=(TOMORROW,), open_to="community")
    scene.session(title="别处的事", sessions=(TOMORROW,), community=THERE)
    scene.session(title="别处自己的事", sessions=(TOMORROW,), community=THERE, open_to="community")

    for said in (
        words(browser.get("/activities/?scope=district")),
        words(client.get("/activities/")),
        words(scene.cast.browser(scene.cast.staff).get("/activities/")),
    ):
        assert "别处的事" in said
        assert "明天的事" not in said
        assert "别处自己的事" not in said


def test_a_long_list_goes_on_behind_its_last_session(scene: Scene) -> None:
    browser = scene.cast.browser(scene.cast.wang)
    begin, end = TOMORROW
    for title, first_of, count in (("前六十场", 0, 60), ("后一场", 60, 1)):
        gaps = [dt.timedelta(hours=3 * (first_of + each)) for each in range(count)]
        scene.session(title=title, sessions=tuple((begin + gap, end + gap) for gap in gaps))

    first = browser.get("/activities/").get_data(as_text=True)
    further = re.search(r'href="([^"]*after=[^"]*)"', first)
    assert further is not None
    last = words(browser.get(html.unescape(further[1])))

    assert ("前六十场" in first, "后一场" in first) == (True, False)
    assert ("前六十场" in last, "后一场" in last, "看后面的活动" in last) == (False, True, False)


def test_an_empty_kind_leads_to_the_districts(scene: Scene) -> None:
    browser = scene.cast.browser(scene.cast.wang)
    scene.session(sessions=(TOMORROW,))
    scene.session(title="太极", kind="运动健康", sessions=(TOMORROW,), community=THERE)

    own = words(browser.get("/activities/?kind=运动健康"))
    whole = words(browser.get("/activities/?scope=district&kind=运动健康"))
    unknown = words(browser.get("/activities/?kind=<b>&scope=nowhere"))

    assert "这两周还没有运动健康" in own
    assert "看看全区的1场" in own
    assert "太极" in whole
    assert "便民集市" not in whole
    assert "便民集市" in unknown


def test_a_guest_is_led_to_sign_in_and_back(scene: Scene, client: FlaskClient) -> None:
    session = scene.session(sessions=(TOMORROW,))

    said = client.get(page(scene, session))

    assert "登录后报名" in words(said)
    assert f"session%3D{session}" in said.get_data(as_text=True).replace("%26", "&")


def test_a_choice_is_kept_for_who_has_to_sign_in_first(scene: Scene, client: FlaskClient) -> None:
    session, wang = scene.session(sessions=(TOMORROW,)), scene.cast.wang

    asked = send(client, "/sign-in", f"/activities/sessions/{session}/sign-up", part="serve")
    target = field(client.get(asked.headers["Location"]).get_data(as_text=True), "next")
    prove(scene.app, client, wang.phone, target)

    shown = client.get(target).get_data(as_text=True)
    assert re.findall(r'name="part" value="(\w+)" required checked', shown) == ["serve"]


def test_it_says_when_its_points_will_be_there(scene: Scene) -> None:
    alone = (PartOffered(part="take_part", rule=JOIN),)
    today, later = (
        scene.session(parts=alone),
        scene.session(sessions=((at(9, day=28), at(11, day=28)),)),
    )
    browser = scene.cast.browser(scene.cast.wang)

    def arrival(session: UUID) -> str:
        shown = browser.get(page(scene, session)).get_data(as_text=True)
        return str(re.findall(r"[^\s>]+(?: 8 点前)?到账(?=<)", shown)[-1])

    assert [arrival(today), arrival(later)] == ["明早 8 点前到账", "周日 8 点前到账"]
    scene.set_to("points.fixed_at_once", "1", HERE)
    assert [arrival(today), arrival(later)] == ["马上到账", "周日 8 点前到账"]


@pytest.mark.parametrize(
    ("minutes", "said"),
    [("0", "按半小时计时"), ("7", "按半小时计时，差 7 分钟以内也算满")],
)
def test_it_says_what_a_half_hour_may_lack_as_the_district_set_it(
    scene: Scene, minutes: str, said: str
) -> None:
    scene.set_to("points.hour_grace_minutes", minutes)

    shown = words(scene.cast.browser(scene.cast.wang).get(page(scene, scene.session())))

    told = shown.partition("离开时再扫一次")[2].partition("积分到账")[0]
    # What follows begins with its number.
    assert "".join(told.split()).removesuffix("4") == "".join(said.split())


def test_signing_up_and_cancelling_say_what_happens_next(scene: Scene) -> None:
    session = scene.session(sessions=(TOMORROW,))
    browser, address = scene.cast.browser(scene.cast.wang), page(scene, session)

    done = fill(browser, address, "/sign-up", part="serve")

    assert done.status_code == 303
    said = words(browser.get(done.headers["Location"]))
    assert "报名成功，到场扫一扫现场码签到" in said
    assert "已报名，点这里取消" in said
    assert "明天14:00前可取消" in said
    assert scene.sign_ups(session) == {scene.cast.wang.resident: "signed_up"}
    back = fill(browser, address, "/cancel")
    assert "已取消报名，名额留给别的邻居" in words(browser.get(back.headers["Location"]))
    assert scene.taken(session, "serve") == 0


def test_a_full_part_queues_and_says_how_many_are_ahead(scene: Scene) -> None:
    cast = scene.cast
    session = scene.session(sessions=(TOMORROW,), parts=scene.places("take_part", 1))
    scene.sign_up(cast.chen, session)
    scene.sign_up(cast.new, session)
    scene.clock.advance(seconds=1)
    browser, address = cast.browser(cast.wang), page(scene, session)
    assert "已满，前面还有1人" in words(browser.get(address))

    done = fill(browser, address, "/sign-up", part="take_part")

    said = words(browser.get(done.headers["Location"]))
    assert "已为您排队候补，前面还有1人" in said
    assert "候补中，点这里取消" in said
    assert "排队候补，前面还有1人" in words(browser.get("/activities/"))
    first = scene.cast.browser(cast.new)
    assert "排队候补，您排第一位" in words(first.get("/activities/"))


def test_who_is_elsewhere_reads_for_whom_it_is(scene: Scene) -> None:
    session = scene.session(sessions=(TOMORROW,), open_to="community")
    browser, address = scene.cast.browser(scene.cast.there), page(scene, session)

    assert "这场只对清波门社区的居民开放看看全区的活动" in dock(browser, address)

    tried = send(browser, "/me", f"/activities/sessions/{session}/sign-up", part="serve")
    assert tried.status_code == 422
    assert "这场活动只面向清波门社区的居民" in words(tried)
    assert scene.sign_ups(session) == {}


STAGES: list[tuple[dt.datetime, str]] = [
    (at(9, 59, 59), "已报名，点这里取消"),
    (at(10), "请用微信扫现场的屏幕签到"),
    (at(12, 29), "请用微信扫现场的屏幕签到"),
    (END, "这场已经结束"),
]


def test_the_act_follows_the_clock(scene: Scene) -> None:
    session = scene.session()
    scene.sign_up(scene.cast.wang, session)
    browser, address = scene.cast.browser(scene.cast.wang), page(scene, session)

    for moment, said in STAGES:
        scene.clock.set(moment)
        assert said in dock(browser, address), moment


def test_when_scans_count_everybody_still_has_their_own_act(scene: Scene) -> None:
    cast, session = scene.cast, scene.session(parts=scene.places("take_part", 1))
    scene.sign_up(cast.wang, session)
    scene.sign_up(cast.new, session)
    signed, waits, stranger = (cast.browser(who) for who in (cast.wang, cast.new, cast.chen))
    address = page(scene, session)
    assert "前可取消" in words(signed.get(address))

    scene.clock.set(at(10, 31))

    assert "来不了请提前取消" in dock(signed, address)
    assert "已报名，点这里取消" in dock(signed, address)
    assert "前可取消" not in words(signed.get(address))
    assert "请用微信扫现场的屏幕" not in dock(waits, address)
    assert "候补中，点这里取消" in dock(waits, address)
    assert "人在现场的直接扫屏幕，不用先报名" in dock(stranger, address)
    assert "您想怎么来" in words(stranger.get(address))
    assert "人在现场的直接扫屏幕" in dock(scene.app.test_client(), address)


def test_the_act_follows_what_was_scanned(scene: Scene) -> None:
    wang, session, other = scene.cast.wang, scene.session(), scene.session()
    browser = scene.cast.browser(wang)
    scene.scan(wang, other, when=START)
    scene.scan(wang, session, "serve", when=START)
    assert "已签到，离开时再扫一次" in dock(browser, page(scene, session))
    assert "已记下，谢谢您" in dock(browser, page(scene, other))

    scene.scan(wang, session, "serve", "exit", at(11, 40))

    assert "已记下，谢谢您" in dock(browser, page(scene, session))


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (cancel_session, "这场取消了：有暴雨。请不要前往看看别的活动"),
        (close_session, "这场已经结束"),
    ],
)
def test_a_session_that_staff_ended_says_so(scene: Scene, end: Any, said: str) -> None:
    session = scene.session(sessions=(TOMORROW,))
    scene.sign_up(scene.cast.wang, session)
    scene.end(end, session)
    browser = scene.cast.browser(scene.cast.wang)

    assert said in dock(browser, page(scene, session))
    assert "便民集市" not in words(browser.get("/activities/"))


def test_a_series_shows_the_next_and_leads_to_the_others(scene: Scene) -> None:
    made = scene.publish(sessions=((START, END), TOMORROW, LATER))
    browser = scene.cast.browser(scene.cast.wang)
    scene.clock.set(END)

    shown = browser.get(f"/activities/{made.activity}").get_data(as_text=True)

    assert f"/sessions/{made.sessions[1]}/sign-up" in shown
    assert f"session={made.sessions[2]}" in shown
    assert f"session={made.sessions[0]}" not in shown
    assert browser.get(f"/activities/{UUID(int=7)}").status_code == 404


def test_the_home_page_brings_what_is_next_and_three_near(scene: Scene) -> None:
    wang = scene.cast.wang
    browser = scene.cast.browser(wang)
    assert "这几天还没有活动" in words(browser.get("/"))
    mine = scene.session(title="我的事", sessions=(LATER,))
    scene.session(title="家里的事", sessions=(TOMORROW,), open_to="community")
    scene.session(title="隔壁的事", sessions=(TOMORROW,), community=NEAR)
    scene.session(title="隔壁自己的事", sessions=(TOMORROW,), community=NEAR, open_to="community")
    scene.session(title="远处的事", sessions=(TOMORROW,), community=THERE)
    scene.sign_up(wang, mine, "serve")

    said = words(browser.get("/"))

    assert "您报名了来帮忙" in said
    near = said.partition("的活动全部")[2]
    assert near.index("家里的事") < near.index("我的事") < near.index("隔壁的事")
    unpaid = (PartOffered(part="take_part", rule=JOIN), PartOffered(part="serve"))
    scene.session(title="明早的事", sessions=(TOMORROW,), parts=unpaid)
    assert "来参加：1基本积分来帮忙：没有积分，来了就好" in words(browser.get("/"))
    assert "远处的事" not in said
    assert "隔壁自己的事" not in said


def test_what_is_over_for_me_is_not_next(scene: Scene) -> None:
    wang, session = scene.cast.wang, scene.session()
    scene.sign_up(wang, session)
    browser = scene.cast.browser(wang)
    assert "您报名了" in words(browser.get("/"))

    scene.scan(wang, session)

    assert "您报名了" not in words(browser.get("/"))


OWED = "已签到，离开时再扫一次"


@pytest.mark.parametrize("mode", ["standard", "elder"])
def test_who_helps_reads_on_the_home_page_that_the_exit_is_to_come(scene: Scene, mode: str) -> None:
    wang, session = scene.cast.wang, scene.session(title="值守")
    scene.run(change_mode, ChangeMode(mode=mode), scene.cast.actor(wang))
    scene.sign_up(wang, session, "serve")
    # What begins earlier and was signed up for does not stand before it.
    scene.sign_up(wang, scene.session(title="早些的事", sessions=((at(10, 20), END),)))
    browser = scene.cast.browser(wang)
    assert OWED not in words(browser.get("/"))

    scene.scan(wang, session, "serve", when=START)
    scene.enter(wang, session)

    for moment in (START, END, END + EXIT_GRACE):
        scene.clock.set(moment)
        said = words(browser.get("/"))
        assert OWED in said, moment
        assert "值守" in said.partition(OWED)[2], moment
        assert "您报名了" not in said, moment
    scene.scan(wang, session, "serve", "exit")
    assert OWED not in words(browser.get("/"))


def test_after_the_time_to_scan_out_nothing_is_asked_for(scene: Scene) -> None:
    wang, session = scene.cast.wang, scene.session()
    scene.scan(wang, session, "serve", when=START)

    scene.clock.set(END + EXIT_GRACE + dt.timedelta(seconds=1))

    assert OWED not in words(scene.cast.browser(wang).get("/"))


def test_what_began_before_midnight_is_todays_until_it_is_over(scene: Scene) -> None:
    wang, night = scene.cast.wang, (at(22), at(6, day=25))
    scene.run(change_mode, ChangeMode(mode="elder"), scene.cast.actor(wang))
    scene.session(title="夜间巡逻", sessions=(night,))
    browser = scene.cast.browser(wang)

    for moment, line in ((at(23), "晚上10点，夜间巡逻"), (at(1, day=25), "已经开始，夜间巡逻")):
        scene.clock.set(moment)
        assert line in words(browser.get("/"))
    scene.clock.set(at(6, 1, day=25))
    assert "夜间巡逻" not in words(browser.get("/"))


def test_the_elder_home_says_today_in_a_line(scene: Scene) -> None:
    wang = scene.cast.wang
    scene.run(change_mode, ChangeMode(mode="elder"), scene.cast.actor(wang))
    browser = scene.cast.browser(wang)
    assert "今天没有活动，看看后面的" in words(browser.get("/"))

    scene.session()

    assert "上午10点半，便民集市" in words(browser.get("/"))


def test_the_api_lists_and_shows_the_same(scene: Scene, client: FlaskClient) -> None:
    wang, session = scene.cast.wang, scene.session(sessions=(TOMORROW,))
    headers = scene.cast.headers(wang)
    sign_ups = f"/api/v1/sessions/{session}/sign-ups"

    done = client.post(sign_ups, json={"part": "serve"}, headers=headers).get_json()
    [card] = client.get("/api/v1/activities", headers=headers).get_json()
    one = client.get(f"/api/v1/activities/{card['activity_id']}", headers=headers).get_json()

    assert (done["state"], done["ahead"]) == ("signed_up", 0)
    assert card["mine"] == {"part": "serve", "state": "signed_up", "ahead": 0}
    assert card["host"] == HERE
    assert [(each["part"], each["amount"], each["most"]) for each in card["parts"]] == [
        ("take_part", 100, 100),
        ("serve", 500, 2000),
    ]
    assert one["sessions"] == [card]
    cancel = f"/api/v1/sessions/{session}/cancel"
    gone = client.post(cancel, json={"part": "serve"}, headers=headers).get_json()
    assert gone["state"] == "cancelled"
    staff = scene.cast.headers(scene.cast.staff)
    assert client.post(sign_ups, json={"part": "serve"}, headers=staff).status_code == 403
    for_li = {"part": "serve", "resident": str(scene.cast.li.resident)}
    assert client.post(sign_ups, json=for_li, headers=staff).get_json()["state"] == "signed_up"
    wrong = client.get("/api/v1/activities?scope=world", headers=headers)
    assert (wrong.status_code, wrong.get_json()["code"]) == (422, "invalid")
