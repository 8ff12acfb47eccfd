"""Sheets as people have them: pasted cells, CSV, Excel; the rows under the head, and back again."""

from __future__ import annotations

import csv
import datetime as dt
import io
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from python_calamine import CalamineError, CalamineWorkbook

from admin.forms import number as plain_number
from core.errors import AppError

M = TypeVar("M")
CELL_MAX = 100
INFLATED_MAX = 20 * 1024 * 1024
"""An Excel file that unpacks to more than this is refused unread."""

EXCEL = b"PK\x03\x04"
LINE = "行"
"""Between the look and the yes, a row keeps the number that it has in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What sheets of a kind have: their columns by name, each with the headings that mean it."""

    columns: Mapping[str, tuple[str, ...]]
    is_enough: Callable[[set[str]], bool]
    unreadable: type[AppError]
    empty: type[AppError]
    too_long: type[AppError]
    rows_max: int
    #: Whether a moment of a workbook keeps its time of day.
    times: bool = False


@dataclass(slots=True)
class SheetRow(Generic[M]):
    """A row as it came, what it means, or why it means nothing and in which cell."""

    number: int
    cells: dict[str, str]
    means: M | None = None
    error: str = ""
    field: str = ""
    #: Whom it found, for the one who looks.
    who: str = ""


class UnclearError(Exception):
    """A row does not say enough; the words are for the one who looks."""

    def __init__(self, words: str, field: str = "") -> None:
        super().__init__(words)
        self.field = field


def plain(cell: str) -> str:
    """Return a cell without what keyboards do: full-width letters, spaces."""
    return "".join(unicodedata.normalize("NFKC", cell).split())


def table_of(raw: bytes, kind: Kind) -> list[list[str]]:
    """Return the cells of a file; raises the kind's refusals: unreadable, too long."""
    if raw.startswith(EXCEL):
        return _excel(raw, kind)
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return cells_of(raw.decode(encoding), kind)
        except UnicodeDecodeError:
            continue
    raise kind.unreadable


def cells_of(text: str, kind: Kind) -> list[list[str]]:
    """Return the cells of pasted text: tabs as a spreadsheet copies them, else commas."""
    if "\0" in text:
        raise kind.unreadable
    head = text.strip("\r\n").partition("\n")[0]
    split = "\t" if "\t" in head else ","
    lines = csv.reader(
        io.StringIO(text.replace("，", ",") if split == "," else text), delimiter=split
    )
    try:
        return [[cell.strip() for cell in line] for line in lines]
    except csv.Error:
        raise kind.unreadable from None


def _excel(raw: bytes, kind: Kind) -> list[list[str]]:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            if sum(item.file_size for item in packed.infolist()) > INFLATED_MAX:
                raise kind.too_long
        book = CalamineWorkbook.from_filelike(io.BytesIO(raw))
        rows = book.get_sheet_by_index(0).to_python(skip_empty_area=True, nrows=kind.rows_max + 2)
    except (CalamineError, zipfile.BadZipFile, IndexError, OSError):
        raise kind.unreadable from None
    return [[_cell(cell, times=kind.times) for cell in row] for row in rows]


def _cell(value: object, *, times: bool) -> str:
    if isinstance(value, dt.datetime):
        return value.isoformat(" ", "minutes") if times else value.date().isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def rows_of(table: list[list[str]], kind: Kind) -> list[SheetRow[M]]:
    """Return the rows under the head, numbered as the sheet numbers them.

    Raises the kind's refusals: unreadable, empty, too long.
    """
    start = next((index for index, row in enumerate(table) if any(row)), None)
    if start is None:
        raise kind.empty
    known = {plain(head): name for name, heads in kind.columns.items() for head in heads}
    known[LINE] = LINE
    head = [known.get(plain(cell)) for cell in table[start]]
    if not kind.is_enough({name for name in head if name}):
        raise kind.unreadable
    found: list[SheetRow[M]] = []
    for index, row in enumerate(table[start + 1 :], start=start + 2):
        cells = {name: cell[:CELL_MAX] for name, cell in zip(head, row, strict=False) if name}
        number = plain_number(cells.pop(LINE, "")) or index
        if any(cells.values()):
            found.append(SheetRow(number=number, cells=cells))
    if not found:
        raise kind.empty
    if len(found) > kind.rows_max:
        raise kind.too_long
    return found


def text_of(rows: Iterable[SheetRow[M]], kind: Kind) -> str:
    """Return the rows as the form keeps them between the look and the yes: tabs, one head."""
    lines = ["\t".join([*(heads[0] for heads in kind.columns.values()), LINE])]
    for row in rows:
        cells = [" ".join(row.cells.get(name, "").split()) for name in kind.columns]
        lines.append("\t".join([*cells, str(row.number)]))
    return "\n".join(lines)
