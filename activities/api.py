"""API of activities: for residents, for the screen, and for staff."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask_smorest import Blueprint

from activities import cancelling, entries, publish, queries, schemas, screen, signup
from activities.attendance import Recorded, check_in
from activities.doorway import command_of, looker_of
from activities.grants import grant_for, seal, unseal
from core import settings
from core.errors import Forbidden
from core.http_keys import idempotency_key
from core.identity import current_actor, public, signed_in_only
from core.work import present, reader, transact

bp = Blueprint("activities_api", __name__, description="Activities and check-in")
bp.before_request(signed_in_only)
public_bp = Blueprint("presence_api", __name__, description="What a scanned code opens")
public_bp.before_request(public)


@bp.get("/activities")
@bp.arguments(schemas.ListSchema, location="query")
@bp.response(200, schemas.SessionCardSchema(many=True))
def list_sessions(data: dict[str, Any]) -> list[queries.Card]:
    """List the coming sessions."""
    looker = looker_of(current_actor())
    return queries.upcoming(reader(), looker, present(), **data)


@bp.get("/activities/<uuid:activity>")
@bp.response(200, schemas.ActivityDetailSchema)
def activity(activity: UUID) -> dict[str, Any]:
    """Return one activity with its sessions."""
    line = queries.activity(reader(), activity)
    if line is None:
        raise publish.SessionUnknown
    sessions = queries.sessions_of(reader(), looker_of(current_actor()), activity)
    shown = {name: getattr(line, name) for name in line.__dataclass_fields__}
    return shown | {"sessions": sessions}


@public_bp.post("/presence")
@public_bp.arguments(schemas.CodeSchema)
@public_bp.response(200, schemas.PresenceSchema)
def presence(data: dict[str, Any]) -> dict[str, Any]:
    """Turn a scanned code into a grant, also for somebody who signs in or registers after it.

    Nothing is written; the grant lasts ten minutes and keeps the moment of the scan.
    """
    grant = grant_for(reader(), data["code"].rpartition("/")[2], present())
    return {
        "grant": seal(grant),
        "session": grant.session,
        "phase": grant.phase,
        "at": grant.at,
        "until": grant.until,
    }


@bp.post("/attendances")
@bp.arguments(schemas.CheckInSchema)
@bp.response(200, schemas.RecordedSchema)
def attend(data: dict[str, Any]) -> Recorded:
    """Check in (or out) by a grant; a repeat is answered calmly."""
    grant = unseal(data["grant"], present())
    return transact(check_in, command_of(grant, data["part"]), current_actor())


@bp.post("/sessions/<uuid:session>/sign-ups")
@bp.arguments(schemas.SignUpSchema)
@bp.response(200, schemas.SignedUpSchema)
def sign_up(data: dict[str, Any], session: UUID) -> signup.SignedUp:
    """Sign up for a part; a full part queues."""
    return transact(signup.sign_up, _for_resident(session, data), current_actor())


@bp.post("/sessions/<uuid:session>/cancel")
@bp.arguments(schemas.SignUpSchema)
@bp.response(200, schemas.SignedUpSchema)
def cancel(data: dict[str, Any], session: UUID) -> signup.SignedUp:
    """Give a place back; the first in the queue gets it."""
    return transact(signup.cancel_sign_up, _for_resident(session, data), current_actor())


def _for_resident(session: UUID, data: dict[str, Any]) -> signup.ForResident:
    resident = data["resident"] or current_actor().resident
    if resident is None:
        raise Forbidden
    return signup.ForResident(session=session, part=data["part"], resident=resident)


@bp.get("/sessions/<uuid:session>/venue-code")
@bp.arguments(schemas.FromStepSchema, location="query")
@bp.response(200, schemas.VenueCodesSchema)
def venue_code(data: dict[str, Any], session: UUID) -> dict[str, Any]:
    """Return the next codes of a session's screen, for its staff."""
    shown = screen.session(reader(), session)
    current_actor().require("attendance.enter", shown.community)
    now = present()
    return {
        "server_now_ms": int(now.timestamp() * 1000),
        "step_seconds": settings.integer(reader(), "checkin.step_seconds", now),
        "edition": shown.edition,
        "codes": screen.codes(reader(), shown, now, data["from_step"]),
    }


@bp.post("/staff/activities")
@bp.arguments(schemas.PublishSchema)
@bp.response(201, schemas.PublishedSchema)
def publish_activity(data: dict[str, Any]) -> publish.Published:
    """Publish an activity with its sessions."""
    windows = tuple((each["starts_at"], each["ends_at"]) for each in data.pop("sessions"))
    command = publish.PublishActivity(
        key=idempotency_key(),
        sessions=windows,
        parts=tuple(data.pop("parts")),
        **data,
    )
    return transact(publish.publish_activity, command, current_actor())


@bp.post("/staff/sessions/<uuid:session>/attendances")
@bp.arguments(schemas.ByHandSchema)
@bp.response(200, schemas.RecordedSchema)
def by_hand(data: dict[str, Any], session: UUID) -> Recorded:
    """Enter a resident by hand."""
    command = entries.EnterByHand(session=session, **data)
    return transact(entries.enter_by_hand, command, current_actor())


@bp.post("/staff/sessions/<uuid:session>/sheet")
@bp.arguments(schemas.SheetSchema)
@bp.response(200, schemas.SheetEnteredSchema)
def sheet(data: dict[str, Any], session: UUID) -> entries.SheetEntered:
    """Enter a paper sheet; each line has its own answer."""
    command = entries.EnterSheet(session=session, rows=tuple(data["rows"]))
    return transact(entries.enter_sheet, command, current_actor())


@bp.post("/staff/sessions/<uuid:session>/void-codes")
@bp.arguments(schemas.VoidSchema)
@bp.response(200, schemas.SteeredSchema)
def void_codes(data: dict[str, Any], session: UUID) -> publish.Steered:
    """Make every code shown so far dead at once."""
    command = publish.VoidCodes(session=session, epoch=data["epoch"])
    return transact(publish.void_codes, command, current_actor())


@bp.post("/staff/sessions/<uuid:session>/close")
@bp.response(200, schemas.SteeredSchema)
def close(session: UUID) -> publish.Steered:
    """End a session before its time."""
    command = publish.SteerSession(session=session)
    return transact(publish.close_session, command, current_actor())


@bp.post("/staff/sessions/<uuid:session>/cancel-session")
@bp.arguments(schemas.CancelSessionSchema)
@bp.response(200, schemas.CancelledSchema)
def cancel_session(data: dict[str, Any], session: UUID) -> cancelling.Cancelled:
    """Cancel a session that will not take place; whoever had signed up or waited is told why.

    Its codes and the grants of scans made before are refused from then on. Who has no phone stands
    in the session's sign-ups without one, to be told in person.
    """
    command = cancelling.CancelSession(session=session, **data)
    return transact(cancelling.cancel_session, command, current_actor())
