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

if TYPE_CHECKING:
    from sqlalchemy import Connection

DEDUCTION = "deduction"


def deducted(connection: Connection, accounts: Sequence[int]) -> dict[int, int]:
    """Return what deductions took from these accounts and nobody gave back, in centipoints.

    What a household had been deducted before it moved counts where it is now.
    """
    undone = aliased(Transfer)
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
    query = (
        select(
            Deduction.household,
            Deduction.account,
            func.sum(Deduction.amount - func.coalesce(undone.amount, 0)).label("amount"),
        )
        .outerjoin(Reversal, Reversal.original == Deduction.id)
        .outerjoin(undone, undone.id == Reversal.reversal)
        .where(or_(Deduction.account.in_(accounts), *before))
        .group_by(Deduction.household, Deduction.account)
    )
    found: Counter[int] = Counter()
    for row in connection.execute(query):
        account, _ = earlier.get(row.household, (row.account, None))
        found[account] += int(row.amount)
    return found


def of_the_year(connection: Connection, accounts: Sequence[int], day: dt.date) -> int:
    """Return the basic points that came to these accounts since the first of January.

    What came along in a move counts as it was: the family has not begun anew; what goes back to
    where they lived, to be taken there, lowers only what came along this year. What undoes a line
    of a year before changes that year, and not this one.
    """
    begin, undone = day.replace(month=1, day=1), aliased(Transfer)
    gives_back = exists().where(Reversal.reversal == Transfer.id, Reversal.original == Deduction.id)
    of_before = exists().where(
        Adjustment.id == Transfer.source_id, undone.id == Adjustment.original, undone.day < begin
    )
    counts = and_(Transfer.day >= begin, ~of_before)
    along = case((Transfer.source_kind == MOVING, Transfer.amount), else_=0)
    came = select(
        func.sum(case((gives_back, 0), else_=Transfer.amount)).label("all"),
        func.sum(along).label("along"),
    ).where(Transfer.credit > 0, Transfer.credit.in_(accounts), counts)
    went = select(func.sum(Transfer.amount).label("all"), func.sum(along).label("along")).where(
        Transfer.debit > 0,
        Transfer.debit.in_(accounts),
        counts,
        Transfer.source_kind != DEDUCTION,
    )
    more, less = connection.execute(came).one(), connection.execute(went).one()
    too_much = max(0, int(less.along or 0) - int(more.along or 0))
    return int(more.all or 0) - int(less.all or 0) + too_much
