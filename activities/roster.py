"""Who signed up for a session and who waits, as its staff read it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from activities.models import SignUp
from activities.staff_queries import Where
from activities.visits import parts_come_to
from residents import queries as people

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpRow:
    """One resident's place, or place in the queue, in a part of a session."""

    resident: UUID
    name: str
    where: str
    is_here: bool
    #: Masked; empty for somebody without a phone, who has to be told in person.
    phone: str
    part: str
    #: signed_up, waiting, or arrived.
    state: str
    #: Which in the queue: 1 is the next to move up; 0 for who has a place.
    turn: int
    since: dt.datetime


def sign_ups(connection: Connection, session: UUID, community: int) -> tuple[SignUpRow, ...]:
    """Return who is coming and who waits, by part, then in the order in which they came."""
    rows = connection.execute(
        select(SignUp.resident, SignUp.part, SignUp.state, SignUp.queued_at)
        .where(SignUp.session == session, SignUp.state != "cancelled")
        .order_by(SignUp.part.desc(), SignUp.state, SignUp.queued_at, SignUp.resident),
    ).all()
    lines = people.ever(connection, {row.resident for row in rows})
    come = parts_come_to(connection, session)
    where = Where(connection, community)
    made, turn = [], dict.fromkeys(("take_part", "serve"), 0)
    for row in rows:
        line, waits = lines[row.resident], row.state == "waiting"
        turn[row.part] += waits
        made.append(
            SignUpRow(
                resident=row.resident,
                name=line.name,
                where=where.of(line),
                is_here=where.is_here(line),
                phone=line.phone_masked,
                part=row.part,
                state="arrived" if row.part in come.get(row.resident, ()) else row.state,
                turn=turn[row.part] if waits else 0,
                since=row.queued_at,
            ),
        )
    return tuple(made)


def without_phone(rows: Sequence[SignUpRow]) -> tuple[SignUpRow, ...]:
    """Return those whom no message reaches, each once: they are told in person."""
    return tuple({row.resident: row for row in rows if not row.phone}.values())
