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
    """What a cause gave: centipoints, units, state, when it arrives, and who answers for it."""

    id: UUID
    amount: int
    units: int
    state: str
    due: dt.datetime | None
    recorded_by: UUID


CAUSED = (Award.id, Award.amount, Award.units, Award.state, Award.due, Award.recorded_by)


def award_of(connection: Connection, cause: str) -> Caused | None:
    """Return the award of a cause, or None: there was none, or it was taken back."""
    query = select(*CAUSED).where(Award.cause == cause, Award.state != "void")
    row = connection.execute(query).first()
    return Caused(**row._asdict()) if row else None


def awards_of(connection: Connection, source_kind: str, source_id: UUID) -> dict[str, Caused]:
    """Return the awards of one source by their cause, without those taken back."""
    rows = connection.execute(
        select(Award.cause, *CAUSED).where(
            Award.source_kind == source_kind,
            Award.source_id == source_id,
            Award.state != "void",
        ),
    )
    found = (row._asdict() for row in rows)
    return {row.pop("cause"): Caused(**row) for row in found}
