"""Deductions (扣分), off by default: basic points of a household, after two reminders."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import insert, literal, null, select, update
from sqlalchemy.dialects import postgresql, sqlite

from core import settings
from core.directory import directory, refuse_closed
from core.errors import N_, Conflict, Rejected
from core.formats import signed
from core.ids import uuid8
from points.accounts import account_id, household_account
from points.earning.acts import NOTE_MAX
from points.earning.caps import Wanted, free_caps, periods_of, use_caps
from points.earning.community_rules import DeductionsOff
from points.earning.helping import HELP_EPOCH
from points.earning.recorders import HolderUnknown
from points.earning.rules import Rule, RuleUnknown, rule_in_force
from points.ledger import Posting, free_of, lock_accounts, post
from points.models import Deduction, Reminder, RuleUsage
from points.reminding import tell_household

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.work import Work

DEDUCTION = "deduction"
REMINDERS = 2
REMINDED_DAYS = 90
"""A reminder counts for this long."""


class RemindersMissing(Conflict):
    """Two reminders on two days come before a deduction."""

    text = N_("扣分前要先提醒两次，不在同一天，并且留下记录。现在还不够，请先提醒。")


class NothingToDeduct(Conflict):
    """The household has no basic points, or the rule's cap is used up."""

    text = N_("这一户没有可扣的基本积分，或这条规则已扣到上限。只扣到零，这次不扣。")


class OwnDeduction(Conflict):
    """Nobody takes points from their own household."""

    text = N_("这是您自己家，要由别的工作人员来办。")


class ReminderDayWrong(Rejected):
    """A reminder was given today or in the last month."""

    text = N_("提醒的日期最晚是今天，最早是 31 天前。请改好再保存。")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteReminder:
    """Somebody reminded a household; once per day."""

    community: int
    household: UUID
    rule: str
    day: dt.date | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderNoted:
    """The reminder, and how many count now."""

    reminders: int
    exists: bool


def note_reminder(work: Work, command: NoteReminder) -> ReminderNoted:
    """Keep a reminder; the same day again is the same one.

    Raises DeductionsOff, RuleUnknown, HolderUnknown, PlaceClosed, OwnDeduction, ReminderDayWrong,
    Forbidden, NotInYourScope.
    """
    day = command.day or work.day
    _rule(work, command.community, command.rule)
    _household(work, command.community, command.household)
    if not 0 <= (work.day - day).days <= 31:  # noqa: PLR2004 - a month
        raise ReminderDayWrong
    upsert = sqlite.insert if work.is_sqlite else postgresql.insert
    made = work.connection.execute(
        upsert(Reminder)
        .values(
            id=work.new_id(),
            community=command.community,
            household=command.household,
            rule=command.rule,
            day=day,
            note=command.note.strip()[:NOTE_MAX],
            noted_by=work.actor.person,
            noted_at=work.now,
        )
        .on_conflict_do_nothing(index_elements=["household", "rule", "day"])
        .returning(Reminder.id),
    ).first()
    if made is None:
        work.replayed()
    counting = _counting(work.connection, command.household, command.rule, work.day)
    return ReminderNoted(reminders=len(counting), exists=made is None)


def _rule(work: Work, community: int, key: str) -> Rule:
    work.actor.require("points.adjust", community)
    if not settings.flag(work.connection, "points.deductions", work.now, community):
        raise DeductionsOff
    rule = rule_in_force(work.connection, community, key, work.day)
    if rule.amount >= 0 or rule.holder != "household" or rule.points_kind != "basic":
        raise RuleUnknown
    return rule


def _household(work: Work, community: int, household: UUID) -> None:
    found = directory().standings(work.connection, [household]).get(household)
    if found is None or found.kind != "household" or found.community != community:
        raise HolderUnknown
    refuse_closed(work.connection, community, found.until, work.day)
    if household in directory().own(work.connection, work.actor.person):
        raise OwnDeduction


