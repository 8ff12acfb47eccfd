"""The district's guidance catalogue of day one, checked as it is loaded."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from core.defaults import CENTIPOINTS, number, put, refuse_unless, rows
from core.errors import N_
from points.earning.rules import HALF_HOUR
from points.models import CatalogueRule, RuleTopic

if TYPE_CHECKING:
    from core.work import Work

FILE = "rules.csv"
TOPICS_FILE = "topics.csv"
HALF_HOUR_MIN = 4
HALF_HOUR_MAX = 8
DEDUCTIONS_MAX = 2


def load_rules(work: Work, _event: object) -> None:
    """Load topics and catalogue; raises DefaultsBroken and names the row."""
    topics = {row["key"]: row for row in rows(TOPICS_FILE)}
    put(work, RuleTopic, [_topic(row) for row in topics.values()])
    found = rows(FILE)
    twice = [key for key, count in Counter(row["key"] for row in found).items() if count > 1]
    refuse_unless(not twice, FILE, "".join(twice), N_("重复了"))
    for row in found:
        _check(row)
        topic = topics.get(row["topic"])
        fits = topic is not None and topic["points_kind"] == row["points_kind"]
        refuse_unless(fits, FILE, row["key"], N_("积分种类由主题定"))
    deductions = [row["key"] for row in found if int(row["points_base"]) < 0]
    refuse_unless(len(deductions) <= DEDUCTIONS_MAX, FILE, deductions[-1], N_("扣分规则最多两条"))
    put(work, CatalogueRule, [_record(row) for row in found])


def _topic(row: dict[str, str]) -> dict[str, object]:
    return {
        "key": row["key"],
        "name": row["name"],
        "points_kind": row["points_kind"],
        "duty": row["duty"] == "1",
        "points_min": int(row["points_min"]) * CENTIPOINTS,
        "points_max": int(row["points_max"]) * CENTIPOINTS,
        "words": row["words"],
    }


def _check(row: dict[str, str]) -> None:
    low, base, high = (int(row[f"points_{name}"]) for name in ("min", "base", "max"))
    key = row["key"]
    refuse_unless(low <= base <= high, FILE, key, N_("基准不在区间内"))
    refuse_unless(row["points_kind"] in {"basic", "service"}, FILE, key, N_("积分种类不认识"))
    caps = _caps(row, "cap")
    _check_caps(row, caps)
    if row["unit"] == HALF_HOUR:
        refuse_unless(
            low >= HALF_HOUR_MIN and high <= HALF_HOUR_MAX, FILE, key, N_("半小时应在 4 到 8 分")
        )
    if row["unit"] == "户月":
        refuse_unless(
            row["holder"] == "household" and caps["cap_per_month"] == 1,
            FILE,
            key,
            N_("户月规则每户每月一次"),
        )
    if row["points_kind"] == "service":
        refuse_unless(
            row["holder"] == "resident" and low > 0, FILE, key, N_("服务积分归居民，且为正数")
        )
    if base < 0:
        off = row["on_by_default"] == "0"
        fits = row["points_kind"] == "basic" and row["holder"] == "household" and off
        refuse_unless(fits, FILE, key, N_("扣分只扣户的基本积分，默认关闭"))


def _check_caps(row: dict[str, str], own: dict[str, int | None]) -> None:
    key, together = row["key"], _caps(row, "household_cap")
    for caps in (own, together):
        known = [cap for cap in caps.values() if cap is not None]
        refuse_unless(known == sorted(known), FILE, key, N_("日、月、年上限要依次变大"))
    pairs = zip(own.values(), together.values(), strict=True)
    both = [(cap, household) for cap, household in pairs if household is not None]
    fits = not both or row["holder"] == "resident"
    refuse_unless(fits, FILE, key, N_("记给户的规则没有全户合计的上限"))
    fits = all(cap is None or cap <= household for cap, household in both)
    refuse_unless(fits, FILE, key, N_("全户合计的上限不能比每人的小"))


def _caps(row: dict[str, str], of: str) -> dict[str, int | None]:
    """Return the caps of a row, day, month and year, by their columns."""
    names = [f"{of}_per_{period}" for period in ("day", "month", "year")]
    return {name: number(row[name]) for name in names}


def _record(row: dict[str, str]) -> dict[str, object]:
    return {
        "key": row["key"],
        "name": row["name"],
        "topic": row["topic"],
        "points_kind": row["points_kind"],
        "unit": row["unit"],
        "points_base": int(row["points_base"]) * CENTIPOINTS,
        "points_min": int(row["points_min"]) * CENTIPOINTS,
        "points_max": int(row["points_max"]) * CENTIPOINTS,
        **_caps(row, "cap"),
        **_caps(row, "household_cap"),
        "holder": row["holder"],
        "recorded_by": row["recorded_by"],
        "provenance": row["provenance"],
        "on_by_default": row["on_by_default"] == "1",
        "note": row["note"],
    }
