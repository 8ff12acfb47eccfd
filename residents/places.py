"""Loading a district's places by their 12-digit statistical codes."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sqlalchemy import select

from core.errors import N_, Conflict, NotFound, Rejected
from residents.events import PlacesLoaded
from residents.models import Community, District, Subdistrict

if TYPE_CHECKING:
    from core.work import Work

Level = Literal["district", "street", "community"]
LEVELS: tuple[Level, ...] = ("district", "street", "community")
COLUMNS = ("code12", "level", "name", "parent_code12")
"""What a file has to have; ``valid_to`` and ``successor_code12`` may say that communities end."""

CODE_DIGITS = 12
VILLAGES = range(200, 400)
"""Last three digits of a village's code, by the bureau's rules for statistical codes."""

SHOWN_ERRORS = 100
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
NUMBER = re.compile(r"[0-9]([ -]?[0-9]){4,11}")


class PlacesBroken(Rejected):
    """Rows of the file are broken; nothing of it was loaded."""

    text = N_("文件里有 {count} 行不对，一行也没有导入：{rows}。请改好后再导入。")


class DistrictMissing(Rejected):
    """The file holds no such district."""

    text = N_("文件里没有代码以 {district} 开头的区。请检查六位区划代码。")


class OtherDistrictLoaded(Conflict):
    """One database serves one district."""

    text = N_("这个数据库里已经有{name}。一个区用一个数据库，请为别的区另建一个。")


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """A line of the file as it stands."""

    line: int
    code: str
    level: str
    name: str
    parent: str
    #: The last day of a community that is over, as it is written; "": it goes on, None: not said.
    valid_to: str | None = None
    #: The code of the community that goes on with its people, where one is known.
    successor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlaces:
    """The rows of a file, and the six digits of the district to take from it."""

    rows: tuple[PlaceRow, ...]
    district: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacesImported:
    """How many places the district has, and how many of them are new or changed."""

    subdistricts: int
    communities: int
    changed: int


def read_rows(file: Path) -> tuple[PlaceRow, ...]:
    """Read the file's rows with their line numbers; raises PlacesBroken for another encoding.

    A missing column is refused as well.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise PlacesBroken(count=1, rows=N_("文件不是 UTF-8 编码")) from None
    with io.StringIO(text, newline="") as lines:
        reader = csv.DictReader(lines)
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            words = N_("第 1 行缺少列 {columns}").format(columns="、".join(missing))
            raise PlacesBroken(count=1, rows=words)
        return tuple(
            PlaceRow(
                reader.line_num,
                (row["code12"] or "").strip(),
                (row["level"] or "").strip(),
                (row["name"] or "").strip(),
                (row["parent_code12"] or "").strip(),
                (row["valid_to"] or "").strip() if "valid_to" in row else None,
                (row.get("successor_code12") or "").strip(),
            )
            for row in reader
        )


def import_places(work: Work, command: ImportPlaces) -> PlacesImported:
    """Load one district of the file, all or nothing; loading it again changes nothing.

    Raises PlacesBroken (every broken row with its line), DistrictMissing, OtherDistrictLoaded.
    """
    rows = [row for row in command.rows if row.code.startswith(command.district)]
    errors = list(_errors(command.rows))
    if errors:
        shown = "；".join(errors[:SHOWN_ERRORS])
        if len(errors) > SHOWN_ERRORS:
            shown += N_("；还有 {rest} 行").format(rest=len(errors) - SHOWN_ERRORS)
        raise PlacesBroken(count=len(errors), rows=shown)
    district = [row for row in rows if row.level == "district"]
    if len(command.district) != 6 or not district:  # noqa: PLR2004 - GB/T 2260 codes have six digits
        raise DistrictMissing(district=command.district)
    other = work.session.scalar(select(District).where(District.code != int(district[0].code)))
    if other is not None:
        raise OtherDistrictLoaded(name=other.name)
    streets = [row for row in rows if row.level == "street"]
    communities = [row for row in rows if row.level == "community"]
    changed = _put_district(work, district[0]) + _put_subdistricts(work, streets)
    changed += _put_communities(work, communities, {row.code: row.name for row in streets})
    work.session.flush()
    codes = tuple(int(row.code) for row in communities)
    work.publish(PlacesLoaded(int(district[0].code), codes))
    return PlacesImported(
        subdistricts=len(streets),
        communities=len(communities),
        changed=changed,
    )


def _errors(rows: Sequence[PlaceRow]) -> Iterable[str]:
    """Name every broken row; the whole file is checked, whichever district is wanted."""
    known: dict[str, str] = {}
    communities = {row.code: row for row in rows if row.level == "community"}
    for row in rows:
        reason = _reason(row, known) or _end_reason(row, communities)
        if reason:
            yield N_("第 {line} 行{reason}").format(line=row.line, reason=reason)
        known.setdefault(row.code, row.level)


