"""现场兑换: one transaction; the resident's own yes is the second person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert

from core.acts import Actor, NotInYourScope
from core.errors import Forbidden, KeyReused
from core.work import Work
from exchange.basket import Wanted
from exchange.counter import (
    ConfirmAsked,
    ConfirmationUnknown,
    CostChanged,
    CounterRedemption,
    NobodyAsked,
    confirm_asked,
    redeem_at_counter,
)
from exchange.known import KnownTooLarge
from exchange.orders import (
    CancelOrder,
    LeadNeeded,
    NotYourOrder,
    OrderMoved,
    OwnHousehold,
    OwnOrder,
    ResidentUnconfirmed,
    cancel_order,
    lapse_orders,
)
from exchange.reserve import OverMonthQuota, SoldOut
from points.ledger import InsufficientPoints
from residents.models import Representation
from tests.exchange.scene import FAR_AWAY, HERE, POINT, THERE, Scene, Someone


def let_act(work: Work, people: tuple[UUID, UUID]) -> None:
    principal, agent = people
    work.connection.execute(
        insert(Representation).values(
            id=work.new_id(),
            principal=principal,
            agent=agent,
            kind="carer",
            consent=None,
            valid_from=work.day,
        ),
    )


@pytest.fixture
def zhou(scene: Scene) -> Actor:
    clerk = scene.staff(THERE, name="周国栋")
    scene.station(THERE, clerk)
    return clerk


@pytest.fixture
def wang(scene: Scene) -> Someone:
    return scene.resident(HERE, points=300)


def command(someone: Someone, item: Any, **more: Any) -> CounterRedemption:
    facts: dict[str, Any] = {"key": "tap", "confirmation": "known", **more}
    return CounterRedemption(
        resident=someone.resident, lines=(Wanted(item=item, quantity=1),), **facts
    )


def test_whom_staff_know_takes_it_at_once(scene: Scene, wang: Someone, zhou: Actor) -> None:
    item = scene.item(THERE, zhou, stock=10, price=20 * POINT)

    done = scene.run(redeem_at_counter, command(wang, item, shown=2500), zhou)
    again = scene.run(redeem_at_counter, command(wang, item, shown=2500), zhou)

    assert (done.state, done.price, done.cost) == ("collected", 2000, 2500)
    assert again.id == done.id
    row = scene.order_row(done.id)
    assert (row.channel, row.confirmation) == ("counter", "known")
    assert (row.ordered_by, row.entered_by, row.handed_by) == (
        wang.person,
        zhou.person,
        zhou.person,
    )
    account = scene.account(wang)
    assert (account.held, account.debited) == (0, 2500)
    assert (scene.stock_row(item).on_hand, scene.stock_row(item).foreign_left) == (9, 9)
    assert scene.book("clearing", HERE, THERE) == (2000, 2000)
    assert scene.book("clearing", THERE, HERE) == (-2000, -2000)
    assert scene.book("retired", HERE)[0] == 500
    assert scene.used("resident_month", wang.resident) == 2500
    with pytest.raises(KeyReused):
        scene.run(redeem_at_counter, command(wang, item, confirmation="device"), zhou)


def test_a_key_that_ordered_on_ones_own_phone_redeems_nothing_for_another(
    scene: Scene, wang: Someone
) -> None:
    """Who works at a station and lives elsewhere has keys of their own in both roles."""
    chen = scene.resident(FAR_AWAY, points=300, name="陈秀兰")
    clerk = scene.working(chen, THERE)
    scene.station(THERE, clerk)
    item = scene.item(THERE, clerk, stock=5)
    ordered = scene.submit(chen, scene.quote(chen, item).token, key="tap")

    with pytest.raises(KeyReused):
        scene.run(redeem_at_counter, command(wang, item), clerk)

    assert scene.free(wang) == 300 * POINT
    assert scene.order_row(ordered.id).state == "submitted"


def test_knowing_somebody_is_enough_up_to_thirty_points(
    scene: Scene, wang: Someone, zhou: Actor
) -> None:
    thirty = scene.item(THERE, zhou, stock=10, price=24 * POINT)
    more = scene.item(THERE, zhou, stock=10, price=24 * POINT + 1)

    assert scene.redeem(wang, thirty, zhou).cost == 30 * POINT
    with pytest.raises(KnownTooLarge) as caught:
        scene.redeem(wang, more, zhou)
    assert int(caught.value.status) == 422
    assert "30 分" in caught.value.sentence()
    assert scene.redeem(wang, more, zhou, "device").state == "asked"
    with pytest.raises(ConfirmationUnknown):
        scene.redeem(wang, thirty, zhou, "pin")


def test_a_day_of_small_orders_is_not_more_than_one_large_one(
    scene: Scene, wang: Someone, zhou: Actor, clock: Any
) -> None:
    item = scene.item(THERE, zhou, stock=10, price=16 * POINT)

    assert scene.redeem(wang, item, zhou).cost == 20 * POINT
    with pytest.raises(KnownTooLarge) as caught:
        scene.redeem(wang, item, zhou)
    assert "今天还能付 10 分" in caught.value.sentence()
    assert scene.redeem(wang, item, zhou, "device").state == "asked"
    clock.advance(days=1)
    assert scene.redeem(wang, item, zhou).state == "collected"


def test_a_day_of_two_stations_is_not_more_than_one(
    scene: Scene, wang: Someone, zhou: Actor, clock: Any
) -> None:
    chen = scene.staff(HERE)
    scene.station(HERE, chen)
    elsewhere, here = (
        scene.item(place.place, place, stock=10, price=16 * POINT) for place in (zhou, chen)
    )
    scene.redeem(wang, elsewhere, zhou)

    with pytest.raises(KnownTooLarge) as caught:
        scene.redeem(wang, here, chen)
    assert "今天还能付 10 分" in caught.value.sentence()
    clock.advance(days=1)
    assert scene.redeem(wang, here, chen).state == "collected"


def test_whoever_acts_for_somebody_neither_rings_up_nor_agrees_to_what_they_rang_up(
    scene: Scene, wang: Someone, zhou: Actor
) -> None:
    item = scene.item(THERE, zhou, stock=10, price=16 * POINT)
    asked = scene.redeem(wang, item, zhou, "device")
    as_wang = replace(wang.actor, person=zhou.person)

    with pytest.raises(NotYourOrder):
        scene.run(confirm_asked, ConfirmAsked(order=asked.id), as_wang)
    scene.run(let_act, (wang.person, zhou.person), zhou)
    with pytest.raises(OwnHousehold):
        scene.redeem(wang, item, zhou)


def test_from_fifty_points_on_it_takes_the_lead(scene: Scene, wang: Someone, zhou: Actor) -> None:
    item = scene.item(THERE, zhou, stock=10, price=40 * POINT)

    with pytest.raises(LeadNeeded):
        scene.redeem(wang, item, zhou, "device")
    lead = scene.staff(THERE, role="lead", name="赵建平")
    assert scene.redeem(wang, item, lead, "device").state == "asked"


def test_nobody_redeems_for_themselves_or_their_household(scene: Scene) -> None:
    clerk = scene.staff(HERE)
    scene.station(HERE, clerk)
    item = scene.item(HERE, clerk, stock=10, price=POINT)
    wife = scene.resident(HERE, points=50, name="沈晓琳")
    husband = scene.resident(HERE, points=50, name="沈志国", household=wife.household)
    at_work = scene.working(wife, HERE)

    with pytest.raises(OwnOrder):
        scene.redeem(wife, item, at_work)
    with pytest.raises(OwnHousehold):
        scene.redeem(husband, item, at_work)
    assert scene.redeem(husband, item, clerk).state == "collected"


def test_only_staff_of_the_station_redeem_there(scene: Scene, wang: Someone, zhou: Actor) -> None:
    item = scene.item(THERE, zhou, stock=10, price=POINT)

    with pytest.raises(NotInYourScope):
        scene.redeem(wang, item, scene.staff(HERE))
    for actor in (wang.actor, scene.staff(THERE, role="keeper", name="孙莉莉")):
        with pytest.raises(Forbidden):
            scene.redeem(wang, item, actor)


def test_another_price_than_the_one_shown_is_refused(
    scene: Scene, wang: Someone, zhou: Actor
) -> None:
    item = scene.item(THERE, zhou, stock=10, price=20 * POINT)

    with pytest.raises(CostChanged) as caught:
        scene.run(redeem_at_counter, command(wang, item, shown=2000), zhou)

    assert "现在付 25 分" in caught.value.sentence()
    assert scene.account(wang).debited == 0


def test_what_is_missing_refuses_it_all(
    scene: Scene, wang: Someone, zhou: Actor, clock: Any
) -> None:
    poor = scene.resident(HERE, points=1, name="李国强")
    item = scene.item(THERE, zhou, stock=1, price=4 * POINT)
    with pytest.raises(InsufficientPoints):
        scene.redeem(poor, item, zhou)
    assert scene.redeem(wang, item, zhou).state == "collected"
    with pytest.raises(SoldOut):
        scene.redeem(wang, item, zhou)
    assert scene.account(wang).debited == 5 * POINT
    many = scene.item(THERE, zhou, stock=50, price=24 * POINT)
    for _ in range(6):
        clock.advance(days=1)
        scene.redeem(wang, many, zhou)
    with pytest.raises(OverMonthQuota):
        scene.redeem(wang, many, zhou, "device")
    assert scene.account(wang).debited == 185 * POINT
    assert scene.stock_row(many).on_hand == 44


def test_an_unconfirmed_resident_is_seen_first(scene: Scene, zhou: Actor) -> None:
    new = scene.resident(HERE, points=50, name="周晓燕", confirmed=False)
    item = scene.item(THERE, zhou, stock=10, price=POINT)

    with pytest.raises(ResidentUnconfirmed):
        scene.run(redeem_at_counter, command(new, item), zhou)
    done = scene.run(redeem_at_counter, command(new, item, confirm_resident=True), zhou)
    assert done.state == "collected"
    assert scene.redeem(new, item, zhou).state == "collected"


def test_the_residents_own_phone_agrees_within_five_minutes(
    scene: Scene, wang: Someone, zhou: Actor, clock: Any
) -> None:
    item = scene.item(THERE, zhou, stock=10, price=32 * POINT)
    asked = scene.redeem(wang, item, zhou, "device")
    assert (asked.state, scene.account(wang).held) == ("asked", 40 * POINT)
    assert scene.stock_row(item).reserved == 1
    li = scene.resident(HERE, name="李国强")
    with pytest.raises(NotYourOrder):
        scene.run(confirm_asked, ConfirmAsked(order=asked.id), li.actor)
    clock.advance(minutes=4, seconds=59)

    for _ in range(2):
        done = scene.run(confirm_asked, ConfirmAsked(order=asked.id), wang.actor)
        assert done.state == "collected"

    account = scene.account(wang)
    assert (account.held, account.debited) == (0, 40 * POINT)
    assert (scene.stock_row(item).on_hand, scene.stock_row(item).reserved) == (9, 0)
    assert scene.order_row(asked.id).handed_by == zhou.person
    with pytest.raises(OrderMoved):
        scene.run(cancel_order, CancelOrder(order=asked.id), wang.actor)


def test_without_an_answer_everything_is_free_again(
    scene: Scene, wang: Someone, zhou: Actor, clock: Any
) -> None:
    item = scene.item(THERE, zhou, stock=10, price=20 * POINT)
    silent = scene.redeem(wang, item, zhou, "device")
    refused = scene.redeem(wang, item, zhou, "device")
    scene.run(cancel_order, CancelOrder(order=refused.id), wang.actor)
    clock.advance(minutes=5)
    with pytest.raises(NobodyAsked):
        scene.run(confirm_asked, ConfirmAsked(order=silent.id), wang.actor)

    with scene.app.app_context():
        assert lapse_orders() == "ended 1"

    assert scene.order_row(silent.id).state == "cancelled"
    assert scene.free(wang) == 300 * POINT
    assert scene.stock_row(item).reserved == 0
    assert scene.used("resident_month", wang.resident) == 0
