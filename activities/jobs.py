"""What runs by itself: sessions close, and whoever forgot the exit gets an automatic one."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update
from sqlalchemy.orm import aliased

from activities.attendance import EXIT_GRACE, record_attendance
from activities.grants import GRANT
from activities.models import Attendance, Session
from activities.situation import HAS_OTHERS, Record
from activities.visits import left_as_another
from core import settings
from core.errors import N_
from core.served import HALF_HOUR
from core.work import transact
from residents.models import Resident

if TYPE_CHECKING:
    from core.work import Work

CHUNK = 200
UTC = Session.ends_at.type
OVER = EXIT_GRACE + GRANT
"""A session is over when the exit scanned at the last moment can no longer be on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteExits:
    """Write the automatic exits that are due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitsWritten:
    """How many exits were written, and how many sessions were closed."""

    exits: int
    closed: int


def write_missing_exits(work: Work, _command: WriteExits) -> ExitsWritten:
    """Give those who served and never left an exit worth a share of the session's length.

    A session that staff ended before its time is as long as it lasted. Who has moved or died since
    they came has served all the same: what arrives follows them, or is for their household.
    """
    entry, left = aliased(Attendance), aliased(Attendance)
    rows = work.connection.execute(
        select(
            entry.session,
            entry.resident,
            Session.starts_at,
            func.coalesce(Session.closed_at, Session.ends_at, type_=UTC).label("ended_at"),
            entry.event_at,
            Session.community,
            HAS_OTHERS.label("has_others"),
        )
        .join(Session, Session.id == entry.session)
        .join(Resident, Resident.id == entry.resident)
        .outerjoin(
            left,
            (left.session == entry.session)
            & (left.resident == entry.resident)
            & (left.part == "serve")
            & (left.phase == "exit"),
        )
        .where(
            entry.part == "serve",
            entry.phase == "entry",
            left.id.is_(None),
            Session.state != "cancelled",
            Session.ends_at <= work.now - OVER,
        )
        .order_by(entry.session, entry.resident)
        .limit(CHUNK),
    ).all()
    for row in rows:
        counted = row.has_others and left_as_another(work.connection, row.session, row.resident)
        share = 0 if counted else _share(work, row.community, row.ended_at - row.starts_at)
        record_attendance(
            work,
            Record(
                session=row.session,
                resident=row.resident,
                part="serve",
                phase="exit",
                method="automatic",
                # Whoever was entered as coming after the end left as they came.
                at=max(row.ended_at, row.event_at),
                reason=N_("没有签退"),
                half_hours=share,
            ),
        )
    closed = work.connection.execute(
        update(Session)
        .where(Session.state == "open", Session.ends_at <= work.now - OVER)
        .values(state="closed"),
    ).rowcount
    work.changed = bool(rows or closed)
    return ExitsWritten(exits=len(rows), closed=closed)


def _share(work: Work, community: int, length: dt.timedelta) -> int:
    """Return the half hours that a missing exit is worth; none where it ended before its start."""
    percent = settings.integer(work.connection, "points.missing_exit_percent", work.now, community)
    return max(0, length * percent // 100 // HALF_HOUR)


def close_sessions() -> int:
    """Write all automatic exits that are due and close what is over; returns how many exits."""
    total = 0
    while exits := transact(write_missing_exits, WriteExits()).exits:
        total += exits
    return total
