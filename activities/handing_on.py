"""Sign-ups of somebody who moved, whose records became one, or who died: they go along, or end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import delete, exists, select, update

from activities.models import Attendance, Session, SignUp
from activities.signup import ForResident, facts, give_back, tell_moved
from residents.models import Resident

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Row

    from core.work import Work
    from residents.events import PlaceEnded


def hand_on(work: Work, event: PlaceEnded) -> None:
    """Let sign-ups for what is still to come go along, or give the places back.

    Whoever has come already stays as they came; whoever goes on does not keep a second place there.
    """
    for row in _coming(work, event.resident):
        if event.successor is None or not _goes_along(work, row, event.successor):
            _give_back(work, row)
    if event.successor is not None:
        came_as_the_other = _came(event.resident, Attendance.part == SignUp.part)
        for row in _coming(work, event.successor, came_as_the_other):
            _give_back(work, row)


def _came(resident: UUID, *which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Say that a resident has come to the session of a sign-up."""
    here = (Attendance.session == SignUp.session, Attendance.resident == resident)
    return exists().where(*here, *which)


def _coming(work: Work, resident: UUID, *which: ColumnElement[bool]) -> Sequence[Row[Any]]:
    """Return somebody's sign-ups for sessions that are not over and that they have not come to."""
    asked = (
        select(SignUp.__table__)
        .join(Session, Session.id == SignUp.session)
        .where(
            SignUp.resident == resident,
            SignUp.state != "cancelled",
            Session.state == "open",
            Session.ends_at > work.now,
            ~_came(resident),
            *which,
        )
        .order_by(SignUp.session, SignUp.part)
    )
    return work.connection.execute(asked).all()


def _give_back(work: Work, row: Row[Any]) -> None:
    command = ForResident(session=row.session, part=row.part, resident=row.resident)
    give_back(work, facts(work.connection, row.session), command, row.state)


def _goes_along(work: Work, row: Row[Any], successor: UUID) -> bool:
    """Give the sign-up to whoever goes on, if they may come and have none as good."""
    session = facts(work.connection, row.session)
    home = select(Resident.community).where(Resident.id == successor)
    if session.open_to == "community" and work.connection.scalar(home) != session.community:
        old = ForResident(session=row.session, part=row.part, resident=row.resident)
        tell_moved(work, session, old)
        return False
    mine = (SignUp.session == row.session) & (SignUp.part == row.part)
    theirs = mine & (SignUp.resident == successor)
    own = work.connection.execute(select(SignUp.__table__).where(theirs)).first()
    if own is not None and (own.state == "signed_up" or _standing(own) <= _standing(row)):
        return False
    # One that was cancelled, or waits, holds no place.
    work.connection.execute(delete(SignUp).where(theirs))
    work.connection.execute(
        update(SignUp).where(mine, SignUp.resident == row.resident).values(resident=successor)
    )
    return True


def _standing(row: Row[Any]) -> tuple[int, dt.datetime]:
    """Order sign-ups: who has a place, then who waits, the first to come before the others."""
    return ("signed_up", "waiting", "cancelled").index(row.state), row.queued_at
