"""Ending a sign-in of one's own, and noting that its device was seen."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select, update

from core.errors import N_, NotFound
from residents.models import SignIn

if TYPE_CHECKING:
    from core.work import Work

SEEN_AGAIN_AFTER = dt.timedelta(hours=1)


class SignInUnknown(NotFound):
    """There is no such sign-in of this person."""

    text = N_("没有找到这台设备的登录，可能已经退出了。请刷新页面看看。")


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
