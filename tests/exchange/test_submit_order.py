"""Submitting: what is promised is held in one step; every refusal has its status and sentence."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from core.acts import SYSTEM, Actor
from core.directory import PlaceClosed
from core.errors import AppError, KeyReused
from core.ids import NIL
from exchange import basket as baskets
from exchange import queries, reserve
from exchange.basket import Wanted
from exchange.orders import NotYourOrder, SubmitOrder, cancel_order, submit_order
from exchange.orders.finish import CancelOrder
from exchange.quote import QuoteExpired, QuoteInvalid, quote
from exchange.stations import ChangeItem, ItemUnknown, change_item
from exchange.stock import ReceiveStock, receive_stock
from points.ledger import InsufficientPoints
from tests.ended import YESTERDAY, end
from tests.exchange.scene import HERE, NEXT_DOOR, POINT, THERE, Scene, Someone


@pytest.fixture
def wang(scene: Scene) -> Someone:
    return scene.resident(HERE, points=300)


@pytest.fixture
def zhou(scene: Scene) -> Actor:
    clerk = scene.staff(THERE, name="周国栋")
    scene.station(THERE, clerk)
    return clerk


def refused(scene: Scene, someone: Someone, token: str) -> AppError:
    with pytest.raises(AppError) as caught:
        scene.submit(someone, token)
    return caught.value


def nothing_held(scene: Scene, someone: Someone, item: Any) -> None:
    assert scene.account(someone).held == 0
    assert scene.stock_row(item).reserved == 0
    assert scene.used("resident_month", someone.resident) == 0
    assert scene.used("household_item_month", f"{someone.household}:{item}") == 0


def test_the_same_key_again_is_the_same_order(scene: Scene, wang: Someone, zhou: Actor) -> None:
    item = scene.item(THERE, zhou, stock=10)
    token = scene.quote(wang, item).token

    first = scene.submit(wang, token, key="tap")
    second = scene.submit(wang, token, key="tap")

    assert first.id == second.id
    assert scene.account(wang).held == 2500
    assert scene.stock_row(item).reserved == 1


def test_the_same_key_with_another_body_is_a_conflict(
    scene: Scene, wang: Someone, zhou: Actor
) -> None:
    item = scene.item(THERE, zhou, stock=10)
    scene.submit(wang, scene.quote(wang, item).token, key="tap")

    with pytest.raises(KeyReused):
        scene.submit(wang, scene.quote(wang, item, quantity=2).token, key="tap")

    assert scene.account(wang).held == 2500


def test_two_people_may_choose_the_same_key(scene: Scene, wang: Someone, zhou: Actor) -> None:
    item = scene.item(THERE, zhou, stock=10)
    li = scene.resident(HERE, points=100, name="李国强")

    one = scene.submit(wang, scene.quote(wang, item).token, key="1")
    other = scene.submit(li, scene.quote(li, item).token, key="1")

    assert one.id != other.id


def test_a_quote_promises_its_price_while_it_lasts(
    scene: Scene, wang: Someone, zhou: Actor, clock: Any
) -> None:
    item = scene.item(THERE, zhou, stock=10)
    token = scene.quote(wang, item).token
    scene.run(change_item, ChangeItem(item=item, price=30 * POINT), zhou)
    clock.advance(minutes=9, seconds=59)

    order = scene.submit(wang, token)

    assert (order.price, order.cost) == (2000, 2500)
    assert scene.order_row(order.id).price == 2000
    clock.advance(seconds=1)
    late = refused(scene, wang, token)
    assert isinstance(late, QuoteExpired)
    assert int(late.status) == 409


@pytest.mark.parametrize("minutes", [5, 30])
def test_how_long_a_quote_lasts_is_the_districts_setting(
    scene: Scene, wang: Someone, zhou: Actor, clock: Any, minutes: int
) -> None:
    item = scene.item(THERE, zhou, stock=10)
    scene.set_to("exchange.quote_minutes", str(minutes))
    token = scene.quote(wang, item).token
    clock.advance(minutes=minutes, seconds=-1)

    scene.submit(wang, token)

    clock.advance(seconds=1)
    assert isinstance(refused(scene, wang, token), QuoteExpired)


def test_a_forged_quote_or_somebody_elses_is_refused(
    scene: Scene, wang: Someone, zhou: Actor
) -> None:
    item = scene.item(THERE, zhou, stock=10)
    li = scene.resident(HERE, points=100, name="李国强")
    token = scene.quote(wang, item).token

    other = "A" if token[9] != "A" else "B"
    for forged in ("", "x", f"{token[:9]}{other}{token[10:]}", token[:-5], f"{token}aaaa"):
        refusal = refused(scene, wang, forged)
        assert isinstance(refusal, QuoteInvalid)
        assert int(refusal.status) == 422
    assert isinstance(refused(scene, li, token), QuoteInvalid)
    with pytest.raises(NotYourOrder):
        scene.run(
            submit_order,
            SubmitOrder(key="k", resident=wang.resident, quote=token),
            li.actor,
        )
    nothing_held(scene, wang, item)


def test_points_that_are_not_there_buy_nothing(scene: Scene, zhou: Actor) -> None:
    poor = scene.resident(HERE, points=24)
    item = scene.item(THERE, zhou, stock=10)
    quoted = scene.quote(poor, item)

    assert isinstance(quoted.obstacle, InsufficientPoints)
    assert quoted.left == -100
    refusal = refused(scene, poor, quoted.token)
    assert isinstance(refusal, InsufficientPoints)
    assert int(refusal.status) == 422
    nothing_held(scene, poor, item)


def test_what_is_sold_out_is_not_ordered(scene: Scene, wang: Someone, zhou: Actor) -> None:
    item = scene.item(THERE, zhou, stock=2, price=POINT)

    refusal = refused(scene, wang, scene.quote(wang, item, quantity=3).token)

    assert isinstance(refusal, reserve.SoldOut)
    assert (
        refusal.sentence()
        == f"{refusal.facts['item']}只剩 2 件了，没有扣您的积分。请减少数量，或换一样。"
    )
    nothing_held(scene, wang, item)


def test_the_foreign_share_binds_residents_of_other_communities_only(
    scene: Scene, wang: Someone, zhou: Actor
) -> None:
    item = scene.item(THERE, zhou, stock=10, price=POINT, foreign_share_percent=35)
    local = scene.resident(THERE, points=100, name="吴阿毛")

    assert scene.stock_row(item).foreign_left == 3
    scene.order(wang, item, quantity=3)
    refusal = refused(scene, wang, scene.quote(wang, item).token)
    assert isinstance(refusal, reserve.ForeignShareUsed)
    assert refusal.facts["left"] == 0
    assert "给外社区居民的已经兑完" in refusal.sentence()
    assert on_shelf(scene, wang) == [(0, "这一批给外社区的已兑完")]
    scene.order(local, item, quantity=7)
    assert on_shelf(scene, wang) == [(0, "兑完了，等补货")]
    assert scene.stock_row(item).reserved == 10
    # The next receipt has a share of its own.
    scene.run(receive_stock, ReceiveStock(key="more", item=item, quantity=10), zhou)
    assert scene.stock_row(item).foreign_left == 3


def test_the_first_days_are_for_the_stations_own_residents(
    scene: Scene, wang: Someone, zhou: Actor, clock: Any
) -> None:
    item = scene.item(THERE, zhou, stock=10, home_first_days=3)
    local = scene.resident(THERE, points=100, name="吴阿毛")

    refusal = refused(scene, wang, scene.quote(wang, item).token)
    assert isinstance(refusal, baskets.HomeFirst)
    assert "11 月 27 日起您也能兑换" in refusal.sentence()
    scene.order(local, item)
    clock.advance(days=3)
    assert scene.order(wang, item).state == "submitted"


def test_an_item_for_home_residents_only_is_refused_to_others(
    scene: Scene, wang: Someone, zhou: Actor
) -> None:
    item = scene.item(THERE, zhou, stock=10, foreign_share_percent=0)

    refusal = refused(scene, wang, scene.quote(wang, item).token)

    assert isinstance(refusal, baskets.HomeOnly)


def test_an_order_elsewhere_costs_at_most_the_order_quota(
    scene: Scene, wang: Someone, zhou: Actor
) -> None:
    item = scene.item(THERE, zhou, stock=10, price=40 * POINT)
    local = scene.resident(THERE, points=100, name="吴阿毛")

    assert scene.order(wang, item, quantity=2).cost == 100 * POINT
    fresh = scene.resident(HERE, points=300, name="李国强")
    dearer = scene.item(THERE, zhou, stock=10, price=81 * POINT)
    refusal = refused(scene, fresh, scene.quote(fresh, dearer).token)
    assert isinstance(refusal, baskets.OverOrderQuota)
    assert "最多付 100 分" in refusal.sentence()
    assert scene.order(local, dearer).cost == 81 * POINT


def test_the_order_quota_is_the_districts_setting(scene: Scene, wang: Someone, zhou: Actor) -> None:
    item = scene.item(THERE, zhou, stock=10, price=20 * POINT)
    scene.set_to("quota.order_points", "50")

    quoted = scene.quote(wang, item, quantity=3)
    refusal = refused(scene, wang, quoted.token)

    assert isinstance(refusal, baskets.OverOrderQuota)
    assert "最多付 50 分" in refusal.sentence()
    assert quoted.limit is not None
    assert (quoted.limit.kind, quoted.limit.pieces) == ("order_points", 2)
    assert scene.order(wang, item, quantity=2).cost == 50 * POINT


def test_a_month_elsewhere_costs_at_most_the_residents_quota(
    scene: Scene, wang: Someone, zhou: Actor, clock: Any
) -> None:
    item = scene.item(THERE, zhou, stock=20, price=40 * POINT)
    at_home = scene.staff(HERE)
    scene.station(HERE, at_home)
    mine = scene.item(HERE, at_home, stock=10, price=40 * POINT)

    scene.order(wang, item, quantity=2)
    last = scene.order(wang, item, quantity=2)
    assert scene.used("resident_month", wang.resident) == 200 * POINT
    quoted = scene.quote(wang, item)
    assert quoted.limit is not None
    assert (quoted.limit.kind, quoted.limit.pieces) == ("month_points", 0)
    refusal = refused(scene, wang, quoted.token)
    assert isinstance(refusal, reserve.OverMonthQuota)
    assert "这个月的额度用完了。请下个月再来" in refusal.sentence()
    # At home no quota of points binds; what is given up is free again; a month begins anew.
    scene.order(wang, mine, quantity=2)
    scene.run(cancel_order, CancelOrder(order=last.id), wang.actor)
    assert scene.used("resident_month", wang.resident) == 100 * POINT
    clock.advance(days=7)
    assert scene.order(wang, item, quantity=1).cost == 50 * POINT
    assert scene.used("resident_month", wang.resident) == 150 * POINT


def test_the_quota_of_a_month_is_the_districts_setting(
    scene: Scene, wang: Someone, zhou: Actor
) -> None:
    item = scene.item(THERE, zhou, stock=10, price=20 * POINT)
    scene.order(wang, item)

    scene.set_to("quota.resident_month_points", "40")
    refusal = refused(scene, wang, scene.quote(wang, item).token)
    assert isinstance(refusal, reserve.OverMonthQuota)
    assert "这个月还能付 15 分" in refusal.sentence()
    scene.set_to("quota.resident_month_points", "50")
    assert scene.order(wang, item).cost == 25 * POINT


def test_a_household_takes_so_many_pieces_of_an_item_in_a_month(scene: Scene) -> None:
    clerk = scene.staff(HERE)
    scene.station(HERE, clerk)
    item = scene.item(HERE, clerk, stock=10, price=POINT, limit_per_household_month=2)
    wang = scene.resident(HERE, points=50)
    spouse = scene.resident(HERE, points=50, name="李国强", household=wang.household)

    order = scene.order(wang, item)
    scene.order(spouse, item)
    refusal = refused(scene, wang, scene.quote(wang, item).token)
    assert isinstance(refusal, reserve.HouseholdLimit)
    assert refusal.sentence() == f"{refusal.facts['item']}这个月您家已经兑满，请下个月再来。"
    scene.run(cancel_order, CancelOrder(order=order.id), wang.actor)
    assert scene.order(spouse, item).state == "submitted"


def test_a_limit_set_in_mid_month_knows_what_was_taken(scene: Scene) -> None:
    clerk = scene.staff(HERE)
    scene.station(HERE, clerk)
    item = scene.item(HERE, clerk, stock=10, price=POINT)
    wang = scene.resident(HERE, points=50)
    order = scene.order(wang, item, quantity=2)

    scene.run(change_item, ChangeItem(item=item, limit_per_household_month=2), clerk)

    assert isinstance(refused(scene, wang, scene.quote(wang, item).token), reserve.HouseholdLimit)
    scene.run(cancel_order, CancelOrder(order=order.id), wang.actor)
    assert scene.used("household_item_month", f"{wang.household}:{item}") == 0


def on_shelf(scene: Scene, someone: Someone) -> list[tuple[int, str]]:
    """Return what is left for them of each thing at the other station, and the word beside it."""
    _, view = scene.ask(queries.station_view, someone.resident, THERE, scene.now)
    return [(offer.left, offer.note) for offer in view.offers]


def test_a_community_that_left_the_exchange_sends_and_takes_nobody(
    scene: Scene, wang: Someone, zhou: Actor
) -> None:
    item = scene.item(THERE, zhou, stock=10)
    local = scene.resident(THERE, points=100, name="吴阿毛")

    for place in (HERE, THERE):
        scene.set_to("exchange.join", "0", place)
        refusal = refused(scene, wang, scene.quote(wang, item).token)
        assert isinstance(refusal, baskets.ExchangeClosed)
        assert int(refusal.status) == 409
        assert on_shelf(scene, wang) == [(0, "暂不参加通兑")]
        scene.order(local, item)
        scene.set_to("exchange.join", "1", place)
    assert on_shelf(scene, wang) == [(8, "")]
    assert scene.order(wang, item).state == "submitted"


def test_who_is_not_confirmed_may_order_unless_the_community_wants_it_before(
    scene: Scene, zhou: Actor
) -> None:
    new = scene.resident(HERE, points=100, name="周晓燕", confirmed=False)
    item = scene.item(THERE, zhou, stock=10)

    assert scene.order(new, item).state == "submitted"
    scene.set_to("redeem.verify", "before_order", HERE)
    assert isinstance(refused(scene, new, scene.quote(new, item).token), baskets.ConfirmFirst)


def test_what_was_taken_off_the_list_is_not_ordered(
    scene: Scene, wang: Someone, zhou: Actor
) -> None:
    item = scene.item(THERE, zhou, stock=10)
    token = scene.quote(wang, item).token
    scene.run(change_item, ChangeItem(item=item, listed=False), zhou)

    assert isinstance(refused(scene, wang, token), baskets.ItemUnlisted)
    nothing_held(scene, wang, item)


def test_a_basket_is_pieces_of_one_station(scene: Scene, wang: Someone, zhou: Actor) -> None:
    clerk = scene.staff(NEXT_DOOR)
    scene.station(NEXT_DOOR, clerk)
    item, other = scene.item(THERE, zhou, stock=10), scene.item(NEXT_DOOR, clerk, stock=10)

    for wanted in (
        [],
        [Wanted(item=item, quantity=0)],
        [Wanted(item=item, quantity=-1)],
        [Wanted(item=item, quantity=100)],
        [Wanted(item=item, quantity=1), Wanted(item=item, quantity=1)],
        [Wanted(item=item, quantity=1), Wanted(item=other, quantity=1)],
    ):
        with pytest.raises(baskets.BasketInvalid):
            scene.ask(quote, wang.resident, wanted, scene.now)
    with pytest.raises(ItemUnknown):
        scene.ask(quote, wang.resident, [Wanted(item=NIL, quantity=1)], scene.now)


def test_a_basket_rounds_once(scene: Scene, wang: Someone, zhou: Actor) -> None:
    noodles = scene.item(THERE, zhou, stock=10, price=12 * POINT)
    knives = scene.item(THERE, zhou, stock=10, price=6 * POINT)
    wanted = [Wanted(item=noodles, quantity=2), Wanted(item=knives, quantity=1)]

    found = scene.ask(quote, wang.resident, wanted, scene.now)

    assert (found.price, found.exact, found.cost) == (3000, 3750, 3800)
    order = scene.submit(wang, found.token)
    assert scene.account(wang).held == 3800
    assert order.cost == 3800


def test_a_resident_of_the_same_subdistrict_pays_the_price(scene: Scene, wang: Someone) -> None:
    clerk = scene.staff(NEXT_DOOR)
    scene.station(NEXT_DOOR, clerk)
    item = scene.item(NEXT_DOOR, clerk, stock=10, price=1250)

    quoted = scene.quote(wang, item)

    assert (quoted.cost, quoted.rate, quoted.scope) == (1250, 10_000, "same_subdistrict")


def test_the_rounding_step_is_the_districts(scene: Scene, wang: Someone, zhou: Actor) -> None:
    item = scene.item(THERE, zhou, stock=10, price=45 * POINT)
    assert scene.quote(wang, item).cost == 5700
    for step, cost in (("0.1", 5630), ("0.01", 5625)):
        scene.set_to("exchange.round", step)
        assert scene.quote(wang, item).cost == cost


def test_a_quote_shows_the_limit_that_binds_first(scene: Scene, wang: Someone, zhou: Actor) -> None:
    scarce = scene.item(THERE, zhou, stock=1, price=POINT)
    shared = scene.item(THERE, zhou, stock=10, price=POINT, foreign_share_percent=30)
    limited = scene.item(THERE, zhou, stock=10, price=POINT, limit_per_household_month=2)
    dear = scene.item(THERE, zhou, stock=10, price=40 * POINT)

    found = [scene.quote(wang, item).limit for item in (scarce, shared, limited, dear)]

    assert [(limit.kind, limit.pieces) for limit in found if limit] == [
        ("stock", 1),
        ("foreign_share", 3),
        ("household", 2),
        ("order_points", 2),
    ]


def test_an_order_names_who_ordered_and_for_whom(scene: Scene, wang: Someone, zhou: Actor) -> None:
    order = scene.order(wang, scene.item(THERE, zhou, stock=10))
    row = scene.order_row(order.id)

    assert (row.home, row.host, row.resident) == (HERE, THERE, wang.resident)
    assert (row.ordered_by, row.entered_by, row.channel) == (wang.person, None, "phone")


def test_the_station_of_a_community_that_is_over_gives_nothing(
    scene: Scene, wang: Someone, zhou: Actor
) -> None:
    item = scene.item(THERE, zhou, stock=10)
    token = scene.quote(wang, item).token
    end(partial(scene.run, actor=SYSTEM), THERE, YESTERDAY, NEXT_DOOR)

    assert isinstance(refused(scene, wang, token), PlaceClosed)
    assert isinstance(scene.quote(wang, item).obstacle, PlaceClosed)
    nothing_held(scene, wang, item)
