"""Rates that two admins change together: one holds since two weeks, one waits for the second."""

from __future__ import annotations

import datetime as dt
from functools import partial

from admin.demo.settling import admins
from admin.demo.town import HOME, NEIGHBOUR, Builder
from core.work import SHANGHAI
from exchange.rates import ConfirmRate, ProposeRate, confirm_rate, propose_rate

PROPOSED, CONFIRMED = dt.timedelta(days=26), dt.timedelta(days=21)
NOTICE = dt.timedelta(days=8)
HERE, THERE = HOME // 1000 * 1000, NEIGHBOUR // 1000 * 1000


def plan_rates(builder: Builder, awake: dt.datetime) -> None:
    """Put on the agenda a change that two admins make, and one that waits for the other."""
    first, second = admins()
    holds = _proposal("demo:holds", THERE, HERE, 8500, awake - CONFIRMED, "第 16 号")
    waits = _proposal("demo:rate", HERE, THERE, 9000, awake, "第 18 号")

    def agree() -> None:
        done = builder.do(propose_rate, holds, second)
        yes = partial(builder.do, confirm_rate, ConfirmRate(proposal=done.id), first)
        builder.plan(awake - CONFIRMED, yes)

    builder.plan(awake - PROPOSED, agree)
    builder.plan(awake - dt.timedelta(minutes=20), partial(builder.do, propose_rate, waits, first))


def _proposal(
    key: str, home: int, host: int, rate: int, known: dt.datetime, number: str
) -> ProposeRate:
    return ProposeRate(
        key=key,
        scope="subdistricts",
        home=home,
        host=host,
        rate=rate,
        valid_from=(known + NOTICE).astimezone(SHANGHAI).date(),
        document=f"上社建 {known.year} 年{number}",
    )
