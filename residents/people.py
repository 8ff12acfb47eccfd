"""People come in: entered by staff, one or many, registered by themselves, confirmed."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select, update

from core.crypto import normal_phone
from core.directory import directory, refuse_closed
from core.errors import N_, Conflict, NotFound, Rejected
from residents.addresses import Address
from residents.events import ResidentConfirmed, ResidentsAdded
from residents.homes import is_over
from residents.households import Dwellings, Known, Member, add_members, existing, namesakes_here
from residents.models import Community, Consent, Household, Resident

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    from core.acts import Actor
    from core.work import Work
    from residents.households import Namesake

NAME_MAX = 20
YEARS_MAX = 120
PRIVACY_VERSION = "2026-11"
PRIVACY_AGREEMENT = N_("我已满 14 周岁，同意%(noun)s保存我的姓名和手机号，用于签到和积分。")
PRIVACY = (
    N_(
        "只存姓名、手机号和您以后愿意补的门牌，不要身份证号。手机号加密保存，只用于登录和通知，不给别人看。"
        "您随时可以看、改、删；记下的积分留着，但不再和您的名字连在一起。"
    ),
    N_("未满 14 周岁的孩子，请家长带着到%(noun)s登记。"),
)
"""What PRIVACY_VERSION names: another text is another version."""
DOTS = re.compile("[\u2022\u30fb\u2027\u2219\u22c5]")
BESIDE_CHINESE = re.compile(r"(?<=[\u3400-\u9fff\u00b7]) | (?=[\u3400-\u9fff\u00b7])")


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


class LivesElsewhere(Conflict):
    """Somebody with this name and number lives in another community; a person has one home."""

    text = N_("{name}已经登记在{place}。一个人只登记在一处，请先和那边核对。")


class NamesakeHere(Conflict):
    """Somebody of this name lives here, and nobody has said that it is another person."""

    text = N_(
        "这里登记过{name}（{where}）。是同一人，就不用再登记；不是同一人，请注明是另一位再登记。"
    )

    def __init__(self, same: Sequence[Namesake]) -> None:
        where = dict.fromkeys(row.address or N_("住址待补") for row in same)
        super().__init__(name=same[0].name, where="；".join(where))
        self.same = same


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterResident:
    """A resident as staff type them; without address and household they get a household alone.

    ``key`` is the request's: somebody without number and address has nothing else by which a
    repeat could be told from a namesake. ``another_person``: staff looked, and it is none of those
    who live here by this name.
    """

    community: int
    name: str
    phone: str | None = None
    birth_year: int | None = None
    address: Address | None = None
    household: UUID | None = None
    key: str | None = None
    another_person: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidentEntered:
    """Who it is now, and whether they had been there before."""

    resident: UUID
    person: UUID
    household: UUID
    exists: bool


def checked_name(words: str) -> str:
    """Return a name in one spelling; raises NameMissing.

    Full-width letters and spaces, dots of several kinds, what cannot be seen, and spaces between
    Chinese characters are what keyboards do, not part of a name.
    """
    name = " ".join(unicodedata.normalize("NFKC", words).split())
    name = "".join(sign for sign in name if not unicodedata.category(sign).startswith("C"))
    name = BESIDE_CHINESE.sub("", DOTS.sub("\u00b7", name))
    if not 0 < len(name) <= NAME_MAX:
        raise NameMissing
    return name


def checked_year(day: dt.date, born: int | None) -> int | None:
    """Return a year of birth that can be one; raises BirthYearWrong."""
    if born is not None and not day.year - YEARS_MAX <= born <= day.year:
        raise BirthYearWrong
    return born


def checked_member(day: dt.date, command: EnterResident) -> Member:
    """Return what was typed, checked and in one spelling."""
    return Member(
        name=checked_name(command.name),
        phone=normal_phone(command.phone) if command.phone else None,
        birth_year=checked_year(day, command.birth_year),
        address=command.address.normal() if command.address else None,
        household=command.household,
    )


def enter_resident(work: Work, command: EnterResident) -> ResidentEntered:
    """Enter somebody whom staff know, confirmed at once; the same person again is who they were.

    Raises NameMissing, PhoneMalformed, BirthYearWrong, AddressIncomplete, HouseholdUnknown,
    CommunityUnknown, PlaceClosed, LivesElsewhere, NamesakeHere, KeyReused, Forbidden,
    NotInYourScope.
    """
    work.actor.require("resident.enter", command.community)
    enter_one_by_one(work, command.community)
    member = checked_member(work.day, command)
    if command.key:
        member = replace(member, id=made_by(work.actor, command))
    if member.household is not None:
        home = select(Household.community).where(Household.id == member.household)
        if work.connection.scalar(home) != command.community:
            raise HouseholdUnknown
    found = existing(work.connection, command.community, [member])[0]
    if found is not None:
        if found.community != command.community and found.resident != member.id:
            raise elsewhere(work.connection, member, found)
        work.replayed()
        return _entered(found, exists=True)
    same = namesakes_here(work.connection, command.community, [member])[0]
    if same and not command.another_person:
        raise NamesakeHere(same)
    added = add_members(work, command.community, [member], state="confirmed")[0]
    return _entered(added, exists=False)


def made_by(actor: Actor, command: EnterResident) -> UUID:
    """Return the id of the resident whom this command's key makes."""
    return actor.same_id(f"resident:{command.key}")


