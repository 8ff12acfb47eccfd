"""What staff read: their sessions, the parts of one, who came to it and how."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import case, func, select

from activities.models import (
    Activity,
    Attendance,
    RefusedScan,
    Session,
    SessionPart,
    SignUp,
)
from activities.visits import parts_come_to
from core import settings
from core.formats import earns
from core.ids import NIL
from core.served import HALF_HOUR
from points.cause import awards_of
from points.earning.rules import units_at_most
from residents import queries as people
from residents.models import Person

if TYPE_CHECKING:
    from sqlalchemy import Connection

PER_PAGE = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class PartPage:
    """A part of a session as the desk sees it."""

    words: str
    taken: int
    places: int | None
    waiting: int
    arrived: int


def parts_of(connection: Connection, session: UUID, length: dt.timedelta) -> dict[str, PartPage]:
    """Return the parts of a session with what they promise and who has come."""
    rows = connection.execute(
        select(SessionPart.__table__).where(SessionPart.session == session),
    ).all()
    waiting = {
        row.part: row[1]
        for row in connection.execute(
            select(SignUp.part, func.count())
            .where(SignUp.session == session, SignUp.state == "waiting")
            .group_by(SignUp.part),
        )
    }
    arrived = {
        row.part: row[1]
        for row in connection.execute(
            select(Attendance.part, func.count())
            .where(Attendance.session == session, Attendance.phase == "entry")
            .group_by(Attendance.part),
        )
    }
    return {
        row.part: PartPage(
            words=earns(row.amount, row.part, _most(row, length)) if row.amount else _("不计分"),
            taken=row.taken,
            places=row.places,
            waiting=waiting.get(row.part, 0),
            arrived=arrived.get(row.part, 0),
        )
        for row in rows
    }


def _most(row: Any, length: dt.timedelta) -> int:
    return int(row.amount * units_at_most(row, length // HALF_HOUR))


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPage:
    """A session with its figures."""

    id: UUID
    title: str
    kind: str
    place: str
    community: int
    starts_at: dt.datetime
    ends_at: dt.datetime
    open_to: str
    state: str
    cancel_reason: str | None
    running: bool
    epoch: int
    take_part: PartPage | None
    serve: PartPage | None
    people: int
    verified: int
    recorded: int
    back_filled: int
    refused: int
    by_hand_percent: int
    by_hand_limit: int
    missing: int


def session_page(connection: Connection, session: UUID, now: dt.datetime) -> SessionPage | None:
    """Return a session's page, or None."""
    row = connection.execute(
        select(Session.__table__, Activity.title, Activity.kind, Activity.open_to)
        .join(Activity, Activity.id == Session.activity)
        .where(Session.id == session),
    ).first()
    if row is None:
        return None
    parts = parts_of(connection, session, row.ends_at - row.starts_at)
    entries = connection.execute(
        select(
            func.count(func.distinct(Attendance.resident)),
            func.count().filter(Attendance.provenance == "verified"),
            func.count().filter(Attendance.provenance == "recorded"),
            func.count().filter(Attendance.provenance == "back_filled"),
            func.count().filter(Attendance.method.in_(("hand", "sheet"))),
            func.count(),
        ).where(Attendance.session == session, Attendance.phase == "entry"),
    ).one()
    refused = connection.scalar(
        select(func.count()).select_from(RefusedScan).where(RefusedScan.session == session),
    )
    with_a_place = select(SignUp.resident).where(
        SignUp.session == session, SignUp.state == "signed_up"
    )
    expected = set(connection.scalars(with_a_place))
    percent = settings.integer(connection, "checkin.by_hand_percent", now, row.community)
    return SessionPage(
        id=row.id,
        title=row.title,
        kind=row.kind,
        place=row.place,
        community=row.community,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        open_to=row.open_to,
        state=row.state,
        cancel_reason=row.cancel_reason,
        running=row.state == "open" and row.starts_at <= now < row.ends_at,
        epoch=row.epoch,
        take_part=parts.get("take_part"),
        serve=parts.get("serve"),
        people=entries[0],
        verified=entries[1],
        recorded=entries[2],
        back_filled=entries[3],
        refused=refused or 0,
        by_hand_percent=entries[4] * 100 // entries[5] if entries[5] else 0,
        by_hand_limit=percent,
        missing=len(expected - parts_come_to(connection, session).keys()),
    )


class Where:
    """Says where a resident lives, as a community's staff put it."""

    def __init__(self, connection: Connection, community: int) -> None:
        self.community = community
        self.names = {place.code: place.display_name for place in people.places(connection)}

    def is_here(self, line: people.ResidentLine) -> bool:
        """Whether a resident lives in the community today."""
        return line.community == self.community and not line.is_gone

    def of(self, line: people.ResidentLine) -> str:
        """Return the address of somebody from here, the community of somebody from elsewhere."""
        if line.community != self.community:
            return self.names[line.community]
        return line.address or _("住址待补")


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendanceRow:
    """One resident's part in a session."""

    resident_id: UUID
    name: str
    where: str
    #: Whether the desk has a page of this resident.
    is_here: bool
    part: str
    entry_at: dt.datetime | None
    exit_at: dt.datetime | None
    half_hours: int | None
    provenance: str
    by: str
    reason: str | None
    amount: int | None
    points_kind: str
    state: str
    award: UUID | None
    #: Who answers for the award, and so does not confirm it.
    award_by: UUID | None


