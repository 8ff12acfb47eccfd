"""People come in: entered by staff, one or many, registered by themselves, confirmed."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select, update

from core.crypto import normal_phone
from core.errors import N_, Conflict, NotFound, Rejected
from residents.addresses import Address
from residents.events import ResidentConfirmed, ResidentsAdded
from residents.households import Dwellings, Member, add_members, existing
from residents.models import Community, Consent, Household, Resident

if TYPE_CHECKING:
    from core.work import Work

NAME_MAX = 20
YEARS_MAX = 120
PRIVACY_VERSION = "2026-11"
ROWS_MAX = 5_000


class NameMissing(Rejected):
    """A name has one to twenty characters."""

    text = N_("请填写姓名，最多 20 个字。")


class BirthYearWrong(Rejected):
    """A birth year lies within the last 120 years."""

    text = N_("出生年份不对，请填四位数字，或者留空。")


class CommunityUnknown(NotFound):
    """There is no community with this code."""

    text = N_("没有找到这个社区。请从列表里选一个。")


class HouseholdUnknown(NotFound):
    """There is no such household in this community."""

    text = N_("没有找到这一户。请先查一查住址。")


class ResidentUnknown(NotFound):
    """There is no such resident, or not for the one who asks."""

    text = N_("没有找到这位居民。请检查姓名或手机尾号。")


class ConsentMissing(Rejected):
    """Registering needs the person's consent to the privacy text."""

    text = N_("请先看一看隐私说明，同意后再登记。不同意也可以请社工当面登记。")


class TooYoung(Rejected):
    """Under fourteen, a guardian consents (Personal Information Protection Law, article 31)."""

    text = N_("未满 14 周岁，请监护人带着孩子到社区登记。")


class OwnResident(Conflict):
    """Nobody confirms themselves or their household."""

    text = N_("不能核实自己或同户家人，请让另一位工作人员来办。")


