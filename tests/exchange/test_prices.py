"""What an order costs: integers only, rounded once, and never to anybody's gain."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.prices import PAR, price_of, standard_of
from points.accounts import FACE_ONE

RATES = (1, 7, 100, 333, 1000, 2500, 3333, 5000, 6667, 7000, 7500, 8000, 8001, 9000, 9999, PAR)
STEPS = (1, 10, 100)


def test_the_figures_of_the_design() -> None:
    assert price_of(2000, FACE_ONE, FACE_ONE, 8000, 100).cost == 2500
    assert price_of(4500, FACE_ONE, FACE_ONE, 8000, 100).cost == 5700  # 56.25 rounded up once
    assert price_of(3000, FACE_ONE, FACE_ONE, 8000, 100).cost == 3800  # 37.5
    assert price_of(2000, FACE_ONE, FACE_ONE, 9000, 100).cost == 2300


@pytest.mark.parametrize("step", STEPS)
def test_every_rate_and_price_costs_at_least_what_it_is_worth(step: int) -> None:
    for rate in RATES:
        for price in range(1, 5001, 7):
            found = price_of(price, FACE_ONE, FACE_ONE, rate, step)
            exact = Fraction(price * PAR, rate)
            assert found.par == price
            assert found.cost >= found.exact >= found.par
            assert exact <= found.exact < exact + 1
            assert found.cost - found.exact < step
            assert found.cost % step == 0 or rate == PAR


def test_at_par_nothing_rounds() -> None:
    for price in (1, 99, 101, 1250, 4999):
        found = price_of(price, FACE_ONE, FACE_ONE, PAR, 100)
        assert (found.par, found.exact, found.cost) == (price, price, price)


@given(
    price=st.integers(1, 10_000),
    rate=st.integers(1, PAR),
    home=st.integers(5000, 20_000),
    host=st.integers(5000, 20_000),
    step=st.sampled_from(STEPS),
)
def test_no_face_value_lets_anybody_pay_less_than_the_thing_is_worth(
    price: int, rate: int, home: int, host: int, step: int
) -> None:
    found = price_of(price, home, host, rate, step)

    assert found.cost >= found.exact >= found.par
    # In standard points, what leaves the payer covers what the host gives.
    assert found.par * home >= price * host
    assert standard_of(price, host) * FACE_ONE >= price * host


@given(
    price=st.integers(1, 5_000),
    out=st.integers(1, PAR),
    back=st.integers(1, PAR),
    step=st.sampled_from(STEPS),
)
def test_a_chain_of_orders_never_gains(price: int, out: int, back: int, step: int) -> None:
    """Whoever buys there and could sell for its price and buy back here never has more."""
    there = price_of(price, FACE_ONE, FACE_ONE, out, step).cost
    here_again = price_of(there, FACE_ONE, FACE_ONE, back, step).cost

    assert price <= there <= here_again


@given(prices=st.lists(st.integers(1, 3000), min_size=2, max_size=8), rate=st.integers(1, PAR))
def test_one_basket_costs_no_more_than_its_parts_in_any_order(prices: list[int], rate: int) -> None:
    together = price_of(sum(prices), FACE_ONE, FACE_ONE, rate, 100).cost
    apart = sum(price_of(price, FACE_ONE, FACE_ONE, rate, 100).cost for price in prices)

    assert together <= apart
