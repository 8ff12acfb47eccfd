"""What the builder knows of the district while it builds: who lives and works where."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Connection, Row, select

from activities.models import ActivityTemplate
from core.acts import SYSTEM, Actor
from core.crypto import decrypt
from core.work import SHANGHAI, Work, runtime, transact
from points.models import Account
from residents.models import Person, Resident

C = TypeVar("C")
R = TypeVar("R")

ELDER = 1962
HOME = 330102004051
"""小营巷社区: where the sign-ins that are printed live and work."""

NEIGHBOUR = 330102010052
"""莫邪塘社区, in another subdistrict: where some of them redeem."""


@dataclass(frozen=True, slots=True)
class Citizen:
    """A resident of the demonstration."""

    resident: UUID
    household: UUID
    name: str
    phone: str | None
    is_elder: bool
    is_child: bool


@dataclass(slots=True)
class Town:
    """A community of the demonstration."""

    code: int
    name: str
    subdistrict: str
    is_village: bool
    citizens: list[Citizen] = field(default_factory=list)
    staff: Actor | None = None
    lead: Actor | None = None
    items: list[tuple[UUID, int]] = field(default_factory=list)

    def working(self) -> tuple[Actor, Actor]:
        """Return the two who work here."""
        assert self.staff is not None  # noqa: S101 - granted before anything happens
        assert self.lead is not None  # noqa: S101 - granted before anything happens
        return self.staff, self.lead


@dataclass(frozen=True, slots=True)
class Planned:
    """A session that was published and will take place."""

    town: Town
    session: UUID
    starts_at: dt.datetime
    ends_at: dt.datetime
    serves: bool
    takes_part: bool
    open_to: str


@dataclass(slots=True)
class Story:
    """What goes on from one day to the next."""

    today: dt.date
    planned: dict[dt.date, list[Planned]] = field(default_factory=dict)
    persons: dict[UUID, UUID] = field(default_factory=dict)
    to_collect: list[tuple[dt.date, Town, UUID]] = field(default_factory=list)
    templates: list[Row[ActivityTemplate]] = field(default_factory=list)


class Builder:
    """The clock, the dice and the count of calls of one build."""

    def __init__(self, start: dt.date, until: dt.datetime, seed: int = 2026) -> None:
        self.dice = Random(seed)
        self.until = until
        self.now = dt.datetime.combine(start, dt.time(8), SHANGHAI).astimezone(dt.UTC)
        self.calls = 0
        self.towns: dict[int, Town] = {}

    @contextmanager
    def clock(self) -> Iterator[None]:
        """Let the application live by the builder's clock; jobs read it as everything does."""
        current = runtime()
        before = current.clock
        current.clock = lambda: self.now
        try:
            yield
        finally:
            current.clock = before

    def at(self, day: dt.date, hour: int, minute: int = 0) -> dt.datetime:
        """Go to a time of day in Hangzhou."""
        return self.go(dt.datetime.combine(day, dt.time(hour, minute), SHANGHAI).astimezone(dt.UTC))

    def go(self, moment: dt.datetime) -> dt.datetime:
        """Go to a moment; time never runs backwards, nor beyond the moment of building."""
        self.now = min(max(self.now, moment), self.until)
        return self.now

    def do(self, use_case: Callable[[Work, C], R], command: C, actor: Actor = SYSTEM) -> R:
        """Run a use case a few seconds later than the one before."""
        self.calls += 1
        self.go(self.now + dt.timedelta(seconds=2))
        return transact(use_case, command, actor)


def citizen_actor(town: Town, citizen: Citizen, person: UUID) -> Actor:
    """Return the actor that a resident's sign-in stands for."""
    return Actor(
        person=person,
        role="resident",
        place=town.code,
        resident=citizen.resident,
        household=citizen.household,
        name=citizen.name,
    )


def example_residents(connection: Connection, community: int) -> list[tuple[str, str]]:
    """Return name and number of three residents: an active one, an old one, and a new one."""
    account = Account.credited - Account.debited
    base = (
        select(Person.name, Person.phone_cipher)
        .join(Resident, Resident.person == Person.id)
        .join(Account, Account.holder_id == Resident.id)
        .where(
            Resident.community == community,
            Person.phone_cipher.is_not(None),
            Account.points_kind == "service",
        )
    )
    confirmed = Resident.state == "confirmed"
    rows = [
        connection.execute(
            base.where(confirmed, Person.birth_year >= ELDER).order_by(account.desc(), Person.id),
        ).first(),
        connection.execute(
            base.where(confirmed, Person.birth_year < ELDER).order_by(account.desc(), Person.id),
        ).first(),
        connection.execute(base.where(~confirmed).order_by(Person.id)).first(),
    ]
    found = [(row.name, decrypt("phone", row.phone_cipher)) for row in rows if row is not None]
    return list(dict.fromkeys(found))
