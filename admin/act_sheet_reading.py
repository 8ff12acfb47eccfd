"""Reading a sheet of acts as people have it: pasted cells, CSV, Excel; who is meant by a row."""

from __future__ import annotations

import csv
import datetime as dt
import io
import unicodedata
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from python_calamine import CalamineError, CalamineWorkbook
from sqlalchemy import func, or_, select

from admin.forms import number
from core.errors import N_, Rejected
from points.earning.act_sheets import ROWS_MAX, ActSheetEmpty, ActSheetTooLong
from points.earning.acts import NOTE_MAX
from points.earning.recorders import Act
from points.earning.rules import Rule
from residents.models import Dwelling, Household, Person, Resident

if TYPE_CHECKING:
    from sqlalchemy import Connection

COLUMNS = {
    "规则": "rule",
    "做了什么": "rule",
    "姓名": "name",
    "住址": "address",
    "室号": "address",
    "手机后四位": "tail",
    "次数": "units",
    "数量": "units",
    "日期": "day",
    "说明": "note",
    "备注": "note",
    "被帮的人": "helped",
}
CHUNK = 400
CELL_MAX = 100
INFLATED_MAX = 20 * 1024 * 1024
"""An Excel file that unpacks to more than this is refused unread."""

EXCEL = b"PK\x03\x04"


class ActSheetUnreadable(Rejected):
    """The file is neither Excel nor text, or its head has no column that is known."""

    text = N_("这张表没有看懂。请用 Excel 或 CSV，第一行写：规则、姓名、住址、次数、日期、说明。")


@dataclass(slots=True)
class Line:
    """A row as it was typed, the act that it means, or why it means none."""

    number: int
    cells: dict[str, str]
    act: Act | None = None
    error: str = ""
    #: Whom it found, for the one who looks.
    who: str = ""


@dataclass(slots=True)
class Known:
    """A resident of the community."""

    resident: UUID
    household: UUID
    name: str
    address: str
    tail: str


@dataclass(slots=True)
class People:
    """The residents and households that a sheet's cells may mean."""

    by_name: dict[str, list[Known]] = field(default_factory=dict)
    by_address: dict[str, list[tuple[UUID, str]]] = field(default_factory=dict)


def table_of(raw: bytes, *, times: bool = False) -> list[list[str]]:
    """Return the cells of a file, moments with their times where asked.

    Raises ActSheetUnreadable, ActSheetTooLong.
    """
    if raw.startswith(EXCEL):
        return _excel(raw, times=times)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = raw.decode("gb18030")
        except UnicodeDecodeError:
            raise ActSheetUnreadable from None
    return cells_of(text)


def cells_of(text: str) -> list[list[str]]:
    """Return the cells of pasted text: tabs as a spreadsheet copies them, else commas."""
    if "\0" in text:
        raise ActSheetUnreadable
    head = text.strip("\r\n").partition("\n")[0]
    split = "\t" if "\t" in head else ","
    lines = csv.reader(
        io.StringIO(text.replace("，", ",") if split == "," else text), delimiter=split
    )
    try:
        return [[cell.strip() for cell in line] for line in lines]
    except csv.Error:
        raise ActSheetUnreadable from None


def _excel(raw: bytes, *, times: bool) -> list[list[str]]:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            if sum(item.file_size for item in packed.infolist()) > INFLATED_MAX:
                raise ActSheetTooLong
        book = CalamineWorkbook.from_filelike(io.BytesIO(raw))
        rows = book.get_sheet_by_index(0).to_python(skip_empty_area=True, nrows=ROWS_MAX + 2)
    except (CalamineError, zipfile.BadZipFile, IndexError, OSError):
        raise ActSheetUnreadable from None
    return [[_cell(cell, times=times) for cell in row] for row in rows]


