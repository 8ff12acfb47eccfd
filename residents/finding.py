"""Whom a device or a list from elsewhere means: by a whole address, or by name and whole number."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import and_, join, or_, select
from sqlalchemy.orm import aliased

from core.crypto import PhoneMalformed, normal_phone, phone_index
from residents.models import Dwelling, Household, Person, Resident, ResidentEnd
from residents.people import NameMissing, checked_name

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

CHUNK = 100
BEGINNING = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def following(
    connection: Connection, kind: str, holder: UUID, since: dt.datetime = BEGINNING
) -> list[UUID]:
    """Return where a resident's or a household's points and counts went, and went on, in order.

    A household is asked about from a moment on: later it may have been lived in again. One that
    was reached on two ways is named twice: it took them in twice.
    """
    before, after = aliased(Resident), aliased(Resident)
    ends = join(ResidentEnd, before, before.id == ResidentEnd.resident)
    moves: Select[UUID, dt.datetime] = select(after.id, ResidentEnd.recorded_at)
    moves = moves.where(before.id == holder)
    if kind == "household":
        moves = select(after.household, ResidentEnd.recorded_at).where(
            before.household == holder,
            ResidentEnd.household_follows,
            ResidentEnd.recorded_at >= since,
        )
    rows = connection.execute(
        moves.select_from(ends)
        .join(after, after.id == ResidentEnd.successor)
        .distinct()
        .order_by(ResidentEnd.recorded_at),
    ).all()
    return [
        each
        for place, moment in rows
        for each in (
            place,
            *following(connection, kind, place, moment + dt.timedelta.resolution),
        )
    ]


def households_at(
    connection: Connection, homes: Iterable[tuple[int, str]]
) -> dict[tuple[int, str], tuple[UUID, ...]]:
    """Return the households at each (community, address): one dwelling may hold several."""
    asked = {home: (home[0], plain_address(home[1])) for home in homes}
    wanted = sorted(set(asked.values()))
    found: dict[tuple[int, str], list[UUID]] = {}
    for start in range(0, len(wanted), CHUNK):
        rows = connection.execute(
            select(Household.id, Dwelling.community, Dwelling.address)
            .join(Dwelling, Dwelling.id == Household.dwelling)
            .where(
                or_(
                    *(
                        and_(Dwelling.community == community, Dwelling.address == address)
                        for community, address in wanted[start : start + CHUNK]
                    ),
                ),
            ),
        )
        for row in rows:
            found.setdefault((row.community, row.address), []).append(row.id)
    return {home: tuple(found.get(plain, ())) for home, plain in asked.items()}


def plain_address(words: str) -> str:
    """Return an address in the one spelling: half-width, one space before the numbers."""
    return " ".join(unicodedata.normalize("NFKC", words).split())


def residents_named(
    connection: Connection, people: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], UUID]:
    """Return who lives here today, by (name, number) as typed; a part of a number finds nobody."""
    asked: dict[tuple[str, str], tuple[str, str]] = {}
    for name, phone in people:
        try:
            asked[name, phone] = (checked_name(name), phone_index(normal_phone(phone)))
        except (NameMissing, PhoneMalformed):
            continue
    wanted = sorted(set(asked.values()))
    found: dict[tuple[str, str], UUID] = {}
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        rows = connection.execute(
            select(Resident.id, Person.name, Person.phone_index)
            .join(Person, Person.id == Resident.person)
            .where(
                Resident.valid_to.is_(None),
                Person.phone_index.in_([index for _name, index in chunk]),
            ),
        )
        found |= {(row.name, row.phone_index): row.id for row in rows}
    return {pair: found[plain] for pair, plain in asked.items() if plain in found}
