"""The desk's pages of who acts for a resident: family, carers, guardians."""

from __future__ import annotations

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import desk
from admin.desk_people import resident_here
from admin.forms import identity
from core.errors import N_, AppError
from core.identity import current_actor
from core.work import reader, transact
from residents import people, queries
from residents.labels import AGENTS
from residents.representations import (
    EndRepresentation,
    KindUnknown,
    Represent,
    RepresentationUnknown,
    end_representation,
    represent,
)

NOTES = {
    "family": N_("不住一起的家人也行"),
    "carer": N_("护理员、照看的邻居"),
    "guardian": N_("孩子未满 14 周岁，由监护人同意"),
}
FIELDS: dict[type[AppError], str] = {KindUnknown: "kind"}
"""Beside which field a refusal stands; all others concern the person."""


@desk.get("/residents/<uuid:resident_id>/agents")
def resident_agent(resident_id: UUID) -> ResponseReturnValue:
    """Find who is to act for a resident."""
    return _form(resident_id, {})


def _form(
    resident_id: UUID, errors: dict[str, list[str]], status: int = 200
) -> ResponseReturnValue:
    connection, line = reader(), resident_here(resident_id)
    q = request.values.get("q", "").strip()
    near = queries.search(connection, line.community, q)
    found = {each.resident: each for each in (*near, *queries.anywhere(connection, q))}
    names = {place.code: place.display_name for place in queries.places(connection)}
    page = render_template(
        "admin/resident_agent.html",
        resident=line,
        q=q,
        found=tuple(
            {
                "person": each.person,
                "name": each.name,
                "where": each.address or _("住址待补"),
                "place": names[each.community] if each.community != line.community else None,
                "phone": each.phone_masked or None,
            }
            for each in found.values()
            if each.resident != line.resident
        ),
        kinds=tuple((kind, _(words), _(NOTES[kind])) for kind, words in AGENTS.items()),
        typed=request.form.to_dict(),
        errors=errors,
    )
    return page, status


@desk.post("/residents/<uuid:resident_id>/agents")
def resident_agent_add(resident_id: UUID) -> ResponseReturnValue:
    """Let somebody act for the resident; the resident is told."""
    line, agent = resident_here(resident_id), identity(request.form.get("agent"))
    errors: dict[str, list[str]] = {}
    if agent is None:
        errors["agent"] = [_("请先找到替他办事的人，再选好。")]
    if request.form.get("consent") != "1":
        errors["consent"] = [_("要本人同意；孩子要监护人同意。请签好同意书再勾选。")]
    if agent is None or errors:
        return _form(resident_id, errors, 422)
    command = Represent(principal=line.person, agent=agent, kind=request.form.get("kind", ""))
    try:
        done = transact(represent, command, current_actor())
    except AppError as refusal:
        field = FIELDS.get(type(refusal), "agent")
        return _form(resident_id, {field: [refusal.sentence()]}, int(refusal.status))
    told = _("登记好了，已发消息告诉本人；下次登录就能选他")
    flash(_("已经登记过这一项代办") if done.exists else told, "done")
    return redirect(url_for("desk.resident", resident_id=resident_id), code=303)


@desk.post("/residents/<uuid:resident_id>/agents/end")
def resident_agent_end(resident_id: UUID) -> ResponseReturnValue:
    """Somebody acts for the resident no longer."""
    wanted = identity(request.form.get("representation"))
    if wanted is None:
        raise RepresentationUnknown
    try:
        transact(end_representation, EndRepresentation(id=wanted), current_actor())
    except (RepresentationUnknown, people.OwnResident) as refusal:
        flash(refusal.sentence(), "refused")
    else:
        flash(_("代办已经取消，马上生效"), "done")
    return redirect(url_for("desk.resident", resident_id=resident_id), code=303)
