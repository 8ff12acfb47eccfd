"""Balances of system accounts: folds + deltas, exact at any moment, the same SQL everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select, union_all

from points.models import Account, AccountDelta, AccountFold

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """A system account with its sums in centipoints; ``standard`` in hundredths of 区标准分."""

    purpose: str
    community: int
    counterpart: int
    points_kind: str
    credited: int
    debited: int
    standard: int

    @property
    def balance(self) -> int:
        """What was credited less what was debited."""
        return self.credited - self.debited


def books(connection: Connection, *purposes: str, communities: Sequence[int] = ()) -> list[Book]:
    """Return the system accounts of these purposes that anything was posted to."""
    columns = ("account", "credited", "debited", "standard")
    parts = union_all(
        select(*(AccountFold.__table__.c[name] for name in columns)),
        select(*(AccountDelta.__table__.c[name] for name in columns)),
    ).subquery()
    query = (
        select(
            Account.purpose,
            Account.community,
            Account.counterpart,
            Account.points_kind,
            func.sum(parts.c.credited).label("credited"),
            func.sum(parts.c.debited).label("debited"),
            func.sum(parts.c.standard).label("standard"),
        )
        .join(parts, parts.c.account == Account.id)
        .where(Account.purpose.in_(purposes))
        .group_by(Account.purpose, Account.community, Account.counterpart, Account.points_kind)
        .order_by(Account.community, Account.purpose, Account.counterpart)
    )
    if communities:
        query = query.where(Account.community.in_(communities))
    return [
        Book(
            purpose=row.purpose,
            community=row.community,
            counterpart=row.counterpart,
            points_kind=row.points_kind,
            credited=int(row.credited),
            debited=int(row.debited),
            standard=int(row.standard),
        )
        for row in connection.execute(query)
    ]