def _cell(value: object, *, times: bool) -> str:
    if isinstance(value, dt.datetime):
        if times:
            return value.isoformat(" ", "minutes")
        return value.date().isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def lines_of(table: list[list[str]]) -> list[Line]:
    """Return the rows under the head, numbered as the sheet numbers them.

    Raises ActSheetUnreadable, ActSheetEmpty, ActSheetTooLong.
    """
    start = next((index for index, row in enumerate(table) if any(row)), None)
    if start is None:
        raise ActSheetEmpty
    head = [COLUMNS.get(_plain(cell)) for cell in table[start]]
    if "rule" not in head or not {"name", "address"} & set(head):
        raise ActSheetUnreadable
    found = []
    for index, row in enumerate(table[start + 1 :], start=start + 2):
        cells = {name: cell[:CELL_MAX] for name, cell in zip(head, row, strict=False) if name}
        if any(cells.values()):
            found.append(Line(number=index, cells=cells))
    if not found:
        raise ActSheetEmpty
    if len(found) > ROWS_MAX:
        raise ActSheetTooLong
    return found


def _plain(cell: str) -> str:
    return "".join(unicodedata.normalize("NFKC", cell).split())


def text_of(lines: Iterable[Line]) -> str:
    """Return the rows as the form keeps them between the look and the yes: tabs, one head."""
    names = ("rule", "name", "address", "tail", "units", "day", "note", "helped")
    heads = {value: key for key, value in reversed(COLUMNS.items())}
    rows = ["\t".join(heads[name] for name in names)]
    rows += [
        "\t".join(line.cells.get(name, "").replace("\t", " ").replace("\n", " ") for name in names)
        for line in lines
    ]
    return "\n".join(rows)


def understand(
    connection: Connection, community: int, lines: list[Line], rules: list[Rule], today: dt.date
) -> None:
    """Find each row's rule, people, day and count, or say what is wrong with it."""
    people = _people(connection, community, lines)
    by_name = {rule.name: rule for rule in rules} | {rule.key: rule for rule in rules}
    for line in lines:
        try:
            line.act = _act(line, people, by_name, today)
        except _Unclear as unclear:
            line.error = str(unclear)


class _Unclear(Exception):
    """A row does not say enough; the words are for the one who typed it."""


def _act(line: Line, people: People, rules: dict[str, Rule], today: dt.date) -> Act:
    cells = line.cells
    rule = rules.get(_plain(cells.get("rule", "")))
    if rule is None:
        raise _Unclear(N_("没有这条规则，或不由您登记。"))
    units = number(cells.get("units") or "1")
    if not units:
        raise _Unclear(N_("次数要是正整数。"))
    day = _day(cells.get("day", ""), today)
    name, address = _plain(cells.get("name", "")), _plain(cells.get("address", ""))
    tail = _plain(cells.get("tail", ""))
    helped = None
    if rule.holder == "household":
        holder, line.who = _household(people, name, address, tail)
    else:
        known = _resident(people, name, address, tail)
        holder, line.who = known.resident, known.address
        if cells.get("helped"):
            helped = _resident(people, *_named(cells["helped"])).resident
    return Act(
        rule=rule.key,
        holder_kind="household" if rule.holder == "household" else "resident",
        holder_id=holder,
        units=units,
        day=day,
        note=cells.get("note", "")[:NOTE_MAX],
        helped=helped,
    )


def _named(cell: str) -> tuple[str, str, str]:
    """Read 陈建国 5-1-102, 陈建国 0003 or a name alone."""
    name, _space, rest = cell.strip().partition(" ")
    rest = _plain(rest)
    is_tail = rest.isdigit() and len(rest) == 4  # noqa: PLR2004 - digits of a phone
    return _plain(name), "" if is_tail else rest, rest if is_tail else ""