def _reason(row: PlaceRow, known: dict[str, str]) -> str:  # noqa: PLR0911 - a list of reasons
    if len(row.code) != CODE_DIGITS or not row.code.isascii() or not row.code.isdigit():
        return N_("代码“{code}”不是十二位数字").format(code=row.code)
    if row.level not in LEVELS:
        return N_("级别“{level}”不认识").format(level=row.level)
    if not row.name:
        return N_("没有名称")
    if row.code in known:
        return N_("代码 {code} 重复").format(code=row.code)
    above = {"street": "district", "community": "street"}.get(row.level)
    if above and known.get(row.parent) != above:
        return N_("上级代码“{code}”不在它前面").format(code=row.parent)
    zeros = "0" * {"district": 6, "street": 3, "community": 0}[row.level]
    own = row.parent[:6] if row.level == "street" else row.parent[:9]
    if not row.code.endswith(zeros) or (above and not row.code.startswith(own)):
        return N_("代码 {code} 和级别或上级不符").format(code=row.code)
    return ""


def _end_reason(row: PlaceRow, communities: Mapping[str, PlaceRow]) -> str:
    """Say what is wrong with the end of a community."""
    if not row.valid_to and not row.successor:
        return ""
    written = row.valid_to or ""
    if row.level != "community" or not DAY.fullmatch(written) or _day(row) is None:
        return N_("撤并日期“{day}”不对，只有社区有，写成 2026-12-31").format(day=written)
    after = communities.get(row.successor)
    if row.successor and (after is None or after.valid_to or after is row):
        return N_("接续社区“{code}”不在文件里，或者也已撤并").format(code=row.successor)
    return ""


def _day(row: PlaceRow) -> dt.date | None:
    try:
        return dt.date.fromisoformat(row.valid_to) if row.valid_to else None
    except ValueError:
        return None


def _put_district(work: Work, row: PlaceRow) -> int:
    found = work.session.get(District, int(row.code))
    if found is None:
        work.session.add(District(code=int(row.code), name=row.name))
        return 1
    changed = found.name != row.name
    found.name = row.name
    return int(changed)


def _put_subdistricts(work: Work, rows: list[PlaceRow]) -> int:
    work.session.flush()
    known = {found.code: found for found in work.session.scalars(select(Subdistrict))}
    changed = 0
    for row in rows:
        found = known.get(int(row.code))
        if found is None:
            work.session.add(
                Subdistrict(code=int(row.code), district=int(row.parent), name=row.name),
            )
            changed += 1
        elif found.name != row.name:
            found.name = row.name
            changed += 1
    work.session.flush()
    return changed


def _put_communities(work: Work, rows: list[PlaceRow], streets: dict[str, str]) -> int:
    known = {found.code: found for found in work.session.scalars(select(Community))}
    twice = Counter(short_name(row.name) for row in rows)
    changed = 0
    for row in rows:
        short = short_name(row.name)
        display = short if twice[short] == 1 else f"{streets[row.parent]}{short}"
        found = known.get(int(row.code))
        end = (_day(row), int(row.successor) if row.successor else None)
        if found is not None and row.valid_to is None:
            end = (found.valid_to, found.successor)
        if found is None:
            work.session.add(
                Community(
                    code=int(row.code),
                    subdistrict=int(row.parent),
                    name=row.name,
                    short_name=short,
                    display_name=display,
                    kind=kind_of(int(row.code)),
                    valid_from=dt.date(work.day.year, 1, 1),
                    valid_to=end[0],
                    successor=end[1],
                ),
            )
            changed += 1
            continue
        before = (found.name, found.display_name, found.valid_to, found.successor)
        found.name, found.short_name, found.display_name = row.name, short, display
        found.valid_to, found.successor = end
        changed += before != (row.name, display, *end)
    return changed


def short_name(name: str) -> str:
    """Return the name that people use: 三村村委会 is 三村村, 长河居委会 is 长河社区."""
    if name.endswith("居委会"):
        return f"{name.removesuffix('居委会').removesuffix('社区')}社区"
    return name.removesuffix("委会")


def kind_of(code: int) -> str:
    """Return village or neighbourhood by the last three digits."""
    return "village" if code % 1000 in VILLAGES else "neighbourhood"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPhone:
    """The number that residents of a place call; ``place`` is a community or the district."""

    place: int
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneSet:
    """The place that has it now."""

    place: int


class PlaceUnknown(NotFound):
    """There is no such community or district."""

    text = N_("没有找到这个社区或区。请检查代码。")


class NumberOdd(Rejected):
    """A number to call is five to twelve digits, with spaces or hyphens between them."""

    text = N_("电话要写全，像 0571-8700 0000。不写就留空。")


def set_phone(work: Work, command: SetPhone) -> PhoneSet:
    """Set the number shown on each page's foot; an empty one leaves it to the district's.

    Raises NumberOdd, PlaceUnknown, Forbidden, NotInYourScope.
    """
    found = work.session.get(Community, command.place) or work.session.get(District, command.place)
    if found is None:
        raise PlaceUnknown
    if isinstance(found, District):
        work.actor.require("setting.district")
    else:
        work.actor.require("setting.community", command.place)
    number = " ".join(unicodedata.normalize("NFKC", command.phone).split())
    if number and not NUMBER.fullmatch(number):
        raise NumberOdd
    if (found.phone or "") == number:
        work.replayed()
    found.phone = number or None
    return PhoneSet(place=command.place)
