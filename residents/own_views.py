"""The pages 我的: what is kept of oneself, how one is named, who acts for whom, and the devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from core.errors import AppError
from core.identity import current_actor, next_path, residents_only
from core.messages import PAGE, MarkSeen, mark_seen, messages_of, shown_at
from core.work import business_day, present, reader, transact
from residents import acting, queries, revoking
from residents.labels import agent_words
from residents.modes import ChangeMode, change_mode
from residents.naming import SetNaming, set_naming
from residents.representations import EndRepresentation, end_representation

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from core.acts import Actor

bp = Blueprint("own", __name__, url_prefix="/me")
bp.before_request(residents_only)


@bp.get("")
def me() -> ResponseReturnValue:
    """Show what is kept of oneself, and the devices signed in."""
    actor, connection = current_actor(), reader()
    seen = queries.viewer(connection, actor)
    assert seen is not None  # noqa: S101 - residents only
    family = queries.members(connection, seen.household)
    return render_template(
        "residents/me.html",
        me=queries.me(connection, seen.resident),
        members=sorted(
            ({"name": name, "is_me": resident == seen.resident} for resident, name in family),
            key=lambda member: not member["is_me"],
        ),
        acting=_acting(seen, actor),
        sign_ins=queries.sign_ins(connection, actor, present()),
    )


def _acting(seen: queries.ViewerLine, actor: Actor) -> list[dict[str, Any]]:
    """Return who acts for the resident, and for whom they act; what the viewer may end."""
    own = seen.person == actor.person
    return [
        {
            "id": each.id,
            "name": each.agent_name if each.principal == seen.person else each.principal_name,
            "words": agent_words(each.kind),
            "for_me": each.principal == seen.person,
            "since": each.since,
            "may_end": own or each.agent == actor.person,
        }
        for each in acting.acting(reader(), seen.person, business_day(present()))
    ]


@bp.post("/representations/<uuid:representation>/end")
def end_acting(representation: UUID) -> ResponseReturnValue:
    """End that somebody acts for me, or I for them."""
    command = EndRepresentation(id=representation)
    try:
        transact(end_representation, command, current_actor())
    except AppError as refusal:
        flash(refusal.sentence(), "error")
    else:
        flash(_("代办已经取消，马上生效。"), "success")
    return redirect(url_for("own.me"), code=303)


@bp.get("/messages")
def messages() -> ResponseReturnValue:
    """Show 通知: what one was told, newest first."""
    found = messages_of(reader(), current_actor(), present(), request.args.get("before", type=UUID))
    return render_template(
        "residents/messages.html",
        rows=found,
        older=url_for("own.messages", before=found[-1].id) if len(found) == PAGE else "",
    )


@bp.post("/messages/seen")
def messages_seen() -> ResponseReturnValue:
    """Take as seen what the list showed."""
    upto = shown_at(request.form.get("upto", ""), present())
    transact(mark_seen, MarkSeen(upto=upto), current_actor())
    return redirect(url_for("own.messages"), code=303)


@bp.post("/elder")
def elder() -> ResponseReturnValue:
    """Set the standard or the elder version."""
    transact(change_mode, ChangeMode(mode=request.form.get("mode", "")), current_actor())
    return redirect(url_for("residents.home"), code=303)


@bp.post("/naming")
def naming() -> ResponseReturnValue:
    """Be named in public lists, or masked again."""
    agreed = request.form.get("agreed") == "1"
    transact(set_naming, SetNaming(agreed=agreed), current_actor())
    said = _("公示里会写您的全名。") if agreed else _("公示里您的名字打码。")
    flash(said, "success")
    return redirect(next_path(), code=303)


@bp.post("/sign-ins/<uuid:sign_in_id>/revoke")
def revoke_sign_in(sign_in_id: UUID) -> ResponseReturnValue:
    """End another device's sign-in."""
    transact(revoking.revoke, revoking.Revoke(sign_in=sign_in_id), current_actor())
    flash(_("那部手机已经退出登录。"), "done")
    return redirect(url_for("own.me"), code=303)
