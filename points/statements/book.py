"""A community's book over a period: what its residents hold, account by account, to the centipoint.

What residents hold together is the opposite of what the system accounts say. Openings and
closings come from folds and deltas, the movements between them from the transfers, read day by
day; where the two disagree, the book says so instead of hiding it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, select, union_all

from core.errors import N_, Rejected
from core.models import BusinessDay
from points.accounts import account_id
from points.ledger import AccountUnknown
from points.models import Account, AccountDelta, AccountFold, Transfer
from points.statements.sums import VERSION, Digest, Sums, streamed

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from points.statements.periods import Period, Subject

DAYS_MAX = 3_653


class BookStillOpen(Rejected):
    """A community's book is given out over closed days only: nothing is added to those."""

    text = N_("社区总账只出到已经结账的日子。请把截止日改到 {day} 或更早。")


class BookTooLong(Rejected):
    """A community's book is read ten years at a time."""

    text = N_("社区总账一次最多看十年。请把时间段分短一些。")


@dataclass(frozen=True, slots=True, kw_only=True)
class BookRow:
    """A system account over the period; what it was credited left the residents' hands."""

    account: int
    purpose: str
    counterpart: int
    opening: int
    credited: int
    debited: int
    closing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunityBook:
    """The sums over all residents, and the system accounts behind them."""

    sums: Sums
    rows: tuple[BookRow, ...]


def last_closed(connection: Connection, today: dt.date) -> dt.date:
    """Return the last day that is closed; before the first closing, yesterday."""
    found: dt.date | None = connection.scalar(select(func.max(BusinessDay.day)))
    return found or today - dt.timedelta(days=1)


def book_of(
    connection: Connection,
    subject: Subject,
    period: Period,
    today: dt.date,
    version: int = VERSION,
) -> CommunityBook:
    """Add up a community's period; raises AccountUnknown, BookStillOpen or BookTooLong."""
    known = select(Account.id).where(
        Account.id == account_id("issued", subject.community, subject.points_kind)
    )
    if connection.execute(known).first() is None:
        raise AccountUnknown
    closed = last_closed(connection, today)
    if period.last > closed:
        raise BookStillOpen(day=closed.isoformat())
    if (period.last - period.first).days >= DAYS_MAX:
        raise BookTooLong
    rows = _rows(connection, subject, period)
    moved = {row.account: [0, 0] for row in rows}
    opening = -sum(row.opening for row in rows)
    digest = Digest(subject, period, opening, version)
    added = taken = entries = 0
    for transfer in transfers(connection, subject, period):
        digest.transfer(transfer, subject.community, transfer.note or "")
        entries += 1
        moved.setdefault(transfer.credit, [0, 0])[0] += transfer.amount
        moved.setdefault(transfer.debit, [0, 0])[1] += transfer.amount
        added += transfer.amount * (transfer.credit > 0)
        taken += transfer.amount * (transfer.debit > 0)
    closing = opening + added - taken
    agrees = closing == -sum(row.closing for row in rows) and all(
        moved[row.account] == [row.credited, row.debited] for row in rows
    )
    sums = Sums(
        opening=opening,
        added=added,
        taken=taken,
        closing=closing,
        entries=entries,
        digest=digest.closed(closing),
        through=0,
        agrees=agrees,
    )
    return CommunityBook(sums=sums, rows=tuple(rows))


def transfers(connection: Connection, subject: Subject, period: Period) -> Iterator[Any]:
    """Return every transfer of the book, day by day, so that each is one reach into the index."""
    day = period.first
    while day <= period.last:
        query = (
            select(
                Transfer.id,
                Transfer.act,
                Transfer.debit,
                Transfer.credit,
                Transfer.amount,
                Transfer.day,
                Transfer.posted_at,
                Transfer.source_kind,
                Transfer.source_id,
                Transfer.note,
            )
            .where(
                Transfer.day == day,
                Transfer.community == subject.community,
                Transfer.points_kind == subject.points_kind,
            )
            .order_by(Transfer.id)
        )
        yield from streamed(connection, query)
        day += dt.timedelta(days=1)


def moved(rows: Sequence[BookRow]) -> list[BookRow]:
    """Return the accounts in which something moved, the clearing ones last."""
    found = [row for row in rows if row.credited or row.debited]
    return sorted(found, key=lambda row: row.purpose == "clearing")


def _rows(connection: Connection, subject: Subject, period: Period) -> list[BookRow]:
    """Return the system accounts that anything was posted to, in one statement and snapshot."""
    parts = union_all(
        *(
            select(each.account, each.day, each.credited, each.debited)
            for each in (AccountFold, AccountDelta)
        )
    ).subquery()
    net = parts.c.credited - parts.c.debited
    inside = parts.c.day >= period.first
    query = (
        select(
            Account.id,
            Account.purpose,
            Account.counterpart,
            func.sum(case((inside, 0), else_=net)).label("opening"),
            func.sum(case((inside, parts.c.credited), else_=0)).label("credited"),
            func.sum(case((inside, parts.c.debited), else_=0)).label("debited"),
        )
        .join(parts, parts.c.account == Account.id)
        .where(
            Account.community == subject.community,
            Account.points_kind == subject.points_kind,
            Account.purpose != "holder",
            parts.c.day <= period.last,
        )
        .group_by(Account.id, Account.purpose, Account.counterpart)
        .order_by(Account.purpose, Account.counterpart)
    )
    return [
        BookRow(
            account=row.id,
            purpose=row.purpose,
            counterpart=row.counterpart,
            opening=int(row.opening),
            credited=int(row.credited),
            debited=int(row.debited),
            closing=int(row.opening) + int(row.credited) - int(row.debited),
        )
        for row in connection.execute(query)
    ]
