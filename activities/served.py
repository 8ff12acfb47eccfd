"""When residents served at sessions: what hours from elsewhere are held against."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.orm import aliased

from activities.models import Attendance, Session
from core.served import Span

if TYPE_CHECKING:
    from sqlalchemy import Connection

CHUNK = 400
_entry = aliased(Attendance, name="entry")
_exit = aliased(Attendance, name="exit")
_left = func.coalesce(
    _exit.event_at, Session.closed_at, Session.ends_at, type_=Attendance.event_at.type
)


class ServedAtSessions:
    """Implements ``core.served.Served`` with the attendances of the part 来帮忙."""

    def spans(
        self, connection: Connection, residents: Iterable[UUID], within: Span
    ) -> dict[UUID, list[Span]]:
        """Return what residents served that touches a span; who has no exit served to the end."""
        wanted = sorted(set(residents))
        found: dict[UUID, list[Span]] = {}
        query = (
            select(_entry.resident, _entry.event_at, _left.label("left_at"))
            .join(Session, Session.id == _entry.session)
            .outerjoin(
                _exit,
                and_(
                    _exit.session == _entry.session,
                    _exit.resident == _entry.resident,
                    _exit.part == _entry.part,
                    _exit.phase == "exit",
                ),
            )
            .where(
                _entry.part == "serve",
                _entry.phase == "entry",
                _entry.event_at < within.ends_at,
                _left > within.starts_at,
            )
        )
        for start in range(0, len(wanted), CHUNK):
            chunk = query.where(_entry.resident.in_(wanted[start : start + CHUNK]))
            for row in connection.execute(chunk):
                # Whoever came early and left before the start served nothing.
                if row.event_at < row.left_at:
                    span = Span(row.event_at, row.left_at)
                    found.setdefault(row.resident, []).append(span)
        return found
