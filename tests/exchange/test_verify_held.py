"""``flask verify`` on what is set aside: for an order that is under way, as long as it may be."""

# ruff: noqa: S608 - statements put together from this file's own ids

from __future__ import annotations

from uuid import UUID

import pytest
from flask import Flask

from core import jobs
from core.acts import Actor
from core.db import db
from exchange import verify
from exchange.orders import lapse_orders
from points.closing import lapse_due
from points.proof import verify as books
from points.proof.verify import broken
from tests.conftest import Clock
from tests.exchange.scene import HERE, POINT, Scene
from tests.exchange.sharing import Family
from tests.points.verified import damaged

UNDER_WAY = ("submitted", "ready", "counter", "family")


@pytest.fixture
def orders(scene: Scene) -> dict[str, UUID]:
    """An order in each state in which points are set aside."""
    clerk = scene.staff(HERE)
    scene.station(HERE, clerk)
    item = scene.item(HERE, clerk, stock=20, price=20 * POINT)
    family = Family(scene)
    shared = family.order(item, (family.li, 5), (family.daughter, 5)).id
    family.agree(shared, family.li)
    wang = scene.resident(HERE, points=300)
    ready = scene.order(wang, item).id
    scene.approve(ready, clerk)
    return {
        "submitted": scene.order(wang, item).id,
        "ready": ready,
        "counter": _asked(scene, item, clerk),
        "family": shared,
    }


def _asked(scene: Scene, item: UUID, clerk: Actor) -> UUID:
    return scene.redeem(scene.resident(HERE, points=50), item, clerk, "device").id


def seen(app: Flask, *statements: str) -> set[str]:
    """What is broken after some raw statements, which are taken back again."""
    return damaged(app, *statements, checks=verify.CHECKS)


def holding(app: Flask) -> set[str]:
    with app.app_context(), db.engine.connect() as connection:
        found = {each.name for each in broken(connection, (*books.CHECKS, *verify.CHECKS))}
    # Points of the scene come from nowhere.
    return found - {"awarded transfers"}


def ran(app: Flask, *names: str) -> None:
    """Let the scheduler run jobs in their slots."""
    with app.app_context():
        assert jobs.tick([jobs.find(name) for name in names]) == len(names)


def test_orders_that_are_under_way_hold_and_so_they_do_when_their_time_is_over(
    app: Flask, clock: Clock, orders: dict[str, UUID]
) -> None:
    assert holding(app) == set()
    ran(app, "lapse-orders", "lapse-holds")
    assert holding(app) == set()
    clock.advance(days=12)
    ran(app, "lapse-orders", "lapse-holds")
    assert holding(app) == set()


def test_nobody_is_accused_of_what_a_scheduler_that_stood_still_has_left(
    app: Flask, scene: Scene, clock: Clock, orders: dict[str, UUID]
) -> None:
    ran(app, "lapse-orders", "lapse-holds")
    clock.advance(days=40)

    assert scene.order_row(orders["ready"]).state == "ready"
    assert holding(app) == set()
    with app.app_context():
        lapse_orders()
        lapse_due()
    assert scene.order_row(orders["ready"]).state == "lapsed"
    assert holding(app) == set()


def unheld(order: UUID) -> tuple[str, ...]:
    """Take an order's holds and all that names them away, with every sum kept."""
    mine = f"(SELECT id FROM holds WHERE source_id = '{order.hex}')"
    return (
        f"""UPDATE accounts SET held = held - (SELECT sum(amount) FROM holds
            WHERE holds.account = accounts.id AND source_id = '{order.hex}')
        WHERE id IN (SELECT account FROM holds WHERE source_id = '{order.hex}')""",
        f"UPDATE order_payments SET hold = NULL WHERE hold IN {mine}",
        f"DELETE FROM holds WHERE source_id = '{order.hex}'",
    )


@pytest.mark.parametrize("which", UNDER_WAY)
def test_an_order_whose_hold_is_gone_with_its_link_is_named(
    app: Flask, orders: dict[str, UUID], which: str
) -> None:
    assert seen(app, *unheld(orders[which])) == {"held orders"}


def test_the_share_of_who_ordered_is_missed_even_where_it_says_that_it_was_never_taken(
    app: Flask, scene: Scene, orders: dict[str, UUID]
) -> None:
    order = orders["family"]
    forgotten = f"""UPDATE order_payments SET taken_at = NULL, agreed_by = NULL
        WHERE "order" = '{order.hex}' AND hold IS NULL"""

    assert seen(app, *unheld(order), forgotten) == {"held orders"}


def test_a_hold_that_says_it_is_for_another_order_is_named(
    app: Flask, orders: dict[str, UUID]
) -> None:
    elsewhere = f"""UPDATE holds SET source_id = '{orders["ready"].hex}'
        WHERE source_id = '{orders["submitted"].hex}'"""

    assert seen(app, elsewhere) == {"held orders"}


def test_an_open_hold_for_something_else_than_an_order_is_named(
    app: Flask, orders: dict[str, UUID]
) -> None:
    order = orders["submitted"].hex
    lent = f"UPDATE holds SET source_kind = 'award' WHERE source_id = '{order}'"

    assert seen(app, lent) == {"held for orders", "held orders"}
    unknown = f"UPDATE order_payments SET hold = NULL WHERE \"order\" = '{order}'"
    gone = f"UPDATE orders SET state = 'cancelled' WHERE id = '{order}'"
    assert "held for orders" in seen(app, lent, unknown, gone)


PAST = {
    "ready": "pickup_until = '2026-11-23 16:00:00'",
    "counter": "submitted_at = '2026-11-24 01:30:00'",
    "family": "submitted_at = '2026-11-22 16:00:00'",
}


@pytest.mark.parametrize("which", PAST)
def test_an_order_that_outlived_the_run_that_ends_such_is_named(
    app: Flask, orders: dict[str, UUID], which: str
) -> None:
    late = f"UPDATE orders SET {PAST[which]} WHERE id = '{orders[which].hex}'"

    assert seen(app, late) == set()
    ran(app, "lapse-orders")
    assert seen(app, late) == {"orders in time"}


@pytest.mark.parametrize("until", ["NULL", "'2027-01-30 16:00:00'"])
def test_an_order_that_may_be_picked_up_for_ever_is_named(
    app: Flask, orders: dict[str, UUID], until: str
) -> None:
    kept = f"UPDATE orders SET pickup_until = {until} WHERE id = '{orders['ready'].hex}'"

    assert seen(app, kept) == {"orders in time"}


def test_a_run_that_broke_off_says_nothing(app: Flask, orders: dict[str, UUID]) -> None:
    ran(app, "lapse-orders")
    late = f"UPDATE orders SET {PAST['ready']} WHERE id = '{orders['ready'].hex}'"

    assert seen(app, late, "UPDATE job_runs SET state = 'failed'") == set()


def test_the_longest_pickup_that_a_community_may_give_is_in_time(
    app: Flask, scene: Scene, orders: dict[str, UUID]
) -> None:
    scene.set_to("redeem.pickup_days", "30", HERE)
    clerk = scene.staff(HERE, name="沈建华")
    scene.approve(orders["submitted"], clerk)

    assert holding(app) == set()
