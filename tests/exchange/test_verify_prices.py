"""``flask verify`` on what orders cost: at the rate and the face values of the time, as posted."""

# ruff: noqa: S608 - statements put together from this file's own ids

from __future__ import annotations

import datetime as dt
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import insert

from core.acts import SYSTEM, Actor
from core.work import Work
from exchange.models import DiscountRate, FaceValue
from exchange.orders import HandOver, Ordered, hand_over
from residents.models import Group, GroupMember
from tests.conftest import Clock
from tests.exchange.scene import HERE, NEXT_DOOR, THERE, Scene, Someone
from tests.exchange.sharing import Family
from tests.exchange.test_verify_held import seen
from tests.points.books import Nothing

HERE_SUB, THERE_SUB = HERE // 1000 * 1000, THERE // 1000 * 1000
TOMORROW = dt.datetime(2026, 11, 24, 16, tzinfo=dt.UTC)
YESTERDAY = TOMORROW - dt.timedelta(days=2)


class Market:
    """A station there, somebody from here who comes to it, and rates of every scope."""

    def __init__(self, scene: Scene, clock: Clock) -> None:
        self.scene, self.clock = scene, clock
        self.clerk: Actor = scene.staff(THERE)
        scene.station(THERE, self.clerk)
        self.item: UUID = scene.item(THERE, self.clerk, stock=90, price=1333)
        self.wang: Someone = scene.resident(HERE, points=3000)
        scene.set_to("quota.resident_month_points", "1000")

    def rate(
        self,
        scope: str,
        rate: int | None,
        since: dt.datetime = YESTERDAY,
        home: int = 0,
        host: int = 0,
    ) -> UUID:
        """Let two people have published a rate long before it holds."""

        def write(work: Work, _command: object) -> UUID:
            identity = work.new_id()
            facts = {"scope": scope, "home": home, "host": host, "rate": rate, "id": identity}
            people = {"proposed_by": UUID(int=1), "confirmed_by": UUID(int=2)}
            made = {"valid_from": since, "document": "第 1 号", "created_at": work.now}
            work.connection.execute(insert(DiscountRate).values(**facts, **people, **made))
            return identity

        identity: UUID = self.scene.run(write, None, SYSTEM)
        return identity

    def face(self, community: int, value: int, since: dt.date) -> None:
        """Let a point of a community be worth so many ten-thousandths."""

        def write(work: Work, _command: object) -> Nothing:
            facts = {"community": community, "value": value, "valid_from": since}
            work.connection.execute(insert(FaceValue).values(**facts, set_by=SYSTEM.person))
            return Nothing()

        self.scene.run(write, None, SYSTEM)

    def order(self) -> Ordered:
        return self.scene.order(self.wang, self.item)

    def collect(self, order: UUID) -> None:
        code = self.scene.approve(order, self.clerk)
        self.scene.run(hand_over, HandOver(code=code), self.clerk)

    def collected(self) -> UUID:
        """An order that was made and picked up."""
        order = self.order().id
        self.collect(order)
        return order

    def counter(self) -> UUID:
        return self.scene.redeem(self.wang, self.item, self.clerk).id


@pytest.fixture
def market(scene: Scene, clock: Clock) -> Market:
    return Market(scene, clock)


def found(market: Market, *statements: str) -> set[str]:
    """What is broken, apart from this file's rates: nobody proposed those."""
    return seen(market.scene.app, *statements) - {"proposed rates"}


LADDER = (
    ("group", 0, 0, 8100),
    ("subdistricts", HERE_SUB, THERE_SUB, 8300),
    ("host", 0, THERE, 8400),
    ("home", HERE, 0, 8500),
    ("pair", HERE, THERE, 8600),
)


def test_orders_hold_at_the_rate_of_each_scope_and_after_its_end(market: Market) -> None:
    """Each narrower scope takes over at midnight, then each ends, and the next is back."""

    def together(work: Work, _command: object) -> Nothing:
        group = work.new_id()
        work.connection.execute(insert(Group).values(id=group, name="湖滨片区"))
        for community in (HERE, THERE):
            work.connection.execute(insert(GroupMember).values(community=community, group=group))
        return Nothing()

    market.scene.run(together, None, SYSTEM)
    ends = tuple((scope, home, host, None) for scope, home, host, _ in reversed(LADDER))
    rates = []
    for day, (scope, home, host, rate) in enumerate((*LADDER, *ends)):
        market.rate(scope, rate, TOMORROW + dt.timedelta(days=day), home, host)
    for _ in range(len(LADDER) * 2 + 1):
        rates += [
            market.scene.order_row(made).rate for made in (market.counter(), market.order().id)
        ]
        market.clock.advance(days=1)

    own = [8000, 8100, 8300, 8400, 8500, 8600, 8500, 8400, 8300, 8100, 8000]
    assert rates == [rate for rate in own for _ in range(2)]
    assert found(market) == set()


