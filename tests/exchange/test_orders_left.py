"""What somebody who died had ordered: who inherits sees it, collects it, or cancels it."""

from __future__ import annotations

from uuid import UUID

import pytest

from core.acts import Actor
from core.messages import messages_of
from exchange.moving import MoveHousehold, move_household
from exchange.order_queries import open_left, order_view
from exchange.orders import CancelOrder, HandOver, NotYourOrder, cancel_order, hand_over
from points.carrying import PointsHeld
from residents.endings import RecordDeath, record_death
from residents.people import EnterResident, enter_resident
from tests.admin.scene import words
from tests.exchange.scene import POINT, Scene
from tests.exchange.test_moving import payer
from tests.people import HERE, THERE, People
from tests.points.books import one


@pytest.fixture
def clerk(scene: Scene) -> Actor:
    someone = scene.working(scene.resident(THERE, name="小何"), HERE)
    scene.station(HERE, someone)
    return someone


@pytest.fixture
def order(scene: Scene, cast: People, clerk: Actor) -> UUID:
    """李国强 has ordered for all his 20 points, and died."""
    li = payer(cast.li)
    scene.give(li, 20 * POINT)
    ordered = scene.order(li, scene.item(HERE, clerk, stock=3, name="大米")).id
    gone = RecordDeath(resident=one(cast.li.resident))
    scene.run(record_death, gone, cast.actor(cast.staff))
    return ordered


def test_an_adult_who_inherits_finds_it_and_cancels_it(
    scene: Scene, cast: People, order: UUID
) -> None:
    browser, page = cast.browser(cast.wang), f"/exchange/orders/{order}"
    assert "家人留下的兑换单" in words(browser.get("/"))
    assert "取消兑换，退回20分" in words(browser.get(page))

    scene.run(cancel_order, CancelOrder(order=order), cast.actor(cast.wang))

    assert "已取消，20分已退回" in words(browser.get(page))
    assert "家人留下的兑换单" not in words(browser.get("/"))
    assert "李国强留下的服务积分" in words(browser.get("/"))
    assert "现在可用" not in words(browser.get(page)), "they are not hers"


def test_the_family_can_move_once_it_is_cancelled(scene: Scene, cast: People, order: UUID) -> None:
    away = MoveHousehold(key="away", community=THERE, residents=(one(cast.wang.resident),))
    with pytest.raises(PointsHeld):
        scene.run(move_household, away, cast.actor(cast.elsewhere))

    scene.run(cancel_order, CancelOrder(order=order), cast.actor(cast.wang))

    assert not scene.run(move_household, away, cast.actor(cast.elsewhere)).exists


def test_who_inherits_reads_the_pickup_code_and_what_was_collected_with_it(
    scene: Scene, cast: People, order: UUID, clerk: Actor
) -> None:
    code = scene.approve(order, clerk)

    assert code in words(cast.browser(cast.wang).get(f"/exchange/orders/{order}"))
    assert scene.run(hand_over, HandOver(code=code), clerk).state == "collected"

    [read, *_] = scene.ask(messages_of, cast.actor(cast.wang), scene.now)
    assert "领取大米，用去李国强留下的 20 分。不是家人领的，请马上" in read.words


def test_nobody_else_sees_or_cancels_it(scene: Scene, cast: People, order: UUID) -> None:
    child = EnterResident(
        community=HERE, name="李小", household=cast.wang.household, birth_year=2015
    )
    kid = scene.run(enter_resident, child, cast.actor(cast.staff))
    young = Actor(person=kid.person, role="resident", resident=kid.resident)
    for actor in (young, cast.actor(cast.chen), cast.actor(cast.staff)):
        with pytest.raises(NotYourOrder):
            scene.run(cancel_order, CancelOrder(order=order), actor)

    assert scene.ask(order_view, order, kid.resident) is None
    assert scene.ask(open_left, kid.resident) == ()
    browser = cast.browser(cast.chen)
    assert browser.get(f"/exchange/orders/{order}").status_code == 404
    assert "家人留下的兑换单" not in words(browser.get("/"))


def test_who_is_not_confirmed_yet_does_not_see_it(scene: Scene, clerk: Actor) -> None:
    new = scene.resident(HERE, name="李芳", confirmed=False)
    father = scene.resident(HERE, points=20, name="李强", household=new.household)
    order = scene.order(father, scene.item(HERE, clerk, stock=3)).id
    scene.run(record_death, RecordDeath(resident=father.resident), scene.staff(HERE))

    assert scene.ask(order_view, order, new.resident) is None
    assert scene.ask(open_left, new.resident) == ()
