"""Sign-ups of somebody who moved, whose records became one, or who died: they go along, or end."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select, update

from activities.models import Attendance, Session, SignUp
from activities.signup import ForResident, SessionFacts, facts, give_back, tell_moved
from residents.models import Resident

if TYPE_CHECKING:
    from core.work import Work
    from residents.events import PlaceEnded


def hand_on(work: Work, event: PlaceEnded) -> None:
    """Let sign-ups for what is still to come go along, or give the places back.

    Whoever has come already stays as they came.
    """
    came = select(Attendance.id).where(
        Attendance.session == SignUp.session, Attendance.resident == SignUp.resident
    )
    coming = (
        select(SignUp.session, SignUp.part, SignUp.state)
        .join(Session, Session.id == SignUp.session)
        .where(
            SignUp.resident == event.resident,
            SignUp.state != "cancelled",
            Session.state == "open",
            Session.ends_at > work.now,
            ~came.exists(),
        )
        .order_by(SignUp.session, SignUp.part)
    )
    for row in work.connection.execute(coming).all():
        session = facts(work.connection, row.session)
        old = ForResident(session=row.session, part=row.part, resident=event.resident)
        if event.successor is None or not _goes_along(work, session, old, event.successor):
            give_back(work, session, old, row.state)


def _goes_along(work: Work, session: SessionFacts, old: ForResident, successor: UUID) -> bool:
    """Give the sign-up to whoever goes on, if they may come and have none of their own."""
    home = select(Resident.community).where(Resident.id == successor)
    if session.open_to == "community" and work.connection.scalar(home) != session.community:
        tell_moved(work, session, old)
        return False
    mine = (SignUp.session == old.session) & (SignUp.part == old.part)
    own = select(SignUp.state).where(mine, SignUp.resident == successor)
    if work.connection.scalar(own) is not None:
        return False
    work.connection.execute(
        update(SignUp).where(mine, SignUp.resident == old.resident).values(resident=successor)
    )
    return True
