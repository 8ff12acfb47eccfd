"""Agreeing to be named in lists that hang out in public, and taking it back; by default masked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from core.errors import N_, Forbidden
from residents.acting import is_child
from residents.models import Consent, Resident
from residents.shown import PUBLIC_LIST

if TYPE_CHECKING:
    from core.work import Work

NAMING_VERSION = "2026-11"


class ChildIsMasked(Forbidden):
    """A child's own word does not count, and nobody gives it for them."""

    text = N_("未满 14 周岁的，公示里姓名一直打码。有要问的，请监护人到社区问。")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetNaming:
    """Be named in public lists, or masked again."""

    agreed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NamingSet:
    """What holds now."""

    agreed: bool


def set_naming(work: Work, command: SetNaming) -> NamingSet:
    """Keep or withdraw the consent of the resident acted as; the same again changes nothing.

    Only the person's own word counts, not that of somebody who acts for them. Raises Forbidden or
    ChildIsMasked.
    """
    person = work.connection.scalar(
        select(Resident.person).where(Resident.id == work.actor.resident)
    )
    if person is None or person != work.actor.person:
        raise Forbidden
    held = (
        Consent.person == person,
        Consent.purpose == PUBLIC_LIST,
        Consent.withdrawn_at.is_(None),
    )
    has = work.connection.execute(select(Consent.id).where(*held)).first() is not None
    if has == command.agreed:
        work.replayed()
    elif command.agreed:
        if is_child(work.connection, person, work.day):
            raise ChildIsMasked
        work.session.add(
            Consent(
                id=work.new_id(),
                person=person,
                purpose=PUBLIC_LIST,
                version=NAMING_VERSION,
                channel="own_phone",
                given_at=work.now,
            )
        )
    else:
        work.connection.execute(update(Consent).where(*held).values(withdrawn_at=work.now))
    return NamingSet(agreed=command.agreed)
