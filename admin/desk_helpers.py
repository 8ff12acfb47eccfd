"""The desk's 网格员和楼道长: grids with their buildings, and who looks after which."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import desk
from admin.forms import identities, identity
from core.crypto import PhoneMalformed
from core.errors import AppError
from core.formats import masked_phone
from core.identity import current_actor
from core.work import business_day, present, reader, transact
from residents import local_grants
from residents.grants import GrantUnknown
from residents.labels import ROLES
from residents.local_grants import GridNameMissing, LocalPlaceUnknown
from residents.people import NameMissing

FIELDS: dict[type[AppError], str] = {
    GridNameMissing: "grid",
    LocalPlaceUnknown: "scope",
    NameMissing: "name",
    PhoneMalformed: "phone",
}


@desk.get("/helpers")
def helpers() -> ResponseReturnValue:
    """Show who looks after which grid or building."""
    current_actor().require("grant.local")
    return _helpers({})


def _helpers(
    typed: dict[str, Any],
    errors: dict[str, list[str]] | None = None,
    refusal: str | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    actor, connection = current_actor(), reader()
    buildings = local_grants.buildings(connection, actor.place)
    grids = local_grants.grids(connection, actor.place)
    page = render_template(
        "admin/helpers.html",
        rows=tuple(
            {
                "id": row.id,
                "name": row.name,
                "phone": masked_phone(row.phone_tail) if row.phone_tail else "",
                "role": _(ROLES[row.role]),
                "place": row.place,
                "valid_from": row.valid_from,
            }
            for row in local_grants.local_grants(connection, actor.place, business_day(present()))
        ),
        buildings=buildings,
        grids=tuple(
            {"id": grid.id, "name": grid.name, "buildings": _inside(grid.id, buildings)}
            for grid in grids
        ),
        typed=typed,
        errors=errors or {},
        refusal=refusal,
    )
    return page, status


def _inside(grid: UUID, buildings: list[local_grants.Block]) -> tuple[str, ...]:
    return tuple(block.name for block in buildings if block.grid == grid)


@desk.post("/helpers")
def helper_add() -> ResponseReturnValue:
    """Make somebody grid worker or building lead."""
    typed = request.form.to_dict()
    role, _colon, raw = typed.get("scope", "").partition(":")
    scope = identity(raw)
    if scope is None:
        return _helpers(typed, {"scope": [_("请选网格或楼幢。")]}, status=422)
    command = local_grants.GrantLocal(
        community=current_actor().place,
        role=role,
        scope_id=scope,
        name=typed.get("name", ""),
        phone=typed.get("phone", ""),
    )
    try:
        transact(local_grants.grant_local, command, current_actor())
    except AppError as refusal:
        return _refused(typed, refusal)
    flash(_("已授权，用这个手机号登录就能记"), "done")
    return redirect(url_for("desk.helpers"), code=303)


def _refused(typed: dict[str, Any], refusal: AppError) -> ResponseReturnValue:
    field, sentence = FIELDS.get(type(refusal)), refusal.sentence()
    errors = {field: [sentence]} if field else {}
    return _helpers(typed, errors, None if field else sentence, int(refusal.status))


@desk.post("/helpers/grid")
def grid_save() -> ResponseReturnValue:
    """Make a grid, or give it other buildings."""
    command = local_grants.SetGrid(
        community=current_actor().place,
        name=request.form.get("grid", ""),
        buildings=identities(request.form.getlist("building")),
    )
    try:
        transact(local_grants.set_grid, command, current_actor())
    except AppError as refusal:
        return _refused(request.form.to_dict(), refusal)
    flash(_("网格已保存"), "done")
    return redirect(url_for("desk.helpers"), code=303)


@desk.post("/helpers/end")
def helper_end() -> ResponseReturnValue:
    """Take the role back, and its sign-ins."""
    wanted = identity(request.form.get("grant_id"))
    try:
        if wanted is None:
            raise GrantUnknown
        transact(local_grants.end_local, local_grants.EndLocal(grant=wanted), current_actor())
    except AppError as refusal:
        return _refused({}, refusal)
    flash(_("授权已结束"), "done")
    return redirect(url_for("desk.helpers"), code=303)
