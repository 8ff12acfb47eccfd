"""What is missing of a decided adjustment: it is collected when there is something, or let go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import and_, bindparam, exists, func, or_, select, update

from core.directory import directory
from core.errors import N_, Conflict, Rejected
from core.ids import uuid8
from core.many import among
from points.carrying import year_of
from points.correcting.adjustments import (
    WORDS_MAX,
    AdjustmentState,
    locked_adjustment,
    refuse_decision,
    refuse_own,
)
from points.correcting.deciding import SOURCE, adjusting, available_for, tell
from points.correcting.queries import MISSING
from points.ledger import FREE, free_of, lock_accounts, post
from points.lines import line_of
from points.marks import keep_older
from points.models import Account, AccountEnd, Adjustment, ExpiryMark, Transfer
from points.reversal import Part, Reverse, legs_of, split, taken_back

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    from core.work import Work
    from points.events import PointsLapse


COLLECTED = "points.collected"
"""What the holder is told where it was taken of what would have lapsed."""

COLLECTED_LATER = "points.collected_later"
"""And where the community took it."""


class NothingShort(Conflict):
    """Nothing is missing (any more), or nothing is there to be collected yet."""

    text = N_("这一笔现在没有可收的积分。请等居民有新的积分到账后再办。")


class WaiverReasonMissing(Rejected):
    """What is let go is let go for a reason."""

    text = N_("请写明为什么不再收，不超过 100 个字。")


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectShortage:
    """Take of what is missing what the holder has by now; once per key."""

    key: str
    adjustment: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What was taken by this key, and what is missing now, in centipoints."""

    id: UUID
    amount: int
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiveShortage:
    """Let go what is missing."""

    adjustment: UUID
    reason: str


def collect_shortage(work: Work, command: CollectShortage) -> Collected:
    """Take what is there by now of what was missing: two people have decided on it already.

    It goes where the reversal would have gone, in both communities' books, and the holder is told.
    The same key again takes nothing more, whatever came since. Raises AdjustmentUnknown,
    NothingShort, OwnAdjustment, DayClosed, Forbidden or NotInYourScope.
    """
    row = locked_adjustment(work, command.adjustment)
    work.actor.require("points.adjust", row.community)
    refuse_own(work, row.person, row.household)
    missing = _missing(row)
    identity = uuid8(row.proposed_at, SOURCE, row.id, work.actor.person, command.key)
    taken = _taken_by(work, row, identity)
    if taken:
        work.replayed()
        return Collected(id=row.id, amount=taken, missing=missing)
    legs = _taken_from(work, row)
    year = year_of(work, legs[0].day) if legs else None
    amount = min(missing, available_for(work, row, missing, year)) if missing else 0
    if not amount:
        raise NothingShort
    _take(work, row, legs, amount, identity)
    return Collected(id=row.id, amount=amount, missing=missing - amount)


def collect_lapsing(work: Work, event: PointsLapse) -> None:
    """Take what is missing of what would lapse next, or its holder would lose it twice.

    The oldest decision first; of an award only where its own year lapses, too: what is older would
    have lapsed without it. Raises YearNotClosed or DayClosed.
    """
    for account, place, adjustment in _owing(work.connection, event):
        row = locked_adjustment(work, adjustment)
        lock_accounts(work, account, row.account)
        missing, due = _missing(row), _due(work.connection, account, event.marked)
        if not missing or due <= 0:
            continue
        legs = _taken_from(work, row)
        if legs and event.marked is not None and legs[0].day.year > event.marked:
            continue
        year = year_of(work, legs[0].day) if legs else None
        amount = min(missing, due)
        if account != row.account:
            free = free_of(work, row.account)
            there = available_for(work, row, free + missing, year, place=place, most=due)
            amount = there - free
        if amount:
            identity = uuid8(row.proposed_at, SOURCE, row.id, work.new_id())
            _take(work, row, legs, amount, identity, lapsing=True)


OWED = (
    select(Adjustment.id, Adjustment.holder_id)
    .where(MISSING, Adjustment.points_kind == "service")
    .order_by(Adjustment.closed_at, Adjustment.id)
)
LAPSING = (
    select(ExpiryMark.credited - Account.debited - Account.held)
    .join(
        ExpiryMark,
        and_(ExpiryMark.account == Account.id, ExpiryMark.year == bindparam("v_marked")),
    )
    .where(Account.id == bindparam("v_account"), ~exists().where(AccountEnd.account == Account.id))
)


