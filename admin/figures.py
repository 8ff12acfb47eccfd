"""Figures of the desk: counts on its frame, today's sessions, the week."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import and_, func, or_, select

from activities.models import Activity, Attendance, Session, SessionPart, SignUp
from core.work import SHANGHAI
from exchange.models import Order
from points.correcting.deciding import to_decide
from points.models import Award, Correction
from residents.models import District, Resident

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from core.acts import Actor

WEEKS = 8


@dataclass(frozen=True, slots=True)
class DeskCounts:
    """What waits at the actor's community, as numbers."""

    submitted: int
    ready: int
    unconfirmed: int
    corrections: int


def desk_counts(connection: Connection, actor: Actor, now: dt.datetime) -> DeskCounts:
    """Return the counts of the desk's frame; of proposals those that the actor may decide."""
    community = actor.place
    orders = connection.execute(
        select(
            func.count().filter(Order.state == "submitted"),
            func.count().filter(Order.state == "ready"),
        ).where(Order.host == community, Order.state.in_(("submitted", "ready"))),
    ).one()
    unconfirmed = connection.scalar(
        select(func.count())
        .select_from(Resident)
        .where(
            Resident.community == community,
            Resident.state == "unconfirmed",
            Resident.valid_to.is_(None),
        ),
    )
    asked = select(func.count()).where(
        Correction.community == community, Correction.state == "open"
    )
    waits = (connection.scalar(asked) or 0) + len(to_decide(connection, actor, now))
    return DeskCounts(orders[0], orders[1], unconfirmed or 0, waits)


def district_phone(connection: Connection) -> str | None:
    """Return the district's number."""
    return connection.scalar(select(District.phone))


@dataclass(frozen=True, slots=True, kw_only=True)
class TodaySession:
    """A session of today."""

    id: UUID
    title: str
    place: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    state: str
    arrived: int
    signed_up: int
    places: int | None


def day_span(now: dt.datetime, day: dt.date | None = None) -> tuple[dt.datetime, dt.datetime]:
    """Return the moments at which a Shanghai day begins and ends."""
    local = day or now.astimezone(SHANGHAI).date()
    start = dt.datetime.combine(local, dt.time(), SHANGHAI)
    return start.astimezone(dt.UTC), (start + dt.timedelta(days=1)).astimezone(dt.UTC)


