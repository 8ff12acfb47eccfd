"""The venue screen: its codes for the coming minutes, and who has arrived."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select

from activities.attendance import EXIT_GRACE
from activities.codes import Phase, code_of, step_of, step_time
from activities.earning import half_hours
from activities.models import Activity, Attendance, Session
from activities.publish import SessionUnknown
from core import settings
from core.errors import N_
from core.formats import clock, hours, mask_name
from core.work import configuration
from residents.models import Person, Resident

if TYPE_CHECKING:
    from sqlalchemy import Connection

CODES = 60
NAMES = 5
TURNS_BEFORE_END = dt.timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenSession:
    """What the screen needs to know of its session."""

    id: UUID
    title: str
    community: int
    place: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    short_code: str
    epoch: int
    exit_from: dt.datetime | None
    state: str

    @property
    def turns_at(self) -> dt.datetime:
        """When the screen turns to the exit: ten minutes before the end, or by the key."""
        return min(self.exit_from or self.ends_at, self.ends_at - TURNS_BEFORE_END)

    @property
    def edition(self) -> str:
        """Changes when codes handed out before are no longer the right ones."""
        return f"{self.epoch}-{int(self.turns_at.timestamp())}-{self.state}"

    def phase(self, moment: dt.datetime) -> Phase:
        """Return what the screen asks for at a moment."""
        return "exit" if moment >= self.turns_at else "entry"


def session(connection: Connection, identity: UUID) -> ScreenSession:
    """Return the screen's session; raises SessionUnknown."""
    row = connection.execute(
        select(Session.__table__, Activity.title)
        .join(Activity, Activity.id == Session.activity)
        .where(Session.id == identity),
    ).first()
    if row is None:
        raise SessionUnknown
    return ScreenSession(
        id=row.id,
        title=row.title,
        community=row.community,
        place=row.place,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        short_code=row.short_code,
        epoch=row.epoch,
        exit_from=row.exit_from,
        state=row.state,
    )


def address_of(code: str) -> str:
    """Return the address that a code is scanned as."""
    return f"{configuration().base_url}/V/{code}"


def codes(
    connection: Connection,
    shown: ScreenSession,
    now: dt.datetime,
    from_step: int | None = None,
) -> list[dict[str, Any]]:
    """Return the next sixty codes, none for a session that is over."""
    seconds = settings.integer(connection, "checkin.step_seconds", now)
    if shown.state != "open" or now > shown.ends_at + EXIT_GRACE:
        return []
    current = step_of(now, seconds)
    # No more than half an hour ahead: a screen that was carried off runs dry.
    start = min(max(from_step or current, current), current + 1800 // seconds)
    made = []
    for step in range(start, start + CODES):
        # The step that goes on has begun before its key was pressed: it turns at once.
        phase = shown.phase(max(step_time(step, seconds), now))
        code = code_of(shown.short_code, shown.epoch, phase, step)
        made.append({"step": step, "url": address_of(code), "phase": phase})
    return made


def counts(connection: Connection, shown: ScreenSession, now: dt.datetime) -> dict[str, Any]:
    """Return how many people came, in which part, who is still there, and five names masked."""
    rows = connection.execute(
        select(Attendance.part, Attendance.phase, func.count())
        .where(Attendance.session == shown.id)
        .group_by(Attendance.part, Attendance.phase),
    )
    number = {(row.part, row.phase): row[2] for row in rows}
    here = select(func.count(Attendance.resident.distinct())).where(
        Attendance.session == shown.id,
        Attendance.phase == "entry",
    )
    take_part = number.get(("take_part", "entry"), 0)
    serve = number.get(("serve", "entry"), 0)
    left = number.get(("serve", "exit"), 0)
    return {
        "arrived": connection.scalar(here),
        "take_part": take_part,
        "serve": serve,
        "left": left,
        "staying": serve - left,
        "closed": shown.state != "open",
        "arrivals": _arrivals(connection, shown),
        "exits": _exits(connection, shown, now),
    }


def _last(connection: Connection, shown: ScreenSession, phase: Phase) -> Sequence[Any]:
    return connection.execute(
        select(Person.name, Attendance.event_at, Attendance.resident)
        .join(Resident, Resident.id == Attendance.resident)
        .join(Person, Person.id == Resident.person)
        .where(Attendance.session == shown.id, Attendance.phase == phase)
        .order_by(Attendance.recorded_at.desc(), Attendance.id.desc())
        .limit(NAMES),
    ).all()


def _arrivals(connection: Connection, shown: ScreenSession) -> list[dict[str, str]]:
    return [
        {"name": mask_name(row.name), "words": clock(row.event_at)}
        for row in _last(connection, shown, "entry")
    ]


def _exits(connection: Connection, shown: ScreenSession, now: dt.datetime) -> list[dict[str, str]]:
    """Return who left last, with the hours that count."""
    rows = _last(connection, shown, "exit")
    arrived = {
        row.resident: row.event_at
        for row in connection.execute(
            select(Attendance.resident, Attendance.event_at).where(
                Attendance.session == shown.id,
                Attendance.phase == "entry",
                Attendance.part == "serve",
                Attendance.resident.in_([row.resident for row in rows]),
            ),
        )
    }
    grace = settings.integer(connection, "points.hour_grace_minutes", now)
    made = []
    for row in rows:
        if row.resident not in arrived:
            continue
        entry = arrived[row.resident]
        halves = half_hours(entry, row.event_at, shown.starts_at, shown.ends_at, grace)
        made.append(
            {"name": mask_name(row.name), "words": N_("{hours} 小时").format(hours=hours(halves))}
        )
    return made
