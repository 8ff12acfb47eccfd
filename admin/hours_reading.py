"""Reading the hours of 志愿浙江 as the platform exports them, in CSV or Excel."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from admin.forms import number as plain_number
from core.directory import directory
from core.errors import N_, Rejected
from core.served import Span
from core.work import SHANGHAI
from points.earning.act_sheets import ROWS_MAX, ActSheetEmpty, ActSheetTooLong
from points.feeds.imported import HoursRow, whole_day

if TYPE_CHECKING:
    from sqlalchemy import Connection


def _plain(cell: str) -> str:
    return "".join(unicodedata.normalize("NFKC", cell).split())


HEADS: dict[str, tuple[str, ...]] = {
    "name": ("姓名", "志愿者姓名", "志愿者"),
    "phone": ("手机号", "手机", "手机号码", "联系电话", "电话"),
    "starts": ("开始时间", "开始", "签到时间", "服务开始时间"),
    "ends": ("结束时间", "结束", "签退时间", "服务结束时间"),
    "day": ("日期", "服务日期", "活动日期"),
    "hours": ("时长", "服务时长", "志愿时长", "时长（小时）", "服务时长（小时）"),
    "line": ("行",),
}
COLUMNS = {_plain(head): name for name, heads in HEADS.items() for head in heads}
NAMES = tuple(HEADS)
CELL_MAX = 60
DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
TIME = re.compile(r"(?<!\d)(\d{1,2}):(\d{2})(?::\d{2})?")
HOURS = re.compile(r"(\d{1,2}(?:\.\d{1,2})?)(?:小时|h)?|(?:(\d{1,2})小时)?(\d{1,4})分钟?")
DAY_MINUTES = 24 * 60


class HoursUnreadable(Rejected):
    """The file has no columns of a name, a number and hours."""

    text = N_("这张表没有看懂。第一行要有：姓名、手机号，和开始时间、结束时间；或日期、时长。")


@dataclass(slots=True)
class HoursLine:
    """A row as it came, the hours that it means, or why it means none and in which cell."""

    number: int
    cells: dict[str, str]
    row: HoursRow | None = None
    error: str = ""
    field: str = ""


class _UnclearError(Exception):
    """A row does not say enough; the words are for the one who looks."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field


def hours_of(table: list[list[str]]) -> list[HoursLine]:
    """Return the rows under the head; raises HoursUnreadable, ActSheetEmpty, ActSheetTooLong."""
    start = next((index for index, row in enumerate(table) if any(row)), None)
    if start is None:
        raise ActSheetEmpty
    head = [COLUMNS.get(_plain(cell)) for cell in table[start]]
    known = set(head)
    if not {"name", "phone"} <= known or not ({"starts", "ends"} <= known or "hours" in known):
        raise HoursUnreadable
    found = []
    for number, row in enumerate(table[start + 1 :], start=start + 2):
        cells = {name: cell[:CELL_MAX] for name, cell in zip(head, row, strict=False) if name}
        # Between the look and the yes, a row keeps the number that it has in the file.
        line = plain_number(cells.pop("line", "")) or number
        if any(cells.values()):
            found.append(HoursLine(number=line, cells=cells))
    if not found:
        raise ActSheetEmpty
    if len(found) > ROWS_MAX:
        raise ActSheetTooLong
    return found


def cells_text(lines: Iterable[HoursLine]) -> str:
    """Return the rows as the form keeps them between the look and the yes."""
    rows = ["\t".join(HEADS[name][0] for name in NAMES)]
    for line in lines:
        kept = line.cells | {"line": str(line.number)}
        cells = (kept.get(name, "") for name in NAMES)
        rows.append("\t".join(" ".join(cell.split()) for cell in cells))
    return "\n".join(rows)


def understand_hours(connection: Connection, community: int, lines: list[HoursLine]) -> None:
    """Find each row's resident and time, or say what is wrong with it."""
    people = directory().residents_named(
        connection,
        {(line.cells.get("name", ""), line.cells.get("phone", "")) for line in lines},
    )
    standings = directory().standings(connection, people.values())
    here = {who for who, each in standings.items() if each.community == community}
    for line in lines:
        resident = people.get((line.cells.get("name", ""), line.cells.get("phone", "")))
        if resident is None or resident not in here:
            line.error, line.field = N_("本社区没有这个姓名和手机号的居民。"), "name"
            continue
        try:
            span, minutes = _time(line.cells)
        except _UnclearError as unclear:
            line.error, line.field = str(unclear), unclear.field
            continue
        line.row = HoursRow(number=line.number, resident=resident, span=span, minutes=minutes)


def _time(cells: dict[str, str]) -> tuple[Span, int | None]:
    """Return when it was; where only hours are given, the whole day and how many minutes."""
    day = _day(cells.get("day", ""))
    starts, ends = cells.get("starts", ""), cells.get("ends", "")
    if TIME.search(_spaced(starts)) and TIME.search(_spaced(ends)):
        start = _moment("starts", starts, day)
        end = _moment("ends", ends, start.astimezone(SHANGHAI).date())
        return Span(start, end), None
    if ends and not starts:
        raise _UnclearError("starts", N_("有结束时间，没有开始时间。"))
    day = day or _day(starts)
    if day is None:
        raise _UnclearError("day", N_("时间没有看懂，请写成 2026-11-20 09:00。"))
    return whole_day(day), _minutes(cells.get("hours", ""))


def _spaced(cell: str) -> str:
    return unicodedata.normalize("NFKC", cell)


def _day(cell: str) -> dt.date | None:
    found = DAY.search(_spaced(cell))
    if found is None:
        return None
    try:
        return dt.date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None


def _moment(field: str, cell: str, day: dt.date | None) -> dt.datetime:
    plain = _spaced(cell)
    day = _day(plain) or day
    found = TIME.search(DAY.sub(" ", plain))
    try:
        if day is None or found is None:
            raise ValueError  # noqa: TRY301 - the same sentence for all that is no moment
        at = dt.time(int(found[1]), int(found[2]))
        return dt.datetime.combine(day, at, SHANGHAI).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise _UnclearError(field, N_("时间没有看懂，请写成 2026-11-20 09:00。")) from None


def _minutes(cell: str) -> int:
    found = HOURS.fullmatch(_plain(cell))
    hours, more = (found[1] or found[2] or 0, found[3] or 0) if found else (0, 0)
    minutes = round(float(hours) * 60) + int(more)
    if not 0 < minutes <= DAY_MINUTES:
        raise _UnclearError("hours", N_("时长没有看懂，请写小时数，像 2 或 1.5。"))
    return minutes
