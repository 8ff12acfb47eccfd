"""Signing up for a part of a session: a place by one conditional update, else the queue."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Executable, bindparam, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningUpdate

from activities.models import Activity, Session, SessionPart, SignUp
from activities.publish import Part, SessionUnknown
from activities.telling import tell
from activities.visits import own_visit
from core.errors import N_, Conflict, Forbidden, NotFound, Rejected
from residents.models import Community, Resident

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.work import Work


class PartNotOffered(Rejected):
    """The session does not offer this part."""

    text = N_("这一场没有这一项。请选另一项。")


class SignUpClosed(Conflict):
    """The session is over, closed or cancelled."""

    text = N_("这一场已经结束或取消，不能再报名。请看看别的场次。")


class OnlyForItsCommunity(Rejected):
    """The activity is for residents of its own community."""

    text = N_("这场活动只面向{place}的居民。可以看看全区开放的活动。")


class ResidentNotHere(NotFound):
    """There is no such resident."""

    text = N_("没有找到这位居民。请先登记。")


class AlreadyArrived(Conflict):
    """Somebody who is there does not cancel."""

    text = N_("您已经签到了，不用再取消报名。")


class SignUpRaced(Conflict):
    """The same sign-up changed at the same moment; tried again, it is answered calmly."""

    retried = True
    text = N_("刚刚已经改过报名了，请刷新页面再看看。")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForResident:
    """A part of a session for a resident; staff may act for somebody without a phone."""

    session: UUID
    part: Part
    resident: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUp:
    """``signed_up``, or ``waiting`` with how many are ahead."""

    session: UUID
    part: str
    state: str
    ahead: int


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What signing up and checking in need to know of a session, in one query."""

    id: UUID
    activity: UUID
    title: str
    community: int
    community_name: str
    open_to: str
    state: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    place: str


FACTS = (
    select(
        Session.id,
        Session.activity,
        Activity.title,
        Session.community,
        Community.display_name,
        Activity.open_to,
        Session.state,
        Session.starts_at,
        Session.ends_at,
        Session.place,
    )
    .join(Activity, Activity.id == Session.activity)
    .join(Community, Community.code == Session.community)
)


def facts(connection: Connection, session: UUID) -> SessionFacts:
    """Return a session's facts; raises SessionUnknown."""
    row = connection.execute(FACTS.where(Session.id == session)).first()
    if row is None:
        raise SessionUnknown
    return SessionFacts(
        id=row.id,
        activity=row.activity,
        title=row.title,
        community=row.community,
        community_name=row.display_name,
        open_to=row.open_to,
        state=row.state,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        place=row.place,
    )


def home_of(work: Work, resident: UUID, session: SessionFacts) -> int:
    """Return the resident's home community, having checked who may act for them here.

    Their record is held: a move, a merge or a death waits, and sees what is done.
    """
    held = select(Resident.community).where(Resident.id == resident, Resident.valid_to.is_(None))
    community = work.connection.scalar(held.with_for_update(read=True))
    if community is None:
        raise ResidentNotHere
    if work.actor.resident != resident and not work.actor.may(
        "attendance.enter", session.community
    ):
        raise Forbidden
    if session.open_to == "community" and community != session.community:
        raise OnlyForItsCommunity(place=session.community_name)
    return community


TAKE = (
    update(SessionPart)
    .where(
        SessionPart.session == bindparam("v_session"),
        SessionPart.part == bindparam("v_part"),
        or_(SessionPart.places.is_(None), SessionPart.taken < SessionPart.places),
    )
    .values(taken=SessionPart.taken + 1)
    .returning(SessionPart.session)
)


def take_place(work: Work, session: UUID, part: str) -> bool:
    """Take a place of a part if there is one left: one conditional update."""
    taken = work.connection.execute(TAKE, {"v_session": session, "v_part": part})
    return taken.first() is not None


def held_open(work: Work, session: UUID) -> bool:
    """Whether a session is open still, and stays so until the end of this transaction.

    A cancel that came first is seen; one that comes later sees, and tells, whoever is coming.
    """
    held = select(Session.state).where(Session.id == session).with_for_update(read=True)
    return work.connection.scalar(held) == "open"


SIGN_UP_KEY = ("session", "resident", "part")


FIRST: dict[str, Executable] = {
    name: dialect.insert(SignUp).on_conflict_do_nothing().returning(SignUp.state)
    for name, dialect in (("sqlite", sqlite), ("postgresql", postgresql))
}


def again(key: Mapping[str, Any], **values: Any) -> ReturningUpdate[tuple[str]]:
    """Return the change of a sign-up that is in the state that was read, and of nothing else.

    It inserts nothing: meanwhile it may have become that of the record that goes on.
    """
    return (
        update(SignUp)
        .where(
            *(getattr(SignUp, name) == key[name] for name in SIGN_UP_KEY),
            SignUp.state == bindparam("v_before"),
        )
        .values(values)
        .returning(SignUp.state)
    )


