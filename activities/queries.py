"""Sessions as residents see them: cards by day and by nearness, one in detail, what is next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select

from activities.attendance import EXIT_GRACE
from activities.models import Activity, Attendance, Session, SessionPart, SignUp
from core.directory import places_of
from core.work import SHANGHAI
from points.earning.rules import units_at_most
from residents.models import Community, Person

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Select

LIST_MAX = 60
DAYS_AHEAD = 30
NEAR_MAX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a session as its card promises it; amounts in centipoints."""

    part: str
    amount: int | None
    most: int | None
    places: int | None
    left: int | None
    ahead: int

    @property
    def full(self) -> bool:
        """Whether no place is left."""
        return self.left == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mine:
    """Where the viewer stands in a session."""

    part: str
    state: str
    ahead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A session as residents see it."""

    activity_id: UUID
    session_id: UUID
    title: str
    kind: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    place: str
    host: int
    community: str
    open_to: str
    state: str
    cancel_reason: str | None
    at_home: bool
    parts: tuple[Part, ...]
    mine: Mine | None


@dataclass(frozen=True, slots=True)
class Looker:
    """Who looks: nobody known, or a resident with a home community."""

    resident: UUID | None = None
    community: int = 0
    #: The resident's, and those that led to it: who has moved came as another record.
    places: Sequence[UUID] = ()


def looker(connection: Connection, resident: UUID, community: int) -> Looker:
    """Return the looker that a resident is."""
    return Looker(resident, community, places_of(connection, resident))


def cards(
    connection: Connection,
    looker: Looker,
    *conditions: ColumnElement[bool],
    limit: int = LIST_MAX,
) -> list[Card]:
    """Return sessions with their parts and where the looker stands, by time: four queries."""
    rows = connection.execute(
        select(
            Session.id,
            Session.activity,
            Session.community,
            Session.starts_at,
            Session.ends_at,
            Session.place,
            Session.state,
            Session.cancel_reason,
            Activity.title,
            Activity.kind,
            Activity.open_to,
            Community.short_name,
        )
        .join(Activity, Activity.id == Session.activity)
        .join(Community, Community.code == Session.community)
        .where(*conditions)
        .order_by(Session.starts_at, Session.id)
        .limit(limit),
    ).all()
    ids = [row.id for row in rows]
    parts = _parts(connection, {row.id: row for row in rows})
    mine = _mine(connection, looker, ids)
    return [
        Card(
            activity_id=row.activity,
            session_id=row.id,
            title=row.title,
            kind=row.kind,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            place=row.place,
            host=row.community,
            community=row.short_name,
            open_to=row.open_to,
            state=row.state,
            cancel_reason=row.cancel_reason,
            at_home=row.community == looker.community,
            parts=parts.get(row.id, ()),
            mine=mine.get(row.id),
        )
        for row in rows
    ]


def _parts(connection: Connection, sessions: dict[UUID, Any]) -> dict[UUID, tuple[Part, ...]]:
    if not sessions:
        return {}
    waiting = {
        (row.session, row.part): row[2]
        for row in connection.execute(
            select(SignUp.session, SignUp.part, func.count())
            .where(SignUp.session.in_(sessions), SignUp.state == "waiting")
            .group_by(SignUp.session, SignUp.part),
        )
    }
    rows = connection.execute(
        select(SessionPart.__table__)
        .where(SessionPart.session.in_(sessions))
        .order_by(SessionPart.part.desc()),
    )
    found: dict[UUID, tuple[Part, ...]] = {}
    for row in rows:
        part = Part(
            part=row.part,
            amount=row.amount,
            most=_most(row, sessions[row.session]),
            places=row.places,
            left=None if row.places is None else row.places - row.taken,
            ahead=waiting.get((row.session, row.part), 0),
        )
        found[row.session] = (*found.get(row.session, ()), part)
    return found


def _most(row: Any, session: Any) -> int | None:
    """Return the most that a whole session earns: its half hours, within the day's cap."""
    if row.amount is None:
        return None
    if row.part == "take_part":
        return int(row.amount)
    units = (session.ends_at - session.starts_at) // dt.timedelta(minutes=30)
    return int(row.amount * units_at_most(row, units))


def _mine(connection: Connection, looker: Looker, ids: Sequence[UUID]) -> dict[UUID, Mine]:
    """Return where a resident stands: what was recorded wins over what was signed up for."""
    if not (ids and looker.resident):
        return {}
    found: dict[UUID, Mine] = {}
    sign_ups = connection.execute(
        select(SignUp.session, SignUp.part, SignUp.state, SignUp.queued_at).where(
            SignUp.resident == looker.resident,
            SignUp.session.in_(ids),
            SignUp.state != "cancelled",
        ),
    )
    for row in sign_ups:
        ahead = 0
        if row.state == "waiting":
            ahead = (
                connection.scalar(
                    select(func.count())
                    .select_from(SignUp)
                    .where(
                        SignUp.session == row.session,
                        SignUp.part == row.part,
                        SignUp.state == "waiting",
                        SignUp.queued_at < row.queued_at,
                    ),
                )
                or 0
            )
        found[row.session] = Mine(part=row.part, state=row.state, ahead=ahead)
    attended = connection.execute(
        select(Attendance.session, Attendance.part, func.max(Attendance.phase).label("last"))
        .where(Attendance.resident.in_(looker.places), Attendance.session.in_(ids))
        .group_by(Attendance.session, Attendance.part)
        .order_by(Attendance.part.desc()),
    )
    for last in attended:
        # Serving comes last: whoever also serves is there until the exit is recorded.
        state = "left" if last.last == "exit" else "arrived"
        found[last.session] = Mine(part=last.part, state=state, ahead=0)
    return found


