"""What papers and public lists call people: names, addresses, and who agreed to be named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import exists, select

from core.directory import Shown
from core.errors import N_
from residents.models import (
    Building,
    Consent,
    Dwelling,
    Estate,
    Household,
    Person,
    Resident,
    ResidentEnd,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

PUBLIC_LIST = "public_list"
"""The purpose of a consent to be named in lists that hang out in public."""

ASKED = 500
"""Ids that one statement asks for."""


def shown(
    connection: Connection, holders: Sequence[UUID], at: dt.datetime | None = None
) -> dict[UUID, Shown]:
    """Return what papers call these residents and households; who is unknown is left out."""
    found: dict[UUID, Shown] = {}
    for start in range(0, len(holders), ASKED):
        chunk = holders[start : start + ASKED]
        found |= dict(_residents(connection, chunk))
        found |= dict(_households(connection, chunk, at))
    return found


def _residents(connection: Connection, ids: Sequence[UUID]) -> Iterator[tuple[UUID, Shown]]:
    agreed = exists().where(
        Consent.person == Person.id,
        Consent.purpose == PUBLIC_LIST,
        Consent.withdrawn_at.is_(None),
    )
    query = (
        select(
            Resident.id,
            Person.name,
            Dwelling.address,
            Estate.name.label("estate"),
            Building.name.label("building"),
            agreed.label("agreed"),
        )
        .join(Person, Person.id == Resident.person)
        .join(Household, Household.id == Resident.household)
        .outerjoin(Dwelling, Dwelling.id == Household.dwelling)
        .outerjoin(Building, Building.id == Dwelling.building)
        .outerjoin(Estate, Estate.id == Building.estate)
        .where(Resident.id.in_(ids))
    )
    for row in connection.execute(query):
        yield (
            row.id,
            Shown(
                names=(row.name,),
                address=row.address or "",
                building=_building(row.estate, row.building),
                is_named=bool(row.agreed),
                is_household=False,
            ),
        )


def _members(
    connection: Connection, ids: Sequence[UUID], at: dt.datetime | None
) -> dict[UUID, list[str]]:
    """Return by household who lives there; at a moment that is over, who did, or had left last."""
    query = (
        select(Resident.household, Person.name, ResidentEnd.recorded_at.label("left"))
        .join(Person, Person.id == Resident.person)
        .outerjoin(ResidentEnd, ResidentEnd.resident == Resident.id)
        .where(Resident.household.in_(ids))
        .order_by(Resident.created_at, Resident.id)
    )
    is_now = Resident.valid_to.is_(None)
    rows = connection.execute(query.where(is_now if at is None else Resident.created_at <= at))
    members: dict[UUID, list[str]] = {}
    gone: dict[UUID, list[Any]] = {}
    for row in rows:
        if at is None or row.left is None or row.left > at:
            members.setdefault(row.household, []).append(row.name)
        else:
            gone.setdefault(row.household, []).append(row)
    for household, left in gone.items():
        last = max(row.left for row in left)
        members.setdefault(household, [row.name for row in left if row.left == last])
    return members


def _households(
    connection: Connection, ids: Sequence[UUID], at: dt.datetime | None
) -> Iterator[tuple[UUID, Shown]]:
    """Yield households: they are never named in public, only their building is."""
    members = _members(connection, ids, at)
    query = (
        select(
            Household.id,
            Dwelling.address,
            Estate.name.label("estate"),
            Building.name.label("building"),
        )
        .outerjoin(Dwelling, Dwelling.id == Household.dwelling)
        .outerjoin(Building, Building.id == Dwelling.building)
        .outerjoin(Estate, Estate.id == Building.estate)
        .where(Household.id.in_(ids))
    )
    for row in connection.execute(query):
        yield (
            row.id,
            Shown(
                names=tuple(members.get(row.id, ())),
                address=row.address or "",
                building=_building(row.estate, row.building),
                is_named=False,
                is_household=True,
            ),
        )


def _building(estate: str | None, building: str | None) -> str:
    """Write estate and building: "建国南苑 3 幢"; a building named in words keeps them."""
    if not building:
        return estate or ""
    number = N_("{number} 幢").format(number=building) if building.isdigit() else building
    return f"{estate} {number}" if estate else number
