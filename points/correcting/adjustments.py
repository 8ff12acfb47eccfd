"""Adjustments and reversals: one staff member proposes, another decides, neither of them gains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from sqlalchemy import insert, select, text, update

from core import settings
from core.defaults import CENTIPOINTS
from core.directory import Holder, directory, is_second
from core.errors import N_, Conflict, Forbidden, KeyReused, NotFound, Rejected
from core.formats import points
from points.accounts import PointsKind, household_account, resident_account
from points.correcting.corrections import (
    CorrectionClosed,
    CorrectionUnknown,
    holder_about,
    locked_correction,
)
from points.earning.recorders import HolderUnknown, KindUnfit
from points.lines import LineOf, line_of
from points.models import Account, Adjustment
from points.models.correcting import ADJUSTED_MAX, UNDOING
from points.reversal import (
    AlreadyReversed,
    PartTooLarge,
    came_back,
    is_holders,
    left_of,
    legs_of,
    shares,
    split,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Row

    from core.work import Work
    from points.models import Transfer

WORDS_MAX = 100
EVIDENCE_MAX = 200


class AdjustmentUnknown(NotFound):
    """There is no such proposal."""

    text = N_("没有找到这条更正。请刷新页面看看。")


class AdjustmentMoved(Conflict):
    """It was decided or withdrawn before."""

    text = N_("这条更正已经有人办了。请刷新页面看看。")


class AmountOutOfRange(Rejected):
    """An adjustment moves something, and not more than a thousand points."""

    text = N_("一次更正的分要在 0.01 到 {most} 分之间，可加可减。请改一改再提交。")


class AdjustmentWordsMissing(Rejected):
    """A proposal says why, and on what evidence; a refusal says why not."""

    text = N_("请写明原因和依据（签到表、单号、谁能证明），原因不超过 100 个字，居民会看到。")


class OwnAdjustment(Forbidden):
    """Nobody proposes or decides what they or their household gain or lose by."""

    text = N_("这是您自己或同户家人的积分，要由别的工作人员来办。")


class AdjustmentNeedsSecondPerson(Forbidden):
    """Whoever proposed it, or lives with them, does not decide."""

    text = N_("这条更正是您或同户家人提出的，要另一位工作人员来定。")


class LeadDecides(Forbidden):
    """From ``redeem.lead_points`` on only the community's lead decides."""

    text = N_("达到 {limit} 分的更正，要由社区负责人来定。")


class NotReversible(Rejected):
    """What lapsed, moved house or was reversed itself is corrected by an adjustment."""

    text = N_("这一笔不能冲回。需要改的话，请提出一笔更正，加分或减分。")


class CorrectionUnrelated(Rejected):
    """What answers a request is about the points that the request is about."""

    text = N_("这条分数反映说的是别人的积分。请从反映里打开，再提出更正。")


class ShareTooSmall(Rejected):
    """Of so little, this one of those who paid together would have nothing."""

    text = N_("这一笔由几位家人一起付分，填的分按各人付的摊，这么少摊不到这位。请填多一点。")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeAdjustment:
    """Points to give (positive) or to take (negative), in centipoints; once per key."""

    key: str
    holder_kind: Literal["resident", "household"]
    holder_id: UUID
    points_kind: PointsKind
    amount: int
    reason: str
    evidence: str
    correction: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeReversal:
    """A line to be undone; ``amount`` in centipoints of what all paid for it, None: the rest."""

    key: str
    line: UUID
    reason: str
    evidence: str
    amount: int | None = None
    correction: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """The proposal; ``amount`` is what it would do to the holder, ``together`` to all who paid."""

    id: UUID
    amount: int
    together: int
    exists: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawAdjustment:
    """The maker takes the proposal back."""

    adjustment: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustmentState:
    """A proposal and its state now."""

    id: UUID
    state: str


