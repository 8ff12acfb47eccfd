"""Somebody acts for somebody: family, carers, guardians, by a dated row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from core.errors import N_, Rejected
from residents.models import Consent, Person, Representation, Resident
from residents.people import PRIVACY_VERSION, OwnResident, ResidentUnknown, refuse_own

if TYPE_CHECKING:
    from core.work import Work

KINDS = frozenset({"family", "carer", "guardian"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Represent:
    """Somebody may act for a resident, by consent on paper that staff have seen."""

    principal: UUID
    agent: UUID
    kind: str


class KindUnknown(Rejected):
    """Somebody acts for somebody as family, carer or guardian."""

    text = N_("请选择是家人、护理人还是监护人。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Represented:
    """The representation's row."""

    id: UUID
    exists: bool


def represent(work: Work, command: Represent) -> Represented:
    """Let a person act for another; both are persons known here.

    Staff let nobody act for their own household, and do not act for others themselves.
    Raises KindUnknown, ResidentUnknown, OwnResident, Forbidden, NotInYourScope.
    """
    if command.kind not in KINDS:
        raise KindUnknown
    home = work.connection.execute(
        select(Resident.community, Resident.household).where(
            Resident.person == command.principal,
            Resident.valid_to.is_(None),
        ),
    ).first()
    known = work.connection.scalar(select(Person.id).where(Person.id == command.agent))
    if home is None or known is None or command.principal == command.agent:
        raise ResidentUnknown
    work.actor.require("resident.enter", home.community)
    if command.agent == work.actor.person:
        raise OwnResident
    refuse_own(work, command.principal, home.household)
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
