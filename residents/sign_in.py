"""Signing in: a one-time code, choosing who and in which role, a row that can be revoked."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import bindparam, or_, select, update

from core import outbox, settings
from core.crypto import (
    encrypt,
    mac,
    new_token,
    normal_phone,
    phone_index,
    plain_digits,
    same,
    six_digits,
    token_hash,
)
from core.errors import N_, NotFound, Rejected
from residents.acting import holds
from residents.models import (
    Community,
    District,
    Grant,
    LoginCode,
    Person,
    Representation,
    Resident,
    SignIn,
    Subdistrict,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from core.work import Work

CODE_MINUTES = 5
TRIES_MAX = 5
STAFF_HOURS = 12
LABEL_MAX = 80


class CodeWrong(Rejected):
    """The digits are not those that were sent; the try was taken before they were compared."""

    text = N_("验证码不对，请看清短信里的 6 位数字再填。")


class CodeExpired(Rejected):
    """The code is used, older than five minutes, was tried five times, or is another browser's."""

    text = N_("验证码已经失效，请重新获取一个。")


class NobodyChosen(NotFound):
    """The one chosen is not among those whom this number may sign in."""

    text = N_("这个手机号不能以这个身份登录。请从列表里选，或联系社区核对号码。")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskCode:
    """Send a code to a number; ``browser`` is the asking browser's (or program's) own secret."""

    phone: str
    browser: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSent:
    """The same for known and unknown numbers."""

    minutes: int


def ask_code(work: Work, command: AskCode) -> CodeSent:
    """Send a one-time code; only a browser's newest code counts. Raises PhoneMalformed.

    What another browser asked for stays good: a stranger who asks does not undo the owner's code.
    """
    phone = normal_phone(command.phone)
    index, browser = phone_index(phone), token_hash(command.browser)
    work.connection.execute(
        update(LoginCode)
        .where(
            LoginCode.phone_index == index,
            LoginCode.browser_hash == browser,
            LoginCode.used_at.is_(None),
        )
        .values(used_at=work.now),
    )
    code, identity, cipher = six_digits(), work.new_id(), encrypt("phone", phone)
    work.session.add(
        LoginCode(
            id=identity,
            phone_index=index,
            phone_cipher=cipher,
            code_hash=_hash(identity, code),
            browser_hash=browser,
            created_at=work.now,
            expires_at=work.now + dt.timedelta(minutes=CODE_MINUTES),
            tries=0,
        ),
    )
    outbox.send(
        work,
        "login.code",
        key=str(identity),
        phone_cipher=cipher,
        code=code,
        minutes=CODE_MINUTES,
    )
    return CodeSent(minutes=CODE_MINUTES)


def _hash(identity: UUID, code: str) -> str:
    return mac("login-code", identity, code).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeTry:
    """Somebody is about to try a code, from the browser that asked for it."""

    phone: str
    browser: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TryTaken:
    """The code that may be compared once."""

    login_code: UUID


