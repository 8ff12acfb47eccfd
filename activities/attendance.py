"""The one attendance record that every way in ends in.

Unique by (session, resident, part, phase): a double scan, an entry by hand and a sheet typed twice
meet in one row. Core statements only, the first of which reads all that has to be known.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from sqlalchemy import func, select

from activities import visits
from activities.arriving import arrive, write
from activities.codes import Phase
from activities.earning import NOTHING, Earned, earn, part_words
from activities.models import Attendance, RefusedScan, Session, SessionPart
from activities.publish import Part, SessionUnknown
from activities.signup import PartNotOffered, ResidentNotHere
from activities.situation import Record, Situation, situation
from core import settings
from core.directory import refuse_closed
from core.errors import N_, AppError, Conflict, Forbidden, Rejected
from core.work import SHANGHAI, business_day

if TYPE_CHECKING:
    from core.work import Work
    from points.earning.awards import Provenance

Outcome = Literal["arrived", "left", "again", "again_left"]
EXIT_GRACE = dt.timedelta(minutes=30)
"""Exits are taken until half an hour after the end; then a job writes an automatic one."""


OTHER_FREE = N_("{other}还有名额，请选它，或找工作人员")
OTHERS_ONLY = N_("请看看别的场次，或找工作人员")
KEPT_AN_HOUR = 20
"""Refused scans of one person at one session: more would let anybody fill the table."""


class ScanRefused(Rejected):
    """The base of refusals that keep a trace of who was refused, where and why."""

    leaves_trace = True
    text = N_("这次没有签上，请找现场的工作人员登记。")

    def leave_trace(self, work: Work) -> None:
        """Write the refused scan apart from the attendances; twenty an hour say what goes on."""
        work.replayed()
        session = self.facts.get("session")
        kept = select(func.count()).where(
            RefusedScan.session == session if session else RefusedScan.session.is_(None),
            RefusedScan.at > work.now - dt.timedelta(hours=1),
            RefusedScan.actor == work.actor.person,
        )
        if (work.connection.scalar(kept) or 0) >= KEPT_AN_HOUR:
            return
        work.session.add(
            RefusedScan(
                id=work.new_id(),
                session=session,
                resident=self.facts.get("resident"),
                reason=self.code(),
                at=work.now,
                actor=work.actor.person,
            ),
        )


class NotOpenYet(ScanRefused):
    """Check-in opens some minutes before the start."""

    text = N_("还没到签到时间，{opens} 开始签到。请稍后再扫一次。")


class TooLate(ScanRefused):
    """Entries end with the session, exits half an hour after it."""

    text = N_("这一场的签到时间已经过了。确实到了现场的，请找工作人员补录。")


class SessionEnded(ScanRefused):
    """Staff closed or cancelled the session."""

    text = N_("这一场已经结束或取消，不能再签到。有疑问请问现场的工作人员。")


class NotArrived(ScanRefused):
    """An exit needs an entry."""

    text = N_("没有找到您的签到记录，请找现场的工作人员登记。")


class OnlyItsResidents(ScanRefused):
    """The activity is for residents of its own community."""

    text = N_("这场活动只面向{place}的居民，不能签到。可以看看全区开放的活动。")


class PartFull(ScanRefused):
    """No place is left in the part, and nobody kept one by signing up."""

    text = N_("{part}的名额满了，{other}。")


class GrantUsed(ScanRefused):
    """One scan is one record: the next person scans the screen again."""

    text = N_("这次扫码已经用过了。请每个人自己扫一次屏幕上的码。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What it came to; ``amount`` in centipoints is pending now, None where nothing is yet.

    ``elsewhere``: half hours that do not count, as hours imported before had given their points.
    """

    session: UUID
    resident: UUID
    part: str
    outcome: Outcome
    at: dt.datetime
    arrived_at: dt.datetime
    amount: int | None
    half_hours: int | None
    due: dt.datetime | None
    award: UUID | None
    elsewhere: int = 0


def record_attendance(work: Work, command: Record) -> Recorded:
    """Record an entry or an exit, once, and award what it earns.

    A scan of one's own by somebody who is in already is answered with the part they are in.
    Raises SessionUnknown, PartNotOffered, ResidentNotHere, Forbidden, NotInYourScope, and the
    refusals of scans: OnlyItsResidents, NotOpenYet, TooLate, SessionEnded, NotArrived, PartFull,
    GrantUsed; and PlaceClosed.
    """
    now = _situation(work, command)
    # A resident's own word is a scan; everything else is entered by staff, who answer for it.
    own = command.method == "venue" and work.actor.resident == command.resident
    if not own:
        may_enter(work, now.community)
    if command.method != "automatic" and now.has_others:
        own_entry = own and command.phase == "entry"
        known = visits.known_as(work.connection, command, now, any_part=own_entry)
        if known is not None:
            command = replace(command, resident=known)
            now = _situation(work, command)
        elif now.is_gone and now.arrived_at is None:
            raise ResidentNotHere
    done = now.arrived_at if command.phase == "entry" else now.left_at
    if done is not None:
        work.replayed()
        return _answer(command, now, "again" if command.phase == "entry" else "again_left")
    if own and command.phase == "entry" and now.other_at is not None:
        work.replayed()
        return _answer(replace(command, part=now.other_part), now, "again")
    _check_time(work, command, now)
    if command.phase == "exit" and now.arrived_at is None:
        raise NotArrived(session=command.session, resident=command.resident)
    provenance = _provenance(work, command, now)
    values = _values(work, command, provenance)
    if command.phase == "entry" and now.signed_up != "signed_up":
        written = arrive(work, values, now.signed_up)
    else:
        written = write(work, values)
    if written != "written":
        raise _full(work, command) if written == "full" else _lost(work, command)
    earned = earn(work, command, now, provenance)
    outcome: Outcome = "arrived" if command.phase == "entry" else "left"
    return _answer(command, now, outcome, earned)


