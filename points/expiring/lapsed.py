"""What of an award lapsed before it was taken back: nobody loses the same points twice.

Had the award never been, each run since its year would have let less lapse: as much less as the
award and what the run took allow, the oldest run first. Earlier claw-backs of the account have
used their share of the runs already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, select

from points.models import Adjustment, ExpiryRun, Transfer

if TYPE_CHECKING:
    from sqlalchemy import Connection

ALL_YEARS = 9999
"""The year that a whole account's end counts as: it takes whatever there is."""


@dataclass(slots=True)
class _Run:
    """What lapsed at once, and of which years' points."""

    marked: int
    left: int


def lapsed_of(connection: Connection, account: int, year: int, amount: int) -> int:
    """Return how much lapsed of what arrived on an account in a year, at most ``amount``."""
    runs = _runs(connection, account)
    for earlier in _earlier(connection, account):
        _take(runs, earlier[0], earlier[1])
    return _take(runs, year, amount)


def _take(runs: list[_Run], year: int, amount: int) -> int:
    """Use up what runs took of a year, the oldest first; return how much it was."""
    left = amount
    for run in runs:
        if run.marked >= year:
            part = min(left, run.left)
            run.left -= part
            left -= part
    return amount - left


def _runs(connection: Connection, account: int) -> list[_Run]:
    marked = case((ExpiryRun.id.is_(None), ALL_YEARS), else_=ExpiryRun.marked)
    query = (
        select(marked, Transfer.amount)
        .outerjoin(ExpiryRun, ExpiryRun.id == Transfer.source_id)
        .where(Transfer.debit == account, Transfer.act == "expiry")
        .order_by(Transfer.debit_version)
    )
    return [_Run(marked=row[0], left=row[1]) for row in connection.execute(query)]


def _earlier(connection: Connection, account: int) -> list[tuple[int, int]]:
    """Return the years and amounts of claw-backs that found something lapsed, in their order."""
    query = (
        select(Transfer.day, Adjustment.lapsed)
        .join(Transfer, and_(Transfer.id == Adjustment.original, Transfer.credit == account))
        .where(Adjustment.account == account, Adjustment.lapsed > 0)
        .order_by(Adjustment.closed_at, Adjustment.id)
    )
    return [(row.day.year, row.lapsed) for row in connection.execute(query)]
