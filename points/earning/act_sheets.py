"""Many acts at once, from a sheet or a list of doors: repeatable, chunk by chunk, row by row.

A row is known by its rule, its holder, its day (its month, where the rule is monthly) and how
often they came before on the same sheet: the same sheet twice gives the same awards, whoever
brings it. What was cancelled or taken back since stays so, unless it is said to be recorded again.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.dialects import postgresql, sqlite

from core.acts import Actor
from core.errors import N_, AppError, NotFound, Rejected
from core.ids import uuid8
from core.work import transact
from points.earning.acts import award_of, told
from points.earning.awards import Awarded, award
from points.earning.caps import full_words
from points.earning.helping import HELP_EPOCH
from points.earning.recorders import Act, Asking, Checked, Recorder, recorder
from points.earning.repeats import UNDONE, Before, RowOf, last_awards, meant
from points.models import ActSheet, ActSheetRow

if TYPE_CHECKING:
    from core.work import Work

CHUNK = 400
"""Rows of one transaction: about a second, and nothing of a chunk is done by half."""

ROWS_MAX = 2_000
NAME_MAX = 60
KNOWN_AS = N_("记的是 {much}")
MORE = N_("记的是 {much}，要改请先取消或冲回")
TIMES = N_("{units} 次")
PART = N_("其中一部分冲回了")


class ActSheetTooLong(Rejected):
    """A sheet holds at most two thousand rows."""

    text = N_("一次最多 2000 行，请分几张表来记。")


class ActSheetEmpty(Rejected):
    """A sheet has at least one row."""

    text = N_("表里没有要记的行。请核对后再来。")


class ActSheetUnknown(NotFound):
    """There is no such sheet at this community."""

    text = N_("没有找到这张表。请从记一笔里重新打开。")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAct:
    """A row: its number on the sheet, the act, and how often the same came before it.

    ``equals``: how many of the sheet's rows say the same; None where the row itself was chosen.
    """

    number: int
    act: Act
    occurrence: int = 0
    equals: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowResult:
    """What became of a row: recorded, existed, capped (nothing left of it) or refused."""

    number: int
    outcome: str
    award: UUID | None
    units: int
    amount: int
    #: It was recorded now, and arrives when a second person has confirmed it.
    waits: bool = False
    message: str
    #: It existed, and nothing of it is left: it can be recorded again.
    undone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRows:
    """A chunk of rows; ``sheet`` None: a list of doors that is not kept.

    ``unread`` are lines of the sheet that mean nothing, each with its sentence. ``again``: what
    was recorded and undone before that moment is recorded once more.
    """

    community: int
    rows: tuple[ListedAct, ...]
    unread: tuple[RowResult, ...] = ()
    sheet: UUID | None = None
    name: str = ""
    total: int = 0
    again: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsRecorded:
    """What became of each row."""

    rows: tuple[RowResult, ...]

    def count(self, outcome: str) -> int:
        """Return how many rows came out so."""
        return sum(row.outcome == outcome for row in self.rows)

    @property
    def waiting(self) -> int:
        """How many of those that were recorded now wait for a second person."""
        return sum(row.waits for row in self.rows)

    @property
    def amount(self) -> int:
        """Centipoints that were awarded now."""
        return sum(row.amount for row in self.rows if row.outcome == "recorded")


def listed(acts: Iterable[tuple[int, Act]], day: dt.date) -> tuple[ListedAct, ...]:
    """Number equal acts of a sheet, so that two of a day are two, on every repeat the same."""
    seen: Counter[tuple[object, ...]] = Counter()
    rows = []
    for number, act in acts:
        same = (act.rule, act.holder_id, act.day or day)
        rows.append((same, ListedAct(number=number, act=act, occurrence=seen[same])))
        seen[same] += 1
    return tuple(replace(row, equals=seen[same]) for same, row in rows)


def sheet_id(
    community: int,
    rows: Sequence[ListedAct],
    unread: Sequence[RowResult] = (),
    *,
    again: dt.datetime | None = None,
) -> UUID:
    """Return the one id that a sheet of this content has."""
    return uuid8(HELP_EPOCH, "sheet", community, content_of(rows, unread, again))


def content_of(
    rows: Sequence[object], unread: Sequence[RowResult], again: dt.datetime | None
) -> str:
    """Return what tells a sheet or a file from another: its rows, and what was to be done anew."""
    unread_lines = (str(row.number) for row in unread)
    text = "\n".join([*map(repr, rows), *unread_lines, *([again.isoformat()] if again else [])])
    return blake2b(text.encode(), digest_size=16).hexdigest()


def record_rows(work: Work, command: RecordRows) -> RowsRecorded:
    """Record a chunk; a row that does not fit is refused by itself.

    Raises ActSheetTooLong, Forbidden, NotInYourScope.
    """
    if len(command.rows) > CHUNK:
        raise ActSheetTooLong
    checker = recorder(work, command.community, *(row.act for row in command.rows))
    if command.sheet is not None:
        keep_sheet(work, command, command.sheet)
    results = [_record(work, checker, command, row) for row in command.rows]
    results += command.unread
    if command.sheet is not None:
        keep_rows(work, command.sheet, results)
    if all(row.outcome != "recorded" for row in results):
        work.replayed()
    return RowsRecorded(rows=tuple(results))


def _record(work: Work, checker: Recorder, command: RecordRows, row: ListedAct) -> RowResult:
    try:
        checked = checker.check(row.act)
    except AppError as refusal:
        return refused_row(row.number, refusal.sentence())
    of = _row_of(command.community, row, checked)
    cause = of.cause
    done = award(work, award_of(row.act, checked, cause, "act"))
    if done.exists:
        before = meant(work.connection, of, last_awards(work.connection, [cause])[cause])
        if not before.is_free(command.again):
            return existed_row(row.number, row.act.units, before)
        cause = before.next_cause
        done = award(work, award_of(row.act, checked, cause, "act"))
    if checked.helped is not None and done.id is not None:
        told(work, row.act, checked, uuid8(HELP_EPOCH, "help", cause))
    return awarded_row(row.number, row.act, done)


def _row_of(community: int, row: ListedAct, checked: Checked) -> RowOf:
    return RowOf(
        community=community,
        rule=checked.rule,
        holder=row.act.holder_id,
        day=checked.day,
        occurrence=row.occurrence,
        equals=row.equals,
    )


def awarded_row(number: int, act: Act, done: Awarded) -> RowResult:
    """Return what a row came to; where a cap left units out, it says which."""
    return RowResult(
        number=number,
        outcome="existed" if done.exists else "capped" if done.id is None else "recorded",
        award=done.id,
        units=done.units,
        amount=done.amount,
        waits=done.id is not None and done.due is None and not done.exists,
        message=full_words(done.cap, act.holder_kind, done.units) if done.cap else "",
    )


def existed_row(number: int, units: int, before: Before, much: str | None = None) -> RowResult:
    """Return a row that was recorded before; where ``units`` says otherwise now, it tells.

    ``much``: what was recorded, in words other than 次. Where less was, a cap, or what was known
    already, may have left the rest out: it is not said to be wrong.
    """
    message = "" if before.stands else UNDONE
    if before.is_part:
        message = PART
    elif before.stands and before.units != units:
        words = MORE if before.units > units else KNOWN_AS
        message = words.format(much=much or TIMES.format(units=before.units))
    return RowResult(
        number=number,
        outcome="existed",
        award=before.id,
        units=before.units,
        amount=before.amount,
        message=message,
        undone=not before.stands,
    )


def refused_row(number: int, sentence: str) -> RowResult:
    """Return a row that was refused with its sentence."""
    return RowResult(
        number=number, outcome="refused", award=None, units=0, amount=0, message=sentence
    )


def keep_sheet(work: Work, command: RecordRows, sheet: UUID) -> None:
    """Keep a sheet's name, how many rows it has, and who brought it first."""
    upsert = sqlite.insert if work.is_sqlite else postgresql.insert
    work.connection.execute(
        upsert(ActSheet)
        .values(
            id=sheet,
            community=command.community,
            name=command.name[:NAME_MAX],
            total=command.total,
            recorded_by=work.actor.person,
            created_at=work.now,
        )
        .on_conflict_do_nothing(index_elements=["id"]),
    )


