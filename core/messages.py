"""通知: what was written to whoever is signed in, in the words that are sent, and what is new."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, update

from core.models import OutboxMessage
from core.outbox import SECRET_TEMPLATES, TEMPLATES, words_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.acts import Actor
    from core.work import Work

PAGE = 20
BADGE_MAX = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as its receiver reads it; ``opens`` is the endpoint of the page to read on."""

    id: UUID
    at: dt.datetime
    words: str
    opens: str
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkSeen:
    """Take as seen what 通知 showed at a moment."""

    upto: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesSeen:
    """How many were new until now."""

    seen: int


def shown_at(raw: str, now: dt.datetime) -> dt.datetime:
    """Return the moment that the form of a list names; a form that names none was shown now."""
    try:
        moment = dt.datetime.fromisoformat(raw)
    except ValueError:
        return now
    return moment if moment.tzinfo else now


def _templates(actor: Actor) -> list[str]:
    """Return which messages somebody reads: a colleague's desk shows no private orders."""
    if actor.is_staff:
        rooms = {"district" if actor.may("console.read") else "staff"}
    else:
        rooms = {key.partition(".")[0] for key in TEMPLATES} - {"district", "staff"}
    known = set(TEMPLATES) - SECRET_TEMPLATES
    return sorted(key for key in known if key.partition(".")[0] in rooms)


def _own(actor: Actor, at: dt.datetime) -> ColumnElement[bool]:
    """Choose what was due at a moment: what waits for the morning, or was taken back, is not."""
    tried = and_(OutboxMessage.attempts > 0, OutboxMessage.created_at <= at)
    return and_(
        OutboxMessage.person == actor.person,
        OutboxMessage.template.in_(_templates(actor)),
        OutboxMessage.state != "cancelled",
        # One that could not be sent is tried again later; here it stands already.
        or_(OutboxMessage.send_after <= at, tried),
    )


def messages_of(
    connection: Connection, actor: Actor, now: dt.datetime, before: UUID | None = None
) -> list[Message]:
    """Return what was written to somebody, newest first; ``before`` goes on from a message."""
    due, name = OutboxMessage.send_after, OutboxMessage.id
    query = select(
        OutboxMessage.id,
        OutboxMessage.send_after,
        OutboxMessage.template,
        OutboxMessage.params,
        OutboxMessage.seen_at,
    ).where(_own(actor, now))
    if before is not None:
        last = select(due).where(name == before, _own(actor, now)).scalar_subquery()
        query = query.where(or_(due < last, and_(due == last, name < before)))
    rows = connection.execute(query.order_by(due.desc(), name.desc()).limit(PAGE))
    return [
        Message(
            id=row.id,
            at=min(row.send_after, now),
            words=words_of(row.template, row.params),
            opens=TEMPLATES[row.template].opens,
            is_new=row.seen_at is None,
        )
        for row in rows
    ]


def new_count(connection: Connection, actor: Actor, now: dt.datetime) -> int:
    """Return how many messages somebody has not seen: no more than one above what a badge shows."""
    new = select(OutboxMessage.id).where(_own(actor, now), OutboxMessage.seen_at.is_(None))
    query = select(func.count()).select_from(new.limit(BADGE_MAX + 1).subquery())
    return connection.scalar(query) or 0


def mark_seen(work: Work, command: MarkSeen) -> MessagesSeen:
    """Take everything as seen that was there when the list was shown; again changes nothing."""
    shown = _own(work.actor, min(command.upto, work.now))
    marked = work.connection.execute(
        update(OutboxMessage)
        .where(shown, OutboxMessage.seen_at.is_(None))
        .values(seen_at=work.now),
    )
    if not marked.rowcount:
        work.replayed()
    return MessagesSeen(seen=marked.rowcount)
