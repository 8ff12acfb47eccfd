"""What became of sheets of acts."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import and_, select

from core.directory import directory
from core.errors import N_
from points.earning.act_sheets import ActSheetUnknown
from points.earning.repeats import UNDONE
from points.models import ActSheet, ActSheetRow, Adjustment
from points.models import Award as AwardRow
from points.taken_back import LEFT, TAKEN_BACK

if TYPE_CHECKING:
    from sqlalchemy import Connection

RECENT = 10
WAITS = N_("等另一位工作人员确认")


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetLine:
    """A sheet in the list."""

    id: UUID
    name: str
    total: int
    created_at: dt.datetime
    by: str


def recent_sheets(connection: Connection, community: int) -> list[SheetLine]:
    """Return the latest sheets of a community."""
    rows = connection.execute(
        select(ActSheet.__table__)
        .where(ActSheet.community == community)
        .order_by(ActSheet.created_at.desc(), ActSheet.id)
        .limit(RECENT),
    ).all()
    known = directory()
    names = {who: known.person(connection, who) for who in {row.recorded_by for row in rows}}
    return [
        SheetLine(
            id=row.id,
            name=row.name,
            total=row.total,
            created_at=row.created_at,
            by=names[row.recorded_by],
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """A row with what it gave and whom; ``message`` also says what it waits for now.

    ``undone``: nothing of what it gave is left.
    """

    number: int
    outcome: str
    message: str
    name: str
    reason: str
    amount: int
    undone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetPage:
    """A sheet with its rows; ``counts`` by outcome, ``undone`` those recorded that are no more."""

    line: SheetLine
    counts: dict[str, int]
    amount: int
    rows: tuple[ResultRow, ...]


def sheet_of(connection: Connection, sheet: UUID, community: int) -> SheetPage:
    """Return a sheet of a community with the rows that came out other than recorded first.

    Raises ActSheetUnknown.
    """
    row = connection.execute(
        select(ActSheet.__table__).where(ActSheet.id == sheet, ActSheet.community == community),
    ).first()
    if row is None:
        raise ActSheetUnknown
    known = directory()
    line = SheetLine(
        id=row.id,
        name=row.name,
        total=row.total,
        created_at=row.created_at,
        by=known.person(connection, row.recorded_by),
    )
    rows = _rows(connection, sheet)
    counts = Counter(
        "undone" if each.undone and each.outcome == "recorded" else each.outcome for each in rows
    )
    return SheetPage(
        line=line,
        counts=dict(counts),
        amount=sum(each.amount for each in rows if each.outcome == "recorded" and not each.undone),
        rows=rows,
    )


def _rows(connection: Connection, sheet: UUID) -> tuple[ResultRow, ...]:
    rows = connection.execute(
        select(
            ActSheetRow.number,
            ActSheetRow.outcome,
            ActSheetRow.message,
            AwardRow.holder_id,
            AwardRow.reason,
            AwardRow.amount,
            and_(AwardRow.state == "pending", AwardRow.due.is_(None)).label("waits"),
            LEFT.label("stands"),
        )
        .outerjoin(AwardRow, AwardRow.id == ActSheetRow.award)
        .outerjoin(Adjustment, TAKEN_BACK)
        .where(ActSheetRow.sheet == sheet)
        .order_by(ActSheetRow.outcome == "recorded", ActSheetRow.number),
    ).all()
    holders = {row.holder_id for row in rows if row.holder_id}
    names = directory().standings(connection, holders)
    return tuple(
        ResultRow(
            number=row.number,
            outcome=row.outcome,
            message=_message(row),
            name=names[row.holder_id].name if row.holder_id in names else "",
            reason=row.reason or "",
            amount=row.amount or 0,
            undone=_is_undone(row),
        )
        for row in rows
    )


def _is_undone(row: Any) -> bool:
    return row.holder_id is not None and not row.stands


def _message(row: Any) -> str:
    """Say why, and what is to be said of its award today."""
    now = UNDONE if _is_undone(row) else WAITS if row.waits else ""
    return "，".join(filter(None, (row.message, now)))
