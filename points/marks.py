"""Year marks, where something is taken out of the middle of what an account got."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import case, func, select, update

from points.models import Account, ExpiryMark

if TYPE_CHECKING:
    from core.work import Work


def keep_older(work: Work, account: int, year: int, amount: int) -> None:
    """Let points of the years before stay as old as they are, though what came in one goes.

    A debit eats the oldest points: the marks before the year rise with it, as far as there is
    something younger; so that each account is as if the award had never been.
    """
    if not amount:
        return
    mine = ExpiryMark.account == account
    got = select(Account.credited).where(Account.id == account).scalar_subquery()
    upto = select(func.coalesce(func.min(ExpiryMark.credited), got)).where(
        mine, ExpiryMark.year >= year
    )
    most: int | None = work.connection.scalar(upto)
    raised = ExpiryMark.credited + amount
    work.connection.execute(
        update(ExpiryMark)
        .where(mine, ExpiryMark.year < year)
        .values(credited=case((raised < most, raised), else_=most)),
    )
