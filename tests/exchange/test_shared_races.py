"""Agreements at once, and one while the orderer cancels: one outcome, no hold left open."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from core.errors import AppError
from core.work import transact
from exchange.orders import AgreeToPay, CancelOrder, agree_to_pay, cancel_order
from tests.exchange.scene import HERE, POINT, Scene, Someone
from tests.exchange.sharing import Family
from tests.exchange.threads import all_at_once

ROUNDS = 20


@pytest.fixture
def rice(scene: Scene) -> UUID:
    clerk = scene.staff(HERE)
    scene.station(HERE, clerk)
    return scene.item(HERE, clerk, stock=2 * ROUNDS, price=6 * POINT)


def agree(order: UUID, who: Someone) -> Callable[[], object]:
    command = AgreeToPay(order=order, resident=who.resident)
    return lambda: transact(agree_to_pay, command, who.actor)


def cancel(order: UUID, who: Someone) -> Callable[[], object]:
    return lambda: transact(cancel_order, CancelOrder(order=order), who.actor)


def test_two_agree_at_once_and_the_order_is_submitted_once(scene: Scene, rice: UUID) -> None:
    family = Family(scene)
    for _round in range(ROUNDS):
        order = family.order(rice, (family.li, 2), (family.daughter, 1)).id
        acts = [agree(order, who) for who in (family.li, family.daughter, family.li)]

        results = all_at_once(scene.app, acts)

        assert not [each for each in results if isinstance(each, AppError)]
        assert scene.order_row(order).state == "submitted"
        assert family.held() == (300, 200, 100)
        scene.run(cancel_order, CancelOrder(order=order), family.wang.actor)
        assert family.held() == (0, 0, 0)
    assert family.open_holds() == 0


def test_an_agreement_while_the_orderer_cancels_leaves_nothing_held(
    scene: Scene, rice: UUID
) -> None:
    family = Family(scene)
    for _round in range(ROUNDS):
        order = family.order(rice, (family.li, 2)).id
        acts = [agree(order, family.li), cancel(order, family.wang)]

        results = all_at_once(scene.app, acts)

        # Cancelling always wins in the end: before the last agreement, or after it.
        assert not isinstance(results[1], AppError)
        assert scene.order_row(order).state == "cancelled"
        assert family.held() == (0, 0, 0)
        assert scene.stock_row(rice).reserved == 0
    assert family.open_holds() == 0
