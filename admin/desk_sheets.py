"""The desk's 按表记: a sheet of acts, looked at row by row before anything is recorded."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.act_sheet_reading import Line, cells_of, lines_of, table_of, text_of, understand
from admin.blueprints import desk
from admin.desk_acts import recordable, rule_choices
from core.errors import AppError
from core.identity import current_actor
from core.work import business_day, present, reader
from points.earning.act_sheets import RowResult, listed, look_at, record_all
from points.earning.recorders import Looker
from points.earning.sheet_queries import recent_sheets, sheet_of

SHOWN = 300
FILE_BYTES_MAX = 400 * 1024


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
    file, pasted = request.files.get("file"), request.form.get("cells", "")
    raw = file.read(FILE_BYTES_MAX + 1) if file else b""
    if len(raw) > FILE_BYTES_MAX:
        return _form(pasted, _("文件太大了，最大 400 KB。请分几张表来记。"), 413)
    try:
        lines = lines_of(table_of(raw) if raw else cells_of(pasted))
        return _look(lines, (file.filename if file and raw else "") or _("粘贴的表"))
    except AppError as refusal:
        return _form(pasted, refusal.sentence(), int(refusal.status))


def _look(lines: list[Line], name: str) -> ResponseReturnValue:
    actor, today = current_actor(), business_day(present())
    _understand(lines)
    rows = listed(((line.number, line.act) for line in lines if line.act), today)
    asking = Looker(connection=reader(), actor=actor, day=today)
    seen = look_at(asking, actor.place, rows)
    results = {row.number: row for row in seen.rows}
    shown = [_shown(line, results.get(line.number)) for line in lines]
    wrong = [row for row in shown if row["outcome"] == "refused"]
    good = [row for row in shown if row["outcome"] != "refused"]
    return render_template(
        "admin/act_sheet_look.html",
        name=name,
        rows=(wrong + good)[:SHOWN],
        more=max(0, len(shown) - SHOWN),
        wrong=len(wrong),
        ready=seen.count("recorded"),
        known=seen.count("existed"),
        amount=seen.amount,
        cells=text_of(lines),
    )


def _understand(lines: list[Line]) -> None:
    actor, today = current_actor(), business_day(present())
    understand(reader(), actor.place, lines, recordable(actor.place, actor.role), today)


def _shown(line: Line, result: RowResult | None) -> dict[str, Any]:
    cells = line.cells
    return {
        "number": line.number,
        "rule": cells.get("rule", ""),
        "who": cells.get("name", "") or cells.get("address", ""),
        "where": line.who if cells.get("name") else "",
        "day": cells.get("day", ""),
        "units": result.units if result else cells.get("units", ""),
        "amount": result.amount if result else 0,
        "outcome": result.outcome if result else "refused",
        "message": line.error if line.act is None else result.message if result else "",
    }


@desk.post("/acts/sheet")
def act_sheet_record() -> ResponseReturnValue:
    """Record the rows that were looked at; those that are wrong stay out, with their reason."""
    actor, today = current_actor(), business_day(present())
    actor.require("act.record")
    cells = request.form.get("cells", "")
    try:
        lines = lines_of(cells_of(cells))
        _understand(lines)
        rows = listed(((line.number, line.act) for line in lines if line.act), today)
        sheet, _done = record_all(actor, actor.place, rows, name=request.form.get("name", ""))
    except AppError as refusal:
        return _form(cells, refusal.sentence(), int(refusal.status))
    assert sheet is not None  # noqa: S101 - it has a name
    return redirect(url_for("desk.act_sheet_result", sheet_id=sheet), code=303)


@desk.get("/acts/sheets/<uuid:sheet_id>")
def act_sheet_result(sheet_id: UUID) -> ResponseReturnValue:
    """Show what became of a sheet."""
    actor = current_actor()
    actor.require("act.record")
    return render_template(
        "admin/act_sheet_result.html", sheet=sheet_of(reader(), sheet_id, actor.place)
    )
