"""API of activities for residents, and for whoever has scanned a code."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import request
from flask_smorest import Blueprint

from activities import examples, publish, queries, schemas, signup
from activities.attendance import Recorded, check_in
from activities.doorway import command_of, looker_of, scanned
from activities.grants import TakeCode, seal, take_code
from core.acts import SYSTEM
from core.errors import Forbidden
from core.identity import actor_or_none, current_actor, public, signed_in_only
from core.limits import Hit, hit
from core.work import present, reader, transact

bp = Blueprint("activities_api", __name__, description="Sign-up and check-in")
bp.before_request(signed_in_only)
public_bp = Blueprint("activities_public_api", __name__, description="Activities, for everybody")
public_bp.before_request(public)


@public_bp.get("/activities")
@public_bp.arguments(schemas.ListSchema, location="query")
@public_bp.response(200, schemas.SessionCardSchema(many=True))
def list_sessions(data: dict[str, Any]) -> list[queries.Card]:
    """List the coming sessions: at home, of the whole district, or those signed up for.

    Somebody without a home here, or not signed in, sees what is open to the whole district. By
    time, sixty a page; go on with ``after`` until a page has fewer.
    """
    looker = looker_of(actor_or_none())
    if looker.community == 0:
        data["scope"] = "district"
    return queries.upcoming(reader(), looker, present(), **data)


@public_bp.get("/activities/<uuid:activity>")
@public_bp.response(200, schemas.ActivityDetailSchema)
def activity(activity: UUID) -> dict[str, Any]:
    """Return one activity with its sessions."""
    line = queries.activity(reader(), activity)
    if line is None:
        raise publish.SessionUnknown
    sessions = queries.sessions_of(reader(), looker_of(actor_or_none()), activity)
    shown = {name: getattr(line, name) for name in line.__dataclass_fields__}
    return shown | {"sessions": sessions}


@public_bp.get("/sessions/<uuid:session>")
@public_bp.response(200, schemas.SessionCardSchema)
def session(session: UUID) -> queries.Card:
    """Return one session, also to somebody who has scanned its code and is not signed in yet."""
    card = queries.one(reader(), looker_of(actor_or_none()), session)
    if card is None:
        raise publish.SessionUnknown
    return card


@public_bp.post("/presence")
@public_bp.arguments(schemas.CodeSchema, example=examples.CODE)
@public_bp.response(200, schemas.PresenceSchema, example=examples.PRESENCE)
def presence(data: dict[str, Any]) -> dict[str, Any]:
    """Turn a scanned code into a grant, also for somebody who signs in or registers after it.

    The grant lasts ten minutes and keeps the moment of the scan. A phone asks ten times a minute
    at most, an address from which nobody is signed in sixty times; what is refused is kept.
    """
    actor = actor_or_none()
    name, limit = (f"{actor.person}", 10) if actor else (request.remote_addr or "", 60)
    transact(hit, Hit(name=f"presence:{name}", limit=limit, seconds=60))
    command = TakeCode(code=data["code"].rpartition("/")[2])
    grant = transact(take_code, command, actor or SYSTEM)
    return {
        "grant": seal(grant),
        "session": grant.session,
        "phase": grant.phase,
        "at": grant.at,
        "until": grant.until,
    }


@bp.post("/attendances")
@bp.arguments(schemas.CheckInSchema, example=examples.CHECK_IN)
@bp.response(200, schemas.RecordedSchema, example=examples.RECORDED)
def attend(data: dict[str, Any]) -> Recorded:
    """Check in (or out) by a grant; a repeat is answered calmly."""
    grant = scanned(data["grant"], current_actor())
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
