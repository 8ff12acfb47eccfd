"""Showing a resident's whole number: who looked, and when, stays in the audit.

Whoever has the right to look reads a list of numbers out no faster than by calling people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from core.crypto import decrypt
from core.errors import N_, Conflict, TooManyToday
from core.limits import DAY, Hit, hit
from core.work import transact
from residents.models import Person, Resident
from residents.people import ResidentUnknown

if TYPE_CHECKING:
    from core.acts import Actor
    from core.work import Work

LOOKS_A_DAY = 60
"""By one person, in whatever role: more calls than a day of work has."""


class NoNumber(Conflict):
    """The resident has no phone of their own."""

    text = N_("这位居民没有登记手机号。可以联系家人，或用「改登记」补上。")


class TooManyNumbers(TooManyToday):
    """Somebody looked at as many numbers as a day allows."""

    text = N_("今天看整号码的次数用完了，请明天再看。要通知很多居民，请和社区负责人商量。")


@dataclass(frozen=True, slots=True, kw_only=True)
class RevealPhone:
    """Somebody needs to call a resident; each look is one of its own."""

    resident: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneRevealed:
    """The whole number; the audit row keeps whose it is, and not the number."""

    resident: UUID
    phone: str


def show_phone(resident: UUID, actor: Actor) -> PhoneRevealed:
    """Count a look, and show the number; raises TooManyNumbers and what ``reveal_phone`` raises."""
    try:
        transact(hit, Hit(name=f"numbers:{actor.person}", limit=LOOKS_A_DAY, seconds=DAY))
    except TooManyToday as refusal:
        raise TooManyNumbers(seconds=refusal.seconds) from None
    return transact(reveal_phone, RevealPhone(resident=resident), actor)


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
