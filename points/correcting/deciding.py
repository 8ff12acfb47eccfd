"""Deciding on adjustments and reversals: what was proposed is posted, or refused with a reason.

What an award gave and the holder has spent is not taken below zero: what is there is posted, and
what is missing stays an open item of the community until it is collected or waived.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select, update

from core import outbox, settings
from core.defaults import CENTIPOINTS
from core.directory import directory
from core.errors import N_, Conflict
from core.formats import points, signed
from core.ids import uuid8
from points.accounts import account_id
from points.carrying import year_of
from points.correcting.adjustments import (
    WORDS_MAX,
    AdjustmentMoved,
    AdjustmentWordsMissing,
    locked_adjustment,
    payers,
    refuse_decision,
    refuse_own,
)
from points.correcting.corrections import Outcome, close_correction, locked_correction
from points.correcting.queries import MISSING, AdjustmentLine, adjustments_waiting
from points.earning.awards import AwardSettled, void_award
from points.earning.caps import COUNTED, free_caps
from points.earning.deductions import DEDUCTION, forget_deduction
from points.events import LineReversed, PointsWanted
from points.expiring.lapsed import lapsed_of, lock_ways
from points.ledger import Posting, free_of, post
from points.lines import LineOf, line_of
from points.marks import keep_older
from points.models import Account, Adjustment, Award, Transfer
from points.reminding import ADJUSTED, tell_household
from points.reversal import (
    ReverseAll,
    came_back,
    left_of,
    legs_of,
    refuse_reversed,
    reverse_all,
)

if TYPE_CHECKING:
    import datetime as dt

    from sqlalchemy import Connection, Row

    from core.acts import Actor
    from core.work import Work

SOURCE = "adjustment"


class PartOfWaiting(Conflict):
    """An award that has not arrived is voided whole; a part of it can be taken when it is there."""

    text = N_("这一笔还没到账，只能整笔取消。要改一部分，请等到账以后再定。")


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideAdjustment:
    """A second person's word: ``refusal`` says why not, empty: it is posted."""

    adjustment: UUID
    refusal: str = ""
    approve: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What became of it, in centipoints: posted now, lapsed before, missing, or not arrived yet."""

    id: UUID
    state: str
    posted: int
    lapsed: int
    shortage: int
    voided: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """How an amount came about; together they are the whole of it."""

    posted: int = 0
    lapsed: int = 0
    shortage: int = 0
    voided: int = 0


def to_decide(connection: Connection, actor: Actor, now: dt.datetime) -> list[AdjustmentLine]:
    """Return what waits for a second person, where the actor can be that one; the oldest first."""
    waiting = adjustments_waiting(connection, actor.place) if actor.may("points.adjust") else []
    own = directory().own(connection, actor.person) if waiting else frozenset()
    others = [row for row in waiting if own.isdisjoint({row.maker, row.person, row.household})]
    if not others or actor.may("points.adjust_large"):
        return others
    limit = settings.integer(connection, "redeem.lead_points", now, actor.place) * CENTIPOINTS
    return [row for row in others if row.together < limit]


def decide_adjustment(work: Work, command: DecideAdjustment) -> Decided:
    """Post what somebody else proposed, or refuse it; the holder is told what was posted.

    Raises AdjustmentUnknown, AdjustmentMoved, AdjustmentWordsMissing, AdjustmentNeedsSecondPerson,
    OwnAdjustment, LeadDecides, AlreadyReversed, PartOfWaiting, DayClosed, Forbidden or
    NotInYourScope.
    """
    row = locked_adjustment(work, command.adjustment)
    household = refuse_decision(work, row)
    after = "posted" if command.approve else "refused"
    if row.state == after and row.checker == work.actor.person:
        work.replayed()
        return _decided(row.id, after, _Done(**{name: getattr(row, name) for name in PARTS}))
    if row.state != "proposed":
        raise AdjustmentMoved
    refusal = command.refusal.strip()
    if not command.approve and not 0 < len(refusal) <= WORDS_MAX:
        raise AdjustmentWordsMissing
    done = _carry_out(work, row) if command.approve else _Done()
    work.connection.execute(
        update(Adjustment)
        .where(Adjustment.id == row.id)
        .values(
            state=after,
            checker=work.actor.person,
            checker_role=work.actor.role,
            checker_household=household,
            refusal=None if command.approve else refusal,
            closed_at=work.now,
            **{name: getattr(done, name) for name in PARTS},
        ),
    )
    if command.approve:
        _answer(work, row)
        tell(work, row, done.posted + done.voided, str(row.id))
    return _decided(row.id, after, done)


PARTS = ("posted", "lapsed", "shortage", "voided")


def _decided(identity: UUID, state: str, done: _Done) -> Decided:
    parts = {name: getattr(done, name) for name in PARTS}
    return Decided(id=identity, state=state, **parts)


def _carry_out(work: Work, row: Row[Adjustment]) -> _Done:
    if row.act == "adjustment":
        return _adjust(work, row)
    line = line_of(work.connection, row.original)
    if line.waits:
        try:
            return _void(work, row, line)
        except AwardSettled:
            line = line_of(work.connection, row.original)
    return _give_back(work, row, line) if row.amount > 0 else _claw_back(work, row, line)


def _adjust(work: Work, row: Row[Adjustment]) -> _Done:
    """Post between the holder and the community's account of adjustments."""
    wanted = abs(row.amount)
    amount = wanted if row.amount > 0 else min(wanted, available_for(work, row, wanted))
    if amount:
        post(work, adjusting(work, row, amount, uuid8(row.proposed_at, SOURCE, row.id, 0)))
    return _Done(posted=amount, shortage=wanted - amount)


