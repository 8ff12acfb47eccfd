"""A resident's place ends: they moved, were entered twice, or died. The old rows stay as they are.

What was signed up, attended or ordered keeps pointing to the place that it was done from.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import insert, or_, select, update

from core import settings
from core.errors import N_, Conflict, Rejected
from residents.addresses import Address
from residents.events import PlaceEnded, ResidentConfirmed, ResidentDied, ResidentsAdded
from residents.heirs import lives_on
from residents.households import Dwellings
from residents.models import (
    Consent,
    Grant,
    Household,
    Person,
    Representation,
    Resident,
    ResidentEnd,
    SignIn,
)
from residents.people import HouseholdUnknown, ResidentUnknown, refuse_own
from residents.representations import close
from residents.shown import PUBLIC_LIST

if TYPE_CHECKING:
    from sqlalchemy import Row

    from core.work import Work

MONTHS = 12


class NobodyNamed(Rejected):
    """At least one member of one household moves."""

    text = N_("请选至少一位，要同一户的。")


class AlreadyHere(Conflict):
    """Somebody who moves comes from another community."""

    text = N_("这位居民已经住在本社区，不用办搬家。住址变了，请改住址。")


class WorksHere(Conflict):
    """The record that would end belongs to somebody who works with the system."""

    text = N_("这份记录的人是工作人员。请反过来，把另一份合并到这一份。")


class StillWorks(Conflict):
    """Somebody who died holds a role: whoever has their phone could sign in to it."""

    text = N_("这位居民还有工作授权。请社区负责人或区级管理员先结束授权，再来登记。")


class SamePerson(Rejected):
    """Two records of one community are merged, and they are two."""

    text = N_("请选本社区另一份登记，两份不能是同一份。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Where people live now: old and new resident of each, and households whose points follow."""

    residents: tuple[tuple[UUID, UUID], ...]
    household: UUID
    #: The household that nobody lives in any more: its points go along.
    emptied: UUID | None


def current(work: Work, residents: Sequence[UUID]) -> list[Row[Any]]:
    """Return places that hold today, their rows locked; raises ResidentUnknown."""
    rows = work.connection.execute(
        select(Resident.__table__)
        .where(Resident.id.in_(residents), Resident.valid_to.is_(None))
        .order_by(Resident.id)
        .with_for_update(key_share=True),
    ).all()
    if len(rows) != len(set(residents)):
        raise ResidentUnknown
    return list(rows)


def move_in(
    work: Work,
    members: Sequence[Row[Any]],
    community: int,
    household: UUID | None,
    address: Address | None,
) -> Settled:
    """End places of one household elsewhere, and begin new ones here; sign-ins go along.

    Raises NobodyNamed, AlreadyHere, HouseholdUnknown, OwnResident or AddressIncomplete.
    """
    if not members or len({row.household for row in members}) != 1:
        raise NobodyNamed
    for row in members:
        if row.community == community:
            raise AlreadyHere
        refuse_own(work, row.person, row.household)
    dwellings = Dwellings(work, community)
    home = _home(work, dwellings, household, address)
    pairs = [(row.id, work.new_id()) for row in members]
    for row in members:
        _end(work, row.id)
    work.connection.execute(
        insert(Resident),
        [
            {
                "id": new,
                "person": row.person,
                "household": home,
                "community": community,
                "state": "confirmed",
                "confirmed_by": work.actor.person,
                "confirmed_at": work.now,
                "valid_from": work.day,
                "created_at": work.now,
            }
            for row, (_, new) in zip(members, pairs, strict=True)
        ],
    )
    before = members[0].household
    emptied = before if _is_empty(work, before) else None
    for old, new in pairs:
        _note(work, old, "moved", successor=new, household_follows=emptied is not None)
        work.connection.execute(update(SignIn).where(SignIn.resident == old).values(resident=new))
    work.publish(
        ResidentsAdded(
            tuple((new, community) for _, new in pairs),
            tuple((made, community) for made in dwellings.made),
        ),
    )
    for row, (_, new) in zip(members, pairs, strict=True):
        if row.state == "unconfirmed":
            # Whoever lets them live here has seen who they are.
            work.publish(ResidentConfirmed(new, community))
    return Settled(residents=tuple(pairs), household=home, emptied=emptied)


