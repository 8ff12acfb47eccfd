"""The whole story in a real browser, on the real server, by people with phones and desks.

Once with scripts, whose taps are counted, and once by browsers that run none.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from core.work import business_day
from exchange.stations import AddItem, OpenStation, add_item, open_station
from exchange.stock import ReceiveStock, receive_stock
from tests.people import HERE, THERE, People
from tests.story import books, taps
from tests.story.conftest import DESK, MakePerson
from tests.story.server import Server

NEWCOMER = "沈丽萍"
NUMBER = "13900000088"
EGGS = "鸡蛋十枚"
TITLE = "便民集市"
DOCUMENT = "通兑公告 2026 年第 5 号"
MORNING = dt.timedelta(days=1)


class Story:
    """Who takes part, and what each of them does, act by act."""

    def __init__(self, server: Server, cast: People, person: MakePerson, *, scripts: bool) -> None:
        self.server, self.cast, self.scripts = server, cast, scripts
        self.day = business_day(server.now)
        self.new = person(NEWCOMER, scripts=scripts)
        self.staff = person(cast.staff.name, DESK, scripts=scripts)
        self.host = person(cast.elsewhere.name, scripts=scripts)
        self.admin = person(cast.lin.name, DESK, scripts=scripts)
        self.second = person(cast.wu.name, DESK, scripts=scripts)

    def publish(self) -> None:
        """Staff publish an activity of this afternoon and open its screen."""
        server, staff = self.server, self.staff
        server.at(self.day, 13, 20)
        staff.sign_in(self.cast.staff.phone)
        staff.page.wait_for_url("**/desk/")
        with staff.doing(taps.PUBLISH):
            staff.tap(staff.page.locator(".head").get_by_role("link", name="发活动"))
            staff.tap(staff.page.locator(".templates a", has_text=TITLE).first)
            staff.type("日期", self.day.isoformat())
            staff.type("几点开始", "14:00")
            staff.type("几点结束", "16:00")
            staff.type("在哪里", "小营公园东门")
            staff.tap("发布这场活动")
            staff.reads("已发布，居民在手机上马上看得到")
            staff.tap(staff.page.locator(".head").get_by_role("link", name="打开大屏"))
        staff.reads("微信扫一扫签到")

    def check_in(self) -> None:
        """Somebody unknown scans, registers, and is checked in to serve."""
        server, new = self.server, self.new
        server.at(self.day, 13, 58)
        self.staff.page.reload()
        address = self.scanned()
        with new.doing(taps.CHECK_IN_NEW):
            new.scan(address)
            new.reads("扫码成功，正在签到")
            new.prove(NUMBER)
            new.reads("您好，怎么称呼您？")
            new.type("姓名", NEWCOMER)
            new.tap(new.page.locator("label", has_text="来帮忙"))
            new.tap(new.page.locator("label", has_text="我已满 14 周岁"))
            new.tap("登录并签到")
            new.reads("签到成功")
        new.reads("离开时再扫一次，按时长计分")
        self.staff.look_again()
        self.staff.reads("沈*萍")

    def scanned(self) -> str:
        """Read the screen as a camera does."""
        address = self.staff.sees_code(self.staff.page.locator(".frame"))
        assert address.startswith(f"{self.server.url}/V/")
        return address

    def check_out(self) -> None:
        """Staff turn the screen by its key; who served scans it on the way out."""
        server, staff, new = self.server, self.staff, self.new
        server.at(self.day, 15, 40)
        if self.scripts:
            staff.page.keyboard.press("m")
            staff.page.keyboard.press("2")
        else:
            staff.tap(staff.page.locator("#keys summary"))
            staff.tap(staff.page.get_by_role("button", name="签退码"))
        staff.reads("微信扫一扫再走")
        server.at(self.day, 15, 58)
        staff.page.reload()
        address = self.scanned()
        new.open(address)
        with new.doing(taps.CHECK_OUT):
            new.tap("记下我离开的时间")
            new.reads("记下了，谢谢您")
        new.reads("2 小时，+24 分，待到账")

    def settle(self) -> None:
        """The night's job settles; in the morning the points are there."""
        self.day += MORNING
        self.server.at(self.day, 2, 10)
        self.server.flask("jobs", "run", "settle-awards")
        self.server.at(self.day, 8, 30)
        self.new.open("/points/")
        self.new.reads("+24")
        self.new.reads(f"{TITLE}，来帮忙 2 小时")

    def confirm(self) -> None:
        """Staff confirm the person who registered by themselves."""
        staff = self.staff
        staff.sign_in(self.cast.staff.phone)
        staff.reads("位居民等核实")
        staff.open("/desk/residents")
        row = staff.page.locator(".lines li", has_text=NEWCOMER)
        staff.tap(row.get_by_role("button", name="核实"))
        staff.reads("已核实，可以兑换了")

    def order(self) -> None:
        """They order at another community's station, for a price that is said beforehand."""
        new = self.new
        new.open("/")
        with new.doing(taps.ORDER):
            new.tap(new.page.get_by_role("navigation").get_by_role("link", name="兑换"))
            new.reads("您的 1 分在这里抵 0.8 分")
            new.tap(new.page.get_by_role("link", name=EGGS))
            new.reads("标价 15 分，您付")
            new.tap("用 19 分兑换")
            new.reads("已提交，预留 19 分")

    def approve(self) -> None:
        """Staff of that station approve; the code comes when they can no longer undo it."""
        self.host.sign_in(self.cast.elsewhere.phone)
        self.host.open("/desk/approvals")
        self.host.tap("全选无异常")
        self.host.tap("通过 1 单")
        self.host.reads("已通过 1 单")
        self.server.pass_by(seconds=11)

    def collect(self) -> None:
        """The code on their phone is scanned, and the eggs are handed over."""
        new, host = self.new, self.host
        new.open("/")
        with new.doing(taps.SHOW_CODE):
            new.tap(new.page.get_by_role("link", name="可以领取了"))
            new.reads("可以领取了")
        address = new.sees_code(new.page.locator(".pickup svg[role=img]"))
        host.open(address)
        with host.doing(taps.HAND_OVER):
            host.tap("交给居民，完成领取")
            host.reads("已领取")
        new.page.reload()
        new.reads("已领取，用去 19 分")

    def change_rate(self) -> None:
        """The district admin sees the order, and changes the rate with a second person."""
        admin, second = self.admin, self.second
        admin.sign_in(self.cast.lin.phone)
        admin.open("/console/orders")
        admin.reads(EGGS)
        admin.open("/console/rates")
        home, host = HERE // 1000 * 1000, THERE // 1000 * 1000
        with admin.doing(taps.CHANGE_RATE):
            admin.tap(admin.page.locator(f"a[data-cell][href*='home={home}&host={host}']"))
            admin.type("新折算率", "0.9")
            admin.type("依据", DOCUMENT)
            admin.tap("提出，请另一人复核")
            admin.reads("等另一人复核")
        second.sign_in(self.cast.wu.phone)
        with second.doing(taps.SECOND):
            second.tap(second.page.get_by_role("navigation").get_by_role("link", name="通兑折算率"))
            second.tap("复核同意")
        self.new.open("/exchange/notice")
        self.new.reads(DOCUMENT)


