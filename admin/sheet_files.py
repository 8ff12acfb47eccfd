"""Sheets as people have them: pasted cells, CSV, Excel; the rows under the head, and back again."""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import io
import itertools
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Generic, Literal, TypeVar

from python_calamine import CalamineError, CalamineWorkbook

from admin.forms import number as plain_number
from core.errors import AppError
from core.sheets import BOM

M = TypeVar("M")
CELL_MAX = 100
INFLATED_MAX = 20 * 1024 * 1024
"""An Excel file that unpacks to more than this is refused unread."""

ENCODINGS = ("utf-8-sig", "gb18030")
BLOCK = 64 * 1024
WORKBOOK_ROWS = 1_048_576
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
    #: What a moment of a workbook keeps of its time of day.
    times: Literal["", "minutes", "seconds"] = ""
    #: What of a cell is read.
    cell_max: int = CELL_MAX
    #: Whether a row goes by the number of its column ``LINE``, before its place.
    keeps_numbers: bool = True


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
    return [*lines_of(io.BytesIO(raw), kind)]


def lines_of(file: IO[bytes], kind: Kind) -> Iterator[list[str]]:
    """Read the cells of a file line by line; raises the kind's refusals: unreadable, too long."""
    file.seek(0)
    is_excel = file.read(len(EXCEL)) == EXCEL
    if is_excel:
        yield from _excel(file, kind)
        return
    words = io.TextIOWrapper(file, _encoding(file, kind), newline="")
    try:
        yield from _cells(words, kind)
    finally:
        words.detach()


def _encoding(file: IO[bytes], kind: Kind) -> str:
    """Return how a text is encoded: the whole of it, not only its beginning."""
    for encoding in ENCODINGS:
        file.seek(0)
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            for block in iter(lambda: file.read(BLOCK), b""):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        file.seek(0)
        return encoding
    raise kind.unreadable


def cells_of(text: str, kind: Kind) -> list[list[str]]:
    """Return the cells of pasted text: split as its head is, by tabs or commas."""
    return [*_cells(io.StringIO(text), kind)]


def _cells(words: Iterable[str], kind: Kind) -> Iterator[list[str]]:
    lines, ahead = itertools.tee(words)
    head = next((line for line in ahead if line.strip("\r\n")), "")
    del ahead  # What nobody looks ahead at is not kept.
    split = next((mark for mark in "\t,，" if mark in head), ",")
    read = csv.reader((_line(line, kind) for line in lines), delimiter=split)
    try:
        for cells in read:
            yield [cell.strip() for cell in cells]
    except csv.Error:
        raise kind.unreadable from None


def _line(line: str, kind: Kind) -> str:
    if "\0" in line:
        raise kind.unreadable
    # UTF-8's own is gone already; whoever turned the file into GB18030 took it along.
    return line.removeprefix(BOM)


def _excel(file: IO[bytes], kind: Kind) -> Iterator[list[str]]:
    try:
        with zipfile.ZipFile(file) as packed:
            if sum(item.file_size for item in packed.infolist()) > INFLATED_MAX:
                raise kind.too_long
        file.seek(0)
        rows = CalamineWorkbook.from_filelike(file).get_sheet_by_index(0).iter_rows()
    except (CalamineError, zipfile.BadZipFile, IndexError, OSError):
        raise kind.unreadable from None
    for row in itertools.islice(rows, kind.rows_max + 2):
        yield [_cell(cell, kind.times) for cell in row]


def _cell(value: object, times: str) -> str:
    if isinstance(value, dt.datetime):
        # A workbook counts days: a second is a fraction of one, and not quite.
        near = (value + dt.timedelta(milliseconds=500)).replace(microsecond=0)
        return near.isoformat(" ", times) if times else near.date().isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    # Excel writes what nobody sees, or types, as _x0000_.
    return str(value).replace("\0", "").strip()


def rows_of(table: Iterable[list[str]], kind: Kind) -> list[SheetRow[M]]:
    """Return the rows under the head, as ``rows_in`` reads them."""
    return [*rows_in(table, kind)]


def rows_in(table: Iterable[list[str]], kind: Kind) -> Iterator[SheetRow[M]]:
    """Read the rows under the head one by one, numbered as the sheet numbers them.

    Raises the kind's refusals: unreadable, empty, too long.
    """
    lines = enumerate(table, start=1)
    first = next((cells for _number, cells in lines if any(cells)), None)
    if first is None:
        raise kind.empty
    known = {plain(head): name for name, heads in kind.columns.items() for head in heads}
    if kind.keeps_numbers:
        known[LINE] = LINE
    head = [known.get(plain(cell)) for cell in first]
    if not kind.is_enough({name for name in head if name}):
        raise kind.unreadable
    count, taken = 0, set[int]()
    for index, row in lines:
        cells = {name: cell[: kind.cell_max] for name, cell in zip(head, row, strict=False) if name}
        number = plain_number(cells.pop(LINE, "")) or index
        if not any(cells.values()):
            continue
        if number in taken or number > WORKBOOK_ROWS:
            # A column of the sheet's own: what is written of a row goes by its number.
            number = next(each for each in itertools.count(index) if each not in taken)
        taken.add(number)
        count += 1
        if count > kind.rows_max:
            raise kind.too_long
        yield SheetRow(number=number, cells=cells)
    if not count:
        raise kind.empty


def text_of(rows: Iterable[SheetRow[M]], kind: Kind) -> str:
    """Return the rows as the form keeps them between the look and the yes: tabs, one head."""
    lines = ["\t".join([*(heads[0] for heads in kind.columns.values()), LINE])]
    for row in rows:
        cells = [" ".join(row.cells.get(name, "").split()) for name in kind.columns]
        lines.append("\t".join([*cells, str(row.number)]))
    return "\n".join(lines)
