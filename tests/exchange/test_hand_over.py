"""Picking up, cancelling, lapsing, returning: how orders end, in both books."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from core.acts import Actor, NotInYourScope
from exchange.orders import (
    CancelOrder,
    HandedByYou,
    HandOver,
    LeadNeeded,
    NotYourOrder,
    OrderMoved,
    OwnHousehold,
    OwnOrder,
    PickupCodeNeeded,
    PickupCodeUnknown,
    PickupOver,
    ResidentUnconfirmed,
    ReturnOrder,
    ReturnReasonMissing,
    cancel_order,
    hand_over,
    lapse_orders,
    return_order,
)
from exchange.stock import ReceiveStock, receive_stock
from points.models import Account, AccountDelta, Transfer
from residents.people import OwnResident
from tests.conftest import Stage
from tests.exchange.scene import HERE, POINT, THERE, Scene, Someone
from tests.points.raw import Raw


@pytest.fixture
def zhou(scene: Scene) -> Actor:
    clerk = scene.staff(THERE, name="周国栋")
    scene.station(THERE, clerk)
    return clerk


@pytest.fixture
def colleague(scene: Scene) -> Actor:
    """Who takes goods back there: never the one who gave them out."""
    return scene.staff(THERE, name="沈建华")


@pytest.fixture
def wang(scene: Scene) -> Someone:
    return scene.resident(HERE, points=300)


def collected(scene: Scene, someone: Someone, clerk: Actor, **terms: Any) -> tuple[Any, Any]:
    item = scene.item(clerk.place, clerk, stock=10, **terms)
    order = scene.order(someone, item)
    scene.run(hand_over, HandOver(code=scene.approve(order.id, clerk)), clerk)
    return order, item


def test_the_legs_of_both_books_add_up(scene: Scene, wang: Someone, zhou: Actor) -> None:
    order, _ = collected(scene, wang, zhou, price=1333)

    # 1333 / 0.8 = 1666.25, so E is 1667 and C is 1700.
    legs = {(row.community, row.act): row for row in scene.transfers(order.id)}
    assert {key: row.amount for key, row in legs.items()} == {
        (HERE, "redemption"): 1333,
        (HERE, "discount"): 334,
        (HERE, "rounding"): 33,
        (THERE, "redemption"): 1333,
    }
    assert sum(row.amount for key, row in legs.items() if key[0] == HERE) == order.cost == 1700
    assert legs[HERE, "redemption"].standard == legs[THERE, "redemption"].standard == 1333
    assert {row.rate for row in legs.values()} == {scene.order_row(order.id).rate_row}
    assert {row.journal for row in legs.values()} == {order.id}
    # The resident's list of points says what it was for, and where.
    assert legs[HERE, "redemption"].note == f"{scene.words(order.id)}，积分驿站"
    assert scene.book("clearing", HERE, THERE)[1] == -scene.book("clearing", THERE, HERE)[1]
    assert scene.account(wang).debited == 1700


@pytest.mark.parametrize("policy", ["home_fund", "host"])
def test_the_difference_goes_where_the_district_says(
    scene: Scene, wang: Someone, zhou: Actor, policy: str
) -> None:
    scene.set_to("exchange.difference", policy)
    order, _ = collected(scene, wang, zhou, price=2000)

    assert scene.book("retired", HERE)[0] == 0
    if policy == "home_fund":
        assert scene.book("fund", HERE)[0] == 500
        assert scene.book("clearing", HERE, THERE) == (2000, 2000)
    else:
        assert scene.book("clearing", HERE, THERE) == (2500, 2500)
        assert scene.book("fund", THERE)[0] == 500
    assert scene.book("clearing", HERE, THERE)[1] == -scene.book("clearing", THERE, HERE)[1]
    assert scene.free(wang) == 300 * POINT - order.cost


def test_at_home_the_price_goes_to_redeemed(scene: Scene, wang: Someone) -> None:
    clerk = scene.staff(HERE)
    scene.station(HERE, clerk)
    order, item = collected(scene, wang, clerk, price=1250)

    assert [(row.act, row.amount) for row in scene.transfers(order.id)] == [("redemption", 1250)]
    assert scene.book("redeemed", HERE)[0] == 1250
    assert scene.stock_row(item).on_hand == 9


def test_handing_over_twice_gives_once(
    scene: Scene, wang: Someone, zhou: Actor, clock: Any
) -> None:
    item = scene.item(THERE, zhou, stock=10)
    order = scene.order(wang, item)
    code = scene.approve(order.id, zhou)

    first = scene.run(hand_over, HandOver(code=f" {code[:3]} {code[3:]}"), zhou)
    second = scene.run(hand_over, HandOver(code=code, order=order.id), zhou)

    assert (first.repeated, second.repeated) == (False, True)
    assert first.id == second.id
    assert scene.stock_row(item).on_hand == 9
    assert len(scene.transfers(order.id)) == 3
    clock.advance(minutes=11)
    with pytest.raises(PickupCodeUnknown):
        scene.run(hand_over, HandOver(code=code), zhou)


def test_without_a_code_staff_look_at_the_person_and_it_is_written_down(
    scene: Scene, wang: Someone, zhou: Actor
) -> None:
    order = scene.order(wang, scene.item(THERE, zhou, stock=10))
    unseen, seen = HandOver(order=order.id), HandOver(order=order.id, confirm_resident=True)
    with pytest.raises(OrderMoved):
        scene.run(hand_over, seen, zhou)
    scene.approve(order.id, zhou)

    with pytest.raises(PickupCodeNeeded):
        scene.run(hand_over, unseen, zhou)
    with pytest.raises(NotInYourScope):
        scene.run(hand_over, seen, scene.staff(HERE))
    assert scene.order_row(order.id).state == "ready"
    given, twice = (scene.run(hand_over, seen, zhou) for _ in range(2))
    assert [(each.by_name, each.repeated) for each in (given, twice)] == [
        (True, False),
        (True, True),
    ]
    [written] = scene.ask(
        lambda c: (
            c.execute(text("SELECT result FROM audit_events WHERE use_case = 'hand_over'"))
            .scalars()
            .all()
        )
    )
    assert '"by_name":true' in written


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "123 45"])
def test_a_code_that_nobody_has_is_not_found(scene: Scene, zhou: Actor, code: str) -> None:
    with pytest.raises(PickupCodeUnknown) as caught:
        scene.run(hand_over, HandOver(code=code), zhou)

    assert int(caught.value.status) == 404


def test_another_station_knows_no_code_of_ours(scene: Scene, wang: Someone, zhou: Actor) -> None:
    order = scene.order(wang, scene.item(THERE, zhou, stock=10))
    code = scene.approve(order.id, zhou)
    stranger = scene.staff(HERE)

    with pytest.raises(PickupCodeUnknown):
        scene.run(hand_over, HandOver(code=code), stranger)
    with pytest.raises(NotInYourScope):
        scene.run(hand_over, HandOver(code=code, order=order.id), stranger)
    keeper = scene.staff(THERE, role="keeper", name="孙莉莉")
    assert scene.run(hand_over, HandOver(code=code), keeper).state == "collected"


def test_the_first_pickup_confirms_who_was_seen(scene: Scene, zhou: Actor) -> None:
    new = scene.resident(HERE, points=100, name="周晓燕", confirmed=False)
    order = scene.order(new, scene.item(THERE, zhou, stock=10))
    code = scene.approve(order.id, zhou)

    with pytest.raises(ResidentUnconfirmed) as caught:
        scene.run(hand_over, HandOver(code=code), zhou)
    assert int(caught.value.status) == 409
    assert scene.order_row(order.id).state == "ready"
    given = scene.run(hand_over, HandOver(code=code, confirm_resident=True), zhou)
    assert given.state == "collected"
    state = scene.ask(
        lambda c: c.execute(
            text(
                "SELECT state, confirmed_by FROM residents WHERE person IN"
                " (SELECT id FROM people WHERE name = '周晓燕')"
            ),
        ).one(),
    )
    assert state[0] == "confirmed"
    assert state[1] is not None


def test_nobody_confirms_their_own_household_at_the_counter(scene: Scene, zhou: Actor) -> None:
    new = scene.resident(THERE, points=100, name="周晓燕", confirmed=False)
    order = scene.order(new, scene.item(THERE, zhou, stock=10))
    code = scene.approve(order.id, zhou)

    with pytest.raises(OwnResident):
        scene.run(hand_over, HandOver(code=code, confirm_resident=True), scene.working(new, THERE))


def test_a_resident_cancels_before_the_pickup_and_not_after(
    scene: Scene, wang: Someone, zhou: Actor
) -> None:
    item = scene.item(THERE, zhou, stock=10)
    waiting, ready, given = (scene.order(wang, item) for _ in range(3))
    scene.approve(ready.id, zhou)
    scene.run(hand_over, HandOver(code=scene.approve(given.id, zhou)), zhou)

    for order in (waiting, ready, ready):
        assert scene.run(cancel_order, CancelOrder(order=order.id), wang.actor).state == "cancelled"
    with pytest.raises(OrderMoved):
        scene.run(cancel_order, CancelOrder(order=given.id), wang.actor)
    li = scene.resident(HERE, name="李国强")
    with pytest.raises(NotYourOrder):
        scene.run(cancel_order, CancelOrder(order=waiting.id), li.actor)

    assert scene.account(wang).held == 0
    stock = scene.stock_row(item)
    assert (stock.on_hand, stock.reserved, stock.foreign_left) == (9, 0, 9)
    assert scene.used("resident_month", wang.resident) == 2500


def test_what_nobody_picks_up_lapses_at_the_end_of_its_last_day(
    scene: Scene, wang: Someone, zhou: Actor, clock: Any
) -> None:
    item = scene.item(THERE, zhou, stock=10)
    order = scene.order(wang, item)
    waiting = scene.order(wang, item)
    code = scene.approve(order.id, zhou)
    row = scene.order_row(order.id)
    clock.advance(days=7, hours=13, minutes=59)
    with scene.app.app_context():
        assert lapse_orders() == "ended 0"
    clock.advance(minutes=1)
    assert clock.now == row.pickup_until
    with pytest.raises(PickupOver):
        scene.run(hand_over, HandOver(code=code), zhou)

    with scene.app.app_context():
        assert lapse_orders() == "ended 1"
        assert lapse_orders() == "ended 0"

    assert scene.order_row(order.id).state == "lapsed"
    assert scene.order_row(waiting.id).state == "submitted"
    assert scene.account(wang).held == 2500
    assert scene.stock_row(item).reserved == 1
    assert scene.used("resident_month", wang.resident) == 2500
    with pytest.raises(PickupOver):
        scene.run(hand_over, HandOver(code=code), zhou)


def test_an_order_that_cannot_be_ended_holds_up_no_other(
    stage: Stage, scene: Scene, wang: Someone, zhou: Actor, clock: Any
) -> None:
    item = scene.item(THERE, zhou, stock=10, price=POINT)
    orders = sorted(scene.order(wang, item).id for _ in range(5))
    for order in orders:
        scene.approve(order, zhou)
    with Raw(stage) as raw:
        # A superuser lost what the one in the middle is paid from.
        unguarded = {
            "sqlite": "PRAGMA foreign_keys = OFF",
            "postgresql": "SET session_replication_role = replica",
        }
        raw.execute(unguarded[stage.kind])
        lost = (
            "DELETE FROM holds WHERE id ="
            ' (SELECT hold FROM order_payments ORDER BY "order" LIMIT 1 OFFSET 2)'
        )
        assert raw.execute(lost) == 1
    clock.advance(days=8)

    with scene.app.app_context():
        assert lapse_orders(batch=1) == "ended 4, failed 1"
        assert lapse_orders(batch=2) == "ended 0, failed 1"

    states = [scene.order_row(order).state for order in orders]
    assert states == ["lapsed", "lapsed", "ready", "lapsed", "lapsed"]


def test_a_share_of_an_older_receipt_does_not_widen_the_newest(
    scene: Scene, wang: Someone, zhou: Actor, clock: Any
) -> None:
    item = scene.item(THERE, zhou, stock=10, price=POINT, foreign_share_percent=30)
    order = scene.order(wang, item, quantity=3)
    clock.advance(hours=1)
    scene.run(receive_stock, ReceiveStock(key="more", item=item, quantity=10), zhou)

    scene.run(cancel_order, CancelOrder(order=order.id), wang.actor)

    stock = scene.stock_row(item)
    assert (stock.on_hand, stock.reserved, stock.foreign_left) == (20, 0, 3)


def test_a_return_reverses_every_transfer_by_its_own_figures(
    scene: Scene, wang: Someone, zhou: Actor, colleague: Actor, clock: Any
) -> None:
    before = scene.ask(ledger)
    order, item = collected(scene, wang, zhou, price=1333)
    clock.advance(days=30)

    for empty in ("", " ", "长" * 101):
        with pytest.raises(ReturnReasonMissing):
            scene.run(return_order, ReturnOrder(order=order.id, reason=empty), colleague)
    scene.run(return_order, ReturnOrder(order=order.id, reason="坏了"), colleague)
    scene.run(return_order, ReturnOrder(order=order.id, reason="坏了"), colleague)

    assert scene.order_row(order.id).state == "returned"
    assert scene.ask(ledger) == before
    account = scene.account(wang)
    assert (account.credited, account.debited, account.held) == (300 * POINT, 0, 0)
    stock = scene.stock_row(item)
    assert (stock.on_hand, stock.reserved, stock.foreign_left) == (10, 0, 10)
    assert scene.used("resident_month", wang.resident) == 0
    assert len([row for row in scene.transfers(order.id) if row.act == "reversal"]) == 4
    fresh = scene.order(wang, item)
    with pytest.raises(OrderMoved):
        scene.run(return_order, ReturnOrder(order=fresh.id, reason="坏了"), colleague)


@pytest.mark.parametrize("at_counter", [False, True])
def test_who_gave_the_goods_out_does_not_take_them_back(
    scene: Scene, wang: Someone, zhou: Actor, colleague: Actor, *, at_counter: bool
) -> None:
    keeper = scene.resident(HERE, points=0, name="马建英")
    wife = scene.resident(HERE, points=0, name="孙小妹", household=keeper.household)
    clerk = scene.working(keeper, THERE)
    if at_counter:
        order = scene.redeem(wang, scene.item(THERE, zhou, stock=10), clerk).id
    else:
        order = collected(scene, wang, clerk)[0].id
    command = ReturnOrder(order=order, reason="坏了")

    for alone in (clerk, scene.working(wife, THERE)):
        with pytest.raises(HandedByYou):
            scene.run(return_order, command, alone)
    assert scene.order_row(order).state == "collected"

    scene.run(return_order, command, colleague)
    assert scene.order_row(order).state == "returned"


def test_who_may_not_approve_so_much_does_not_take_it_back(
    scene: Scene, wang: Someone, zhou: Actor
) -> None:
    order, _item = collected(scene, wang, zhou)
    scene.set_to("redeem.lead_points", "20", THERE)
    command = ReturnOrder(order=order.id, reason="坏了")

    with pytest.raises(LeadNeeded):
        scene.run(return_order, command, zhou)
    scene.run(return_order, command, scene.staff(THERE, role="lead"))
    assert scene.order_row(order.id).state == "returned"


def ledger(connection: Any) -> tuple[int, ...]:
    """Balances of every account that has one: what a journal and its reversal leave alone."""
    sums = [
        f"SELECT COALESCE(SUM({one.key} - {other.key}), 0) FROM {table.__tablename__}"  # noqa: S608
        f" WHERE {'id' if table is Account else 'account'} IN"
        f" (SELECT id FROM accounts WHERE purpose = '{purpose}')"
        for purpose in ("holder", "redeemed", "clearing", "retired", "rounding")
        for table, one, other in (
            (Account, Account.credited, Account.debited),
            (AccountDelta, AccountDelta.credited, AccountDelta.debited),
        )
    ]
    assert Transfer.__tablename__ == "transfers"
    return tuple(int(connection.execute(text(query)).scalar_one()) for query in sums)


def test_nobody_returns_for_themselves_or_their_household(scene: Scene) -> None:
    clerk = scene.staff(HERE)
    scene.station(HERE, clerk)
    wife = scene.resident(HERE, points=100, name="沈晓琳")
    husband = scene.resident(HERE, points=100, name="沈志国", household=wife.household)
    own, _ = collected(scene, wife, clerk)
    his, _ = collected(scene, husband, clerk)
    at_work = scene.working(wife, HERE)

    with pytest.raises(OwnOrder):
        scene.run(return_order, ReturnOrder(order=own.id, reason="坏了"), at_work)
    with pytest.raises(OwnHousehold):
        scene.run(return_order, ReturnOrder(order=his.id, reason="坏了"), at_work)
