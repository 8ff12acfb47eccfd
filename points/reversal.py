"""Reversal: a transfer, or all that one act posted, is undone by new transfers, never twice.

**What was spent** comes back whole or in parts, as often as there is something left. Each part is
split in integers, by what is left of each leg. The holders' legs share it out by floors of running
sums, so that their parts add up to the centipoint and none is above what is left of its leg: all
parts together are exactly the whole, to each who paid. The other community's leg gives the floor of
what is left of it by the share of the holder's leg, and both legs carry the floor of ``standard``
by the share that *that* is, so that clearing still sums to zero; what is too small for a centipoint
over there leaves no ``standard`` here either.

**What was given** is taken back once. Both figures of a line with one leg on the holder's account
only grow with the part, so that what is collected later is the difference of two splits.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import bindparam, case, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from core.errors import N_, Conflict, Rejected
from core.formats import points
from core.ids import NIL, uuid8
from points.ledger import AccountUnknown, Posted, Posting, post
from points.marks import keep_older
from points.models import Reversal, Transfer

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row, Select

    from core.work import Work


class AlreadyReversed(Conflict):
    """Nothing is left of it to come back, or another proposal to undo it waits."""

    text = N_(
        "这一笔已经退回过，或有人已经提出退回，不能再退一次。"
        "请到「更正」看经过；分数还不对的，请另提一笔更正。"
    )


class PartTooLarge(Rejected):
    """No more comes back than went, and at least a centipoint."""

    text = N_("冲回的分要大于 0，这一笔最多还能冲回 {most} 分。请改一改再提交。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """How much of a transfer comes back; ``standard`` beside a clearing account."""

    amount: int
    standard: int | None
    #: How many parts of it came back before.
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    """What of a transfer has come back, in so many parts."""

    amount: int = 0
    standard: int = 0
    parts: int = 0


NOTHING = Back()
NONE: Mapping[UUID, Back] = MappingProxyType({})


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
    """Undo what one act posted; ``amount`` of what the holders' legs are together, None: the rest.

    ``at`` is the moment of the cause that the ids come from, ``journal`` groups what is made.
    """

    at: dt.datetime
    journal: UUID
    note: str
    source_kind: str
    source_id: UUID
    amount: int | None = None


def reverse(work: Work, command: Reverse) -> Posted:
    """Post the original with its sides swapped, by its own figures and never today's.

    Each part of it is claimed by its number, so that of two at once only one is posted.

    A spend that comes back lowers ``debited``, so that the points return with the age they had;
    an award that is taken back takes its own points, never older ones. Raises AccountUnknown
    (no such transfer), AlreadyReversed, InsufficientPoints or DayClosed.
    """
    original = work.connection.execute(
        select(Transfer.__table__).where(Transfer.id == command.original),
    ).first()
    if original is None:
        raise AccountUnknown
    number = command.part.number if command.part else 0
    claim = sqlite.insert if work.is_sqlite else postgresql.insert
    claimed = work.connection.execute(
        claim(Reversal)
        .values(original=command.original, part=number, reversal=command.id)
        .on_conflict_do_nothing(index_elements=["original", "part"])
        .returning(Reversal.reversal),
    ).first()
    if claimed is None:
        mine = select(Reversal.reversal).where(
            Reversal.original == command.original, Reversal.part == number
        )
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


def reverse_all(work: Work, legs: Sequence[Row[Transfer]], command: ReverseAll) -> dict[int, int]:
    """Undo every leg of an act in both communities' books, or the same share of each.

    Returns how much of it each holder's account had. Raises AlreadyReversed, PartTooLarge,
    InsufficientPoints or DayClosed.
    """
    back = came_back(work.connection, legs, command.journal)
    left = left_of(legs, back)
    amount = left if command.amount is None else command.amount
    if not left or (back and any(leg.credit > 0 for leg in legs)):
        raise AlreadyReversed
    if not 0 < amount <= left:
        raise PartTooLarge(most=points(left))
    parts = split(legs, amount, back)
    for leg, part in parts:
        reverse(
            work,
            Reverse(
                original=leg.id,
                id=uuid8(command.at, "reversal", leg.id, command.journal),
                note=command.note,
                source_kind=command.source_kind,
                source_id=command.source_id,
                journal=command.journal,
                part=part,
            ),
        )
    return shares(parts)


LEGS = select(Transfer.__table__).order_by(
    # A holder's row is locked before anything else, in the order of accounts.
    case((Transfer.credit > 0, Transfer.credit), (Transfer.debit > 0, Transfer.debit)),
    case(
        (Transfer.credit > 0, Transfer.credit_version),
        (Transfer.debit > 0, Transfer.debit_version),
    ),
    Transfer.id,
)
ALONE = LEGS.where(Transfer.id == bindparam("v_transfer"))
OF_ONE_ACT = LEGS.where(Transfer.journal == bindparam("v_journal"))


def legs_of(connection: Connection, transfer: UUID, journal: UUID | None) -> list[Row[Transfer]]:
    """Return a transfer with all that its act posted, the holders' legs first."""
    query = ALONE if journal is None else OF_ONE_ACT
    found = connection.execute(query, {"v_transfer": transfer, "v_journal": journal})
    return sorted(found, key=lambda leg: not is_holders(leg))


