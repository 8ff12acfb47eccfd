"""A week of books in two communities, closed and sealed, with every kind of final row in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import Connection, select, text

from core.work import Work, business_day
from points import closing, holds, ledger
from points.accounts import account_id
from points.earning import awards
from points.models import Account, Award, Hold, Transfer
from points.proof import sealing
from points.settlement import settle_due
from tests.conftest import Clock, Stage
from tests.points.books import (
    HERE,
    NEIGHBOUR,
    PURSE,
    REDEEMED,
    THERE,
    WALLET,
    Nothing,
    decided,
    posting,
)
from tests.points.books import spending as spent
from tests.points.earning import HOUR, holders, many, serving

Run = Callable[..., Any]
DAYS = 7
ADJUSTED = account_id("adjusted", HERE, "service")
RULE = replace(HOUR, cap_per_day=None, cap_per_month=None, cap_per_year=None)


@dataclass(frozen=True, slots=True)
class FinalRow:
    """A final row: which table, which id, whose block of which day."""

    table: str
    id: UUID
    community: int
    day: dt.date


def a_week(app: Flask, run: Run, clock: Clock, each: int = 3) -> None:
    """Live a week: awards settle and are taken back, holds are captured in part and released."""
    run(holders, None)
    for day in range(DAYS):
        run(a_day, (day, each))
        run(void, day)
        with app.app_context():
            clock.advance(days=1)
            closing.close_days()
            sealing.seal_days()
            settle_due()
    with app.app_context():
        clock.advance(days=1)
        closing.close_days()
        sealing.seal_days()


def kept_week(stage: Stage, run: Run, each: int) -> None:
    """Stand at the end of such a week, which is lived once for each kind of database."""
    stage.live(f"week_{each}", lambda: a_week(stage.app, run, stage.clock, each))


def a_day(work: Work, command: tuple[int, int]) -> Nothing:
    """Award here and elsewhere, post, hold, capture half, release."""
    day, each = command
    now = work.now
    for number in range(each):
        here = serving(f"home {day} {number}", rule=RULE, event_at=now)
        next_door = serving(
            f"next door {day} {number}", rule=RULE, holder_id=NEIGHBOUR, event_at=now
        )
        there = serving(
            f"there {day} {number}", rule=RULE, bearing=THERE, face_bearing=8_000, event_at=now
        )
        many(work, [here, next_door, there])
    many(work, [serving(f"void {day}", rule=RULE, event_at=now)])
    base = 10_000 * (day + 1)
    decided(work, posting(base, ADJUSTED, WALLET, 5_000, "adjustment"))
    decided(work, posting(base + 1, ADJUSTED, PURSE, 5_000, "adjustment"))
    for number in range(each):
        _hold(work, base + 100 + number)
        _hold(work, base + 200 + number)
        leg = ledger.Leg(
            id=UUID(int=base + 300 + number), act="redemption", credit=REDEEMED, amount=100
        )
        holds.capture(work, UUID(int=base + 100 + number), spent(base + number), [leg])
        holds.release(work, UUID(int=base + 200 + number))
    if each:
        _hold(work, base + 400)
    return Nothing()


def _hold(work: Work, number: int) -> None:
    identity = UUID(int=number)
    holds.hold(
        work,
        holds.OpenHold(
            id=identity,
            account=WALLET,
            amount=200,
            reason="抽纸",
            source_kind="test",
            source_id=identity,
        ),
    )


def void(work: Work, day: int) -> Nothing:
    """Take the day's last award back before it settles."""
    found = work.connection.scalar(
        text("SELECT id FROM awards WHERE cause = :cause"), {"cause": f"void {day}"}
    )
    awards.void_award(work, UUID(str(found)))
    return Nothing()


def final_rows(connection: Connection) -> list[FinalRow]:
    """Every row that is sealed, read from the tables' own columns."""
    last = sealing.last_sealed(connection)
    assert last is not None
    community = {
        row.id: row.community for row in connection.execute(select(Account.id, Account.community))
    }
    found = [
        FinalRow("transfers", row.id, row.community, row.day)
        for row in connection.execute(select(Transfer.id, Transfer.community, Transfer.day))
    ]
    found += [
        FinalRow("awards", row.id, row.community, business_day(row.done_at or row.void_at))
        for row in connection.execute(select(Award.__table__).where(Award.state != "pending"))
    ]
    found += [
        FinalRow("holds", row.id, community[row.account], business_day(row.closed_at))
        for row in connection.execute(select(Hold.__table__).where(Hold.state != "open"))
    ]
    return sorted(
        (row for row in found if row.day <= last), key=lambda row: (row.day, row.id, row.table)
    )
