"""Reversal: a transfer, or all that one act posted, is undone by new transfers, once only.

**A part of it** is split in integers. The holders' legs share it out by floors of running sums,
so that their parts add up to the centipoint. The other community's leg gives the floor of its own
amount by the share of the holder's leg, and both legs carry the floor of ``standard`` by the share
that *that* is, so that clearing still sums to zero; what is too small for a centipoint over there
leaves no ``standard`` here either. Of a line with one leg on the holder's account both only grow
with the part, so that what is taken later is the difference of two splits, and all of it together
is exactly the whole.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import case, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from core.errors import N_, Conflict, Rejected
from core.ids import NIL, uuid8
from points.ledger import AccountUnknown, Posted, Posting, post
from points.marks import keep_older
from points.models import Reversal, Transfer

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from core.work import Work


class AlreadyReversed(Conflict):
    """A transfer is reversed once only, and one proposal to do so waits at a time."""

    text = N_(
        "这一笔已经退回过，或有人已经提出退回，不能再退一次。"
        "请到「更正」看经过；分数还不对的，请另提一笔更正。"
    )


class PartTooLarge(Rejected):
    """No more comes back than went, and at least a centipoint."""

    text = N_("冲回的分不能超过原来的 {most} 分。请改一改再提交。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """How much of a transfer comes back; ``standard`` beside a clearing account."""

    amount: int
    standard: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverse:
    """Undo a transfer by a new one, with the id that the undoing has; None: all of it."""

    original: UUID
    id: UUID
    note: str
    source_kind: str
    source_id: UUID
    journal: UUID | None = None
    part: Part | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseAll:
    """Undo what one act posted; ``amount`` of what the holders' legs are together, None: all.

    ``at`` is the moment of the cause that the ids come from, ``journal`` groups what is made.
    """

    at: dt.datetime
    journal: UUID
    note: str
    source_kind: str
    source_id: UUID
    amount: int | None = None


def reverse(work: Work, command: Reverse) -> Posted:
    """Post the original with its sides swapped, once only, by its own figures and never today's.

    A spend that comes back lowers ``debited``, so that the points return with the age they had;
    an award that is taken back takes its own points, never older ones. Raises AccountUnknown
    (no such transfer), AlreadyReversed, InsufficientPoints or DayClosed.
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
    posted = post(work, taken_back(work, original, command, act="reversal"))
    if original.credit > 0:
        amount = command.part.amount if command.part else original.amount
        keep_older(work, original.credit, original.day.year, amount)
    return posted


def taken_back(work: Work, original: Row[Transfer], made: Reverse, act: str) -> Posting:
    """Return the posting that takes a transfer back, or a part of it, in its own book."""
    part = made.part or Part(amount=original.amount, standard=original.standard)
    return Posting(
        id=made.id,
        act=act,
        points_kind=original.points_kind,
        community=original.community,
        debit=original.credit,
        credit=original.debit,
        amount=part.amount,
        event_at=work.now,
        source_kind=made.source_kind,
        source_id=made.source_id,
        journal=made.journal,
        rate=original.rate,
        standard=part.standard,
        note=made.note,
    )


def reverse_all(work: Work, legs: Sequence[Row[Transfer]], command: ReverseAll) -> None:
    """Undo every leg of an act in both communities' books, or the same share of each.

    Raises AlreadyReversed, PartTooLarge, InsufficientPoints or DayClosed.
    """
    total = held_by_holders(legs)
    amount = total if command.amount is None else command.amount
    if not 0 < amount <= total:
        raise PartTooLarge(most=total // 100)
    refuse_reversed(work.connection, [leg.id for leg in legs], command.journal)
    for leg, part in split(legs, amount):
        reverse(
            work,
            Reverse(
                original=leg.id,
                id=uuid8(command.at, "reversal", leg.id),
                note=command.note,
                source_kind=command.source_kind,
                source_id=command.source_id,
                journal=command.journal,
                part=part,
            ),
        )


def legs_of(connection: Connection, transfer: UUID, journal: UUID | None) -> list[Row[Transfer]]:
    """Return a transfer with all that its act posted, the holders' legs first.

    A holder's row is locked before anything else, in the order of accounts.
    """
    holder = case(
        (Transfer.credit > 0, Transfer.credit),
        (Transfer.debit > 0, Transfer.debit),
    )
    version = case(
        (Transfer.credit > 0, Transfer.credit_version),
        (Transfer.debit > 0, Transfer.debit_version),
    )
    one_act = Transfer.id == transfer if journal is None else Transfer.journal == journal
    query = select(Transfer.__table__).where(one_act).order_by(holder, version, Transfer.id)
    return sorted(connection.execute(query), key=lambda leg: not is_holders(leg))


def is_holders(leg: Row[Transfer]) -> bool:
    """Whether one side of the transfer is a holder's account."""
    return bool(leg.debit > 0 or leg.credit > 0)


def held_by_holders(legs: Sequence[Row[Transfer]]) -> int:
    """Return what the holders' legs are together."""
    return sum(leg.amount for leg in legs if is_holders(leg))


def split(legs: Sequence[Row[Transfer]], amount: int) -> list[tuple[Row[Transfer], Part]]:
    """Return the part of each leg when this much comes back; a leg without a part is left out."""
    own = [leg for leg in legs if is_holders(leg)]
    total, before = held_by_holders(legs), 0
    parts: list[tuple[Row[Transfer], Part]] = []
    met: set[UUID] = set()
    for leg in own:
        after = before + leg.amount
        share = amount * after // total - amount * before // total
        before = after
        pair = _pair([other for other in legs if other.id not in met], leg)
        theirs = 0 if pair is None else pair.amount * share // leg.amount
        standard = leg.standard * theirs // pair.amount if pair is not None else None
        part = Part(amount=share, standard=standard or None)
        parts.append((leg, part))
        if pair is not None:
            met.add(pair.id)
            parts.append((pair, Part(amount=theirs, standard=part.standard)))
    return [(leg, part) for leg, part in parts if part.amount]


def _pair(legs: Sequence[Row[Transfer]], leg: Row[Transfer]) -> Row[Transfer] | None:
    """Return the leg in the other book that meets this one in clearing, of those not met yet."""
    if leg.standard is None:
        return None
    return next(
        (
            other
            for other in legs
            if not is_holders(other)
            and (other.act, other.standard) == (leg.act, leg.standard)
            and other.community != leg.community
        ),
        None,
    )


def refuse_reversed(connection: Connection, legs: Sequence[UUID], journal: UUID = NIL) -> None:
    """Raise AlreadyReversed if any of these was undone, unless ``journal`` is what undid it."""
    query = (
        select(Reversal.original)
        .join(Transfer, Transfer.id == Reversal.reversal)
        .where(
            Reversal.original.in_(legs),
            or_(Transfer.journal.is_(None), Transfer.journal != journal),
        )
    )
    if connection.execute(query).first() is not None:
        raise AlreadyReversed
