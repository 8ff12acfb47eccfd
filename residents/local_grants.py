"""Grid workers and building leads of a community, and the grids: arranged by its own lead."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from core.acts import Role
from core.errors import N_, Rejected
from residents.grants import (
    Granted,
    GrantedByYourself,
    GrantUnknown,
    is_own_number,
    person_of,
    renew,
)
from residents.homes import is_over
from residents.households import CHUNK
from residents.models import (
    Building,
    Dwelling,
    Estate,
    Grant,
    Grid,
    Household,
    Person,
    Resident,
    SignIn,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.work import Work

SCOPE_OF: dict[Role, str] = {"grid_worker": "grid", "building_lead": "building"}
GRID_NAME_MAX = 20
GRID_BUILDINGS_MAX = 300


class LocalPlaceUnknown(Rejected):
    """The grid or building does not belong to the community, or the role to neither."""

    text = N_("没有找到这个网格或这幢楼。请从本社区的里面选一个。")


class GridNameMissing(Rejected):
    """A grid has a short name and at least one building."""

    text = N_("请写网格名称（20 个字以内），并勾选它管的楼。")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetGrid:
    """A grid by its name, and the buildings that it has from now on."""

    community: int
    name: str
    buildings: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridSet:
    """The grid, and whether nothing had to change."""

    id: UUID
    exists: bool


def set_grid(work: Work, command: SetGrid) -> GridSet:
    """Make a grid or give it other buildings; a building is in one grid.

    Raises GridNameMissing, LocalPlaceUnknown, Forbidden, NotInYourScope.
    """
    work.actor.require("grant.local", command.community)
    name, wanted = command.name.strip(), sorted(set(command.buildings))
    if not 0 < len(name) <= GRID_NAME_MAX or not 0 < len(wanted) <= GRID_BUILDINGS_MAX:
        raise GridNameMissing
    here = select(func.count()).where(
        Building.community == command.community, Building.id.in_(wanted)
    )
    if work.connection.scalar(here) != len(wanted):
        raise LocalPlaceUnknown
    upsert = sqlite.insert if work.is_sqlite else postgresql.insert
    work.connection.execute(
        upsert(Grid)
        .values(id=work.new_id(), community=command.community, name=name)
        .on_conflict_do_nothing(index_elements=["community", "name"]),
    )
    grid = work.connection.execute(
        select(Grid.id).where(Grid.community == command.community, Grid.name == name),
    ).scalar_one()
    before = sorted(
        work.connection.scalars(select(Building.id).where(Building.grid == grid)).all(),
    )
    if before == wanted:
        work.replayed()
        return GridSet(id=grid, exists=True)
    work.connection.execute(update(Building).where(Building.grid == grid).values(grid=None))
    work.connection.execute(update(Building).where(Building.id.in_(wanted)).values(grid=grid))
    return GridSet(id=grid, exists=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantLocal:
    """Make somebody grid worker of a grid or building lead of a building."""

    community: int
    role: str
    scope_id: UUID
    name: str
    phone: str
    valid_to: dt.date | None = None


def grant_local(work: Work, command: GrantLocal) -> Granted:
    """Give the role from today on; the same again is what it was.

    Raises LocalPlaceUnknown, GrantedByYourself, NameMissing, PhoneMalformed, Forbidden,
    NotInYourScope.
    """
    work.actor.require("grant.local", command.community)
    inside = {
        "grid_worker": select(Grid.id).where(
            Grid.id == command.scope_id, Grid.community == command.community
        ),
        "building_lead": select(Building.id).where(
            Building.id == command.scope_id, Building.community == command.community
        ),
    }.get(command.role)
    if inside is None:
        raise LocalPlaceUnknown
    if work.connection.execute(inside).first() is None:
        raise LocalPlaceUnknown
    if is_own_number(work, command.phone):
        raise GrantedByYourself
    person = person_of(work, command.name, command.phone)
    same = select(Grant.id).where(
        Grant.person == person,
        Grant.role == command.role,
        Grant.scope_id == command.scope_id,
        or_(Grant.valid_to.is_(None), Grant.valid_to >= work.day),
    )
    found = work.connection.scalar(same)
    if found is not None:
        work.replayed()
        return Granted(id=found, person=person, exists=True)
    values = {
        "person": person,
        "role": command.role,
        "scope_kind": "grid" if command.role == "grid_worker" else "building",
        "place": command.community,
        "scope_id": command.scope_id,
        "valid_from": work.day,
        "valid_to": command.valid_to,
    }
    return Granted(id=renew(work, values), person=person, exists=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndLocal:
    """Take the role back, from today on."""

    grant: UUID


def end_local(work: Work, command: EndLocal) -> Granted:
    """End the grant and its sign-ins at once; again changes nothing.

    Raises GrantUnknown, Forbidden, NotInYourScope.
    """
    row = work.connection.execute(
        select(Grant.person, Grant.place, Grant.role).where(Grant.id == command.grant),
    ).first()
    if row is None or row.role not in SCOPE_OF:
        raise GrantUnknown
    work.actor.require("grant.local", row.place)
    yesterday = work.day - dt.timedelta(days=1)
    ended = work.connection.execute(
        update(Grant)
        .where(Grant.id == command.grant, or_(Grant.valid_to.is_(None), Grant.valid_to > yesterday))
        .values(valid_to=yesterday)
        .returning(Grant.id),
    ).first()
    if ended is None:
        work.replayed()
    work.connection.execute(
        update(SignIn)
        .where(SignIn.grant == command.grant, SignIn.revoked_at.is_(None))
        .values(revoked_at=work.now),
    )
    return Granted(id=command.grant, person=row.person, exists=ended is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A building or grid as pages offer it."""

    id: UUID
    name: str
    grid: UUID | None = None


