"""Feeders: made by one district admin, let in by another, stopped by any of them at once.

Whoever is shown a secret could sign with it, so somebody else lets it work; a new secret waits
for a second person again, and the old one is dead the moment the new one is made.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from sqlalchemy import insert, select, update

from core.acts import Actor
from core.crypto import encrypt, new_token
from core.directory import is_second
from core.errors import N_, Conflict, NotFound, Rejected
from core.ids import uuid8
from points.models import Account, CatalogueRule, Feeder

if TYPE_CHECKING:
    from sqlalchemy import Row

    from core.work import Work

Kind = Literal["device", "platform", "city"]
ScopeOf = Literal["community", "subdistrict", "district"]

EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
NAME_MAX = 30
SECRET = "feeder"  # noqa: S105 - what the key is derived for
DEVICE, PLATFORM = "设备", "志愿平台"
WORDS_OF: dict[str, frozenset[str]] = {
    "device": frozenset({DEVICE}),
    "platform": frozenset({PLATFORM}),
    "city": frozenset({DEVICE, PLATFORM}),
}
"""What the catalogue calls those of a kind."""

INSIDE: dict[str, int] = {"community": 1, "subdistrict": 1_000}
"""How many codes of communities a place of a kind spans."""


class FeederUnknown(NotFound):
    """There is no such feeder."""

    text = N_("没有找到这个接入方。请刷新页面看看。")


class FeederNameTaken(Conflict):
    """Another feeder has this name."""

    text = N_("已经有同名的接入方。请换一个名称，能看出是哪里的哪一台。")


class FeederUnfit(Rejected):
    """A feeder has a name, a place and at least one rule that its kind may record."""

    text = N_("请填名称、选地方，并至少选一条这类接入方能记的规则。")


class FeederNeedsSecondPerson(Conflict):
    """Whoever was shown the secret, or lives with them, does not let it work."""

    text = N_("看过密钥的人和同户家人不能启用，请另一位区级管理员来启用。")


class FeederWaiting(Conflict):
    """Nobody but who was shown its secret has let it in yet."""

    text = N_("这个接入方还没有启用，没有记。请另一位区级管理员先启用，再导入文件。")


class FeederStopped(Conflict):
    """It was stopped; only a new secret brings it back."""

    text = N_("这个接入方已经停用。需要再用的话，请换一次密钥，再由另一位管理员启用。")


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeFeeder:
    """A feeder to be; ``place`` 0 with the scope of the district."""

    key: str
    name: str
    kind: Kind
    scope_kind: ScopeOf
    place: int
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeederSecret:
    """The feeder with its secret, shown this once; None where it had been made before."""

    id: UUID
    state: str
    secret: str | None = field(repr=False)
    exists: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFeeder:
    """Which feeder is let in, stopped, or gets a new secret."""

    feeder: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class FeederChanged:
    """What state it is in now."""

    id: UUID
    state: str


def acting(feeder: Row[Any]) -> Actor:
    """Return a feeder as who acts: what it saw counts where it stands, whoever brings it."""
    return Actor(
        person=feeder.id,
        role="feeder",
        scope_kind=feeder.scope_kind,
        place=feeder.place,
        name=feeder.name,
    )


def make_feeder(work: Work, command: MakeFeeder) -> FeederSecret:
    """Make a feeder that waits for a second person, and its secret.

    Raises FeederUnfit, FeederNameTaken, Forbidden.
    """
    work.actor.require("feeder.change")
    identity = uuid8(EPOCH, "feeder", work.actor.person, command.key)
    earlier = _row(work, Feeder.id == identity)
    if earlier is not None:
        work.replayed()
        return FeederSecret(id=identity, state=earlier.state, secret=None, exists=True)
    name = " ".join(command.name.split())
    if not 0 < len(name) <= NAME_MAX or not _fits(work, command):
        raise FeederUnfit
    if _row(work, Feeder.name == name) is not None:
        raise FeederNameTaken
    secret = new_token()
    work.connection.execute(
        insert(Feeder).values(
            id=identity,
            name=name,
            kind=command.kind,
            scope_kind=command.scope_kind,
            place=work.actor.place if command.scope_kind == "district" else command.place,
            rules="|".join(sorted(set(command.rules))),
            secret_cipher=encrypt(SECRET, secret),
            secret_by=work.actor.person,
            secret_at=work.now,
            state="waiting",
            made_at=work.now,
        ),
    )
    return FeederSecret(id=identity, state="waiting", secret=secret, exists=False)


def _fits(work: Work, command: MakeFeeder) -> bool:
    """Whether the place has communities and every rule is one that this kind may record."""
    rows = work.connection.execute(
        select(CatalogueRule.recorded_by, CatalogueRule.points_base).where(
            CatalogueRule.key.in_(command.rules),
        ),
    ).all()
    words = WORDS_OF[command.kind]
    if not command.rules or len(rows) < len(set(command.rules)):
        return False
    if any(not words & set(row.recorded_by.split("|")) or row.points_base <= 0 for row in rows):
        return False
    span = INSIDE.get(command.scope_kind)
    if span is None:
        return True
    inside = select(Account.id).where(
        Account.community >= command.place, Account.community < command.place + span
    )
    is_whole = command.place % span == 0
    return is_whole and work.connection.execute(inside.limit(1)).first() is not None


def _row(work: Work, condition: Any) -> Row[Any] | None:
    return work.connection.execute(select(Feeder.__table__).where(condition)).first()


def _locked(work: Work, feeder: UUID) -> Row[Any]:
    row = work.connection.execute(
        select(Feeder.__table__).where(Feeder.id == feeder).with_for_update(),
    ).first()
    if row is None:
        raise FeederUnknown
    return row


def confirm_feeder(work: Work, command: ChangeFeeder) -> FeederChanged:
    """Let a feeder in, as somebody who has not seen its secret.

    Raises FeederUnknown, FeederStopped, FeederNeedsSecondPerson, Forbidden.
    """
    work.actor.require("feeder.change")
    row = _locked(work, command.feeder)
    if row.state == "stopped":
        raise FeederStopped
    if row.state == "active":
        work.replayed()
        return FeederChanged(id=row.id, state="active")
    if not is_second(work.connection, work.actor.person, row.secret_by):
        raise FeederNeedsSecondPerson
    _set(work, row.id, state="active", confirmed_by=work.actor.person, confirmed_at=work.now)
    return FeederChanged(id=row.id, state="active")


def rotate_secret(work: Work, command: ChangeFeeder) -> FeederSecret:
    """Make a new secret; the old one is dead at once, the new one waits for a second person.

    Asked twice it makes two, and the last one shown holds.

    Raises FeederUnknown, Forbidden.
    """
    work.actor.require("feeder.change")
    row = _locked(work, command.feeder)
    secret = new_token()
    _set(
        work,
        row.id,
        state="waiting",
        secret_cipher=encrypt(SECRET, secret),
        secret_by=work.actor.person,
        secret_at=work.now,
        confirmed_by=None,
        confirmed_at=None,
        stopped_by=None,
        stopped_at=None,
    )
    return FeederSecret(id=row.id, state="waiting", secret=secret, exists=False)


def stop_feeder(work: Work, command: ChangeFeeder) -> FeederChanged:
    """Stop a feeder; when this has returned, nothing of it is recorded any more.

    Raises FeederUnknown, Forbidden.
    """
    work.actor.require("feeder.change")
    row = _locked(work, command.feeder)
    if row.state == "stopped":
        work.replayed()
    else:
        _set(work, row.id, state="stopped", stopped_by=work.actor.person, stopped_at=work.now)
    return FeederChanged(id=row.id, state="stopped")


def _set(work: Work, feeder: UUID, **values: object) -> None:
    work.connection.execute(update(Feeder).where(Feeder.id == feeder).values(**values))
