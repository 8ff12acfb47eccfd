"""Putting people into households and households into dwellings, many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import insert, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from core.crypto import encrypt, phone_index
from residents.addresses import Address
from residents.events import ResidentsAdded
from residents.models import Building, Dwelling, Estate, Household, Person, Resident

if TYPE_CHECKING:
    from sqlalchemy import Row

    from core.work import Work

CHUNK = 400
"""Rows of one look-up: SQLite takes 32,766 parameters, PostgreSQL 65,535."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person to be put into a household; checked and normalised."""

    name: str
    phone: str | None = None
    birth_year: int | None = None
    address: Address | None = None
    household: UUID | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A resident with the person and the household."""

    resident: UUID
    person: UUID
    household: UUID


def existing(work: Work, community: int, members: Sequence[Member]) -> list[Known | None]:
    """Return who of them is there already: same name at the same address, household or number."""
    names = sorted({member.name for member in members})
    rows: list[Row[UUID, UUID, UUID, str, str | None, str | None]] = []
    for start in range(0, len(names), CHUNK):
        rows += work.connection.execute(
            select(
                Resident.id,
                Resident.person,
                Resident.household,
                Person.name,
                Person.phone_index,
                Dwelling.address,
            )
            .join(Person, Person.id == Resident.person)
            .join(Household, Household.id == Resident.household)
            .outerjoin(Dwelling, Dwelling.id == Household.dwelling)
            .where(
                Resident.community == community,
                Resident.valid_to.is_(None),
                Person.name.in_(names[start : start + CHUNK]),
            ),
        ).all()
    known: dict[tuple[str, str, object], Known] = {}
    for row in rows:
        found = Known(row.id, row.person, row.household)
        known[row.name, "household", row.household] = found
        if row.address:
            known[row.name, "address", row.address] = found
        if row.phone_index:
            known[row.name, "phone", row.phone_index] = found
    return [_find(known, member) for member in members]


def _find(known: dict[tuple[str, str, object], Known], member: Member) -> Known | None:
    keys: list[tuple[str, str, object]] = []
    if member.household:
        keys.append((member.name, "household", member.household))
    if member.address:
        keys.append((member.name, "address", member.address.words))
    if member.phone:
        keys.append((member.name, "phone", phone_index(member.phone)))
    return next((known[key] for key in keys if key in known), None)


def add_members(
    work: Work,
    community: int,
    members: Sequence[Member],
    *,
    state: str,
) -> list[Known]:
    """Insert people, residents, and the households that they need, in a few statements."""
    if not members:
        return []
    dwellings = Dwellings(work, community)
    homes = dwellings.households(members)
    people: list[dict[str, Any]] = []
    residents: list[dict[str, Any]] = []
    added: list[Known] = []
    for member, household in zip(members, homes, strict=True):
        person, resident = work.new_id(), work.new_id()
        phone = member.phone
        people.append(
            {
                "id": person,
                "name": member.name,
                "phone_cipher": encrypt("phone", phone) if phone else None,
                "phone_index": phone_index(phone) if phone else None,
                "phone_tail": phone[-4:] if phone else None,
                "birth_year": member.birth_year,
                "created_at": work.now,
            },
        )
        residents.append(
            {
                "id": resident,
                "person": person,
                "household": household,
                "community": community,
                "state": state,
                "confirmed_by": work.actor.person if _is_person(work, state) else None,
                "confirmed_at": work.now if state == "confirmed" else None,
                "valid_from": work.day,
                "created_at": work.now,
            },
        )
        added.append(Known(resident, person, household))
    work.connection.execute(insert(Person), people)
    work.connection.execute(insert(Resident), residents)
    work.publish(
        ResidentsAdded(
            tuple((known.resident, community) for known in added),
            tuple((household, community) for household in dwellings.made),
        ),
    )
    return added


def _is_person(work: Work, state: str) -> bool:
    return state == "confirmed" and work.actor.role != "system"


class Dwellings:
    """The addresses of one community while people are being put into them."""

    def __init__(self, work: Work, community: int) -> None:
        self.work = work
        self.community = community
        self.made: list[UUID] = []
        self._insert = sqlite.insert if work.is_sqlite else postgresql.insert

    def households(self, members: Sequence[Member]) -> list[UUID]:
        """Return each member's household: the named one, the address's first, or a new one."""
        addresses = [member.address for member in members if member.address]
        dwellings = self.ensure(addresses)
        taken = self._first_households(list(dwellings.values()))
        homes: list[UUID] = []
        for member in members:
            if member.household is not None:
                homes.append(member.household)
            elif member.address is None:
                homes.append(self.household_at(None))
            else:
                dwelling = dwellings[member.address.words]
                if dwelling not in taken:
                    taken[dwelling] = self.household_at(dwelling)
                homes.append(taken[dwelling])
        return homes

    def household_at(self, dwelling: UUID | None) -> UUID:
        """Make a household at a dwelling, or at none that is known."""
        identity = self.work.new_id()
        self.work.connection.execute(
            insert(Household).values(
                id=identity,
                community=self.community,
                dwelling=dwelling,
                created_at=self.work.now,
            ),
        )
        self.made.append(identity)
        return identity

    def ensure(self, addresses: Sequence[Address]) -> dict[str, UUID]:
        """Return the dwelling of each address, made where it is new, with estate and building."""
        wanted = {address.words: address for address in addresses}
        known = self._dwellings(list(wanted))
        fresh = [address for words, address in wanted.items() if words not in known]
        if fresh:
            estates = self._estates({address.estate for address in fresh})
            buildings = self._buildings(
                {(estates[one.estate], one.building) for one in fresh if one.building},
            )
            self.work.connection.execute(
                self._insert(Dwelling).on_conflict_do_nothing(),
                [
                    {
                        "id": self.work.new_id(),
                        "community": self.community,
                        "building": buildings.get((estates[one.estate], one.building)),
                        "unit": one.unit,
                        "room": one.room,
                        "address": one.words,
                    }
                    for one in fresh
                ],
            )
            known = self._dwellings(list(wanted))
        return known

    def _dwellings(self, words: list[str]) -> dict[str, UUID]:
        found: dict[str, UUID] = {}
        for start in range(0, len(words), CHUNK):
            query = select(Dwelling.address, Dwelling.id).where(
                Dwelling.community == self.community,
                Dwelling.address.in_(words[start : start + CHUNK]),
            )
            found |= {row.address: row.id for row in self.work.connection.execute(query)}
        return found

    def _first_households(self, dwellings: list[UUID]) -> dict[UUID, UUID]:
        found: dict[UUID, UUID] = {}
        for start in range(0, len(dwellings), CHUNK):
            query = (
                select(Household.dwelling, Household.id)
                .where(Household.dwelling.in_(dwellings[start : start + CHUNK]))
                .order_by(Household.id.desc())
            )
            rows = self.work.connection.execute(query)
            found |= {row.dwelling: row.id for row in rows if row.dwelling is not None}
        return found

    def _estates(self, names: set[str]) -> dict[str, UUID]:
        self.work.connection.execute(
            self._insert(Estate).on_conflict_do_nothing(),
            [
                {"id": self.work.new_id(), "community": self.community, "name": name}
                for name in sorted(names)
            ],
        )
        query = select(Estate.name, Estate.id).where(
            Estate.community == self.community,
            Estate.name.in_(names),
        )
        return {row.name: row.id for row in self.work.connection.execute(query)}

    def _buildings(self, keys: set[tuple[UUID, str]]) -> dict[tuple[UUID, str], UUID]:
        if not keys:
            return {}
        self.work.connection.execute(
            self._insert(Building).on_conflict_do_nothing(),
            [
                {
                    "id": self.work.new_id(),
                    "community": self.community,
                    "estate": estate,
                    "name": name,
                }
                for estate, name in sorted(keys)
            ],
        )
        query = select(Building.estate, Building.name, Building.id).where(
            tuple_(Building.estate, Building.name).in_(keys),
        )
        return {(row.estate, row.name): row.id for row in self.work.connection.execute(query)}