def is_holders(leg: Row[Transfer]) -> bool:
    """Whether one side of the transfer is a holder's account."""
    return bool(leg.debit > 0 or leg.credit > 0)


def held_by_holders(legs: Sequence[Row[Transfer]]) -> int:
    """Return what the holders' legs are together."""
    return sum(leg.amount for leg in legs if is_holders(leg))


def left_of(legs: Sequence[Row[Transfer]], back: Mapping[UUID, Back]) -> int:
    """Return what is left of the holders' legs together."""
    return held_by_holders(legs) - sum(
        back[leg.id].amount for leg in legs if leg.id in back and is_holders(leg)
    )


def split(
    legs: Sequence[Row[Transfer]], amount: int, back: Mapping[UUID, Back] = NONE
) -> list[tuple[Row[Transfer], Part]]:
    """Return the part of each leg when this much of what is left comes back, but for no part."""
    total, before = left_of(legs, back), 0
    parts: list[tuple[Row[Transfer], Part]] = []
    met: set[UUID] = set()
    for leg in filter(is_holders, legs):
        had = back.get(leg.id, NOTHING)
        left = leg.amount - had.amount
        share = amount * (before + left) // total - amount * before // total
        before += left
        pair = _pair([other for other in legs if other.id not in met], leg)
        if pair is None:
            parts.append((leg, Part(amount=share, standard=None, number=had.parts)))
            continue
        met.add(pair.id)
        other = back.get(pair.id, NOTHING)
        over_there = pair.amount - other.amount
        theirs = over_there * share // left if share else 0
        standard = (leg.standard - had.standard) * theirs // over_there if theirs else 0
        for each, amount_of, number in ((leg, share, had.parts), (pair, theirs, other.parts)):
            part = Part(amount=amount_of, standard=standard or None, number=number)
            parts.append((each, part))
    return [(leg, part) for leg, part in parts if part.amount]


def shares(parts: Iterable[tuple[Row[Transfer], Part | Back]]) -> dict[int, int]:
    """Return how much of these parts each holder's account has."""
    found: dict[int, int] = {}
    for leg, part in parts:
        if is_holders(leg):
            account = max(leg.debit, leg.credit)
            found[account] = found.get(account, 0) + part.amount
    return found


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


def sums_back() -> Select[UUID, int, int, int]:
    """Select what came back of each transfer, in so many parts; whoever asks says of which."""
    return (
        select(
            Reversal.original,
            func.sum(Transfer.amount).label("amount"),
            func.sum(func.coalesce(Transfer.standard, 0)).label("standard"),
            func.count().label("parts"),
        )
        .join(Transfer, Transfer.id == Reversal.reversal)
        .group_by(Reversal.original)
    )


def came_back(
    connection: Connection, legs: Sequence[Row[Transfer]], journal: UUID = NIL
) -> dict[UUID, Back]:
    """Return what of these has come back, apart from what ``journal`` itself undid."""
    query = sums_back().where(
        Reversal.original.in_([leg.id for leg in legs]),
        or_(Transfer.journal.is_(None), Transfer.journal != journal),
    )
    return {
        row.original: Back(amount=int(row.amount), standard=int(row.standard), parts=row.parts)
        for row in connection.execute(query)
    }


def refuse_reversed(connection: Connection, legs: Sequence[Row[Transfer]]) -> None:
    """Raise AlreadyReversed if anything of these was undone."""
    if came_back(connection, legs):
        raise AlreadyReversed