def attendance_rows(connection: Connection, page: SessionPage) -> tuple[AttendanceRow, ...]:
    """Return who came, one row per resident and part, the latest first: five queries."""
    records = connection.execute(
        select(Attendance.__table__, Person.name.label("staff"))
        .outerjoin(Person, Person.id == Attendance.recorded_by)
        .where(Attendance.session == page.id)
        .order_by(Attendance.recorded_at.desc(), Attendance.id.desc()),
    ).all()
    lines = people.ever(connection, {row.resident for row in records})
    awards = awards_of(connection, "session", page.id)
    where = Where(connection, page.community)
    grouped: dict[tuple[UUID, str], dict[str, Any]] = {}
    for row in records:
        grouped.setdefault((row.resident, row.part), {})[row.phase] = row
    made = []
    for (resident, part), phases in grouped.items():
        entry, left = phases.get("entry"), phases.get("exit")
        line = lines[resident]
        caused = awards.get(f"attendance:{page.id}:{resident}:{part}")
        shown: Any = entry or left
        made.append(
            AttendanceRow(
                resident_id=resident,
                name=line.name,
                where=where.of(line),
                is_here=where.is_here(line),
                part=part,
                entry_at=entry.event_at if entry else None,
                exit_at=left.event_at if left else None,
                half_hours=caused.units if caused and part == "serve" else None,
                provenance=shown.provenance,
                by=_by(shown),
                reason=shown.reason,
                amount=caused.amount if caused else None,
                points_kind="service" if part == "serve" else "basic",
                state=_state(part, left, caused),
                award=caused.id if caused else None,
                award_by=caused.recorded_by if caused else None,
            ),
        )
    return tuple(made)


def _by(row: Any) -> str:
    if row.method == "venue":
        return _("本人扫码")
    return row.staff or (_("系统") if row.recorded_by == NIL else "")


def _state(part: str, left: Any, caused: Any) -> str:
    if caused is not None:
        if caused.state == "done":
            return "done"
        return "second" if caused.due is None else "pending"
    return "inside" if part == "serve" and left is None else "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartCount:
    """How full a part is."""

    taken: int
    places: int | None
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """A session in the list of activities."""

    id: UUID
    title: str
    kind: str
    place: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    open_to: str
    state: str
    running: bool
    take_part: PartCount | None
    serve: PartCount | None
    arrived: int


def count_sessions(connection: Connection, community: int, now: dt.datetime) -> tuple[int, int]:
    """Return how many sessions are not over, and how many are."""
    row = connection.execute(
        select(
            func.sum(case((Session.ends_at > now, 1), else_=0)),
            func.sum(case((Session.ends_at <= now, 1), else_=0)),
        ).where(Session.community == community),
    ).one()
    return row[0] or 0, row[1] or 0


def list_sessions(
    connection: Connection,
    community: int,
    now: dt.datetime,
    show: str,
    page: int,
) -> tuple[tuple[SessionRow, ...], bool]:
    """Return a page of sessions, and whether there are more."""
    past = show == "past"
    rows = connection.execute(
        select(Session.__table__, Activity.title, Activity.kind, Activity.open_to)
        .join(Activity, Activity.id == Session.activity)
        .where(
            Session.community == community,
            Session.ends_at <= now if past else Session.ends_at > now,
        )
        .order_by(Session.starts_at.desc() if past else Session.starts_at)
        .limit(PER_PAGE + 1)
        .offset((page - 1) * PER_PAGE),
    ).all()
    ids = [row.id for row in rows[:PER_PAGE]]
    parts = _part_counts(connection, ids)
    arrived = {
        row.session: row[1]
        for row in connection.execute(
            select(Attendance.session, func.count(Attendance.resident.distinct()))
            .where(Attendance.session.in_(ids), Attendance.phase == "entry")
            .group_by(Attendance.session),
        )
    }
    made = tuple(
        SessionRow(
            id=row.id,
            title=row.title,
            kind=row.kind,
            place=row.place,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            open_to=row.open_to,
            state=row.state,
            running=row.state == "open" and row.starts_at <= now < row.ends_at,
            take_part=parts.get((row.id, "take_part")),
            serve=parts.get((row.id, "serve")),
            arrived=arrived.get(row.id, 0),
        )
        for row in rows[:PER_PAGE]
    )
    return made, len(rows) > PER_PAGE


def _part_counts(connection: Connection, ids: list[UUID]) -> dict[tuple[UUID, str], PartCount]:
    waiting = {
        (row.session, row.part): row[2]
        for row in connection.execute(
            select(SignUp.session, SignUp.part, func.count())
            .where(SignUp.session.in_(ids), SignUp.state == "waiting")
            .group_by(SignUp.session, SignUp.part),
        )
    }
    rows = connection.execute(select(SessionPart.__table__).where(SessionPart.session.in_(ids)))
    return {
        (row.session, row.part): PartCount(
            taken=row.taken,
            places=row.places,
            waiting=waiting.get((row.session, row.part), 0),
        )
        for row in rows
    }