def _counting(connection: Connection, household: UUID, rule: str, day: dt.date) -> list[Any]:
    """Return the reminders that count: of the last months, and for no deduction yet.

    What a family was reminded of that has moved away counts for nobody who lives there next.
    """
    rows = connection.execute(
        select(Reminder.__table__)
        .where(
            Reminder.household == household,
            Reminder.rule == rule,
            Reminder.deduction.is_(None),
            Reminder.day > day - dt.timedelta(days=REMINDED_DAYS),
        )
        .order_by(Reminder.day),
    ).all()
    went_with = directory().went_with
    return [row for row in rows if not went_with(connection, household, row.noted_at)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deduct:
    """Take what a rule says from a household; once per key."""

    key: str
    community: int
    household: UUID
    rule: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deducted:
    """The transfer, and how many centipoints were taken: never more than there were."""

    id: UUID
    amount: int
    exists: bool


def deduct(work: Work, command: Deduct) -> Deducted:
    """Take basic points from a household, with the reason on its list of points; it is told.

    Raises DeductionsOff, RuleUnknown, HolderUnknown, PlaceClosed, OwnDeduction, RemindersMissing,
    NothingToDeduct, Forbidden, NotInYourScope.
    """
    work.actor.require("points.adjust", command.community)
    identity = uuid8(HELP_EPOCH, "deduction", work.actor.person, command.key)
    account = household_account(command.household, command.community)
    # Two who deduct at once wait here: the second finds the reminders used, or its own key.
    lock_accounts(work, account)
    # What was done stays done, also where the rule has been switched off since.
    earlier = _earlier(work, identity)
    if earlier is not None:
        return earlier
    rule = _rule(work, command.community, command.rule)
    _household(work, command.community, command.household)
    reminders = _counting(work.connection, command.household, command.rule, work.day)
    if len(reminders) < REMINDERS:
        raise RemindersMissing
    amount = min(-rule.amount, free_of(work, account))
    if amount <= 0 or not _within_caps(work, command.household, rule):
        raise NothingToDeduct
    words = command.reason.strip()[:NOTE_MAX]
    reason = f"{rule.name}，{words}" if words else rule.name
    post(
        work,
        Posting(
            id=identity,
            act="adjustment",
            points_kind="basic",
            community=command.community,
            debit=account,
            credit=account_id("adjusted", command.community, "basic"),
            amount=amount,
            event_at=work.now,
            source_kind=DEDUCTION,
            source_id=identity,
            note=reason,
        ),
    )
    work.connection.execute(
        insert(Deduction).values(
            id=identity,
            community=command.community,
            household=command.household,
            account=account,
            points_kind="basic",
            holder_kind="household",
            rule=command.rule,
            amount=amount,
            reason=reason,
            day=work.day,
            recorded_by=work.actor.person,
            created_at=work.now,
        ),
    )
    used = [row.id for row in reminders]
    work.connection.execute(
        update(Reminder).where(Reminder.id.in_(used)).values(deduction=identity),
    )
    home = (command.community, command.household)
    tell_household(work, home, str(identity), signed(-amount), reason)
    return Deducted(id=identity, amount=amount, exists=False)


def _earlier(work: Work, identity: UUID) -> Deducted | None:
    """Return what the same key of the same person took before."""
    amount = work.connection.scalar(select(Deduction.amount).where(Deduction.id == identity))
    if amount is None:
        return None
    work.replayed()
    return Deducted(id=identity, amount=amount, exists=True)


def _within_caps(work: Work, household: UUID, rule: Rule) -> bool:
    """Use one unit of the rule's caps; False where they are used up."""
    rows = work.connection.execute(
        select(RuleUsage.period, RuleUsage.used).where(
            RuleUsage.holder_id == household,
            RuleUsage.rule == rule.key,
            RuleUsage.period.in_(periods_of(work.now)),
        ),
    )
    used = {(household, rule.key, row.period): row.used for row in rows}
    return use_caps(work, rule, Wanted(holder=household, units=1, at=work.now), used) == 1


def forget_deduction(work: Work, identity: UUID) -> None:
    """Free the cap and the reminders of a deduction that was given back whole.

    They count for another one, as a rule's units do when an award is taken back.
    """
    counted = work.connection.execute(
        select(
            Deduction.household.label("holder_id"),
            null().label("counted_for"),
            Deduction.rule,
            literal(1).label("units"),
            Deduction.created_at.label("event_at"),
            Deduction.created_at,
        ).where(Deduction.id == identity),
    ).one()
    free_caps(work, counted, counted.units)
    work.connection.execute(
        update(Reminder).where(Reminder.deduction == identity).values(deduction=None),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A deduction rule of a community and where a household stands with it."""

    rule: str
    name: str
    amount: int
    reminders: tuple[Any, ...]
    may_deduct: bool


def standing(
    connection: Connection, household: UUID, rules: list[Rule], day: dt.date
) -> tuple[Standing, ...]:
    """Return the rules that deduct, with the reminders that a household got."""
    found = []
    for rule in rules:
        if rule.amount >= 0:
            continue
        counting = tuple(_counting(connection, household, rule.key, day))
        found.append(
            Standing(
                rule=rule.key,
                name=rule.name,
                amount=rule.amount,
                reminders=counting,
                may_deduct=len(counting) >= REMINDERS,
            ),
        )
    return tuple(found)


def deductions_of(connection: Connection, household: UUID) -> list[Any]:
    """Return what was taken from a household, the newest first."""
    return list(
        connection.execute(
            select(Deduction.__table__)
            .where(Deduction.household == household)
            .order_by(Deduction.created_at.desc()),
        ),
    )
