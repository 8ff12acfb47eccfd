"""The defaults of day one are checked as they are loaded: a broken row is named, nothing loads."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import defaults, settings
from core.config import ROOT
from points.earning.rules import rule_in_force
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


@pytest.mark.database("sqlite")
@pytest.mark.parametrize(
    ("name", "key", "change", "reason"),
    [
        (RULES, "serve.hour", ("points_base", "9"), "基准不在区间内"),
        (RULES, "serve.hour", ("points_kind", "gold"), "积分种类不认识"),
        (RULES, "serve.hour", ("cap_per_day", "900"), "上限要依次变大"),
        (RULES, "serve.hour", ("household_cap_per_day", "7"), "全户合计的上限不能比每人的小"),
        (RULES, "survey.answer", ("household_cap_per_day", "7"), "没有全户合计的上限"),
        (RULES, "serve.hour", ("points_min", "3"), "半小时应在 4 到 8 分"),
        (RULES, "serve.hour", ("points_max", "9"), "半小时应在 4 到 8 分"),
        (RULES, "serve.hour", ("holder", "household"), "服务积分归居民"),
        (ACTIVITIES, "service_fair", ("open_to", "全省"), "开放范围不认识"),
        (ACTIVITIES, "service_fair", ("duration_minutes", "175"), "半小时的倍数"),
        (ACTIVITIES, "service_fair", ("serve_rule", "serve.nothing"), "没有规则 serve.nothing"),
        (ACTIVITIES, "service_fair", ("take_part_rule", "serve.hour"), "不能用在这里"),
        (ACTIVITIES, "service_fair", ("serve_rule", "join.activity"), "不能用在这里"),
        (ACTIVITIES, "service_fair", ("duration_minutes", "600"), "每日上限"),
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

    with pytest.raises(defaults.DefaultsBroken) as refusal:
        load(run)

    sentence = refusal.value.sentence()
    assert name in sentence
    assert key in sentence
    assert reason in sentence


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
def test_a_rule_by_household_and_month_counts_once_a_month(folder: Path, run: Run) -> None:
    rows = rows_of(RULES)
    monthly = next(row for row in rows if row["unit"] == "户月")
    monthly["cap_per_month"] = "2"
    write(folder, RULES, rows)

    with pytest.raises(defaults.DefaultsBroken, match="DefaultsBroken") as refusal:
        load(run)

    assert "户月规则每户每月一次" in refusal.value.sentence()


@pytest.mark.database("sqlite")
def test_a_deduction_is_off_until_somebody_turns_it_on(folder: Path, run: Run) -> None:
    rows = rows_of(RULES)
    deduction = next(row for row in rows if int(row["points_base"]) < 0)
    deduction["on_by_default"] = "1"
    write(folder, RULES, rows)

    with pytest.raises(defaults.DefaultsBroken) as refusal:
        load(run)

    assert "默认关闭" in refusal.value.sentence()


@pytest.mark.database("sqlite")
def test_a_third_deduction_is_refused(folder: Path, run: Run) -> None:
    rows = rows_of(RULES)
    deduction = next(row for row in rows if int(row["points_base"]) < 0)
    rows += [{**deduction, "key": f"deduct.more.{number}"} for number in range(2)]
    write(folder, RULES, rows)

    with pytest.raises(defaults.DefaultsBroken) as refusal:
        load(run)

    assert "扣分规则最多两条" in refusal.value.sentence()


@pytest.mark.database("sqlite")
def test_a_key_that_stands_twice_is_refused(folder: Path, run: Run) -> None:
    rows = rows_of(RULES)
    write(folder, RULES, [*rows, rows[0]])

    with pytest.raises(defaults.DefaultsBroken) as refusal:
        load(run)

    assert rows[0]["key"] in refusal.value.sentence()


def test_the_defaults_as_they_are_load(folder: Path, run: Run) -> None:
    load(run)


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
