"""What a shared order posts: every payer's legs are integers, and both books stay exact."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.acts import Actor
from core.ids import NIL
from exchange.moving import MergeRecords, merge_records
from exchange.orders import HandOver, hand_over
from exchange.orders.legs import portions
from exchange.orders.rows import OrderRow, Payment
from exchange.prices import price_of, standard_of
from points.correcting.adjustments import ProposeReversal, ShareTooSmall, propose_reversal
from points.correcting.deciding import DecideAdjustment, decide_adjustment
from tests.exchange.scene import HERE, POINT, THERE, Scene
from tests.exchange.sharing import Family, broken

MOMENT = dt.datetime(2026, 11, 24, 2, tzinfo=dt.UTC)
PAYMENT = Payment(
    account=1,
    resident=NIL,
    payer=NIL,
    payer_household=NIL,
    hold=None,
    amount=1,
    agreed_by=None,
    phone_cipher=None,
    lives_there=True,
)


def ordered(price: int, faces: tuple[int, int], rate: int, step: int, *shares: int) -> OrderRow:
    """An order elsewhere; shares are weights that are cut to the cost."""
    home, host = faces
    cost = price_of(price, home, host, rate, step)
    cuts = sorted({min(each, cost.cost - 1) for each in shares if cost.cost > 1} - {0})
    amounts = [after - before for before, after in zip([0, *cuts], [*cuts, cost.cost], strict=True)]
    return OrderRow(
        id=NIL,
        station=NIL,
        station_name="",
        host=THERE,
        host_name="",
        home=HERE,
        resident=NIL,
        confirmed=True,
        ordered_by=NIL,
        channel="phone",
        state="ready",
        price=price,
        par=cost.par,
        exact=cost.exact,
        cost=cost.cost,
        rate_row=None,
        face_home=home,
        face_host=host,
        difference="host",
        standard=standard_of(price, host),
        submitted_at=MOMENT,
        decided_at=None,
        decided_by=None,
        entered_by=None,
        handed_by=None,
        pickup_code=None,
        pickup_until=None,
        closed_at=None,
        refusal=None,
        phone_cipher=None,
        payments=tuple(
            replace(PAYMENT, account=index, amount=amount)
            for index, amount in enumerate(amounts, start=1)
        ),
        pieces=(),
    )


@given(
    st.integers(1, 10_000),
    st.tuples(st.integers(5_000, 20_000), st.integers(5_000, 20_000)),
    st.integers(1, 10_000),
    st.sampled_from([1, 10, 100]),
    st.lists(st.integers(1, 30_000), max_size=4),
)
def test_the_parts_sum_to_the_whole_and_none_is_below_nothing(
    price: int, faces: tuple[int, int], rate: int, step: int, shares: list[int]
) -> None:
    order = ordered(price, faces, rate, step, *shares)

    found = portions(order)

    assert sum(each.payment.amount for each in found) == order.cost
    assert sum(each.exact for each in found) == order.exact
    assert sum(each.par for each in found) == order.par
    assert sum(each.price for each in found) == order.price
    assert sum(each.standard for each in found) == order.standard
    over = (order.exact - order.par) * order.face_home // order.face_host
    assert sum(each.theirs for each in found) == over
    assert sum(each.their_standard for each in found) == standard_of(over, order.face_host)
    for each in found:
        assert 0 <= each.par <= each.exact <= each.payment.amount
        assert (each.price > 0) == (each.standard > 0)
        assert (each.theirs > 0) == (each.their_standard > 0)
        assert each.par > 0 or each.price == 0


@pytest.fixture
def zhou(scene: Scene) -> Actor:
    clerk = scene.staff(THERE, name="周国栋")
    scene.station(THERE, clerk)
    return clerk


def collected(scene: Scene, family: Family, zhou: Actor, *shares: int) -> UUID:
    """20 points there are 25 here: 李国强 and the daughter pay shares, 王秀芳 the rest."""
    item = scene.item(THERE, zhou, stock=5)
    others = zip((family.li, family.daughter), shares, strict=False)
    order = family.order(item, *others).id
    for who in (family.li, family.daughter)[: len(shares)]:
        family.agree(order, who)
    code = scene.approve(order, zhou)
    scene.run(hand_over, HandOver(code=code), zhou)
    return order


def books(scene: Scene) -> tuple[tuple[int, int], tuple[int, int], int, int]:
    return (
        scene.book("clearing", HERE, THERE),
        scene.book("clearing", THERE, HERE),
        scene.book("retired", HERE)[0],
        scene.book("redeemed", THERE)[0],
    )


def test_an_order_elsewhere_is_in_both_books_as_if_one_had_paid(scene: Scene, zhou: Actor) -> None:
    family = Family(scene)

    order = collected(scene, family, zhou, 9, 7)

    assert family.free() == (3000 - 900, 5000 - 900, 2000 - 700)
    assert books(scene) == ((2000, 2000), (-2000, -2000), 500, 2000)
    legs = [leg for leg in scene.transfers(order) if leg.debit > 0]
    assert sum(leg.amount for leg in legs) == 2500
    assert broken(scene) == []


def test_a_return_of_equal_shares_reverses_each_leg_by_its_own_figures(
    scene: Scene, zhou: Actor
) -> None:
    family = Family(scene)
    scene.set_to("exchange.difference", "host")
    item = scene.item(THERE, zhou, stock=5, price=16 * POINT)
    order = family.order(item, (family.li, 10)).id
    family.agree(order, family.li)
    code = scene.approve(order, zhou)
    scene.run(hand_over, HandOver(code=code), zhou)
    assert family.free() == (2000, 4000, 2000)

    scene.take_back(order, zhou.place)

    assert family.free() == (3000, 5000, 2000)
    assert books(scene) == ((0, 0), (0, 0), 0, 0)
    assert scene.book("fund", THERE)[0] == 0
    legs = scene.transfers(order)
    assert len(legs) == 2 * len([leg for leg in legs if leg.act != "reversal"])
    assert broken(scene) == []


@pytest.mark.parametrize("difference", ["retire", "host", "home_fund"])
@pytest.mark.parametrize("parts", [(1000,), (1, 2, 3), (777, 1, 1600, 100), (1, 2499)])
def test_parts_come_back_to_each_who_paid_until_all_have_theirs(
    scene: Scene, zhou: Actor, difference: str, parts: tuple[int, ...]
) -> None:
    family = Family(scene)
    scene.set_to("exchange.difference", difference)
    order = collected(scene, family, zhou, 9, 7)
    lead = scene.staff(THERE, "lead", name="何静怡")
    line = next(leg.id for leg in scene.transfers(order) if leg.debit > 0)
    before, done = (3000 - 900, 5000 - 900, 2000 - 700), 0
    for part in parts:
        propose = ProposeReversal(
            key=scene.serial(), line=line, reason="坏了", evidence="照片", amount=part
        )
        try:
            made = scene.run(propose_reversal, propose, zhou)
        except ShareTooSmall:
            continue
        scene.run(decide_adjustment, DecideAdjustment(adjustment=made.id), lead)
        done += part
        assert sum(family.free()) == sum(before) + done
        ours, theirs = scene.book("clearing", HERE, THERE), scene.book("clearing", THERE, HERE)
        assert ours[1] + theirs[1] == 0
        assert broken(scene) == []
    assert scene.order_row(order).state == ("collected" if done < 2500 else "returned")

    if done < 2500:
        scene.take_back(order, zhou.place)

    assert family.free() == (3000, 5000, 2000)
    assert books(scene) == ((0, 0), (0, 0), 0, 0)
    assert scene.order_row(order).state == "returned"
    assert broken(scene) == []


def test_two_records_that_paid_and_are_one_since_have_their_month_back(
    scene: Scene, zhou: Actor
) -> None:
    family = Family(scene)
    order = collected(scene, family, zhou, 9)
    clerk = scene.staff(HERE)
    merge = MergeRecords(key="m", keep=family.wang.resident, drop=family.li.resident)
    scene.run(merge_records, merge, clerk)
    assert scene.used("resident_month", family.wang.resident) == 2500

    scene.take_back(order, zhou.place)

    assert scene.used("resident_month", family.wang.resident) == 0
    assert broken(scene) == []
