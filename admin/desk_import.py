"""The desk's 导入时长: a file of 志愿浙江, looked at row by row before anything is recorded."""

from __future__ import annotations

from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin import sheet_room
from admin.blueprints import desk
from admin.forms import instant
from admin.hours_reading import KIND, HoursLine, understand_hours
from admin.sheet_room import Looked, masked
from core.errors import AppError
from core.identity import current_actor
from core.work import business_day, present, reader
from points.earning.act_sheets import RowResult
from points.earning.recorders import Looker
from points.earning.sheet_queries import recent_sheets
from points.feeds.imported import import_hours, look_at_hours


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
    try:
        brought = sheet_room.given(KIND, _("粘贴的时长"))
        shown = _looked(brought.rows)
    except AppError as refusal:
        return _form(sheet_room.pasted(), refusal.sentence(), int(refusal.status))
    return sheet_room.look_page("admin/hours_look.html", KIND, brought, shown)


def _looked(lines: list[HoursLine]) -> list[Looked]:
    """Read who and when of each row, and say what would become of those that are clear."""
    actor, now = current_actor(), present()
    understand_hours(reader(), actor.place, lines)
    asking = Looker(connection=reader(), actor=actor, day=business_day(now))
    seen = look_at_hours(asking, now, actor.place, [line.means for line in lines if line.means])
    results = {row.number: row for row in seen.rows}
    return [_shown(line, results.get(line.number)) for line in lines]


def _shown(line: HoursLine, result: RowResult | None) -> Looked:
    cells = line.cells
    times = [cells.get(name, "") for name in ("day", "starts", "ends")]
    facts: dict[str, Any] = {
        "name": cells.get("name", ""),
        "phone": masked(cells.get("phone", "")),
        "when": " ".join(each for each in times if each),
        "hours": cells.get("hours", ""),
        "units": result.units if result else 0,
    }
    return sheet_room.looked(line, result, facts)


@desk.post("/import/wrong.csv")
def hours_wrong() -> ResponseReturnValue:
    """Give back the rows that are wrong, as they came, with the reason."""
    current_actor().require("hours.import")
    return sheet_room.wrong_file(KIND, sheet_room.kept(KIND), _looked)


@desk.post("/import")
def hours_record() -> ResponseReturnValue:
    """Record the rows that were looked at; those that are wrong stay out."""
    actor = current_actor()
    actor.require("hours.import")
    try:
        lines: list[HoursLine] = sheet_room.kept(KIND)
        understand_hours(reader(), actor.place, lines)
        rows = [line.means for line in lines if line.means]
        name = request.form.get("name", "")
        unread, again = sheet_room.unread(lines), instant(request.form.get("again"))
        sheet, _done = import_hours(actor, actor.place, rows, name, unread, again=again)
    except AppError as refusal:
        return _form(sheet_room.pasted(), refusal.sentence(), int(refusal.status))
    return redirect(url_for("desk.sheet_result", sheet_id=sheet, of="hours"), code=303)
