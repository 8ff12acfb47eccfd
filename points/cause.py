"""Looking an award up by its cause: for the page of whoever caused it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from points.models import Award

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Caused:
    """What a cause gave: centipoints, units, state and when it arrives."""

    id: UUID
    amount: int
    units: int
    state: str
    due: dt.datetime | None


def award_of(connection: Connection, cause: str) -> Caused | None:
    """Return the award of a cause, or None."""
    row = connection.execute(
        select(Award.id, Award.amount, Award.units, Award.state, Award.due).where(
            Award.cause == cause,
        ),
    ).first()
    if row is None:
        return None
    return Caused(id=row.id, amount=row.amount, units=row.units, state=row.state, due=row.due)


def awards_of(connection: Connection, source_kind: str, source_id: UUID) -> dict[str, Caused]:
    """Return the awards of one source by their cause."""
    rows = connection.execute(
        select(Award.__table__).where(
            Award.source_kind == source_kind,
            Award.source_id == source_id,
        ),
    )
    return {
        row.cause: Caused(
            id=row.id, amount=row.amount, units=row.units, state=row.state, due=row.due
        )
        for row in rows
    }
