"""What the rows of a sheet of acts mean: which rule, who, when and how often."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, or_, select

from admin.forms import number
from admin.sheet_files import Kind, SheetRow, UnclearError, plain
from core.errors import N_, Rejected
from points.earning.act_sheets import ROWS_MAX, ActSheetEmpty, ActSheetTooLong
from points.earning.acts import NOTE_MAX
from points.earning.recorders import Act
from points.earning.rules import Rule
from residents.homes import is_over
from residents.models import Dwelling, Household, Person, Resident

if TYPE_CHECKING:
    from sqlalchemy import Connection

CHUNK = 400
TIME = re.compile(r"\s*\d{1,2}:\d{2}(:\d{2})?\s*$")
"""A workbook's moments bring their time of day along."""


class ActSheetUnreadable(Rejected):
    """The file is neither Excel nor text, or its head has no column that is known."""

    text = N_("这张表没有看懂。请用 Excel 或 CSV，第一行写：规则、姓名、住址、次数、日期、说明。")


KIND = Kind(
    columns={
        "rule": ("规则", "做了什么"),
        "name": ("姓名",),
        "address": ("住址", "室号"),
        "tail": ("手机后四位",),
        "units": ("次数", "数量"),
        "day": ("日期",),
        "note": ("说明", "备注"),
        "helped": ("被帮的人",),
    },
    is_enough=lambda names: "rule" in names and bool({"name", "address"} & names),
    unreadable=ActSheetUnreadable,
    empty=ActSheetEmpty,
    too_long=ActSheetTooLong,
    rows_max=ROWS_MAX,
)
Line = SheetRow[Act]


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


def understand(
    connection: Connection, community: int, lines: list[Line], rules: list[Rule], today: dt.date
) -> None:
    """Find each row's rule, people, day and count, or say what is wrong with it."""
    people = _people(connection, community, lines)
    by_name = {rule.name: rule for rule in rules} | {rule.key: rule for rule in rules}
    for line in lines:
        try:
            line.means = _act(line, people, by_name, today)
        except UnclearError as unclear:
            line.error = str(unclear)


def _act(line: Line, people: People, rules: dict[str, Rule], today: dt.date) -> Act:
    cells = line.cells
    rule = rules.get(plain(cells.get("rule", "")))
    if rule is None:
        raise UnclearError(N_("没有这条规则，或不由您登记。"))
    units = number(cells.get("units") or "1")
    if not units:
        raise UnclearError(N_("次数要是正整数。"))
    day = _day(cells.get("day", ""), today)
    name, address = plain(cells.get("name", "")), plain(cells.get("address", ""))
    tail = plain(cells.get("tail", ""))
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
    rest = plain(rest)
    is_tail = rest.isdigit() and len(rest) == 4  # noqa: PLR2004 - digits of a phone
    return plain(name), "" if is_tail else rest, rest if is_tail else ""


def _day(raw: str, today: dt.date) -> dt.date:
    """Read 2026-11-24, 2026/11/24, 11-24 or 11 月 24 日; empty is today."""
    typed = plain(TIME.sub("", raw))
    if not typed:
        return today
    for mark in ("年", "月", "/", "."):
        typed = typed.replace(mark, "-")
    parts = [number(part) for part in typed.removesuffix("日").split("-")]
    if any(part is None for part in parts) or len(parts) not in {2, 3}:
        raise UnclearError(N_("日期没有看懂，请写成 2026-11-24。"))
    known = [part for part in parts if part is not None]
    year = known[0] if len(known) == 3 else today.year  # noqa: PLR2004 - year, month, day
    try:
        day = dt.date(year, known[-2], known[-1])
        # Without a year, December on a sheet of January is that of last year.
        return day.replace(year=year - 1) if len(known) == 2 and day > today else day  # noqa: PLR2004
    except (ValueError, OverflowError):
        raise UnclearError(N_("日期没有看懂，请写成 2026-11-24。")) from None


def _resident(people: People, name: str, address: str, tail: str) -> Known:
    if not name:
        raise UnclearError(N_("这条规则记给个人，请写姓名。"))
    found = [
        known
        for known in people.by_name.get(name, [])
        if _fits(known.address, address) and (not tail or known.tail == tail)
    ]
    if not found:
        raise UnclearError(N_("本社区没有找到「{name}」。").format(name=name))
    if len(found) > 1:
        raise UnclearError(N_("有 {count} 位同名，请补住址或手机后四位。").format(count=len(found)))
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
        raise UnclearError(N_("没有找到这一户，请写住址，像建国南苑 3-2-401。"))
    if len(found) > 1:
        raise UnclearError(N_("这个住址有几户，请写一位家人的姓名。"))
    return next(iter(found.items()))


def _fits(known: str, typed: str) -> bool:
    """Whether an address is the typed one, or ends with its numbers: 3-2-401."""
    whole = plain(known)
    if not typed or whole == typed:
        return True
    before = whole.removesuffix(typed)
    return whole.endswith(typed) and not before[-1:].isdigit() and before[-1:] != "-"


def _people(connection: Connection, community: int, lines: list[Line]) -> People:
    names = {plain(line.cells.get("name", "")) for line in lines}
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
            plain(line.cells["address"])
            for line in lines
            if line.cells.get("address") and not line.cells.get("name")
        },
    )
    found: dict[str, list[tuple[UUID, str]]] = {}
    address = func.replace(Dwelling.address, " ", "")
    for start in range(0, len(typed), CHUNK // 4):
        ends = [address.endswith(one, autoescape=True) for one in typed[start : start + CHUNK // 4]]
        rows = connection.execute(
            select(Household.id, Dwelling.address)
            .join(Dwelling, Dwelling.id == Household.dwelling)
            .where(Household.community == community, or_(*ends), ~is_over(Household.id)),
        )
        for row in rows:
            found.setdefault(row.address, []).append((row.id, row.address))
    return found
