"""What ``flask verify`` asks of attendance: SQL written apart from what records it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import aliased

from activities.models import Attendance, Session
from core.errors import N_
from points.models import Award, ImportedHours, Reversal
from points.proof.checks import Check, Found, place_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

HALF_HOUR = dt.timedelta(minutes=30)
DAY = dt.timedelta(days=1)
GRACE_MOST = dt.timedelta(minutes=10)
"""The most that ``points.hour_grace_minutes`` may be set to."""

ATTENDED_TWICE = """
    SELECT min(CAST(id AS text)) AS what FROM attendances
    GROUP BY session, resident, part, phase HAVING count(*) > 1"""

OVERBOOKED = """
    SELECT session AS what FROM session_parts WHERE taken < 0 OR taken > places"""

# Whoever entered an arrival by hand answers for the hours, whoever records the exit.
UNAUDITED = """
    SELECT awards.id AS what FROM awards
    WHERE awards.source_kind = 'session' AND awards.created_at >= :kept_since AND NOT EXISTS (
        SELECT 1 FROM attendances AS made JOIN audit_events
            ON audit_events.at = made.recorded_at AND audit_events.actor = made.recorded_by
        WHERE made.session = awards.source_id AND made.resident = awards.holder_id
            AND made.recorded_at = awards.created_at
            AND (made.recorded_by = awards.recorded_by OR EXISTS (
                SELECT 1 FROM attendances AS came
                WHERE came.session = made.session AND came.resident = made.resident
                    AND came.part = made.part AND came.phase = 'entry'
                    AND came.method IN ('hand', 'sheet')
                    AND came.recorded_by = awards.recorded_by)))"""

_entry, _exit = aliased(Attendance), aliased(Attendance)
_here, _there = aliased(Award), aliased(Award)
BOTH_AWARDED = (
    select(
        _here.id,
        _here.units.label("here"),
        _entry.event_at.label("came"),
        _exit.event_at.label("went"),
        Session.starts_at.label("opened"),
        Session.ends_at.label("ended"),
        _there.units.label("there"),
        ImportedHours.starts_at,
        ImportedHours.ends_at,
        _there.created_at,
    )
    .select_from(ImportedHours)
    .join(_there, and_(_there.id == ImportedHours.award, _there.state != "void"))
    .join(
        _entry,
        and_(
            _entry.resident == ImportedHours.resident,
            _entry.part == "serve",
            _entry.phase == "entry",
            _entry.event_at < ImportedHours.ends_at,
        ),
    )
    .join(
        _exit,
        and_(
            _exit.session == _entry.session,
            _exit.resident == _entry.resident,
            _exit.part == "serve",
            _exit.phase == "exit",
            _exit.event_at > ImportedHours.starts_at,
        ),
    )
    .join(Session, Session.id == _entry.session)
    .join(
        _here,
        and_(
            _here.source_kind == "session",
            _here.source_id == _entry.session,
            _here.holder_id == _entry.resident,
            _here.points_kind == "service",
            _here.state != "void",
        ),
    )
    .outerjoin(Reversal, or_(Reversal.original == _here.id, Reversal.original == _there.id))
    .where(Reversal.original.is_(None))
    .order_by(_here.created_at, _here.id)
)


PLAIN = BOTH_AWARDED.compile(compile_kwargs={"literal_binds": True})


def hours_twice(connection: Connection, _turn: int | None) -> Found:
    """Find hours that gave points both here and as imported: neither of the two gave way."""
    wrong = [row.id for row in connection.execute(BOTH_AWARDED) if _twice(row)]
    return Found(
        times=len(wrong),
        first=place_of(connection, "awards", str(wrong[0])) if wrong else None,
        rows=connection.scalar(select(func.count()).select_from(ImportedHours)) or 0,
    )


def _twice(row: Any) -> bool:
    whole_day = row.ends_at - row.starts_at == DAY
    # Hours without their times fill their day, up to when they came.
    ends_at = min(row.ends_at, row.created_at)
    start, end = max(row.came, row.opened), min(row.went, row.ended)
    both = min(end, ends_at) - max(start, row.starts_at)
    if both <= dt.timedelta(0):
        return False
    more_here = row.here * HALF_HOUR > end - start - both + GRACE_MOST
    more_there = row.there * HALF_HOUR > ends_at - row.starts_at - both + GRACE_MOST
    return bool(more_here and (more_there or whole_day))


CHECKS: tuple[Check, ...] = (
    Check(
        "attendance",
        "somebody attended the same part of a session twice",
        ATTENDED_TWICE,
        table="attendances",
        title=N_("一次到场只记一次"),
        changed="night",
    ),
    Check(
        "places",
        "parts of sessions have more people than places",
        OVERBOOKED,
        table="sessions",
        title=N_("名额没有超过"),
        changed="whole",
    ),
    Check(
        "audited attendance",
        "awards of sessions were recorded by nobody who ran a use case then",
        UNAUDITED,
        table="awards",
        title=N_("每次到场得分都有登记记录"),
        changed="rows",
    ),
    Check(
        "hours twice",
        "hours gave points at a session and as imported ones",
        f"-- 候选；其中两边都没有让开对方那一段的才算错\n{PLAIN}",
        table="awards",
        title=N_("同一段时长只计一次分"),
        changed="night",
        find=hours_twice,
    ),
)
