"""The directory that packages beside this one ask: names, and who belongs together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import Date, bindparam, literal, or_, select
from sqlalchemy.orm import aliased

from core.directory import Former, Holder, PlaceClosed, Shown, Standing
from core.errors import Forbidden
from core.many import among
from core.panels import Viewer
from core.work import business_day, present
from residents import acting, finding, heirs, queries, shown
from residents.labels import ROLES
from residents.models import (
    Building,
    Community,
    District,
    Dwelling,
    Grant,
    Household,
    Person,
    Representation,
    Resident,
    ResidentEnd,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.acts import Actor

DESK = ("staff", "lead")
_before, _after = aliased(Resident), aliased(Resident)


_HOMES = (
    select(
        Household.id,
        Household.community,
        Household.id.label("household"),
        Dwelling.building,
        Building.grid,
        Dwelling.address.label("name"),
        literal("household").label("kind"),
        Community.valid_to,
    )
    .join(Community, Community.code == Household.community)
    .outerjoin(Dwelling, Dwelling.id == Household.dwelling)
    .outerjoin(Building, Building.id == Dwelling.building)
)
_PEOPLE = (
    select(
        Resident.id,
        Resident.community,
        Resident.household,
        Dwelling.building,
        Building.grid,
        Person.name,
        literal("resident").label("kind"),
        Community.valid_to,
    )
    .join(Community, Community.code == Resident.community)
    .join(Person, Person.id == Resident.person)
    .join(Household, Household.id == Resident.household)
    .outerjoin(Dwelling, Dwelling.id == Household.dwelling)
    .outerjoin(Building, Building.id == Dwelling.building)
    .where(Resident.valid_to.is_(None))
)


_SAME = select(Person.id).where(
    or_(
        Person.id == bindparam("v_person"),
        Person.phone_index
        == select(Person.phone_index).where(Person.id == bindparam("v_person")).scalar_subquery(),
    )
)
_HOUSEHOLDS = select(Resident.household).where(
    Resident.person.in_(_SAME), Resident.valid_to.is_(None)
)
_LIVING = select(Resident.person).where(
    Resident.household.in_(bindparam("v_households", expanding=True)), Resident.valid_to.is_(None)
)
_OWN = _SAME.union(
    _LIVING,
    select(Person.id).where(
        Person.phone_index.in_(select(Person.phone_index).where(Person.id.in_(_LIVING)))
    ),
    select(Representation.principal).where(
        Representation.agent.in_(_SAME), acting.holds(bindparam("v_day", type_=Date()))
    ),
)
_RECORDS = select(Resident.id).where(
    or_(
        Resident.person.in_(bindparam("v_people", expanding=True)),
        Resident.household.in_(bindparam("v_households", expanding=True)),
    )
)
_MERGED = (
    select(_before.person)
    .join(ResidentEnd, ResidentEnd.resident == _before.id)
    .join(_after, _after.id == ResidentEnd.successor)
    .where(_after.person.in_(bindparam("v_people", expanding=True)), ResidentEnd.reason == "merged")
)


def _standings(connection: Connection, ids: list[UUID]) -> dict[UUID, Standing]:
    rows: list[Any] = [
        *connection.execute(_HOMES.where(among(connection, Household.id, ids))).all()
    ]
    # A chunk is mostly of the one or of the other.
    if others := set(ids).difference(row.id for row in rows):
        rows += connection.execute(_PEOPLE.where(among(connection, Resident.id, others))).all()
    return {
        identity: Standing(
            kind=kind,
            community=community,
            household=household,
            building=building,
            grid=grid,
            name=name or "",
            until=until,
        )
        for identity, community, household, building, grid, name, kind, until in rows
    }


def _with_second_records(connection: Connection, people: frozenset[UUID]) -> frozenset[UUID]:
    """Return these people under every record that was merged into one of theirs."""
    found, later = people, people
    while later:
        later = frozenset(connection.scalars(_MERGED, {"v_people": later})) - found
        found |= later
    return found


LOOK_UP = 1_000
"""Residents of one look-up: databases take so many parameters and no more."""


class ResidentsDirectory:
    """Answers from this package's tables."""

    def viewer(self, connection: Connection, actor: Actor, now: dt.datetime) -> Viewer:
        """Return what is known of the resident acted as; raises Forbidden for anybody else."""
        seen = queries.viewer(connection, actor)
        if seen is None:
            raise Forbidden
        members = queries.members(connection, seen.household)
        return Viewer(
            person=actor.person,
            resident=seen.resident,
            household=seen.household,
            members=tuple(resident for resident, _name in members),
            community=seen.place.code,
            now=now,
        )

    def places(self, connection: Connection, codes: Iterable[int]) -> dict[int, str]:
        """Return the short names of communities."""
        query = select(Community.code, Community.short_name).where(Community.code.in_(set(codes)))
        return {row.code: row.short_name for row in connection.execute(query)}

    def closed(self, connection: Connection, community: int) -> PlaceClosed:
        """Return the refusal of a community that is over, with the one that goes on with it."""
        after = aliased(Community)
        row = connection.execute(
            select(Community.display_name, after.display_name.label("left"))
            .outerjoin(after, after.code == Community.successor)
            .where(Community.code == community),
        ).one()
        return PlaceClosed(place=row.display_name, left=row.left or "")

    def person(self, connection: Connection, person: UUID) -> str:
        """Return a person's name, or "" where there is nobody of this id."""
        return connection.scalar(select(Person.name).where(Person.id == person)) or ""

    def own(self, connection: Connection, person: UUID) -> frozenset[UUID]:
        """Return the people, residents and households whose matters a person may not decide.

        They are the person's own, of their household under whatever name, and of those they
        act for.
        """
        asked: dict[str, object] = {"v_person": person, "v_day": business_day(present())}
        households = frozenset(connection.scalars(_HOUSEHOLDS, asked))
        asked["v_households"] = households
        people = frozenset(connection.scalars(_OWN, asked))
        people = _with_second_records(connection, people)
        residents = connection.scalars(_RECORDS, {**asked, "v_people": people})
        # What arrives late where a household has gone on from follows it.
        led_here = finding.leading(connection, households)
        return people | households | frozenset(led_here) | frozenset(residents)

    def wards(self, connection: Connection, agent: UUID, day: dt.date) -> frozenset[UUID]:
        """Return the people whose word somebody may give today: for a child only a guardian."""
        return acting.wards(connection, agent, day)

    def holder(self, connection: Connection, kind: str, identity: UUID) -> Holder | None:
        """Return a resident or a household that holds points, or None."""
        if kind == "household":
            community = connection.scalar(
                select(Household.community).where(Household.id == identity)
            )
            if community is None:
                return None
            return Holder(community=community, household=identity, person=None, name="")
        row = connection.execute(
            select(Resident.community, Resident.household, Resident.person, Person.name)
            .join(Person, Person.id == Resident.person)
            .where(Resident.id == identity),
        ).first()
        return None if row is None else Holder(**row._mapping)  # noqa: SLF001 - the documented way

    def former(self, connection: Connection, resident: UUID) -> list[Former]:
        """Return the places that lead to a resident's, the newest first."""
        found: list[Former] = []
        later = [resident]
        while later:
            rows = connection.execute(
                select(
                    Resident.id,
                    Resident.household,
                    Resident.community,
                    Resident.valid_to,
                    ResidentEnd.recorded_at,
                )
                .join(ResidentEnd, ResidentEnd.resident == Resident.id)
                .where(ResidentEnd.successor.in_(later))
                .order_by(Resident.valid_to.desc(), Resident.id),
            ).all()
            found += (
                Former(
                    resident=row.id,
                    household=row.household,
                    community=row.community,
                    until=row.valid_to,
                    ended_at=row.recorded_at,
                )
                for row in rows
            )
            later = [row.id for row in rows]
        return found

    def following(
        self, connection: Connection, holder: UUID, since: dt.datetime | None = None
    ) -> list[UUID]:
        """Return where a resident's or a household's points and counts went, and on, in order."""
        found = finding.following(connection, "resident", holder, since)
        return found or finding.following(connection, "household", holder, since)

    def went_with(self, connection: Connection, household: UUID, since: dt.datetime) -> list[UUID]:
        """Return where a household's points of a moment went, and on; what came late, too."""
        return finding.went_with(connection, "household", household, since)

    def kin(self, connection: Connection, residents: Iterable[UUID]) -> dict[UUID, set[UUID]]:
        """Return all places whose points go where these residents' points go, theirs too."""
        return finding.kin(connection, residents)

    def leading(self, connection: Connection, household: UUID) -> dict[UUID, dt.datetime]:
        """Return the households that went on into this one, and when each of them did."""
        return finding.leading(connection, [household])

    def standings(self, connection: Connection, ids: Iterable[UUID]) -> dict[UUID, Standing]:
        """Return where these residents and households live today: at most two questions a chunk."""
        wanted = sorted(set(ids), key=attrgetter("int"))
        found: dict[UUID, Standing] = {}
        for start in range(0, len(wanted), LOOK_UP):
            found |= _standings(connection, wanted[start : start + LOOK_UP])
        return found

    def households_at(
        self, connection: Connection, homes: Iterable[tuple[int, str]]
    ) -> dict[tuple[int, str], tuple[UUID, ...]]:
        """Return the households at each (community, whole address)."""
        return finding.households_at(connection, homes)

    def residents_named(
        self, connection: Connection, people: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], UUID]:
        """Return who lives here today, by (name, whole number); who is not known is left out."""
        return finding.residents_named(connection, people)

    def household_of(self, connection: Connection, person: UUID) -> UUID | None:
        """Return the household that a person lives in today; staff from elsewhere have none."""
        return connection.scalar(
            select(Resident.household).where(
                Resident.person == person,
                Resident.valid_to.is_(None),
            ),
        )

    def living(self, connection: Connection, household: UUID) -> list[UUID]:
        """Return the people who live in a household today."""
        living = select(Resident.person).where(
            Resident.household == household, Resident.valid_to.is_(None)
        )
        return list(connection.scalars(living.order_by(Resident.person)))

    def heirs(self, connection: Connection, resident: UUID, day: dt.date) -> list[UUID] | None:
        """Return the people who may spend what a resident left; None: the resident lives."""
        return heirs.heirs(connection, resident, day)

    def contact(self, connection: Connection, person: UUID) -> str | None:
        """Return a person's number as it is stored, for the outbox; None without a phone."""
        return connection.scalar(select(Person.phone_cipher).where(Person.id == person))

    def contacts(
        self, connection: Connection, holders: Sequence[UUID]
    ) -> dict[UUID, tuple[UUID, str | None]]:
        """Return the person and the stored number of these residents and of who is of these homes.

        By their residents; who does not live here today is left out.
        """
        found: dict[UUID, tuple[UUID, str | None]] = {}
        for start in range(0, len(holders), LOOK_UP):
            chunk = holders[start : start + LOOK_UP]
            rows = connection.execute(
                select(Resident.id, Resident.person, Person.phone_cipher)
                .join(Person, Person.id == Resident.person)
                .where(
                    or_(Resident.id.in_(chunk), Resident.household.in_(chunk)),
                    Resident.valid_to.is_(None),
                ),
            )
            found |= {row.id: (row.person, row.phone_cipher) for row in rows}
        return found

    def number(self, connection: Connection, community: int) -> str:
        """Return the number to call: the community's, else the district's, else nothing."""
        own = connection.scalar(select(Community.phone).where(Community.code == community))
        return own or connection.scalar(select(District.phone).limit(1)) or ""

    def shown(
        self, connection: Connection, holders: Iterable[UUID], at: dt.datetime | None = None
    ) -> dict[UUID, Shown]:
        """Return what papers call these residents and households; who is unknown is left out."""
        return shown.shown(connection, list(holders), at)

    def staff(self, connection: Connection, community: int) -> list[UUID]:
        """Return who works at a community's desk today."""
        today = business_day(present())
        rows = connection.scalars(
            select(Grant.person)
            .where(
                Grant.place == community,
                Grant.role.in_(DESK),
                Grant.valid_from <= today,
                or_(Grant.valid_to.is_(None), Grant.valid_to >= today),
            )
            .distinct(),
        )
        return sorted(rows)

    def role(self, role: str) -> str:
        """Return a role in words."""
        return _(ROLES[role])
