"""How many statements the hot paths send: a number that grows with the data would be a bug."""

from __future__ import annotations

from typing import Any

import pytest

from core.acts import Actor
from exchange import queries
from exchange.orders import HandOver, SubmitOrder, hand_over, submit_order
from tests.exchange.scene import HERE, NEXT_DOOR, POINT, THERE, Scene


@pytest.fixture
def zhou(scene: Scene) -> Actor:
    clerk = scene.staff(THERE, name="周国栋")
    scene.station(THERE, clerk)
    return clerk


def test_an_order_takes_few_statements(scene: Scene, zhou: Actor, statements: Any) -> None:
    wang = scene.resident(HERE, points=300)
    item = scene.item(THERE, zhou, stock=10, price=20 * POINT)
    token = scene.quote(wang, item).token
    scene.submit(wang, token)
    with statements() as quoted:
        token = scene.quote(wang, item).token
    with statements() as ordered:
        scene.run(
            submit_order, SubmitOrder(key="k", resident=wang.resident, quote=token), wang.actor
        )

    assert len(quoted) <= 10
    assert len(ordered) <= 22


def test_a_pickup_takes_few_statements(scene: Scene, zhou: Actor, statements: Any) -> None:
    wang = scene.resident(HERE, points=300)
    order = scene.order(wang, scene.item(THERE, zhou, stock=10, price=20 * POINT))
    code = scene.approve(order.id, zhou)
    with statements() as seen:
        scene.run(hand_over, HandOver(code=code), zhou)

    assert len(seen) <= 32


def test_the_shelves_take_the_same_statements_whatever_is_on_them(
    scene: Scene, zhou: Actor, statements: Any
) -> None:
    wang = scene.resident(HERE, points=300)

    def count() -> int:
        with statements() as seen:
            scene.ask(queries.shelves, wang.resident, scene.now)
        return len(seen)

    scene.item(THERE, zhou, stock=10)
    count()  # The first question reads the settings, too.
    few = count()
    for community in (HERE, NEXT_DOOR):
        clerk = scene.staff(community, name=f"社工{community}")
        scene.station(community, clerk)
        for _ in range(5):
            scene.item(community, clerk, stock=10)

    assert count() == few <= 16
