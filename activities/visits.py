"""Under which of their records somebody came: who moves, or is merged, keeps their visit."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from activities.models import Attendance
from activities.situation import HAS_OTHERS
from core.directory import directory, places_of
from residents import queries as people
from residents.models import Person, Resident

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

    from activities.situation import Record, Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A resident's own records in one part of a session, and under which record they came."""

    resident: UUID
    arrived_at: dt.datetime | None
    left_at: dt.datetime | None


def own_visit(connection: Connection, session: UUID, resident: UUID, part: str) -> Visit:
    """Return when a resident came and left in a part, be it before they moved or were merged."""
    records = places_of(connection, resident)
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
    came = [record for record in records if record in at] or [resident]
    # Of two records that were in before they were merged, the one that left has the visit.
    came_as = next((record for record in came if "exit" in at.get(record, {})), came[0])
    found = at.get(came_as, {})
    return Visit(resident=came_as, arrived_at=found.get("entry"), left_at=found.get("exit"))


def parts_come_to(connection: Connection, session: UUID) -> dict[UUID, set[str]]:
    """Return in which parts of a session somebody has come, by each of their records."""
    rows = connection.execute(
        select(Attendance.resident, Attendance.part, HAS_OTHERS.label("has_others"))
        .join(Resident, Resident.id == Attendance.resident)
        .where(Attendance.session == session, Attendance.phase == "entry"),
    ).all()
    came: dict[UUID, set[str]] = {}
    for row in rows:
        came.setdefault(row.resident, set()).add(row.part)
    others = directory().kin(connection, {row.resident for row in rows if row.has_others})
    return came | {
        record: set().union(*(came.get(each, ()) for each in records))
        for records in others.values()
        for record in records
    }


def known_as(
    connection: Connection, command: Record, now: Situation, *, any_part: bool
) -> UUID | None:
    """Return the other record that has somebody's visit: as such they leave, or are in already."""
    left = None
    if command.phase == "exit" and now.left_at is None:
        left = left_as_another(connection, command.session, command.resident)
    if left is not None or now.arrived_at is not None:
        return left
    same = Attendance.part == command.part
    came = _as_another(connection, command.session, command.resident, "entry")
    if not any_part:
        came = came.where(same)
    return connection.scalar(came.order_by(same.desc(), Attendance.recorded_at).limit(1))


def left_as_another(connection: Connection, session: UUID, resident: UUID) -> UUID | None:
    """Return the other record of somebody who served that has the exit already."""
    left = _as_another(connection, session, resident, "exit").where(Attendance.part == "serve")
    return connection.scalar(left.limit(1))


def _as_another(connection: Connection, session: UUID, resident: UUID, phase: str) -> Select[UUID]:
    """Return the query of somebody's other records that came to a session, or left it."""
    [records] = directory().kin(connection, [resident]).values()
    return select(Attendance.resident).where(
        Attendance.session == session,
        Attendance.resident.in_(records - {resident}),
        Attendance.phase == phase,
    )


def gone_since(connection: Connection, session: UUID, name: str) -> list[people.ResidentLine]:
    """Return those of a name who came to a session under a record that has ended since."""
    came = (
        select(Attendance.resident)
        .join(Resident, Resident.id == Attendance.resident)
        .join(Person, Person.id == Resident.person)
        .where(
            Attendance.session == session,
            Resident.valid_to.is_not(None),
            Person.name == name.strip(),
        )
    )
    return list(people.ever(connection, set(connection.scalars(came))).values())
