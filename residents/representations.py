"""Somebody acts for somebody: family, carers, guardians, by a dated row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from residents.models import Consent, Person, Representation, Resident
from residents.people import PRIVACY_VERSION, ResidentUnknown

if TYPE_CHECKING:
    from core.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Represent:
    """Somebody may act for a resident, by consent on paper that staff have seen."""

    principal: UUID
    agent: UUID
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Represented:
    """The representation's row."""

    id: UUID
    exists: bool


def represent(work: Work, command: Represent) -> Represented:
    """Let a person act for another; both are persons known here. Raises ResidentUnknown."""
    home = select(Resident.community).where(
        Resident.person == command.principal,
        Resident.valid_to.is_(None),
    )
    community = work.connection.scalar(home)
    known = work.connection.scalar(select(Person.id).where(Person.id == command.agent))
    if community is None or known is None or command.principal == command.agent:
        raise ResidentUnknown
    work.actor.require("resident.enter", community)
    found = work.connection.scalar(
        select(Representation.id).where(
            Representation.principal == command.principal,
            Representation.agent == command.agent,
            Representation.valid_to.is_(None),
        ),
    )
    if found is not None:
        work.replayed()
        return Represented(id=found, exists=True)
    consent = Consent(
        id=work.new_id(),
        person=command.principal,
        purpose="representation",
        version=PRIVACY_VERSION,
        channel="paper",
        given_at=work.now,
    )
    work.session.add(consent)
    work.session.flush()
    row = Representation(
        id=work.new_id(),
        principal=command.principal,
        agent=command.agent,
        kind=command.kind,
        consent=consent.id,
        valid_from=work.day,
    )
    work.session.add(row)
    return Represented(id=row.id, exists=False)
