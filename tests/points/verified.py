"""Books in which everything has happened once, and what ``flask verify`` says of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Flask

from core.db import db
from core.work import Work
from points import closing, holds, ledger, reversal
from points.accounts import account_id, clearing, resident_account
from points.earning import awards
from points.proof import sealing, verify
from points.proof.checks import Check
from points.settlement import settle_due
from tests.conftest import Clock
from tests.points.books import (
    HERE,
    NEIGHBOUR,
    PURSE,
    REDEEMED,
    RESIDENT,
    THERE,
    WALLET,
    Nothing,
    spending,
)
from tests.points.earning import CORRIDOR, HOUR, HOUSEHOLD, JOIN, give, holders

Run = Callable[..., Any]
BASIC = resident_account(RESIDENT, HERE, "basic")
ELSEWHERE = clearing(HERE, THERE)
AWARD = "(SELECT id FROM awards WHERE cause = 'home 1')"
CROSS = "(SELECT id FROM awards WHERE cause = 'there 1')"


def flask_verify(app: Flask) -> tuple[int, str]:
    answer = app.test_cli_runner().invoke(args=["verify"])
    return answer.exit_code, answer.output


def happened(app: Flask, run: Run, clock: Clock) -> None:
    """Let everything happen once, over three days; nothing is spent for an order that there is."""
    run(holders, None)
    rule = replace(HOUR, cap_per_day=None)
    for day in range(3):
        give(run, f"home {day}", rule=rule, units=4)
        give(run, f"there {day}", rule=rule, units=6, bearing=THERE, face_bearing=8_000)
        give(run, f"basic {day}", rule=JOIN, units=1, event_at=clock.now)
        give(run, f"next door {day}", rule=rule, units=2, holder_id=NEIGHBOUR)
        clock.advance(days=1)
        with app.app_context():
            closing.close_days()
            sealing.seal_days()
            settle_due()
            if day < 2:
                closing.fold_deltas()
    give(run, "house", rule=CORRIDOR, units=1, holder_kind="household", holder_id=HOUSEHOLD)
    give(run, "held back", rule=rule, units=2, needs_second=True)
    run(awards.void_award, give(run, "void", rule=rule, units=2).id)
    run(spend, 31)
    run(reversal.reverse, back(311, 41))
    run(reversal.reverse, back(319, 42))
    run(keep_holds, None)


def spend(work: Work, number: int) -> Nothing:
    """Spend 7 points elsewhere, by three legs."""
    parts = (
        ("redemption", ELSEWHERE, 500, 500),
        ("discount", account_id("retired", HERE, "service"), 150, None),
        ("rounding", account_id("rounding", HERE, "service"), 50, None),
    )
    legs = [
        ledger.Leg(
            id=UUID(int=10 * number + index),
            act=act,
            credit=credit,
            amount=amount,
            standard=standard,
        )
        for index, (act, credit, amount, standard) in enumerate(parts, 1)
    ]
    ledger.spend(work, spending(number), legs)
    host = ledger.Posting(
        id=UUID(int=10 * number + 9),
        act="redemption",
        points_kind="service",
        community=THERE,
        debit=clearing(THERE, HERE),
        credit=account_id("redeemed", THERE, "service"),
        amount=500,
        event_at=work.now,
        source_kind="order",
        source_id=UUID(int=number),
        standard=500,
    )
    ledger.post(work, host)
    return Nothing()


def back(original: int, identity: int) -> reversal.Reverse:
    return reversal.Reverse(
        original=UUID(int=original),
        id=UUID(int=identity),
        note="退回",
        source_kind="order",
        source_id=UUID(int=77),
    )


def keep_holds(work: Work, _command: None) -> Nothing:
    """Leave one hold open, capture one in part, release one."""
    for number in (51, 52, 53):
        command = holds.OpenHold(
            id=UUID(int=number),
            account=PURSE if number == 51 else WALLET,
            amount=300,
            reason="抽纸",
            source_kind="test",
            source_id=UUID(int=number),
        )
        holds.hold(work, command)
    leg = ledger.Leg(id=UUID(int=61), act="redemption", credit=REDEEMED, amount=200)
    holds.capture(work, UUID(int=52), spending(6), [leg])
    holds.release(work, UUID(int=53))
    return Nothing()


def damaged(app: Flask, *statements: str, checks: Sequence[Check] = verify.CHECKS) -> set[str]:
    """What is broken after some raw statements, which are taken back again."""
    with (
        app.app_context(),
        db.engine.connect().execution_options(writes=True) as connection,
        connection.begin() as transaction,
    ):
        for statement in statements:
            assert connection.exec_driver_sql(statement).rowcount >= 1, statement
        found = {broken.name for broken in verify.broken(connection, checks)}
        transaction.rollback()
    return found