def test_orders_at_home_and_next_door_and_among_a_family_hold(market: Market, scene: Scene) -> None:
    market.face(THERE, 8765, dt.date(2026, 1, 1))
    market.face(HERE, 12_345, dt.date(2026, 11, 1))
    for policy in ("retire", "home_fund", "host"):
        scene.set_to("exchange.difference", policy)
        for step in ("1", "0.1", "0.01"):
            scene.set_to("exchange.round", step)
            market.collected()
            market.counter()
            market.clock.advance(days=1)
    clerk = scene.staff(NEXT_DOOR)
    scene.station(NEXT_DOOR, clerk)
    scene.redeem(market.wang, scene.item(NEXT_DOOR, clerk, stock=9, price=777), clerk)
    scene.redeem(scene.resident(THERE, points=90), market.item, market.clerk)
    family = Family(scene)
    order = family.order(market.item, (family.li, 3), (family.daughter, 2)).id
    family.agree(order, family.li)
    family.agree(order, family.daughter)
    market.collect(order)
    scene.take_back(market.collected(), THERE)

    assert found(market) == set()


@pytest.mark.parametrize("promised", [True, False])
def test_a_price_promised_before_midnight_holds_for_its_minutes_after_it(
    market: Market, *, promised: bool
) -> None:
    market.scene.set_to("exchange.quote_minutes", "30")
    market.rate("pair", 5000, TOMORROW, HERE, THERE)
    market.face(THERE, 20_000, dt.date(2026, 11, 25))
    market.clock.set(TOMORROW - dt.timedelta(minutes=1))
    token = market.scene.quote(market.wang, market.item).token
    market.clock.advance(minutes=29)
    order = market.scene.submit(market.wang, token).id

    assert market.scene.order_row(order).rate == 8000
    assert found(market) == set()
    if promised:
        later = "2026-11-24 16:31:00"
        moved = f"UPDATE orders SET submitted_at = '{later}' WHERE id = '{order.hex}'"
    else:
        moved = f"UPDATE orders SET channel = 'counter' WHERE id = '{order.hex}'"
    assert "rates in force" in found(market, moved)


def cheaper(rate: str, row: str = "rate_row") -> str:
    """Make the order at another rate, with all its own columns in keeping."""
    return f"""UPDATE orders SET rate = {rate}, rate_row = {row},
        exact = (price * 10000 + {rate} - 1) / {rate},
        cost = ((price * 10000 + {rate} - 1) / {rate} + 99) / 100 * 100"""


OTHER_RATES = ("another number", "a rate that was over", "one of another pair", "a wider one")


@pytest.mark.parametrize("which", OTHER_RATES)
def test_an_order_at_a_rate_that_did_not_hold_is_named(market: Market, which: str) -> None:
    week = dt.timedelta(days=7)
    rows = {
        "a rate that was over": market.rate("pair", 9900, YESTERDAY - week, HERE, THERE),
        "one of another pair": market.rate("pair", 9900, YESTERDAY, THERE, HERE),
        "a wider one": market.rate("host", 9900, YESTERDAY, 0, THERE),
    }
    market.rate("pair", 8600, YESTERDAY, HERE, THERE)
    order = market.order().id
    assert market.scene.order_row(order).rate == 8600
    assert found(market) == set()
    row = f"'{rows[which].hex}'" if which in rows else "rate_row"

    lied = found(market, cheaper("9900", row))
    assert lied == {"rates in force", "shares"}


def test_a_rate_that_was_changed_in_its_row_is_named_by_the_orders_made_at_it(
    market: Market,
) -> None:
    market.rate("pair", 8600, YESTERDAY, HERE, THERE)
    market.collected()

    assert found(market, "UPDATE discount_rates SET rate = 9900") == {"rates in force"}
    later = "UPDATE discount_rates SET valid_from = '2026-11-25 16:00:00' WHERE rate = 8600"
    assert found(market, later) == {"rates in force"}


