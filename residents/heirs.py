"""Who may spend what somebody who died left: the adults of the household who live on in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import aliased

from residents.models import Person, Resident, ResidentEnd

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Row, Select

ADULT = 18

_other, _end, _heir = aliased(Resident), aliased(ResidentEnd), aliased(Resident)


def _is_adult(who: type[Resident], day: dt.date) -> ColumnElement[bool]:
    """Whether somebody lives there, confirmed and of age, or of an age that nobody knows."""
    return and_(
        who.valid_to.is_(None),
        who.state == "confirmed",
        or_(Person.birth_year.is_(None), Person.birth_year <= day.year - ADULT),
    )


def lives_on(leaving: Sequence[UUID] = ()) -> ColumnElement[bool]:
    """Whether somebody lives on who lived with a resident whose place has ended.

    Whoever moves into the home of a household that has died out inherits nothing. ``leaving``:
    residents whose own places end just now, and who take along what is theirs.
    """
    return exists().where(
        _other.household == Resident.household,
        _other.created_at <= ResidentEnd.recorded_at,
        or_(
            _other.valid_to.is_(None),
            _other.id.in_(leaving),
            # Under another record of theirs.
            exists().where(_end.resident == _other.id, _end.reason == "merged"),
        ),
    )


def died_with(resident: UUID, day: dt.date) -> Select[UUID]:
    """Choose those from whom a resident inherits, as ``heirs`` has it: nobody, where too young."""
    home = (
        select(_heir.household)
        .join(Person, Person.id == _heir.person)
        .where(_heir.id == resident, _is_adult(_heir, day))
        .scalar_subquery()
    )
    return (
        select(Resident.id)
        .join(ResidentEnd, ResidentEnd.resident == Resident.id)
        .where(Resident.household == home, ResidentEnd.reason == "deceased", lives_on())
    )


def adults(
    connection: Connection, household: UUID, day: dt.date
) -> Sequence[Row[UUID, str | None]]:
    """Return the people of a household, with their stored numbers, who may spend what was left."""
    return connection.execute(
        select(Person.id, Person.phone_cipher)
        .join(Resident, Resident.person == Person.id)
        .where(Resident.household == household, _is_adult(Resident, day))
        .order_by(Person.id),
    ).all()


def heirs(connection: Connection, resident: UUID, day: dt.date) -> list[UUID] | None:
    """Return the people who inherit from a resident; None: the resident has not died."""
    died = connection.execute(
        select(Resident.household, lives_on().label("lives_on"))
        .join(ResidentEnd, ResidentEnd.resident == Resident.id)
        .where(Resident.id == resident, ResidentEnd.reason == "deceased"),
    ).first()
    if died is None:
        return None
    if not died.lives_on:
        return []
    return [row.id for row in adults(connection, died.household, day)]


def may_end(connection: Connection, resident: UUID, orderer: UUID, day: dt.date) -> bool:
    """Whether a resident may end an order: their own, or as heir that of who has died."""
    if resident == orderer:
        return True
    person = connection.scalar(select(Resident.person).where(Resident.id == resident))
    return person in (heirs(connection, orderer, day) or ())
