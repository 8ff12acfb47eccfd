"""The desk's 按表记: a sheet of acts, looked at row by row before anything is recorded."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin import sheet_room
from admin.act_sheet_reading import KIND, Line, understand
from admin.blueprints import desk
from admin.desk_acts import recordable, rule_choices
from admin.forms import instant
from admin.sheet_room import Looked
from core.errors import AppError
from core.identity import current_actor
from core.work import business_day, present, reader
from points.earning.act_sheets import RowResult, listed, look_at, record_all
from points.earning.recorders import Looker
from points.earning.sheet_queries import recent_sheets


@desk.get("/acts/sheet")
def act_sheet() -> ResponseReturnValue:
    """Paste or upload a sheet."""
    current_actor().require("act.record")
    return _form("")


def _form(typed: str, refusal: str | None = None, status: int = 200) -> ResponseReturnValue:
    actor = current_actor()
    page = render_template(
        "admin/act_sheet.html",
        typed=typed,
        rules=rule_choices(recordable(actor.place, actor.role)),
        sheets=recent_sheets(reader(), actor.place),
        refusal=refusal,
    )
    return page, status


@desk.post("/acts/sheet/look")
def act_sheet_look() -> ResponseReturnValue:
    """Show what would become of each row; nothing is written."""
    current_actor().require("act.record")
    try:
        brought = sheet_room.given(KIND, _("粘贴的表"))
        shown = _looked(brought.rows)
    except AppError as refusal:
        return _form(sheet_room.pasted(), refusal.sentence(), int(refusal.status))
    return sheet_room.look_page("admin/act_sheet_look.html", KIND, brought, shown)


def _looked(lines: list[Line]) -> list[Looked]:
    actor, today = current_actor(), business_day(present())
    _understand(lines)
    rows = listed(((line.number, line.means) for line in lines if line.means), today)
    asking = Looker(connection=reader(), actor=actor, day=today)
    results = {row.number: row for row in look_at(asking, actor.place, rows).rows}
    return [_shown(line, results.get(line.number)) for line in lines]


def _understand(lines: list[Line]) -> None:
    actor, today = current_actor(), business_day(present())
    understand(reader(), actor.place, lines, recordable(actor.place, actor.role), today)


def _shown(line: Line, result: RowResult | None) -> Looked:
    cells = line.cells
    facts = {
        "rule": cells.get("rule", ""),
        "who": cells.get("name", "") or cells.get("address", ""),
        "where": line.who if cells.get("name") else "",
        "day": cells.get("day", ""),
        "units": result.units if result and result.units else cells.get("units", ""),
    }
    return sheet_room.looked(line, result, facts)


@desk.post("/acts/sheet/wrong.csv")
def act_sheet_wrong() -> ResponseReturnValue:
    """Give back the rows that are wrong, as they came, with the reason."""
    current_actor().require("act.record")
    return sheet_room.wrong_file(KIND, sheet_room.kept(KIND), _looked)


@desk.post("/acts/sheet")
def act_sheet_record() -> ResponseReturnValue:
    """Record the rows that were looked at; those that are wrong stay out, with their reason."""
    actor, today = current_actor(), business_day(present())
    actor.require("act.record")
    try:
        lines: list[Line] = sheet_room.kept(KIND)
        _understand(lines)
        rows = listed(((line.number, line.means) for line in lines if line.means), today)
        name = request.form.get("name", "")
        unread, again = sheet_room.unread(lines), instant(request.form.get("again"))
        sheet, _done = record_all(actor, actor.place, rows, name=name, unread=unread, again=again)
    except AppError as refusal:
        return _form(sheet_room.pasted(), refusal.sentence(), int(refusal.status))
    assert sheet is not None  # noqa: S101 - it has a name
    return redirect(url_for("desk.sheet_result", sheet_id=sheet), code=303)