def _situation(work: Work, command: Record) -> Situation:
    found = situation(work.connection, command)
    if found is not None:
        return found
    known = select(Session.id).where(Session.id == command.session)
    if work.connection.execute(known).first() is None:
        raise SessionUnknown
    offered = select(SessionPart.part).where(
        SessionPart.session == command.session,
        SessionPart.part == command.part,
    )
    if work.connection.execute(offered).first() is None:
        raise PartNotOffered
    raise ResidentNotHere


def may_enter(work: Work, community: int) -> None:
    """Let staff of the community pass; raises Forbidden or NotInYourScope."""
    if not work.actor.is_staff:
        raise Forbidden
    work.actor.require("attendance.enter", community)


def _check_time(work: Work, command: Record, now: Situation) -> None:
    """Refuse what is too early, too late, or in a session that was ended."""
    if command.method == "automatic":
        # Whose exit is missing was there in time, whatever has ended since.
        return
    who = {"session": command.session, "resident": command.resident}
    refuse_closed(work.connection, now.community, now.until, business_day(command.at))
    if now.open_to == "community" and now.home != now.community:
        raise OnlyItsResidents(place=now.display_name, **who)
    if now.state == "cancelled" or (now.state == "closed" and command.method == "venue"):
        raise SessionEnded(**who)
    minutes = settings.integer(
        work.connection, "checkin.open_before_minutes", work.now, now.community
    )
    opens = now.starts_at - dt.timedelta(minutes=minutes)
    if command.at < opens:
        raise NotOpenYet(opens=_clock(opens), **who)
    last = now.ends_at + (EXIT_GRACE if command.phase == "exit" else dt.timedelta(0))
    if command.at > last:
        raise TooLate(**who)


def _clock(moment: dt.datetime) -> str:
    local = moment.astimezone(SHANGHAI)
    return f"{local.hour}:{local.minute:02d}"


def _full(work: Work, command: Record) -> PartFull:
    """Say that the part is full, and whether the other one has room."""
    other = "serve" if command.part == "take_part" else "take_part"
    free = select(SessionPart.part).where(
        SessionPart.session == command.session,
        SessionPart.part == other,
        SessionPart.places.is_(None) | (SessionPart.taken < SessionPart.places),
    )
    has_room = work.connection.execute(free).first() is not None
    return PartFull(
        part=part_words(command.part),
        other=OTHER_FREE.format(other=part_words(other)) if has_room else OTHERS_ONLY,
        session=command.session,
        resident=command.resident,
    )


def _provenance(work: Work, command: Record, now: Situation) -> Provenance:
    if command.method == "venue":
        return "verified"
    late = work.now > now.ends_at + EXIT_GRACE and command.method != "automatic"
    return "back_filled" if late else "recorded"


def _values(work: Work, command: Record, provenance: str) -> dict[str, object]:
    return {
        "id": work.new_id(),
        "session": command.session,
        "resident": command.resident,
        "part": command.part,
        "phase": command.phase,
        "method": command.method,
        "provenance": provenance,
        "event_at": command.at,
        "recorded_at": work.now,
        "recorded_by": work.actor.person,
        "nonce": command.nonce,
        "reason": command.reason,
    }


def _lost(work: Work, command: Record) -> AppError:
    """Say why nothing was inserted.

    The session was cancelled meanwhile, somebody was faster, or the grant is another person's.
    """
    state = select(Session.state).where(Session.id == command.session)
    if work.connection.scalar(state) == "cancelled":
        return SessionEnded(session=command.session, resident=command.resident)
    mine = select(Attendance.id).where(
        Attendance.session == command.session,
        Attendance.resident == command.resident,
        Attendance.part == command.part,
        Attendance.phase == command.phase,
    )
    if work.connection.execute(mine).first() is None:
        return GrantUsed(session=command.session, resident=command.resident)
    return ScanRaced()


class ScanRaced(Conflict):
    """The same scan was recorded at the same moment; tried again, it is answered calmly."""

    retried = True
    text = N_("刚刚已经签上了，不用再扫。")


def _answer(
    command: Record,
    now: Situation,
    outcome: Outcome,
    earned: Earned = NOTHING,
) -> Recorded:
    at = command.at
    if outcome == "again":
        at = now.arrived_at or now.other_at
    elif outcome == "again_left":
        at = now.left_at
    return Recorded(
        session=command.session,
        resident=command.resident,
        part=command.part,
        outcome=outcome,
        at=at,
        arrived_at=now.arrived_at or at,
        amount=earned.amount,
        half_hours=earned.half_hours,
        due=earned.due,
        award=earned.award,
        elsewhere=earned.elsewhere,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckIn:
    """A scan of the venue's code: what the presence grant proves, and the part chosen."""

    session: UUID
    part: Part
    phase: Phase
    at: dt.datetime
    nonce: str


def check_in(work: Work, command: CheckIn) -> Recorded:
    """Record the scan of whoever is signed in; raises as ``record_attendance``."""
    if work.actor.resident is None:
        raise Forbidden
    return record_attendance(
        work,
        Record(
            session=command.session,
            resident=work.actor.resident,
            part=command.part,
            phase=command.phase,
            method="venue",
            at=command.at,
            nonce=command.nonce,
        ),
    )
