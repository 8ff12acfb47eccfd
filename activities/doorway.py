"""The check-in that waits behind the sign-in: what ``residents`` pages ask through core.panels."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import flash, request, url_for

from activities import queries
from activities.attendance import CheckIn, check_in
from activities.grants import Grant, GrantExpired, OpenGrant, open_grant, unseal
from activities.publish import PARTS, Part
from core.errors import AppError
from core.work import present, reader, transact

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.acts import Actor

COOKIE = "presence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What stays on top of the pages on the way in."""

    title: str
    place: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    scanned_at: dt.datetime
    until: dt.datetime


def pending() -> Grant | None:
    """Return the grant of this browser's scan, or None: none, used up, too old."""
    try:
        return unseal(sealed(), present())
    except GrantExpired:
        return None


def scanned(text: str, actor: Actor) -> Grant:
    """Return the grant that a check-in came with. Raises GrantExpired or GrantUnreadable."""
    try:
        return unseal(text, present())
    except GrantExpired:
        # Only the refusal is worth a transaction: it keeps who was refused, and where.
        return transact(open_grant, OpenGrant(grant=text), actor)


def sealed() -> str:
    """Return the signed value of this browser's scan, "" where there was none."""
    return request.cookies.get(COOKIE, "")


def visit_of(card: queries.Card, grant: Grant) -> Visit:
    """Return what the pages on the way in show of a session."""
    return Visit(
        title=card.title,
        place=card.place,
        starts_at=card.starts_at,
        ends_at=card.ends_at,
        scanned_at=grant.at,
        until=grant.until,
    )


class PresenceDoorway:
    """Implements ``core.panels.Doorway`` with the presence grant."""

    def _card(self, connection: Connection) -> tuple[queries.Card, Grant] | None:
        grant = pending()
        if grant is None:
            return None
        card = queries.one(connection, queries.Looker(), grant.session)
        return (card, grant) if card else None

    def visit(self, connection: Connection) -> Any:
        """Return what stands on top of the page, or None."""
        found = self._card(connection)
        return visit_of(*found) if found else None

    def parts(self, connection: Connection) -> Sequence[Any]:
        """Return the parts that may still be chosen."""
        found = self._card(connection)
        return found[0].parts if found else ()

    def place(self, connection: Connection) -> int | None:
        """Return the community to propose as home."""
        found = self._card(connection)
        return found[0].host if found else None

    def enter(self, actor: Actor, part: str) -> str | None:
        """Check in whoever has just signed in; where that is refused, the page says why."""
        if part not in PARTS:
            return None
        try:
            grant = scanned(sealed(), actor)
            done = transact(check_in, command_of(grant, part), actor)
        except GrantExpired:
            return url_for("activities.presence")
        except AppError as refusal:
            flash(refusal.sentence(), "error")
            return url_for("activities.presence")
        return result_address(grant, done.part, done.outcome)


def command_of(grant: Grant, part: Part) -> CheckIn:
    """Build the command of a check-in from what the grant proves."""
    return CheckIn(
        session=grant.session,
        part=part,
        phase=grant.phase,
        at=grant.at,
        nonce=grant.nonce,
    )


def result_address(grant: Grant, part: str, outcome: str) -> str:
    """Return the page that says what came of a check-in."""
    return url_for("activities.result", session_id=grant.session, part=part, outcome=outcome)


def looker_of(actor: Actor | None) -> queries.Looker:
    """Return who looks at a page."""
    if actor is None or actor.resident is None:
        return queries.Looker()
    return queries.looker(reader(), actor.resident, actor.place)