class TooManyRows(Rejected):
    """A list holds at most five thousand rows."""

    text = N_("一次最多导入 5000 行，请分几次导入。")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterResident:
    """A resident as staff type them; without address and household they get a household alone."""

    community: int
    name: str
    phone: str | None = None
    birth_year: int | None = None
    address: Address | None = None
    household: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidentEntered:
    """Who it is now, and whether they had been there before."""

    resident: UUID
    person: UUID
    household: UUID
    exists: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResidents:
    """A list of residents of one community; the same address is the same household."""

    community: int
    rows: tuple[EnterResident, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowResult:
    """What became of a row: its resident, or the sentence of its refusal."""

    row: int
    resident: UUID | None
    household: UUID | None
    outcome: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidentsImported:
    """What became of each row."""

    added: int
    existed: int
    refused: int
    rows: tuple[RowResult, ...]


def checked_name(words: str) -> str:
    """Return a name without spaces around it; raises NameMissing."""
    name = unicodedata.normalize("NFKC", words).strip()
    if not 0 < len(name) <= NAME_MAX:
        raise NameMissing
    return name


def _member(work: Work, command: EnterResident) -> Member:
    if command.birth_year is not None and not (
        work.day.year - YEARS_MAX <= command.birth_year <= work.day.year
    ):
        raise BirthYearWrong
    return Member(
        name=checked_name(command.name),
        phone=normal_phone(command.phone) if command.phone else None,
        birth_year=command.birth_year,
        address=command.address.normal() if command.address else None,
        household=command.household,
    )


def enter_resident(work: Work, command: EnterResident) -> ResidentEntered:
    """Enter somebody whom staff know, confirmed at once; the same person again is who they were.

    Raises NameMissing, PhoneMalformed, BirthYearWrong, AddressIncomplete, HouseholdUnknown,
    CommunityUnknown, Forbidden, NotInYourScope.
    """
    work.actor.require("resident.enter", command.community)
    _known(work, command.community)
    member = _member(work, command)
    if member.household is not None:
        home = select(Household.community).where(Household.id == member.household)
        if work.connection.scalar(home) != command.community:
            raise HouseholdUnknown
    found = existing(work, command.community, [member])[0]
    if found is not None:
        work.replayed()
        return ResidentEntered(
            resident=found.resident,
            person=found.person,
            household=found.household,
            exists=True,
        )
    added = add_members(work, command.community, [member], state="confirmed")[0]
    return ResidentEntered(
        resident=added.resident,
        person=added.person,
        household=added.household,
        exists=False,
    )


def import_residents(work: Work, command: ImportResidents) -> ResidentsImported:
    """Enter a list in a few statements; a bad row is refused by itself, a known one is left alone.

    Raises TooManyRows, CommunityUnknown, Forbidden, NotInYourScope.
    """
    work.actor.require("resident.enter", command.community)
    if len(command.rows) > ROWS_MAX:
        raise TooManyRows
    _known(work, command.community)
    results: dict[int, RowResult] = {}
    members: list[tuple[int, Member]] = []
    for index, row in enumerate(command.rows):
        try:
            members.append((index, _member(work, row)))
        except Rejected as refusal:
            results[index] = RowResult(
                row=index,
                resident=None,
                household=None,
                outcome="refused",
                message=refusal.sentence(),
            )
    before = existing(work, command.community, [member for _, member in members])
    fresh = [pair for pair, found in zip(members, before, strict=True) if found is None]
    for (index, _), found in zip(members, before, strict=True):
        if found is not None:
            results[index] = _row(index, found.resident, found.household, "existed")
    added = add_members(work, command.community, [member for _, member in fresh], state="confirmed")
    for (index, _), made in zip(fresh, added, strict=True):
        results[index] = _row(index, made.resident, made.household, "added")
    if not added:
        work.replayed()
    rows = tuple(results[index] for index in sorted(results))
    count = [row.outcome for row in rows].count
    return ResidentsImported(
        added=count("added"),
        existed=count("existed"),
        refused=count("refused"),
        rows=rows,
    )


def _row(index: int, resident: UUID, household: UUID, outcome: str) -> RowResult:
    return RowResult(
        row=index,
        resident=resident,
        household=household,
        outcome=outcome,
        message="",
    )


def _known(work: Work, community: int) -> None:
    if work.connection.scalar(select(Community.code).where(Community.code == community)) is None:
        raise CommunityUnknown


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterHousehold:
    """An address whose people nobody knows yet; waste sorting scores it all the same."""

    community: int
    address: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseholdEntered:
    """The household at the address, and whether it had been there before."""

    household: UUID
    exists: bool


def enter_household(work: Work, command: EnterHousehold) -> HouseholdEntered:
    """Enter a household with nobody known in it; an address that has one keeps it."""
    work.actor.require("resident.enter", command.community)
    _known(work, command.community)
    dwellings = Dwellings(work, command.community)
    address = command.address.normal()
    dwelling = dwellings.ensure([address])[address.words]
    found = work.connection.scalar(
        select(Household.id).where(Household.dwelling == dwelling).order_by(Household.id),
    )
    if found is not None:
        work.replayed()
        return HouseholdEntered(household=found, exists=True)
    identity = dwellings.household_at(dwelling)
    work.publish(ResidentsAdded((), ((identity, command.community),)))
    return HouseholdEntered(household=identity, exists=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """Somebody registers themselves with a number that a one-time code has proven."""

    phone: str
    name: str
    community: int
    consent: bool
    is_fourteen: bool


def register(work: Work, command: Register) -> ResidentEntered:
    """Make an unconfirmed resident with a household of their own; the same again is who they were.

    Raises ConsentMissing, TooYoung, NameMissing, PhoneMalformed, CommunityUnknown.
    """
    if not command.consent:
        raise ConsentMissing
    if not command.is_fourteen:
        raise TooYoung
    _known(work, command.community)
    member = Member(name=checked_name(command.name), phone=normal_phone(command.phone))
    found = existing(work, command.community, [member])[0]
    if found is not None:
        work.replayed()
        return ResidentEntered(
            resident=found.resident,
            person=found.person,
            household=found.household,
            exists=True,
        )
    added = add_members(work, command.community, [member], state="unconfirmed")[0]
    work.session.add(
        Consent(
            id=work.new_id(),
            person=added.person,
            purpose="privacy",
            version=PRIVACY_VERSION,
            channel="own_phone",
            given_at=work.now,
        ),
    )
    return ResidentEntered(
        resident=added.resident,
        person=added.person,
        household=added.household,
        exists=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmResident:
    """Staff have seen that a resident is who they say; ``at`` is the community they work at."""

    resident: UUID
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The resident's state now."""

    resident: UUID
    state: str


def confirm_resident(work: Work, command: ConfirmResident) -> Confirmed:
    """Confirm a resident at home, or at the station where they pick up first; once.

    Raises ResidentUnknown, OwnResident, Forbidden, NotInYourScope.
    """
    work.actor.require("resident.confirm", command.at)
    row = work.connection.execute(
        select(Resident.community, Resident.state, Resident.household, Resident.person).where(
            Resident.id == command.resident,
        ),
    ).first()
    if row is None:
        raise ResidentUnknown
    refuse_own(work, row.person, row.household)
    changed = work.connection.execute(
        update(Resident)
        .where(Resident.id == command.resident, Resident.state == "unconfirmed")
        .values(state="confirmed", confirmed_by=work.actor.person, confirmed_at=work.now)
        .returning(Resident.id),
    ).first()
    if changed is None:
        work.replayed()
    else:
        work.publish(ResidentConfirmed(command.resident, row.community))
    return Confirmed(resident=command.resident, state="confirmed")


def refuse_own(work: Work, person: UUID, household: UUID) -> None:
    """Raise OwnResident where the actor is the person or lives in the household."""
    own = select(Resident.id).where(
        Resident.person == work.actor.person,
        Resident.household == household,
        Resident.valid_to.is_(None),
    )
    if person == work.actor.person or work.connection.execute(own).first() is not None:
        raise OwnResident
