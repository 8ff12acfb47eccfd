"""Settings by place and by time: typed from the defaults, added to and never edited."""

from __future__ import annotations

import ast
import csv
import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, insert, select

from core import settings
from core.acts import Actor
from core.config import ROOT
from core.errors import Busy, Forbidden, KeyReused
from core.models import SettingValue
from core.settings import (
    DISTRICT,
    IN_FORCE,
    REGISTRY,
    SetSetting,
    SettingNotForCommunities,
    SettingOutOfRange,
    SettingSet,
    SettingUnknown,
    set_setting,
)
from core.work import Work
from tests.conftest import Clock, Stage
from tests.core.noting import audit
from tests.people import HERE, THERE
from tests.points.raw import Raw
from tests.test_architecture import product, tree_of

Run = Callable[..., Any]
ADMIN = Actor(person=UUID(int=1), role="district_admin", scope_kind="district", place=330102000000)
LEAD = Actor(person=UUID(int=2), role="lead", scope_kind="community", place=HERE)
DAYS = "redeem.pickup_days"


def changed(setting: str, value: str, place: int = DISTRICT, key: str = "k") -> SetSetting:
    return SetSetting(key=key, setting=setting, place=place, value=value)


def stored(connection: Connection) -> list[tuple[str, int, dt.datetime, str]]:
    columns = SettingValue.__table__.columns
    query = select(columns["key"], columns["place"], columns["valid_from"], columns["value"])
    rows = connection.execute(query.order_by(columns["valid_from"], columns["place"])).all()
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def planned(work: Work, command: tuple[str, str, dt.datetime]) -> None:
    """Add a value that holds from a later day, as a district that plans ahead."""
    key, value, day = command
    row = {"key": key, "place": DISTRICT, "valid_from": day, "value": value}
    work.connection.execute(insert(SettingValue).values(set_by=UUID(int=1), **row))
    work.after_commit.append(settings.forget)


# --- the registry ----------------------------------------------------------------------------


