"""The coming rush: what lapses at this year's end, by community and by resident."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select

from core.work import business_day
from points.expiring.lapsing import marked_year, year_end
from points.models import Account, AccountEnd, ExpiryMark, ExpiryRun

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select


def lapsing_at(marked: int, year: int, after: int = 0) -> Select[Any]:
    """Select each account of which something lapses when ``year`` ends: what is held does not.

    ``after`` is the account to go on from.
    """
    if marked == year:
        # The year has no marks yet: all that is there is of it or older.
        joined, mark = select(Account.id), Account.credited
    else:
        joined = select(Account.id).join(
            ExpiryMark,
            and_(
                ExpiryMark.account == Account.id,
                ExpiryMark.year == marked,
                # Said of both, or all marks up to there are read again for each chunk.
                ExpiryMark.account > after,
            ),
        )
        mark = ExpiryMark.credited
    amount = mark - Account.debited - Account.held
    return joined.add_columns(Account.holder_id, Account.community, amount.label("amount")).where(
        Account.id > after,
        Account.purpose == "holder",
        Account.points_kind == "service",
        amount > 0,
        ~select(AccountEnd.account).where(AccountEnd.account == Account.id).exists(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rush:
    """How many residents of a community lose how many centipoints on a day."""

    community: int
    day: dt.date
    residents: int
    amount: int


def rush(connection: Connection, now: dt.datetime, community: int | None = None) -> list[Rush]:
    """Return what lapses at this year's end, by community; all of them where none is named."""
    year = business_day(now).year
    marked = marked_year(connection, year, now)
    if marked is None:
        return []
    accounts = lapsing_at(marked, year)
    if community is not None:
        accounts = accounts.where(Account.community == community)
    due = accounts.subquery()
    rows = connection.execute(
        select(due.c.community, func.count().label("residents"), func.sum(due.c.amount))
        .group_by(due.c.community)
        .order_by(func.sum(due.c.amount).desc(), due.c.community),
    )
    return [
        Rush(community=row[0], day=year_end(year), residents=row[1], amount=int(row[2]))
        for row in rows
    ]


def losing(connection: Connection, now: dt.datetime, community: int) -> Select[Any] | None:
    """Select whose points of a community lapse at this year's end; None: nobody's.

    ``holder_id`` is the resident, ``amount`` what they lose, in centipoints.
    """
    year = business_day(now).year
    marked = marked_year(connection, year, now)
    if marked is None:
        return None
    return lapsing_at(marked, year).where(Account.community == community)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """What the newest run of expiry did."""

    day: dt.date
    accounts: int
    amount: int
    finished: bool


def last_run(connection: Connection) -> LastRun | None:
    """Return the newest run in which anything lapsed, or that still goes on."""
    row = connection.execute(
        select(ExpiryRun.__table__)
        .where(
            ExpiryRun.stage == "lapse",
            (ExpiryRun.accounts > 0) | ExpiryRun.finished_at.is_(None),
        )
        .order_by(ExpiryRun.day.desc())
        .limit(1),
    ).first()
    if row is None:
        return None
    return LastRun(
        day=row.day,
        accounts=row.accounts,
        amount=row.amount,
        finished=row.finished_at is not None,
    )