@pytest.mark.parametrize("change", ["rate = 9000", "rate_row = {row}", "face_home = 9000"])
def test_an_order_at_home_that_is_not_one_for_one_is_named(
    market: Market, scene: Scene, change: str
) -> None:
    near = scene.resident(THERE, points=90)
    order = scene.order(near, market.item).id
    row = market.rate("pair", 9900, YESTERDAY, HERE, THERE)

    assert found(market) == set()
    change = change.replace("{row}", f"'{row.hex}'")
    named = found(market, f"UPDATE orders SET {change} WHERE id = '{order.hex}'")
    assert named & {"rates in force", "face values"}


@pytest.mark.parametrize(
    ("side", "value", "since"),
    [("face_home", 10_000, "2026-11-01"), ("face_host", 9_000, "2026-11-25")],
)
def test_an_order_at_a_face_value_that_did_not_hold_is_named(
    market: Market, side: str, value: int, since: str
) -> None:
    community = HERE if side == "face_home" else THERE
    market.face(community, 9_000, dt.date.fromisoformat(since))
    market.order()

    assert found(market) == set()
    other = f"UPDATE orders SET {side} = {value}"
    assert "face values" in found(market, other)


COLUMNS = {
    "a price that its lines do not come to": "UPDATE order_lines SET quantity = quantity + 1",
    "a cost above what the rate comes to": "UPDATE orders SET cost = cost + 100",
    "a cost that is no round figure": "UPDATE orders SET cost = cost - 3",
    "an exact price above": "UPDATE orders SET exact = exact + 1, cost = cost + 100",
    "a par above": "UPDATE orders SET par = par + 1",
    "a standard above": "UPDATE orders SET standard = standard + 1",
    "a standard below": "UPDATE orders SET standard = standard - 1",
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_an_order_that_differs_from_its_lines_and_terms_is_named(market: Market, kind: str) -> None:
    market.order()

    assert found(market) == set()
    assert "prices" in found(market, COLUMNS[kind])


LEGS = "source_kind = 'order' AND act <> 'reversal'"
POSTED = {
    "a standard of the home book": (
        f"UPDATE transfers SET standard = standard + 1 WHERE {LEGS} AND debit > 0 AND standard > 0"
    ),
    "both standards alike": (
        f"UPDATE transfers SET standard = standard - 5 WHERE {LEGS} AND standard > 0"
    ),
    "what the rate added passed for a price": (
        f"UPDATE transfers SET act = 'redemption' WHERE {LEGS} AND act = 'discount'"
    ),
    "what was rounded up passed for the rate's": (
        f"UPDATE transfers SET act = 'discount' WHERE {LEGS} AND act = 'rounding'"
    ),
}


@pytest.mark.parametrize("kind", POSTED)
def test_legs_that_are_not_the_orders_are_named(market: Market, kind: str) -> None:
    market.collected()

    assert found(market) == set()
    assert found(market, POSTED[kind]) == {"legs of orders"}


@pytest.mark.parametrize("change", ["+ 1", "- 1"])
def test_what_the_host_got_of_the_difference_is_what_the_rate_added(
    market: Market, change: str
) -> None:
    market.scene.set_to("exchange.difference", "host")
    market.collected()
    more = f"UPDATE transfers SET amount = amount {change} WHERE act = 'discount' AND debit < 0"

    assert found(market) == set()
    assert found(market, more) == {"legs of orders"}


def test_a_standard_in_one_community_alone_is_named(market: Market, scene: Scene) -> None:
    scene.redeem(scene.resident(THERE, points=90), market.item, market.clerk)
    made = f"UPDATE transfers SET standard = amount WHERE {LEGS}"

    assert found(market, made) == {"legs of orders"}


def test_a_transfer_that_names_another_rate_than_its_order_is_named(
    market: Market, app: Flask
) -> None:
    row = market.rate("pair", 8600, TOMORROW, HERE, THERE)
    market.collected()

    assert found(market, f"UPDATE transfers SET rate = '{row.hex}' WHERE {LEGS}") == {
        "rates of transfers"
    }
    forgot = f"UPDATE transfers SET rate = NULL WHERE {LEGS}"
    assert found(market, forgot) == {"rates of transfers"}
