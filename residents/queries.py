"""Who lives where: for the pages of residents and for the desk's search."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, or_, select, true

from core.errors import N_
from core.formats import masked_phone
from residents.models import (
    Community,
    District,
    Dwelling,
    Household,
    Person,
    Resident,
    SignIn,
    Subdistrict,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row, Select

    from core.acts import Actor

SEARCH_MAX = 50
TAIL_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A community as pages name it."""

    code: int
    short_name: str
    display_name: str
    subdistrict: str
    kind: str
    phone: str

    @property
    def noun(self) -> str:
        """社区 or 村."""
        return N_("村") if self.kind == "village" else N_("社区")

    @property
    def people(self) -> str:
        """居民 or 村民."""
        return N_("村民") if self.kind == "village" else N_("居民")


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewerLine:
    """Who looks at a resident's page."""

    name: str
    mode: str
    state: str
    place: Place
    person: UUID
    resident: UUID
    household: UUID


def _places() -> Select[int, str, str, str, str, str | None]:
    return (
        select(
            Community.code,
            Community.short_name,
            Community.display_name,
            Subdistrict.name.label("subdistrict"),
            Community.kind,
            func.coalesce(Community.phone, District.phone).label("phone"),
        )
        .join(Subdistrict, Subdistrict.code == Community.subdistrict)
        .join(District, District.code == Subdistrict.district)
    )


def _place(row: Row[int, str, str, str, str, str | None]) -> Place:
    return Place(
        code=row.code,
        short_name=row.short_name,
        display_name=row.display_name,
        subdistrict=row.subdistrict,
        kind=row.kind,
        phone=row.phone or "",
    )


def place(connection: Connection, community: int) -> Place | None:
    """Return a community with its subdistrict and the number to call, or None."""
    row = connection.execute(_places().where(Community.code == community)).first()
    return _place(row) if row else None


def district(connection: Connection) -> Place | None:
    """Return the district, whose number is shown where no community is known; None if empty."""
    row = connection.execute(select(District.code, District.name, District.phone)).first()
    if row is None:
        return None
    return Place(
        code=row.code,
        short_name=row.name,
        display_name=row.name,
        subdistrict="",
        kind="neighbourhood",
        phone=row.phone or "",
    )


def places(connection: Connection) -> list[Place]:
    """Return every community, by code."""
    return [_place(row) for row in connection.execute(_places().order_by(Community.code))]


def communities_by_subdistrict(
    connection: Connection, day: dt.date | None = None
) -> dict[str, list[tuple[int, str]]]:
    """Return the communities as a form offers them; with a day, only those that go on then."""
    offered: dict[str, list[tuple[int, str]]] = {}
    goes_on = or_(Community.valid_to.is_(None), Community.valid_to >= day) if day else true()
    for row in connection.execute(_places().where(goes_on).order_by(Community.code)):
        found = _place(row)
        offered.setdefault(found.subdistrict, []).append((found.code, found.short_name))
    return offered


def viewer(connection: Connection, actor: Actor) -> ViewerLine | None:
    """Return the resident acted as, with home and mode."""
    row = connection.execute(
        select(
            Person.id,
            Person.name,
            Person.mode,
            Resident.state,
            Resident.household,
            Resident.community,
        )
        .join(Person, Person.id == Resident.person)
        .where(Resident.id == actor.resident),
    ).first()
    if row is None or actor.resident is None:
        return None
    home = place(connection, row.community)
    assert home is not None  # noqa: S101 - a foreign key says so
    return ViewerLine(
        name=row.name,
        mode=row.mode,
        state=row.state,
        place=home,
        person=row.id,
        resident=actor.resident,
        household=row.household,
    )


def names(connection: Connection, people: Iterable[UUID]) -> dict[UUID, str]:
    """Return the names of these people; whoever is unknown is left out."""
    query = select(Person.id, Person.name).where(Person.id.in_(set(people)))
    return {row[0]: row[1] for row in connection.execute(query)}


def subdistricts(connection: Connection) -> list[tuple[int, str]]:
    """Return every subdistrict with its name, by code."""
    query = select(Subdistrict.code, Subdistrict.name).order_by(Subdistrict.code)
    return [(row[0], row[1]) for row in connection.execute(query)]


