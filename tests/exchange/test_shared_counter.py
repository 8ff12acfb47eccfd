"""现场兑换 paid by several of a household who stand at the counter: each agrees there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.acts import Actor
from exchange.basket import Wanted
from exchange.counter import (
    ConfirmAsked,
    CounterRedemption,
    PayerLacksPoints,
    confirm_asked,
    redeem_at_counter,
)
from exchange.known import KnownTooLarge, ShareTooLarge
from exchange.orders import LeadNeeded, OwnHousehold, ReturnOrder, Share, return_order
from exchange.orders.sharing import NotOfHousehold, SharesWrong
from tests.exchange.scene import HERE, POINT, Scene, Someone
from tests.exchange.sharing import Family, broken
from tests.exchange.test_counter import let_act


@pytest.fixture
def clerk(scene: Scene) -> Actor:
    clerk = scene.staff(HERE)
    scene.station(HERE, clerk)
    return clerk


@pytest.fixture
def family(scene: Scene) -> Family:
    return Family(scene)


def together(family: Family, item: Any, *shares: tuple[Someone, int]) -> CounterRedemption:
    """One piece for 王秀芳, of which others pay shares in points."""
    return CounterRedemption(
        key=family.scene.serial(),
        resident=family.wang.resident,
        lines=(Wanted(item=item, quantity=1),),
        confirmation="known",
        shares=tuple(Share(resident=who.resident, amount=paid * POINT) for who, paid in shares),
    )


def test_a_family_that_stands_there_pays_together(
    scene: Scene, family: Family, clerk: Actor
) -> None:
    scene.set_to("redeem.known_face_points", "50")
    rice = scene.item(HERE, clerk, stock=5, price=45 * POINT, limit_per_household_month=2)
    command = together(family, rice, (family.li, 15), (family.daughter, 10))

    done = [scene.run(redeem_at_counter, command, clerk) for _ in range(2)]

    assert done[0] == done[1]
    assert (done[0].state, done[0].cost) == ("collected", 45 * POINT)
    assert family.free() == (10 * POINT, 35 * POINT, 10 * POINT)
    agreed = family.payment(done[0].id, family.li)
    assert (agreed.agreed_by, agreed.confirmation, agreed.hold) == (clerk.person, "known", None)
    assert scene.used("household_item_month", f"{family.wang.household}:{rice}") == 1
    assert broken(scene) == []
    scene.run(
        return_order, ReturnOrder(order=done[0].id, reason="坏了"), scene.staff(HERE, name="沈建华")
    )
    assert family.free() == (30 * POINT, 50 * POINT, 20 * POINT)


def test_who_lacks_points_is_named(scene: Scene, family: Family, clerk: Actor) -> None:
    rice = scene.item(HERE, clerk, stock=5, price=35 * POINT)

    for shares, said in (
        (((family.daughter, 21),), "李晓燕的可用积分只有 20 分，不够付 21 分"),
        (((family.li, 2),), "王秀芳的可用积分只有 30 分，不够付 33 分"),
    ):
        with pytest.raises(PayerLacksPoints) as caught:
            scene.run(redeem_at_counter, together(family, rice, *shares), clerk)
        assert said in caught.value.sentence()
    assert family.free() == (30 * POINT, 50 * POINT, 20 * POINT)
    assert scene.stock_row(rice).on_hand == 5


def test_shares_have_the_limits_that_they_have_elsewhere(
    scene: Scene, family: Family, clerk: Actor
) -> None:
    rice = scene.item(HERE, clerk, stock=5, price=45 * POINT)
    stranger = scene.resident(HERE, points=50, name="陈建国")
    scene.give(family.wang, 30 * POINT)

    for shares, refusal in (
        ((), KnownTooLarge),
        (((family.li, 31),), ShareTooLarge),
        (((family.li, 15), (family.daughter, 15)), ShareTooLarge),
        (((family.li, 30), (family.daughter, 20)), SharesWrong),
        (((stranger, 20),), NotOfHousehold),
    ):
        with pytest.raises(refusal):
            scene.run(redeem_at_counter, together(family, rice, *shares), clerk)
    large = scene.item(HERE, clerk, stock=5, price=60 * POINT)
    with pytest.raises(LeadNeeded):
        scene.run(redeem_at_counter, together(family, large, (family.li, 30)), clerk)
    assert scene.stock_row(rice).on_hand == 5


def test_whoever_acts_for_one_who_pays_rings_nothing_up(
    scene: Scene, family: Family, clerk: Actor
) -> None:
    rice = scene.item(HERE, clerk, stock=5)
    scene.run(let_act, (family.li.person, clerk.person), clerk)

    with pytest.raises(OwnHousehold):
        scene.run(redeem_at_counter, together(family, rice, (family.li, 15)), clerk)

    assert family.free() == (30 * POINT, 50 * POINT, 20 * POINT)
    assert scene.run(redeem_at_counter, together(family, rice), clerk).state == "collected"


def test_the_buyers_phone_agrees_to_the_rest(scene: Scene, family: Family, clerk: Actor) -> None:
    rice = scene.item(HERE, clerk, stock=5, price=45 * POINT)
    command = replace(together(family, rice, (family.li, 20)), confirmation="device")
    asked = scene.run(redeem_at_counter, command, clerk)
    assert (asked.state, family.held()) == ("asked", (25 * POINT, 20 * POINT, 0))

    done = scene.run(confirm_asked, ConfirmAsked(order=asked.id), family.wang.actor)

    assert done.state == "collected"
    assert family.free() == (5 * POINT, 30 * POINT, 20 * POINT)
    assert broken(scene) == []


def test_those_who_pay_together_have_one_limit_for_the_day(
    scene: Scene, family: Family, clerk: Actor
) -> None:
    soap, rice = (scene.item(HERE, clerk, stock=5, price=each * POINT) for each in (10, 25))
    scene.redeem(family.li, soap, clerk)

    with pytest.raises(ShareTooLarge) as caught:
        scene.run(redeem_at_counter, together(family, rice, (family.li, 5)), clerk)

    assert "今天还剩 20 分" in caught.value.sentence()
    scene.run(redeem_at_counter, together(family, rice, (family.daughter, 5)), clerk)
