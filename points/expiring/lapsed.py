"""What of an award lapsed before it was taken back: nobody loses the same points twice.

Had the award never been, each run since its year would have let less lapse: as much less as the
award and what the run took allow, the oldest run first. Earlier claw-backs of the account have
used their share of the runs already. What was carried into another account lapses there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, select
from sqlalchemy.orm import aliased

from core.directory import directory
from points.models import Account, Adjustment, ExpiryRun, Transfer

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

ALL_YEARS = 9999
"""The year that a whole account's end counts as: it takes whatever there is."""


@dataclass(slots=True)
class _Run:
    """What lapsed at once, and of which years' points; ``left`` in the run's own book."""

    marked: int
    left: int
    way: _Way


@dataclass(frozen=True, slots=True)
class _Way:
    """An account that points were carried to; ``ours`` here are worth ``theirs`` there."""

    account: int
    step: int = 0
    #: The line by which they came: what lapsed before was not of them.
    since: int = 0
    ours: int = 1
    theirs: int = 1


def lapsed_of(connection: Connection, account: int, year: int, amount: int) -> int:
    """Return how much lapsed of what arrived on an account in a year, at most ``amount``."""
    ways = _ways(connection, account)
    runs = [run for way in ways for run in _runs(connection, way)]
    if not runs:
        return 0
    for way in ways:
        for row in _earlier(connection, way.account):
            _take(runs, row.day.year, row.lapsed * way.ours // way.theirs, way.step)
    return _take(runs, year, amount)


def _take(runs: list[_Run], year: int, amount: int, step: int = 0) -> int:
    """Use up what runs took of a year, the oldest first; return how much it was."""
    left = amount
    for run in runs:
        if run.marked >= year and run.way.step >= step:
            part = min(left, run.left * run.way.ours // run.way.theirs)
            run.left -= -(-part * run.way.theirs // run.way.ours)
            left -= part
    return amount - left


def _ways(connection: Connection, account: int) -> list[_Way]:
    """Return the account, and those that its holder went on to with the points."""
    ways = [_Way(account)]
    while (following := _following(connection, ways)) is not None:
        ways.append(following)
    return ways


def _following(connection: Connection, ways: list[_Way]) -> _Way | None:
    """Return the account that everything was carried to, because its holder's place ended.

    What a claw-back fetched went the other way, to an account that is known already.
    """
    way = ways[-1]
    holder = connection.scalars(select(Account.holder_id).where(Account.id == way.account)).one()
    if holder in directory().standings(connection, [holder]):
        return None
    went, came = aliased(Transfer), aliased(Transfer)
    row = connection.execute(
        select(came.credit, came.credit_version, went.amount, came.amount.label("came"))
        .join(came, and_(came.journal == went.journal, came.credit > 0))
        .where(
            went.debit == way.account,
            went.act == "moving",
            came.credit.not_in([known.account for known in ways]),
        )
        .order_by(went.debit_version)
        .limit(1)
    ).first()
    if row is None:
        return None
    return _Way(
        account=row.credit,
        step=way.step + 1,
        since=row.credit_version,
        ours=way.ours * row.amount,
        theirs=way.theirs * row.came,
    )


def _runs(connection: Connection, way: _Way) -> list[_Run]:
    marked = case((ExpiryRun.id.is_(None), ALL_YEARS), else_=ExpiryRun.marked)
    query = (
        select(marked, Transfer.amount)
        .outerjoin(ExpiryRun, ExpiryRun.id == Transfer.source_id)
        .where(
            Transfer.debit == way.account,
            Transfer.act == "expiry",
            Transfer.debit_version > way.since,
        )
        .order_by(Transfer.debit_version)
    )
    return [_Run(row[0], row[1], way) for row in connection.execute(query)]


def _earlier(connection: Connection, account: int) -> list[Row[Any]]:
    """Return the days and amounts of claw-backs that found something lapsed, in their order."""
    query = (
        select(Transfer.day, Adjustment.lapsed)
        .join(Transfer, and_(Transfer.id == Adjustment.original, Transfer.credit == account))
        .where(Adjustment.account == account, Adjustment.lapsed > 0)
        .order_by(Adjustment.closed_at, Adjustment.id)
    )
    return list(connection.execute(query))