def adjusting(work: Work, row: Row[Adjustment], amount: int, identity: UUID) -> Posting:
    """Return the line between the holder and the community's account of adjustments."""
    book = account_id("adjusted", row.book, row.points_kind)
    gives = row.amount > 0
    return Posting(
        id=identity,
        act="adjustment",
        points_kind=row.points_kind,
        community=row.book,
        debit=book if gives else row.account,
        credit=row.account if gives else book,
        amount=amount,
        event_at=work.now,
        source_kind=SOURCE,
        source_id=row.id,
        note=row.reason,
    )


def available_for(
    work: Work,
    row: Row[Adjustment],
    wanted: int,
    year: int | None = None,
    *,
    place: UUID | None = None,
    most: int | None = None,
) -> int:
    """Lock the account and return what is free on it; what its holder took along comes back.

    ``most``: at most so many centipoints of a ``place`` of theirs; else of where they are now.
    """
    work.publish(
        PointsWanted(
            holder_kind=row.holder_kind,
            holder_id=row.holder_id,
            points_kind=row.points_kind,
            amount=wanted,
            year=year,
            since=_since(work, row),
            note=row.reason,
            place=place,
            most=most,
        )
    )
    return free_of(work, row.account)


def _since(work: Work, row: Row[Adjustment]) -> dt.datetime:
    """Return when what is taken was the holder's: of an award when it came."""
    came: dt.datetime | None = None
    if row.amount < 0 and row.holder_kind == "household":
        line = select(Transfer.posted_at).where(Transfer.id == row.original)
        came = work.connection.scalar(line)
    return came or row.proposed_at


def _void(work: Work, row: Row[Adjustment], line: LineOf) -> _Done:
    """Cancel an award that has not arrived; its caps are free again."""
    if abs(row.amount) != line.amount:
        raise PartOfWaiting
    void_award(work, line.id)
    return _Done(voided=line.amount)


def _give_back(work: Work, row: Row[Adjustment], line: LineOf) -> _Done:
    """Undo a spending, or a part of it: the points return with the age they had, to each payer."""
    legs = legs_of(work.connection, line.id, line.journal)
    for payer in payers(work, legs):
        refuse_own(work, payer.person, payer.household)
    left = left_of(legs, came_back(work.connection, legs))
    back = reverse_all(work, legs, _reversing(row, row.together))
    work.publish(
        LineReversed(
            source_kind=line.source_kind,
            source_id=line.source_id,
            whole=row.together == left,
            back=back,
            note=row.reason,
        )
    )
    if row.together == left and line.source_kind == SOURCE:
        _let_go(work, row, line)
    if row.together == left and line.source_kind == DEDUCTION:
        forget_deduction(work, line.source_id)
    others = select(Account.id, Account.holder_id).where(
        Account.id.in_(back), Account.id != row.account
    )
    for other in work.connection.execute(others):
        share = signed(back[other.id])
        _tell_resident(work, row, other.holder_id, f"{row.id}:{other.id}", share)
    return _Done(posted=back[row.account])


