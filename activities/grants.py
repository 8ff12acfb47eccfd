"""The presence grant: what the first GET of a venue code proved, as a signed cookie, not a row."""

from __future__ import annotations

import contextlib
import datetime as dt
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from activities.attendance import ScanRefused
from activities.codes import SHORT, Phase, match, normalise, step_time
from activities.models import Session
from core import settings
from core.crypto import sign, signed
from core.errors import N_

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.work import Work

GRANT = dt.timedelta(minutes=10)


class VenueCodeExpired(ScanRefused):
    """The code was shown too long ago, was voided, or never was one."""

    text = N_("现场码已经更新，请对着屏幕再扫一次。")


class CodeUnreadable(ScanRefused):
    """It is no venue code at all, or of no session known here."""

    text = N_("没有认出这个码。请对着活动现场的屏幕再扫一次。")


class GrantExpired(ScanRefused):
    """The scan was more than ten minutes ago; a browser has forgotten it by then, too."""

    text = N_("扫码过去十分钟了，请对着屏幕再扫一次。")


class GrantUnreadable(GrantExpired):
    """It is no grant of ours: forged, cut off, or signed for something else."""

    text = N_("没有认出这次扫码，请对着活动现场的屏幕再扫一次。")


@dataclass(frozen=True, slots=True)
class Grant:
    """Somebody held this session's code at this moment; good for one resident, ten minutes."""

    session: UUID
    phase: Phase
    at: dt.datetime
    nonce: str

    @property
    def until(self) -> dt.datetime:
        """When it ends."""
        return self.at + GRANT


def grant_for(connection: Connection, code: str, now: dt.datetime) -> Grant:
    """Turn a code into a grant, writing nothing. Raises VenueCodeExpired or CodeUnreadable."""
    plain = normalise(code)
    if plain is None:
        raise CodeUnreadable
    row = connection.execute(
        select(Session.id, Session.epoch).where(Session.short_code == plain[:SHORT]),
    ).first()
    if row is None:
        raise CodeUnreadable
    seconds = settings.integer(connection, "checkin.step_seconds", now)
    proven = match(plain, row.epoch, now, seconds)
    if proven is None:
        raise VenueCodeExpired(session=row.id)
    at = step_time(proven.step, seconds)
    return Grant(row.id, proven.phase, at, secrets.token_urlsafe(12))


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeCode:
    """A scanned code that came by POST."""

    code: str


def take_code(work: Work, command: TakeCode) -> Grant:
    """Return the grant; a code that is refused is kept as a refused scan (by a GET it is not).

    Raises VenueCodeExpired or CodeUnreadable.
    """
    work.replayed()
    try:
        return grant_for(work.connection, command.code, work.now)
    except (VenueCodeExpired, CodeUnreadable) as refusal:
        raise type(refusal)(resident=work.actor.resident, **refusal.facts) from None


def seal(grant: Grant) -> str:
    """Sign a grant so that it can travel through the resident's hands."""
    value = [str(grant.session), grant.phase, int(grant.at.timestamp()), grant.nonce]
    return sign("presence", value)


def unseal(text: str, now: dt.datetime) -> Grant:
    """Return the grant of a signed value. Raises GrantExpired or GrantUnreadable."""
    if not text:
        raise GrantExpired(session=None)
    match signed("presence", text):
        case [str(named), "entry" | "exit" as phase, int(at), str(nonce)]:
            with contextlib.suppress(ValueError, OverflowError):
                session = UUID(named)
                grant = Grant(session, phase, dt.datetime.fromtimestamp(at, dt.UTC), nonce)
                if now <= grant.until:
                    return grant
                raise GrantExpired(session=session)
    raise GrantUnreadable(session=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenGrant:
    """The signed value that a check-in came with."""

    grant: str


def open_grant(work: Work, command: OpenGrant) -> Grant:
    """Return the grant; one that is too old or forged is kept as a refused scan.

    Raises GrantExpired or GrantUnreadable.
    """
    work.replayed()
    try:
        return unseal(command.grant, work.now)
    except GrantExpired as refusal:
        raise type(refusal)(resident=work.actor.resident, **refusal.facts) from None
