"""Showing a resident's whole number: who looked, and when, stays in the audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from core.crypto import decrypt
from core.errors import N_, Conflict
from residents.models import Person, Resident
from residents.people import ResidentUnknown

if TYPE_CHECKING:
    from core.work import Work


class NoNumber(Conflict):
    """The resident has no phone of their own."""

    text = N_("这位居民没有登记手机号。可以联系家人，或用「改登记」补上。")


@dataclass(frozen=True, slots=True, kw_only=True)
class RevealPhone:
    """Somebody needs to call a resident; each look is one of its own."""

    resident: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneRevealed:
    """The whole number; the audit row keeps whose it is, and not the number."""

    resident: UUID
    phone: str


def reveal_phone(work: Work, command: RevealPhone) -> PhoneRevealed:
    """Show the number of a resident of the actor's community.

    Raises ResidentUnknown, NoNumber, Forbidden or NotInYourScope.
    """
    work.actor.require("resident.enter")
    row = work.connection.execute(
        select(Resident.community, Person.phone_cipher)
        .join(Person, Person.id == Resident.person)
        .where(Resident.id == command.resident, Resident.valid_to.is_(None)),
    ).first()
    if row is None:
        raise ResidentUnknown
    work.actor.require("resident.enter", row.community)
    if row.phone_cipher is None:
        raise NoNumber
    return PhoneRevealed(resident=command.resident, phone=decrypt("phone", row.phone_cipher))
