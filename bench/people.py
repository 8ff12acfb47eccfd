"""Residents with a household, a phone number and a sign-in, by the use cases of the desk."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import insert, select

from bench.stage import Stage
from core.crypto import new_token, token_hash
from core.work import Work, reading
from residents.lists import ImportResidents, import_residents
from residents.models import Resident, SignIn
from residents.people import EnterResident

DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A resident: who, of which community, and the token of the sign-in."""

    resident: UUID
    person: UUID
    community: int
    token: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """How many are signed in."""

    visitors: int


def enter(stage: Stage, communities: Sequence[int], size: int, *, first: int = 0) -> list[Visitor]:
    """Enter so many residents, as many in each of the communities.

    ``first``: the number of the first community, so that those entered later are other people.
    """
    for index, community in enumerate(communities, first):
        rows = tuple(
            EnterResident(
                community=community,
                name=f"居民{index:02d}{number:03d}",
                phone=f"139{index:04d}{number:04d}",
            )
            for number in range(size // len(communities))
        )
        stage.run(import_residents, ImportResidents(community=community, rows=rows))
        if index == first:
            # A server that has never counted its rows looks for namesakes among all, each time.
            stage.tidy()
    with stage.app.app_context(), reading() as connection:
        found = connection.execute(
            select(Resident.id, Resident.person, Resident.community)
            .where(Resident.community.in_(communities))
            .order_by(Resident.id)
        ).all()
    return [
        Visitor(resident=row.id, person=row.person, community=row.community, token=new_token())
        for row in found
    ]


def sign_in(work: Work, visitors: Sequence[Visitor]) -> SignedIn:
    """Write the sign-ins."""
    rows = [
        {
            "id": work.new_id(),
            "token_hash": token_hash(visitor.token),
            "person": visitor.person,
            "resident": visitor.resident,
            "label": "bench",
            "created_at": work.now,
            "last_seen": work.now,
            "expires_at": work.now + DAY,
        }
        for visitor in visitors
    ]
    work.connection.execute(insert(SignIn), rows)
    return SignedIn(len(visitors))
