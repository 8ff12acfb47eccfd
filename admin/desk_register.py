"""The desk's form that registers somebody, with or without a phone."""

from __future__ import annotations

import re
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import desk
from admin.forms import number
from core.crypto import PhoneMalformed
from core.errors import AppError
from core.http_keys import form_key
from core.identity import current_actor
from core.work import reader, transact
from residents import people, queries
from residents.addresses import Address, AddressIncomplete

ADDRESS = re.compile(r"^(?P<estate>\D+?)\s*(?P<numbers>\d.*)$")
FIELDS: dict[type[AppError], str] = {
    PhoneMalformed: "phone",
    AddressIncomplete: "address",
    people.BirthYearWrong: "birth_year",
}
"""Beside which field a refusal stands; all others concern the person."""


@desk.get("/residents/add")
def resident_add() -> ResponseReturnValue:
    """Register somebody at the desk, with or without a phone."""
    current_actor().require("resident.enter")
    return _add_form({}, typed={name: request.args.get(name, "") for name in ("name", "address")})


def _add_form(
    errors: dict[str, list[str]],
    *,
    typed: dict[str, str],
    same: tuple[dict[str, Any], ...] = (),
    status: int = 200,
) -> ResponseReturnValue:
    page = render_template(
        "admin/resident_add.html",
        typed=typed,
        same=same,
        address_hint=address_hint(current_actor().place),
        errors=errors,
        key=form_key(),
    )
    return page, status


def address_hint(community: int) -> str:
    """Return how an address of a community is typed."""
    place = queries.place(reader(), community)
    village = place is not None and place.kind == "village"
    return _("组和号，像 3 组 12 号") if village else _("小区 幢-单元-室，像建国南苑 3-2-401")


def read_address(raw: str) -> Address | None:
    """Read an address as people type it: 建国南苑 3-2-401, 3 组 12 号."""
    village = re.match(r"^\s*(\d+)\s*组\s*(\d+)\s*号?\s*$", raw)
    if village:
        return Address(estate=f"{village[1]} 组", room=village[2])
    found = ADDRESS.match(raw.strip())
    if not found:
        return None
    numbers = [part for part in re.split(r"[-–幢单元室号栋\s]+", found["numbers"]) if part]
    room = numbers[-1] if numbers else ""
    building = numbers[0] if len(numbers) > 1 else ""
    unit = numbers[1] if len(numbers) > 2 else ""  # noqa: PLR2004 - building, unit, room
    return Address(estate=found["estate"].strip(), building=building, unit=unit, room=room)


@desk.post("/residents/add")
def resident_enter() -> ResponseReturnValue:
    """Enter the resident; where something is wrong, the form comes back as it was typed."""
    form, actor = request.form, current_actor()
    typed = form.to_dict()
    raw = form.get("address", "").strip()
    address = read_address(raw) if raw else None
    if raw and address is None:
        error = _("住址要写全，像建国南苑 3-2-401；村里写 3 组 12 号。")
        return _add_form({"address": [error]}, typed=typed, status=422)
    child = form.get("fourteen") == "0"
    errors: dict[str, list[str]] = {}
    if form.get("fourteen") not in {"0", "1"}:
        errors["fourteen"] = [_("请选一项。不满 14 周岁的，要监护人在场。")]
    if form.get("consent") != "1":
        errors["consent"] = [_("请当面说明，本人或监护人同意后再勾选。")]
    year = form.get("birth_year", "").strip()
    if year and number(year) is None:
        errors["birth_year"] = [_("出生年份不对，请填四位数字，或者留空。")]
    elif child and not year:
        errors["birth_year"] = [_("孩子要填出生年，监护人才好替他同意。")]
    if errors:
        return _add_form(errors, typed=typed, status=422)
    command = people.EnterResident(
        community=actor.place,
        name=form.get("name", ""),
        phone=form.get("phone") or None,
        birth_year=number(form.get("birth_year")),
        address=address,
        key=form.get("key") or None,
        another_person=form.get("anyway") == "1",
    )
    try:
        done = transact(people.enter_resident, command, actor)
    except people.NamesakeHere as refusal:
        return _add_form({}, typed=typed, same=_shown(refusal), status=int(refusal.status))
    except AppError as refusal:
        field = FIELDS.get(type(refusal), "name")
        return _add_form({field: [refusal.sentence()]}, typed=typed, status=int(refusal.status))
    flash(_("这位居民已经登记过") if done.exists else _("登记好了"), "done")
    if child and not done.exists:
        flash(_("接着登记监护人：找到他，选「监护人」"), "note")
        return redirect(url_for("desk.resident_agent", resident_id=done.resident), code=303)
    return redirect(url_for("desk.resident", resident_id=done.resident), code=303)


def _shown(refusal: people.NamesakeHere) -> tuple[dict[str, Any], ...]:
    """Return the people of the same name who live here, for staff to look at."""
    return tuple(
        {
            "id": row.id,
            "name": row.name,
            "where": row.address or _("住址待补"),
            "why": _("同名同姓"),
        }
        for row in refusal.same
    )
