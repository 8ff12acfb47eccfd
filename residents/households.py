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
from residents.homes import is_over
from residents.models import Building, Dwelling, Estate, Household, Person, Resident

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    Namesake = Row[UUID, UUID, UUID, int, str, str | None, str]

    from core.work import Work

CHUNK = 400
"""Rows of one look-up: SQLite takes 32,766 parameters, PostgreSQL 65,535."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person to be put into a household; checked and normalised. ``id``: what its key makes."""

    name: str
    phone: str | None = None
    birth_year: int | None = None
    address: Address | None = None
    household: UUID | None = None
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A resident with the person, the household, its community and the number's index."""

    resident: UUID
    person: UUID
    household: UUID
    community: int
    phone_index: str | None = None


Key = tuple[str, str, object]


def existing(
    connection: Connection, community: int, members: Sequence[Member]
) -> list[Known | None]:
    """Return who of them lives here already: same name at the same address or household.

    The same name with the same number is found wherever in the district it lives: one person.
    Whoever was made by the same key is who they were, whatever else is known of them.
    """
    made = _made(connection, members)
    known: dict[Key, Known] = {}
    for row in _namesakes(connection, sorted({member.name for member in members})):
        found = Known(row.id, row.person, row.household, row.community, row.phone_index)
        if row.phone_index:
            known[row.name, "phone", row.phone_index] = found
        if row.community == community:
            known[row.name, "household", row.household] = found
            if row.address:
                known[row.name, "address", row.address] = found
    return [made.get(member.id) or _find(known, member) for member in members]


def namesakes_here(
    connection: Connection, community: int, members: Sequence[Member]
) -> list[tuple[Namesake, ...]]:
    """Return for each who lives here by the same name, in another home or in none that is known."""
    here: dict[str, list[Namesake]] = {}
    for row in _namesakes(connection, sorted({member.name for member in members})):
        if row.community == community:
            here.setdefault(row.name, []).append(row)
    return [
        tuple(row for row in here.get(member.name, ()) if not _at_home_of(row, member))
        for member in members
    ]


def _at_home_of(row: Namesake, member: Member) -> bool:
    home = {member.household, member.address.words if member.address else None}
    return bool({row.household, row.address} & home - {None})


def _made(connection: Connection, members: Sequence[Member]) -> dict[UUID | None, Known]:
    ids, made = [member.id for member in members if member.id], dict[UUID | None, Known]()
    for start in range(0, len(ids), CHUNK):
        query = (
            select(Resident.id, Resident.person, Resident.household, Resident.community)
            .add_columns(Person.phone_index)
            .join(Person, Person.id == Resident.person)
            .where(Resident.id.in_(ids[start : start + CHUNK]))
        )
        made |= {row.id: Known(*row) for row in connection.execute(query)}
    return made


def _namesakes(connection: Connection, names: list[str]) -> Sequence[Namesake]:
    rows: list[Namesake] = []
    for start in range(0, len(names), CHUNK):
        rows += connection.execute(
            select(
                Resident.id,
                Resident.person,
                Resident.household,
                Resident.community,
                Person.name,
                Person.phone_index,
                Dwelling.address,
            )
            .join(Person, Person.id == Resident.person)
            .join(Household, Household.id == Resident.household)
            .outerjoin(Dwelling, Dwelling.id == Household.dwelling)
            .where(
                Resident.valid_to.is_(None),
                Person.name.in_(names[start : start + CHUNK]),
            )
            .order_by(Resident.id),
        ).all()
    return rows


def _keys(member: Member) -> list[Key]:
    """Return what somebody is recognised by, the surest first."""
    keys: list[Key] = []
    if member.phone:
        keys.append((member.name, "phone", phone_index(member.phone)))
    if member.household:
        keys.append((member.name, "household", member.household))
    if member.address:
        keys.append((member.name, "address", member.address.words))
    return keys


def _find(known: dict[Key, Known], member: Member) -> Known | None:
    index = phone_index(member.phone) if member.phone else None
    for key in _keys(member):
        found = known.get(key)
        # Two who share a name and a home, each with a number of their own, are two.
        if found is not None and (index is None or found.phone_index in {None, index}):
            return found
    return None


def repeated(members: Sequence[Member]) -> list[int | None]:
    """Return for each member of a list the position of an earlier one that is the same person."""
    first: dict[Key, int] = {}
    found: list[int | None] = []
    for position, member in enumerate(members):
        same = next((first[key] for key in _keys(member) if key in first), None)
        if same is not None and member.phone and members[same].phone not in {None, member.phone}:
            same = None
        found.append(same)
        for key in _keys(member):
            first.setdefault(key, position)
    return found


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
    known = _people(work, members)
    people: list[dict[str, Any]] = []
    residents: list[dict[str, Any]] = []
    added: list[Known] = []
    for member, household in zip(members, homes, strict=True):
        index = phone_index(member.phone) if member.phone else None
        person, resident = known.get((member.name, index)), member.id or work.new_id()
        if person is None:
            person = work.new_id()
            people.append(person_row(work, person, member))
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
        added.append(Known(resident, person, household, community, index))
    if people:
        work.connection.execute(insert(Person), people)
    work.connection.execute(insert(Resident), residents)
    work.publish(
        ResidentsAdded(
            tuple((known.resident, community) for known in added),
            tuple((household, community) for household in dwellings.made),
        ),
    )
    return added


def person_row(work: Work, identity: UUID, member: Member) -> dict[str, Any]:
    """Return the row of a new person; the number is encrypted, and found by its index."""
    phone = member.phone
    return {
        "id": identity,
        "name": member.name,
        "phone_cipher": encrypt("phone", phone) if phone else None,
        "phone_index": phone_index(phone) if phone else None,
        "phone_tail": phone[-4:] if phone else None,
        "birth_year": member.birth_year,
        "created_at": work.now,
    }


def _people(work: Work, members: Sequence[Member]) -> dict[tuple[str, str | None], UUID]:
    """Return the persons that are known by name and number, such as staff who also live here."""
    found: dict[tuple[str, str | None], UUID] = {}
    indexes = sorted({phone_index(member.phone) for member in members if member.phone})
    for start in range(0, len(indexes), CHUNK):
        query = select(Person.name, Person.phone_index, Person.id).where(
            Person.phone_index.in_(indexes[start : start + CHUNK]),
        )
        found |= {(row.name, row.phone_index): row.id for row in work.connection.execute(query)}
    return found


def _is_person(work: Work, state: str) -> bool:
    return state == "confirmed" and work.actor.role != "system"


class Dwellings:
    """The addresses of one community while people are being put into them."""

    def __init__(self, work: Work, community: int) -> None:
        self.work = work
        self.community = community
        self.made: list[UUID] = []
        self._waiting: list[dict[str, Any]] = []
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
        self.flush()
        return homes

    def household_at(self, dwelling: UUID | None) -> UUID:
        """Make a household at a dwelling, or at none that is known; ``flush`` inserts it."""
        identity = self.work.new_id()
        self._waiting.append(
            {
                "id": identity,
                "community": self.community,
                "dwelling": dwelling,
                "created_at": self.work.now,
            },
        )
        self.made.append(identity)
        return identity

    def flush(self) -> None:
        """Insert the households that were made."""
        if self._waiting:
            self.work.connection.execute(insert(Household), self._waiting)
            self._waiting.clear()

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
                .where(
                    Household.dwelling.in_(dwellings[start : start + CHUNK]),
                    ~is_over(Household.id),
                )
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
