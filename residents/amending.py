"""Amending what is kept of a resident: name, number, year of birth, address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import or_, select, update

from core.crypto import encrypt, normal_phone, phone_index
from core.errors import N_, Conflict
from residents.addresses import Address
from residents.households import Dwellings
from residents.models import Grant, Household, Person, Resident, SignIn
from residents.people import (
    ResidentUnknown,
    checked_name,
    checked_year,
    enter_one_by_one,
    refuse_own,
)

if TYPE_CHECKING:
    from core.work import Work


class PersonThere(Conflict):
    """Somebody else has this name with this number: two records of one person are merged."""

    text = N_("已经有同名同号的登记。是同一个人的话，请用「同一个人登记了两次」合并。")


class WorksWithThisNumber(Conflict):
    """Whoever holds a role signs in to it by name and number: the district changes those."""

    text = N_("这位居民有工作授权，姓名和手机先不能改。请区级管理员结束授权后再改。")


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendResident:
    """What is right from now on; no phone leaves the number, no address leaves the address."""

    resident: UUID
    name: str
    birth_year: int | None = None
    phone: str | None = None
    no_phone: bool = False
    address: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidentAmended:
    """The resident, and whether all had been so before."""

    resident: UUID
    exists: bool


def amend_resident(work: Work, command: AmendResident) -> ResidentAmended:
    """Amend a resident of the actor's community; another number ends the sign-ins by the old one.

    An address is the whole household's. Raises ResidentUnknown, OwnResident, NameMissing,
    BirthYearWrong, PhoneMalformed, AddressIncomplete, PersonThere, WorksWithThisNumber,
    Forbidden, NotInYourScope.
    """
    row = work.connection.execute(
        select(
            Resident.community,
            Resident.household,
            Resident.person,
            Person.name,
            Person.phone_index,
            Person.birth_year,
            Household.dwelling,
        )
        .join(Person, Person.id == Resident.person)
        .join(Household, Household.id == Resident.household)
        .where(Resident.id == command.resident, Resident.valid_to.is_(None)),
    ).first()
    if row is None:
        raise ResidentUnknown
    work.actor.require("resident.enter", row.community)
    refuse_own(work, row.person, row.household)
    enter_one_by_one(work, row.community)
    wanted: dict[str, Any] = {
        "name": checked_name(command.name),
        "birth_year": checked_year(work.day, command.birth_year),
    } | _number(command)
    index = wanted.get("phone_index", row.phone_index)
    is_same_person = (wanted["name"], index) == (row.name, row.phone_index)
    home = _dwelling(work, row.community, command.address) or row.dwelling
    if is_same_person and home == row.dwelling and wanted["birth_year"] == row.birth_year:
        work.replayed()
        return ResidentAmended(resident=command.resident, exists=True)
    if not is_same_person:
        _refuse_role(work, row.person)
        _refuse_twin(work, row.person, wanted["name"], index)
    work.connection.execute(update(Person).where(Person.id == row.person).values(**wanted))
    work.connection.execute(
        update(Household).where(Household.id == row.household).values(dwelling=home)
    )
    if index != row.phone_index:
        work.connection.execute(
            update(SignIn)
            .where(SignIn.person == row.person, SignIn.revoked_at.is_(None))
            .values(revoked_at=work.now),
        )
    return ResidentAmended(resident=command.resident, exists=False)


def _number(command: AmendResident) -> dict[str, str | None]:
    """Return the columns of the number that holds from now on; none where it stays."""
    if command.no_phone:
        return dict.fromkeys(("phone_cipher", "phone_index", "phone_tail"))
    if not command.phone:
        return {}
    phone = normal_phone(command.phone)
    return {
        "phone_cipher": encrypt("phone", phone),
        "phone_index": phone_index(phone),
        "phone_tail": phone[-4:],
    }


def _dwelling(work: Work, community: int, address: Address | None) -> UUID | None:
    if address is None:
        return None
    normal = address.normal()
    return Dwellings(work, community).ensure([normal])[normal.words]


def _refuse_role(work: Work, person: UUID) -> None:
    holds = select(Grant.id).where(
        Grant.person == person, or_(Grant.valid_to.is_(None), Grant.valid_to >= work.day)
    )
    if work.connection.execute(holds).first() is not None:
        raise WorksWithThisNumber


def _refuse_twin(work: Work, person: UUID, name: str, index: str | None) -> None:
    if index is None:
        return
    twin = select(Person.id).where(
        Person.phone_index == index, Person.name == name, Person.id != person
    )
    if work.connection.execute(twin).first() is not None:
        raise PersonThere