def members(connection: Connection, household: UUID) -> list[tuple[UUID, str]]:
    """Return the residents of a household with their names, the longest there first."""
    rows = connection.execute(
        select(Resident.id, Person.name)
        .join(Person, Person.id == Resident.person)
        .where(Resident.household == household, Resident.valid_to.is_(None))
        .order_by(Resident.created_at, Resident.id),
    )
    return [(row.id, row.name) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """What 我的 says of oneself."""

    phone_masked: str
    state: str
    address: str
    since: dt.datetime


def me(connection: Connection, resident: UUID) -> Me:
    """Return one's own card."""
    row = connection.execute(
        select(Person.phone_tail, Resident.state, Resident.created_at, Dwelling.address)
        .join(Person, Person.id == Resident.person)
        .join(Household, Household.id == Resident.household)
        .outerjoin(Dwelling, Dwelling.id == Household.dwelling)
        .where(Resident.id == resident),
    ).one()
    return Me(
        phone_masked=masked_phone(row.phone_tail) if row.phone_tail else "",
        state=row.state,
        address=row.address or "",
        since=row.created_at,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRow:
    """A signed-in device of one's own."""

    id: UUID
    label: str
    created_at: dt.datetime
    last_seen: dt.datetime
    current: bool


def sign_ins(connection: Connection, actor: Actor, now: dt.datetime) -> list[SignInRow]:
    """Return the person's sign-ins that hold, the latest used first."""
    rows = connection.execute(
        select(SignIn.id, SignIn.label, SignIn.created_at, SignIn.last_seen)
        .where(
            SignIn.person == actor.person,
            SignIn.revoked_at.is_(None),
            SignIn.expires_at > now,
        )
        .order_by(SignIn.last_seen.desc(), SignIn.id),
    )
    return [
        SignInRow(
            id=row.id,
            label=row.label,
            created_at=row.created_at,
            last_seen=row.last_seen,
            current=row.id == actor.sign_in,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidentLine:
    """A resident as the desk lists them; the number is masked."""

    resident: UUID
    person: UUID
    household: UUID
    community: int
    name: str
    phone_masked: str
    address: str
    state: str
    birth_year: int | None
    created_at: dt.datetime
    #: Moved away, died, or merged into another record.
    is_gone: bool = False


def _ever() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Resident.id,
            Resident.person,
            Resident.household,
            Resident.community,
            Person.name,
            Person.phone_tail,
            Dwelling.address,
            Resident.state,
            Person.birth_year,
            Resident.created_at,
            Resident.valid_to,
        )
        .join(Person, Person.id == Resident.person)
        .join(Household, Household.id == Resident.household)
        .outerjoin(Dwelling, Dwelling.id == Household.dwelling)
    )


def _lines() -> Select[*tuple[Any, ...]]:
    return _ever().where(Resident.valid_to.is_(None))


def _line(row: Row[*tuple[Any, ...]]) -> ResidentLine:
    return ResidentLine(
        resident=row.id,
        person=row.person,
        household=row.household,
        community=row.community,
        name=row.name,
        phone_masked=masked_phone(row.phone_tail) if row.phone_tail else "",
        address=row.address or "",
        state=row.state,
        birth_year=row.birth_year,
        created_at=row.created_at,
        is_gone=row.valid_to is not None,
    )


def search(connection: Connection, community: int, words: str) -> list[ResidentLine]:
    """Find a community's residents by name, address (3-2-401) or the last four digits.

    Names that begin with the words come first.
    """
    wanted = re.sub(r"[\s%_]", "", words)
    if not wanted:
        return []
    conditions = [
        Person.name.contains(wanted, autoescape=True),
        func.replace(Dwelling.address, " ", "").contains(wanted, autoescape=True),
    ]
    if wanted.isdigit() and len(wanted) == TAIL_DIGITS:
        conditions.append(Person.phone_tail == wanted)
    query = _lines().where(Resident.community == community, or_(*conditions))
    begins = Person.name.startswith(wanted, autoescape=True)
    ranked = query.order_by(begins.desc(), Person.name, Resident.id)
    return [_line(row) for row in connection.execute(ranked.limit(SEARCH_MAX))]


def anywhere(connection: Connection, words: str) -> list[ResidentLine]:
    """Find residents of the whole district by full name and last four digits: for the counter."""
    name, _, tail = words.strip().partition(" ")
    if not (name and len(tail) == TAIL_DIGITS and tail.isdigit()):
        return []
    query = _lines().where(Person.name == name, Person.phone_tail == tail)
    return [_line(row) for row in connection.execute(query.limit(SEARCH_MAX))]


def at_old_home(connection: Connection, words: str) -> list[ResidentLine]:
    """Find residents of the whole district by full name and old address: for those who moved."""
    name, _, address = words.strip().partition(" ")
    wanted = re.sub(r"[\s%_]", "", address)
    if not name or len(wanted) < TAIL_DIGITS:
        return []
    query = _lines().where(
        Person.name == name,
        func.replace(Dwelling.address, " ", "").contains(wanted, autoescape=True),
    )
    return [_line(row) for row in connection.execute(query.limit(SEARCH_MAX))]


def waiting(connection: Connection, community: int) -> list[ResidentLine]:
    """Return the residents who wait to be confirmed, the longest first."""
    query = _lines().where(Resident.community == community, Resident.state == "unconfirmed")
    return [_line(row) for row in connection.execute(query.order_by(Resident.created_at))]


def lines(connection: Connection, residents: Sequence[UUID]) -> dict[UUID, ResidentLine]:
    """Return these residents, wherever they live."""
    if not residents:
        return {}
    rows = connection.execute(_lines().where(Resident.id.in_(residents)))
    return {row.id: _line(row) for row in rows}


def ever(connection: Connection, residents: Iterable[UUID]) -> dict[UUID, ResidentLine]:
    """Return these residents, also those who have moved away, died or been merged since."""
    rows = connection.execute(_ever().where(Resident.id.in_(sorted(residents))))
    return {row.id: _line(row) for row in rows}


def household(connection: Connection, identity: UUID) -> list[ResidentLine]:
    """Return the residents of a household, the longest there first."""
    query = (
        _lines().where(Resident.household == identity).order_by(Resident.created_at, Resident.id)
    )
    return [_line(row) for row in connection.execute(query)]


def count(connection: Connection, community: int) -> tuple[int, int]:
    """Return how many residents and households a community knows."""
    residents = connection.execute(
        select(func.count(), func.count(func.distinct(Resident.household))).where(
            Resident.community == community,
            Resident.valid_to.is_(None),
        ),
    ).one()
    return residents[0], residents[1]
