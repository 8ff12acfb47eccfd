"""API of activities for their staff: publishing, steering, the screen, who comes and who came."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask_smorest import Blueprint

from activities import (
    cancelling,
    entries,
    ideas,
    own_templates,
    publish,
    roster,
    schemas,
    screen,
    staff_queries,
    staff_schemas,
    template_queries,
)
from activities.attendance import Recorded
from core import settings
from core.acts import Act
from core.http_keys import idempotency_key
from core.identity import current_actor, signed_in_only
from core.work import present, reader, transact

bp = Blueprint("activities_staff_api", __name__, description="Activities, for their staff")
bp.before_request(signed_in_only)


@bp.get("/staff/activity-templates")
@bp.response(200, staff_schemas.TemplateSchema(many=True))
def templates() -> list[Any]:
    """List the templates that an activity may be made from: one's own, then the district's."""
    actor = current_actor()
    actor.require("activity.publish")
    return template_queries.offered(reader(), actor.place)


@bp.get("/staff/activity-templates/elsewhere")
@bp.response(200, staff_schemas.TemplateSchema(many=True))
def templates_elsewhere() -> list[Any]:
    """List what other communities saved as their own and this one has not taken over."""
    actor = current_actor()
    actor.require("activity.publish")
    return template_queries.elsewhere(reader(), actor.place)


@bp.post("/staff/sessions/<uuid:session>/save-template")
@bp.response(200, staff_schemas.TemplateKeptSchema)
def save_template(session: UUID) -> own_templates.TemplateKept:
    """Save a session's activity as a template of its community; the same name renews it."""
    command = own_templates.SaveTemplate(session=session)
    return transact(own_templates.save_template, command, current_actor())


@bp.post("/staff/activity-templates/<string:key>/take-over")
@bp.response(200, staff_schemas.TemplateKeptSchema)
def take_over_template(key: str) -> own_templates.TemplateKept:
    """Take over another community's template; it remembers whose it was."""
    actor = current_actor()
    command = own_templates.TakeOverTemplate(community=actor.place, template=key)
    return transact(own_templates.take_over_template, command, actor)


@bp.post("/staff/activity-templates/<string:key>/retire")
@bp.response(200, staff_schemas.TemplateKeptSchema)
def retire_template(key: str) -> own_templates.TemplateKept:
    """Offer an own template no longer; activities that were made from it stay."""
    command = own_templates.RetireTemplate(template=key)
    return transact(own_templates.retire_template, command, current_actor())


@bp.get("/staff/activity-ideas")
@bp.response(200, staff_schemas.IdeaSchema(many=True))
def idea_list() -> list[ideas.Idea]:
    """List what other communities did lately; to do the same, name one as ``copied_from``."""
    actor = current_actor()
    actor.require("activity.publish")
    return ideas.ideas(reader(), actor.place, present())


@bp.get("/staff/sessions")
@bp.arguments(staff_schemas.ShowSchema, location="query")
@bp.response(200, staff_schemas.SessionsSchema)
def sessions(data: dict[str, Any]) -> dict[str, Any]:
    """List the sessions of one's own community: coming, the soonest first, or past, the latest."""
    actor, connection, now = current_actor(), reader(), present()
    actor.require("desk.read")
    rows, has_more = staff_queries.list_sessions(
        connection, actor.place, now, data["show"], data["page"]
    )
    coming, past = staff_queries.count_sessions(connection, actor.place, now)
    return {"coming": coming, "past": past, "sessions": rows, "has_more": has_more}


def _session(session: UUID, act: Act = "desk.read") -> staff_queries.SessionPage:
    """Return a session of the actor's own community; its people are read by who enters them."""
    page = staff_queries.session_page(reader(), session, present())
    if page is None:
        raise publish.SessionUnknown
    current_actor().require(act, page.community)
    return page


@bp.get("/staff/sessions/<uuid:session>")
@bp.response(200, staff_schemas.StaffSessionSchema)
def session(session: UUID) -> staff_queries.SessionPage:
    """Return a session with its figures, whatever has become of it."""
    return _session(session)


@bp.get("/staff/sessions/<uuid:session>/sign-ups")
@bp.response(200, staff_schemas.SignUpRowSchema(many=True))
def sign_ups(session: UUID) -> list[roster.SignUpRow]:
    """List who is coming and who waits; who has no phone is told of changes in person."""
    page = _session(session, "attendance.enter")
    return list(roster.sign_ups(reader(), page.id, page.community))


@bp.get("/staff/sessions/<uuid:session>/attendances")
@bp.response(200, staff_schemas.AttendanceRowSchema(many=True))
def attendances(session: UUID) -> list[staff_queries.AttendanceRow]:
    """List who came, how it was recorded, and what it gave.

    Awards in state ``second`` wait for a second person: ``POST /staff/awards/confirm``.
    """
    return list(staff_queries.attendance_rows(reader(), _session(session, "attendance.enter")))


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


@bp.get("/sessions/<uuid:session>/venue-counts")
@bp.response(200, staff_schemas.VenueCountsSchema)
def venue_counts(session: UUID) -> dict[str, Any]:
    """Return how many have come to a session, for its screen; names are masked."""
    shown = screen.session(reader(), session)
    current_actor().require("attendance.enter", shown.community)
    now = present()
    return {
        "server_now_ms": int(now.timestamp() * 1000),
        "edition": shown.edition,
        "counts": screen.counts(reader(), shown, now),
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


@bp.post("/staff/sessions/<uuid:session>/turn-to-exit")
@bp.response(200, schemas.SteeredSchema)
def turn_to_exit(session: UUID) -> publish.Steered:
    """Turn the screen to the exit before its time; there is no way back."""
    command = publish.SteerSession(session=session)
    return transact(publish.turn_to_exit, command, current_actor())


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
