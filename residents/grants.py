"""Roles: granted by one, the powerful ones confirmed by another, ended by a date."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from core.acts import Role
from core.crypto import normal_phone, phone_index
from core.directory import directory
from core.errors import N_, Conflict, NotFound, Rejected
from core.ids import NIL
from residents.households import Member, person_row
from residents.models import Community, District, Grant, Person, SignIn, Subdistrict
from residents.people import checked_name

if TYPE_CHECKING:
    from core.work import Work

POWERFUL: frozenset[Role] = frozenset({"district_admin", "auditor"})
GRANTED: tuple[Role, ...] = (
    "staff",
    "lead",
    "keeper",
    "subdistrict_reader",
    "district_admin",
    "auditor",
)
"""Roles that people can be given in this version, each at the kind of place it belongs to."""

SCOPE_OF: dict[str, str] = {
    "staff": "community",
    "lead": "community",
    "keeper": "community",
    "subdistrict_reader": "subdistrict",
    "district_admin": "district",
    "auditor": "district",
}


class BootstrapDone(Conflict):
    """The first two admins exist; further ones are granted by them."""

    text = N_("区级管理员已经有了。请由现有的两位管理员在人员与权限里添加。")


class RoleUnknown(Rejected):
    """There is no such role, or it does not fit the place."""

    text = N_("没有这个角色，或它和所选的地方不配。请重新选择。")


class DatesWrong(Rejected):
    """A role ends on the day it begins or later."""

    text = N_("结束日期早于开始日期，请改好后再保存。")


class PlacesMissing(Conflict):
    """Admins are made for a district that has been loaded."""

    text = N_("还没有导入区划。请先导入本区的街道和社区，再设管理员。")


class GrantUnknown(NotFound):
    """There is no such grant."""

    text = N_("没有找到这条授权，可能已经收回了。请刷新页面看看。")


class GrantedByYourself(Conflict):
    """Whoever granted does not confirm, nor who lives with them; nobody grants to themselves."""

    text = N_("授权和确认要两个人办，不能是同户家人，也不能给自己授权。请让另一位管理员来确认。")


class TwoAdminsNeeded(Conflict):
    """What needs two admins could be done by nobody any more, not even making another one."""

    text = N_("全区至少要有两位区级管理员。请先授权一位新的管理员，请对方确认后，再结束这一条。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """Name and number of a district admin."""

    name: str
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """The first two district admins."""

    admins: tuple[Admin, Admin]


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The grant and whose it is."""

    id: UUID
    person: UUID
    exists: bool


def bootstrap(work: Work, command: Bootstrap) -> Granted:
    """Make the first two district admins, each confirmed by the other; then never again.

    Raises BootstrapDone, PlacesMissing, GrantedByYourself, NameMissing, PhoneMalformed.
    """
    if work.connection.scalar(select(func.count()).select_from(Grant)):
        raise BootstrapDone
    district = work.connection.scalar(select(District.code))
    if district is None:
        raise PlacesMissing
    if len({normal_phone(admin.phone) for admin in command.admins}) == 1:
        raise GrantedByYourself
    first, second = (person_of(work, admin.name, admin.phone) for admin in command.admins)
    granted = [
        Grant(
            id=work.new_id(),
            person=person,
            role="district_admin",
            scope_kind="district",
            place=district,
            scope_id=NIL,
            valid_from=work.day,
            granted_by=NIL,
            confirmed_by=other,
            created_at=work.now,
        )
        for person, other in ((first, second), (second, first))
    ]
    work.session.add_all(granted)
    return Granted(id=granted[0].id, person=first, exists=False)


def person_of(work: Work, name: str, phone: str) -> UUID:
    """Return who has this name and number, made where there is nobody."""
    number, plain = normal_phone(phone), checked_name(name)
    query = select(Person.id).where(Person.phone_index == phone_index(number), Person.name == plain)
    found = work.connection.scalar(query)
    if found is not None:
        return found
    person = work.new_id()
    row = person_row(work, person, Member(name=plain, phone=number))
    work.connection.execute(insert(Person), row)
    return person


def is_own_number(work: Work, phone: str) -> bool:
    """Whether it is the actor's own number, under whatever name."""
    own = select(Person.phone_index).where(Person.id == work.actor.person)
    return work.connection.scalar(own) == phone_index(normal_phone(phone))


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRole:
    """Give somebody a role at a place from a day on."""

    name: str
    phone: str
    role: str
    place: int
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None


