"""Who of a household may pay for an order beside the one who orders, and who says yes for them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import and_, or_, select

from core.directory import directory
from points.accounts import resident_account
from points.models import Account
from residents.acting import is_younger
from residents.models import Person, Resident, ResidentEnd

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from exchange.basket import Buyer

ADULT = 18


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
        select(
            Resident.id,
            Resident.person,
            Resident.valid_to,
            Person.name,
            Person.phone_cipher,
        )
        .join(Person, Person.id == Resident.person)
        .outerjoin(
            ResidentEnd,
            and_(ResidentEnd.resident == Resident.id, ResidentEnd.reason == "deceased"),
        )
        .where(
            Resident.household == buyer.household,
            Resident.community == buyer.community,
            Resident.id != buyer.resident,
            or_(
                and_(Resident.valid_to.is_(None), Resident.state == "confirmed"),
                ResidentEnd.keeps_until >= day,
            ),
        )
        .order_by(Resident.created_at, Resident.id),
    ).all()
    if not rows:
        return ()
    adult = is_adult(connection, buyer.person, day)
    wards = directory().wards(connection, speaker, day)
    accounts = {row.id: resident_account(row.id, buyer.community, "service") for row in rows}
    free = (Account.credited - Account.debited - Account.held).label("free")
    found = connection.execute(select(Account.id, free).where(Account.id.in_(accounts.values())))
    left = {row.id: row.free for row in found}
    return tuple(
        Relative(
            resident=row.id,
            person=row.person,
            name=row.name,
            account=accounts[row.id],
            spoken_for=row.valid_to is not None or row.person in wards,
            has_phone=row.phone_cipher is not None,
            left=row.valid_to is not None,
            available=left.get(accounts[row.id], 0) if row.valid_to is not None else None,
        )
        for row in rows
        if row.valid_to is None or (adult and left.get(accounts[row.id]))
    )


def is_adult(connection: Connection, person: UUID, day: dt.date) -> bool:
    """Whether somebody is of age, as far as is known: the birth year is optional."""
    born = connection.scalar(select(Person.birth_year).where(Person.id == person))
    return not is_younger(born, ADULT, day)
