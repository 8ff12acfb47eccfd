"""Orders on the phone and redemptions at the counter, mixed, against points for five of them."""

from __future__ import annotations

from collections import Counter
from functools import partial

from core.work import transact
from exchange.basket import Wanted
from exchange.counter import CounterRedemption, Redeemed, redeem_at_counter
from exchange.orders import Ordered, SubmitOrder, submit_order
from points.ledger import InsufficientPoints
from tests.exchange.scene import HERE, POINT, Scene
from tests.exchange.threads import all_at_once

ROUNDS = 20
CLIENTS = 40
AFFORDED = 5
PRICE = 6 * POINT


def test_forty_orders_and_counter_redemptions_spend_exactly_what_is_there(scene: Scene) -> None:
    clerk = scene.staff(HERE)
    scene.station(HERE, clerk)
    item = scene.item(HERE, clerk, stock=1000, price=PRICE)
    for index in range(ROUNDS):
        person = scene.resident(HERE, points=AFFORDED * PRICE // POINT, name=f"居民{index}")
        token = scene.quote(person, item).token
        before = scene.stock_row(item)
        acts = [
            partial(
                transact,
                submit_order,
                SubmitOrder(key=scene.serial(), resident=person.resident, quote=token),
                person.actor,
            )
            if turn % 2
            else partial(
                transact,
                redeem_at_counter,
                CounterRedemption(
                    key=scene.serial(),
                    resident=person.resident,
                    lines=(Wanted(item=item, quantity=1),),
                    confirmation="known",
                ),
                clerk,
            )
            for turn in range(CLIENTS)
        ]

        results = all_at_once(scene.app, acts)

        kinds = Counter(type(result) for result in results)
        assert kinds[InsufficientPoints] == CLIENTS - AFFORDED
        assert kinds[Ordered] + kinds[Redeemed] == AFFORDED
        account = scene.account(person)
        assert account.held == kinds[Ordered] * PRICE
        assert account.debited == kinds[Redeemed] * PRICE
        assert scene.free(person) == 0
        after = scene.stock_row(item)
        assert before.on_hand - after.on_hand == kinds[Redeemed]
        assert after.reserved - before.reserved == kinds[Ordered]
    assert scene.book("redeemed", HERE)[0] == 1000 * PRICE - scene.stock_row(item).on_hand * PRICE
