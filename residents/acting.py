"""Who may act for whom today: the one place that reads representations (decision 015)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import aliased

from residents.models import Person, Representation, Resident

if TYPE_CHECKING:
    from sqlalchemy import BindParameter, ColumnElement, Connection

CHILD = 14
"""Under this age a guardian consents (Personal Information Protection Law, article 31)."""


def holds(day: dt.date | BindParameter[dt.date]) -> ColumnElement[bool]:
    """Whether a representation holds on a day."""
    return and_(
        Representation.valid_from <= day,
        or_(Representation.valid_to.is_(None), Representation.valid_to >= day),
    )


def wards(connection: Connection, agent: UUID, day: dt.date) -> frozenset[UUID]:
    """Return the people whose word somebody may give: for a child a guardian, and nobody else."""
    rows = connection.execute(
        select(Representation.principal, Representation.kind, Person.birth_year)
        .join(Person, Person.id == Representation.principal)
        .where(Representation.agent == agent, holds(day)),
    )
    return frozenset(
        row.principal
        for row in rows
        if row.kind == "guardian" or not is_younger(row.birth_year, CHILD, day)
    )


def is_child(connection: Connection, person: UUID, day: dt.date) -> bool:
    """Whether somebody is known to be under fourteen."""
    return is_under(connection, person, CHILD, day)


def is_under(connection: Connection, person: UUID, age: int, day: dt.date) -> bool:
    """Whether somebody is known to be under an age."""
    born = connection.scalar(select(Person.birth_year).where(Person.id == person))
    return is_younger(born, age, day)


def is_younger(born: int | None, age: int, day: dt.date) -> bool:
    """Whether somebody of this birth year, which is optional, is known to be under an age."""
    return born is not None and day.year - born < age


@dataclass(frozen=True, slots=True, kw_only=True)
class ActsFor:
    """Who acts for whom, as what; the residents are None where they live nowhere here."""

    id: UUID
    principal: UUID
    principal_name: str
    principal_resident: UUID | None
    agent: UUID
    agent_name: str
    agent_resident: UUID | None
    kind: str
    since: dt.date


def acting(connection: Connection, person: UUID, day: dt.date) -> list[ActsFor]:
    """Return who acts for somebody today, and for whom they act, the longest first."""
    principal, agent = aliased(Person), aliased(Person)
    helped, helper = aliased(Resident), aliased(Resident)
    rows = connection.execute(
        select(
            Representation.id,
            Representation.principal,
            principal.name.label("principal_name"),
            helped.id.label("principal_resident"),
            Representation.agent,
            agent.name.label("agent_name"),
            helper.id.label("agent_resident"),
            Representation.kind,
            Representation.valid_from.label("since"),
        )
        .join(principal, principal.id == Representation.principal)
        .join(agent, agent.id == Representation.agent)
        .outerjoin(helped, and_(helped.person == principal.id, helped.valid_to.is_(None)))
        .outerjoin(helper, and_(helper.person == agent.id, helper.valid_to.is_(None)))
        .where(or_(Representation.principal == person, Representation.agent == person), holds(day))
        .order_by(Representation.valid_from, Representation.id),
    )
    return [ActsFor(**row._mapping) for row in rows]  # noqa: SLF001 - the documented way
