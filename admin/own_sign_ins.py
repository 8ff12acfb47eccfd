"""我的登录: the devices on which one is signed in as staff, and ending a lost one; in each room."""

from __future__ import annotations

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin import field
from admin.blueprints import console, desk
from core.errors import AppError
from core.identity import current_actor
from core.work import present, reader, transact
from residents import queries
from residents.revoking import Revoke, revoke


def show() -> ResponseReturnValue:
    """Show the devices on which one is signed in."""
    room = request.blueprint
    return render_template(
        "admin/own_sign_ins.html",
        room=room,
        layout=f"_{room}.html",
        rows=queries.sign_ins(reader(), current_actor(), present()),
        **(field.around() if room == "field" else {}),
    )


def end(sign_in_id: UUID) -> ResponseReturnValue:
    """End the sign-in of a device of one's own."""
    try:
        transact(revoke, Revoke(sign_in=sign_in_id), current_actor())
        flash(_("那台设备已经退出登录"), "done")
    except AppError as refusal:
        flash(refusal.sentence(), "refused")
    return redirect(url_for(f"{request.blueprint}.own_sign_ins"), code=303)


for each in (desk, console, field.bp):
    each.add_url_rule("/sign-ins", "own_sign_ins", show)
    each.add_url_rule("/sign-ins/<uuid:sign_in_id>/end", "end_own_sign_in", end, methods=["POST"])
