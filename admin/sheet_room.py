"""What the desk's sheets share: a file or pasted cells come in, each row is looked at, results."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Generic, TypeVar
from uuid import UUID

from flask import Response, render_template, request, send_file
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import desk
from admin.sheet_files import Kind, SheetRow, cells_of, rows_of, table_of, text_of
from core.errors import N_, Rejected
from core.identity import current_actor
from core.sheets import Cell, Points, Rows, csv_file
from core.work import present, reader
from points.earning.act_sheets import RowResult, refused_row
from points.earning.sheet_queries import SheetPage, sheet_of

M = TypeVar("M")
FILE_BYTES_MAX = 400 * 1024
SHOWN = 300
PHONE_DIGITS = 11
OUTCOMES = {
    "recorded": N_("记上了"),
    "existed": N_("以前记过"),
    "capped": N_("已到上限，不计分"),
    "refused": N_("没有记"),
}


class SheetTooLarge(Rejected):
    """A file has at most 400 KB."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    text = N_("文件太大了，最大 400 KB。请分成几个文件。")


@dataclass(frozen=True, slots=True)
class Looked:
    """A row as the page shows it before anything is written."""

    number: int
    outcome: str
    message: str
    amount: int
    facts: dict[str, Any]
    undone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Given(Generic[M]):
    """What somebody brought: its name, and its rows."""

    name: str
    rows: list[SheetRow[M]]


def pasted() -> str:
    """Return the cells of the form."""
    return request.form.get("cells", "")


def given(kind: Kind, unnamed: str) -> Given[Any]:
    """Return what was uploaded, else pasted; raises SheetTooLarge or the kind's refusals."""
    file = request.files.get("file")
    raw = file.read(FILE_BYTES_MAX + 1) if file else b""
    if len(raw) > FILE_BYTES_MAX:
        raise SheetTooLarge
    name = (file.filename if file and raw else request.form.get("name", "")) or unnamed
    table = table_of(raw, kind) if raw else cells_of(pasted(), kind)
    return Given(name=name, rows=rows_of(table, kind))


def kept(kind: Kind) -> list[SheetRow[Any]]:
    """Return the rows that were looked at a moment ago."""
    return rows_of(cells_of(pasted(), kind), kind)


def look_page(
    template: str, kind: Kind, brought: Given[Any], shown: list[Looked]
) -> ResponseReturnValue:
    """Show what would become of each row, the wrong ones first."""
    wrong = [row for row in shown if row.outcome == "refused"]
    good = sorted(
        (row for row in shown if row.outcome != "refused"), key=lambda row: not row.undone
    )
    known = sum(row.outcome == "existed" for row in good)
    return render_template(
        template,
        name=brought.name,
        rows=(wrong + good)[:SHOWN],
        more=max(0, len(shown) - SHOWN),
        wrong=len(wrong),
        ready=len(good) - known,
        known=known,
        undone=sum(row.undone for row in good),
        seen=present().isoformat(),
        amount=sum(row.amount for row in good if row.outcome == "recorded"),
        cells=text_of(brought.rows, kind),
    )


def masked(phone: str) -> str:
    """Hide the middle of a number; what is no number is shown, so that it can be mended."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) == PHONE_DIGITS else phone


def looked(row: SheetRow[Any], result: RowResult | None, facts: dict[str, Any]) -> Looked:
    """Return a row as it is shown: what would become of it, or why it means nothing."""
    if result is None:
        return Looked(row.number, "refused", _(row.error), 0, facts)
    return Looked(
        row.number, result.outcome, result.message, result.amount, facts, undone=result.undone
    )


def unread(rows: list[SheetRow[Any]]) -> list[RowResult]:
    """Return those that mean nothing, as they are kept with their sheet."""
    return [refused_row(row.number, _(row.error)) for row in rows if row.means is None]


def wrong_file(
    kind: Kind, rows: list[SheetRow[Any]], look: Callable[[list[SheetRow[Any]]], list[Looked]]
) -> Response:
    """Give back the rows that are wrong, as they came, with the reason: to mend and bring again."""
    names = list(kind.columns)
    table: list[list[Cell]] = [[*(heads[0] for heads in kind.columns.values()), _("结果")]]
    for row, seen in zip(rows, look(rows), strict=True):
        if seen.outcome == "refused":
            table.append([*(row.cells.get(name, "") for name in names), seen.message])
    return download(table, _("要改的行"))


def download(rows: Rows, name: str) -> Response:
    """Give rows as a CSV file."""
    with csv_file(rows) as file:
        raw = io.BytesIO(file.read())
    return send_file(
        raw,
        mimetype="text/csv",
        as_attachment=True,
        download_name=f"{name}.csv",
    )


@desk.get("/sheets/<uuid:sheet_id>")
def sheet_result(sheet_id: UUID) -> ResponseReturnValue:
    """Show what became of a sheet of acts or a file of hours."""
    of = request.args.get("of", "")
    return render_template("admin/sheet_result.html", sheet=_sheet(sheet_id), of=of)


@desk.get("/sheets/<uuid:sheet_id>/result.csv")
def sheet_result_file(sheet_id: UUID) -> ResponseReturnValue:
    """Give what became of each row as a file."""
    rows: list[list[Cell]] = [
        [_("行"), _("姓名"), _("事由"), _("分"), _("结果"), _("原因")],
    ]
    for row in sorted(_sheet(sheet_id).rows, key=lambda each: each.number):
        said = _(OUTCOMES[row.outcome])
        rows.append([row.number, row.name, row.reason, Points(row.amount), said, row.message])
    return download(rows, _("结果"))


def _sheet(sheet_id: UUID) -> SheetPage:
    actor = current_actor()
    actor.require("act.record")
    return sheet_of(reader(), sheet_id, actor.place)