def _let_go(work: Work, row: Row[Adjustment], line: LineOf) -> None:
    """Ask no more for what is missing of a decision of which all that was taken is given back."""
    query = select(Adjustment.id, Adjustment.proposed_at)
    decision = work.connection.execute(query.where(Adjustment.id == line.source_id)).one()
    if line.id != uuid8(decision.proposed_at, SOURCE, decision.id, 0):
        # What was collected of it later is a line of its own.
        return
    work.connection.execute(
        update(Adjustment)
        .where(Adjustment.id == decision.id, MISSING)
        .values(waiver=row.reason, waived_by=work.actor.person, waived_at=work.now)
    )


def _reversing(row: Row[Adjustment], amount: int) -> ReverseAll:
    return ReverseAll(
        at=row.proposed_at,
        journal=row.id,
        note=row.reason,
        source_kind=SOURCE,
        source_id=row.id,
        amount=amount,
    )


def _claw_back(work: Work, row: Row[Adjustment], line: LineOf) -> _Done:
    """Take an award back: what has lapsed is gone, what was spent is missing."""
    wanted = abs(row.amount)
    legs = legs_of(work.connection, line.id, line.journal)
    lock_ways(work, row.account)
    refuse_reversed(work.connection, legs)
    year = year_of(work, legs[0].day)
    lapsed = lapsed_of(work.connection, row.account, year, wanted)
    amount = min(wanted - lapsed, available_for(work, row, wanted - lapsed, year))
    if amount:
        reverse_all(work, legs, _reversing(row, amount))
    keep_older(work, row.account, year, lapsed)
    if line.award is not None:
        _free_caps(work, line, wanted)
    return _Done(posted=amount, lapsed=lapsed, shortage=wanted - lapsed - amount)


def _free_caps(work: Work, line: LineOf, wanted: int) -> None:
    """Give back the units of an award, or of the part of it that was wrong."""
    given = work.connection.execute(select(*COUNTED).where(Award.id == line.award)).one()
    free_caps(work, given, given.units * wanted // line.amount)


def _answer(work: Work, row: Row[Adjustment]) -> None:
    """Answer the request that led to it, unless it was answered or withdrawn meanwhile."""
    if row.correction is None:
        return
    if locked_correction(work, row.correction).state == "open":
        outcome: Outcome = "adjusted" if row.act == "adjustment" else "reversed"
        close_correction(work, row.correction, outcome, row.reason, row.id)


def tell(work: Work, row: Row[Adjustment], amount: int, key: str, template: str = ADJUSTED) -> None:
    """Tell the holder, or who lives in the household, what was posted; of nothing, nothing."""
    if not amount:
        return
    moved = points(amount)
    if template == ADJUSTED:
        moved = signed(amount if row.amount > 0 else -amount)
    if row.person is not None:
        _tell_resident(work, row, row.holder_id, key, moved, template)
        return
    # Whoever lives in a household that was left is somebody else.
    went = directory().went_with(work.connection, row.holder_id, _since(work, row))
    home = row.community, [row.holder_id, *went][-1]
    tell_household(work, home, key, moved, row.reason, template)


def _tell_resident(
    work: Work,
    row: Row[Adjustment],
    resident: UUID,
    key: str,
    moved: str,
    template: str = ADJUSTED,
) -> None:
    """Tell a resident, where they are now, what was posted; of who has died, who inherits."""
    connection, known = work.connection, directory()
    last = [resident, *known.following(connection, resident, None)][-1]
    now = known.holder(connection, "resident", last)
    person = row.person if now is None else now.person
    facts = {
        "community": known.places(connection, [row.community]).get(row.community, ""),
        "points": moved,
        "reason": row.reason,
    }
    heirs = known.heirs(connection, last, work.day)
    if heirs is None:
        outbox.send(work, template, key=key, person=person, **facts)
        return
    facts |= {
        "name": "" if now is None else now.name,
        "phone": known.number(connection, row.community),
    }
    for heir in heirs:
        outbox.send(work, f"{template}_left", key=f"{key}:{heir}", person=heir, **facts)
