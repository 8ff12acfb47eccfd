"""``flask verify`` on orders, stock and rates: good ones pass, each kind of damage is named."""

# ruff: noqa: S608 - statements put together from this file's own ids

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from core.acts import Actor
from core.db import db
from exchange import verify
from exchange.orders import (
    CancelOrder,
    HandOver,
    RefuseOrder,
    ReturnOrder,
    cancel_order,
    hand_over,
    refuse_order,
    return_order,
)
from points.proof.checks import place_of
from points.proof.verify import broken
from tests.exchange.scene import HERE, THERE, Scene, Someone


@pytest.fixture(autouse=True)
def _orders(scene: Scene) -> None:
    """One order in each state, here and next door."""
    for place, name in ((HERE, "陈秀兰"), (THERE, "周国栋")):
        clerk = scene.staff(place, name=name)
        scene.station(place, clerk)
        wang = scene.resident(HERE, points=3000)
        item = scene.item(place, clerk, stock=20, price=1333)
        _each_state(scene, wang, item, clerk)


def _each_state(scene: Scene, wang: Someone, item: Any, clerk: Actor) -> None:
    scene.order(wang, item)
    scene.approve(scene.order(wang, item, 2).id, clerk)
    scene.run(hand_over, HandOver(code=scene.approve(scene.order(wang, item).id, clerk)), clerk)
    cancelled = scene.order(wang, item).id
    scene.run(cancel_order, CancelOrder(order=cancelled), wang.actor)
    refused = scene.order(wang, item).id
    scene.run(refuse_order, RefuseOrder(order=refused, reason="缺货"), clerk)
    returned = scene.order(wang, item).id
    scene.run(hand_over, HandOver(code=scene.approve(returned, clerk)), clerk)
    other = scene.staff(clerk.place, name="沈建华")
    scene.run(return_order, ReturnOrder(order=returned, reason="坏了"), other)


@pytest.fixture
def tampered(app: Flask) -> Iterator[Connection]:
    """A transaction that is taken back."""
    with (
        app.app_context(),
        db.engine.connect().execution_options(writes=True) as connection,
        connection.begin() as transaction,
    ):
        yield connection
        transaction.rollback()


def names(connection: Connection) -> set[str]:
    return {found.name for found in broken(connection, verify.CHECKS)}


def test_a_broken_order_is_looked_for_where_it_was_to_be_handed_over(scene: Scene) -> None:
    def stands(connection: Connection) -> list[tuple[int | None, int]]:
        rows = connection.execute(text("SELECT id, host FROM orders WHERE home <> host")).all()
        return [(place_of(connection, "orders", str(row.id)).community, row.host) for row in rows]

    found = scene.ask(stands)

    assert len(found) == 6
    assert {*found} == {(THERE, THERE)}


def test_orders_in_every_state_hold(scene: Scene) -> None:
    assert scene.ask(names) == set()
    states = scene.ask(lambda connection: set(connection.scalars(text("SELECT state FROM orders"))))
    assert states == {"submitted", "ready", "collected", "cancelled", "refused", "returned"}


SPENT = """(SELECT transfers.id FROM transfers JOIN orders ON orders.id = transfers.source_id
    WHERE transfers.act = 'redemption' AND transfers.debit > 0 AND orders.state = 'collected'
        AND orders.home = orders.host
    ORDER BY transfers.id LIMIT 1)"""
DAMAGE = {
    "a hold that outlived its order": (
        "UPDATE orders SET state = 'cancelled' WHERE state = 'submitted'",
        {"held orders", "reserved stock"},
    ),
    "a hold of another amount": (
        "UPDATE holds SET amount = amount + 100 WHERE state = 'open'",
        {"held orders"},
    ),
    "a payment that lost its hold": (
        "UPDATE order_payments SET hold = NULL",
        {"held orders"},
    ),
    "an order that was paid twice": (
        "UPDATE transfers SET amount = amount * 2 WHERE source_kind = 'order' AND debit > 0",
        {"legs of orders", "paid orders", "shares", "returned orders"},
    ),
    "an order that was returned without its points": (
        "UPDATE orders SET state = 'returned' WHERE state = 'collected'",
        {"returned orders"},
    ),
    "points that came back for an order that stands": (
        "UPDATE orders SET state = 'collected' WHERE state = 'returned'",
        {"ordered transfers", "returned orders"},
    ),
    "a leg that stayed away when the order came back": (
        """DELETE FROM reversals WHERE original = (SELECT reversals.original FROM reversals
        JOIN transfers ON transfers.id = reversals.original AND transfers.debit < 0 LIMIT 1)""",
        {"returned orders"},
    ),
    "a point that did not come back": (
        """UPDATE transfers SET amount = amount - 1 WHERE id = (SELECT reversal FROM reversals
        ORDER BY reversal LIMIT 1)""",
        {"returned orders"},
    ),
    "a share that somebody else was debited for": (
        "UPDATE order_payments SET amount = amount + 100",
        {"held orders", "shares"},
    ),
    "an order that cost less than the rate says": (
        "UPDATE orders SET price = price * 2",
        {"paid orders", "prices"},
    ),
    "a price that the other book met with another amount": (
        """UPDATE transfers SET amount = amount + 1
        WHERE source_kind = 'order' AND act = 'redemption' AND debit < 0""",
        {"paid orders", "returned orders"},
    ),
    "points that were spent for an order that nobody made": (
        f"UPDATE transfers SET source_id = '{UUID(int=99).hex}' WHERE id = {SPENT}",
        {"legs of orders", "ordered transfers", "paid orders", "shares"},
    ),
    "points that were spent for an order that was cancelled": (
        f"""UPDATE transfers SET source_id = (SELECT id FROM orders WHERE state = 'cancelled'
            AND home = host ORDER BY id LIMIT 1) WHERE id = {SPENT}""",
        {"legs of orders", "ordered transfers", "paid orders", "shares"},
    ),
    "points that were spent in a book that has no part in the order": (
        "UPDATE orders SET home = host",
        {"legs of orders", "ordered transfers", "paid orders", "rates in force"},
    ),
    "a piece that nobody received": (
        "UPDATE stock SET on_hand = on_hand + 1",
        {"stock"},
    ),
    "a piece that was moved without an audit row": (
        "DELETE FROM audit_events",
        {"audited stock"},
    ),
    "a piece that is kept for nobody": (
        "UPDATE stock SET reserved = reserved + 1",
        {"reserved stock"},
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_each_kind_of_damage_is_named(tampered: Connection, kind: str) -> None:
    statement, expected = DAMAGE[kind]
    tampered.execute(text(statement))
    assert names(tampered) == expected
