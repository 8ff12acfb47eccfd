"""Who of a household may pay for an order beside the one who orders, and who says yes for them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from core.directory import directory
from exchange.left import Left, left_to
from points.accounts import resident_account
from residents.acting import is_under
from residents.heirs import ADULT
from residents.models import Person, Resident

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from exchange.basket import Buyer


@dataclass(frozen=True, slots=True, kw_only=True)
class Relative:
    """Somebody of the buyer's household who may pay a share.

    ``left``: they died, and adults of the household may spend what they left; only then
    ``available`` is known. ``spoken_for``: the buyer's word is theirs, too.
    """

    resident: UUID
    person: UUID
    name: str
    account: int
    spoken_for: bool
    has_phone: bool
    left: bool
    available: int | None


def relatives(
    connection: Connection, buyer: Buyer, day: dt.date, speaker: UUID
) -> tuple[Relative, ...]:
    """Return who may pay beside the buyer: confirmed members, and those who died and left points.

    The speaker, who may be another than the buyer, speaks for those who let *them* act.

    They keep their books in the buyer's community: an order has one home book.
    """
    rows = connection.execute(
        select(Resident.id, Resident.person, Person.name, Person.phone_cipher)
        .join(Person, Person.id == Resident.person)
        .where(
            Resident.household == buyer.household,
            Resident.community == buyer.community,
            Resident.id != buyer.resident,
            Resident.valid_to.is_(None),
            Resident.state == "confirmed",
        )
        .order_by(Resident.created_at, Resident.id),
    ).all()
    wards = directory().wards(connection, speaker, day) if rows else frozenset()
    living = [
        Relative(
            resident=row.id,
            person=row.person,
            name=row.name,
            account=resident_account(row.id, buyer.community, "service"),
            spoken_for=row.person in wards,
            has_phone=row.phone_cipher is not None,
            left=False,
            available=None,
        )
        for row in rows
    ]
    dead = left_to(connection, buyer.household, day)
    if dead and is_under(connection, buyer.person, ADULT, day):
        dead = []
    return (*living, *(_gone(each) for each in dead))


def _gone(each: Left) -> Relative:
    """Return somebody who died: nobody has to be asked for what they left."""
    return Relative(
        resident=each.resident,
        person=each.person,
        name=each.name,
        account=each.account,
        spoken_for=True,
        has_phone=False,
        left=True,
        available=each.amount,
    )