def keep_rows(work: Work, sheet: UUID, results: list[RowResult]) -> None:
    """Keep what became of the rows; a row that was refused before may have come through now.

    That one was undone is not kept: it is asked when the sheet is shown.
    """
    upsert = sqlite.insert if work.is_sqlite else postgresql.insert
    statement = upsert(ActSheetRow)
    kept = [
        {
            "sheet": sheet,
            "number": row.number,
            "outcome": row.outcome,
            "award": row.award,
            "message": "" if row.undone else row.message,
        }
        for row in results
    ]
    changed = {name: statement.excluded[name] for name in ("outcome", "award", "message")}
    work.connection.execute(
        statement.on_conflict_do_update(
            index_elements=["sheet", "number"],
            set_=changed,
            where=ActSheetRow.award.is_(None),
        ),
        kept,
    )


def record_all(
    actor: Actor,
    community: int,
    rows: Sequence[ListedAct],
    *,
    name: str | None = None,
    unread: Sequence[RowResult] = (),
    again: dt.datetime | None = None,
) -> tuple[UUID | None, RowsRecorded]:
    """Record any number of rows in chunks; with a name the sheet is kept, ``unread`` lines too.

    Raises ActSheetEmpty, ActSheetTooLong, Forbidden, NotInYourScope.
    """
    if not rows:
        raise ActSheetEmpty
    total = len(rows) + len(unread)
    if total > ROWS_MAX:
        raise ActSheetTooLong
    sheet = sheet_id(community, rows, unread, again=again) if name is not None else None
    results: list[RowResult] = []
    for start in range(0, len(rows), CHUNK):
        command = RecordRows(
            community=community,
            rows=tuple(rows[start : start + CHUNK]),
            unread=() if start else tuple(unread),
            sheet=sheet,
            name=name or "",
            total=total,
            again=again,
        )
        results += transact(record_rows, command, actor).rows
    return sheet, RowsRecorded(rows=tuple(results))


