"""An order undone by two people of the ledger, at once or in parts: in both books, at its rate."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text, update

from core.acts import Actor
from core.messages import messages_of
from core.models import OutboxMessage
from exchange.models import Order
from exchange.moving import (
    MergeRecords,
    MoveHousehold,
    follow_residents,
    merge_records,
    move_household,
)
from exchange.order_queries import my_orders, order_view
from exchange.orders import HandOver, OrderMoved, ReturnOrder, hand_over, return_order
from exchange.rates import ConfirmRate, ProposeRate, confirm_rate, propose_rate
from points.correcting.adjustments import ProposeReversal, propose_reversal
from points.correcting.deciding import DecideAdjustment, Decided, decide_adjustment
from points.models import Transfer
from points.proof import verify
from points.reversal import AlreadyReversed
from residents.endings import RecordDeath, record_death
from residents.people import EnterResident, enter_resident
from tests.conftest import Clock
from tests.exchange.scene import HERE, POINT, THERE, Scene, Someone
from tests.people import NEAR


class Undoing:
    """An order of 王秀芳 at a station elsewhere, and two who may undo it."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.zhou: Actor = scene.staff(THERE, name="周国栋")
        self.lead: Actor = scene.staff(THERE, "lead", name="何静怡")
        scene.station(THERE, self.zhou)
        self.item = scene.item(THERE, self.zhou, stock=10, price=21 * POINT)
        self.wang: Someone = scene.resident(HERE, points=300)
        self.order: UUID = scene.order(self.wang, self.item).id
        scene.run(hand_over, HandOver(code=scene.approve(self.order, self.zhou)), self.zhou)

    def line(self) -> UUID:
        query = select(Transfer.id).where(Transfer.source_id == self.order, Transfer.debit > 0)
        found: UUID = self.scene.ask(lambda c: c.scalars(query.order_by(Transfer.id)).all())[-1]
        return found

    def propose(self, amount: int | None) -> UUID:
        command = ProposeReversal(
            key=self.scene.serial(),
            line=self.line(),
            reason="东西是坏的",
            evidence="照片在社区",
            amount=amount,
        )
        made: UUID = self.scene.run(propose_reversal, command, self.zhou).id
        return made

    def decide(self, proposal: UUID) -> Decided:
        done: Decided = self.scene.run(
            decide_adjustment, DecideAdjustment(adjustment=proposal), self.lead
        )
        return done

    def undo(self, amount: int | None = None) -> Decided:
        return self.decide(self.propose(amount))

    def books(self) -> set[tuple[int, int]]:
        """What each book has of the order."""
        places = (
            ("clearing", HERE, THERE),
            ("clearing", THERE, HERE),
            ("redeemed", THERE, 0),
            ("retired", HERE, 0),
            ("rounding", HERE, 0),
        )
        return {self.scene.book(*place) for place in places}

    def told(self) -> list[str]:
        """What the resident was told of the order's return, in points."""
        query = "SELECT params FROM outbox WHERE template = 'order.returned'"
        rows = self.scene.ask(lambda c: c.scalars(text(query)).all())
        return [json.loads(row)["points"] for row in rows]

    def returned(self) -> None:
        command = ReturnOrder(order=self.order, reason="东西是坏的")
        self.scene.run(return_order, command, self.lead)

    def reads(self, someone: Someone) -> list[str]:
        """What somebody reads of points that came back, by tomorrow."""
        tomorrow = self.scene.now + dt.timedelta(days=1)
        found = self.scene.ask(messages_of, someone.actor, tomorrow)
        return [each.words for each in found if "退回" in each.words and "预留" not in each.words]

    def broken(self) -> list[str]:
        found: list[str] = self.scene.ask(lambda c: [each.name for each in verify.broken(c)])
        # Points of the scene come from nowhere: awards without awards.
        return [name for name in found if name != "awarded transfers"]


@pytest.fixture
def undoing(scene: Scene) -> Undoing:
    return Undoing(scene)