def test_every_default_is_typed_and_within_its_bounds() -> None:
    kinds = {"int": int, "percent": int, "bool": bool, "time": dt.time, "choice": str}
    with (ROOT / "data/defaults/settings.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))

    assert list(REGISTRY) == [row["key"] for row in rows]
    for row in rows:
        setting = REGISTRY[row["key"]]
        assert type(setting.default) is kinds[row["type"]], setting.key
        assert setting.parse(row["default"]) == setting.default
        assert setting.scope in {"district", "community"}
        assert setting.name
        assert setting.explanation.endswith("。")


@pytest.mark.parametrize(
    ("key", "refused", "taken"),
    [
        (
            DAYS,
            ("0", "31", "-1", "7.5", "sieben", "", "9" * 5000),
            {"1": 1, " 30 ": 30, "\uff18": 8},
        ),
        ("points.missing_exit_percent", ("-1", "101", "50%"), {"0": 0, "100": 100}),
        ("exchange.join", ("2", "yes", "", "True"), {"0": False, "1": True}),
        (
            "points.settle_at",
            ("05:01", "25:00", "2", "02:00+08:00", ""),
            {"00:00": dt.time(0), "05:00": dt.time(5)},
        ),
        ("exchange.difference", ("burn", "", "退休"), {"retire": "retire", "host": "host"}),
    ],
)
def test_a_value_is_of_its_type_and_within_its_bounds(
    key: str, refused: tuple[str, ...], taken: dict[str, settings.Value]
) -> None:
    setting = REGISTRY[key]

    for raw in refused:
        with pytest.raises(SettingOutOfRange) as refusal:
            setting.parse(raw)
        assert setting.range in refusal.value.sentence()
    assert {raw: setting.parse(raw) for raw in taken} == taken


def test_bounds_are_said_in_chinese() -> None:
    assert REGISTRY[DAYS].range == "1 到 30"
    assert REGISTRY["points.settle_at"].range == "00:00 到 05:00"
    assert REGISTRY["exchange.join"].range == "开或关"
    assert REGISTRY["exchange.round"].range == "整分、一位小数、两位小数"


def words_of(files: list[Path]) -> Iterator[str]:
    for file in files:
        for node in ast.walk(tree_of(file)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_what_code_obeys_is_in_force_and_nothing_else_is() -> None:
    files = [file for file in product() if file != ROOT / "core" / "settings.py"]

    assert {word for word in words_of(files) if word in REGISTRY} == IN_FORCE


# --- by place --------------------------------------------------------------------------------


def test_without_a_stored_value_the_default_holds(ask: Run, clock: Clock) -> None:
    assert ask(settings.integer, DAYS, clock.now) == 7
    assert ask(settings.integer, DAYS, clock.now, HERE) == 7
    assert ask(settings.flag, "exchange.join", clock.now, HERE) is True
    assert ask(settings.choice, "exchange.round", clock.now) == "1"
    assert ask(settings.time_of, "points.settle_at", clock.now) == dt.time(2)


def test_a_community_goes_before_the_district_and_the_district_before_the_default(
    run: Run, ask: Run, clock: Clock
) -> None:
    run(set_setting, changed(DAYS, "10"), ADMIN)
    assert ask(settings.integer, DAYS, clock.now, HERE) == 10

    run(set_setting, changed(DAYS, "3", HERE), LEAD)

    assert ask(settings.integer, DAYS, clock.now, HERE) == 3
    assert ask(settings.integer, DAYS, clock.now, THERE) == 10
    assert ask(settings.integer, DAYS, clock.now) == 10


def test_a_place_says_nothing_where_only_the_district_may(ask: Run, clock: Clock, run: Run) -> None:
    run(set_setting, changed("exchange.quote_minutes", "20"), ADMIN)
    with pytest.raises(SettingNotForCommunities):
        run(set_setting, changed("exchange.quote_minutes", "25", HERE), LEAD)

    assert ask(settings.integer, "exchange.quote_minutes", clock.now, HERE) == 20


def test_nobody_sets_what_is_not_theirs_to_set(run: Run, ask: Run) -> None:
    staff = Actor(person=UUID(int=3), role="staff", scope_kind="community", place=HERE)
    for actor, place in ((LEAD, DISTRICT), (LEAD, THERE), (staff, HERE), (ADMIN, HERE)):
        with pytest.raises(Forbidden):
            run(set_setting, changed(DAYS, "3", place), actor)

    assert ask(stored) == []


def test_what_is_out_of_bounds_or_unknown_is_not_stored(run: Run, ask: Run) -> None:
    with pytest.raises(SettingOutOfRange):
        run(set_setting, changed(DAYS, "31"), ADMIN)
    for key in ("nothing", "", "clearing.silence_days"):
        with pytest.raises(SettingUnknown):
            run(set_setting, changed(key, "1"), ADMIN)

    assert ask(stored) == []


# --- by time ---------------------------------------------------------------------------------


def test_a_value_holds_from_its_moment_on(run: Run, ask: Run, clock: Clock) -> None:
    tomorrow = clock.now + dt.timedelta(days=1)
    run(planned, (DAYS, "14", tomorrow))

    assert ask(settings.integer, DAYS, clock.now) == 7
    assert ask(settings.integer, DAYS, tomorrow - dt.timedelta(seconds=1)) == 7
    assert ask(settings.integer, DAYS, tomorrow) == 14


def test_what_is_set_today_holds_until_what_was_planned(run: Run, ask: Run, clock: Clock) -> None:
    tomorrow = clock.now + dt.timedelta(days=1)
    run(planned, (DAYS, "14", tomorrow))

    run(set_setting, changed(DAYS, "14"), ADMIN)

    assert ask(settings.integer, DAYS, clock.now) == 14
    assert len(ask(stored)) == 2


def test_the_past_is_never_edited(run: Run, ask: Run, clock: Clock) -> None:
    began = clock.now
    run(set_setting, changed(DAYS, "10", key="a"), ADMIN)
    clock.advance(days=1)
    run(set_setting, changed(DAYS, "5", key="b"), ADMIN)

    assert ask(stored) == [(DAYS, 0, began, "10"), (DAYS, 0, clock.now, "5")]
    assert ask(settings.integer, DAYS, began) == 10
    assert ask(settings.integer, DAYS, clock.now) == 5


def test_two_values_of_one_moment_are_one_too_many(run: Run, ask: Run) -> None:
    run(set_setting, changed(DAYS, "10", key="a"), ADMIN)
    with pytest.raises(Busy):
        run(set_setting, changed(DAYS, "11", key="b"), ADMIN)

    assert [row[3] for row in ask(stored)] == ["10"]


def test_the_same_value_again_changes_nothing(run: Run, ask: Run, clock: Clock) -> None:
    first = run(set_setting, changed(DAYS, "10", key="a"), ADMIN)
    clock.advance(days=1)
    again = run(set_setting, changed(DAYS, " 10", key="b"), ADMIN)

    assert first == again == SettingSet(setting=DAYS, place=DISTRICT, value="10")
    assert len(ask(stored)) == 1
    assert [row.key for row in ask(audit, "set_setting")] == ["a", "b"]


@pytest.mark.parametrize("first", ["10", "7"])
def test_a_repeat_changes_nothing_whatever_was_set_since(
    run: Run, ask: Run, clock: Clock, first: str
) -> None:
    run(set_setting, changed(DAYS, "7", key="before"), ADMIN)
    clock.advance(days=1)
    done = run(set_setting, changed(DAYS, first, key="a"), ADMIN)
    clock.advance(days=1)
    run(set_setting, changed(DAYS, "12", key="b"), ADMIN)
    clock.advance(days=1)

    assert run(set_setting, changed(DAYS, first, key="a"), ADMIN) == done

    assert ask(stored)[-1][3] == "12"


def test_a_form_sent_twice_is_one_change_and_with_other_words_a_conflict(
    run: Run, ask: Run, clock: Clock
) -> None:
    run(set_setting, changed(DAYS, "10"), ADMIN)
    run(set_setting, changed(DAYS, "10"), ADMIN)
    clock.advance(seconds=1)
    with pytest.raises(KeyReused):
        run(set_setting, changed(DAYS, "11"), ADMIN)

    assert [row[3] for row in ask(stored)] == ["10"]


# --- the ten seconds -------------------------------------------------------------------------

ELSEWHERE = (
    "INSERT INTO setting_values (key, place, valid_from, value, set_by) VALUES"
    " ('redeem.pickup_days', 0, '2026-11-24 01:00:00+00:00', '21',"
    " '00000000000000000000000000000001')"
)


@pytest.fixture
def elsewhere(stage: Stage, ask: Run, clock: Clock) -> None:
    """Another process has changed a setting a moment after this one had read them all."""
    assert ask(settings.integer, DAYS, clock.now) == 7
    with Raw(stage) as raw:
        statement = ELSEWHERE if stage.address else ELSEWHERE.replace("+00:00", ".000000")
        raw.execute(statement)


def test_a_change_elsewhere_is_obeyed_after_ten_seconds(
    elsewhere: None, ask: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(settings.integer, DAYS, clock.now) == 7
    assert settings.CACHE_SECONDS == 10
    monkeypatch.setattr(settings, "CACHE_SECONDS", -1.0)

    assert ask(settings.integer, DAYS, clock.now) == 21


def test_a_change_here_is_obeyed_at_once(ask: Run, run: Run, clock: Clock) -> None:
    assert ask(settings.integer, DAYS, clock.now) == 7
    run(set_setting, changed(DAYS, "10"), ADMIN)

    assert ask(settings.integer, DAYS, clock.now) == 10


def test_many_questions_are_one_statement(
    app: Flask, ask: Run, clock: Clock, statements: Run
) -> None:
    with app.app_context():
        settings.forget()
    with statements() as seen:
        for key in (DAYS, "exchange.quote_minutes", "quota.order_points"):
            ask(settings.integer, key, clock.now, HERE)

    assert sum("setting_values" in statement for statement in seen) == 1


def test_setting_back_what_this_process_still_believes_in_is_a_change(
    run: Run, ask: Run, stage: Stage, clock: Clock
) -> None:
    run(set_setting, changed(DAYS, "10", key="a"), ADMIN)
    assert ask(settings.integer, DAYS, clock.now) == 10
    clock.advance(seconds=1)
    with Raw(stage) as raw:
        raw.execute("UPDATE setting_values SET value = '21'")
    run(set_setting, changed(DAYS, "10", key="b"), ADMIN)

    assert [row[3] for row in ask(stored)] == ["21", "10"]
    assert ask(settings.integer, DAYS, clock.now) == 10
