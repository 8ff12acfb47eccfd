"""Both ways at once, the same code twice at once, the last of a quota: exact, and nobody waits."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from sqlalchemy import select

from core.models import OutboxMessage
from core.work import transact
from exchange.orders import (
    HandedOver,
    HandOver,
    Ordered,
    SubmitOrder,
    cancel_order,
    hand_over,
    submit_order,
)
from exchange.orders.finish import CancelOrder, Ended
from exchange.reserve import OverMonthQuota
from tests.exchange.scene import HERE, POINT, THERE, Scene
from tests.exchange.threads import all_at_once

CLIENTS = 40


def test_here_orders_there_while_there_orders_here(scene: Scene) -> None:
    acts: list[Any] = []
    for home, host in ((HERE, THERE), (THERE, HERE)):
        clerk = scene.staff(host, name=f"社工{host}")
        scene.station(host, clerk)
        items = [scene.item(host, clerk, stock=100, price=8 * POINT) for _ in range(2)]
        for index in range(CLIENTS // 8):
            someone = scene.resident(home, points=100, name=f"居民{home}{index}")
            given, given_up = (scene.order(someone, item) for item in items)
            code = scene.approve(given.id, clerk)
            again = SubmitOrder(
                key=scene.serial(),
                resident=someone.resident,
                quote=scene.quote(someone, items[index % 2]).token,
            )
            handing = HandOver(code=code, order=given.id)
            acts += [
                partial(transact, hand_over, handing, clerk),
                partial(transact, hand_over, handing, clerk),
                partial(transact, cancel_order, CancelOrder(order=given_up.id), someone.actor),
                partial(transact, submit_order, again, someone.actor),
            ]

    results = all_at_once(scene.app, acts)

    ways, each = 2, CLIENTS // 8
    kinds = Counter(type(result) for result in results)
    assert kinds == {HandedOver: 4 * each, Ended: 2 * each, Ordered: 2 * each}
    handed = [result for result in results if isinstance(result, HandedOver)]
    assert Counter(result.repeated for result in handed) == {False: ways * each, True: ways * each}
    for home, host in ((HERE, THERE), (THERE, HERE)):
        # What left for the host less what came from there: as much each way.
        assert scene.book("clearing", home, host) == (0, 0)
        assert scene.book("redeemed", host)[0] == each * 8 * POINT
        assert scene.book("retired", home)[0] == each * 2 * POINT


def test_forty_orders_on_the_last_of_a_months_quota_pass_it_by_nothing(scene: Scene) -> None:
    zhou = scene.staff(THERE, name="周国栋")
    scene.station(THERE, zhou)
    item = scene.item(THERE, zhou, stock=100, price=32 * POINT)
    wang = scene.resident(HERE, points=3000)
    token = scene.quote(wang, item).token
    acts = [
        partial(
            transact,
            submit_order,
            SubmitOrder(key=scene.serial(), resident=wang.resident, quote=token),
            wang.actor,
        )
        for _ in range(CLIENTS)
    ]

    results = all_at_once(scene.app, acts)

    # 200 points a month are five orders of 40.
    kinds = Counter(type(result) for result in results)
    assert kinds == {Ordered: 5, OverMonthQuota: CLIENTS - 5}
    assert scene.used("resident_month", wang.resident) == 200 * POINT
    assert scene.account(wang).held == 200 * POINT
    assert scene.stock_row(item).reserved == 5


def test_each_step_of_an_order_is_told_once(scene: Scene) -> None:
    zhou = scene.staff(THERE, name="周国栋")
    scene.station(THERE, zhou)
    wang = scene.resident(HERE, points=300)
    item = scene.item(THERE, zhou, stock=10, name="大米 2.5 公斤特级东北珍珠")
    order = scene.order(wang, item)
    code = scene.approve(order.id, zhou)
    for _ in range(2):
        scene.run(hand_over, HandOver(code=code), zhou)

    told = scene.ask(
        lambda c: c.execute(
            select(OutboxMessage.template, OutboxMessage.person, OutboxMessage.params).order_by(
                OutboxMessage.template,
            ),
        ).all(),
    )

    assert [row.template for row in told] == ["order.collected", "order.ready", "order.submitted"]
    assert {row.person for row in told} == {wang.person}
    # An SMS stays whole: names are cut.
    words = [row.params.encode().decode("unicode_escape") for row in told]
    assert all('"大米 2.5 公斤特"' in each for each in words)
    assert f'"{code}"' in words[1]


def test_a_double_tap_with_points_for_one_is_one_order_and_no_refusal(scene: Scene) -> None:
    clerk = scene.staff(HERE)
    scene.station(HERE, clerk)
    item = scene.item(HERE, clerk, stock=1, price=20 * POINT)
    wang = scene.resident(HERE, points=20)
    tap = SubmitOrder(key="tap", resident=wang.resident, quote=scene.quote(wang, item).token)

    results = all_at_once(
        scene.app, [partial(transact, submit_order, tap, wang.actor) for _ in range(8)]
    )

    assert len({result.id for result in results if isinstance(result, Ordered)}) == 1
    assert {type(result) for result in results} == {Ordered}
    assert scene.account(wang).held == 20 * POINT
