"""Everyday acts take few taps: counted one by one where the story does not pass by."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from activities import screen
from activities.publish import PartOffered, PublishActivity, publish_activity
from exchange.stations import AddItem, OpenStation, add_item, open_station
from exchange.stock import ReceiveStock, receive_stock
from points.correcting.adjustments import ProposeAdjustment, propose_adjustment
from tests.exchange.scene import POINT, Gift, Scene, give
from tests.people import HERE, People
from tests.points.books import one
from tests.story import taps
from tests.story.conftest import DESK, MakePerson
from tests.story.server import Server

PHONE = "13900000077"


@pytest.fixture
def scene(app: Flask) -> Scene:
    return Scene(app)


def shelf(scene: Scene, cast: People, template: str) -> UUID:
    """Open this community's station with one item, and return the item."""
    clerk = cast.actor(cast.staff)
    door = OpenStation(community=HERE, name="清波门积分驿站", address="劳动路 1 号", hours="每天")
    scene.run(open_station, door, clerk)
    item: UUID = scene.run(add_item, AddItem(community=HERE, template=template), clerk).id
    scene.run(receive_stock, ReceiveStock(key="first", item=item, quantity=30), clerk)
    return item


def test_registering_by_oneself_takes_seven(server: Server, person: MakePerson) -> None:
    new = person("许文娟")
    new.open("/")
    with new.doing(taps.REGISTER):
        new.prove(PHONE)
        new.type("姓名", new.name)
        new.pick("您住在", "清波门社区")
        new.tap(new.page.locator("label", has_text="我已满 14 周岁"))
        new.tap("登记并登录")
        new.reads("许文娟，")
    new.reads("清波门社区")
    taps.check(new.taps, taps.REGISTER)


def test_checking_in_takes_one(
    server: Server, cast: People, scene: Scene, person: MakePerson
) -> None:
    starts = server.now + dt.timedelta(minutes=5)
    command = PublishActivity(
        key="fair",
        community=HERE,
        template=None,
        title="便民集市",
        kind="公益集市",
        scene="",
        summary="",
        bring="",
        place="小营公园东门",
        open_to="community",
        sessions=((starts, starts + dt.timedelta(hours=2)),),
        parts=(
            PartOffered(part="take_part", rule="join.activity"),
            PartOffered(part="serve", rule="serve.hour"),
        ),
    )
    session = scene.run(publish_activity, command, cast.actor(cast.staff)).sessions[0]
    wang = person(cast.wang.name)
    wang.sign_in(cast.wang.phone)
    wang.open(f"/V/{code_of(scene, session, server.now)}")
    with wang.doing(taps.CHECK_IN):
        wang.tap("参加，签到")
        wang.reads("签到成功")
    taps.check(wang.taps, taps.CHECK_IN)
    wang.open(f"/V/{code_of(scene, session, server.now)}")
    wang.reads("已经签过到，不用再扫")


def code_of(scene: Scene, session: UUID, now: dt.datetime) -> str:
    """Return the code that the session's screen shows at a moment."""

    def first(connection: Any) -> str:
        shown = screen.codes(connection, screen.session(connection, session), now)
        return str(shown[0]["url"].rpartition("/")[2])

    return str(scene.ask(first))


def test_redeeming_at_the_counter_takes_three_and_a_yes(
    server: Server, cast: People, scene: Scene, person: MakePerson
) -> None:
    shelf(scene, cast, "cooking_oil_1800ml")
    wang = cast.wang
    assert wang.resident is not None
    gift = Gift(resident=wang.resident, community=HERE, amount=50 * POINT, cause="gift")
    scene.run(give, gift, cast.actor(cast.staff))
    phone, staff = person(wang.name), person(cast.staff.name, DESK)
    phone.sign_in(wang.phone)
    staff.sign_in(cast.staff.phone)
    staff.open("/desk/counter")
    with staff.doing(taps.COUNTER):
        staff.type(staff.page.locator("main input[name=q]"), wang.name)
        staff.page.keyboard.press("Enter")
        staff.reads("点兑换品，请本人确认")
        staff.tap("食用油 1.8 升加一件")
        staff.tap("确认兑换，付 45 分")
        staff.reads("等本人在手机上点确认")
    phone.open("/")
    with phone.doing(taps.AGREE):
        phone.tap("同意，用 45 分")
        phone.reads("用去 45 分")
    staff.reads("已领取")
    taps.check(staff.taps | phone.taps, taps.COUNTER, taps.AGREE)


def test_approving_ten_orders_takes_three(
    server: Server, cast: People, scene: Scene, person: MakePerson
) -> None:
    item = shelf(scene, cast, "salt_400g")
    for _ in range(10):
        scene.order(scene.resident(HERE, points=10), item)
    staff = person(cast.staff.name, DESK)
    staff.sign_in(cast.staff.phone)
    staff.reads("10 单等审核")
    with staff.doing(taps.APPROVE_TEN):
        staff.tap("去审核")
        staff.tap("全选无异常")
        staff.tap("通过 10 单")
        staff.reads("已通过 10 单")
    staff.tap("撤销")
    staff.reads("10 单等审核")
    taps.check(staff.taps, taps.APPROVE_TEN)


def test_a_row_of_the_desk_opens_wherever_it_is_tapped_and_its_box_only_ticks(
    server: Server, cast: People, scene: Scene, person: MakePerson
) -> None:
    item = shelf(scene, cast, "salt_400g")
    for _ in range(2):
        scene.order(scene.resident(HERE, points=10), item)
    staff, plain = person(cast.staff.name, DESK), person(cast.lead.name, DESK, scripts=False)
    staff.sign_in(cast.staff.phone)
    staff.open("/desk/approvals")
    second = staff.page.locator("tr[data-open]").nth(1)
    second.locator(".row-check").click()
    staff.reads("已选 1 单")
    staff.reads("点姓名，看它的经过")
    second.locator("td.num").click()
    staff.reads("库存与限额")
    staff.reads("已选 1 单")

    plain.sign_in(cast.lead.phone)
    plain.open("/desk/approvals")
    plain.reads("点姓名，看它的经过")
    plain.tap(plain.page.locator("tr[data-open] td.main a").first)
    plain.reads("库存与限额")


def test_what_is_folded_into_a_row_opens_under_a_finger_on_a_phone(
    server: Server, cast: People, scene: Scene, person: MakePerson
) -> None:
    proposal = ProposeAdjustment(
        key="less",
        holder_kind="resident",
        holder_id=one(cast.wang.resident),
        points_kind="service",
        amount=500,
        reason="漏记了半小时",
        evidence="签到表第 3 行",
    )
    scene.run(propose_adjustment, proposal, cast.actor(cast.staff))
    lead = person(cast.lead.name)
    lead.sign_in(cast.lead.phone)
    lead.open("/desk/corrections?show=waiting")

    lead.tap(lead.page.locator(".cards summary"))
    lead.type("为什么不同意", "签到表上没有这半小时")
    lead.tap("不同意")

    lead.reads("没有同意，什么也没有改")


def test_the_document_tells_of_every_act_what_was_promised() -> None:
    assert {act: most for act, (_taps, most) in taps.told().items()} == taps.AT_MOST
