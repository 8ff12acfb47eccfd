"""Adjustments as the desk's lists and the holder's receipts show them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select

from points.models import Adjustment

if TYPE_CHECKING:
    from sqlalchemy import Connection

LISTED_MAX = 200
DONE_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustmentLine:
    """A proposal with what became of it; amounts in centipoints, ``amount`` signed.

    ``together``: what all who paid the line get of it.
    """

    id: UUID
    act: str
    state: str
    community: int
    book: int
    points_kind: str
    holder_kind: str
    holder_id: UUID
    person: UUID | None
    household: UUID
    amount: int
    together: int
    original: UUID | None
    reason: str
    evidence: str
    correction: UUID | None
    maker: UUID
    maker_role: str
    proposed_at: dt.datetime
    checker: UUID | None
    checker_role: str | None
    refusal: str | None
    closed_at: dt.datetime | None
    posted: int
    lapsed: int
    shortage: int
    voided: int
    collected: int
    waiver: str | None
    waived_by: UUID | None
    waived_at: dt.datetime | None

    @property
    def missing(self) -> int:
        """What is still to be collected."""
        return 0 if self.waived_at is not None else self.shortage - self.collected


COLUMNS = [Adjustment.__table__.c[name] for name in AdjustmentLine.__dataclass_fields__]
MISSING = (Adjustment.shortage > Adjustment.collected) & Adjustment.waived_at.is_(None)


def adjustments_waiting(connection: Connection, community: int) -> list[AdjustmentLine]:
    """Return what waits for a second person, the oldest first."""
    waits = (Adjustment.community == community) & (Adjustment.state == "proposed")
    return _lines(connection, waits)


def adjustments_short(connection: Connection, community: int) -> list[AdjustmentLine]:
    """Return the open items: what was to be taken and is not there."""
    return _lines(connection, (Adjustment.community == community) & MISSING)


def adjustments_done(connection: Connection, community: int) -> list[AdjustmentLine]:
    """Return what was decided or withdrawn, the newest first."""
    query = (
        select(*COLUMNS)
        .where(Adjustment.community == community, Adjustment.state != "proposed")
        .order_by(Adjustment.proposed_at.desc(), Adjustment.id.desc())
        .limit(DONE_MAX)
    )
    return [AdjustmentLine(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - documented


def adjustments_about(
    connection: Connection, line: UUID, source_kind: str, source_id: UUID
) -> list[AdjustmentLine]:
    """Return what was posted about a line: what made it, and what undid it."""
    about = Adjustment.original == line
    made = Adjustment.id == source_id if source_kind == "adjustment" else about
    return _lines(connection, (Adjustment.state == "posted") & or_(about, made))


def _lines(connection: Connection, condition: ColumnElement[bool]) -> list[AdjustmentLine]:
    query = select(*COLUMNS).where(condition).order_by(Adjustment.proposed_at, Adjustment.id)
    rows = connection.execute(query.limit(LISTED_MAX))
    return [AdjustmentLine(**row._mapping) for row in rows]  # noqa: SLF001 - documented
