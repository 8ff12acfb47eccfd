"""What an order costs: integers only, rounded once (details.md 6). Amounts are centipoints."""

from __future__ import annotations

from dataclasses import dataclass

from exchange.models import RATE_MAX
from points.accounts import FACE_ONE

PAR = RATE_MAX
ROUND_STEPS = {"1": 100, "0.1": 10, "0.01": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """P, E and C of details.md 6 in the resident's centipoints: ``cost >= exact >= par``."""

    par: int
    exact: int
    cost: int


def ceiling(numerator: int, denominator: int) -> int:
    """Divide and round up."""
    return -(-numerator // denominator)


def price_of(price: int, face_home: int, face_host: int, rate: int, round_to: int) -> Cost:
    """Return what a resident pays for something at the host's price.

    ``rate`` in basis points, faces in ten-thousandths of a standard point, ``round_to`` in
    centipoints. Each step rounds up, so that no chain of orders can gain; at par nothing rounds.
    """
    par = ceiling(price * face_host, face_home)
    if rate == PAR:
        return Cost(par=par, exact=par, cost=par)
    exact = ceiling(price * face_host * PAR, face_home * rate)
    return Cost(par=par, exact=exact, cost=ceiling(exact, round_to) * round_to)


def standard_of(amount: int, face: int) -> int:
    """Return hundredths of a district standard point for an amount in a community's points."""
    return ceiling(amount * face, FACE_ONE)
