"""What staff enter: one resident by hand, or the lines of a paper sheet."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select

from activities.attendance import NotOpenYet, Recorded, TooLate, may_enter, record_attendance
from activities.models import Session
from activities.publish import Part, SessionUnknown
from activities.situation import Method, Record
from core.errors import N_, AppError, Rejected
from core.formats import hours

if TYPE_CHECKING:
    from core.work import Work

REASON_MAX = 40
UTC = Session.ends_at.type
ELSEWHERE = N_("{hours} 小时已按导入的志愿时长计过分，只记到场，不重复计分。")
"""Said where hours entered by hand had been imported before."""


class EntryReasonMissing(Rejected):
    """An entry by hand says why."""

    text = N_("请写一句原因，比如没带手机，再登记。")


class TimesWrong(Rejected):
    """Times entered by hand lie within the session, the exit after the entry."""

    text = N_("时间要在这一场的前后半小时里，离开要晚于签到。请改好再登记。")


class TimesMissing(Rejected):
    """An entry by hand has a time: of the entry, of the exit or both."""

    text = N_("还没有写时间。请写上签到或离开的时间，再登记。")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterByHand:
    """Staff answer for it: entry, exit or both, with the reason."""

    session: UUID
    resident: UUID
    part: Part
    entry: dt.datetime | None
    exit: dt.datetime | None
    reason: str
    method: Method = "hand"


def enter_by_hand(work: Work, command: EnterByHand) -> Recorded:
    """Enter a resident's arrival, leaving or both; entered twice it stands once.

    Raises EntryReasonMissing, TimesMissing, TimesWrong, and as ``record_attendance``.
    """
    reason = command.reason.strip()[:REASON_MAX]
    if not reason:
        raise EntryReasonMissing
    moments = [("entry", command.entry), ("exit", command.exit)]
    given = [(phase, at) for phase, at in moments if at is not None]
    both = command.entry is not None and command.exit is not None
    if not given:
        raise TimesMissing
    if both and command.exit <= command.entry:  # type: ignore[operator]
        raise TimesWrong
    changed = False
    result: Recorded | None = None
    for phase, at in given:
        if at > work.now:
            raise TimesWrong
        work.changed = True
        record = Record(
            session=command.session,
            resident=command.resident,
            part=command.part,
            phase="entry" if phase == "entry" else "exit",
            method=command.method,
            at=at,
            reason=reason,
        )
        try:
            result = record_attendance(work, record)
        except (NotOpenYet, TooLate) as refusal:
            raise TimesWrong from refusal
        if result.outcome == "left" and result.at <= result.arrived_at:
            raise TimesWrong
        changed = changed or work.changed
    work.changed = changed
    assert result is not None  # noqa: S101 - something was given
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRow:
    """A line of a paper sheet; times that are not written are those of the session.

    Whoever serves without an exit stayed until it ended, or until now while it goes on.
    """

    resident: UUID
    part: Part
    entry: dt.datetime | None = None
    exit: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterSheet:
    """The lines of a paper sheet of one session."""

    session: UUID
    rows: tuple[SheetRow, ...]
    reason: str = N_("照签到表录入")


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetLine:
    """What became of a line: its outcome; why it was refused, or did not count in full."""

    row: int
    outcome: str
    message: str
    award: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetEntered:
    """What became of each line."""

    entered: int
    refused: int
    lines: tuple[SheetLine, ...]


def enter_sheet(work: Work, command: EnterSheet) -> SheetEntered:
    """Enter a sheet; a line that is refused is left out by itself, the others stand.

    Raises SessionUnknown, Forbidden, NotInYourScope.
    """
    session = work.connection.execute(
        select(
            Session.community,
            Session.starts_at,
            func.coalesce(Session.closed_at, Session.ends_at, type_=UTC).label("ended_at"),
        ).where(Session.id == command.session),
    ).first()
    if session is None:
        raise SessionUnknown
    may_enter(work, session.community)
    upto = min(session.ended_at, work.now)
    lines: list[SheetLine] = []
    changed = False
    for index, row in enumerate(command.rows):
        entry = row.entry or session.starts_at
        stayed = row.exit is None and row.part == "serve" and entry < upto
        try:
            with work.connection.begin_nested():
                done = enter_by_hand(
                    work,
                    EnterByHand(
                        session=command.session,
                        resident=row.resident,
                        part=row.part,
                        entry=entry,
                        exit=upto if stayed else row.exit,
                        reason=command.reason,
                        method="sheet",
                    ),
                )
            changed = changed or work.changed
            message = ELSEWHERE.format(hours=hours(done.elsewhere)) if done.elsewhere else ""
            line = SheetLine(row=index, outcome=done.outcome, message=message, award=done.award)
            lines.append(line)
        except AppError as refusal:
            if refusal.retried:
                raise
            message = refusal.sentence()
            lines.append(SheetLine(row=index, outcome="refused", message=message, award=None))
    work.changed = changed
    refused = sum(line.outcome == "refused" for line in lines)
    return SheetEntered(entered=len(lines) - refused, refused=refused, lines=tuple(lines))
