"""Closing: deltas are folded, business days closed, year marks written, lapsed holds released."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects import postgresql, sqlite

from core.errors import N_, Rejected
from core.models import BusinessDay
from core.work import WORK_SECONDS_MAX, business_day, present, reading, transact
from points.holds import release
from points.models import AccountDelta, Hold

if TYPE_CHECKING:
    from core.work import Work

LAPSES = 500
STILL_OPEN = dt.timedelta(seconds=2 * WORK_SECONDS_MAX)
"""What began before midnight may commit until then; twice, for clocks that differ."""

LAST_MONTH = 12
LAST_DAY = 31


class DayNotOver(Rejected):
    """Only a day that is over can be closed."""

    text = N_("这一天还没有过完，不能结账。请明天再来。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Move deltas into folds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How many rows it touched."""

    rows: int


FOLD = text(
    "INSERT INTO account_folds (account, day, credited, debited, standard)"
    " SELECT account, day, sum(credited), sum(debited), sum(standard) FROM account_deltas"
    " WHERE true GROUP BY account, day ON CONFLICT (account, day) DO UPDATE SET"
    " credited = account_folds.credited + excluded.credited,"
    " debited = account_folds.debited + excluded.debited,"
    " standard = account_folds.standard + excluded.standard",
)


def fold(work: Work, _command: Fold) -> Done:
    """Move every delta that this snapshot sees into its fold; balances do not change.

    Both statements look at one snapshot: REPEATABLE READ on PostgreSQL, the only writer on
    SQLite; a delta that is written meanwhile stays for the next time.
    """
    work.replayed()
    if not work.is_sqlite:
        work.connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        # Of several that fold, each takes its snapshot when the one before has committed.
        work.connection.execute(text("LOCK TABLE account_folds IN SHARE ROW EXCLUSIVE MODE"))
    rows = work.connection.scalar(select(func.count()).select_from(AccountDelta)) or 0
    if rows:
        work.connection.execute(FOLD)
        work.connection.execute(delete(AccountDelta))
    return Done(rows=rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseDay:
    """Close one business day."""

    day: dt.date


# The new year may be minutes old when the old one is closed: what it brought does not count.
MARKS = text(
    "INSERT INTO expiry_marks (account, year, credited)"
    " SELECT accounts.id, :v_year, accounts.credited - coalesce(since.amount, 0) FROM accounts"
    " LEFT JOIN (SELECT credit, sum(amount) AS amount FROM transfers WHERE day > :v_day"
    " AND credit > 0 AND act <> 'reversal' GROUP BY credit) AS since ON since.credit = accounts.id"
    " WHERE accounts.purpose = 'holder' AND accounts.points_kind = 'service'"
    " AND accounts.credited > 0 ON CONFLICT (account, year) DO NOTHING",
)


def close_day(work: Work, command: CloseDay) -> Done:
    """Close a day: nothing is posted into it any more. The last day of a year leaves its marks.

    Closing twice changes nothing. Raises DayNotOver, also in the first two minutes after it.
    """
    if command.day >= business_day(work.now - STILL_OPEN):
        raise DayNotOver
    insert = sqlite.insert if work.is_sqlite else postgresql.insert
    made = work.connection.execute(
        insert(BusinessDay)
        .values(day=command.day, closed_at=work.now)
        .on_conflict_do_nothing(index_elements=["day"])
        .returning(BusinessDay.day),
    ).first()
    if made is None:
        work.replayed()
        return Done(rows=0)
    if (command.day.month, command.day.day) == (LAST_MONTH, LAST_DAY):
        if not work.is_sqlite:
            # A mark for every account of the district takes longer than a page may.
            work.connection.execute(text("SET LOCAL statement_timeout = '55s'"))
        values = work.bind(v_year=command.day.year, v_day=command.day)
        work.connection.execute(MARKS, values)
    return Done(rows=1)


def close_days() -> int:
    """Close every day that is over and not yet closed, in order; returns how many."""
    today = business_day(present() - STILL_OPEN)
    with reading() as connection:
        last = connection.scalar(select(func.max(BusinessDay.day)))
    day = last + dt.timedelta(days=1) if last else today - dt.timedelta(days=1)
    closed = 0
    while day < today:
        closed += transact(close_day, CloseDay(day=day)).rows
        day += dt.timedelta(days=1)
    return closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse:
    """Release holds whose time is over."""


def lapse_holds(work: Work, _command: Lapse) -> Done:
    """Release a number of holds past their time, in account order."""
    due = work.connection.scalars(
        select(Hold.id)
        .where(Hold.state == "open", Hold.lapse_at <= work.now)
        .order_by(Hold.account, Hold.id)
        .limit(LAPSES),
    ).all()
    released = sum(release(work, identity, lapsed=True) for identity in due)
    if not released:
        work.replayed()
    return Done(rows=released)


def fold_deltas() -> int:
    """Fold what there is; returns how many deltas."""
    return transact(fold, Fold()).rows


def lapse_due() -> int:
    """Release all holds past their time; returns how many."""
    total = 0
    while released := transact(lapse_holds, Lapse()).rows:
        total += released
    return total
