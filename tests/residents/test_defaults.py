"""The defaults of day one are checked as they are loaded: a broken row is named, nothing loads."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from core import defaults, settings
from core.config import ROOT
from points.earning.rules import rule_in_force
from points.models import CatalogueRule, RuleTopic
from residents import places
from tests.people import HERE
from tests.residents.test_import_places import FILE

Run = Callable[..., Any]
RULES, ACTIVITIES, ITEMS = "rules.csv", "activities.csv", "items.csv"


def rows_of(name: str) -> list[dict[str, str]]:
    with (ROOT / "data" / "defaults" / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the defaults that a test may break."""
    copy = tmp_path / "defaults"
    shutil.copytree(ROOT / "data" / "defaults", copy)
    monkeypatch.setattr(defaults, "FOLDER", copy)
    return copy


def write(folder: Path, name: str, rows: list[dict[str, str]]) -> None:
    with (folder / name).open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def load(run: Run) -> None:
    command = places.ImportPlaces(rows=places.read_rows(FILE), district="330102")
    run(places.import_places, command)


def refusal(run: Run) -> str:
    """Return what loading the broken defaults says."""
    with pytest.raises(defaults.DefaultsBroken) as refused:
        load(run)
    return refused.value.sentence()


BY_MONTH = "户月规则每户每月一次"
PERSONAL = "服务积分归居民，且为正数"
TAKEN = "扣分只扣户的基本积分，默认关闭"
TOPIC = "积分种类由主题定"


@pytest.mark.database("sqlite")
@pytest.mark.parametrize(
    ("name", "key", "change", "reason"),
    [
        (RULES, "serve.hour", ("points_base", "9"), "基准不在区间内"),
        (RULES, "serve.hour", ("points_base", "3"), "基准不在区间内"),
        (RULES, "serve.hour", ("points_kind", "gold"), "积分种类不认识"),
        (RULES, "serve.hour", ("topic", "waste"), TOPIC),
        (RULES, "serve.hour", ("topic", "nothing"), TOPIC),
        (RULES, "serve.hour", ("cap_per_day", "900"), "日、月、年上限要依次变大"),
        (RULES, "serve.hour", ("household_cap_per_day", "7"), "全户合计的上限不能比每人的小"),
        (RULES, "survey.answer", ("household_cap_per_day", "7"), "记给户的规则没有全户合计的上限"),
        (RULES, "serve.hour", ("points_min", "3"), "半小时应在 4 到 8 分"),
        (RULES, "serve.hour", ("points_max", "9"), "半小时应在 4 到 8 分"),
        (RULES, "serve.hour", ("holder", "household"), PERSONAL),
        (RULES, "serve.neighbour", ("points_min", "0"), PERSONAL),
        (RULES, "covenant.corridor", ("cap_per_month", "2"), BY_MONTH),
        (RULES, "covenant.corridor", ("holder", "resident"), BY_MONTH),
        (RULES, "deduct.waste", ("on_by_default", "1"), TAKEN),
        (ACTIVITIES, "service_fair", ("open_to", "全省"), "开放范围不认识"),
        (ACTIVITIES, "service_fair", ("duration_minutes", "175"), "时长应是半小时的倍数"),
        (ACTIVITIES, "service_fair", ("serve_rule", "serve.nothing"), "没有规则 serve.nothing"),
        (
            ACTIVITIES,
            "service_fair",
            ("take_part_rule", "serve.hour"),
            "规则 serve.hour 不能用在这里",
        ),
        (
            ACTIVITIES,
            "service_fair",
            ("serve_rule", "join.activity"),
            "规则 join.activity 不能用在这里",
        ),
        (ACTIVITIES, "service_fair", ("duration_minutes", "600"), "时长超过规则的每日上限"),
        (ITEMS, "tissue", ("price_points", "0"), "标价应在 1 到 100 分"),
        (ITEMS, "tissue", ("price_points", "101"), "标价应在 1 到 100 分"),
    ],
)
def test_a_broken_row_is_named_with_its_reason(
    folder: Path,
    run: Run,
    name: str,
    key: str,
    change: tuple[str, str],
    reason: str,
) -> None:
    rows = rows_of(name)
    column, value = change
    changed = next(row for row in rows if row["key"] == key)
    assert changed[column] != value
    changed[column] = value
    write(folder, name, rows)

    assert refusal(run) == f"默认数据 {name} 里的“{key}”不对：{reason}。请改好后再导入。"


