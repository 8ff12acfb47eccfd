"""通知: what somebody who works here was told, at the desk and in the console."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin.blueprints import console, desk
from core.identity import current_actor
from core.messages import PAGE, MarkSeen, mark_seen, messages_of, shown_at
from core.work import present, reader, transact


def messages() -> ResponseReturnValue:
    """Show what one was told, newest first."""
    room = request.blueprint
    found = messages_of(reader(), current_actor(), present(), request.args.get("before", type=UUID))
    return render_template(
        "admin/own_messages.html",
        room=room,
        layout=f"_{room}.html",
        rows=found,
        older=url_for(f"{room}.messages", before=found[-1].id) if len(found) == PAGE else "",
    )


def messages_seen() -> ResponseReturnValue:
    """Take as seen what the list showed."""
    upto = shown_at(request.form.get("upto", ""), present())
    transact(mark_seen, MarkSeen(upto=upto), current_actor())
    return redirect(url_for(f"{request.blueprint}.messages"), code=303)


for each in (desk, console):
    each.add_url_rule("/messages", "messages", messages)
    each.add_url_rule("/messages/seen", "messages_seen", messages_seen, methods=["POST"])