def take_try(work: Work, command: TakeTry) -> TryTaken:
    """Take one of a code's tries, to be committed before anything is compared.

    A try counted after its refusal would let all in that arrive meanwhile. Raises CodeExpired,
    PhoneMalformed.
    """
    work.replayed()
    newest = (
        select(LoginCode.id)
        .where(
            LoginCode.phone_index == phone_index(normal_phone(command.phone)),
            LoginCode.browser_hash == token_hash(command.browser),
            LoginCode.used_at.is_(None),
        )
        .order_by(LoginCode.created_at.desc())
        .limit(1)
    )
    taken = work.connection.execute(
        update(LoginCode)
        .where(
            LoginCode.id == newest.scalar_subquery(),
            LoginCode.expires_at > work.now,
            LoginCode.tries < TRIES_MAX,
        )
        .values(tries=LoginCode.tries + 1)
        .returning(LoginCode.id),
    ).first()
    if taken is None:
        raise CodeExpired
    return TryTaken(login_code=taken.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyCode:
    """The digits that somebody typed, and the code for which ``take_try`` took a try."""

    phone: str
    code: str
    login_code: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Somebody whom the number may sign in as: a resident, or a person in a role."""

    kind: str
    id: UUID
    person: UUID
    name: str
    place: str
    code: int
    role: str
    is_own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The number is proven; whom it may sign in."""

    phone: str
    choices: tuple[Choice, ...]


def verify_code(work: Work, command: VerifyCode) -> Verified:
    """Use the code up, and say whom the number may sign in as.

    Raises CodeWrong, CodeExpired, PhoneMalformed.
    """
    phone = normal_phone(command.phone)
    kept = work.connection.scalar(
        select(LoginCode.code_hash).where(
            LoginCode.id == command.login_code,
            LoginCode.phone_index == phone_index(phone),
        ),
    )
    if kept is None:
        raise CodeExpired
    if not same(kept, _hash(command.login_code, plain_digits(command.code))):
        raise CodeWrong
    used = work.connection.execute(
        update(LoginCode)
        .where(LoginCode.id == command.login_code, LoginCode.used_at.is_(None))
        .values(used_at=work.now)
        .returning(LoginCode.id),
    ).first()
    if used is None:
        raise CodeExpired
    return Verified(phone=phone, choices=choices_of(work.connection, phone, work.day))


OWN = select(Person.id).where(Person.phone_index == bindparam("v_index"))
REPRESENTED = select(Representation.principal).where(
    Representation.agent.in_(OWN), holds(bindparam("v_day"))
)
RESIDENTS = (
    select(
        Resident.id,
        Resident.person,
        Resident.community,
        Person.name,
        Community.display_name,
        Person.id.in_(OWN).label("is_own"),
    )
    .join(Person, Person.id == Resident.person)
    .join(Community, Community.code == Resident.community)
    .where(Resident.valid_to.is_(None), or_(Person.id.in_(OWN), Person.id.in_(REPRESENTED)))
    .order_by(Resident.created_at, Resident.id)
)
ROLES = (
    select(
        Grant.id,
        Grant.person,
        Grant.role,
        Grant.place,
        Person.name,
        Community.display_name,
        Subdistrict.name.label("subdistrict"),
        District.name.label("district"),
    )
    .join(Person, Person.id == Grant.person)
    .outerjoin(Community, Community.code == Grant.place)
    .outerjoin(Subdistrict, Subdistrict.code == Grant.place)
    .outerjoin(District, District.code == Grant.place)
    .where(
        Grant.person.in_(OWN),
        Grant.valid_from <= bindparam("v_day"),
        or_(Grant.valid_to.is_(None), Grant.valid_to >= bindparam("v_day")),
        or_(Grant.role.not_in(("district_admin", "auditor")), Grant.confirmed_by.is_not(None)),
    )
    .order_by(Grant.created_at, Grant.id)
)


def choices_of(connection: Connection, phone: str, day: dt.date) -> tuple[Choice, ...]:
    """Return residents (own and represented) and roles that the number may sign in as."""
    asked = {"v_index": phone_index(phone), "v_day": day}
    return (*_residents(connection, asked), *_roles(connection, asked))


def _residents(connection: Connection, asked: Mapping[str, object]) -> Sequence[Choice]:
    return [
        Choice(
            kind="resident",
            id=row.id,
            person=row.person,
            name=row.name,
            place=row.display_name,
            code=row.community,
            role="resident",
            is_own=bool(row.is_own),
        )
        for row in connection.execute(RESIDENTS, asked)
    ]


def _roles(connection: Connection, asked: Mapping[str, object]) -> Sequence[Choice]:
    return [
        Choice(
            kind="grant",
            id=row.id,
            person=row.person,
            name=row.name,
            place=row.display_name or row.subdistrict or row.district or "",
            code=row.place,
            role=row.role,
            is_own=True,
        )
        for row in connection.execute(ROLES, asked)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choose:
    """Sign in as one of the choices, with a number proven a moment ago."""

    phone: str
    id: UUID
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInAs:
    """The token, which is shown once, and until when it holds."""

    token: str
    sign_in: UUID
    role: str
    expires_at: dt.datetime


def choose(work: Work, command: Choose) -> SignedInAs:
    """Make the sign-in's row. Residents stay signed in for months, staff for a working day.

    Raises NobodyChosen.
    """
    choices = choices_of(work.connection, normal_phone(command.phone), work.day)
    chosen = next((choice for choice in choices if choice.id == command.id), None)
    if chosen is None:
        raise NobodyChosen
    if chosen.kind == "resident":
        days = settings.integer(work.connection, "resident.sign_in_days", work.now)
        expires = work.now + dt.timedelta(days=days)
    else:
        expires = work.now + dt.timedelta(hours=STAFF_HOURS)
    # Whoever signs in for somebody is the person whose phone it is.
    agent = chosen.person if chosen.is_own else _agent(work, command.phone, chosen.person)
    token, identity = new_token(), work.new_id()
    work.session.add(
        SignIn(
            id=identity,
            token_hash=token_hash(token),
            person=agent,
            grant=chosen.id if chosen.kind == "grant" else None,
            resident=chosen.id if chosen.kind == "resident" else None,
            label=command.label[:LABEL_MAX],
            created_at=work.now,
            last_seen=work.now,
            expires_at=expires,
        ),
    )
    return SignedInAs(token=token, sign_in=identity, role=chosen.role, expires_at=expires)


def _agent(work: Work, phone: str, principal: UUID) -> UUID:
    query = (
        select(Person.id)
        .join(Representation, Representation.agent == Person.id)
        .where(
            Person.phone_index == phone_index(normal_phone(phone)),
            Representation.principal == principal,
            holds(work.day),
        )
        .order_by(Representation.valid_from, Person.id)
    )
    return work.connection.scalars(query.limit(1)).one()
