"""An order paid by several of a household: each agrees to a share, then it goes to the station."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import insert, select, update

from core.acts import SYSTEM, Actor
from core.errors import KeyReused
from core.messages import messages_of
from core.models import OutboxMessage
from core.work import Work
from exchange.known import ShareTooLarge
from exchange.moving import MergeRecords, merge_records
from exchange.orders import (
    CancelOrder,
    HandOver,
    LapseOrder,
    RefuseOrder,
    cancel_order,
    hand_over,
    lapse_order,
    lapse_orders,
    refuse_order,
)
from exchange.orders.rows import OrderUnknown, OwnHousehold
from exchange.orders.sharing import (
    AgreedBefore,
    GuardianAgrees,
    NobodyWaits,
    NotOfHousehold,
    NotYourShare,
    SharesWrong,
)
from points.ledger import InsufficientPoints
from residents.endings import RecordDeath, record_death
from residents.models import Person, Representation, Resident
from tests.conftest import Clock
from tests.exchange.scene import HERE, POINT, THERE, Scene, Someone
from tests.exchange.sharing import Family, broken


@pytest.fixture
def clerk(scene: Scene) -> Actor:
    someone = scene.staff(HERE, "lead")
    scene.station(HERE, someone)
    return someone


@pytest.fixture
def family(scene: Scene, clerk: Actor) -> Family:
    return Family(scene)


@pytest.fixture
def rice(scene: Scene, clerk: Actor) -> UUID:
    """60 points: more than any of them has."""
    return scene.item(HERE, clerk, stock=5, price=60 * POINT)


def test_the_order_waits_until_everybody_has_agreed_and_then_goes_to_the_station(
    scene: Scene, family: Family, rice: UUID
) -> None:
    order = family.order(rice, (family.li, 25), (family.daughter, 10)).id

    assert scene.order_row(order).state == "asked"
    assert family.held() == (2500, 0, 0)
    assert scene.stock_row(rice).reserved == 1
    assert family.agree(order, family.li).state == "asked"
    assert family.held() == (2500, 2500, 0)
    assert family.agree(order, family.daughter).state == "submitted"
    assert family.held() == (2500, 2500, 1000)
    paid = family.payment(order, family.li)
    assert (paid.agreed_by, paid.confirmation) == (family.li.person, "device")


def test_each_is_debited_their_share_when_it_is_picked_up(
    scene: Scene, family: Family, rice: UUID, clerk: Actor
) -> None:
    order = family.order(rice, (family.li, 25), (family.daughter, 10)).id
    family.agree(order, family.li)
    family.agree(order, family.daughter)

    code = scene.approve(order, clerk)
    scene.run(hand_over, HandOver(code=code), clerk)

    assert family.free() == (500, 2500, 1000)
    assert family.held() == (0, 0, 0)
    assert scene.book("redeemed", HERE)[0] == 6000
    assert broken(scene) == []


def test_the_same_agreement_again_changes_nothing(family: Family, rice: UUID) -> None:
    order = family.order(rice, (family.li, 40)).id

    first, second = family.agree(order, family.li), family.agree(order, family.li)

    assert first == second
    assert family.held() == (2000, 4000, 0)


def test_the_same_key_again_is_the_same_order_and_other_shares_are_another_body(
    family: Family, rice: UUID
) -> None:
    first = family.order(rice, (family.li, 40), key="tap")

    with pytest.raises(KeyReused):
        family.order(rice, (family.li, 41), key="tap")

    assert first.state == "asked"
    assert family.held() == (2000, 0, 0)


def test_who_orders_may_pay_nothing_of_it(scene: Scene, family: Family, clerk: Actor) -> None:
    item = scene.item(HERE, clerk, stock=5, price=40 * POINT)

    order = family.order(item, (family.li, 40)).id
    assert family.held() == (0, 0, 0)
    assert family.agree(order, family.li).state == "submitted"

    assert family.held() == (0, 4000, 0)


def test_shares_above_the_cost_or_of_nothing_are_refused(family: Family, rice: UUID) -> None:
    for shares in (
        [(family.li, 61)],
        [(family.li, 0)],
        [(family.li, -5)],
        [(family.li, 10), (family.li, 10)],
    ):
        with pytest.raises(SharesWrong) as refused:
            family.order(rice, *shares)
        assert "不能超过 60 分" in refused.value.sentence()
    assert family.open_holds() == 0


def test_only_confirmed_members_of_the_household_pay(
    scene: Scene, family: Family, rice: UUID
) -> None:
    stranger = scene.resident(HERE, points=100, name="陈建国")

    with pytest.raises(NotOfHousehold):
        family.order(rice, (stranger, 40))
    scene.run(unconfirmed, family.daughter, SYSTEM)
    with pytest.raises(NotOfHousehold):
        family.order(rice, (family.daughter, 40))

    assert scene.stock_row(rice).reserved == 0


def unconfirmed(work: Work, someone: Someone) -> None:
    work.connection.execute(
        update(Resident).where(Resident.id == someone.resident).values(state="unconfirmed")
    )


def test_who_has_too_little_is_told_when_they_agree_and_the_others_keep_waiting(
    scene: Scene, family: Family, rice: UUID
) -> None:
    order = family.order(rice, (family.daughter, 40)).id

    with pytest.raises(InsufficientPoints):
        family.agree(order, family.daughter)
    assert scene.order_row(order).state == "asked"
    scene.give(family.daughter, 20 * POINT)

    assert family.agree(order, family.daughter).state == "submitted"


def test_the_rest_must_be_there_when_it_is_ordered(family: Family, rice: UUID) -> None:
    with pytest.raises(InsufficientPoints):
        family.order(rice, (family.li, 20))

    assert family.open_holds() == 0


def test_one_who_does_not_agree_ends_the_order_and_everybody_has_theirs_back(
    scene: Scene, family: Family, rice: UUID
) -> None:
    order = family.order(rice, (family.li, 25), (family.daughter, 10)).id
    family.agree(order, family.li)

    assert family.decline(order, family.daughter).state == "cancelled"
    assert family.decline(order, family.daughter).state == "cancelled"

    assert family.free() == (3000, 5000, 2000)
    assert scene.stock_row(rice).reserved == 0
    with pytest.raises(NobodyWaits):
        family.agree(order, family.daughter)
    assert family.open_holds() == 0


def test_whose_share_is_set_aside_declines_no_more(family: Family, rice: UUID) -> None:
    order = family.order(rice, (family.li, 40)).id
    family.agree(order, family.li)

    with pytest.raises(AgreedBefore) as refused:
        family.decline(order, family.li)

    assert "积分预留着" in refused.value.sentence()
    assert family.held() == (2000, 4000, 0)


def test_the_orderer_cancels_before_all_have_agreed(
    scene: Scene, family: Family, rice: UUID
) -> None:
    order = family.order(rice, (family.li, 25), (family.daughter, 10)).id
    family.agree(order, family.li)

    scene.run(cancel_order, CancelOrder(order=order), family.wang.actor)

    assert family.free() == (3000, 5000, 2000)
    assert (scene.stock_row(rice).reserved, family.open_holds()) == (0, 0)


def test_after_a_day_it_lapses_and_not_before(
    scene: Scene, family: Family, rice: UUID, clock: Clock
) -> None:
    order = family.order(rice, (family.li, 25), (family.daughter, 10)).id
    family.agree(order, family.li)
    clock.advance(hours=23, minutes=59)
    with scene.app.app_context():
        lapse_orders()
    assert scene.run(lapse_order, LapseOrder(order=order), SYSTEM).state == "asked"
    clock.advance(minutes=1)

    with pytest.raises(NobodyWaits):
        family.agree(order, family.daughter)
    with scene.app.app_context():
        assert lapse_orders() == "ended 1"

    assert scene.order_row(order).state == "cancelled"
    assert family.free() == (3000, 5000, 2000)
    assert (scene.stock_row(rice).reserved, family.open_holds()) == (0, 0)


def test_refused_and_lapsed_and_returned_give_each_payer_back_theirs(
    scene: Scene, family: Family, rice: UUID, clerk: Actor, clock: Clock
) -> None:
    def agreed() -> UUID:
        order = family.order(rice, (family.li, 25), (family.daughter, 10)).id
        family.agree(order, family.li)
        family.agree(order, family.daughter)
        return order

    scene.run(refuse_order, RefuseOrder(order=agreed(), reason="缺货"), clerk)
    assert family.free() == (3000, 5000, 2000)

    order = agreed()
    code = scene.approve(order, clerk)
    scene.run(hand_over, HandOver(code=code), clerk)
    assert family.free() == (500, 2500, 1000)
    scene.take_back(order, clerk.place)
    assert family.free() == (3000, 5000, 2000)

    order = agreed()
    scene.approve(order, clerk)
    clock.advance(days=8)
    assert scene.run(lapse_order, LapseOrder(order=order), SYSTEM).state == "lapsed"
    assert family.free() == (3000, 5000, 2000)
    assert family.open_holds() == 0
    assert broken(scene) == []


def test_no_payer_and_nobody_of_their_household_approves(
    scene: Scene, family: Family, rice: UUID
) -> None:
    order = family.order(rice, (family.li, 40), who=family.wang).id
    family.agree(order, family.li)

    with pytest.raises(OwnHousehold):
        scene.approve(order, scene.working(family.daughter, HERE, "lead"))


def test_others_do_not_agree_for_somebody(scene: Scene, family: Family, rice: UUID) -> None:
    order = family.order(rice, (family.li, 40)).id
    stranger = scene.resident(HERE, name="陈建国")

    for actor in (family.wang.actor, family.daughter.actor, stranger.actor):
        with pytest.raises(NotYourShare):
            family.agree(order, family.li, actor)
        with pytest.raises(NotYourShare):
            family.decline(order, family.li, actor)
    with pytest.raises(OrderUnknown):
        family.agree(order, family.daughter)


def act_for(work: Work, people: tuple[Someone, Someone], kind: str = "guardian") -> None:
    principal, agent = people
    work.connection.execute(
        insert(Representation).values(
            id=work.new_id(),
            principal=principal.person,
            agent=agent.person,
            kind=kind,
            consent=None,
            valid_from=work.day,
        ),
    )


def born(work: Work, command: tuple[Someone, int]) -> None:
    someone, year = command
    work.connection.execute(
        update(Person).where(Person.id == someone.person).values(birth_year=year)
    )


def test_a_guardian_agrees_for_a_child(scene: Scene, family: Family, rice: UUID) -> None:
    scene.run(born, (family.daughter, 2015), SYSTEM)
    scene.run(act_for, (family.daughter, family.li), SYSTEM)
    order = family.order(rice, (family.li, 20), (family.daughter, 20), who=family.wang).id
    family.agree(order, family.li)

    with pytest.raises(GuardianAgrees):
        family.agree(order, family.daughter)
    assert family.agree(order, family.daughter, family.li.actor).state == "submitted"

    paid = family.payment(order, family.daughter)
    assert (paid.payer, paid.agreed_by) == (family.daughter.person, family.li.person)


def care_for(work: Work, people: tuple[Someone, Someone]) -> None:
    act_for(work, people, "carer")


def test_a_carer_of_a_child_is_no_guardian(scene: Scene, family: Family, rice: UUID) -> None:
    scene.run(born, (family.daughter, 2015), SYSTEM)
    scene.run(care_for, (family.daughter, family.li), SYSTEM)
    order = family.order(rice, (family.li, 20), (family.daughter, 20), who=family.wang).id
    family.agree(order, family.li)
    as_child = replace(family.daughter.actor, person=family.li.person)

    with pytest.raises(GuardianAgrees):
        family.agree(order, family.daughter, as_child)
    with pytest.raises(NotYourShare):
        family.agree(order, family.daughter, family.li.actor)

    scene.run(born, (family.daughter, 1980), SYSTEM)
    assert family.agree(order, family.daughter, as_child).state == "submitted"


def test_who_acts_for_somebody_agrees_by_ordering(scene: Scene, family: Family, rice: UUID) -> None:
    scene.run(act_for, (family.li, family.wang), SYSTEM)

    order = family.order(rice, (family.li, 40))

    assert order.state == "submitted"
    assert family.held() == (2000, 4000, 0)
    assert family.payment(order.id, family.li).agreed_by == family.wang.person


def test_staff_who_know_somebody_agree_for_them_at_the_counter_up_to_a_sum(
    scene: Scene, family: Family, rice: UUID, clerk: Actor
) -> None:
    scene.give(family.wang, 30 * POINT)
    small, large = (family.order(rice, (family.li, points)).id for points in (30, 45))

    with pytest.raises(ShareTooLarge) as refused:
        family.agree(large, family.li, clerk)
    assert "一天最多代点 30 分" in refused.value.sentence()
    with pytest.raises(OwnHousehold):
        family.agree(small, family.li, scene.working(family.daughter, HERE))
    with pytest.raises(NotYourShare):
        family.decline(small, family.li, clerk)
    assert family.agree(small, family.li, clerk).state == "submitted"

    paid = family.payment(small, family.li)
    assert (paid.agreed_by, paid.confirmation) == (clerk.person, "known")


def test_shares_agreed_to_by_word_have_one_limit_together(
    scene: Scene, family: Family, rice: UUID, clerk: Actor
) -> None:
    scene.give(family.wang, 30 * POINT)
    order = family.order(rice, (family.li, 20), (family.daughter, 15)).id
    first = [family.agree(order, family.li, clerk) for _ in range(2)]
    assert first[0] == first[1]

    with pytest.raises(ShareTooLarge) as refused:
        family.agree(order, family.daughter, clerk)

    assert "今天还剩 10 分" in refused.value.sentence()
    assert family.agree(order, family.daughter).state == "submitted"


def test_a_word_given_at_home_for_orders_elsewhere_counts_for_the_day(
    scene: Scene, family: Family, rice: UUID, clerk: Actor, clock: Clock
) -> None:
    zhou = scene.staff(THERE, name="周国栋")
    scene.station(THERE, zhou)
    oil = scene.item(THERE, zhou, stock=9, price=20 * POINT)
    scene.give(family.wang, 10 * POINT)
    first, second = (family.order(oil, (family.li, points)).id for points in (20, 15))
    at_home = family.order(rice, (family.li, 15), (family.daughter, 20)).id
    family.agree(first, family.li, clerk)

    for order in (second, at_home):
        with pytest.raises(ShareTooLarge) as refused:
            family.agree(order, family.li, clerk)
        assert "今天还剩 10 分" in refused.value.sentence()
    with pytest.raises(ShareTooLarge):
        family.agree(second, family.li, zhou)
    # The limit is that of the place where the word is given; each day begins anew.
    scene.set_to("redeem.known_face_points", "35", THERE)
    assert family.agree(second, family.li, zhou).state == "submitted"
    clock.advance(hours=23)
    assert family.agree(at_home, family.li, clerk).state == "asked"


def test_elsewhere_quotas_count_each_payers_share(scene: Scene, clerk: Actor) -> None:
    family = Family(scene)
    zhou = scene.staff(THERE, name="周国栋")
    scene.station(THERE, zhou)
    item = scene.item(THERE, zhou, stock=9, price=60 * POINT)
    order = family.order(item, (family.li, 45)).id
    assert scene.used("resident_month", family.wang.resident) == 3000
    assert scene.used("resident_month", family.li.resident) == 0

    family.agree(order, family.li)
    assert scene.used("resident_month", family.li.resident) == 4500
    scene.run(refuse_order, RefuseOrder(order=order, reason="缺货"), zhou)

    assert scene.used("resident_month", family.li.resident) == 0
    assert scene.used("resident_month", family.wang.resident) == 0


def test_adults_spend_what_somebody_who_died_left_by_ordering(
    scene: Scene, family: Family, clerk: Actor, clock: Clock
) -> None:
    scene.run(record_death, RecordDeath(resident=family.li.resident), clerk)
    item = scene.item(HERE, clerk, stock=5, price=40 * POINT)

    order = family.order(item, (family.li, 30))
    assert order.state == "submitted"
    assert family.held() == (1000, 3000, 0)
    code = scene.approve(order.id, clerk)
    scene.run(hand_over, HandOver(code=code), clerk)

    assert family.free() == (2000, 2000, 2000)
    assert family.payment(order.id, family.li).agreed_by == family.wang.person
    # Young people and other households do not; nobody does when the twelve months are over.
    scene.run(born, (family.daughter, 2009), SYSTEM)
    with pytest.raises(NotOfHousehold):
        family.order(item, (family.li, 20), who=family.daughter)
    clock.advance(days=366)
    with pytest.raises(NotOfHousehold):
        family.order(item, (family.li, 20))


def test_messages_go_to_those_whom_they_concern(
    scene: Scene, family: Family, rice: UUID, clerk: Actor
) -> None:
    order = family.order(rice, (family.li, 25), (family.daughter, 10)).id
    assert sent(scene, "order.asked") == {family.li.person, family.daughter.person}
    family.agree(order, family.li)
    assert not sent(scene, "order.submitted")
    family.agree(order, family.daughter)
    code = scene.approve(order, clerk)
    scene.run(hand_over, HandOver(code=code), clerk)

    everybody = {family.wang.person, family.li.person, family.daughter.person}
    assert sent(scene, "order.submitted") == sent(scene, "order.ready") == {family.wang.person}
    assert sent(scene, "order.collected") == everybody


def test_whose_share_comes_back_is_told_when_the_order_is_cancelled_declined_or_lapses(
    scene: Scene, family: Family, rice: UUID, clerk: Actor, clock: Clock
) -> None:
    def half_agreed() -> UUID:
        order = family.order(rice, (family.li, 25), (family.daughter, 10)).id
        family.agree(order, family.li)
        return order

    # Who cancels knows; the daughter has set nothing aside.
    scene.run(cancel_order, CancelOrder(order=half_agreed()), family.wang.actor)
    assert sent(scene, "order.cancelled") == {family.li.person}

    both = {family.wang.person, family.li.person}
    family.decline(half_agreed(), family.daughter)
    assert sent(scene, "order.not_agreed") == both
    order = half_agreed()
    clock.advance(days=1)
    scene.run(lapse_order, LapseOrder(order=order), SYSTEM)
    assert receivers(scene, "order.not_agreed") == sorted([*both, *both])

    order = half_agreed()
    family.agree(order, family.daughter)
    scene.approve(order, clerk)
    clock.advance(days=8)
    scene.run(lapse_order, LapseOrder(order=order), SYSTEM)
    assert sent(scene, "order.lapsed") == {*both, family.daughter.person}


def test_nothing_that_was_not_set_aside_is_said_to_have_come_back(
    scene: Scene, family: Family, clerk: Actor, clock: Clock
) -> None:
    item = scene.item(HERE, clerk, stock=5, price=40 * POINT)

    def reads() -> str:
        tomorrow = scene.now + dt.timedelta(days=1)
        return str(scene.ask(messages_of, family.wang.actor, tomorrow)[0].words)

    family.decline(family.order(item, (family.li, 40)).id, family.li)
    assert "已退回" not in reads()
    assert reads().endswith("家人没有都同意，谁的分都没有扣。可以重新提交。")

    order = family.order(item, (family.li, 40)).id
    clock.advance(days=1)
    scene.run(lapse_order, LapseOrder(order=order), SYSTEM)
    assert "已退回" not in reads()


def test_who_inherits_is_told_when_a_share_of_the_dead_comes_back_but_for_who_ended_the_order(
    scene: Scene, family: Family, rice: UUID, clerk: Actor
) -> None:
    scene.give(family.wang, 30 * POINT)
    orders = [family.order(rice, (family.li, 20), (family.daughter, 10)).id for _ in range(2)]
    for order in orders:
        family.agree(order, family.li)
        family.agree(order, family.daughter)
    scene.run(record_death, RecordDeath(resident=family.li.resident), scene.staff(HERE))
    refusal = RefuseOrder(order=orders[0], reason="缺货")
    scene.run(refuse_order, refusal, clerk)
    both = {family.wang.person, family.daughter.person}
    assert sent(scene, "order.back_left") == both
    assert sent(scene, "order.refused") == both

    scene.run(cancel_order, CancelOrder(order=orders[1]), family.wang.actor)

    told = receivers(scene, "order.back_left")
    assert sorted([*both, family.daughter.person]) == told
    assert family.free() == (60 * POINT, 50 * POINT, 20 * POINT)


def test_who_ordered_and_paid_nothing_reads_that_the_points_are_back_with_who_paid(
    scene: Scene, family: Family, rice: UUID, clerk: Actor, clock: Clock
) -> None:
    def ordered() -> UUID:
        order = family.order(rice, (family.li, 50), (family.daughter, 10)).id
        family.agree(order, family.li)
        family.agree(order, family.daughter)
        scene.run(hand_over, HandOver(code=scene.approve(order, clerk)), clerk)
        clock.advance(hours=1)
        return order

    def reads(someone: Someone) -> str:
        tomorrow = scene.now + dt.timedelta(days=1)
        return str(scene.ask(messages_of, someone.actor, tomorrow)[0].words)

    scene.take_back(ordered(), HERE)
    assert reads(family.wang).endswith("已退，60 分已退回给付分的人。")

    order = ordered()
    twin = scene.resident(HERE, name="王秀方")
    one = MergeRecords(key="one", keep=twin.resident, drop=family.wang.resident)
    scene.run(merge_records, one, scene.staff(HERE))
    scene.take_back(order, HERE)
    assert reads(twin).endswith("已退，60 分已退回给付分的人。")


def receivers(scene: Scene, template: str) -> list[UUID]:
    query = select(OutboxMessage.person).where(OutboxMessage.template == template)
    return sorted(scene.ask(lambda c: c.scalars(query).all()))


def sent(scene: Scene, template: str) -> set[UUID]:
    return set(receivers(scene, template))