def _owing(connection: Connection, event: PointsLapse) -> list[tuple[int, UUID, UUID]]:
    """Return which of these accounts owe something, whose they are, and the oldest of it first.

    The holder owes it where it was decided, and wherever points of theirs are: they have gone on,
    or what came where they lived before has not followed them yet.
    """
    rows = connection.execute(OWED).all()
    if not rows:
        return []
    kin = directory().kin(connection, {row.holder_id for row in rows})
    theirs = select(Account.holder_id, Account.id).where(
        Account.purpose == "holder",
        Account.points_kind == "service",
        Account.id > event.after,
        Account.id <= event.upto,
        among(connection, Account.holder_id, set().union(*kin.values())),
    )
    accounts = {row.holder_id: row.id for row in connection.execute(theirs)}
    owing = [
        (accounts[place], order, place, row.id)
        for order, row in enumerate(rows)
        for place in kin[row.holder_id] & accounts.keys()
    ]
    return [(account, place, adjustment) for account, _, place, adjustment in sorted(owing)]


def _due(connection: Connection, account: int, marked: int | None) -> int:
    """Return what lapses next of an account, in its own centipoints; below zero: nothing."""
    query = FREE if marked is None else LAPSING
    return int(connection.scalar(query, {"v_account": account, "v_marked": marked}) or 0)


def _missing(row: Row[Adjustment]) -> int:
    return 0 if row.waived_at is not None else int(row.shortage - row.collected)


def _taken_from(work: Work, row: Row[Adjustment]) -> Sequence[Row[Transfer]]:
    """Return the transfers that a reversal takes back; an adjustment takes back none."""
    if row.act != "reversal":
        return ()
    line = line_of(work.connection, row.original)
    return legs_of(work.connection, line.id, line.journal)


def _take(
    work: Work,
    row: Row[Adjustment],
    legs: Sequence[Row[Transfer]],
    amount: int,
    identity: UUID,
    *,
    lapsing: bool = False,
) -> None:
    """Post what is there of what was missing, and tell the holder."""
    if legs:
        _collect_reversal(work, row, legs, amount, identity)
    else:
        post(work, adjusting(work, row, amount, identity))
    work.connection.execute(
        update(Adjustment)
        .where(Adjustment.id == row.id)
        .values(collected=Adjustment.collected + amount),
    )
    tell(work, row, amount, str(identity), COLLECTED if lapsing else COLLECTED_LATER)


def _taken_by(work: Work, row: Row[Adjustment], identity: UUID) -> int:
    """Return what a collection has taken from the holder, 0 where there was none."""
    taken = work.connection.scalar(
        select(func.sum(Transfer.amount)).where(
            or_(Transfer.id == identity, Transfer.journal == identity),
            Transfer.debit == row.account,
        ),
    )
    return int(taken or 0)


def _collect_reversal(
    work: Work,
    row: Row[Adjustment],
    legs: Sequence[Row[Transfer]],
    amount: int,
    journal: UUID,
) -> None:
    """Post the difference of two splits: what was taken so far, and with this."""
    before = row.posted + row.collected
    earlier = {leg.id: part for leg, part in split(legs, before)} if before else {}
    for leg, upto in split(legs, before + amount):
        had = earlier.get(leg.id, Part(amount=0, standard=None))
        standard = (upto.standard or 0) - (had.standard or 0)
        part = Part(amount=upto.amount - had.amount, standard=standard or None)
        if not part.amount:
            continue
        made = Reverse(
            original=leg.id,
            id=uuid8(row.proposed_at, SOURCE, journal, leg.id),
            note=row.reason,
            source_kind=SOURCE,
            source_id=row.id,
            journal=journal,
            part=part,
        )
        post(work, taken_back(work, leg, made, act="adjustment"))
        if leg.credit > 0:
            keep_older(work, leg.credit, leg.day.year, part.amount)


def waive_shortage(work: Work, command: WaiveShortage) -> AdjustmentState:
    """Let go what is missing, for a reason that is kept; large sums are the lead's to let go.

    Raises AdjustmentUnknown, NothingShort, WaiverReasonMissing, OwnAdjustment,
    AdjustmentNeedsSecondPerson, LeadDecides, Forbidden or NotInYourScope.
    """
    row = locked_adjustment(work, command.adjustment)
    reason = command.reason.strip()
    if not 0 < len(reason) <= WORDS_MAX:
        raise WaiverReasonMissing
    refuse_decision(work, row)
    done = AdjustmentState(id=row.id, state="waived")
    if row.waived_by == work.actor.person and row.waiver == reason:
        work.replayed()
        return done
    if row.waived_at is not None or row.shortage == row.collected:
        raise NothingShort
    work.connection.execute(
        update(Adjustment)
        .where(Adjustment.id == row.id)
        .values(waiver=reason, waived_by=work.actor.person, waived_at=work.now),
    )
    return done