def buildings(connection: Connection, community: int) -> list[Block]:
    """Return a community's buildings with their grids, by name."""
    rows = connection.execute(
        select(Building.id, Building.name, Building.grid, Estate.name.label("estate"))
        .join(Estate, Estate.id == Building.estate)
        .where(Building.community == community)
        .order_by(Estate.name, func.length(Building.name), Building.name),
    )
    return [
        Block(
            id=row.id,
            name=N_("{estate} {number} 幢").format(estate=row.estate, number=row.name),
            grid=row.grid,
        )
        for row in rows
    ]


def grids(connection: Connection, community: int) -> list[Block]:
    """Return a community's grids by name."""
    query = select(Grid.id, Grid.name).where(Grid.community == community).order_by(Grid.name)
    return [Block(id=row.id, name=row.name) for row in connection.execute(query)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalGrant:
    """Who is grid worker or building lead of what."""

    id: UUID
    name: str
    phone_tail: str
    role: Role
    place: str
    valid_from: dt.date
    valid_to: dt.date | None


def local_grants(connection: Connection, community: int, day: dt.date) -> list[LocalGrant]:
    """Return the grid workers and building leads in force."""
    rows = connection.execute(
        select(Grant.__table__, Person.name, Person.phone_tail)
        .join(Person, Person.id == Grant.person)
        .where(
            Grant.place == community,
            Grant.role.in_(tuple(SCOPE_OF)),
            or_(Grant.valid_to.is_(None), Grant.valid_to >= day),
        )
        .order_by(Grant.role, Person.name),
    ).all()
    known = [*buildings(connection, community), *grids(connection, community)]
    names = {block.id: block.name for block in known}
    return [
        LocalGrant(
            id=row.id,
            name=row.name,
            phone_tail=row.phone_tail or "",
            role=row.role,
            place=names.get(row.scope_id, ""),
            valid_from=row.valid_from,
            valid_to=row.valid_to,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A household of a building or grid, with who lives there."""

    household: UUID
    address: str
    people: tuple[tuple[UUID, str], ...]


def _living(connection: Connection, households: list[UUID]) -> dict[UUID, list[tuple[UUID, str]]]:
    found: dict[UUID, list[tuple[UUID, str]]] = {}
    for start in range(0, len(households), CHUNK):
        rows = connection.execute(
            select(Resident.household, Resident.id, Person.name)
            .join(Person, Person.id == Resident.person)
            .where(
                Resident.household.in_(households[start : start + CHUNK]),
                Resident.valid_to.is_(None),
            )
            .order_by(Resident.created_at, Resident.id),
        )
        for row in rows:
            found.setdefault(row.household, []).append((row.id, row.name))
    return found


def doors(connection: Connection, scope_kind: str, scope_id: UUID, words: str = "") -> list[Door]:
    """Return the households of a building or grid by address, those named by the words."""
    inside = Building.id == scope_id if scope_kind == "building" else Building.grid == scope_id
    rows = connection.execute(
        select(Household.id, Dwelling.address)
        .join(Dwelling, Dwelling.id == Household.dwelling)
        .join(Building, Building.id == Dwelling.building)
        .where(inside, ~is_over(Household.id))
        .order_by(func.length(Dwelling.address), Dwelling.address, Household.id),
    ).all()
    living = _living(connection, [row.id for row in rows])
    found = [
        Door(household=row.id, address=row.address, people=tuple(living.get(row.id, ())))
        for row in rows
    ]
    wanted = words.replace(" ", "")
    if not wanted:
        return found
    return [
        door
        for door in found
        if wanted in door.address.replace(" ", "")
        or any(wanted in name for _id, name in door.people)
    ]
