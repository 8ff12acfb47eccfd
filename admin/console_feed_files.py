"""The console's page of a feeder's files: bring one, look at it before, see what became of it."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from typing import IO, Any
from uuid import UUID

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from admin.blueprints import console
from admin.feed_reading import KIND, Known, read_row
from admin.sheet_files import SheetRow, lines_of, plain, rows_in
from admin.sheet_room import OUTCOMES, download
from core.errors import N_, AppError, Rejected
from core.http import takes_up_to
from core.identity import current_actor
from core.sheets import Cell, Points, Rows
from core.work import business_day, present, reader
from points.feeds import queries
from points.feeds.feeders import DEVICE, PLATFORM, WORDS_OF, FeederUnknown
from points.feeds.files import FeedFile, FileRow, FileRowDone, import_file, look_at_file
from points.feeds.items import Item
from residents.models import Community

FILE_BYTES_MAX = 16 * 1024 * 1024
BODY_BYTES_MAX = FILE_BYTES_MAX + 4 * 1024 * 1024
"""Somewhat more, so that a file that is a little too large is told so in its own words."""

WRONG_SHOWN = 100


class FeedFileMissing(Rejected):
    """No file was chosen."""

    text = N_("请先选一个文件。")


class FeedFileTooLarge(Rejected):
    """A file has at most 16 MB."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    text = N_("文件太大了，最大 16 MB。请分成几个文件。")


@console.get("/feeders/<uuid:feeder_id>/file")
def feeder_file(feeder_id: UUID) -> ResponseReturnValue:
    """Choose a file of a feeder."""
    return _form(_feeder(feeder_id))


def _feeder(feeder_id: UUID) -> queries.FeederLine:
    actor = current_actor()
    actor.require("feeder.change")
    lines = queries.feeders(reader(), actor)
    found = next((each for each in lines if each.id == feeder_id), None)
    if found is None:
        raise FeederUnknown
    return found


def _form(
    feeder: queries.FeederLine,
    looked: dict[str, Any] | None = None,
    refusal: str | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    names = _rule_names(feeder)
    page = render_template(
        "admin/console_feed_file.html",
        feeder=feeder,
        rules=[names[key] for key in feeder.rules],
        counts_hours=PLATFORM in WORDS_OF[feeder.kind],
        counts_homes=DEVICE in WORDS_OF[feeder.kind],
        looked=looked,
        refusal=refusal,
    )
    return page, status


def _rule_names(feeder: queries.FeederLine) -> dict[str, str]:
    choices = queries.rules_to_feed(reader(), WORDS_OF[feeder.kind])
    known = {each.key: each.name for each in choices}
    return {key: known.get(key, key) for key in feeder.rules}


@console.post("/feeders/<uuid:feeder_id>/file/look")
@takes_up_to(BODY_BYTES_MAX, "feeder.change")
def feeder_file_look(feeder_id: UUID) -> ResponseReturnValue:
    """Say what would become of the rows; nothing is recorded."""
    feeder = _feeder(feeder_id)
    try:
        name, file = _brought()
        found = look_at_file(current_actor(), feeder.id, _rows(file, _known(feeder)))
        return _form(feeder, _looked(name, found))
    except AppError as refusal:
        return _form(feeder, refusal=refusal.sentence(), status=int(refusal.status))


@console.post("/feeders/<uuid:feeder_id>/file")
@takes_up_to(BODY_BYTES_MAX, "feeder.change")
def feeder_file_record(feeder_id: UUID) -> ResponseReturnValue:
    """Record a file: it is read to its end first, so that one that is none leaves nothing."""
    feeder = _feeder(feeder_id)
    try:
        name, file = _brought()
        known = _known(feeder)
        total = sum(1 for _line in _lines(file))
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
        given = FeedFile(feeder=feeder.id, name=name, digest=digest, total=total)
        batch = import_file(current_actor(), given, _rows(file, known))
    except AppError as refusal:
        return _form(feeder, refusal=refusal.sentence(), status=int(refusal.status))
    return redirect(url_for("console.feed_file", batch_id=batch), code=303)


def _brought() -> tuple[str, IO[bytes]]:
    """Return the file that was sent: it lies on the disk, if it is no small one."""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise FeedFileMissing
    if sent.stream.seek(0, io.SEEK_END) > FILE_BYTES_MAX:
        raise FeedFileTooLarge
    return sent.filename, sent.stream


def _known(feeder: queries.FeederLine) -> Known:
    names = _rule_names(feeder)
    places = reader().execute(select(Community.display_name, Community.code))
    return Known(
        rules={plain(name): key for key, name in names.items()} | {key: key for key in names},
        places={plain(row.display_name): row.code for row in places},
    )


def _lines(file: IO[bytes]) -> Iterator[SheetRow[Item]]:
    return rows_in(lines_of(file, KIND), KIND)


def _rows(file: IO[bytes], known: Known) -> Iterator[FileRow]:
    return (read_row(line, known) for line in _lines(file))


def _looked(name: str, found: Iterator[FileRowDone]) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    amount = 0
    wrong: list[FileRowDone] = []
    for row in found:
        counts[row.outcome] += 1
        amount += row.amount if row.outcome == "recorded" else 0
        if row.outcome == "refused" and len(wrong) < WRONG_SHOWN:
            wrong.append(row)
    return {"name": name, "counts": counts, "amount": amount, "wrong": wrong}


@console.get("/feeders/<uuid:feeder_id>/template.csv")
def feeder_file_template(feeder_id: UUID) -> Response:
    """Give the columns that fit a feeder, with rows that show how they are filled."""
    feeder = _feeder(feeder_id)
    choices = queries.rules_to_feed(reader(), WORDS_OF[feeder.kind])
    rows = [
        _example(feeder, word, each.name)
        for word in (DEVICE, PLATFORM)
        for each in [each for each in choices if each.key in feeder.rules]
        if word in each.recorders & WORDS_OF[feeder.kind]
    ]
    names = [name for name in KIND.columns if any(name in row for row in rows)]
    head = [KIND.columns[name][0] for name in names]
    table: Rows = [head, *([row.get(name, "") for name in names] for row in rows)]
    return download(table, _("导入模板"))


def _example(feeder: queries.FeederLine, word: str, rule: str) -> dict[str, str]:
    day = business_day(present())
    row = {"key": _("示例，请删掉"), "rule": rule, "at": f"{day} 09:00:00"}
    if feeder.scope_kind != "community":
        row["community"] = _("示例社区")
    if word == DEVICE:
        return row | {"address": _("示例小区 1-2-301"), "units": "1"}
    return row | {"name": _("示例"), "phone": "13800000000", "until": f"{day} 11:00:00"}


@console.get("/feed-files/<uuid:batch_id>")
def feed_file(batch_id: UUID) -> ResponseReturnValue:
    """Show what became of a file."""
    shown = queries.file_of(reader(), current_actor(), batch_id)
    may_change = current_actor().may("feeder.change")
    return render_template("admin/console_feed_result.html", file=shown, may_change=may_change)


@console.get("/feed-files/<uuid:batch_id>/result.csv")
def feed_file_result(batch_id: UUID) -> Response:
    """Give what became of each row as a file."""
    queries.file_of(reader(), current_actor(), batch_id)
    return download(_result(batch_id), _("结果"))


def _result(batch_id: UUID) -> Iterator[list[Cell]]:
    yield [_("行"), _("记录编号"), _("分"), _("结果"), _("原因")]
    for row in queries.lines_of_file(reader(), batch_id):
        yield [row.number, row.key, Points(row.amount), _(OUTCOMES[row.outcome]), row.message]