@pytest.mark.database("sqlite")
def test_what_stands_exactly_at_its_bound_loads(folder: Path, run: Run, ask: Run) -> None:
    rows = rows_of(RULES)
    by_key = {row["key"]: row for row in rows}
    by_key["serve.hour"] |= {"household_cap_per_day": "8", "points_base": "8"}
    by_key["serve.neighbour"] |= {"points_base": "1", "points_min": "1", "cap_per_month": "2"}
    write(folder, RULES, rows)
    load(run)

    hour, help_ = (
        ask(rule_in_force, HERE, key, dt.date(2026, 11, 24))
        for key in ("serve.hour", "serve.neighbour")
    )
    assert (hour.household_cap_per_day, hour.cap_per_day, hour.amount) == (8, 8, 800)
    assert (help_.amount, help_.caps) == (100, (60, 2, 2))


def test_the_catalogue_and_its_topics_say_what_the_files_say(run: Run, ask: Run) -> None:
    load(run)
    rule = select(CatalogueRule.__table__).where(CatalogueRule.key == "deduct.waste")
    topic = select(RuleTopic.__table__).where(RuleTopic.key == "waste")

    assert ask(Connection.execute, rule).mappings().one() == {
        "key": "deduct.waste",
        "name": "垃圾混投未改",
        "topic": "waste",
        "points_kind": "basic",
        "community": None,
        "from_community": None,
        "from_rule": None,
        "unit": "户月",
        "points_base": -200,
        "points_min": -300,
        "points_max": -100,
        "cap_per_act": None,
        "cap_per_day": None,
        "cap_per_month": 1,
        "cap_per_year": 6,
        "household_cap_per_day": None,
        "household_cap_per_month": None,
        "household_cap_per_year": None,
        "holder": "household",
        "recorded_by": "社工",
        "provenance": "recorded",
        "on_by_default": False,
        "note": "至少提醒两次并留下记录后才记；只扣到零，本户可以说明，不影响已得称号和服务积分。",
    }
    assert ask(Connection.execute, topic).mappings().one() == {
        "key": "waste",
        "name": "垃圾分类",
        "points_kind": "basic",
        "duty": True,
        "points_min": 100,
        "points_max": 1500,
        "words": "垃圾+分类|垃圾+投放|垃圾混投|厨余|分类+投放|分类+打卡"
        "|易腐|干湿|可回收+投放|垃圾+合格",
    }


def test_the_catalogue_has_caps_of_each_and_of_a_household_together(
    folder: Path, run: Run, ask: Run
) -> None:
    rows = rows_of(RULES)
    hour = next(row for row in rows if row["key"] == "serve.hour")
    hour |= {"household_cap_per_day": "12", "household_cap_per_year": "600"}
    write(folder, RULES, rows)
    load(run)
    found = ask(rule_in_force, HERE, "serve.hour", dt.date(2026, 11, 24))

    assert (found.caps, found.household_caps) == ((480, 80, 8), (600, None, 12))
    hour["household_cap_per_month"] = "11"
    write(folder, RULES, rows)
    with pytest.raises(defaults.DefaultsBroken):
        load(run)


@pytest.mark.database("sqlite")
def test_a_third_deduction_is_refused(folder: Path, run: Run) -> None:
    rows = rows_of(RULES)
    deduction = next(row for row in rows if int(row["points_base"]) < 0)
    rows += [{**deduction, "key": f"deduct.more.{number}"} for number in range(2)]
    write(folder, RULES, rows)

    assert "“deduct.more.1”不对：扣分规则最多两条。" in refusal(run)


@pytest.mark.database("sqlite")
def test_a_key_that_stands_twice_is_refused(folder: Path, run: Run) -> None:
    rows = rows_of(RULES)
    write(folder, RULES, [*rows, rows[0]])

    assert f"“{rows[0]['key']}”不对：重复了。" in refusal(run)


@pytest.mark.parametrize(
    ("column", "value"),
    [("default", "0"), ("default", "many"), ("default", "31"), ("max", "2")],
)
def test_a_setting_whose_default_lies_outside_its_range_is_refused(
    column: str,
    value: str,
) -> None:
    row = next(row for row in rows_of("settings.csv") if row["key"] == "redeem.pickup_days")

    assert settings._row(row).default == settings.REGISTRY["redeem.pickup_days"].default
    with pytest.raises((settings.SettingOutOfRange, ValueError)):
        settings._row({**row, column: value})


def test_every_setting_that_is_in_force_is_in_the_file() -> None:
    assert settings.REGISTRY.keys() >= settings.IN_FORCE