def _day(raw: str, today: dt.date) -> dt.date:
    """Read 2026-11-24, 2026/11/24, 11-24 or 11 月 24 日; empty is today."""
    plain = _plain(raw)
    if not plain:
        return today
    for mark in ("年", "月", "/", "."):
        plain = plain.replace(mark, "-")
    parts = [number(part) for part in plain.removesuffix("日").split("-")]
    if any(part is None for part in parts) or len(parts) not in {2, 3}:
        raise _Unclear(N_("日期没有看懂，请写成 2026-11-24。"))
    known = [part for part in parts if part is not None]
    year = known[0] if len(known) == 3 else today.year  # noqa: PLR2004 - year, month, day
    try:
        day = dt.date(year, known[-2], known[-1])
    except ValueError:
        raise _Unclear(N_("日期没有看懂，请写成 2026-11-24。")) from None
    # Without a year, December on a sheet of January is that of last year.
    return day.replace(year=year - 1) if len(known) == 2 and day > today else day  # noqa: PLR2004


def _resident(people: People, name: str, address: str, tail: str) -> Known:
    if not name:
        raise _Unclear(N_("这条规则记给个人，请写姓名。"))
    found = [
        known
        for known in people.by_name.get(name, [])
        if _fits(known.address, address) and (not tail or known.tail == tail)
    ]
    if not found:
        raise _Unclear(N_("本社区没有找到「{name}」。").format(name=name))
    if len(found) > 1:
        raise _Unclear(N_("有 {count} 位同名，请补住址或手机后四位。").format(count=len(found)))
    return found[0]


def _household(people: People, name: str, address: str, tail: str) -> tuple[UUID, str]:
    if name:
        known = _resident(people, name, address, tail)
        return known.household, known.address
    found = {
        household: words
        for words_of, homes in people.by_address.items()
        if _fits(words_of, address)
        for household, words in homes
    }
    if not address or not found:
        raise _Unclear(N_("没有找到这一户，请写住址，像建国南苑 3-2-401。"))
    if len(found) > 1:
        raise _Unclear(N_("这个住址有几户，请写一位家人的姓名。"))
    return next(iter(found.items()))


def _fits(known: str, typed: str) -> bool:
    """Whether an address is the typed one, or ends with its numbers: 3-2-401."""
    plain = _plain(known)
    if not typed or plain == typed:
        return True
    before = plain.removesuffix(typed)
    return plain.endswith(typed) and not before[-1:].isdigit() and before[-1:] != "-"


def _people(connection: Connection, community: int, lines: list[Line]) -> People:
    names = {_plain(line.cells.get("name", "")) for line in lines}
    names |= {_named(line.cells["helped"])[0] for line in lines if line.cells.get("helped")}
    found = People()
    wanted = sorted(names - {""})
    for start in range(0, len(wanted), CHUNK):
        rows = connection.execute(
            select(
                Resident.id,
                Resident.household,
                Person.name,
                Person.phone_tail,
                Dwelling.address,
            )
            .join(Person, Person.id == Resident.person)
            .join(Household, Household.id == Resident.household)
            .outerjoin(Dwelling, Dwelling.id == Household.dwelling)
            .where(
                Resident.community == community,
                Resident.valid_to.is_(None),
                Person.name.in_(wanted[start : start + CHUNK]),
            ),
        )
        for row in rows:
            known = Known(row.id, row.household, row.name, row.address or "", row.phone_tail or "")
            found.by_name.setdefault(row.name, []).append(known)
    found.by_address = _homes(connection, community, lines)
    return found


def _homes(
    connection: Connection, community: int, lines: list[Line]
) -> dict[str, list[tuple[UUID, str]]]:
    """Return the households at the addresses of rows without a name."""
    typed = sorted(
        {
            _plain(line.cells["address"])
            for line in lines
            if line.cells.get("address") and not line.cells.get("name")
        },
    )
    found: dict[str, list[tuple[UUID, str]]] = {}
    plain = func.replace(Dwelling.address, " ", "")
    for start in range(0, len(typed), CHUNK // 4):
        ends = [plain.endswith(one, autoescape=True) for one in typed[start : start + CHUNK // 4]]
        rows = connection.execute(
            select(Household.id, Dwelling.address)
            .join(Dwelling, Dwelling.id == Household.dwelling)
            .where(Household.community == community, or_(*ends)),
        )
        for row in rows:
            found.setdefault(row.address, []).append((row.id, row.address))
    return found
