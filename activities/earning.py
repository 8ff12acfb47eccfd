"""What an attendance earns: once for taking part, by the half hour for serving."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select

from activities.models import Attendance
from activities.situation import Record, Situation
from core import settings
from core.directory import directory
from core.errors import N_
from core.formats import hours
from core.served import HALF_HOUR, Span, covered
from points.accounts import resident_account
from points.earning.awards import Award, Provenance, award
from points.earning.recorders import EMERGENCY
from points.earning.rules import Rule
from points.feeds.hours import imported_before
from points.ledger import lock_accounts

if TYPE_CHECKING:
    from core.work import Work

PROVENANCES: tuple[Provenance, ...] = ("verified", "recorded", "back_filled")
BY_HAND = frozenset({"hand", "sheet"})


@dataclass(frozen=True, slots=True)
class Earned:
    """Centipoints that are pending now, half hours that count, when they arrive, the award."""

    amount: int | None
    half_hours: int | None
    due: dt.datetime | None
    award: UUID | None
    #: Half hours that do not count, as hours imported before had given their points.
    elsewhere: int = 0


NOTHING = Earned(None, None, None, None)


def part_words(part: str) -> str:
    """Return the part as residents read it."""
    return N_("来参加") if part == "take_part" else N_("来帮忙")


def earn(
    work: Work,
    command: Record,
    now: Situation,
    provenance: Provenance,
) -> Earned:
    """Award taking part at the entry, serving at the exit."""
    serves = command.part == "serve"
    if serves != (command.phase == "exit"):
        return NOTHING
    units, elsewhere = _half_hours(work, command, now) if serves else (1, 0)
    if now.rule is None or units == 0:
        return Earned(None, units if serves else None, None, None, elsewhere)
    # Hours are no better proven than the weaker of their two ends.
    proven = max(now.entry_provenance or provenance, provenance, key=PROVENANCES.index)
    by_hand = _by_hand(work, command, now)
    served = N_(" {hours} 小时").format(hours=hours(units)) if serves else ""
    made = award(
        work,
        Award(
            cause=f"attendance:{command.session}:{command.resident}:{command.part}",
            holder_kind="resident",
            holder_id=command.resident,
            community=now.home,
            bearing=now.community if serves else now.home,
            rule=_rule(now),
            units=units,
            amount_per_unit=now.amount,
            provenance=proven,
            reason=f"{now.title}，{part_words(command.part)}{served}",
            source_kind="session",
            source_id=command.session,
            event_at=command.at,
            household=now.household,
            needs_second=_needs_second(work, command, now, by_hand, proven),
            recorded_by=by_hand,
        ),
    )
    return Earned(made.amount or None, units if serves else None, made.due, made.id, elsewhere)


def _rule(now: Situation) -> Rule:
    return Rule(
        key=now.rule,
        name=now.rule_name,
        points_kind=now.points_kind,
        unit=now.unit,
        amount=now.amount,
        cap_per_day=now.cap_per_day,
        cap_per_month=now.cap_per_month,
        cap_per_year=now.cap_per_year,
        holder="resident",
        recorded_by=now.recorded_by,
        provenance=now.provenance,
        note="",
        cap_per_act=now.cap_per_act,
        household_cap_per_day=now.household_cap_per_day,
        household_cap_per_month=now.household_cap_per_month,
        household_cap_per_year=now.household_cap_per_year,
    )


def half_hours(
    entry: dt.datetime,
    left: dt.datetime,
    start: dt.datetime,
    end: dt.datetime,
    grace_minutes: int,
) -> int:
    """Return floor((min(left, end) − max(entry, start) + grace) / 30 min), never negative."""
    return _halves(min(left, end) - max(entry, start), grace_minutes)


def _halves(served: dt.timedelta, grace_minutes: int) -> int:
    return max(0, (served + dt.timedelta(minutes=grace_minutes)) // HALF_HOUR)


def _half_hours(work: Work, command: Record, now: Situation) -> tuple[int, int]:
    """Return the half hours that count, and those that were imported before and do not."""
    grace = settings.integer(work.connection, "points.hour_grace_minutes", work.now)
    start, end = max(now.arrived_at, now.starts_at), min(command.at, now.ends_at)
    whole = left = _halves(end - start, grace)
    # Of an arrival that was scanned, whatever is imported later knows already.
    if whole and now.rule is not None and now.entry_method in BY_HAND:
        left = _halves(end - start - _imported(work, command, now, Span(start, end)), grace)
    return left if command.half_hours is None else min(command.half_hours, left), whole - left


def _imported(work: Work, command: Record, now: Situation, span: Span) -> dt.timedelta:
    """Return how much of a span hours cover that were imported before the arrival was entered."""
    # An import locks the same account before it reads attendances: one of the two sees the other.
    lock_accounts(work, resident_account(command.resident, now.home, "service"))
    entered = work.connection.execute(
        select(Attendance.recorded_at).where(
            Attendance.session == command.session,
            Attendance.resident == command.resident,
            Attendance.part == command.part,
            Attendance.phase == "entry",
        ),
    ).scalar_one()
    return covered(span, imported_before(work.connection, command.resident, span, entered))


def _by_hand(work: Work, command: Record, now: Situation) -> UUID | None:
    """Return who entered the attendance or one of its ends by hand, if anybody did."""
    if command.method in BY_HAND:
        return work.actor.person
    found: UUID | None = now.entry_by if now.entry_method in BY_HAND else None
    return found


def _needs_second(
    work: Work,
    command: Record,
    now: Situation,
    by_hand: UUID | None,
    proven: Provenance,
) -> bool:
    """Whether a second person has to confirm it (details.md 12), as with acts of one's own.

    What has to be confirmed is what can be spent: design.md 6 and the setting
    ``checkin.by_hand_percent`` speak of hours that cannot be redeemed before. Basic points of a
    paper sheet are there the next morning.
    """
    if now.points_kind != "service":
        return False
    if now.rule == EMERGENCY or proven == "back_filled":
        return True
    if by_hand is None:
        return False
    own = directory().own(work.connection, by_hand)
    return command.resident in own or _too_many_by_hand(work, command, now.community)


def _too_many_by_hand(work: Work, command: Record, community: int) -> bool:
    """Whether staff entered more of the session's people than the community's share allows."""
    by_hand, all_of_them = work.connection.execute(
        select(
            func.count().filter(Attendance.method.in_(BY_HAND)),
            func.count(),
        ).where(Attendance.session == command.session, Attendance.phase == "entry"),
    ).one()
    percent = settings.integer(work.connection, "checkin.by_hand_percent", work.now, community)
    return bool(by_hand * 100 > percent * all_of_them)
