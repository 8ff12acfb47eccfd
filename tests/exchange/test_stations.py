"""Stations, items and stock: guarded counters, each change written down once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from core.acts import SYSTEM, Actor, NotInYourScope
from core.errors import Forbidden, KeyReused
from core.ids import NIL
from core.work import Work
from exchange.models import StockMove
from exchange.orders import HandOver, hand_over
from exchange.stations import (
    AddItem,
    ChangeItem,
    ItemInvalid,
    ItemNameTaken,
    ItemTemplateUnknown,
    ItemUnknown,
    OpenStation,
    StationNameMissing,
    StationUnknown,
    add_item,
    change_item,
    open_station,
)
from exchange.stock import (
    CountStock,
    QuantityInvalid,
    ReceiveStock,
    StockPromised,
    count_stock,
    receive_stock,
)
from tests.exchange.scene import HERE, POINT, THERE, Scene


@pytest.fixture
def chen(scene: Scene) -> Actor:
    clerk = scene.staff(HERE)
    scene.station(HERE, clerk)
    return clerk


def test_a_community_opens_one_station(scene: Scene, chen: Actor) -> None:
    first = scene.station(HERE, chen)
    moved = OpenStation(community=HERE, name="积分驿站", address="大井巷 1 号", hours="周末")

    assert scene.run(open_station, moved, chen).id == first
    with pytest.raises(StationNameMissing):
        scene.run(open_station, OpenStation(community=HERE, name=" ", address="x", hours="x"), chen)
    with pytest.raises(NotInYourScope):
        scene.station(THERE, chen)
    with pytest.raises(Forbidden):
        scene.station(HERE, scene.staff(HERE, role="keeper"))


def test_an_item_comes_from_a_template_or_is_the_stations_own(scene: Scene, chen: Actor) -> None:
    made = scene.run(add_item, AddItem(community=HERE, template="tissue"), chen)
    again = scene.run(add_item, AddItem(community=HERE, template="tissue"), chen)

    assert (made.id, made.name, made.price) == (again.id, "抽纸一包", 400)
    stock = scene.stock_row(made.id)
    assert (stock.on_hand, stock.reserved, stock.full) == (0, 0, 0)
    own = AddItem(community=HERE, name="龙井一两", price=1800, limit_per_household_month=1)
    assert scene.run(add_item, own, chen).price == 1800
    with pytest.raises(ItemNameTaken):
        scene.run(add_item, AddItem(community=HERE, name="抽纸一包", price=100), chen)


def test_an_own_item_that_is_sent_twice_is_one_and_another_of_its_name_is_refused(
    scene: Scene, chen: Actor
) -> None:
    own = AddItem(community=HERE, name="龙井一两", price=1800, limit_per_household_month=1)

    first, again = (scene.run(add_item, own, chen) for _ in range(2))

    assert again == first
    for changes in ({"price": 1700}, {"limit_per_household_month": 2}, {"note": "明前"}):
        with pytest.raises(ItemNameTaken):
            scene.run(add_item, replace(own, **changes), chen)
    with pytest.raises(ItemNameTaken):
        scene.run(add_item, AddItem(community=HERE, template="tissue", name="龙井一两"), chen)


def test_a_late_repeat_of_an_own_item_finds_it_after_its_terms_were_changed(
    scene: Scene, chen: Actor
) -> None:
    own = AddItem(community=HERE, name="龙井一两", price=1800)
    made = scene.run(add_item, own, chen)
    now = scene.run(change_item, ChangeItem(item=made.id, price=1700, listed=False), chen)

    assert scene.run(add_item, own, chen) == now
    for other in (replace(own, price=1600), replace(own, note="明前")):
        with pytest.raises(ItemNameTaken):
            scene.run(add_item, other, chen)
    with pytest.raises(ItemNameTaken):
        scene.run(add_item, own, scene.staff(HERE))


@pytest.mark.parametrize("template", ["nothing", "fund_gift", "meal_gift"])
def test_what_has_no_stock_to_count_is_no_item(scene: Scene, chen: Actor, template: str) -> None:
    with pytest.raises(ItemTemplateUnknown):
        scene.run(add_item, AddItem(community=HERE, template=template), chen)


@pytest.mark.parametrize(
    "terms",
    [
        {"price": 0},
        {"price": -1},
        {"price": 100_001},
        {"name": "  "},
        {"limit_per_household_month": -1},
        {"home_first_days": 31},
        {"foreign_share_percent": 101},
    ],
)
def test_terms_out_of_range_are_refused(scene: Scene, chen: Actor, terms: dict[str, Any]) -> None:
    facts = {"name": "龙井一两", "price": 100, **terms}
    with pytest.raises(ItemInvalid):
        scene.run(add_item, AddItem(community=HERE, **facts), chen)


def test_an_item_changes_its_terms_and_leaves_the_list(scene: Scene, chen: Actor) -> None:
    item = scene.item(HERE, chen, price=20 * POINT)

    changed = scene.run(change_item, ChangeItem(item=item, price=2500, listed=False), chen)

    assert (changed.price, changed.state) == (2500, "unlisted")
    with pytest.raises(ItemInvalid):
        scene.run(change_item, ChangeItem(item=item, price=0), chen)
    with pytest.raises(ItemUnknown):
        scene.run(change_item, ChangeItem(item=NIL, price=100), chen)
    with pytest.raises(NotInYourScope):
        scene.run(change_item, ChangeItem(item=item, price=100), scene.staff(THERE))


def test_no_item_without_a_station(scene: Scene) -> None:
    with pytest.raises(StationUnknown):
        scene.item(THERE, scene.staff(THERE))


def test_a_receipt_fills_the_shelf_once(scene: Scene, chen: Actor) -> None:
    item = scene.item(HERE, chen, foreign_share_percent=35)
    receipt = ReceiveStock(key="form", item=item, quantity=10)

    first = scene.run(receive_stock, receipt, chen)
    again = scene.run(receive_stock, receipt, chen)

    assert (first.on_hand, first.foreign_left) == (10, 3)
    assert again == first
    with pytest.raises(KeyReused):
        scene.run(receive_stock, ReceiveStock(key="form", item=item, quantity=11), chen)
    more = scene.run(receive_stock, ReceiveStock(key="next", item=item, quantity=5), chen)
    assert (more.on_hand, more.foreign_left) == (15, 1)
    assert scene.stock_row(item).full == 15
    for quantity in (0, -1, 10_001):
        with pytest.raises(QuantityInvalid):
            scene.run(receive_stock, ReceiveStock(key="x", item=item, quantity=quantity), chen)


def test_a_count_writes_down_the_difference(scene: Scene, chen: Actor) -> None:
    item = scene.item(HERE, chen, stock=10, price=POINT)
    wang = scene.resident(HERE, points=10)
    scene.order(wang, item, quantity=2)

    assert scene.run(count_stock, CountStock(key="c", item=item, on_hand=8), chen).on_hand == 8
    assert scene.run(count_stock, CountStock(key="c", item=item, on_hand=8), chen).on_hand == 8
    with pytest.raises(StockPromised):
        scene.run(count_stock, CountStock(key="d", item=item, on_hand=1), chen)
    moves = scene.ask(
        lambda c: c.execute(
            select(StockMove.kind, StockMove.quantity).order_by(StockMove.quantity),
        ).all(),
    )
    assert [tuple(move) for move in moves] == [("count", -2), ("receipt", 10)]


def test_moves_add_up_to_what_lies_there(scene: Scene, chen: Actor) -> None:
    item = scene.item(HERE, chen, stock=10, price=POINT)
    wang = scene.resident(HERE, points=10)
    order = scene.order(wang, item, quantity=3)
    scene.run(hand_over, HandOver(code=scene.approve(order.id, chen)), chen)
    scene.redeem(wang, item, chen)

    total = scene.ask(lambda c: c.scalar(select(func.sum(StockMove.quantity))))

    assert total == scene.stock_row(item).on_hand == 6


def test_the_database_refuses_to_promise_more_than_there_is(scene: Scene, chen: Actor) -> None:
    scene.item(HERE, chen, stock=1)
    for cheat, fence in (
        ("reserved = 2", "not_oversold"),
        ("reserved = -1", "not_oversold"),
        ("on_hand = -1", "not_oversold"),
        ("foreign_left = -1", "foreign_share"),
    ):

        def write(work: Work, _command: object, cheat: str = cheat) -> None:
            work.connection.execute(text(f"UPDATE stock SET {cheat}"))  # noqa: S608

        with pytest.raises(IntegrityError, match=fence):
            scene.run(write, None, SYSTEM)