def look_at(
    asking: Asking,
    community: int,
    rows: Sequence[ListedAct],
    *,
    again: dt.datetime | None = None,
) -> RowsRecorded:
    """Say what would become of the rows, before caps; nothing is written."""
    checker = recorder(asking, community, *(row.act for row in rows))
    checked: dict[int, Checked] = {}
    refused: dict[int, RowResult] = {}
    for row in rows:
        try:
            checked[row.number] = checker.check(row.act)
        except AppError as refusal:
            refused[row.number] = refused_row(row.number, refusal.sentence())
    rows_of = {
        row.number: _row_of(community, row, found)
        for row in rows
        if (found := checked.get(row.number))
    }
    known = last_awards(asking.connection, [of.cause for of in rows_of.values()])
    seen: list[RowResult] = []
    earlier: set[str] = set()
    for row in rows:
        if row.number in refused:
            seen.append(refused[row.number])
            continue
        of = rows_of[row.number]
        before = known.get(of.cause)
        if before is not None:
            before = meant(asking.connection, of, before)
        if before is not None and not before.is_free(again):
            seen.append(existed_row(row.number, row.act.units, before))
            continue
        # Two days of one month are one cause, where the rule is monthly.
        outcome = "existed" if of.cause in earlier else "recorded"
        earlier.add(of.cause)
        seen.append(_would_be(row, checked[row.number], outcome))
    return RowsRecorded(rows=tuple(seen))


def _would_be(row: ListedAct, checked: Checked, outcome: str) -> RowResult:
    per_act = checked.rule.cap_per_act
    units = row.act.units if per_act is None else min(row.act.units, per_act)
    return RowResult(
        number=row.number,
        outcome=outcome,
        award=None,
        units=units,
        amount=units * checked.rule.amount,
        message="",
    )
