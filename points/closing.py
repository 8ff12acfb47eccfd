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
from points.models import Account, AccountDelta, Hold

if TYPE_CHECKING:
    from core.work import Work

LAPSES = 500
STILL_OPEN = dt.timedelta(seconds=2 * WORK_SECONDS_MAX)
"""What began before midnight may commit until then; twice, for clocks that differ."""

MARKED = 5_000
"""Accounts of one transaction of year marks, as in a run of expiry."""

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


# The new year may be minutes old when the old one is closed: what it brought does not count.
MARKS = text(
    "INSERT INTO expiry_marks (account, year, credited)"
    " SELECT accounts.id, :v_year, accounts.credited - coalesce(since.amount, 0) FROM accounts"
    " LEFT JOIN (SELECT credit, sum(amount) AS amount FROM transfers WHERE day > :v_day"
    " AND credit > :v_upto AND credit <= :v_bound AND act <> 'reversal' GROUP BY credit) AS since"
    " ON since.credit = accounts.id WHERE accounts.purpose = 'holder'"
    " AND accounts.points_kind = 'service' AND accounts.credited > 0"
    " AND accounts.id > :v_upto AND accounts.id <= :v_bound"
    " ON CONFLICT (account, year) DO NOTHING",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkYear:
    """Mark what the next accounts had got when the year ended whose last day is over."""

    day: dt.date
    #: The last account that is marked.
    upto: int = 0
    chunk: int = MARKED


@dataclass(frozen=True, slots=True, kw_only=True)
class YearMarked:
    """How far it came; ``finished``: there was nothing left to be marked."""

    upto: int
    finished: bool


def mark_year(work: Work, command: MarkYear) -> YearMarked:
    """Mark a chunk of accounts before their year is closed; whoever begins anew changes nothing.

    Raises DayNotOver.
    """
    _refuse_early(work, command.day)
    bound = _mark(work, command)
    if bound is None:
        work.replayed()
        return YearMarked(upto=command.upto, finished=True)
    return YearMarked(upto=bound, finished=False)


def _mark(work: Work, command: MarkYear) -> int | None:
    """Write the marks of a chunk; return its last account, None where there is none."""
    following = (
        select(Account.id)
        .where(
            Account.purpose == "holder",
            Account.points_kind == "service",
            Account.credited > 0,
            Account.id > command.upto,
        )
        .order_by(Account.id)
        .limit(command.chunk)
        .subquery()
    )
    bound: int | None = work.connection.scalar(select(func.max(following.c.id)))
    if bound is not None:
        day = command.day
        values = work.bind(v_year=day.year, v_day=day, v_upto=command.upto, v_bound=bound)
        work.connection.execute(MARKS, values)
    return bound


def _refuse_early(work: Work, day: dt.date) -> None:
    if day >= business_day(work.now - STILL_OPEN):
        raise DayNotOver


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseDay:
    """Close one business day; of a year's last one, the accounts up to here have their marks."""

    day: dt.date
    marked: int = 0


def close_day(work: Work, command: CloseDay) -> Done:
    """Close a day: nothing is posted into it any more. The last day of a year leaves its marks.

    Closing twice changes nothing. Raises DayNotOver, also in the first two minutes after it.
    """
    _refuse_early(work, command.day)
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
    upto: int | None = command.marked
    while is_years_last(command.day) and upto is not None:
        upto = _mark(work, MarkYear(day=command.day, upto=upto))
    return Done(rows=1)


def is_years_last(day: dt.date) -> bool:
    """Whether a year ends with this day."""
    return (day.month, day.day) == (LAST_MONTH, LAST_DAY)


def close_days() -> int:
    """Close every day that is over and not yet closed, in order; returns how many."""
    today = business_day(present() - STILL_OPEN)
    with reading() as connection:
        last = connection.scalar(select(func.max(BusinessDay.day)))
    day = last + dt.timedelta(days=1) if last else today - dt.timedelta(days=1)
    closed = 0
    while day < today:
        marked = _mark_all(day) if is_years_last(day) else 0
        closed += transact(close_day, CloseDay(day=day, marked=marked)).rows
        day += dt.timedelta(days=1)
    return closed


def _mark_all(day: dt.date) -> int:
    """Mark a year's accounts chunk by chunk; return the last of them."""
    done = YearMarked(upto=0, finished=False)
    while not done.finished:
        done = transact(mark_year, MarkYear(day=day, upto=done.upto))
    return done.upto


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