def test_the_whole_order_comes_back_in_both_books(undoing: Undoing) -> None:
    scene = undoing.scene
    assert scene.free(undoing.wang) == 300 * POINT - 27 * POINT
    done = undoing.undo()

    assert done.posted == 27 * POINT
    assert scene.free(undoing.wang) == 300 * POINT
    assert scene.account(undoing.wang).debited == 0
    assert scene.order_row(undoing.order).state == "returned"
    assert undoing.books() == {(0, 0)}
    assert scene.stock_row(undoing.item).on_hand == 10
    assert scene.used("resident_month", undoing.wang.resident) == 0
    assert undoing.broken() == []


def test_a_part_comes_back_and_the_order_stays(undoing: Undoing) -> None:
    scene = undoing.scene
    done = undoing.undo(10 * POINT)

    assert done.posted == 10 * POINT
    assert scene.free(undoing.wang) == 283 * POINT
    assert scene.order_row(undoing.order).state == "collected"
    ours, theirs = scene.book("clearing", HERE, THERE), scene.book("clearing", THERE, HERE)
    assert ours[1] + theirs[1] == 0
    assert 0 < scene.book("redeemed", THERE)[0] < 21 * POINT
    left = sum(scene.book(purpose, HERE)[0] for purpose in ("retired", "rounding"))
    assert ours[0] + left == 17 * POINT
    assert undoing.broken() == []


def test_after_a_change_of_the_rate_it_comes_back_at_its_own(
    undoing: Undoing, clock: Clock
) -> None:
    scene = undoing.scene
    lin, wu = scene.admin("林海"), scene.admin("吴敏")
    command = ProposeRate(
        key="rate",
        scope="pair",
        home=HERE,
        host=THERE,
        rate=5000,
        valid_from=dt.date(2026, 12, 8),
        document="第 5 号",
    )
    proposed = scene.run(propose_rate, command, lin)
    scene.run(confirm_rate, ConfirmRate(proposal=proposed.id), wu)
    clock.set(dt.datetime(2026, 12, 9, 2, tzinfo=dt.UTC))
    assert scene.quote(undoing.wang, undoing.item).cost == 42 * POINT

    assert undoing.undo().posted == 27 * POINT
    assert scene.book("clearing", HERE, THERE) == (0, 0)
    assert scene.free(undoing.wang) == 300 * POINT


def test_what_the_desk_has_returned_is_not_undone_again(undoing: Undoing) -> None:
    command = ReturnOrder(order=undoing.order, reason="坏了")
    undoing.scene.run(return_order, command, undoing.scene.staff(THERE, name="沈建华"))

    with pytest.raises(AlreadyReversed):
        undoing.undo()


def test_whoever_has_moved_or_has_another_record_by_now_is_told_of_a_return(
    undoing: Undoing, clock: Clock
) -> None:
    scene = undoing.scene
    away = MoveHousehold(key="away", community=NEAR, residents=(undoing.wang.resident,))
    moved = scene.run(move_household, away, scene.staff(NEAR)).residents[0]
    twin = scene.resident(NEAR, name="王秀方")
    one = MergeRecords(key="one", keep=twin.resident, drop=moved)
    scene.run(merge_records, one, scene.staff(NEAR, name="小林"))
    clock.advance(hours=1)
    undoing.returned()

    [read] = undoing.reads(twin)
    assert read.endswith(
        "已退，27 分按原到期日退回您搬家或合并登记以前的积分，一般第二天转来就能用。"
    )
    assert scene.free(twin) == 273 * POINT
    with scene.app.app_context():
        follow_residents()
    assert scene.free(twin) == 300 * POINT
    assert undoing.reads(undoing.wang) == []
    # The message opens 我的兑换.
    assert [each.id for each in scene.ask(my_orders, twin.resident).closed] == [undoing.order]
    seen = scene.ask(order_view, undoing.order, twin.resident)
    assert (seen.state, seen.mine) == ("returned", True)


