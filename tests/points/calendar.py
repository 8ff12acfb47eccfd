"""Moments in Hangzhou, and nights in which days are closed and points lapse."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import Connection, select, text

from core import settings
from core.acts import SYSTEM
from core.models import SettingValue
from core.work import SHANGHAI, Work, reading, transact
from points import closing, holds
from points.expiring.expiry import CHUNK, expire_points
from points.expiring.lapsing import Lapsing, lapsing, month_end
from points.models import Account
from points.proof import sealing
from points.proof.verify import broken
from tests.conftest import Clock
from tests.points.books import HERE, WALLET, Nothing, open_resident

Run = Callable[..., Any]


def hangzhou(
    year: int, month: int, day: int, hour: int = 10, minute: int = 0, second: int = 0
) -> dt.datetime:
    """A moment in Hangzhou."""
    return dt.datetime(year, month, day, hour, minute, second, tzinfo=SHANGHAI)


def close(app: Flask, clock: Clock, day: dt.date, at: dt.datetime | None = None) -> None:
    """Close one day half an hour after it, or at a moment; the clock stays there."""
    after = day + dt.timedelta(days=1)
    clock.set(at or hangzhou(after.year, after.month, after.day, 0, 30))
    with app.app_context():
        transact(closing.close_day, closing.CloseDay(day=day))


def night(app: Flask, clock: Clock, year: int, month: int = 12, *, chunk: int = CHUNK) -> int:
    """Close the last day of a month, and let lapse what is due; returns of how many accounts."""
    close(app, clock, month_end(dt.date(year, month, 1)))
    clock.advance(minutes=30)
    with app.app_context():
        return expire_points(chunk)


def policy(work: Work, value: str) -> Nothing:
    """Let the district have this policy from now on."""
    row = SettingValue(
        key="points.expiry.service",
        place=0,
        valid_from=work.now,
        value=value,
        set_by=SYSTEM.person,
    )
    work.session.add(row)
    work.after_commit.append(settings.forget)
    return Nothing()


def set_aside(run: Run, identity: int, amount: int, account: int = WALLET) -> None:
    """Hold service points of an account."""
    command = holds.OpenHold(
        id=UUID(int=identity),
        account=account,
        amount=amount,
        reason="抽纸",
        source_kind="order",
        source_id=UUID(int=identity),
    )
    run(holds.hold, command)


def give_back(run: Run, identity: int) -> None:
    """Release a hold."""
    run(lambda work, hold: Nothing() if holds.release(work, hold) else None, UUID(int=identity))


def left(connection: Connection, account: int = WALLET) -> int:
    """What an account has that can be spent."""
    free = Account.credited - Account.debited - Account.held
    return int(connection.execute(select(free).where(Account.id == account)).scalar_one())


def ends(connection: Connection, now: dt.datetime, account: int = WALLET) -> Lapsing:
    """What of an account lapses when."""
    row = connection.execute(select(Account.__table__).where(Account.id == account)).one()
    return lapsing(connection, account, row.credited, row.debited + row.held, now)


def lapsed(connection: Connection, account: int = WALLET) -> list[int]:
    """The amounts that have lapsed of an account, in order."""
    query = "SELECT amount FROM transfers WHERE act = 'expiry' AND debit = :account ORDER BY day"
    return [int(row.amount) for row in connection.execute(text(query), {"account": account})]


def holds_true(app: Flask, *but: str) -> None:
    """The books have to hold, but for what a scene does by hand."""
    with app.app_context():
        sealing.seal_days()
    with app.app_context(), reading() as connection:
        assert [found.name for found in broken(connection) if found.name not in but] == []


def many(work: Work, residents: list[UUID]) -> Nothing:
    """Open the accounts of residents here."""
    for resident in residents:
        open_resident(work, resident, HERE)
    return Nothing()