def _entered(known: Known, *, exists: bool) -> ResidentEntered:
    return ResidentEntered(
        resident=known.resident,
        person=known.person,
        household=known.household,
        exists=exists,
    )


def elsewhere(connection: Connection, member: Member, found: Known) -> LivesElsewhere:
    """Return the refusal that names where somebody lives."""
    query = select(Community.display_name).where(Community.code == found.community)
    return LivesElsewhere(name=member.name, place=connection.scalar(query))


def _known(work: Work, community: int, *, held: bool = False) -> None:
    """Raise CommunityUnknown or PlaceClosed; ``held``: others wait for this transaction."""
    query = select(Community.code, Community.valid_to).where(Community.code == community)
    row = work.connection.execute(query.with_for_update(key_share=True) if held else query).first()
    if row is None:
        raise CommunityUnknown
    refuse_closed(work.connection, community, row.valid_to, work.day)


def enter_one_by_one(work: Work, community: int) -> None:
    """Let those who enter people into a community wait for each other.

    Somebody without a number has no key that a unique index could guard against a double click,
    and who asks for namesakes sees those whom a colleague entered a moment ago.
    """
    _known(work, community, held=True)


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
    """Enter a household with nobody known in it; an address that has one keeps it.

    Raises AddressIncomplete, CommunityUnknown, PlaceClosed, Forbidden, NotInYourScope.
    """
    work.actor.require("resident.enter", command.community)
    enter_one_by_one(work, command.community)
    dwellings = Dwellings(work, command.community)
    address = command.address.normal()
    dwelling = dwellings.ensure([address])[address.words]
    found = work.connection.scalar(
        select(Household.id)
        .where(Household.dwelling == dwelling, ~is_over(Household.id))
        .order_by(Household.id),
    )
    if found is not None:
        work.replayed()
        return HouseholdEntered(household=found, exists=True)
    identity = dwellings.household_at(dwelling)
    dwellings.flush()
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

    Raises TooYoung, ConsentMissing, NameMissing, PhoneMalformed, CommunityUnknown, PlaceClosed.
    """
    # A child is sent to the desk with a guardian, not asked for a consent that does not count.
    if not command.is_fourteen:
        raise TooYoung
    if not command.consent:
        raise ConsentMissing
    _known(work, command.community)
    member = Member(name=checked_name(command.name), phone=normal_phone(command.phone))
    found = existing(work.connection, command.community, [member])[0]
    if found is not None:
        work.replayed()
        return _entered(found, exists=True)
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
    return _entered(added, exists=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmResident:
    """Staff have seen that a resident is who they say."""

    resident: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The resident's state now."""

    resident: UUID
    state: str


def confirm_resident(work: Work, command: ConfirmResident) -> Confirmed:
    """Confirm a resident of the actor's community; once.

    Raises ResidentUnknown, OwnResident, Forbidden, NotInYourScope.
    """
    work.actor.require("resident.confirm")
    row = _place_of(work, command.resident)
    work.actor.require("resident.confirm", row.community)
    if row.valid_to is not None:
        raise ResidentUnknown
    return _confirm(work, command, row)


def confirm_at_station(work: Work, command: ConfirmResident, station: int) -> Confirmed:
    """Confirm somebody from anywhere who is handed something at a community's station; once.

    Only for what hands over: it has an order or a basket of the resident at hand.
    Raises ResidentUnknown, OwnResident, Forbidden, NotInYourScope.
    """
    work.actor.require("resident.confirm", station)
    return _confirm(work, command, _place_of(work, command.resident))


def _place_of(work: Work, resident: UUID) -> Row[int, UUID, UUID, dt.date | None]:
    row = work.connection.execute(
        select(Resident.community, Resident.household, Resident.person, Resident.valid_to).where(
            Resident.id == resident,
        ),
    ).first()
    if row is None:
        raise ResidentUnknown
    return row


def _confirm(
    work: Work, command: ConfirmResident, row: Row[int, UUID, UUID, dt.date | None]
) -> Confirmed:
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
    """Raise OwnResident where the person or the household is the actor's own."""
    if {person, household} & directory().own(work.connection, work.actor.person):
        raise OwnResident