def _home(
    work: Work, dwellings: Dwellings, household: UUID | None, address: Address | None
) -> UUID:
    if household is not None:
        found = select(Household.community).where(Household.id == household)
        if work.connection.scalar(found) != dwellings.community:
            raise HouseholdUnknown
        return household
    dwelling = None
    if address is not None:
        normal = address.normal()
        dwelling = dwellings.ensure([normal])[normal.words]
    home = dwellings.household_at(dwelling)
    dwellings.flush()
    return home


def _is_empty(work: Work, household: UUID) -> bool:
    living = select(Resident.id).where(Resident.household == household, Resident.valid_to.is_(None))
    return work.connection.execute(living).first() is None


def dead_follow(
    work: Work, emptied: UUID, home: UUID, leaving: Sequence[UUID]
) -> list[tuple[UUID, UUID]]:
    """Let those who died in a household follow its last members, with the day they had.

    Their points are for who lived with them: nobody would find them in a household without people.
    Whoever came when all had died takes nothing along.
    Returns each one's old and new resident.
    """
    rows = work.connection.execute(
        select(Resident.__table__, ResidentEnd.keeps_until, ResidentEnd.recorded_by)
        .join(ResidentEnd, ResidentEnd.resident == Resident.id)
        .where(
            Resident.household == emptied,
            ResidentEnd.keeps_until >= work.day,
            lives_on(leaving),
        )
        .order_by(Resident.id),
    ).all()
    if not rows:
        return []
    place = select(Household.community).where(Household.id == home)
    community = work.connection.scalars(place).one()
    pairs = []
    for row in rows:
        new = work.new_id()
        same = {name: getattr(row, name) for name in ("person", "state", "confirmed_by")}
        work.connection.execute(
            insert(Resident).values(
                id=new,
                household=home,
                community=community,
                confirmed_at=row.confirmed_at,
                valid_from=work.day,
                valid_to=work.day,
                created_at=work.now,
                **same,
            ),
        )
        work.connection.execute(
            update(ResidentEnd)
            .where(ResidentEnd.resident == row.id)
            .values(reason="moved", successor=new, keeps_until=None),
        )
        _note(work, new, "deceased", keeps_until=row.keeps_until)
        work.publish(ResidentsAdded(((new, community),), ()))
        work.publish(ResidentDied(new, community, row.keeps_until))
        pairs.append((row.id, new))
    return pairs


def merge(work: Work, keep: Row[Any], drop: Row[Any]) -> UUID | None:
    """End one of two records of one person; returns the household that nobody is left in.

    Raises SamePerson, WorksHere or OwnResident.
    """
    if keep.id == drop.id or keep.person == drop.person or keep.community != drop.community:
        raise SamePerson
    for row in (keep, drop):
        refuse_own(work, row.person, row.household)
    if _works(work, drop.person):
        raise WorksHere
    _end(work, drop.id)
    emptied = keep.household != drop.household and _is_empty(work, drop.household)
    _note(work, drop.id, "merged", successor=keep.id, household_follows=emptied)
    work.connection.execute(
        update(SignIn)
        .where(SignIn.person == drop.person, SignIn.revoked_at.is_(None))
        .values(revoked_at=work.now),
    )
    _end_representations(work, drop.person)
    # Nobody signs in to it any more, who could take it back.
    work.connection.execute(
        update(Consent)
        .where(
            Consent.person == drop.person,
            Consent.purpose == PUBLIC_LIST,
            Consent.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=work.now),
    )
    _take_over(work, keep.person, drop.person)
    if (keep.state, drop.state) == ("unconfirmed", "confirmed"):
        # Somebody has seen who they are, under the other record.
        work.connection.execute(
            update(Resident)
            .where(Resident.id == keep.id)
            .values(state="confirmed", confirmed_by=work.actor.person, confirmed_at=work.now),
        )
        work.publish(ResidentConfirmed(keep.id, keep.community))
    return drop.household if emptied else None


def _works(work: Work, person: UUID) -> bool:
    holds = or_(Grant.valid_to.is_(None), Grant.valid_to >= work.day)
    grants = select(Grant.id).where(Grant.person == person, holds)
    return work.connection.execute(grants).first() is not None


