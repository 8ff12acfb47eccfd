"""Reversal: a transfer is undone by a new one, once only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from core.errors import N_, Conflict
from points.ledger import AccountUnknown, Posted, Posting, post
from points.models import Reversal, Transfer

if TYPE_CHECKING:
    from core.work import Work


class AlreadyReversed(Conflict):
    """A transfer is reversed once only."""

    text = N_("这一笔已经退回过，不能再退一次。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverse:
    """Undo a transfer by a new one, with the id that the undoing has."""

    original: UUID
    id: UUID
    note: str
    source_kind: str
    source_id: UUID
    journal: UUID | None = None


def reverse(work: Work, command: Reverse) -> Posted:
    """Post the original with its sides swapped, once only, by its own figures and never today's.

    A spend that comes back lowers ``debited``, so that the points return with the age they had;
    an award that is taken back is a debit like any other. Raises AccountUnknown (no such
    transfer), AlreadyReversed, InsufficientPoints or DayClosed.
    """
    original = work.connection.execute(
        select(Transfer.__table__).where(Transfer.id == command.original),
    ).first()
    if original is None:
        raise AccountUnknown
    claim = sqlite.insert if work.is_sqlite else postgresql.insert
    claimed = work.connection.execute(
        claim(Reversal)
        .values(original=command.original, reversal=command.id)
        .on_conflict_do_nothing(index_elements=["original"])
        .returning(Reversal.reversal),
    ).first()
    if claimed is None:
        mine = select(Reversal.reversal).where(Reversal.original == command.original)
        if work.connection.scalar(mine) != command.id:
            raise AlreadyReversed
        return Posted(id=command.id, exists=True)
    return post(
        work,
        Posting(
            id=command.id,
            act="reversal",
            points_kind=original.points_kind,
            community=original.community,
            debit=original.credit,
            credit=original.debit,
            amount=original.amount,
            event_at=work.now,
            source_kind=command.source_kind,
            source_id=command.source_id,
            journal=command.journal,
            rate=original.rate,
            standard=original.standard,
            note=command.note,
        ),
    )
