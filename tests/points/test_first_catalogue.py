"""The catalogue of day one: each row is checked to its bounds before anything is loaded."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core import defaults
from core.config import ROOT
from core.defaults import DefaultsBroken
from core.work import Work
from points.defaults import load_rules
from points.models import CatalogueRule, RuleTopic
from tests.points.books import Nothing

pytestmark = pytest.mark.database("sqlite")
Run = Callable[..., Any]
Row = dict[str, str]
Load = Callable[..., None]
RULES = "rules.csv"
HOUR, MONTHLY, ONCE_A_HOME = "serve.hour", "waste.month", "survey.answer"
HELP, TAKEN = "serve.neighbour", "deduct.corridor"
BASE, KIND, ORDER = "基准不在区间内", "积分种类不认识", "日、月、年上限要依次变大"
TOPIC, SERVICE = "积分种类由主题定", "服务积分归居民，且为正数"
HALF_HOUR, MONTH = "半小时应在 4 到 8 分", "户月规则每户每月一次"
TOGETHER, SHARED = "全户合计的上限不能比每人的小", "记给户的规则没有全户合计的上限"
DEDUCTION, TWICE, THIRD = "扣分只扣户的基本积分，默认关闭", "重复了", "扣分规则最多两条"


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Load:
    """Load the catalogue with one row changed, and rows more."""
    copy = tmp_path / "defaults"
    shutil.copytree(ROOT / "data" / "defaults", copy)
    monkeypatch.setattr(defaults, "FOLDER", copy)
    known = defaults.rows(RULES)

    def loaded(work: Work, _command: None) -> Nothing:
        load_rules(work, None)
        return Nothing()

    def changed(key: str, changes: Row, *more: Row) -> None:
        rows = [row | changes if row["key"] == key else row for row in known]
        assert rows != known or more or not changes
        with (copy / RULES).open("w", encoding="utf-8", newline="") as lines:
            writer = csv.DictWriter(lines, list(rows[0]))
            writer.writeheader()
            [row] = [each for each in rows if each["key"] == key]
            writer.writerows([*rows, *(row | each for each in more)])
        run(loaded, None)

    return changed


def refused(load: Load, key: str, changes: Row, *more: Row) -> str:
    with pytest.raises(DefaultsBroken) as found:
        load(key, changes, *more)
    return found.value.sentence()


def sentence(key: str, reason: str) -> str:
    return f"默认数据 rules.csv 里的“{key}”不对：{reason}。请改好后再导入。"


@pytest.mark.parametrize(
    ("key", "changes", "reason"),
    [
        (HOUR, {"points_base": "3"}, BASE),
        (HOUR, {"points_base": "9"}, BASE),
        (HOUR, {"points_kind": "gold"}, KIND),
        (HOUR, {"cap_per_day": "81"}, ORDER),
        (HOUR, {"cap_per_month": "481"}, ORDER),
        (HOUR, {"cap_per_month": "", "cap_per_day": "481"}, ORDER),
        (HOUR, {"household_cap_per_day": "12", "household_cap_per_month": "11"}, ORDER),
        (HOUR, {"household_cap_per_day": "7"}, TOGETHER),
        (HOUR, {"household_cap_per_month": "79"}, TOGETHER),
        (HOUR, {"household_cap_per_year": "479"}, TOGETHER),
        (ONCE_A_HOME, {"household_cap_per_month": "2"}, SHARED),
        (HOUR, {"points_min": "3"}, HALF_HOUR),
        (HOUR, {"points_max": "9"}, HALF_HOUR),
        (MONTHLY, {"cap_per_month": "2"}, MONTH),
        (MONTHLY, {"holder": "resident"}, MONTH),
        (HOUR, {"holder": "household"}, SERVICE),
        (HELP, {"points_min": "0"}, SERVICE),
        (TAKEN, {"on_by_default": "1"}, DEDUCTION),
        (TAKEN, {"unit": "次", "holder": "resident"}, DEDUCTION),
        (HOUR, {"topic": "join"}, TOPIC),
        (HOUR, {"topic": "nothing"}, TOPIC),
    ],
)
def test_a_row_that_breaks_a_rule_is_named_with_the_reason(
    load: Load, key: str, changes: Row, reason: str
) -> None:
    assert refused(load, key, changes) == sentence(key, reason)


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        (HOUR, {"points_base": "4"}),
        (HOUR, {"points_base": "8"}),
        (HOUR, {"cap_per_day": "80", "cap_per_month": "80", "cap_per_year": "80"}),
        (HOUR, {"cap_per_month": ""}),
        (HOUR, {"household_cap_per_day": "8", "household_cap_per_year": "480"}),
        (HOUR, {"cap_per_day": "", "household_cap_per_day": "1"}),
        (HELP, {"points_min": "1"}),
        (TAKEN, {"unit": "次"}),
    ],
)
def test_a_row_exactly_at_its_bounds_loads(load: Load, key: str, changes: Row) -> None:
    load(key, changes)


def test_a_key_that_stands_twice_and_a_third_deduction_are_named(load: Load) -> None:
    assert refused(load, HOUR, {}, {}) == sentence(HOUR, TWICE)
    third = {"key": "deduct.third"}
    assert refused(load, TAKEN, {}, third) == sentence("deduct.third", THIRD)


def test_a_rule_and_a_topic_are_loaded_as_their_rows_say(load: Load, ask: Run) -> None:
    load(HOUR, {"household_cap_per_day": "12", "household_cap_per_year": "600"})

    def row(model: Any, key: str) -> dict[str, Any]:
        query = select(model.__table__).where(model.key == key)
        return dict(ask(lambda c: c.execute(query).one())._mapping)

    hour = row(CatalogueRule, HOUR)
    assert hour.pop("note").startswith("签到和签退都有才计时")
    nobodys_own = dict.fromkeys(("community", "from_community", "from_rule", "cap_per_act"))
    assert hour == nobodys_own | {
        "key": HOUR,
        "name": "志愿服务",
        "topic": "serve",
        "points_kind": "service",
        "unit": "半小时",
        "points_base": 500,
        "points_min": 400,
        "points_max": 800,
        "cap_per_day": 8,
        "cap_per_month": 80,
        "cap_per_year": 480,
        "household_cap_per_day": 12,
        "household_cap_per_month": None,
        "household_cap_per_year": 600,
        "holder": "resident",
        "recorded_by": "自助扫码|社工",
        "provenance": "verified",
        "on_by_default": True,
    }
    assert row(CatalogueRule, TAKEN)["on_by_default"] is False
    assert row(RuleTopic, "join") == {
        "key": "join",
        "name": "参加活动和议事",
        "points_kind": "basic",
        "duty": False,
        "points_min": 100,
        "points_max": 300,
        "words": "",
    }
