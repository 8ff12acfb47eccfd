"""What somebody who died left: for the adults of the household to spend, until a day."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import and_, select

from points.accounts import resident_account
from points.queries import free_on
from residents.heirs import lives_on
from residents.models import Person, Resident, ResidentEnd

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Somebody who died, the centipoints that they left, and the last day for them."""

    resident: UUID
    person: UUID
    name: str
    household: UUID
    community: int
    account: int
    amount: int
    until: dt.date


def left_to(connection: Connection, household: UUID, day: dt.date) -> list[Left]:
    """Return what a household may still spend of those who died, the soonest to lapse first."""
    return left(connection, and_(Resident.household == household, ResidentEnd.keeps_until >= day))


def left(connection: Connection, which: ColumnElement[bool]) -> list[Left]:
    """Return what those who died left, if anything, where somebody lives on who lived with them."""
    rows = connection.execute(
        select(
            Resident.id,
            Resident.person,
            Resident.household,
            Resident.community,
            Person.name,
            ResidentEnd.keeps_until,
        )
        .join(ResidentEnd, ResidentEnd.resident == Resident.id)
        .join(Person, Person.id == Resident.person)
        .where(ResidentEnd.reason == "deceased", which, lives_on())
        .order_by(ResidentEnd.keeps_until, Resident.id),
    ).all()
    if not rows:
        return []
    accounts = {row.id: resident_account(row.id, row.community, "service") for row in rows}
    amounts = free_on(connection, accounts.values())
    return [
        Left(
            resident=row.id,
            person=row.person,
            name=row.name,
            household=row.household,
            community=row.community,
            account=accounts[row.id],
            amount=amount,
            until=row.keeps_until,
        )
        for row in rows
        if (amount := amounts.get(accounts[row.id], 0))
    ]