def coming(now: dt.datetime) -> ColumnElement[bool]:
    """Sessions that are not over, within the next thirty days."""
    return and_(
        Session.state == "open",
        Session.ends_at > now,
        Session.starts_at < now + dt.timedelta(days=DAYS_AHEAD),
    )


def upcoming(
    connection: Connection,
    looker: Looker,
    now: dt.datetime,
    *,
    scope: str,
    kind: str = "",
    after: UUID | None = None,
) -> list[Card]:
    """Return what is coming at home, what is open to the whole district, or what is one's own.

    At most LIST_MAX, behind the session ``after``, which may be over by now.
    """
    conditions = [coming(now)]
    if after is not None:
        begun = select(Session.starts_at).where(Session.id == after).scalar_subquery()
        conditions.append(
            or_(Session.starts_at > begun, and_(Session.starts_at == begun, Session.id > after))
        )
    if scope == "district":
        conditions.append(Activity.open_to == "district")
    elif scope == "mine":
        conditions.append(Session.id.in_(_signed_up(looker)))
    else:
        conditions.append(Session.community == looker.community)
    if kind:
        conditions.append(Activity.kind == kind)
    return cards(connection, looker, *conditions)


def by_day(found: Sequence[Card]) -> list[tuple[dt.date, list[Card]]]:
    """Group sessions by their day in Shanghai."""
    days: dict[dt.date, list[Card]] = {}
    for card in found:
        days.setdefault(card.starts_at.astimezone(SHANGHAI).date(), []).append(card)
    return sorted(days.items())


def count_elsewhere(connection: Connection, now: dt.datetime, kind: str) -> int:
    """Count the sessions of a kind that the whole district may come to."""
    query = (
        select(func.count())
        .select_from(Session)
        .join(Activity, Activity.id == Session.activity)
        .where(coming(now), Activity.open_to == "district")
    )
    if kind:
        query = query.where(Activity.kind == kind)
    return connection.scalar(query) or 0


def near(connection: Connection, looker: Looker, now: dt.datetime) -> list[Card]:
    """Return three sessions near: at home, then in the subdistrict, then in the district."""
    subdistrict = looker.community // 1000 * 1000
    at_home = and_(coming(now), Session.community == looker.community)
    found = cards(connection, looker, at_home, limit=NEAR_MAX)
    for wider in (
        Session.community.between(subdistrict, subdistrict + 999),
        Session.community != 0,
    ):
        if len(found) < NEAR_MAX:
            more = and_(
                coming(now),
                wider,
                Session.community != looker.community,
                Activity.open_to == "district",
            )
            known = {card.session_id for card in found}
            rest = cards(connection, looker, more, limit=2 * NEAR_MAX)
            found += [card for card in rest if card.session_id not in known]
    return found[:NEAR_MAX]


def _signed_up(looker: Looker) -> Select[UUID]:
    """The sessions that the looker signed up for, or waits for, under one of their records."""
    return select(SignUp.session).where(
        SignUp.resident.in_(looker.places),
        SignUp.state.in_(("signed_up", "waiting")),
    )


def next_of_mine(connection: Connection, looker: Looker, now: dt.datetime) -> Card | None:
    """Return the session that the looker has yet to leave by a scan, else what is signed up for."""
    came = select(Attendance.session).where(Attendance.resident.in_(looker.places))
    serves = came.where(Attendance.part == "serve")
    ahead = and_(coming(now), Session.id.in_(_signed_up(looker)), Session.id.not_in(came))
    stays = and_(
        Session.state == "open",
        Session.ends_at >= now - EXIT_GRACE,
        Session.id.in_(serves),
        Session.id.not_in(serves.where(Attendance.phase == "exit")),
    )
    found = cards(connection, looker, or_(stays, ahead), limit=NEAR_MAX)
    here = (card for card in found if card.mine and card.mine.state == "arrived")
    return next(here, found[0] if found else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityLine:
    """What an activity says of itself."""

    id: UUID
    title: str
    kind: str
    community: int
    open_to: str
    summary: str
    bring: str
    staff: str


def activity(connection: Connection, identity: UUID) -> ActivityLine | None:
    """Return an activity, or None."""
    row = connection.execute(
        select(Activity.__table__, Person.name)
        .outerjoin(Person, Person.id == Activity.created_by)
        .where(Activity.id == identity),
    ).first()
    if row is None:
        return None
    return ActivityLine(
        id=row.id,
        title=row.title,
        kind=row.kind,
        community=row.community,
        open_to=row.open_to,
        summary=row.summary,
        bring=row.bring,
        staff=row.name or "",
    )


def sessions_of(connection: Connection, looker: Looker, identity: UUID) -> list[Card]:
    """Return all sessions of an activity."""
    return cards(connection, looker, Session.activity == identity)


def one(connection: Connection, looker: Looker, session: UUID) -> Card | None:
    """Return one session, or None."""
    found = cards(connection, looker, Session.id == session, limit=1)
    return found[0] if found else None


def kept_for(connection: Connection, session: UUID, resident: UUID) -> set[str]:
    """Return the parts of a session in which a resident has a place."""
    mine = select(SignUp.part).where(
        SignUp.session == session,
        SignUp.resident == resident,
        SignUp.state == "signed_up",
    )
    return set(connection.scalars(mine))
