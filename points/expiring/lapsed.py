"""What of an award lapsed before it was taken back: nobody loses the same points twice.

Had the award never been, each run since its year would have let less lapse: as much less as the
award and what the run took allow, the oldest run first. What was carried into another account
lapses there. Earlier claw-backs of whatever led to the same place have used their share of the
runs already, so they are told again, in their order, before the new one asks what is left.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, select
from sqlalchemy.orm import aliased

from core.directory import directory, places_of
from points.ledger import lock_accounts
from points.models import Account, Adjustment, ExpiryRun, Transfer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from core.work import Work

ALL_YEARS = 9999
"""The year that a whole account's end counts as: it takes whatever there is."""

EVER = dt.datetime.min.replace(tzinfo=dt.UTC)

_gave, _came = aliased(Transfer), aliased(Transfer)


@dataclass(slots=True)
class _Run:
    """What lapsed of an account at once, and of which years' points; ``left``: not taken back."""

    marked: int
    at: dt.datetime
    left: int


@dataclass(frozen=True, slots=True)
class _Way:
    """An account that its holder went on to; ``ours`` here are worth ``theirs`` there."""

    account: int
    #: When they came: what lapsed before was not of what they brought.
    since: dt.datetime = EVER
    ours: int = 1
    theirs: int = 1


class _Lapses(defaultdict[int, list[_Run]]):
    """The runs of each account that is asked about."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.connection = connection

    def __missing__(self, account: int) -> list[_Run]:
        self[account] = _runs(self.connection, account)
        return self[account]

    def take(self, ways: Iterable[_Way], year: int, amount: int) -> int:
        """Use up what runs took of a year, the oldest first; return how much it was."""
        left = amount
        for way in ways:
            for run in self[way.account]:
                if run.marked >= year and run.at > way.since:
                    part = min(left, run.left * way.ours // way.theirs)
                    run.left -= -(-part * way.theirs // way.ours)
                    left -= part
        return amount - left


def lock_ways(work: Work, account: int) -> None:
    """Lock an account and those that its points were carried to.

    Of two who take back at once, one knows what the other has used.
    """
    lock_accounts(work, *(way.account for way in _ways(work.connection, account)))


def lapsed_of(connection: Connection, account: int, year: int, amount: int) -> int:
    """Return how much lapsed of what arrived on an account in a year, at most ``amount``."""
    ways = _ways(connection, account)
    lapses = _Lapses(connection)
    if not any(lapses[way.account] for way in ways):
        return 0
    for row in _earlier(connection, _family(connection, account)):
        lapses.take(_ways(connection, row.account), row.day.year, row.lapsed)
    return lapses.take(ways, year, amount)


def _ways(connection: Connection, account: int) -> list[_Way]:
    """Return the account, and those that its holder went on to, with points or without."""
    holder = _holder(connection, account)
    went = directory().following(connection, holder)
    former = directory().former(connection, went[-1]) if went else []
    left = {place.resident: place.ended_at for place in former}
    ways = [_Way(account)]
    for before, place in pairwise([holder, *went]):
        ways.append(_on_to(connection, ways, place, left.get(before, EVER)))
    return ways


def _on_to(connection: Connection, ways: list[_Way], place: UUID, since: dt.datetime) -> _Way:
    """Return the account of the next place; where nothing was carried to, it is one for one."""
    before = {way.account: way for way in ways}
    kind = select(Account.points_kind).where(Account.id == ways[0].account)
    account = connection.scalars(
        select(Account.id).where(
            Account.purpose == "holder",
            Account.holder_id == place,
            Account.points_kind == kind.scalar_subquery(),
        )
    ).one()
    row = connection.execute(
        select(_gave.debit, _gave.amount.label("ours"), _came.amount.label("theirs"))
        .join(_came, and_(_came.journal == _gave.journal, _came.credit == account))
        .where(_gave.debit.in_(before), _gave.debit > 0, _gave.act == "moving")
        .order_by(_gave.amount.desc(), _came.amount.desc())
        .limit(1)
    ).first()
    if row is None:
        return _Way(account, since, ways[-1].ours, ways[-1].theirs)
    way = before[row.debit]
    return _Way(account, since, way.ours * row.ours, way.theirs * row.theirs)


def _family(connection: Connection, account: int) -> list[UUID]:
    """Return the place that an account's points are at now, and all that led to it."""
    holder = _holder(connection, account)
    last = [holder, *directory().following(connection, holder)][-1]
    return places_of(connection, last)


def _holder(connection: Connection, account: int) -> UUID:
    query = select(Account.holder_id).where(Account.id == account)
    return connection.scalars(query).one()


def _runs(connection: Connection, account: int) -> list[_Run]:
    marked = case((ExpiryRun.id.is_(None), ALL_YEARS), else_=ExpiryRun.marked)
    query = (
        select(marked, Transfer.posted_at, Transfer.amount)
        .outerjoin(ExpiryRun, ExpiryRun.id == Transfer.source_id)
        .where(Transfer.debit == account, Transfer.act == "expiry")
        .order_by(Transfer.debit_version)
    )
    return [_Run(*row) for row in connection.execute(query)]


def _earlier(connection: Connection, holders: list[UUID]) -> list[Row[Any]]:
    """Return the accounts, days and amounts of claw-backs that found something lapsed, in order."""
    query = (
        select(Adjustment.account, Transfer.day, Adjustment.lapsed)
        .join(Account, Account.id == Adjustment.account)
        .join(
            Transfer,
            and_(Transfer.id == Adjustment.original, Transfer.credit == Adjustment.account),
        )
        .where(Account.holder_id.in_(holders), Adjustment.lapsed > 0)
        .order_by(Adjustment.closed_at, Adjustment.id)
    )
    return list(connection.execute(query))
