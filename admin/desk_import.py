"""The desk's 导入时长: a file of 志愿浙江, looked at row by row before anything is recorded."""

from __future__ import annotations

import io
from typing import Any
from uuid import UUID

from flask import Response, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.act_sheet_reading import cells_of, table_of
from admin.blueprints import desk
from admin.hours_reading import (
    HEADS,
    HoursLine,
    cells_text,
    hours_of,
    understand_hours,
)
from core.errors import AppError
from core.identity import current_actor
from core.sheets import Cell, Points, Rows, csv_file
from core.work import business_day, present, reader
from points.earning.act_sheets import RowResult, RowsRecorded
from points.earning.recorders import Looker
from points.earning.sheet_queries import SheetPage, recent_sheets, sheet_of
from points.feeds.imported import import_hours, look_at_hours

FILE_BYTES_MAX = 400 * 1024
SHOWN = 300
PHONE_DIGITS = 11


@desk.get("/import")
def hours_import() -> ResponseReturnValue:
    """Choose a file, or paste."""
    current_actor().require("hours.import")
    return _form("")


def _form(typed: str, refusal: str | None = None, status: int = 200) -> ResponseReturnValue:
    page = render_template(
        "admin/hours_import.html",
        typed=typed,
        sheets=recent_sheets(reader(), current_actor().place),
        refusal=refusal,
    )
    return page, status


@desk.post("/import/look")
def hours_look() -> ResponseReturnValue:
    """Show what would become of each row; nothing is written."""
    current_actor().require("hours.import")
    file, pasted = request.files.get("file"), request.form.get("cells", "")
    raw = file.read(FILE_BYTES_MAX + 1) if file else b""
    if len(raw) > FILE_BYTES_MAX:
        return _form(pasted, _("文件太大了，最大 400 KB。请分几个文件来导。"), 413)
    name = (file.filename if file and raw else request.form.get("name", "")) or _("粘贴的时长")
    try:
        table = table_of(raw, times=True) if raw else cells_of(pasted)
        lines = hours_of(table)
        seen = _looked(lines)
    except AppError as refusal:
        return _form(pasted, refusal.sentence(), int(refusal.status))
    results = {row.number: row for row in seen.rows}
    shown = [_shown(line, results.get(line.number)) for line in lines]
    wrong = [row for row in shown if row["outcome"] == "refused"]
    good = [row for row in shown if row["outcome"] != "refused"]
    return render_template(
        "admin/hours_look.html",
        name=name,
        rows=(wrong + good)[:SHOWN],
        more=max(0, len(shown) - SHOWN),
        wrong=len(wrong),
        ready=seen.count("recorded"),
        known=seen.count("existed"),
        amount=seen.amount,
        cells=cells_text(lines),
    )


def _looked(lines: list[HoursLine]) -> RowsRecorded:
    """Read who and when of each row, and say what would become of those that are clear."""
    actor, now = current_actor(), present()
    understand_hours(reader(), actor.place, lines)
    asking = Looker(connection=reader(), actor=actor, day=business_day(now))
    rows = [line.row for line in lines if line.row]
    return look_at_hours(asking, now, actor.place, rows)


def _shown(line: HoursLine, result: RowResult | None) -> dict[str, Any]:
    cells = line.cells
    times = [cells.get(name, "") for name in ("day", "starts", "ends")]
    return {
        "number": line.number,
        "name": cells.get("name", ""),
        "phone": _masked(cells.get("phone", "")),
        "when": " ".join(each for each in times if each),
        "hours": cells.get("hours", ""),
        "field": line.field,
        "units": result.units if result else 0,
        "amount": result.amount if result else 0,
        "outcome": result.outcome if result else "refused",
        "message": result.message if result else _(line.error),
    }


def _masked(phone: str) -> str:
    """Hide the middle of a number; what is no number is shown, so that it can be mended."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) == PHONE_DIGITS else phone


@desk.post("/import/wrong.csv")
def hours_wrong() -> ResponseReturnValue:
    """Give back the rows that are wrong, as they came, with the reason: to mend and bring again."""
    current_actor().require("hours.import")
    lines = hours_of(cells_of(request.form.get("cells", "")))
    results = {row.number: row for row in _looked(lines).rows}
    shown = ((line, _shown(line, results.get(line.number))) for line in lines)
    names = [name for name in HEADS if name != "line"]
    rows: list[list[Cell]] = [[*(HEADS[name][0] for name in names), _("结果")]]
    for line, row in shown:
        if row["outcome"] == "refused":
            rows.append([*(line.cells.get(name, "") for name in names), row["message"]])
    return _download(rows, _("要改的行"))


@desk.post("/import")
def hours_record() -> ResponseReturnValue:
    """Record the rows that were looked at; those that are wrong stay out."""
    actor, cells = current_actor(), request.form.get("cells", "")
    actor.require("hours.import")
    try:
        lines = hours_of(cells_of(cells))
        understand_hours(reader(), actor.place, lines)
        rows = [line.row for line in lines if line.row]
        sheet, _done = import_hours(actor, actor.place, rows, request.form.get("name", ""))
    except AppError as refusal:
        return _form(cells, refusal.sentence(), int(refusal.status))
    return redirect(url_for("desk.hours_result", sheet_id=sheet), code=303)


@desk.get("/imports/<uuid:sheet_id>")
def hours_result(sheet_id: UUID) -> ResponseReturnValue:
    """Show what became of a file."""
    return render_template("admin/hours_result.html", sheet=_sheet(sheet_id))


@desk.get("/imports/<uuid:sheet_id>/result.csv")
def hours_result_file(sheet_id: UUID) -> ResponseReturnValue:
    """Give what became of each row as a file."""
    words = {
        "recorded": _("记上了"),
        "existed": _("以前记过"),
        "capped": _("已到上限，不计分"),
        "refused": _("没有记"),
    }
    rows: list[list[Cell]] = [
        [_("行"), _("姓名"), _("事由"), _("分"), _("结果"), _("原因")],
    ]
    for row in sorted(_sheet(sheet_id).rows, key=lambda each: each.number):
        said = words[row.outcome]
        rows.append([row.number, row.name, row.reason, Points(row.amount), said, row.message])
    return _download(rows, _("导入结果"))


def _sheet(sheet_id: UUID) -> SheetPage:
    actor = current_actor()
    actor.require("hours.import")
    return sheet_of(reader(), sheet_id, actor.place)


def _download(rows: Rows, name: str) -> Response:
    with csv_file(rows) as file:
        raw = io.BytesIO(file.read())
    return send_file(
        raw,
        mimetype="text/csv; charset=utf-8",
        as_attachment=True,
        download_name=f"{name}.csv",
    )
