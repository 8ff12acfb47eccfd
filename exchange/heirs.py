"""Warnings to the family before what somebody who died left lapses: twice, once each."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from core import outbox, settings
from core.directory import directory
from core.formats import message_day, points
from core.ids import NIL
from core.models import OutboxMessage
from core.work import transact
from exchange.left import Left, left
from exchange.messages import LENGTHS
from points.expiring.warning import STAGES
from residents.heirs import adults
from residents.models import ResidentEnd

if TYPE_CHECKING:
    from core.work import Work

CHUNK = 500
"""Of so many who died the families are told in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WarnHeirs:
    """Tell the next families of today."""

    #: The last of those who died whose family was told.
    upto: UUID = NIL
    chunk: int = CHUNK


@dataclass(frozen=True, slots=True, kw_only=True)
class HeirsWarned:
    """How many were written to now, and how far it came; ``finished``: that was all."""

    people: int
    upto: UUID
    finished: bool


def warn_heirs(work: Work, command: WarnHeirs) -> HeirsWarned:
    """Write to every adult of a household which of its points lapse soon, once for each stage."""
    days = {
        stage: settings.integer(work.connection, key, work.now) for stage, key in STAGES.items()
    }
    horizon = work.day + dt.timedelta(days=days["first"])
    following = (
        select(ResidentEnd.resident)
        .where(
            ResidentEnd.keeps_until.between(work.day, horizon),
            ResidentEnd.resident > command.upto,
        )
        .order_by(ResidentEnd.resident)
        .limit(command.chunk)
    )
    dead = work.connection.scalars(following).all()
    letters = [
        letter
        for each in left(work.connection, ResidentEnd.resident.in_(dead))
        for letter in _letters(work, each, days["last"])
    ]
    known = select(OutboxMessage.key).where(
        OutboxMessage.key.in_([f"expiry.left:{letter.key}" for letter in letters])
    )
    told = set(work.connection.scalars(known))
    new = [letter for letter in letters if f"expiry.left:{letter.key}" not in told]
    if not new:
        work.replayed()
    outbox.send_many(work, "expiry.left", new)
    return HeirsWarned(
        people=len(new),
        upto=dead[-1] if dead else command.upto,
        finished=len(dead) < command.chunk,
    )


def _letters(work: Work, each: Left, last_days: int) -> list[outbox.Letter]:
    stage = "last" if (each.until - work.day).days <= last_days else "first"
    facts = {
        "name": each.name[: LENGTHS["name"]],
        "points": points(each.amount),
        "date": message_day(each.until),
        "phone": directory().number(work.connection, each.community),
    }
    return [
        outbox.Letter(
            # A family that moves takes the dead along as new residents; the day stays the same.
            key=f"{each.person}:{each.until}:{stage}:{heir.id}",
            person=heir.id,
            phone_cipher=heir.phone_cipher,
            params=facts,
        )
        for heir in adults(work.connection, each.household, work.day)
    ]


def warn_families(chunk: int = CHUNK) -> str:
    """Warn whom it concerns today: the job's body."""
    done, total = HeirsWarned(people=0, upto=NIL, finished=False), 0
    while not done.finished:
        done = transact(warn_heirs, WarnHeirs(upto=done.upto, chunk=chunk))
        total += done.people
    return f"warned {total}"
