"""Forty residents order the last five pieces at the same moment."""

from __future__ import annotations

from collections import Counter
from functools import partial

from core.errors import AppError
from core.work import transact
from exchange.orders import Ordered, SubmitOrder, submit_order
from exchange.reserve import SoldOut
from tests.exchange.scene import HERE, POINT, Scene
from tests.exchange.threads import all_at_once

ROUNDS = 20
CLIENTS = 40
LEFT = 5


def test_forty_orders_on_the_last_five_pieces_give_exactly_five(scene: Scene) -> None:
    clerk = scene.staff(HERE)
    scene.station(HERE, clerk)
    people = [scene.resident(HERE, points=1000, name=f"居民{index}") for index in range(CLIENTS)]
    for _ in range(ROUNDS):
        item = scene.item(HERE, clerk, stock=LEFT, price=10 * POINT)
        before = sum(scene.free(person) for person in people)
        acts = [
            partial(
                transact,
                submit_order,
                SubmitOrder(
                    key=scene.serial(),
                    resident=person.resident,
                    quote=scene.quote(person, item).token,
                ),
                person.actor,
            )
            for person in people
        ]

        results = all_at_once(scene.app, acts)

        kinds = Counter(type(result) for result in results)
        assert kinds == {Ordered: LEFT, SoldOut: CLIENTS - LEFT}
        stock = scene.stock_row(item)
        assert (stock.on_hand, stock.reserved) == (LEFT, LEFT)
        after = sum(scene.free(person) for person in people)
        assert before - after == LEFT * 10 * POINT
        refused = [result for result in results if isinstance(result, AppError)]
        assert {int(refusal.status) for refusal in refused} == {409}