def _take_over(work: Work, keep: UUID, drop: UUID) -> None:
    """Give number and year of birth of the record that ends to the one that stays without."""
    rows = work.connection.execute(
        select(Person.id, Person.name, Person.phone_cipher, Person.phone_index, Person.phone_tail)
        .add_columns(Person.birth_year)
        .where(Person.id.in_([keep, drop]))
        .order_by(Person.id)
        .with_for_update(),
    ).all()
    found = {row.id: row for row in rows}
    mine, other = found[keep], found[drop]
    if mine.birth_year is None:
        born = update(Person).where(Person.id == keep).values(birth_year=other.birth_year)
        work.connection.execute(born)
    taken = select(Person.id).where(
        Person.phone_index == other.phone_index, Person.name == mine.name, Person.id != drop
    )
    if mine.phone_index or not other.phone_index or work.connection.scalar(taken):
        return
    number = {name: getattr(other, name) for name in ("phone_cipher", "phone_index", "phone_tail")}
    without = dict.fromkeys(number)
    work.connection.execute(update(Person).where(Person.id == drop).values(**without))
    work.connection.execute(update(Person).where(Person.id == keep).values(**number))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDeath:
    """A resident has died, as staff have been told."""

    resident: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class DeathRecorded:
    """Until when the household's adults may spend what is left."""

    resident: UUID
    keeps_until: dt.date
    exists: bool


def record_death(work: Work, command: RecordDeath) -> DeathRecorded:
    """End the place of somebody who died; the service points stay for ``points.deceased_months``.

    Nobody can act as them any more. Raises ResidentUnknown, OwnResident, StillWorks, Forbidden,
    NotInYourScope.
    """
    work.actor.require("resident.enter")
    known = work.connection.execute(
        select(ResidentEnd.keeps_until, Resident.community)
        .join(Resident, Resident.id == ResidentEnd.resident)
        .where(ResidentEnd.resident == command.resident, ResidentEnd.reason == "deceased"),
    ).first()
    if known is not None and known.keeps_until is not None:
        work.actor.require("resident.enter", known.community)
        work.replayed()
        return DeathRecorded(resident=command.resident, keeps_until=known.keeps_until, exists=True)
    row = current(work, [command.resident])[0]
    work.actor.require("resident.enter", row.community)
    refuse_own(work, row.person, row.household)
    if _works(work, row.person):
        raise StillWorks
    months = settings.integer(work.connection, "points.deceased_months", work.now)
    until = months_later(work.day, months)
    _end(work, row.id)
    _note(work, row.id, "deceased", keeps_until=until)
    work.connection.execute(
        update(SignIn)
        .where(
            or_(SignIn.resident == row.id, SignIn.person == row.person),
            SignIn.revoked_at.is_(None),
        )
        .values(revoked_at=work.now),
    )
    _end_representations(work, row.person)
    work.publish(ResidentDied(row.id, row.community, until))
    return DeathRecorded(resident=row.id, keeps_until=until, exists=False)


def months_later(day: dt.date, months: int) -> dt.date:
    """Return the same day some months later, or that month's last."""
    years, month = divmod(day.year * MONTHS + day.month - 1 + months, MONTHS)
    last = calendar.monthrange(years, month + 1)[1]
    return dt.date(years, month + 1, min(day.day, last))


def _end(work: Work, resident: UUID) -> None:
    work.connection.execute(
        update(Resident).where(Resident.id == resident).values(valid_to=work.day),
    )


def _note(
    work: Work,
    resident: UUID,
    reason: str,
    *,
    successor: UUID | None = None,
    keeps_until: dt.date | None = None,
    household_follows: bool = False,
) -> None:
    work.connection.execute(
        insert(ResidentEnd).values(
            resident=resident,
            reason=reason,
            successor=successor,
            household_follows=household_follows,
            keeps_until=keeps_until,
            recorded_by=work.actor.person,
            recorded_at=work.now,
        ),
    )
    work.publish(PlaceEnded(resident, successor))


def _end_representations(work: Work, person: UUID) -> None:
    close(work, or_(Representation.principal == person, Representation.agent == person))