def put(work: Work, command: ForResident, before: str | None, state: str) -> None:
    """Bring the sign-up from the state that was read (None: no row) to this one.

    Raises SignUpRaced where another state is there by now: the places taken or given back with it
    would be counted twice.
    """
    key = {"session": command.session, "resident": command.resident, "part": command.part}
    values = {"state": state, "queued_at": work.now, "created_by": work.actor.person}
    if before is None:
        first = FIRST[work.connection.dialect.name]
        written = work.connection.execute(first, key | values)
    else:
        written = work.connection.execute(again(key, **values), {"v_before": before})
    if written.first() is None:
        raise SignUpRaced


def sign_up(work: Work, command: ForResident) -> SignedUp:
    """Take a place, or a place in the queue; again changes nothing.

    Raises SessionUnknown, SignUpClosed, PartNotOffered, OnlyForItsCommunity, Forbidden.
    """
    session = facts(work.connection, command.session)
    home_of(work, command.resident, session)
    if session.state != "open" or session.ends_at <= work.now:
        raise SignUpClosed
    offered = select(SessionPart.part).where(
        SessionPart.session == command.session,
        SessionPart.part == command.part,
    )
    if work.connection.execute(offered).first() is None:
        raise PartNotOffered
    before = state_of(work.connection, command)
    if before not in {"signed_up", "waiting"} and has_come(work, command):
        # Under the record from before they moved, or were merged: that place is theirs.
        before = "signed_up"
    if before in {"signed_up", "waiting"}:
        work.replayed()
        ahead = ahead_of(work.connection, command) if before == "waiting" else 0
        return SignedUp(session=session.id, part=command.part, state=str(before), ahead=ahead)
    state = "signed_up" if take_place(work, command.session, command.part) else "waiting"
    put(work, command, before, state)
    if not held_open(work, command.session):
        raise SignUpClosed
    ahead = ahead_of(work.connection, command) if state == "waiting" else 0
    tell(work, session, command.resident, state, ahead)
    return SignedUp(session=command.session, part=command.part, state=state, ahead=ahead)


def has_come(work: Work, command: ForResident) -> bool:
    """Whether a resident has come to a part, be it under another of their records."""
    visit = own_visit(work.connection, command.session, command.resident, command.part)
    return visit.arrived_at is not None


def state_of(connection: Connection, command: ForResident) -> str | None:
    """Return the state of a sign-up, or None."""
    return connection.scalar(
        select(SignUp.state).where(
            SignUp.session == command.session,
            SignUp.resident == command.resident,
            SignUp.part == command.part,
        ),
    )


def ahead_of(connection: Connection, command: ForResident) -> int:
    """Return how many wait before this resident."""
    mine = (
        select(SignUp.queued_at)
        .where(
            SignUp.session == command.session,
            SignUp.resident == command.resident,
            SignUp.part == command.part,
        )
        .scalar_subquery()
    )
    return (
        connection.scalar(
            select(func.count())
            .select_from(SignUp)
            .where(
                SignUp.session == command.session,
                SignUp.part == command.part,
                SignUp.state == "waiting",
                or_(
                    SignUp.queued_at < mine,
                    (SignUp.queued_at == mine) & (SignUp.resident < command.resident),
                ),
            ),
        )
        or 0
    )


def cancel_sign_up(work: Work, command: ForResident) -> SignedUp:
    """Give a place back; the first in the queue gets it in the same transaction.

    Raises SessionUnknown, AlreadyArrived, Forbidden.
    """
    session = facts(work.connection, command.session)
    home_of(work, command.resident, session)
    if has_come(work, command):
        raise AlreadyArrived
    before = state_of(work.connection, command)
    cancelled = SignedUp(session=command.session, part=command.part, state="cancelled", ahead=0)
    if before in {None, "cancelled"}:
        work.replayed()
        return cancelled
    give_back(work, session, command, before)
    return cancelled


def give_back(work: Work, session: SessionFacts, command: ForResident, before: str | None) -> None:
    """Cancel a sign-up; its place, if it has one, goes to the first in the queue."""
    put(work, command, before, "cancelled")
    if before == "signed_up":
        work.connection.execute(
            update(SessionPart)
            .where(SessionPart.session == command.session, SessionPart.part == command.part)
            .values(taken=SessionPart.taken - 1),
        )
        _move_up(work, session, command.part)


def _move_up(work: Work, session: SessionFacts, part: Part) -> None:
    """Give the freed place to the first who waits, if the session is still to come."""
    if session.ends_at <= work.now or not held_open(work, session.id):
        return
    first = work.connection.scalar(
        select(SignUp.resident)
        .join(Resident, Resident.id == SignUp.resident)
        .where(
            SignUp.session == session.id,
            SignUp.part == part,
            SignUp.state == "waiting",
            # Of a family that moves the others give theirs up just after.
            Resident.valid_to.is_(None),
        )
        .order_by(SignUp.queued_at, SignUp.resident)
        .limit(1),
    )
    if first is not None and take_place(work, session.id, part):
        place = ForResident(session=session.id, part=part, resident=first)
        put(work, place, "waiting", "signed_up")
        tell(work, session, first, "signed_up", 0)
