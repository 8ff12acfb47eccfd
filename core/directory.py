"""Who and where, for packages that know ids only: the ledger asks through this what to call them.

``points`` and ``residents`` never import each other; ``app.py`` hands the directory over.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol
from uuid import UUID

from flask import current_app

from core.acts import Actor
from core.errors import N_, Conflict
from core.panels import Viewer

if TYPE_CHECKING:
    from sqlalchemy import Connection


class PlaceClosed(Conflict):
    """The community is over: it was merged into another one, or abolished."""

    text = N_("{place}已经撤并，不再登记、记分、办活动和兑换。请到{left}办理，原来的积分不会少。")
    none_text = N_(
        "{place}已经撤并，不再登记、记分、办活动和兑换。由哪个社区接着办，请问街道或区里。"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whose points they are: a resident with the household, or a household alone."""

    community: int
    household: UUID
    #: None for a household.
    person: UUID | None
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a resident or household lives today, for whoever may record only near their door."""

    kind: Literal["resident", "household"]
    community: int
    household: UUID
    building: UUID | None
    grid: UUID | None
    #: The resident's name, or the household's address.
    name: str
    #: The last day of the community; None: it goes on.
    until: dt.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What papers call a holder of points: a resident by name, a household by its address."""

    #: The resident's name, or those of the household's members.
    names: tuple[str, ...]
    address: str
    #: Estate and building, without unit and room.
    building: str
    #: Whether the resident agreed to be named in public lists.
    is_named: bool
    is_household: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """A place that somebody had before they moved or their records were merged."""

    resident: UUID
    household: UUID
    community: int
    #: The day on which it ended, and the moment in which that was recorded.
    until: dt.date
    ended_at: dt.datetime


class Directory(Protocol):
    """Names of places and people, and who belongs together."""

    def viewer(self, connection: Connection, actor: Actor, now: dt.datetime) -> Viewer:
        """Return what is known of the resident acted as; raises Forbidden for anybody else."""

    def places(self, connection: Connection, codes: Iterable[int]) -> dict[int, str]:
        """Return the short names of communities."""

    def closed(self, connection: Connection, community: int) -> PlaceClosed:
        """Return the refusal of a community that is over, with the one that goes on with it."""

    def person(self, connection: Connection, person: UUID) -> str:
        """Return a person's name, or "" where there is nobody of this id."""

    def own(self, connection: Connection, person: UUID) -> frozenset[UUID]:
        """Return the people, residents and households whose matters a person may not decide.

        Themselves, their households, who lives there with every place they had, all under
        whatever name the same number has, and who ever lived there: what is still to come to
        the dead is theirs, too.
        """

    def wards(self, connection: Connection, agent: UUID, day: dt.date) -> frozenset[UUID]:
        """Return the people whose word somebody may give today: for a child only a guardian."""

    def holder(self, connection: Connection, kind: str, identity: UUID) -> Holder | None:
        """Return a resident or a household that holds points, or None."""

    def former(self, connection: Connection, resident: UUID) -> list[Former]:
        """Return the places that lead to a resident's, the newest first."""

    def following(
        self, connection: Connection, holder: UUID, since: dt.datetime | None = None
    ) -> list[UUID]:
        """Return where a resident's or a household's points and counts went, and on, in order.

        ``since``: what they had at a moment; what went before it was theirs no more.
        """

    def went_with(self, connection: Connection, household: UUID, since: dt.datetime) -> list[UUID]:
        """Return where a household's points of a moment went, and on; what came late, too."""

    def kin(self, connection: Connection, residents: Iterable[UUID]) -> dict[UUID, set[UUID]]:
        """Return all places whose points go where these residents' points go, theirs too."""

    def leading(self, connection: Connection, household: UUID) -> dict[UUID, dt.datetime]:
        """Return the households that went on into this one, and when each of them did."""

    def standings(self, connection: Connection, ids: Iterable[UUID]) -> dict[UUID, Standing]:
        """Return where these residents and households live today; who moved away is left out."""

    def households_at(
        self, connection: Connection, homes: Iterable[tuple[int, str]]
    ) -> dict[tuple[int, str], tuple[UUID, ...]]:
        """Return the households at each (community, whole address)."""

    def residents_named(
        self, connection: Connection, people: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], UUID]:
        """Return who lives here today, by (name, whole number); who is not known is left out."""

    def household_of(self, connection: Connection, person: UUID) -> UUID | None:
        """Return the household that a person lives in today; staff from elsewhere have none."""

    def living(self, connection: Connection, household: UUID) -> list[UUID]:
        """Return the people who live in a household today."""

    def heirs(self, connection: Connection, resident: UUID, day: dt.date) -> list[UUID] | None:
        """Return the people who may spend what a resident left; None: the resident lives."""

    def contact(self, connection: Connection, person: UUID) -> str | None:
        """Return a person's number as it is stored, for the outbox; None without a phone."""

    def contacts(
        self, connection: Connection, holders: Sequence[UUID]
    ) -> dict[UUID, tuple[UUID, str | None]]:
        """Return the person and the stored number of these residents and of who is of these homes.

        By their residents; who does not live here today is left out.
        """

    def number(self, connection: Connection, community: int) -> str:
        """Return the number to call: the community's, else the district's, else nothing."""

    def shown(
        self, connection: Connection, holders: Iterable[UUID], at: dt.datetime | None = None
    ) -> dict[UUID, Shown]:
        """Return what papers call these residents and households; who is unknown is left out.

        ``at``: a household has the names of those who lived there at a moment, or of those who
        had left it last; None: of who lives there today.
        """

    def staff(self, connection: Connection, community: int) -> list[UUID]:
        """Return who works at a community's desk today."""

    def role(self, role: str) -> str:
        """Return a role in words."""


def is_second(connection: Connection, person: UUID, maker: UUID) -> bool:
    """Whether somebody may decide what the maker began: another human, of another household.

    Two records with one number are one human here; the database's CHECKs know records only.
    """
    return person != maker and maker not in directory().own(connection, person)


def refuse_closed(
    connection: Connection, community: int, until: dt.date | None, day: dt.date
) -> None:
    """Raise PlaceClosed where a day is past the last day of a community."""
    if until is not None and until < day:
        raise directory().closed(connection, community)


def directory() -> Directory:
    """Return the directory of ``app.py``."""
    found: Directory = current_app.extensions["linli.directory"]
    return found


def places_of(connection: Connection, resident: UUID) -> list[UUID]:
    """Return a resident and who they were before, the newest first: elsewhere, or merged."""
    return [resident, *(each.resident for each in directory().former(connection, resident))]


def former_of(connection: Connection, actor: Actor) -> list[Former]:
    """Return the places that whoever acts had before, if it is a resident."""
    return directory().former(connection, actor.resident) if actor.resident else []
