"""Acts that staff record by a rule of the catalogue: help among neighbours, a good idea."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from core.errors import N_, NotFound, Rejected
from core.work import SHANGHAI
from points.accounts import HolderKind
from points.awards import Award, Awarded, account_of, award
from points.models import Account
from points.rules import Rule, rule_in_force

if TYPE_CHECKING:
    from core.work import Work

STAFF = "社工"
EMERGENCY = "serve.hour.emergency"
BACK_FILLED_DAYS = 7
"""What is recorded later than this waits for a second person."""

OLDEST_DAYS = 366
NOTE_MAX = 40


class RuleNotByHand(Rejected):
    """The rule is recorded by scanning, by a device or by others, or it takes points away."""

    text = N_("这条规则不由社工登记。请从社工能登记的规则里选一条。")


class HolderUnfit(Rejected):
    """The rule honours residents and the act names a household, or the other way round."""

    text = N_("这条规则记给的对象不对，户的记给户，个人的记给个人。请重新选择。")


class HolderUnknown(NotFound):
    """Nobody of this community has this account."""

    text = N_("本社区没有这位居民或这一户。请先查找居民，再登记。")


class DayOutOfRange(Rejected):
    """The act is neither in the future nor more than a year ago."""

    text = N_("日期要在今天以前、一年以内。请改好后再登记。")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAct:
    """An act of a resident or household of the actor's community; once per key of the actor."""

    key: str
    community: int
    rule: str
    holder_kind: HolderKind
    holder_id: UUID
    units: int
    #: None: today. It is settled inside, so that a repeat after midnight is still the same request.
    day: dt.date | None = None
    note: str = ""
    #: Residents and households the actor belongs to: a second person has to confirm theirs. It is
    #: no part of what was asked, and so of the digest.
    own: frozenset[UUID] = field(default=frozenset(), repr=False)


def record_act(work: Work, command: RecordAct) -> Awarded:
    """Award what staff saw, inside the rule's caps; late, emergency and own ones wait for a second.

    Raises RuleUnknown, RuleNotByHand, HolderUnfit, HolderUnknown, DayOutOfRange, UnitsOutOfRange,
    Forbidden, NotInYourScope.
    """
    work.actor.require("attendance.enter", command.community)
    day = command.day or work.day
    age = (work.day - day).days
    if not 0 <= age <= OLDEST_DAYS:
        raise DayOutOfRange
    rule = rule_in_force(work.connection, command.community, command.rule, day)
    if STAFF not in rule.recorded_by.split("|") or rule.amount <= 0:
        raise RuleNotByHand
    if rule.holder != command.holder_kind:
        raise HolderUnfit
    is_late = age > BACK_FILLED_DAYS
    made = _award_of(work, command, rule, day, is_late=is_late)
    account = select(Account.id).where(Account.id == account_of(made))
    if work.connection.execute(account).first() is None:
        raise HolderUnknown
    done = award(work, made)
    if done.exists:
        work.replayed()
    return done


def _award_of(work: Work, command: RecordAct, rule: Rule, day: dt.date, *, is_late: bool) -> Award:
    note = command.note.strip()[:NOTE_MAX]
    noon = dt.datetime.combine(day, dt.time(12), SHANGHAI).astimezone(dt.UTC)
    cause = f"act:{work.actor.person}:{command.key}"
    return Award(
        cause=cause,
        holder_kind=command.holder_kind,
        holder_id=command.holder_id,
        community=command.community,
        bearing=command.community,
        rule=rule,
        units=command.units,
        amount_per_unit=rule.amount,
        provenance="back_filled" if is_late else "recorded",
        reason=f"{rule.name}，{note}" if note else rule.name,
        source_kind="act",
        source_id=command.holder_id,
        event_at=noon,
        needs_second=is_late or rule.key == EMERGENCY or command.holder_id in command.own,
    )
