"""Tables that leave the house as CSV or Excel: written row by row, and safe to open.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, whoever
typed it (a resident's name is enough). Such words get an apostrophe before them; figures, which
we write ourselves, do not.
"""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import io
import tempfile
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO

from xlsxwriter import Workbook

from core.errors import N_, Rejected
from core.formats import POINT

SPOOLED = 1024 * 1024
"""Bytes that stay in memory; a longer file goes to disk while it is made."""

FORMULA = "=+-@"
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
COLUMN = 16
EXCEL_ROWS_MAX = 1_048_576


class SheetTooLong(Rejected):
    """Excel holds 2^20 rows and no more; what is above would be lost in silence."""

    text = N_("行数太多，Excel 放不下。请改存 CSV，或把时间段分短一些。")


@dataclass(frozen=True, slots=True)
class Points:
    """A figure in centipoints, written in points."""

    centipoints: int

    @property
    def plain(self) -> str:
        """The figure as programs read it: "-12.5"."""
        whole, rest = divmod(abs(self.centipoints), POINT)
        fraction = f".{rest:02d}".rstrip("0").rstrip(".")
        return f"{'-' if self.centipoints < 0 else ''}{whole}{fraction}"


Cell = str | int | dt.date | Points
Rows = Iterable[Sequence[Cell]]


def harmless(words: str) -> str:
    """Return the words so that no spreadsheet takes them for a formula."""
    first = unicodedata.normalize("NFKC", words.lstrip())[:1]
    is_formula = first in FORMULA and first != ""
    return f"'{words}" if is_formula or words[:1] in {"\t", "\r", "\n"} else words


def _plain(cell: Cell) -> str:
    if isinstance(cell, Points):
        return cell.plain
    return harmless(cell) if isinstance(cell, str) else str(cell)


def csv_file(rows: Rows) -> IO[bytes]:
    """Write rows as CSV, UTF-8 with BOM, so that Excel reads Chinese; return the open file."""
    with contextlib.ExitStack() as undo:
        file = undo.enter_context(tempfile.SpooledTemporaryFile(SPOOLED))
        words = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
        words.write(BOM)
        csv.writer(words).writerows([_plain(cell) for cell in row] for row in rows)
        words.detach()
        file.seek(0)
        undo.pop_all()
    return file


def excel_file(title: str, rows: Rows) -> IO[bytes]:
    """Write rows as an Excel sheet, one in memory at a time; raises SheetTooLong."""
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with contextlib.ExitStack() as undo:
        file = undo.enter_context(tempfile.SpooledTemporaryFile(SPOOLED))
        book = Workbook(file, options)
        undo.callback(book.close)
        _fill(book, title, rows)
        book.close()
        file.seek(0)
        undo.pop_all()
    return file


def _fill(book: Workbook, title: str, rows: Rows) -> None:
    sheet = book.add_worksheet(title)
    sheet.set_column(0, 20, COLUMN)
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for down, row in enumerate(rows):
        if down >= EXCEL_ROWS_MAX:
            raise SheetTooLong
        for right, cell in enumerate(row):
            if isinstance(cell, Points):
                sheet.write_number(down, right, cell.centipoints / POINT)
            elif isinstance(cell, dt.date):
                sheet.write_datetime(down, right, cell, day)
            elif isinstance(cell, int):
                sheet.write_number(down, right, cell)
            else:
                sheet.write_string(down, right, harmless(cell))