def open_the_neighbours_station(cast: People, run: Callable[..., Any]) -> None:
    """Give the other community a station with eggs that everybody may have at once."""
    clerk = cast.actor(cast.elsewhere)
    station = OpenStation(
        community=THERE,
        name="涌金门积分驿站",
        address="涌金门直街 8 号",
        hours="周一至周六 9:00–17:00",
    )
    run(open_station, station, clerk)
    eggs = AddItem(community=THERE, template="eggs_10", home_first_days=0)
    item: UUID = run(add_item, eggs, clerk).id
    run(receive_stock, ReceiveStock(key="first", item=item, quantity=30), clerk)


@pytest.mark.long
def test_story(
    database: str,
    server: Server,
    cast: People,
    person: MakePerson,
    run: Callable[..., Any],
    ask: Callable[..., Any],
) -> None:
    open_the_neighbours_station(cast, run)
    scripts = database == "postgresql"
    story = Story(server, cast, person, scripts=scripts)
    story.publish()
    story.check_in()
    story.check_out()
    story.settle()
    story.confirm()
    story.order()
    story.approve()
    story.collect()
    ask(books.check)
    story.change_rate()
    if not scripts:
        return
    counted = (story.staff, story.new, story.host, story.admin, story.second)
    taps.check(
        {act: taps for person in counted for act, taps in person.taps.items()},
        taps.PUBLISH,
        taps.CHECK_IN_NEW,
        taps.CHECK_OUT,
        taps.ORDER,
        taps.SHOW_CODE,
        taps.HAND_OVER,
        taps.CHANGE_RATE,
        taps.SECOND,
    )