def propose_adjustment(work: Work, command: ProposeAdjustment) -> Proposed:
    """Propose to give or to take points of a resident or household of the actor's community.

    Raises AmountOutOfRange, AdjustmentWordsMissing, HolderUnknown, KindUnfit, OwnAdjustment,
    CorrectionUnknown, CorrectionClosed, CorrectionUnrelated, Forbidden or NotInYourScope.
    """
    work.actor.require("points.adjust")
    earlier = _earlier(work, command.key, "adjustment")
    if earlier is not None:
        return earlier
    holder = directory().holder(work.connection, command.holder_kind, command.holder_id)
    if holder is None:
        raise HolderUnknown
    work.actor.require("points.adjust", holder.community)
    if not 0 < abs(command.amount) <= ADJUSTED_MAX:
        raise AmountOutOfRange(most=ADJUSTED_MAX // CENTIPOINTS)
    account = resident_account(command.holder_id, holder.community, command.points_kind)
    if command.holder_kind == "household":
        if command.points_kind != "basic":
            raise KindUnfit
        account = household_account(command.holder_id, holder.community)
    if work.connection.scalar(select(Account.id).where(Account.id == account)) is None:
        raise HolderUnknown
    return _write(
        work,
        command,
        holder,
        act="adjustment",
        community=holder.community,
        account=account,
        book=holder.community,
        points_kind=command.points_kind,
        holder_kind=command.holder_kind,
        holder_id=command.holder_id,
        amount=command.amount,
        together=abs(command.amount),
    )


def propose_reversal(work: Work, command: ProposeReversal) -> Proposed:
    """Propose to undo a line that the actor's community recorded, or a part of it.

    What several paid together comes back to each by their share. Raises LineUnknown, NotReversible,
    AlreadyReversed, PartTooLarge, ShareTooSmall and what ``propose_adjustment`` raises.
    """
    work.actor.require("points.adjust")
    earlier = _earlier(work, command.key, "reversal")
    if earlier is not None:
        return earlier
    line = line_of(work.connection, command.line)
    work.actor.require("points.adjust", line.place)
    if not line.reversible:
        raise NotReversible
    legs = legs_of(work.connection, line.id, line.journal)
    amount, together = _part_of(work, command, line, legs)
    for payer in payers(work, legs):
        refuse_own(work, payer.person, payer.household)
    holder = directory().holder(work.connection, line.holder_kind, line.holder_id)
    if holder is None:
        raise HolderUnknown
    return _write(
        work,
        command,
        holder,
        act="reversal",
        community=line.place,
        account=line.account,
        book=line.community,
        points_kind=line.points_kind,
        holder_kind=line.holder_kind,
        holder_id=line.holder_id,
        amount=-amount if line.amount > 0 else amount,
        together=together,
        original=line.first,
    )


def _part_of(
    work: Work, command: ProposeReversal, line: LineOf, legs: Sequence[Row[Transfer]]
) -> tuple[int, int]:
    """Return what the holder has of what is to be undone, and all of it.

    Raises AlreadyReversed, PartTooLarge or ShareTooSmall.
    """
    back = came_back(work.connection, legs)
    left = line.together if line.waits else left_of(legs, back)
    if line.amount > 0 and back:
        raise AlreadyReversed
    taken = select(Adjustment.id).where(Adjustment.original == line.first, text(UNDOING))
    if not left or work.connection.execute(taken).first() is not None:
        raise AlreadyReversed
    together = left if command.amount is None else command.amount
    if not 0 < together <= left:
        raise PartTooLarge(most=points(left))
    if line.together == abs(line.amount):
        return together, together
    amount = shares(split(legs, together, back)).get(line.account, 0)
    if not amount:
        raise ShareTooSmall
    return amount, together


def _earlier(work: Work, key: str, act: str) -> Proposed | None:
    """Return what the same key of the same person proposed before; raises KeyReused."""
    row = work.connection.execute(
        select(Adjustment.id, Adjustment.amount, Adjustment.together, Adjustment.act).where(
            Adjustment.key == _key(work, key)
        ),
    ).first()
    if row is None:
        return None
    if row.act != act:
        raise KeyReused
    work.replayed()
    return Proposed(id=row.id, amount=row.amount, together=row.together, exists=True)


def _key(work: Work, key: str) -> str:
    return f"{work.actor.person}:{key}"


def payers(work: Work, legs: Sequence[Row[Transfer]]) -> list[Holder]:
    """Return whose points these legs moved."""
    accounts = {max(leg.debit, leg.credit) for leg in legs if is_holders(leg)}
    rows = work.connection.execute(
        select(Account.holder_kind, Account.holder_id).where(Account.id.in_(accounts)),
    ).all()
    found = [directory().holder(work.connection, row[0], row[1]) for row in rows]
    return [holder for holder in found if holder is not None]


def _write(
    work: Work,
    command: ProposeAdjustment | ProposeReversal,
    holder: Holder,
    *,
    amount: int,
    together: int,
    **values: object,
) -> Proposed:
    """Insert the proposal after the checks that both kinds share."""
    reason, evidence = command.reason.strip(), command.evidence.strip()
    if not (0 < len(reason) <= WORDS_MAX and 0 < len(evidence) <= EVIDENCE_MAX):
        raise AdjustmentWordsMissing
    household = refuse_own(work, holder.person, holder.household)
    _refuse_answered(work, command.correction, values["holder_id"])
    identity = work.new_id()
    work.connection.execute(
        insert(Adjustment).values(
            id=identity,
            key=_key(work, command.key),
            state="proposed",
            amount=amount,
            together=together,
            person=holder.person,
            household=holder.household,
            reason=reason,
            evidence=evidence,
            correction=command.correction,
            maker=work.actor.person,
            maker_role=work.actor.role,
            maker_household=household,
            proposed_at=work.now,
            **values,
        ),
    )
    return Proposed(id=identity, amount=amount, together=together, exists=False)


def refuse_own(work: Work, person: UUID | None, household: UUID) -> UUID | None:
    """Raise OwnAdjustment for the holder and their household; return the actor's household."""
    if {person, household} & directory().own(work.connection, work.actor.person):
        raise OwnAdjustment
    return directory().household_of(work.connection, work.actor.person)


def _refuse_answered(work: Work, correction: UUID | None, holder: object) -> None:
    """Raise unless it is open and about this holder's points.

    Raises CorrectionUnknown, CorrectionClosed or CorrectionUnrelated.
    """
    if correction is None:
        return
    asked = locked_correction(work, correction)
    if not work.actor.covers(asked.community):
        raise CorrectionUnknown
    if asked.state != "open":
        raise CorrectionClosed
    about = holder_about(work.connection, asked)
    if about is not None and about != holder:
        raise CorrectionUnrelated


def withdraw_adjustment(work: Work, command: WithdrawAdjustment) -> AdjustmentState:
    """Take back what one has proposed oneself; raises AdjustmentUnknown or AdjustmentMoved."""
    row = locked_adjustment(work, command.adjustment)
    if row.maker != work.actor.person:
        raise AdjustmentUnknown
    done = AdjustmentState(id=row.id, state="withdrawn")
    if row.state == "withdrawn":
        work.replayed()
        return done
    if row.state != "proposed":
        raise AdjustmentMoved
    work.connection.execute(
        update(Adjustment)
        .where(Adjustment.id == row.id)
        .values(state="withdrawn", closed_at=work.now),
    )
    return done


def locked_adjustment(work: Work, adjustment: UUID) -> Row[Adjustment]:
    """Lock a proposal and read it; raises AdjustmentUnknown."""
    query = select(Adjustment.__table__).where(Adjustment.id == adjustment)
    if not work.is_sqlite:
        query = query.with_for_update()
    row = work.connection.execute(query).first()
    if row is None:
        raise AdjustmentUnknown
    return row


def refuse_decision(work: Work, row: Row[Adjustment]) -> UUID | None:
    """Raise unless the actor may decide: role, place, not own, not the maker, not too large.

    Returns the household that the actor lives in.
    """
    work.actor.require("points.adjust", row.community)
    household = refuse_own(work, row.person, row.household)
    if not is_second(work.connection, work.actor.person, row.maker):
        raise AdjustmentNeedsSecondPerson
    limit = settings.integer(work.connection, "redeem.lead_points", work.now, row.community)
    large = row.together >= limit * CENTIPOINTS
    if large and not work.actor.may("points.adjust_large", row.community):
        raise LeadDecides(limit=limit)
    return household
