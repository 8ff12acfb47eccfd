"""A line of somebody's points by its id: a transfer on a holder's account, or a pending award."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import and_, case, select

from core.directory import directory, places_of
from core.errors import N_, NotFound
from points.models import Account, Award, Transfer
from points.reversal import held_by_holders, legs_of

if TYPE_CHECKING:
    from sqlalchemy import Connection


class LineUnknown(NotFound):
    """No transfer of a holder and no award that waits has this id, or it is not the asker's."""

    text = N_("没有找到这一笔积分，可能已经取消了。请回到积分页看看。")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOf:
    """A line: whose it is, in whose book, who answers for it; ``amount`` signed centipoints.

    The legs that one act has on the account are one line, named by the first of them.
    """

    id: UUID
    #: The first line of its act: several who paid together have one each.
    first: UUID
    act: str
    account: int
    holder_kind: str
    holder_id: UUID
    points_kind: str
    #: The book that the account is in: the holder's home.
    community: int
    #: The community that recorded it: where a service was done or points were spent.
    place: int
    amount: int
    #: What the act moved on everybody's accounts: more than this where several paid together.
    together: int
    reason: str
    journal: UUID | None
    source_kind: str
    source_id: UUID
    #: The award behind it.
    award: UUID | None
    #: Whether it has not been posted yet.
    waits: bool

    @property
    def reversible(self) -> bool:
        """Whether it can be undone: what undoes something itself cannot.

        What was collected of a reversal is a part of it; it has a journal, other adjustments
        have none.
        """
        is_collected = self.source_kind == "adjustment" and self.journal is not None
        return self.act in REVERSED_ACTS and not is_collected


REVERSED_ACTS = frozenset({"award", "redemption", "discount", "rounding", "adjustment"})
HOLDER_SIDE = case((Transfer.credit > 0, Transfer.credit), else_=Transfer.debit)


def own_holders(connection: Connection, resident: UUID, household: UUID) -> frozenset[UUID]:
    """Return whose lines are a resident's to speak of: of today, and of all that led to it."""
    led = directory().leading(connection, household)
    return frozenset({household, *places_of(connection, resident), *led})


def line_of(connection: Connection, identity: UUID) -> LineOf:
    """Return the line that this transfer or award is part of; raises LineUnknown."""
    row = connection.execute(
        select(
            Transfer.__table__,
            Account.id.label("account"),
            Account.holder_kind,
            Account.holder_id,
            Award.id.label("award"),
            Award.reason,
        )
        .join(Account, Account.id == HOLDER_SIDE)
        .outerjoin(Award, and_(Transfer.act == "award", Award.id == Transfer.source_id))
        .where(Transfer.id == identity, Account.purpose == "holder"),
    ).first()
    if row is None:
        return _waiting(connection, identity)
    sign = 1 if row.credit == row.account else -1
    legs = legs_of(connection, row.id, row.journal)
    mine = [leg for leg in legs if row.account in {leg.credit, leg.debit}]
    elsewhere = [leg.community for leg in legs if leg.community != row.community]
    return LineOf(
        id=mine[0].id,
        first=legs[0].id,
        act=mine[0].act,
        account=row.account,
        holder_kind=row.holder_kind,
        holder_id=row.holder_id,
        points_kind=row.points_kind,
        community=row.community,
        place=elsewhere[0] if elsewhere else row.community,
        amount=sign * sum(leg.amount for leg in mine),
        together=held_by_holders(legs),
        reason=row.reason or row.note or "",
        journal=row.journal,
        source_kind=row.source_kind,
        source_id=row.source_id,
        award=row.award,
        waits=False,
    )


def _waiting(connection: Connection, identity: UUID) -> LineOf:
    row = connection.execute(
        select(Award.__table__, Account.holder_kind)
        .join(Account, Account.id == Award.account)
        .where(Award.id == identity, Award.state == "pending"),
    ).first()
    if row is None:
        raise LineUnknown
    return LineOf(
        id=row.id,
        first=row.id,
        act="award",
        account=row.account,
        holder_kind=row.holder_kind,
        holder_id=row.holder_id,
        points_kind=row.points_kind,
        community=row.community,
        place=row.bearing,
        amount=row.amount,
        together=row.amount,
        reason=row.reason,
        journal=None,
        source_kind=row.source_kind,
        source_id=row.source_id,
        award=row.id,
        waits=True,
    )
