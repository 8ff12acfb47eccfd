"""Somebody acts for somebody: family, carers, guardians, by a dated row."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from core import outbox
from core.directory import directory
from core.errors import N_, NotFound, Rejected
from residents.acting import holds, is_child, wards
from residents.labels import AGENTS, agent_words
from residents.models import Consent, Person, Representation, Resident, SignIn
from residents.people import PRIVACY_VERSION, OwnResident, ResidentUnknown, refuse_own

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Row

    from core.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Represent:
    """Somebody may act for a resident, by consent on paper that staff have seen."""

    principal: UUID
    agent: UUID
    kind: str


class KindUnknown(Rejected):
    """Somebody acts for somebody as family, carer or guardian."""

    text = N_("请选择是家人、护理人还是监护人。")


class AgentTooYoung(Rejected):
    """Whoever is known to be under fourteen acts for nobody."""

    text = N_("未满 14 周岁的不能替别人办事。请另选一位大人。")


class RepresentationUnknown(NotFound):
    """Nobody acts for somebody by this row, or it is not for the actor to end."""

    text = N_("没有找到这一项代办，可能已经取消了。请刷新页面看看。")


class GuardianStays(Rejected):
    """Only staff end a child's guardian: the child would have nobody who consents."""

    text = N_("孩子未满 14 周岁，换监护人要到社区当面办。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Represented:
    """The representation's row."""

    id: UUID
    exists: bool


def represent(work: Work, command: Represent) -> Represented:
    """Let a person act for another, who is told; both are persons known here.

    As another kind than before, it is so from now on. Staff let nobody act for their own
    household, and do not act for others themselves.
    Raises KindUnknown, ResidentUnknown, AgentTooYoung, OwnResident, Forbidden, NotInYourScope.
    """
    if command.kind not in AGENTS:
        raise KindUnknown
    home = work.connection.execute(_home(command.principal)).first()
    known = work.connection.scalar(select(Person.id).where(Person.id == command.agent))
    if home is None or known is None or command.principal == command.agent:
        raise ResidentUnknown
    work.actor.require("resident.enter", home.community)
    if command.agent == work.actor.person:
        raise OwnResident
    refuse_own(work, command.principal, home.household)
    if is_child(work.connection, command.agent, work.day):
        raise AgentTooYoung
    found = work.connection.execute(
        select(Representation.id, Representation.kind).where(
            Representation.principal == command.principal,
            Representation.agent == command.agent,
            holds(work.day),
        ),
    ).first()
    if found is not None and found.kind == command.kind:
        work.replayed()
        return Represented(id=found.id, exists=True)
    if found is not None:
        close(work, Representation.id == found.id)
    consent = _agreed(work, command.principal)
    row = _put(work, command, consent)
    _tell(work, command, consent, home.community)
    return Represented(id=row, exists=False)


def _home(person: UUID) -> Any:
    return select(Resident.community, Resident.household).where(
        Resident.person == person,
        Resident.valid_to.is_(None),
    )


def _agreed(work: Work, principal: UUID) -> UUID:
    consent = Consent(
        id=work.new_id(),
        person=principal,
        purpose="representation",
        version=PRIVACY_VERSION,
        channel="paper",
        given_at=work.now,
    )
    work.session.add(consent)
    work.session.flush()
    return consent.id


def _put(work: Work, command: Represent, consent: UUID) -> UUID:
    """Insert the row, or renew one that began today and was ended since."""
    renewed = {"kind": command.kind, "consent": consent, "valid_to": None}
    upsert = sqlite.insert if work.is_sqlite else postgresql.insert
    return work.connection.execute(
        upsert(Representation)
        .values(
            id=work.new_id(),
            principal=command.principal,
            agent=command.agent,
            valid_from=work.day,
            **renewed,
        )
        .on_conflict_do_update(index_elements=["principal", "agent", "valid_from"], set_=renewed)
        .returning(Representation.id),
    ).scalar_one()


def _tell(work: Work, command: Represent, consent: UUID, community: int) -> None:
    """Tell the one who is acted for, who can still say no."""
    here = directory()
    outbox.send(
        work,
        "proxy.added",
        key=str(consent),
        person=command.principal,
        phone_cipher=here.contact(work.connection, command.principal),
        name=here.person(work.connection, command.agent),
        role=agent_words(command.kind),
        phone=here.number(work.connection, community),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRepresentation:
    """Somebody acts for somebody no longer, from now on."""

    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RepresentationEnded:
    """The row that holds no longer, and whether it had ended before."""

    id: UUID
    exists: bool


def end_representation(work: Work, command: EndRepresentation) -> RepresentationEnded:
    """End it, and the sign-ins by it, at once; again changes nothing.

    Whoever is acted for may, whoever acts, a child's guardian, and the community's staff.
    Raises RepresentationUnknown, GuardianStays, OwnResident, Forbidden, NotInYourScope.
    """
    row = work.connection.execute(
        select(Representation.__table__).where(Representation.id == command.id),
    ).first()
    if row is None:
        raise RepresentationUnknown
    _refuse_others(work, row)
    if not close(work, Representation.id == command.id):
        work.replayed()
        return RepresentationEnded(id=command.id, exists=True)
    return RepresentationEnded(id=command.id, exists=False)


def _refuse_others(work: Work, row: Row[Any]) -> None:
    actor = work.actor
    if actor.is_staff:
        home = work.connection.execute(_home(row.principal)).first()
        if home is None:
            raise RepresentationUnknown
        actor.require("resident.enter", home.community)
        refuse_own(work, row.principal, home.household)
        return
    is_guarded = is_child(work.connection, row.principal, work.day)
    speaks = (
        row.principal in wards(work.connection, actor.person, work.day)
        if is_guarded
        else row.principal == actor.person
    )
    if not speaks and row.agent != actor.person:
        raise RepresentationUnknown
    if is_guarded and row.kind == "guardian":
        raise GuardianStays


def close(work: Work, condition: ColumnElement[bool]) -> bool:
    """End what holds of these rows with yesterday, their consents and sign-ins with it."""
    ended = work.connection.execute(
        update(Representation)
        .where(condition, holds(work.day))
        .values(valid_to=work.day - dt.timedelta(days=1))
        .returning(Representation.principal, Representation.agent, Representation.consent),
    ).all()
    for row in ended:
        work.connection.execute(
            update(Consent).where(Consent.id == row.consent).values(withdrawn_at=work.now),
        )
        homes = select(Resident.id).where(Resident.person == row.principal)
        work.connection.execute(
            update(SignIn)
            .where(
                SignIn.person == row.agent,
                SignIn.resident.in_(homes),
                SignIn.revoked_at.is_(None),
            )
            .values(revoked_at=work.now),
        )
    return bool(ended)
