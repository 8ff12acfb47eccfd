"""Hours of 志愿浙江 from a file, for those who cannot call an API: repeatable, row by row.

Hours are known by their resident and their start (their day, where the file has no times): the
same file twice, two files of the same month, a file and a feed give each hour once. What was
cancelled or taken back since stays so, unless it is said to be recorded again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from core import settings
from core.acts import Actor
from core.directory import directory
from core.errors import N_, AppError, Conflict
from core.ids import uuid8
from core.served import HALF_HOUR, Span
from core.work import business_day, day_start, transact
from points.accounts import resident_account
from points.earning.act_sheets import (
    CHUNK,
    ROWS_MAX,
    ActSheetEmpty,
    ActSheetTooLong,
    RecordRows,
    RowResult,
    RowsRecorded,
    awarded_row,
    content_of,
    existed_row,
    keep_rows,
    keep_sheet,
    refused_row,
)
from points.earning.acts import award_of
from points.earning.awards import award
from points.earning.recorders import Act, Asking, Checked, Recorder
from points.earning.repeats import Before, last_awards
from points.feeds.feeders import EPOCH, PLATFORM
from points.feeds.hours import (
    HoursTooShort,
    HoursWrong,
    Known,
    checked_span,
    half_hours_left,
    keep_hours,
    known_spans,
    touches,
)
from points.ledger import lock_accounts

if TYPE_CHECKING:
    from core.work import Work

RULE = "serve.import"
HOURS = N_("{hours} 小时")


class HoursWithoutTimes(Conflict):
    """Hours without their times cannot be held against what is known of that day."""

    text = N_("没有起止时间，而这一天另有签到或导入的时长，不能核对。请补上起止时间再传。")


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursRow:
    """A row: whose hours, when; with ``minutes`` the span is the whole day, and so many of it."""

    number: int
    resident: UUID
    span: Span
    minutes: int | None = None

    @property
    def cause(self) -> str:
        """What the award is known by."""
        start = self.span.starts_at
        when = business_day(start) if self.minutes else start.astimezone(dt.UTC).isoformat()
        return f"hours:{self.resident}:{when}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordHours:
    """A chunk of a file; ``unread`` are lines that mean nothing, each with its sentence."""

    community: int
    rows: tuple[HoursRow, ...]
    unread: tuple[RowResult, ...]
    sheet: UUID
    name: str
    total: int
    #: What was recorded and undone before that moment is recorded once more.
    again: dt.datetime | None = None


def whole_day(day: dt.date) -> Span:
    """Return a day in Hangzhou from its first to its last moment."""
    start = day_start(day)
    return Span(start, start + dt.timedelta(days=1))


def record_hours(work: Work, command: RecordHours) -> RowsRecorded:
    """Record a chunk of rows; one that does not fit is refused by itself.

    Raises Forbidden, NotInYourScope.
    """
    work.actor.require("hours.import", command.community)
    accounts = [
        resident_account(row.resident, command.community, "service") for row in command.rows
    ]
    lock_accounts(work, *accounts)
    results = []
    checker = _Checker(work, work.now, command.community, command.rows, again=command.again)
    for row, found in checker.each():
        if isinstance(found, RowResult):
            results.append(found)
            continue
        act, checked = found
        done = award(work, award_of(act, checked, checker.cause_of(row), "import", command.sheet))
        if done.id is not None:
            keep_hours(work, checker.known, done.id, row.resident, row.span)
        results.append(awarded_row(row.number, act, done))
    results += command.unread
    kept = RecordRows(community=command.community, rows=(), name=command.name, total=command.total)
    keep_sheet(work, kept, command.sheet)
    keep_rows(work, command.sheet, results)
    if all(row.outcome != "recorded" for row in results):
        work.replayed()
    return RowsRecorded(rows=tuple(results))


def look_at_hours(
    asking: Asking,
    now: dt.datetime,
    community: int,
    rows: Sequence[HoursRow],
    *,
    again: dt.datetime | None = None,
) -> RowsRecorded:
    """Say what would become of the rows, before caps; nothing is written."""
    asking.actor.require("hours.import", community)
    checker = _Checker(asking, now, community, rows, again=again)
    results = []
    for row, found in checker.each():
        if isinstance(found, RowResult):
            results.append(found)
            continue
        act, checked = found
        checker.known.imported.setdefault(row.resident, []).append(row.span)
        results.append(
            RowResult(
                number=row.number,
                outcome="recorded",
                award=None,
                units=act.units,
                amount=act.units * checked.rule.amount,
                message="",
            ),
        )
    return RowsRecorded(rows=tuple(results))


class _Checker:
    """Checks rows one after the other, each against those before it; asks each thing once."""

    def __init__(
        self,
        asking: Asking,
        now: dt.datetime,
        community: int,
        rows: Sequence[HoursRow],
        *,
        again: dt.datetime | None,
    ) -> None:
        connection, people = asking.connection, {row.resident for row in rows}
        self.rows, self.now, self.again = rows, now, again
        self.known: Known = known_spans(connection, people, [row.span for row in rows])
        self.awards = last_awards(connection, [row.cause for row in rows])
        self.grace = settings.integer(connection, "points.hour_grace_minutes", now)
        self.recorder = Recorder(
            asking=asking,
            community=community,
            standings=directory().standings(connection, people),
            own=directory().own(connection, asking.actor.person),
            words=frozenset({PLATFORM}),
        )

    def each(self) -> Iterator[tuple[HoursRow, tuple[Act, Checked] | RowResult]]:
        """Go through the rows: an act to record, or why there is none."""
        seen: set[str] = set()
        for row in self.rows:
            before = self.awards.get(row.cause)
            if row.cause in seen or (before is not None and not before.is_free(self.again)):
                yield row, self._existed(row, None if row.cause in seen else before)
                continue
            try:
                found: tuple[Act, Checked] | RowResult = self._check(row)
                seen.add(row.cause)
            except AppError as refusal:
                found = refused_row(row.number, refusal.sentence())
            yield row, found

    def cause_of(self, row: HoursRow) -> str:
        """Return the cause of the award of a row that is to be recorded."""
        before = self.awards.get(row.cause)
        return row.cause if before is None else before.next_cause

    def _existed(self, row: HoursRow, before: Before | None) -> RowResult:
        if before is None:
            # Another row of the same file said the same.
            return RowResult(
                number=row.number, outcome="existed", award=None, units=0, amount=0, message=""
            )
        span = row.span.ends_at - row.span.starts_at
        served = span if row.minutes is None else dt.timedelta(minutes=row.minutes)
        units = (served + dt.timedelta(minutes=self.grace)) // HALF_HOUR
        much = HOURS.format(hours=f"{before.units / 2:g}")
        return existed_row(row.number, units, before, much)

    def _check(self, row: HoursRow) -> tuple[Act, Checked]:
        act = Act(
            rule=RULE,
            holder_kind="resident",
            holder_id=row.resident,
            units=1,
            day=business_day(row.span.starts_at),
            note=N_("志愿浙江"),
        )
        checked = self.recorder.check(act)
        return replace(act, units=self._units(row)), checked

    def _units(self, row: HoursRow) -> int:
        if row.minutes is None:
            span = checked_span(row.span.starts_at, row.span.ends_at, self.now)
            return half_hours_left(self.known, row.resident, span, self.grace)
        if row.span.starts_at + dt.timedelta(minutes=row.minutes) > self.now:
            raise HoursWrong
        taken = (self.known.here, self.known.imported)
        if any(touches(row.span, each.get(row.resident, ())) for each in taken):
            raise HoursWithoutTimes
        units = dt.timedelta(minutes=row.minutes + self.grace) // HALF_HOUR
        if units < 1:
            raise HoursTooShort
        return units


def import_hours(
    actor: Actor,
    community: int,
    rows: Sequence[HoursRow],
    name: str,
    unread: Sequence[RowResult] = (),
    *,
    again: dt.datetime | None = None,
) -> tuple[UUID, RowsRecorded]:
    """Record a file in chunks; the same content is the same sheet. ``unread`` lines are kept too.

    Raises ActSheetEmpty, ActSheetTooLong, Forbidden, NotInYourScope.
    """
    if not rows:
        raise ActSheetEmpty
    total = len(rows) + len(unread)
    if total > ROWS_MAX:
        raise ActSheetTooLong
    sheet = sheet_of_hours(community, rows, unread, again=again)
    results: list[RowResult] = []
    for start in range(0, len(rows), CHUNK):
        command = RecordHours(
            community=community,
            rows=tuple(rows[start : start + CHUNK]),
            unread=() if start else tuple(unread),
            sheet=sheet,
            name=name,
            total=total,
            again=again,
        )
        results += transact(record_hours, command, actor).rows
    return sheet, RowsRecorded(rows=tuple(results))


def sheet_of_hours(
    community: int,
    rows: Sequence[HoursRow],
    unread: Sequence[RowResult] = (),
    *,
    again: dt.datetime | None = None,
) -> UUID:
    """Return the one id that a file of this content has."""
    return uuid8(EPOCH, "hours", community, content_of(rows, unread, again))
