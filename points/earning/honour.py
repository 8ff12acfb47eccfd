"""What basic points count for: titles by those of a life, doors by those of a year.

A household's own and its members' count together. A deduction lowers neither; what was wrong and
was taken back counts no more.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, exists, func, or_, select
from sqlalchemy.orm import aliased

from core.directory import directory
from points.carrying import SOURCE as MOVING
from points.models import Account, Adjustment, Deduction, Reversal, Transfer
from points.reversal import sums_back

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

DEDUCTION = "deduction"

_undone = aliased(Transfer)


def deducted(connection: Connection, accounts: Sequence[int]) -> dict[int, int]:
    """Return what deductions took from these accounts and nobody gave back, in centipoints.

    What a household had been deducted before it moved counts where it is now.
    """
    homes = select(Account.id, Account.holder_id).where(
        Account.id.in_(accounts), Account.holder_kind == "household"
    )
    earlier = {
        old: (home.id, left)
        for home in connection.execute(homes)
        for old, left in directory().leading(connection, home.holder_id).items()
    }
    before = (
        and_(Deduction.household == old, Deduction.created_at <= left)
        for old, (_, left) in earlier.items()
    )
    undone = sums_back().join(Deduction, Deduction.id == Reversal.original).subquery()
    query = (
        select(
            Deduction.household,
            Deduction.account,
            func.sum(Deduction.amount - func.coalesce(undone.c.amount, 0)).label("amount"),
        )
        .outerjoin(undone, undone.c.original == Deduction.id)
        .where(or_(Deduction.account.in_(accounts), *before))
        .group_by(Deduction.household, Deduction.account)
    )
    found: Counter[int] = Counter()
    for row in connection.execute(query):
        account, _ = earlier.get(row.household, (row.account, None))
        found[account] += int(row.amount)
    return found


def of_the_year(connection: Connection, accounts: Sequence[int], day: dt.date) -> int:
    """Return the basic points that came to a family since the first of January.

    What came where they lived before counts as if they had lived here; what they took along does
    not, as it may be older. What undoes a line of a year before changes that year, and not this
    one.
    """
    begin = day.replace(month=1, day=1)
    mine = [*accounts, *_of_before(connection, accounts)]
    gives_back = exists().where(Reversal.reversal == Transfer.id, Reversal.original == Deduction.id)
    of_before = exists().where(
        Adjustment.id == Transfer.source_id, _undone.id == Adjustment.original, _undone.day < begin
    )
    counts = and_(Transfer.day >= begin, Transfer.source_kind != MOVING, ~of_before)
    came = select(func.sum(case((gives_back, 0), else_=Transfer.amount))).where(
        Transfer.credit > 0, Transfer.credit.in_(mine), counts
    )
    went = select(func.sum(Transfer.amount)).where(
        Transfer.debit > 0,
        Transfer.debit.in_(mine),
        counts,
        Transfer.source_kind != DEDUCTION,
    )
    return int(connection.scalar(came) or 0) - int(connection.scalar(went) or 0)


def _of_before(connection: Connection, accounts: Sequence[int]) -> Sequence[int]:
    """Return the basic accounts of the places that led to these residents and households."""
    holders = select(Account.holder_kind, Account.holder_id).where(Account.id.in_(accounts))
    places: set[UUID] = set()
    for kind, holder in connection.execute(holders).all():
        if kind == "household":
            places |= set(directory().leading(connection, holder))
        else:
            places |= {place.resident for place in directory().former(connection, holder)}
    before = select(Account.id).where(
        Account.holder_id.in_(places), Account.purpose == "holder", Account.points_kind == "basic"
    )
    return connection.scalars(before).all() if places else []
