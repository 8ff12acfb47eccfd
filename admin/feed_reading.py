"""Reading the records of a feeder's file: its own number of each, by which rule, whom, when."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from admin.forms import identity, number
from admin.sheet_files import Kind, SheetRow, UnclearError, plain
from core.errors import N_, Rejected
from core.work import SHANGHAI
from points.earning.act_sheets import ActSheetEmpty
from points.feeds.files import ROWS_MAX, FileRow
from points.feeds.items import UNITS_MAX, Item
from points.feeds.meant import Meant
from points.feeds.schemas import KEY_MAX

MOMENT = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?[T ]*"
    r"(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d{1,6})?))?(Z|[+-]\d{2}:?\d{2})?"
)
CODE = re.compile(r"[1-9]\d{11}")


class FeedFileUnreadable(Rejected):
    """The file has no columns of a number, a moment and whom."""

    text = N_(
        "这个文件没有看懂。第一行要有：记录编号、时间，和住址，或姓名、手机号。可以先下载模板。"
    )


class FeedFileTooLong(Rejected):
    """A file has at most a hundred thousand rows."""

    text = N_(
        "这个文件行数太多了。一个文件最多 10 万行，Excel 放不下的请另存为 CSV，或分成几个文件。"
    )


def _is_enough(names: set[str]) -> bool:
    return {"key", "at"} <= names and (
        bool({"address", "id"} & names) or {"name", "phone"} <= names
    )


KIND = Kind(
    columns={
        "key": ("记录编号", "编号", "流水号", "记录号"),
        "rule": ("规则", "做了什么"),
        "community": ("社区", "社区代码"),
        "address": ("住址", "地址"),
        "name": ("姓名", "志愿者姓名", "志愿者"),
        "phone": ("手机号", "手机", "手机号码", "联系电话"),
        "id": ("户或居民的编号", "户的编号", "居民的编号"),
        "at": ("时间", "开始时间", "投放时间", "发生时间", "服务开始时间"),
        "until": ("结束时间", "服务结束时间"),
        "units": ("数量", "次数"),
    },
    is_enough=_is_enough,
    unreadable=FeedFileUnreadable,
    empty=ActSheetEmpty,
    too_long=FeedFileTooLong,
    rows_max=ROWS_MAX,
    times="seconds",
    # One more than a number may have, so that a longer one is seen to be.
    cell_max=KEY_MAX + 1,
    keeps_numbers=False,
)
NO_TIME = N_("时间没有看懂，请写成 2026-11-24 07:12:30。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What names of rules and of communities mean in the file of a feeder."""

    rules: Mapping[str, str]
    places: Mapping[str, int]


def read_row(line: SheetRow[Item], known: Known) -> FileRow:
    """Return a row's item, or what is wrong with it."""
    key = line.cells.get("key", "")
    try:
        item = _item(key, line.cells, known)
    except UnclearError as unclear:
        return FileRow(number=line.number, key=key, item=None, error=str(unclear))
    return FileRow(number=line.number, key=key, item=item)


def _item(key: str, cells: dict[str, str], known: Known) -> Item:
    if not key:
        raise UnclearError(N_("没有写记录编号。每条记录要有自己的编号，同一个编号只记一次。"))
    if len(key) > KEY_MAX:
        raise UnclearError(N_("记录编号太长了，最多 100 个字。"))
    until, units = cells.get("until", ""), cells.get("units", "")
    if until and units:
        raise UnclearError(N_("按时长的只写起止时间，不写数量。"))
    return Item(
        key=key,
        rule=_rule(cells.get("rule", ""), known),
        holder=_holder(cells, known),
        at=_moment(cells.get("at", "")),
        units=_units(units) if units else None,
        until=_moment(until) if until else None,
    )


def _rule(cell: str, known: Known) -> str:
    """Return the rule's key; what the feeder does not record is told when it is recorded."""
    name = plain(cell)
    if name:
        return known.rules.get(name, name)
    keys = {*known.rules.values()}
    if len(keys) > 1:
        raise UnclearError(N_("没有写规则。这个接入方能记几条规则，请写明是哪一条。"))
    return keys.pop()


def _holder(cells: dict[str, str], known: Known) -> Meant:
    given = {name for name in ("address", "name", "phone", "id") if cells.get(name)}
    if given not in ({"address"}, {"name", "phone"}, {"id"}):
        raise UnclearError(N_("请用住址、姓名加手机号、编号三种里的一种说明是谁。"))
    return Meant(
        community=_community(plain(cells.get("community", "")), known),
        address=cells["address"] if "address" in given else None,
        name=cells["name"] if "name" in given else None,
        phone=plain(cells["phone"]) if "phone" in given else None,
        id=_id(cells["id"]) if "id" in given else None,
    )


def _community(name: str, known: Known) -> int | None:
    if not name:
        return None
    if CODE.fullmatch(name):
        return int(name)
    if name not in known.places:
        raise UnclearError(
            N_("没有看懂是哪个社区，请写社区名称，重名的前面加街道，或写 12 位代码。")
        )
    return known.places[name]


def _id(cell: str) -> UUID:
    found = identity(cell)
    if found is None:
        raise UnclearError(N_("户或居民的编号没有看懂，请照工作人员给的填。"))
    return found


def _moment(cell: str) -> dt.datetime:
    """Read 2026-11-24 07:12:30, as clocks in Hangzhou have it unless a zone is written."""
    found = MOMENT.fullmatch(" ".join(unicodedata.normalize("NFKC", cell).split()))
    if found is None:
        raise UnclearError(NO_TIME)
    year, month, day, hour, minute, second, zone = found.groups(default="")
    day_and_time = f"{year}-{month:0>2}-{day:0>2}T{hour:0>2}:{minute}:{second or '00'}"
    try:
        moment = dt.datetime.fromisoformat(day_and_time + zone)
        return (moment if zone else moment.replace(tzinfo=SHANGHAI)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise UnclearError(NO_TIME) from None


def _units(cell: str) -> int:
    found = number(cell)
    if not found or found > UNITS_MAX:
        raise UnclearError(N_("数量要是 1 到 100 的整数。"))
    return found
