"""What became of sheets of acts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import and_, func, select

from core.directory import directory
from core.errors import N_
from points.earning.act_sheets import ActSheetUnknown
from points.models import ActSheet, ActSheetRow
from points.models import Award as AwardRow

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
    """A row with what it gave and whom; ``message`` also says what it waits for now."""

    number: int
    outcome: str
    message: str
    name: str
    reason: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetPage:
    """A sheet with its rows; ``counts`` by outcome."""

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
    counted = connection.execute(
        select(
            ActSheetRow.outcome,
            func.count().label("number"),
            func.coalesce(func.sum(AwardRow.amount), 0).label("amount"),
        )
        .outerjoin(AwardRow, AwardRow.id == ActSheetRow.award)
        .where(ActSheetRow.sheet == sheet)
        .group_by(ActSheetRow.outcome),
    ).all()
    return SheetPage(
        line=line,
        counts={each.outcome: each.number for each in counted},
        amount=sum(int(each.amount) for each in counted if each.outcome == "recorded"),
        rows=_rows(connection, sheet),
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
        )
        .outerjoin(AwardRow, AwardRow.id == ActSheetRow.award)
        .where(ActSheetRow.sheet == sheet)
        .order_by(ActSheetRow.outcome == "recorded", ActSheetRow.number),
    ).all()
    holders = {row.holder_id for row in rows if row.holder_id}
    names = directory().standings(connection, holders)
    return tuple(
        ResultRow(
            number=row.number,
            outcome=row.outcome,
            message="，".join(filter(None, (row.message, WAITS if row.waits else ""))),
            name=names[row.holder_id].name if row.holder_id in names else "",
            reason=row.reason or "",
            amount=row.amount or 0,
        )
        for row in rows
    )
