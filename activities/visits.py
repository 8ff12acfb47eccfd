"""Under which of their records somebody came: who moves, or is merged, keeps their visit."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from activities.models import Attendance
from core.directory import directory

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from activities.situation import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A resident's own records in one part of a session, and under which record they came."""

    resident: UUID
    arrived_at: dt.datetime | None
    left_at: dt.datetime | None


def own_visit(connection: Connection, session: UUID, resident: UUID, part: str) -> Visit:
    """Return when a resident came and left in a part, be it before they moved or were merged."""
    records = [resident, *(each.resident for each in directory().former(connection, resident))]
    rows = connection.execute(
        select(Attendance.resident, Attendance.phase, Attendance.event_at).where(
            Attendance.session == session,
            Attendance.resident.in_(records),
            Attendance.part == part,
        ),
    )
    at: dict[UUID, dict[str, dt.datetime]] = {}
    for row in rows:
        at.setdefault(row.resident, {})[row.phase] = row.event_at
    came_as = next((record for record in records if record in at), resident)
    found = at.get(came_as, {})
    return Visit(resident=came_as, arrived_at=found.get("entry"), left_at=found.get("exit"))


def came_as(connection: Connection, command: Record, *, any_part: bool) -> UUID | None:
    """Return the other record under which somebody came: as such they leave, or are in already."""
    same = Attendance.part == command.part
    came = select(Attendance.resident).where(
        Attendance.session == command.session,
        Attendance.resident.in_(_others(connection, command.resident)),
        Attendance.phase == "entry",
    )
    if not any_part:
        came = came.where(same)
    first = came.order_by(same.desc(), Attendance.recorded_at).limit(1)
    found: UUID | None = connection.scalar(first)
    return found


def left_as_another(connection: Connection, session: UUID, resident: UUID) -> bool:
    """Whether another record of somebody who served has the exit already."""
    left = select(Attendance.id).where(
        Attendance.session == session,
        Attendance.resident.in_(_others(connection, resident)),
        Attendance.part == "serve",
        Attendance.phase == "exit",
    )
    return connection.execute(left.limit(1)).first() is not None


def _others(connection: Connection, resident: UUID) -> set[UUID]:
    [records] = directory().kin(connection, [resident]).values()
    return records - {resident}
