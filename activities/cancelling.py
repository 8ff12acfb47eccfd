"""Cancelling a session that will not take place: whoever was coming is told, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import exists, select, update

from activities.models import Attendance, Session, SignUp
from activities.publish import SessionOver, SessionUnknown
from activities.signup import SessionFacts, facts
from core import outbox
from core.directory import directory
from core.errors import N_, Conflict, Rejected
from core.formats import message_time

if TYPE_CHECKING:
    from core.work import Work

REASON_MAX = 20
"""Whoever was coming reads it in a message of two parts at most."""


class CancelReasonMissing(Rejected):
    """Whoever was coming is told why it does not take place."""

    text = N_("请写一句为什么取消，20 个字以内，报了名的邻居会看到。")


class PeopleArrived(Conflict):
    """Somebody has come: what they were promised stands, the session is ended instead."""

    text = N_("已经有人签到了，不能取消。要提前散场，请点「结束这一场」。")


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelSession:
    """A session that will not take place, and why."""

    session: UUID
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """How many were told, and how many of those who were coming have no phone to be told on."""

    session: UUID
    state: str
    told: int
    without_phone: int


def cancel_session(work: Work, command: CancelSession) -> Cancelled:
    """Cancel a session and tell whoever had signed up or waited; again tells nobody again.

    Raises SessionUnknown, SessionOver, PeopleArrived, CancelReasonMissing, Forbidden,
    NotInYourScope.
    """
    # Its lock lets a scan that is being recorded come first, so that it is seen below.
    locked = select(Session.community, Session.state).where(Session.id == command.session)
    row = work.connection.execute(locked.with_for_update()).first()
    if row is None:
        raise SessionUnknown
    work.actor.require("activity.publish", row.community)
    session = facts(work.connection, command.session)
    if row.state == "cancelled":
        work.replayed()
        return _cancelled(session, _contacts(work, command.session))
    reason = command.reason.strip()
    if not 0 < len(reason) <= REASON_MAX:
        raise CancelReasonMissing
    if row.state != "open" or session.ends_at <= work.now:
        raise SessionOver
    came = select(exists().where(Attendance.session == command.session))
    if work.connection.scalar(came):
        raise PeopleArrived
    work.connection.execute(
        update(Session)
        .where(Session.id == command.session)
        .values(state="cancelled", cancel_reason=reason),
    )
    contacts = _contacts(work, command.session)
    _tell(work, session, reason, contacts)
    return _cancelled(session, contacts)


Contacts = dict[UUID, tuple[UUID, str | None]]


def _contacts(work: Work, session: UUID) -> Contacts:
    """Return the person and the number of each who was coming or waited."""
    coming = select(SignUp.resident).where(SignUp.session == session, SignUp.state != "cancelled")
    residents = sorted(set(work.connection.scalars(coming)))
    return directory().contacts(work.connection, residents)


def _tell(work: Work, session: SessionFacts, reason: str, contacts: Contacts) -> None:
    params = {
        "time": message_time(session.starts_at),
        "activity": session.title[:10],
        "reason": reason,
        "phone": directory().number(work.connection, session.community)[:13],
    }
    letters = [
        outbox.Letter(
            key=f"{session.id}:{resident}", person=person, phone_cipher=cipher, params=params
        )
        for resident, (person, cipher) in contacts.items()
    ]
    outbox.send_many(work, "activity.cancelled", letters)


def _cancelled(session: SessionFacts, contacts: Contacts) -> Cancelled:
    without = sum(cipher is None for _person, cipher in contacts.values())
    return Cancelled(
        session=session.id,
        state="cancelled",
        told=len(contacts) - without,
        without_phone=without,
    )