def test_of_a_return_to_somebody_who_has_died_the_adults_who_inherit_are_told(
    undoing: Undoing,
) -> None:
    scene, house = undoing.scene, undoing.wang.household
    husband = scene.resident(HERE, name="李国强", household=house)
    clerk = scene.staff(HERE, name="小何")
    scene.run(
        enter_resident,
        EnterResident(community=HERE, name="李小", household=house, birth_year=2015),
        clerk,
    )
    scene.run(record_death, RecordDeath(resident=undoing.wang.resident), clerk)
    undoing.returned()

    [read] = undoing.reads(husband)
    assert read.startswith("王秀芳为抽纸")
    assert "出的 27 分已退回，家人可以用，能用到哪天看首页。" in read
    told = select(OutboxMessage.person).where(OutboxMessage.template == "order.back_left")
    assert scene.ask(lambda c: c.scalars(told).all()) == [husband.person]
    assert undoing.told() == []


def test_nobody_is_told_of_points_that_come_back_when_what_was_left_has_lapsed(
    undoing: Undoing, clock: Clock
) -> None:
    scene = undoing.scene
    husband = scene.resident(HERE, name="李国强", household=undoing.wang.household)
    gone = RecordDeath(resident=undoing.wang.resident)
    scene.run(record_death, gone, scene.staff(HERE, name="小何"))
    clock.advance(days=366)
    undoing.returned()

    assert undoing.reads(husband) == []
    assert undoing.told() == []


def test_what_the_ledger_has_undone_is_not_returned_again(undoing: Undoing) -> None:
    command = ReturnOrder(order=undoing.order, reason="坏了")
    undoing.undo()

    undoing.scene.run(return_order, command, undoing.scene.staff(THERE, name="沈建华"))

    assert undoing.scene.free(undoing.wang) == 300 * POINT
    assert undoing.scene.stock_row(undoing.item).on_hand == 10
    assert undoing.broken() == []


def test_parts_come_back_until_the_order_is_returned(undoing: Undoing) -> None:
    scene = undoing.scene
    undoing.undo(10 * POINT)
    undoing.undo(333)
    assert scene.order_row(undoing.order).state == "collected"
    assert undoing.broken() == []

    undoing.undo()

    assert scene.order_row(undoing.order).state == "returned"
    assert scene.free(undoing.wang) == 300 * POINT
    assert undoing.books() == {(0, 0)}
    assert scene.stock_row(undoing.item).on_hand == 10
    assert undoing.told() == ["13.67"]
    assert undoing.broken() == []


def test_the_desk_returns_what_is_left_after_a_part(undoing: Undoing) -> None:
    scene = undoing.scene
    undoing.undo(1001)

    scene.take_back(undoing.order, THERE)

    assert scene.free(undoing.wang) == 300 * POINT
    assert undoing.books() == {(0, 0)}
    assert undoing.told() == ["16.99"]
    with pytest.raises(AlreadyReversed):
        undoing.undo()
    assert undoing.broken() == []


def test_a_part_that_was_proposed_is_not_decided_after_the_desk_has_returned_the_rest(
    undoing: Undoing,
) -> None:
    proposed = undoing.propose(10 * POINT)
    undoing.scene.take_back(undoing.order, THERE)

    with pytest.raises(AlreadyReversed):
        undoing.decide(proposed)
    assert undoing.broken() == []


def test_an_order_that_moved_meanwhile_stops_the_decision(undoing: Undoing) -> None:
    """Nothing of it stays: neither a transfer nor the proposal's new state."""

    def lose(work: Any, _command: None) -> None:
        work.connection.execute(
            update(Order).where(Order.id == undoing.order).values(state="lapsed")
        )

    undoing.scene.run(lose, None, undoing.zhou)
    with pytest.raises(OrderMoved):
        undoing.undo()
    assert undoing.scene.free(undoing.wang) == 273 * POINT
