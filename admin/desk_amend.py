"""The desk's form that amends what is kept of a resident."""

from __future__ import annotations

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import desk
from admin.desk_people import resident_here
from admin.desk_register import FIELDS, address_hint, read_address
from admin.forms import number
from core.errors import AppError
from core.identity import current_actor
from core.work import transact
from residents.amending import AmendResident, PersonThere, amend_resident

BESIDE: dict[type[AppError], str] = FIELDS | {PersonThere: "phone"}
"""Beside which field a refusal stands; all others concern the name."""


@desk.get("/residents/<uuid:resident_id>/amend")
def resident_amend(resident_id: UUID) -> ResponseReturnValue:
    """Show what is kept, to be changed where it is wrong."""
    line = resident_here(resident_id)
    born = str(line.birth_year or "")
    return _form(resident_id, {"name": line.name, "birth_year": born, "address": line.address})


def _form(
    resident_id: UUID,
    typed: dict[str, str],
    errors: dict[str, list[str]] | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    line = resident_here(resident_id)
    page = render_template(
        "admin/resident_amend.html",
        resident=line,
        typed=typed,
        address_hint=address_hint(line.community),
        errors=errors or {},
    )
    return page, status


@desk.post("/residents/<uuid:resident_id>/amend")
def resident_amend_now(resident_id: UUID) -> ResponseReturnValue:
    """Amend it; where something is wrong, the form comes back as it was typed."""
    typed = request.form.to_dict()
    raw, year = typed.get("address", "").strip(), typed.get("birth_year", "").strip()
    address = read_address(raw) if raw else None
    errors: dict[str, list[str]] = {}
    if raw and address is None:
        errors["address"] = [_("住址要写全，像建国南苑 3-2-401；村里写 3 组 12 号。")]
    if year and number(year) is None:
        errors["birth_year"] = [_("出生年份不对，请填四位数字，或者留空。")]
    if errors:
        return _form(resident_id, typed, errors, 422)
    command = AmendResident(
        resident=resident_id,
        name=typed.get("name", ""),
        birth_year=number(year),
        phone=typed.get("phone") or None,
        no_phone=typed.get("no_phone") == "1",
        address=address,
    )
    try:
        done = transact(amend_resident, command, current_actor())
    except AppError as refusal:
        beside = BESIDE.get(type(refusal), "name")
        return _form(resident_id, typed, {beside: [refusal.sentence()]}, int(refusal.status))
    flash(_("和原来一样，没有改动") if done.exists else _("改好了"), "done")
    return redirect(url_for("desk.resident", resident_id=resident_id), code=303)
