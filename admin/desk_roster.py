"""Who is coming to a session: signing neighbours up at the desk, and cancelling the session."""

from __future__ import annotations

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from activities import roster, staff_queries
from activities.cancelling import (
    REASON_MAX,
    CancelReasonMissing,
    CancelSession,
    PeopleArrived,
    cancel_session,
)
from activities.publish import SessionOver
from activities.signup import ForResident, ResidentNotHere, cancel_sign_up, sign_up
from admin.blueprints import desk
from admin.desk_session import found_for, part_of, session_here
from admin.forms import identity
from core.errors import AppError
from core.identity import current_actor
from core.work import present, reader, transact


@desk.get("/sessions/<uuid:session_id>/sign-ups")
def session_sign_ups(session_id: UUID) -> ResponseReturnValue:
    """List who is coming and who waits, and find somebody to sign up."""
    return _sign_ups(session_here(session_id))


def _sign_ups(
    page: staff_queries.SessionPage, refusal: str | None = None, status: int = 200
) -> ResponseReturnValue:
    wanted = identity(request.form.get("resident_id"))
    shown = render_template(
        "admin/session_sign_ups.html",
        session=page,
        is_open=page.state == "open" and page.ends_at > present(),
        rows=roster.sign_ups(reader(), page.id, page.community),
        q=request.values.get("q", "").strip(),
        found=found_for(page, wanted),
        chosen=wanted,
        part=request.form.get("part", ""),
        refusal=refusal,
    )
    return shown, status


def _for_resident(session_id: UUID) -> ForResident:
    form = request.form
    resident = identity(form.get("resident_id"))
    if resident is None:
        raise ResidentNotHere
    return ForResident(session=session_id, part=part_of(form.get("part")), resident=resident)


@desk.post("/sessions/<uuid:session_id>/sign-ups")
def sign_up_for(session_id: UUID) -> ResponseReturnValue:
    """Sign somebody up who asked for it at the desk or by telephone."""
    page = session_here(session_id)
    try:
        done = transact(sign_up, _for_resident(session_id), current_actor())
    except AppError as refusal:
        return _sign_ups(page, refusal.sentence(), int(refusal.status))
    if done.state == "waiting":
        place = _("前面还有 %(count)s 人", count=done.ahead) if done.ahead else _("排第一位")
        flash(_("名额满了，排在候补，%(place)s", place=place), "note")
    else:
        flash(_("已报名"), "done")
    return redirect(url_for("desk.session_sign_ups", session_id=session_id), code=303)


@desk.post("/sessions/<uuid:session_id>/sign-ups/cancel")
def sign_up_cancel(session_id: UUID) -> ResponseReturnValue:
    """Give somebody's place back for them; the first in the queue gets it."""
    page = session_here(session_id)
    try:
        transact(cancel_sign_up, _for_resident(session_id), current_actor())
    except AppError as refusal:
        return _sign_ups(page, refusal.sentence(), int(refusal.status))
    flash(_("已取消他的报名，名额留给候补的邻居"), "done")
    return redirect(url_for("desk.session_sign_ups", session_id=session_id), code=303)


@desk.get("/sessions/<uuid:session_id>/cancel")
def session_cancel(session_id: UUID) -> ResponseReturnValue:
    """Show who was coming, and ask why it does not take place."""
    current_actor().require("activity.publish")
    page = session_here(session_id)
    if page.state != "open" or page.ends_at <= present():
        return _cancel(page, refusal=SessionOver().sentence(), status=int(SessionOver.status))
    if page.people:
        return _cancel(page, refusal=PeopleArrived().sentence(), status=int(PeopleArrived.status))
    return _cancel(page)


def _cancel(
    page: staff_queries.SessionPage,
    *,
    errors: dict[str, list[str]] | None = None,
    refusal: str | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    coming = roster.sign_ups(reader(), page.id, page.community)
    shown = render_template(
        "admin/session_cancel.html",
        session=page,
        coming=len({row.resident for row in coming}),
        without_phone=roster.without_phone(coming),
        reason=request.form.get("reason", ""),
        reason_max=REASON_MAX,
        errors=errors or {},
        refusal=refusal,
    )
    return shown, status


@desk.post("/sessions/<uuid:session_id>/cancel")
def session_cancel_now(session_id: UUID) -> ResponseReturnValue:
    """Cancel the session; whoever was coming is told."""
    page = session_here(session_id)
    command = CancelSession(session=session_id, reason=request.form.get("reason", ""))
    try:
        done = transact(cancel_session, command, current_actor())
    except CancelReasonMissing as refusal:
        errors = {"reason": [refusal.sentence()]}
        return _cancel(page, errors=errors, status=int(refusal.status))
    except AppError as refusal:
        return _cancel(page, refusal=refusal.sentence(), status=int(refusal.status))
    if done.told:
        flash(_("已取消，正在发消息告诉 %(count)s 位邻居", count=done.told), "done")
    else:
        flash(_("已取消"), "done")
    return redirect(url_for("desk.session", session_id=session_id), code=303)
