"""The directory that packages beside this one ask: names, and who belongs together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from core.errors import Forbidden
from core.panels import Viewer
from residents import queries
from residents.models import Community, Person, Resident

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.acts import Actor


class ResidentsDirectory:
    """Answers from this package's tables."""

    def viewer(self, connection: Connection, actor: Actor, now: dt.datetime) -> Viewer:
        """Return what is known of the resident acted as; raises Forbidden for anybody else."""
        seen = queries.viewer(connection, actor)
        if seen is None:
            raise Forbidden
        members = queries.members(connection, seen.household)
        return Viewer(
            person=actor.person,
            resident=seen.resident,
            household=seen.household,
            members=tuple(resident for resident, _name in members),
            community=seen.place.code,
            now=now,
        )

    def places(self, connection: Connection, codes: Iterable[int]) -> dict[int, str]:
        """Return the short names of communities."""
        query = select(Community.code, Community.short_name).where(Community.code.in_(set(codes)))
        return {row.code: row.short_name for row in connection.execute(query)}

    def person(self, connection: Connection, person: UUID) -> str:
        """Return a person's name, or "" where there is nobody of this id."""
        return connection.scalar(select(Person.name).where(Person.id == person)) or ""

    def own(self, connection: Connection, person: UUID) -> frozenset[UUID]:
        """Return the person's own residents, their households, and who lives there too."""
        mine = select(Resident.household).where(
            Resident.person == person,
            Resident.valid_to.is_(None),
        )
        rows = connection.execute(
            select(Resident.id, Resident.household).where(
                Resident.household.in_(mine),
                Resident.valid_to.is_(None),
            ),
        ).all()
        return frozenset(row.id for row in rows) | frozenset(row.household for row in rows)
