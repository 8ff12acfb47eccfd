"""The desk's page that cancels a session, once it has shown who will be told."""

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
from admin.blueprints import desk
from admin.desk_session import session_here
from core.errors import AppError
from core.identity import current_actor
from core.work import present, reader, transact


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
