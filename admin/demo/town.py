"""What the builder knows of the district while it builds: who lives and works where."""

from __future__ import annotations

import datetime as dt
import heapq
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Row

from activities.models import ActivityTemplate
from activities.publish import Part
from core.acts import SYSTEM, Actor
from core.work import SHANGHAI, Work, runtime, transact

C = TypeVar("C")
R = TypeVar("R")
Deed = Callable[[], object]

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
    #: Households with nobody known in them.
    unknown: list[UUID] = field(default_factory=list)

    def named(self, name: str) -> Citizen:
        """Return the first of this name: those who are written by hand come before all others."""
        return next(citizen for citizen in self.citizens if citizen.name == name)

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
    #: The places of each part; None: no limit.
    parts: dict[Part, int | None]
    open_to: str


@dataclass(slots=True)
class Story:
    """What goes on from one day to the next."""

    today: dt.date
    #: The moment of building.
    now: dt.datetime
    planned: dict[dt.date, list[Planned]] = field(default_factory=dict)
    persons: dict[UUID, UUID] = field(default_factory=dict)
    to_collect: list[tuple[dt.date, Town, UUID]] = field(default_factory=list)
    templates: dict[str, Row[ActivityTemplate]] = field(default_factory=dict)
    #: Who comes to a session at home by habit, and how often.
    regulars: dict[UUID, float] = field(default_factory=dict)
    #: Who keeps points for an order that is told by itself.
    saving: set[UUID] = field(default_factory=set)

    def actor(self, town: Town, citizen: Citizen, by: Citizen | None = None) -> Actor:
        """Return the actor that a resident's sign-in stands for, ``by`` whoever's phone it is."""
        return citizen_actor(town, citizen, self.persons[(by or citizen).resident])


def moment(day: dt.date, hour: int, minute: int = 0) -> dt.datetime:
    """Return a time of day in Hangzhou."""
    return dt.datetime.combine(day, dt.time(hour, minute), SHANGHAI).astimezone(dt.UTC)


class Builder:
    """The clock, the dice and the count of calls of one build."""

    def __init__(self, start: dt.date, until: dt.datetime, seed: int = 2026) -> None:
        self.dice = Random(seed)
        self.until = until
        self.now = dt.datetime.combine(start, dt.time(8), SHANGHAI).astimezone(dt.UTC)
        self.calls = 0
        self.towns: dict[int, Town] = {}
        self._agenda: list[tuple[dt.datetime, int, Deed]] = []
        self._planned = itertools.count()

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
        return self.go(moment(day, hour, minute))

    def go(self, moment: dt.datetime) -> dt.datetime:
        """Go to a moment; time never runs backwards, nor beyond the moment of building."""
        self.now = min(max(self.now, moment), self.until)
        return self.now

    def plan(self, moment: dt.datetime, deed: Deed) -> None:
        """Put something on the agenda; what lies beyond the moment of building never happens."""
        if moment <= self.until:
            heapq.heappush(self._agenda, (moment, next(self._planned), deed))

    def live(self, until: dt.datetime) -> None:
        """Do what is on the agenda up to a moment, in the order of time."""
        while self._agenda and self._agenda[0][0] <= until:
            at, _number, deed = heapq.heappop(self._agenda)
            self.go(at)
            deed()

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
