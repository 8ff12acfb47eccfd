"""Sign-ups of somebody who moved, whose records became one, or who died: they go along, or end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import and_, bindparam, delete, select, update

from activities.models import Attendance, Session, SignUp
from activities.signup import ForResident, SessionFacts, ahead_of, facts, give_back
from activities.telling import tell, tell_moved
from core.directory import places_of
from residents.models import Resident

if TYPE_CHECKING:
    from sqlalchemy import Row

    from core.work import Work
    from residents.events import PlaceEnded


CAME = (
    select(Attendance.session, Attendance.part, Attendance.resident)
    .join(Session, Session.id == Attendance.session)
    .join(
        SignUp,
        and_(
            SignUp.session == Attendance.session,
            SignUp.resident == Attendance.resident,
            SignUp.part == Attendance.part,
            SignUp.state == "signed_up",
        ),
    )
    .where(
        Attendance.resident.in_(bindparam("v_places", expanding=True)),
        Attendance.phase == "entry",
        Session.ends_at > bindparam("v_now"),
    )
)
COMING = (
    select(SignUp.__table__)
    .join(Session, Session.id == SignUp.session)
    .where(
        SignUp.resident == bindparam("v_resident"),
        SignUp.state != "cancelled",
        Session.state == "open",
        Session.ends_at > bindparam("v_now"),
    )
    .order_by(SignUp.session, SignUp.part)
    .with_for_update(of=SignUp)
)


def hand_on(work: Work, event: PlaceEnded) -> None:
    """Let sign-ups for what is still to come go along, or give the places back.

    Whoever has come to a part stays as they came, and keeps no second place in it.
    """
    came = _came(work, event.successor or event.resident)
    for row in _coming(work, event.resident):
        as_whom = came.get((row.session, row.part), set())
        if event.resident in as_whom:
            continue
        session, old = facts(work.connection, row.session), _sign_up(row, event.resident)
        if as_whom or not (event.successor and _goes_along(work, session, row, event.successor)):
            give_back(work, session, old, row.state)
    if event.successor is None:
        return
    for row in _coming(work, event.successor):
        as_whom = came.get((row.session, row.part), set())
        if as_whom and event.successor not in as_whom:
            own = _sign_up(row, event.successor)
            give_back(work, facts(work.connection, row.session), own, row.state)


def _came(work: Work, resident: UUID) -> dict[tuple[UUID, str], set[UUID]]:
    """Return in which parts of sessions that are not over somebody has come, and as whom.

    That record keeps the place: without one, that of another record is not a second.
    """
    asked = {"v_places": places_of(work.connection, resident), "v_now": work.now}
    came: dict[tuple[UUID, str], set[UUID]] = {}
    for row in work.connection.execute(CAME, asked):
        came.setdefault((row.session, row.part), set()).add(row.resident)
    return came


def _coming(work: Work, resident: UUID) -> Sequence[Row[Any]]:
    """Lock somebody's sign-ups for sessions that are not over, and return them."""
    return work.connection.execute(COMING, {"v_resident": resident, "v_now": work.now}).all()


def _sign_up(row: Row[Any], resident: UUID) -> ForResident:
    return ForResident(session=row.session, part=row.part, resident=resident)


def _goes_along(work: Work, session: SessionFacts, row: Row[Any], successor: UUID) -> bool:
    """Give the sign-up to whoever goes on, if they may come and have none as good."""
    home = select(Resident.community).where(Resident.id == successor)
    if session.open_to == "community" and work.connection.scalar(home) != session.community:
        tell_moved(work, session, _sign_up(row, row.resident))
        return False
    mine = (SignUp.session == row.session) & (SignUp.part == row.part)
    theirs = mine & (SignUp.resident == successor)
    asked = select(SignUp.__table__).where(theirs).with_for_update()
    own = work.connection.execute(asked).first()
    if own is not None and (own.state == "signed_up" or _standing(own) <= _standing(row)):
        return False
    if own is not None:
        # One that was cancelled, or waits, holds no place.
        work.connection.execute(delete(SignUp).where(theirs))
    # One that was made in between is a key that is there: all is tried again.
    work.connection.execute(
        update(SignUp).where(mine, SignUp.resident == row.resident).values(resident=successor)
    )
    knows = own.state == row.state if own is not None else _same_person(work, row, successor)
    if not knows:
        ahead = ahead_of(work.connection, _sign_up(row, successor))
        tell(work, session, successor, row.state, ahead)
    return True


def _same_person(work: Work, row: Row[Any], successor: UUID) -> bool:
    """Whether a sign-up was told to the one who goes on: they moved; nothing was merged."""
    both = select(Resident.person).where(Resident.id.in_((row.resident, successor))).distinct()
    return len(work.connection.scalars(both).all()) == 1


def _standing(row: Row[Any]) -> tuple[int, dt.datetime]:
    """Order sign-ups: who has a place, then who waits, the first to come before the others."""
    return ("signed_up", "waiting", "cancelled").index(row.state), row.queued_at
