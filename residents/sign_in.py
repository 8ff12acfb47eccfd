"""Signing in: a one-time code, choosing who and in which role, a row that can be revoked."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import or_, select, update

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
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from core.work import Work

CODE_MINUTES = 5
TRIES_MAX = 5
STAFF_HOURS = 12
SEEN_AGAIN_AFTER = dt.timedelta(hours=1)
LABEL_MAX = 80


class CodeWrong(Rejected):
    """The digits are not those that were sent; the try counts even though all is rolled back."""

    leaves_trace = True
    text = N_("验证码不对，请看清短信里的 6 位数字再填。")

    def leave_trace(self, work: Work) -> None:
        """Count the try."""
        work.replayed()
        work.connection.execute(
            update(LoginCode)
            .where(LoginCode.id == self.facts["code"])
            .values(tries=LoginCode.tries + 1),
        )


class CodeExpired(Rejected):
    """The code is used, older than five minutes, was tried five times, or is another browser's."""

    text = N_("验证码已经失效，请重新获取一个。")


class NobodyChosen(NotFound):
    """The one chosen is not among those whom this number may sign in."""

    text = N_("这个手机号不能以这个身份登录。请从列表里选，或联系社区核对号码。")


class SignInUnknown(NotFound):
    """There is no such sign-in of this person."""

    text = N_("没有找到这台设备的登录，可能已经退出了。请刷新页面看看。")


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
class VerifyCode:
    """The digits that somebody typed, from the browser that asked for them."""

    phone: str
    code: str
    browser: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Somebody whom the number may sign in as: a resident, or a person in a role."""

    kind: str
    id: UUID
    person: UUID
    name: str
    place: str
    role: str
    is_own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The number is proven; whom it may sign in."""

    phone: str
    choices: tuple[Choice, ...]


def verify_code(work: Work, command: VerifyCode) -> Verified:
    """Use the code up, and say whom the number may sign in as.

    Raises CodeWrong (the try counts), CodeExpired, PhoneMalformed.
    """
    phone = normal_phone(command.phone)
    row = work.connection.execute(
        select(LoginCode.__table__)
        .where(
            LoginCode.phone_index == phone_index(phone),
            LoginCode.browser_hash == token_hash(command.browser),
            LoginCode.used_at.is_(None),
        )
        .order_by(LoginCode.created_at.desc())
        .limit(1),
    ).first()
    if row is None or row.expires_at <= work.now or row.tries >= TRIES_MAX:
        raise CodeExpired
    if not same(row.code_hash, _hash(row.id, plain_digits(command.code))):
        raise CodeWrong(code=row.id)
    used = work.connection.execute(
        update(LoginCode)
        .where(LoginCode.id == row.id, LoginCode.used_at.is_(None), LoginCode.tries < TRIES_MAX)
        .values(used_at=work.now)
        .returning(LoginCode.id),
    ).first()
    if used is None:
        raise CodeExpired
    return Verified(phone=phone, choices=choices_of(work.connection, phone, work.day))


def choices_of(connection: Connection, phone: str, day: dt.date) -> tuple[Choice, ...]:
    """Return residents (own and represented) and roles that the number may sign in as."""
    own = select(Person.id).where(Person.phone_index == phone_index(phone))
    represented = select(Representation.principal).where(Representation.agent.in_(own), holds(day))
    return (*_residents(connection, own, represented), *_roles(connection, own, day))


def _residents(connection: Connection, own: object, represented: object) -> Sequence[Choice]:
    rows = connection.execute(
        select(
            Resident.id,
            Resident.person,
            Person.name,
            Community.display_name,
            Person.id.in_(own).label("is_own"),  # type: ignore[arg-type]
        )
        .join(Person, Person.id == Resident.person)
        .join(Community, Community.code == Resident.community)
        .where(
            Resident.valid_to.is_(None),
            or_(Person.id.in_(own), Person.id.in_(represented)),  # type: ignore[arg-type]
        )
        .order_by(Resident.created_at, Resident.id),
    )
    return [
        Choice(
            kind="resident",
            id=row.id,
            person=row.person,
            name=row.name,
            place=row.display_name,
            role="resident",
            is_own=bool(row.is_own),
        )
        for row in rows
    ]


def _roles(connection: Connection, own: object, day: dt.date) -> Sequence[Choice]:
    rows = connection.execute(
        select(
            Grant.id,
            Grant.person,
            Grant.role,
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
            Grant.person.in_(own),  # type: ignore[arg-type]
            Grant.valid_from <= day,
            or_(Grant.valid_to.is_(None), Grant.valid_to >= day),
            or_(Grant.role.not_in(("district_admin", "auditor")), Grant.confirmed_by.is_not(None)),
        )
        .order_by(Grant.created_at, Grant.id),
    )
    return [
        Choice(
            kind="grant",
            id=row.id,
            person=row.person,
            name=row.name,
            place=row.display_name or row.subdistrict or row.district or "",
            role=row.role,
            is_own=True,
        )
        for row in rows
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke:
    """End a sign-in of one's own."""

    sign_in: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """The sign-in that holds no longer."""

    sign_in: UUID


def revoke(work: Work, command: Revoke) -> Revoked:
    """End it at once; ending it again changes nothing. Raises SignInUnknown."""
    row = work.connection.execute(
        select(SignIn.person, SignIn.revoked_at).where(SignIn.id == command.sign_in),
    ).first()
    if row is None or row.person != work.actor.person:
        raise SignInUnknown
    if row.revoked_at is not None:
        work.replayed()
        return Revoked(sign_in=command.sign_in)
    work.connection.execute(
        update(SignIn).where(SignIn.id == command.sign_in).values(revoked_at=work.now),
    )
    return Revoked(sign_in=command.sign_in)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A signed-in device did something."""

    sign_in: UUID


def note_seen(work: Work, command: Seen) -> Revoked:
    """Move ``last_seen``, at most hourly; only unsafe requests come here."""
    work.replayed()
    work.connection.execute(
        update(SignIn)
        .where(SignIn.id == command.sign_in, SignIn.last_seen < work.now - SEEN_AGAIN_AFTER)
        .values(last_seen=work.now),
    )
    return Revoked(sign_in=command.sign_in)