def grant_role(work: Work, command: GrantRole) -> Granted:
    """Give the role; the same again is what it was. Powerful ones hold only once confirmed.

    Raises RoleUnknown, DatesWrong, GrantedByYourself, NameMissing, PhoneMalformed, Forbidden.
    """
    work.actor.require("grant.change")
    if command.role not in GRANTED or not _fits(work, command):
        raise RoleUnknown
    begins = command.valid_from or work.day
    if command.valid_to is not None and command.valid_to < begins:
        raise DatesWrong
    if is_own_number(work, command.phone):
        raise GrantedByYourself
    person = person_of(work, command.name, command.phone)
    same = select(Grant.id).where(
        Grant.person == person,
        Grant.role == command.role,
        Grant.place == command.place,
        or_(Grant.valid_to.is_(None), Grant.valid_to >= work.day),
    )
    found = work.session.scalar(same)
    if found is not None:
        work.replayed()
        return Granted(id=found, person=person, exists=True)
    return Granted(id=_put(work, command, person, begins), person=person, exists=False)


def _put(work: Work, command: GrantRole, person: UUID, begins: dt.date) -> UUID:
    values = {
        "person": person,
        "role": command.role,
        "scope_kind": SCOPE_OF[command.role],
        "place": command.place,
        "scope_id": NIL,
        "valid_from": begins,
        "valid_to": command.valid_to,
    }
    return renew(work, values)


def renew(work: Work, values: dict[str, object]) -> UUID:
    """Insert a grant, or renew one that began on the same day and was ended since."""
    renewed: dict[str, object] = {
        "valid_to": values["valid_to"],
        "granted_by": work.actor.person,
        "confirmed_by": None,
    }
    upsert = sqlite.insert if work.is_sqlite else postgresql.insert
    return work.connection.execute(
        upsert(Grant)
        .values(id=work.new_id(), created_at=work.now, **(values | renewed))
        .on_conflict_do_update(
            index_elements=["person", "role", "scope_kind", "place", "scope_id", "valid_from"],
            set_=renewed,
        )
        .returning(Grant.id),
    ).scalar_one()


def _fits(work: Work, command: GrantRole) -> bool:
    table = {"community": Community, "subdistrict": Subdistrict, "district": District}
    model = table[SCOPE_OF[command.role]]
    return work.session.get(model, command.place) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmGrant:
    """The second person's word for a powerful role."""

    grant: UUID


def confirm_grant(work: Work, command: ConfirmGrant) -> Granted:
    """Confirm somebody else's grant while it stands.

    Raises GrantUnknown, GrantedByYourself, Forbidden.
    """
    work.actor.require("grant.change")
    grant = work.session.get(Grant, command.grant)
    if grant is None or (grant.valid_to is not None and grant.valid_to < work.day):
        raise GrantUnknown
    if directory().own(work.connection, work.actor.person) & {grant.granted_by, grant.person}:
        raise GrantedByYourself
    if grant.confirmed_by is not None:
        work.replayed()
        return Granted(id=grant.id, person=grant.person, exists=True)
    grant.confirmed_by = work.actor.person
    return Granted(id=grant.id, person=grant.person, exists=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndGrant:
    """Take a role back, from today on."""

    grant: UUID


def end_grant(work: Work, command: EndGrant) -> Granted:
    """End a grant, and the sign-ins that act by it, at once; again changes nothing.

    Raises GrantUnknown, GrantedByYourself, TwoAdminsNeeded, Forbidden.
    """
    work.actor.require("grant.change")
    person = work.connection.scalar(select(Grant.person).where(Grant.id == command.grant))
    if person is None:
        raise GrantUnknown
    if person == work.actor.person:
        raise GrantedByYourself
    _leave_two(work, command.grant)
    yesterday = work.day - dt.timedelta(days=1)
    ended = work.connection.execute(
        update(Grant)
        .where(
            Grant.id == command.grant,
            or_(Grant.valid_to.is_(None), Grant.valid_to > yesterday),
        )
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
    return Granted(id=command.grant, person=person, exists=ended is None)


def _leave_two(work: Work, grant: UUID) -> None:
    """Refuse to end an admin's grant where fewer than two would be left; locks those there are."""
    query = (
        select(Grant.id, Grant.person)
        .where(
            Grant.role == "district_admin",
            Grant.confirmed_by.is_not(None),
            Grant.valid_from <= work.day,
            or_(Grant.valid_to.is_(None), Grant.valid_to >= work.day),
        )
        .order_by(Grant.id)
        .with_for_update()
    )
    rows = work.connection.execute(query).all()
    is_admin = any(row.id == grant for row in rows)
    if is_admin and len({row.person for row in rows if row.id != grant}) <= 1:
        raise TwoAdminsNeeded
