"""What the desk and the district see of the exchange."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

import pytest

from core.acts import SYSTEM, Actor
from exchange import console, desk, desk_counter, desk_station, story
from exchange.moving import MoveHousehold, move_household
from exchange.orders import (
    CancelOrder,
    HandOver,
    LapseOrder,
    RefuseOrder,
    cancel_order,
    hand_over,
    lapse_order,
    refuse_order,
)
from residents.endings import RecordDeath, record_death
from tests.conftest import Clock
from tests.exchange.scene import HERE, NEXT_DOOR, POINT, THERE, Scene
from tests.exchange.sharing import Family


@pytest.fixture
def chen(scene: Scene) -> Actor:
    clerk = scene.staff(HERE)
    scene.station(HERE, clerk)
    return clerk


def waiting(scene: Scene, actor: Actor, show: str = "waiting") -> Any:
    return scene.ask(desk.approvals, actor, scene.now, show)


def test_what_waits_is_listed_with_its_flags_and_locks(
    scene: Scene, chen: Actor, clock: Any
) -> None:
    item = scene.item(
        HERE, chen, stock=50, price=10 * POINT, limit_per_household_month=4, name="毛巾一条"
    )
    wang = scene.resident(HERE, points=100)
    li = scene.resident(HERE, points=100, name="李国强", household=wang.household)
    new = scene.resident(HERE, points=100, name="周晓燕", confirmed=False)
    mine = scene.resident(HERE, points=100, name="陈小琳")
    qian = scene.resident(THERE, points=100, name="钱月仙")
    large = scene.resident(HERE, points=100, name="方志远")
    for someone, quantity in ((wang, 2), (li, 1), (new, 1), (mine, 1), (qian, 1)):
        scene.order(someone, item, quantity=quantity)
        clock.advance(minutes=1)
    scene.order(large, scene.item(HERE, chen, stock=5, price=60 * POINT))
    at_work = scene.working(mine, HERE)

    found = waiting(scene, at_work)

    rows = {row.name: row for row in found.rows}
    assert [row.name for row in found.rows] == [
        "王秀芳",
        "李国强",
        "周晓燕",
        "陈小琳",
        "钱月仙",
        "方志远",
    ]
    assert [(row.flag, row.lock) for row in found.rows] == [
        (None, None),
        ("同户第 2 单", None),
        ("待核实，首次兑换", None),
        (None, "您家的单，须别人审"),
        (None, None),
        (None, "50 分以上，须负责人审"),
    ]
    counts = found.counts
    assert (counts.waiting, counts.clean, counts.look, counts.locked) == (6, 2, 2, 2)
    assert (rows["王秀芳"].what, rows["王秀芳"].cost) == ("毛巾一条 ×2", 20 * POINT)
    assert (rows["王秀芳"].limit_used, rows["王秀芳"].limit) == (3, 4)
    assert (rows["李国强"].household_orders, rows["李国强"].household_cost) == (2, 30 * POINT)
    assert (rows["钱月仙"].foreign, rows["钱月仙"].where) == (True, "十五奎巷社区")
    assert (rows["钱月仙"].price, rows["钱月仙"].cost) == (10 * POINT, 13 * POINT)
    assert rows["王秀芳"].where == "住址待核实"


def test_the_lists_follow_an_order_to_its_end(scene: Scene, chen: Actor) -> None:
    wang = scene.resident(HERE, points=100)
    item = scene.item(HERE, chen, stock=50, price=10 * POINT)
    ready, refused, given = (scene.order(wang, item) for _ in range(3))
    code = scene.approve(ready.id, chen)
    scene.run(refuse_order, RefuseOrder(order=refused.id, reason="重复提交"), chen)
    scene.run(hand_over, HandOver(code=scene.approve(given.id, chen)), chen)

    assert [row.state_words for row in waiting(scene, chen, "ready").rows] == ["可领取，到 12-01"]
    done = waiting(scene, chen, "done")
    assert {row.state_words for row in done.rows} == {"没有通过：重复提交", "已领取"}
    assert (done.counts.ready, done.counts.done, done.counts.waiting) == (1, 2, 0)
    listed = scene.ask(desk_counter.ready_orders, chen, scene.now)
    assert [(row.id, row.name, row.days_left) for row in listed] == [(ready.id, "王秀芳", 7)]
    opened = scene.ask(desk_counter.pickup_order, chen, code, scene.now)
    assert (opened.id, opened.state, opened.unconfirmed) == (ready.id, "ready", False)
    assert opened.approved_by == "小陈"
    assert scene.ask(desk_counter.pickup_order, chen, "000000", scene.now) is None
    stranger = scene.staff(THERE)
    assert scene.ask(desk_counter.pickup_order, stranger, code, scene.now) is None


def test_the_drawer_tells_the_story_of_an_order(scene: Scene, chen: Actor, clock: Any) -> None:
    wang = scene.resident(HERE, points=100)
    item = scene.item(HERE, chen, stock=14, price=10 * POINT, name="大米 2.5 公斤")
    first = scene.order(wang, item)
    clock.advance(minutes=1)
    second = scene.order(wang, item, quantity=2)

    told = scene.ask(story.story, chen, second.id, scene.now)

    assert (told.available, told.held, told.left) == (90 * POINT, 10 * POINT, 70 * POINT)
    assert told.look == ("同户第 2 单。不违反任何限额，请看一眼。",)
    assert [(row.this, row.cost) for row in told.household] == [(False, 1000), (True, 2000)]
    assert [(note.on_hand, note.reserved, note.free) for note in told.stock] == [(14, 3, 11)]
    assert [event.words for event in told.events] == ["已提交，本人手机", "等审核，通过后发领取码"]
    scene.run(hand_over, HandOver(code=scene.approve(first.id, chen)), chen)
    after = scene.ask(story.story, chen, first.id, scene.now)
    assert [event.words for event in after.events] == ["已提交，本人手机", "已通过", "已领取"]
    assert scene.ask(story.story, scene.staff(THERE), first.id, scene.now) is None


def test_the_drawer_tells_who_did_not_agree_and_what_came_back(
    scene: Scene, chen: Actor, clock: Clock
) -> None:
    family = Family(scene)
    item = scene.item(HERE, chen, stock=50, price=40 * POINT)

    def told(order: UUID) -> str:
        return str(scene.ask(story.story, chen, order, scene.now).events[-1].words)

    own, all_his = (family.order(item, (family.li, share)).id for share in (20, 40))
    family.decline(own, family.li)
    family.decline(all_his, family.li)
    assert told(own) == "家人没有都同意，20 分已退回"
    assert told(all_his) == "家人没有都同意，没有扣分"

    own, all_his = (family.order(item, (family.li, share)).id for share in (20, 40))
    clock.advance(days=1)
    for each in (own, all_his):
        scene.run(lapse_order, LapseOrder(order=each), SYSTEM)
    assert told(own) == "家人没有按时都同意，20 分已退回"
    assert told(all_his) == "家人没有按时都同意，没有扣分"

    agreed = family.order(item, (family.li, 20)).id
    family.agree(agreed, family.li)
    scene.run(cancel_order, CancelOrder(order=agreed), family.wang.actor)
    assert told(agreed) == "本人取消，积分已退回"


def test_what_somebody_from_elsewhere_has_and_earned_stays_at_home(
    scene: Scene, chen: Actor
) -> None:
    item = scene.item(HERE, chen, stock=5, price=10 * POINT, foreign_share_percent=100)
    qian = scene.resident(THERE, points=100, name="钱月仙")
    scene.resident(THERE, points=40, name="钱志远", household=qian.household)
    order = scene.order(qian, item)

    told = scene.ask(story.story, chen, order.id, scene.now)

    assert (told.name, told.where, told.cost) == ("钱月仙", "十五奎巷社区", 13 * POINT)
    assert (told.available, told.held, told.left) == (None, None, None)
    assert (told.earned, told.household_words, told.resident_id) == ((), "", None)
    assert waiting(scene, chen).rows[0].resident_id is None
    there = scene.ask(desk_counter.family_at, qian.resident, THERE, scene.now)
    assert [(each.name, each.available) for each in there] == [("钱志远", 40 * POINT)]
    here = scene.ask(desk_counter.family_at, qian.resident, HERE, scene.now)
    assert [(each.name, each.available) for each in here] == [("钱*远", None)]


def test_the_station_shows_stock_against_the_last_receipt(scene: Scene, chen: Actor) -> None:
    item = scene.item(HERE, chen, stock=10, price=POINT, foreign_share_percent=30, name="毛巾一条")
    scene.item(HERE, chen, name="雨伞一把", home_first_days=3)
    wang = scene.resident(HERE, points=100)
    scene.order(wang, item, quantity=8)

    items = {row.name: row for row in scene.ask(desk_station.station_items, HERE, scene.now)}

    towel = items["毛巾一条"]
    assert (towel.on_hand, towel.reserved, towel.free, towel.full) == (10, 8, 2, 10)
    assert (towel.alert, towel.low, towel.foreign_left, towel.foreign_share) == (2, True, 3, 3)
    assert items["雨伞一把"].low
    page = scene.ask(desk_station.station_page, HERE)
    assert (page.name, page.ready) == ("积分驿站", 0)
    assert scene.ask(desk_station.station_page, THERE) is None
    moves = scene.ask(desk_station.stock_moves, HERE)
    assert [(move.kind, move.name, move.quantity) for move in moves] == [
        ("receipt", "毛巾一条", 10)
    ]
    offered = scene.ask(desk_station.template_choices, HERE)
    assert offered[0].key == "tissue"
    assert "fund_gift" not in {choice.key for choice in offered}


def test_the_counter_says_what_this_resident_may_take(scene: Scene, chen: Actor) -> None:
    free = scene.item(HERE, chen, stock=10, price=POINT, foreign_share_percent=50)
    first = scene.item(HERE, chen, stock=10, price=POINT, home_first_days=3)
    own = scene.item(HERE, chen, stock=10, price=POINT, foreign_share_percent=0)
    none = scene.item(HERE, chen, price=POINT)
    qian = scene.resident(THERE, points=100, name="钱月仙")

    def shown(someone: Any) -> dict[Any, Any]:
        found = scene.ask(desk_counter.counter_items, someone.resident, HERE, {free: 2}, scene.now)
        return {row.id: (row.left, row.closed) for row in found}

    assert shown(qian) == {
        free: (5, ""),
        first: (10, "11 月 27 日起对外社区开放"),
        own: (0, "只给本社区居民"),
        none: (0, "兑完了，等补货"),
    }
    wang = scene.resident(HERE, points=100)
    assert shown(wang)[first] == (10, "")
    small = scene.quote(wang, free)
    ways = scene.ask(desk_counter.ways, HERE, small, scene.now)
    assert [(way.value, way.allowed, way.chosen) for way in ways] == [
        ("device", True, False),
        ("known", True, True),
    ]


def test_the_counter_offers_knowing_somebody_for_what_is_left_of_the_day(
    scene: Scene, chen: Actor
) -> None:
    wang = scene.resident(HERE, points=100)
    item = scene.item(HERE, chen, stock=10, price=16 * POINT)
    offer = scene.quote(wang, item)

    def known() -> tuple[bool, str]:
        ways = scene.ask(desk_counter.ways, HERE, offer, scene.now)
        return next((way.allowed, way.note) for way in ways if way.value == "known")

    assert known() == (True, "今天还能付 30 分")
    scene.redeem(wang, item, chen)
    assert known() == (False, "今天还能付 14 分")


def test_the_district_sees_orders_flows_and_positions(scene: Scene, clock: Any) -> None:
    wang = scene.resident(HERE, points=300)
    wu = scene.resident(THERE, points=300, name="吴阿毛")
    for community, someone, price in ((THERE, wang, 20), (HERE, wu, 8), (NEXT_DOOR, wang, 10)):
        clerk = scene.staff(community, name=f"社工{community}")
        scene.station(community, clerk)
        item = scene.item(community, clerk, stock=10, price=price * POINT)
        order = scene.order(someone, item)
        scene.run(hand_over, HandOver(code=scene.approve(order.id, clerk)), clerk)
        clock.advance(minutes=1)

    found = scene.ask(console.cross_orders)
    assert [(row.home, row.host, row.price, row.cost) for row in found.rows] == [
        ("小营巷社区", "马市街社区", 1000, 1000),
        ("十五奎巷社区", "小营巷社区", 800, 1000),
        ("小营巷社区", "十五奎巷社区", 2000, 2500),
    ]
    assert found.rows[2].name == "王*芳"
    assert [row.scope_words for row in found.rows] == ["同街道", "全区默认", "全区默认"]
    assert (found.totals.orders, found.totals.people, found.totals.standard) == (3, 2, 3800)
    some = scene.ask(console.cross_orders, HERE // 1000 * 1000, THERE)
    assert [row.standard for row in some.rows] == [2000]
    flows = scene.ask(console.flows, scene.now - dt.timedelta(days=1), scene.now)
    assert [(flow.home, flow.host, flow.standard) for flow in flows] == [
        (HERE, THERE, 2000),
        (HERE, NEXT_DOOR, 1000),
        (THERE, HERE, 800),
    ]
    positions = {row.community: row for row in scene.ask(console.positions)}
    # Pair by pair: 2000 against 800 leaves 1200 that here owes there.
    assert {code: row.net for code, row in positions.items()} == {
        HERE: -2200,
        THERE: 1200,
        NEXT_DOOR: 1000,
    }
    assert sum(row.net for row in positions.values()) == 0
    touched = scene.ask(console.affected, HERE // 1000 * 1000, THERE // 1000 * 1000, scene.now)
    assert (touched.people, touched.orders, touched.standard) == (1, 1, 2000)


def test_what_somebody_ordered_who_has_died_or_moved_since_keeps_its_name(
    scene: Scene, chen: Actor
) -> None:
    item = scene.item(HERE, chen, stock=9, price=10 * POINT)
    wang, li = scene.resident(HERE, points=30), scene.resident(HERE, points=30, name="李国强")
    scene.redeem(li, item, chen)
    scene.order(wang, item)
    clerk = scene.staff(HERE, name="小何")
    scene.run(record_death, RecordDeath(resident=wang.resident), clerk)
    away = MoveHousehold(key="away", community=THERE, residents=(li.resident,))
    scene.run(move_household, away, scene.staff(THERE, name="老周"))

    [row], done = waiting(scene, chen).rows, waiting(scene, chen, "done").rows

    assert (row.name, row.flag, row.clean) == ("王秀芳", "本人已去世，先问家人", False)
    assert [(each.name, each.resident_id) for each in done] == [("李国强", None)]