def sessions_today(
    connection: Connection,
    community: int,
    now: dt.datetime,
) -> tuple[TodaySession, ...]:
    """Return today's sessions, yesterday's that still go on too, with arrivals and sign-ups."""
    start, end = day_span(now)
    arrived = (
        select(Attendance.session, func.count(Attendance.resident.distinct()).label("n"))
        .where(Attendance.phase == "entry")
        .group_by(Attendance.session)
        .subquery()
    )
    signed = (
        select(SignUp.session, func.count().label("n"))
        .where(SignUp.state == "signed_up")
        .group_by(SignUp.session)
        .subquery()
    )
    places = (
        select(
            SessionPart.session,
            func.sum(SessionPart.places).label("n"),
            func.count().filter(SessionPart.places.is_(None)).label("open"),
        )
        .group_by(SessionPart.session)
        .subquery()
    )
    rows = connection.execute(
        select(
            Session.id,
            Activity.title,
            Session.place,
            Session.starts_at,
            Session.ends_at,
            func.coalesce(arrived.c.n, 0).label("arrived"),
            func.coalesce(signed.c.n, 0).label("signed_up"),
            places.c.n.label("places"),
            places.c.open,
        )
        .join(Activity, Activity.id == Session.activity)
        .outerjoin(arrived, arrived.c.session == Session.id)
        .outerjoin(signed, signed.c.session == Session.id)
        .outerjoin(places, places.c.session == Session.id)
        .where(
            Session.community == community,
            Session.state != "cancelled",
            or_(Session.starts_at >= start, and_(Session.state == "open", Session.ends_at > now)),
            Session.starts_at < end,
        )
        .order_by(Session.starts_at),
    )
    return tuple(
        TodaySession(
            id=row.id,
            title=row.title,
            place=row.place,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            state="over" if row.ends_at <= now else "running" if row.starts_at <= now else "soon",
            arrived=row.arrived,
            signed_up=row.signed_up,
            places=None if row.open else row.places,
        )
        for row in rows
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekFigures:
    """Three figures of the week, with the last eight weeks; points in centipoints."""

    attended: int
    people: int
    households: int
    attended_before: int
    issued: int
    pending: int
    redeemed: int
    orders_phone: int
    orders_counter: int
    attended_trend: tuple[int, ...]
    issued_trend: tuple[int, ...]
    redeemed_trend: tuple[int, ...]


def week(connection: Connection, community: int, now: dt.datetime) -> WeekFigures:
    """Return the week's figures; a week begins on Monday."""
    monday = now.astimezone(SHANGHAI).date()
    monday -= dt.timedelta(days=monday.weekday())
    start, _end = day_span(now, monday)
    edges = [start - dt.timedelta(weeks=back) for back in range(WEEKS - 1, -1, -1)]
    since = edges[0]
    entries = connection.execute(
        select(Attendance.event_at, Attendance.resident, Resident.household)
        .join(Session, Session.id == Attendance.session)
        .join(Resident, Resident.id == Attendance.resident)
        .where(
            Session.community == community,
            Attendance.phase == "entry",
            Attendance.event_at >= since,
        ),
    ).all()
    awards = connection.execute(
        select(Award.event_at, Award.amount, Award.state).where(
            Award.bearing == community,
            Award.points_kind == "service",
            Award.state != "void",
            Award.event_at >= since,
        ),
    ).all()
    orders = connection.execute(
        select(Order.closed_at, Order.price, Order.channel).where(
            Order.host == community,
            Order.state == "collected",
            Order.closed_at >= since,
        ),
    ).all()
    this = [row for row in entries if row.event_at >= start]
    before = [
        row
        for row in entries
        if start - dt.timedelta(weeks=1) <= row.event_at < now - dt.timedelta(weeks=1)
    ]
    given = [row for row in orders if row.closed_at >= start]
    return WeekFigures(
        attended=len(this),
        people=len({row.resident for row in this}),
        households=len({row.household for row in this}),
        attended_before=len(before),
        issued=sum(row.amount for row in awards if row.event_at >= start),
        pending=sum(row.amount for row in awards if row.state == "pending"),
        redeemed=sum(row.price for row in given),
        orders_phone=sum(row.channel == "phone" for row in given),
        orders_counter=sum(row.channel == "counter" for row in given),
        attended_trend=_trend([(row.event_at, 1) for row in entries], edges),
        issued_trend=_trend([(row.event_at, row.amount) for row in awards], edges),
        redeemed_trend=_trend([(row.closed_at, row.price) for row in orders], edges),
    )


def _trend(
    found: list[tuple[dt.datetime, int]],
    edges: list[dt.datetime],
) -> tuple[int, ...]:
    """Return the sum of each week."""
    sums = [0] * len(edges)
    for at, amount in found:
        index = next(i for i in range(len(edges) - 1, -1, -1) if at >= edges[i])
        sums[index] += amount
    return tuple(sums)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondRow:
    """A session whose hours wait for a second person."""

    session: UUID
    title: str
    count: int
    since: dt.datetime


def waiting_for_second(
    connection: Connection, community: int, own: Collection[UUID]
) -> list[SecondRow]:
    """Return the sessions with awards that wait for a second person, oldest first.

    ``own``: whose records and points are not the asking person's to confirm.
    """
    rows = connection.execute(
        select(
            Award.source_id,
            Activity.title,
            func.count().label("number"),
            func.min(Award.created_at).label("since"),
        )
        .join(Session, Session.id == Award.source_id)
        .join(Activity, Activity.id == Session.activity)
        .where(
            Award.bearing == community,
            Award.state == "pending",
            Award.due.is_(None),
            Award.source_kind == "session",
            Award.recorded_by.not_in(own),
            Award.holder_id.not_in(own),
        )
        .group_by(Award.source_id, Activity.title)
        .order_by(func.min(Award.created_at)),
    )
    return [
        SecondRow(session=row.source_id, title=row.title, count=row.number, since=row.since)
        for row in rows
    ]
