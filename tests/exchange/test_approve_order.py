"""Approving, refusing, undoing: never one's own, never one's household's."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from core.acts import Actor, NotInYourScope
from core.errors import Forbidden
from core.ids import NIL
from core.models import OutboxMessage
from core.work import Work
from exchange.desk import approvals
from exchange.models import OrderPayment
from exchange.orders import (
    ApproveOrders,
    HandOver,
    LeadNeeded,
    OrderMoved,
    OrderUnknown,
    OwnHousehold,
    OwnOrder,
    PickupOver,
    ReasonMissing,
    RefusedBefore,
    RefuseOrder,
    TooLateToUndo,
    TooManyOrders,
    UndoApprovals,
    approve_orders,
    hand_over,
    lapse_orders,
    refuse_order,
    undo_approvals,
)
from tests.exchange.scene import HERE, POINT, THERE, Scene, Someone


@pytest.fixture
def chen(scene: Scene) -> Actor:
    clerk = scene.staff(HERE)
    scene.station(HERE, clerk)
    return clerk


def approving(scene: Scene, order: Any, actor: Actor) -> Any:
    return scene.run(approve_orders, ApproveOrders(orders=(order,)), actor).decisions[0]


def messages(scene: Scene, template: str) -> list[Any]:
    query = select(OutboxMessage.__table__).where(OutboxMessage.template == template)
    return list(scene.ask(lambda c: c.execute(query.order_by(OutboxMessage.created_at)).all()))


def test_approving_gives_a_code_and_days(scene: Scene, chen: Actor, clock: Any) -> None:
    wang = scene.resident(HERE, points=100)
    order = scene.order(wang, scene.item(HERE, chen, stock=5))

    code = scene.approve(order.id, chen)

    row = scene.order_row(order.id)
    assert (row.state, row.decided_by, row.pickup_code) == ("ready", chen.person, code)
    # Tuesday 24 November and seven days: until the end of 1 December in Hangzhou.
    assert row.pickup_until.isoformat() == "2026-12-01T16:00:00+00:00"
    payment = scene.ask(
        lambda c: c.execute(
            select(OrderPayment.__table__).where(OrderPayment.order == order.id)
        ).one(),
    )
    assert (payment.approver, payment.payer) == (chen.person, wang.person)
    assert payment.approver_household is not None
    assert scene.account(wang).held == 2000


def test_the_days_to_pick_it_up_are_the_communitys_setting(
    scene: Scene, chen: Actor, clock: Any
) -> None:
    wang = scene.resident(HERE, points=100)
    item = scene.item(HERE, chen, stock=5)
    scene.set_to("redeem.pickup_days", "2", HERE)
    scene.set_to("redeem.pickup_days", "30")
    code = scene.approve(scene.order(wang, item).id, chen)
    # Tuesday 24 November and two days: until the end of Thursday in Hangzhou.
    clock.set(dt.datetime(2026, 11, 26, 15, 59, tzinfo=dt.UTC))
    with scene.app.app_context():
        assert lapse_orders() == "ended 0"

    clock.advance(minutes=1)
    with pytest.raises(PickupOver):
        scene.run(hand_over, HandOver(code=code), chen)
    with scene.app.app_context():
        assert lapse_orders() == "ended 1"


def test_many_are_decided_each_by_itself(scene: Scene, chen: Actor) -> None:
    wang = scene.resident(HERE, points=300)
    item = scene.item(HERE, chen, stock=50, price=POINT)
    fine = [scene.order(wang, item).id for _ in range(3)]
    mine = scene.resident(HERE, points=100, name="陈小琳")
    own = scene.order(mine, item).id
    at_work = scene.working(mine, HERE)

    decided = scene.run(
        approve_orders, ApproveOrders(orders=(fine[2], own, NIL, fine[0], fine[1])), at_work
    )

    assert [each.order for each in decided.decisions] == [fine[2], own, NIL, fine[0], fine[1]]
    assert [type(each.refusal) for each in decided.decisions] == [
        type(None),
        OwnOrder,
        OrderUnknown,
        type(None),
        type(None),
    ]
    assert decided.done == 3
    assert scene.order_row(own).state == "submitted"
    codes = [scene.order_row(order).pickup_code for order in fine]
    assert len(set(codes)) == 3
    again = scene.run(approve_orders, ApproveOrders(orders=tuple(fine)), at_work)
    assert again.done == 3
    assert [scene.order_row(order).pickup_code for order in fine] == codes
    with pytest.raises(TooManyOrders):
        scene.run(approve_orders, ApproveOrders(orders=tuple(fine * 67)), at_work)


def test_nobody_approves_for_their_own_household(scene: Scene, chen: Actor) -> None:
    item = scene.item(HERE, chen, stock=50, price=POINT)
    wife = scene.resident(HERE, points=100, name="沈晓琳")
    husband = scene.resident(HERE, points=100, name="沈志国", household=wife.household)
    order = scene.order(husband, item)
    at_work = scene.working(wife, HERE)

    refusal = approving(scene, order.id, at_work).refusal
    assert isinstance(refusal, OwnHousehold)
    assert int(refusal.status) == 403
    with pytest.raises(OwnHousehold):
        scene.run(refuse_order, RefuseOrder(order=order.id, reason="重复"), at_work)
    assert approving(scene, order.id, chen).done


def test_nobody_approves_for_a_second_self_on_the_same_number(scene: Scene, chen: Actor) -> None:
    item = scene.item(HERE, chen, stock=50, price=POINT)
    number = "13912345678"
    mine = scene.resident(HERE, name="沈晓琳", phone=number)
    twin = scene.resident(HERE, points=100, name="沈小琳", phone=number)
    order, at_work = scene.order(twin, item), scene.working(mine, HERE)

    decided = scene.run(approve_orders, ApproveOrders(orders=(order.id,)), at_work)

    assert isinstance(decided.decisions[0].refusal, OwnHousehold)
    with pytest.raises(OwnHousehold):
        scene.redeem(twin, item, at_work)
    shown = scene.ask(approvals, at_work, scene.now)
    assert [row.lock for row in shown.rows] == ["您家的单，须别人审"]


def test_the_database_refuses_ones_own_by_itself(scene: Scene, chen: Actor) -> None:
    wang = scene.resident(HERE, points=100)
    order = scene.order(wang, scene.item(HERE, chen, stock=5))

    for column, payer in (("approver", "payer"), ("approver_household", "payer_household")):

        def cheat(work: Work, _command: object, column: str = column, payer: str = payer) -> None:
            work.connection.execute(text(f"UPDATE order_payments SET {column} = {payer}"))  # noqa: S608

        with pytest.raises(IntegrityError, match="not_own"):
            scene.run(cheat, None, chen)
    assert scene.order_row(order.id).state == "submitted"


def test_staff_of_another_place_or_role_do_not_approve(scene: Scene, chen: Actor) -> None:
    wang = scene.resident(HERE, points=100)
    order = scene.order(wang, scene.item(HERE, chen, stock=5))

    elsewhere = approving(scene, order.id, scene.staff(THERE, name="周国栋")).refusal
    assert isinstance(elsewhere, NotInYourScope)
    keeper = approving(scene, order.id, scene.staff(HERE, role="keeper", name="孙莉莉")).refusal
    assert type(keeper) is Forbidden
    assert type(approving(scene, order.id, wang.actor).refusal) is Forbidden
    assert scene.order_row(order.id).state == "submitted"


def test_from_fifty_points_on_the_lead_approves(scene: Scene, chen: Actor) -> None:
    wang = scene.resident(HERE, points=300)
    small = scene.order(wang, scene.item(HERE, chen, stock=5, price=4999))
    large = scene.order(wang, scene.item(HERE, chen, stock=5, price=50 * POINT))

    assert approving(scene, small.id, chen).done
    refusal = approving(scene, large.id, chen).refusal
    assert isinstance(refusal, LeadNeeded)
    assert "50 分" in refusal.sentence()
    assert approving(scene, large.id, scene.staff(HERE, role="lead", name="赵建平")).done


def test_from_where_on_the_lead_approves_is_the_communitys_setting(
    scene: Scene, chen: Actor
) -> None:
    wang = scene.resident(HERE, points=300)
    order = scene.order(wang, scene.item(HERE, chen, stock=5, price=20 * POINT))

    scene.set_to("redeem.lead_points", "20", HERE)
    assert isinstance(approving(scene, order.id, chen).refusal, LeadNeeded)
    scene.set_to("redeem.lead_points", "21", HERE)
    assert approving(scene, order.id, chen).done


def test_a_refusal_says_why_and_gives_everything_back(scene: Scene, chen: Actor) -> None:
    wang = scene.resident(HERE, points=100)
    item = scene.item(HERE, chen, stock=5, name="雨伞")
    order = scene.order(wang, item)

    for empty in ("", "   ", "长" * 101):
        with pytest.raises(ReasonMissing):
            scene.run(refuse_order, RefuseOrder(order=order.id, reason=empty), chen)
    scene.run(refuse_order, RefuseOrder(order=order.id, reason="上周领过"), chen)
    scene.run(refuse_order, RefuseOrder(order=order.id, reason=" 上周领过 "), chen)
    # The resident has read why: another reason later is not dropped without a word.
    with pytest.raises(RefusedBefore) as caught:
        scene.run(refuse_order, RefuseOrder(order=order.id, reason="照片不清楚"), chen)
    assert "「上周领过」" in caught.value.sentence()

    row = scene.order_row(order.id)
    assert (row.state, row.refusal) == ("refused", "上周领过")
    assert scene.free(wang) == 100 * POINT
    assert scene.stock_row(item).reserved == 0
    assert scene.used("household_item_month", f"{wang.household}:{item}") == 0
    told = messages(scene, "order.refused")
    assert len(told) == 1
    assert "上周领过" in told[0].params.encode().decode("unicode_escape")
    assert isinstance(approving(scene, order.id, chen).refusal, OrderMoved)


def test_an_approval_can_be_undone_for_ten_seconds_and_nobody_was_told(
    scene: Scene, chen: Actor, clock: Any
) -> None:
    wang = scene.resident(HERE, points=100)
    order = scene.order(wang, scene.item(HERE, chen, stock=5))
    scene.approve(order.id, chen)
    clock.advance(seconds=10)

    undone = scene.run(undo_approvals, UndoApprovals(orders=(order.id,)), chen)

    assert undone.done == 1
    row = scene.order_row(order.id)
    assert (row.state, row.pickup_code, row.decided_by) == ("submitted", None, None)
    assert [message.state for message in messages(scene, "order.ready")] == ["cancelled"]
    assert scene.account(wang).held == 2000
    # Approved again, it is told again, ten seconds later.
    scene.approve(order.id, chen)
    told = messages(scene, "order.ready")
    assert [message.state for message in told] == ["cancelled", "waiting"]
    assert (told[1].send_after - told[1].created_at).total_seconds() == 10


def test_it_is_too_late_after_ten_seconds_and_for_anybody_else(
    scene: Scene, chen: Actor, clock: Any
) -> None:
    wang = scene.resident(HERE, points=100)
    order = scene.order(wang, scene.item(HERE, chen, stock=5))
    code = scene.approve(order.id, chen)
    lead = scene.staff(HERE, role="lead", name="赵建平")

    def undo(actor: Actor) -> Any:
        return scene.run(undo_approvals, UndoApprovals(orders=(order.id,)), actor).decisions[0]

    assert isinstance(undo(lead).refusal, OrderMoved)
    clock.advance(seconds=11)
    assert isinstance(undo(chen).refusal, TooLateToUndo)
    scene.run(hand_over, HandOver(code=code), chen)
    assert isinstance(undo(chen).refusal, OrderMoved)


def test_who_is_of_no_household_here_can_approve(scene: Scene, chen: Actor) -> None:
    """Staff who live elsewhere have no resident row; the constraint lets NULL pass."""
    wang: Someone = scene.resident(HERE, points=100)
    order = scene.order(wang, scene.item(HERE, chen, stock=5))
    clerk = Actor(person=scene.clerk(), role="staff", scope_kind="community", place=HERE)

    assert approving(scene, order.id, clerk).done
