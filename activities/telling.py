"""What is written to somebody about their place in a session."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from core import outbox
from core.formats import message_time, queued
from residents.models import Person, Resident

if TYPE_CHECKING:
    from sqlalchemy import Row

    from activities.signup import ForResident, SessionFacts
    from core.work import Work


def tell(work: Work, session: SessionFacts, resident: UUID, state: str, ahead: int) -> None:
    """Write the message that says where one stands."""
    row = _person(work, resident)
    key = f"{session.id}:{resident}:{work.now.isoformat()}"
    if state == "waiting":
        outbox.send(
            work,
            "signup.waiting",
            key=key,
            person=row.id,
            activity=session.title[:10],
            queue=queued(ahead),
        )
        return
    outbox.send(
        work,
        "signup.confirmed",
        key=key,
        person=row.id,
        activity=session.title[:10],
        time=message_time(session.starts_at),
        place=session.place[:10],
    )


def tell_moved(work: Work, session: SessionFacts, command: ForResident) -> None:
    """Write to somebody who moved that a session was for their old neighbours only."""
    row = _person(work, command.resident)
    outbox.send(
        work,
        "signup.moved",
        key=f"{session.id}:{command.resident}",
        person=row.id,
        activity=session.title[:10],
        time=message_time(session.starts_at),
        community=session.community_name[:10],
    )


def _person(work: Work, resident: UUID) -> Row[UUID, str | None]:
    return work.connection.execute(
        select(Person.id, Person.phone_cipher)
        .join(Resident, Resident.person == Person.id)
        .where(Resident.id == resident),
    ).one()
