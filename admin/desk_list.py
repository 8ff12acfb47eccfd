"""The desk's 导入名单: a list of residents, looked at row by row before anybody is entered."""

from __future__ import annotations

import hashlib

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin import sheet_room
from admin.blueprints import desk
from admin.desk_register import address_hint
from admin.resident_list_reading import KIND, ListRow, understand_list
from admin.sheet_room import Looked, masked
from core.errors import AppError
from core.identity import current_actor
from core.work import business_day, present, reader, transact
from residents.lists import ImportResidents, RowResult, import_residents, look_at_list

OUTCOMES = {"added": "recorded"}
"""As the shared pages of sheets call it."""


@desk.get("/residents/list")
def resident_list() -> ResponseReturnValue:
    """Choose a file, or paste."""
    current_actor().require("resident.enter")
    return _form("")


def _form(typed: str, refusal: str | None = None, status: int = 200) -> ResponseReturnValue:
    hint = address_hint(current_actor().place)
    page = render_template(
        "admin/resident_list.html", typed=typed, address_hint=hint, refusal=refusal
    )
    return page, status


@desk.post("/residents/list/look")
def resident_list_look() -> ResponseReturnValue:
    """Show what would become of each row; nothing is written."""
    current_actor().require("resident.enter")
    try:
        brought = sheet_room.given(KIND, _("粘贴的名单"))
        shown = _looked(brought.rows)
    except AppError as refusal:
        return _form(sheet_room.pasted(), refusal.sentence(), int(refusal.status))
    return sheet_room.look_page("admin/resident_list_look.html", KIND, brought, shown)


def _command(rows: list[ListRow]) -> ImportResidents:
    community = current_actor().place
    understand_list(community, rows)
    return ImportResidents(
        community=community,
        rows=tuple(row.means for row in rows if row.means is not None),
        key=hashlib.sha256(sheet_room.pasted().encode()).hexdigest(),
    )


def _looked(rows: list[ListRow]) -> list[Looked]:
    command = _command(rows)
    found = iter(look_at_list(reader(), business_day(present()), command).rows)
    return [_shown(row, next(found) if row.means is not None else None) for row in rows]


def _shown(row: ListRow, result: RowResult | None) -> Looked:
    cells = row.cells
    facts = {
        "name": cells.get("name", ""),
        "address": cells.get("address", ""),
        "phone": masked(cells.get("phone", "")),
        "birth_year": cells.get("birth_year", ""),
    }
    if result is None:
        return Looked(row.number, "refused", _(row.error), 0, facts)
    outcome = OUTCOMES.get(result.outcome, result.outcome)
    return Looked(row.number, outcome, result.message, 0, facts)


@desk.post("/residents/list/wrong.csv")
def resident_list_wrong() -> ResponseReturnValue:
    """Give back the rows that are wrong, as they came, with the reason."""
    current_actor().require("resident.enter")
    return sheet_room.wrong_file(KIND, sheet_room.kept(KIND), _looked)


@desk.post("/residents/list")
def resident_list_enter() -> ResponseReturnValue:
    """Enter those who were looked at; rows that are wrong stay out."""
    if request.form.get("consent") != "1":
        return _form(sheet_room.pasted(), _("请先勾选：名单上的人都同意登记。"), 422)
    try:
        rows: list[ListRow] = sheet_room.kept(KIND)
        done = transact(import_residents, _command(rows), current_actor())
    except AppError as refusal:
        return _form(sheet_room.pasted(), refusal.sentence(), int(refusal.status))
    wrong = len(rows) - done.added - done.existed
    flash(_("登记了 %(count)s 位", count=done.added), "done")
    if done.existed:
        flash(_("%(count)s 位以前登记过，没有多记", count=done.existed), "note")
    if wrong:
        flash(_("%(count)s 行要改，没有登记", count=wrong), "refused")
    return redirect(url_for("desk.residents"), code=303)
