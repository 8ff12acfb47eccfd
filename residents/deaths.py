"""A death that was recorded by mistake is taken back, as long as nothing has lapsed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import delete, select, update

from core.errors import N_, Conflict
from residents.events import ResidentLives
from residents.models import Person, Resident, ResidentEnd
from residents.people import ResidentUnknown, refuse_own

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.work import Work


class LivesAgain(Conflict):
    """The person was entered anew meanwhile: two places at once are none."""

    text = N_("这个人已经重新登记过，撤不回了。请在新的登记里更正积分。")


class LeftLapsed(Conflict):
    """What they left has lapsed: the record can no longer be made as if nothing had been."""

    text = N_("留下的积分已经到期，撤不回了。请重新登记这位居民，再更正积分。")


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBackDeath:
    """Nobody has died: it was recorded by mistake."""

    resident: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class DeathTakenBack:
    """The resident who lives here as before."""

    resident: UUID
    exists: bool


def take_back_death(work: Work, command: TakeBackDeath) -> DeathTakenBack:
    """Let somebody live here as before; they sign in and sign up anew, who acts is named anew.

    Raises ResidentUnknown, OwnResident, LeftLapsed, LivesAgain, Forbidden or NotInYourScope.
    """
    work.actor.require("resident.enter")
    row = work.connection.execute(
        select(
            Resident.person,
            Resident.household,
            Resident.community,
            Resident.valid_to,
            ResidentEnd.keeps_until,
        )
        .outerjoin(ResidentEnd, ResidentEnd.resident == Resident.id)
        .where(Resident.id == command.resident),
    ).first()
    if row is None or (row.valid_to is not None and row.keeps_until is None):
        raise ResidentUnknown
    work.actor.require("resident.enter", row.community)
    if row.keeps_until is None:
        work.replayed()
        return DeathTakenBack(resident=command.resident, exists=True)
    refuse_own(work, row.person, row.household)
    if row.keeps_until < work.day:
        raise LeftLapsed
    lives = select(Resident.id).where(Resident.person == row.person, Resident.valid_to.is_(None))
    if work.connection.execute(lives).first() is not None:
        raise LivesAgain
    work.connection.execute(delete(ResidentEnd).where(ResidentEnd.resident == command.resident))
    work.connection.execute(
        update(Resident).where(Resident.id == command.resident).values(valid_to=None)
    )
    work.publish(ResidentLives(command.resident, row.community))
    return DeathTakenBack(resident=command.resident, exists=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """A death as the desk lists it: who recorded it when, and until when the points stay."""

    resident: UUID
    name: str
    recorded_by: str
    recorded_at: dt.datetime
    keeps_until: dt.date


def deaths(connection: Connection, community: int, day: dt.date) -> list[Death]:
    """Return the deaths recorded in a community that can be taken back, the latest first."""
    rows = connection.execute(
        select(
            Resident.id,
            Person.name,
            ResidentEnd.recorded_by,
            ResidentEnd.recorded_at,
            ResidentEnd.keeps_until,
        )
        .join(ResidentEnd, ResidentEnd.resident == Resident.id)
        .join(Person, Person.id == Resident.person)
        .where(Resident.community == community, ResidentEnd.keeps_until >= day)
        .order_by(ResidentEnd.recorded_at.desc(), Resident.id),
    ).all()
    names = dict(
        connection.execute(
            select(Person.id, Person.name).where(Person.id.in_({row.recorded_by for row in rows}))
        ).all()
    )
    return [
        Death(
            resident=row.id,
            name=row.name,
            recorded_by=names.get(row.recorded_by, ""),
            recorded_at=row.recorded_at,
            keeps_until=row.keeps_until,
        )
        for row in rows
    ]
