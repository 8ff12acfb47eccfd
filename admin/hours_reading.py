"""Reading the hours of 志愿浙江 as the platform exports them, in CSV or Excel."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from typing import TYPE_CHECKING

from admin.sheet_files import Kind, SheetRow, UnclearError, plain
from core.directory import directory
from core.errors import N_, Rejected
from core.served import Span
from core.work import SHANGHAI
from points.earning.act_sheets import ROWS_MAX, ActSheetEmpty, ActSheetTooLong
from points.feeds.imported import HoursRow, whole_day

if TYPE_CHECKING:
    from sqlalchemy import Connection


DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
TIME = re.compile(r"(?<!\d)(\d{1,2}):(\d{2})(?::\d{2})?")
ZONED = re.compile(r"(\S+[T ]\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?(Z|[+-]\d{2}:?\d{2})")
"""As programs write a moment: with its zone."""

HOURS = re.compile(r"(\d{1,2}(?:\.\d{1,2})?)(?:小时|h)?|(?:(\d{1,2})小时)?(\d{1,4})分钟?")
DAY_MINUTES = 24 * 60
FIRST, LAST = dt.date(2000, 1, 1), dt.date(2100, 1, 1)
"""No day of service lies before or after."""


class HoursUnreadable(Rejected):
    """The file has no columns of a name, a number and hours."""

    text = N_("这张表没有看懂。第一行要有：姓名、手机号，和开始时间、结束时间；或日期、时长。")


def _is_enough(names: set[str]) -> bool:
    return {"name", "phone"} <= names and ({"starts", "ends"} <= names or "hours" in names)


KIND = Kind(
    columns={
        "name": ("姓名", "志愿者姓名", "志愿者"),
        "phone": ("手机号", "手机", "手机号码", "联系电话", "电话"),
        "starts": ("开始时间", "开始", "签到时间", "服务开始时间"),
        "ends": ("结束时间", "结束", "签退时间", "服务结束时间"),
        "day": ("日期", "服务日期", "活动日期"),
        "hours": ("时长", "服务时长", "志愿时长", "时长（小时）", "服务时长（小时）"),
    },
    is_enough=_is_enough,
    unreadable=HoursUnreadable,
    empty=ActSheetEmpty,
    too_long=ActSheetTooLong,
    rows_max=ROWS_MAX,
    times="minutes",
)
HoursLine = SheetRow[HoursRow]


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
        except UnclearError as unclear:
            line.error, line.field = str(unclear), unclear.field
            continue
        line.means = HoursRow(number=line.number, resident=resident, span=span, minutes=minutes)


def _time(cells: dict[str, str]) -> tuple[Span, int | None]:
    """Return when it was; where only hours are given, the whole day and how many minutes."""
    day = _day(cells.get("day", ""))
    starts, ends = cells.get("starts", ""), cells.get("ends", "")
    if TIME.search(_spaced(starts)) and TIME.search(_spaced(ends)):
        start = _moment("starts", starts, day)
        end = _moment("ends", ends, start.astimezone(SHANGHAI).date())
        return Span(start, end), None
    if ends and not starts:
        raise UnclearError(N_("有结束时间，没有开始时间。"), "starts")
    day = day or _day(starts)
    if day is None:
        raise UnclearError(N_("时间没有看懂，请写成 2026-11-20 09:00。"), "day")
    return whole_day(day), _minutes(cells.get("hours", ""))


def _spaced(cell: str) -> str:
    return unicodedata.normalize("NFKC", cell)


def _day(cell: str) -> dt.date | None:
    found = DAY.search(_spaced(cell))
    if found is None:
        return None
    try:
        day = dt.date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None
    return day if FIRST <= day <= LAST else None


def _moment(field: str, cell: str, day: dt.date | None) -> dt.datetime:
    plain = _spaced(cell)
    own = _day(plain)
    day = own or day
    found, zoned = TIME.search(DAY.sub(" ", plain)), ZONED.fullmatch(plain.strip())
    try:
        if own is not None and zoned is not None:
            return dt.datetime.fromisoformat(zoned[1] + zoned[2]).astimezone(dt.UTC)
        if day is None or found is None:
            raise ValueError  # noqa: TRY301 - the same sentence for all that is no moment
        at = dt.time(int(found[1]), int(found[2]))
        return dt.datetime.combine(day, at, SHANGHAI).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise UnclearError(N_("时间没有看懂，请写成 2026-11-20 09:00。"), field) from None


def _minutes(cell: str) -> int:
    found = HOURS.fullmatch(plain(cell))
    hours, more = (found[1] or found[2] or 0, found[3] or 0) if found else (0, 0)
    minutes = round(float(hours) * 60) + int(more)
    if not 0 < minutes <= DAY_MINUTES:
        raise UnclearError(N_("时长没有看懂，请写小时数，像 2 或 1.5。"), "hours")
    return minutes
