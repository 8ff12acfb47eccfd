"""Loading a district: by code, twice without harm, all or nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import Connection, text

from app import create_app
from core.config import ROOT, Config
from core.db import db
from residents import places, queries
from residents.places import kind_of, short_name
from tests import postgres
from tests.conftest import SERVER
from tests.residents.forms import count

Run = Callable[..., Any]
FILE = ROOT / "data" / "hangzhou_divisions.csv"
GOOD = "330102001990,community,新建社区,330102001000,330102,上城区,清波街道"


def command(district: str = "330102", file: Path = FILE) -> places.ImportPlaces:
    return places.ImportPlaces(rows=places.read_rows(file), district=district)


@pytest.fixture
def empty(database: str, tmp_path: Path) -> Iterator[Flask]:
    """An application on a database that has its tables and nothing in them."""
    url = f"sqlite:///{tmp_path}/empty.sqlite"
    if database == "postgresql":
        name = f"linli_empty_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
        postgres.recreate(os.environ[SERVER], name)
        url = postgres.url_of(os.environ[SERVER], name)
    app = create_app(
        Config(environment="test", database_url=url, secret_key="s" * 40, instance=tmp_path),
    )
    with app.app_context():
        upgrade()
    yield app
    with app.app_context():
        db.engine.dispose()


def test_the_district_has_its_203_communities_in_14_subdistricts(ask: Run) -> None:
    assert ask(count, "districts") == 1
    assert ask(count, "subdistricts") == 14
    assert ask(count, "communities") == 203


def test_four_of_them_are_villages_and_are_called_so(ask: Run) -> None:
    villages = [place for place in ask(queries.places) if place.kind == "village"]

    assert {place.short_name for place in villages} == {"沿山村", "皋城村", "三村村", "宣家埠村"}
    assert {(place.noun, place.people) for place in villages} == {("村", "村民")}


def test_a_name_that_occurs_twice_is_shown_with_its_subdistrict(ask: Run) -> None:
    found = [place for place in ask(queries.places) if place.short_name == "兴隆社区"]

    assert len(found) == 2
    assert all(place.display_name == f"{place.subdistrict}兴隆社区" for place in found)
    assert found[0].display_name != found[1].display_name


def test_loading_twice_changes_nothing(run: Run, ask: Run) -> None:
    tables = ("communities", "accounts", "catalogue_rules", "discount_rates", "item_templates")
    before = [ask(count, table) for table in tables]

    again = run(places.import_places, command())

    assert again == places.PlacesImported(subdistricts=14, communities=203, changed=0)
    assert [ask(count, table) for table in tables] == before


def test_a_community_that_was_renamed_keeps_its_code(run: Run, ask: Run) -> None:
    rows = tuple(
        places.PlaceRow(
            row.line,
            row.code,
            row.level,
            row.name.replace("清波门社区", "清波新社区"),
            row.parent,
        )
        for row in places.read_rows(FILE)
    )

    done = run(places.import_places, places.ImportPlaces(rows=rows, district="330102"))

    assert done.changed == 1
    assert ask(queries.place, 330102001051).short_name == "清波新社区"


def broken(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "places.csv"
    text_of = FILE.read_text(encoding="utf-8-sig").rstrip("\n")
    file.write_text("\n".join((text_of, GOOD, *lines)) + "\n", encoding="utf-8")
    return file


def test_broken_rows_are_all_named_and_nothing_is_loaded(
    app: Flask,
    ask: Run,
    tmp_path: Path,
) -> None:
    first = len(FILE.read_text(encoding="utf-8-sig").rstrip("\n").splitlines()) + 2
    reasons = {
        "3301020019,community,短社区,330102001000,330102,上城区,清波街道": "不是十二位数字",
        "330102001991,hamlet,小社区,330102001000,330102,上城区,清波街道": "级别“hamlet”不认识",
        "330102001992,community,,330102001000,330102,上城区,清波街道": "没有名称",
        "330102001051,community,又一个,330102001000,330102,上城区,清波街道": "重复",
        "330102001993,community,孤社区,330102999000,330102,上城区,没有街道": "不在它前面",
        "330102002994,community,错社区,330102001000,330102,上城区,清波街道": "和级别或上级不符",
    }
    file = broken(tmp_path, *reasons)

    answer = app.test_cli_runner().invoke(
        args=["places", "import", str(file), "--district", "330102"],
    )

    assert answer.exit_code == 1
    assert f"{len(reasons)} 行不对" in answer.output
    for line, reason in enumerate(reasons.values(), start=first):
        assert f"第 {line} 行" in answer.output
        assert reason in answer.output
    assert ask(queries.place, 330102001990) is None
    assert ask(count, "communities") == 203


def test_a_file_without_a_column_or_in_another_encoding_is_refused(
    app: Flask,
    tmp_path: Path,
) -> None:
    short, gbk = tmp_path / "short.csv", tmp_path / "gbk.csv"
    short.write_text("code12,name\n330102000000,上城区\n", encoding="utf-8")
    gbk.write_bytes("code12,level,name,parent_code12\n1,district,上城区,0\n".encode("gbk"))
    runner = app.test_cli_runner()

    for file, reason in ((short, "缺少列 level、parent_code12"), (gbk, "不是 UTF-8")):
        answer = runner.invoke(args=["places", "import", str(file), "--district", "330102"])
        assert answer.exit_code == 1
        assert reason in answer.output


@pytest.mark.parametrize("district", ["3301", "330199", "", "33010x"])
def test_a_district_that_the_file_does_not_hold_is_refused(run: Run, district: str) -> None:
    with pytest.raises(places.DistrictMissing):
        run(places.import_places, command(district))


def test_a_second_district_needs_a_database_of_its_own(run: Run, ask: Run) -> None:
    with pytest.raises(places.OtherDistrictLoaded, match="OtherDistrictLoaded") as refusal:
        run(places.import_places, command("330109"))

    assert "上城区" in refusal.value.sentence()
    assert ask(count, "communities") == 203


def test_any_other_district_of_the_file_loads_into_an_empty_database(empty: Flask) -> None:
    answer = empty.test_cli_runner().invoke(
        args=["places", "import", str(FILE), "--district", "330109"],
    )

    assert answer.exit_code == 0, answer.output
    with empty.app_context(), db.engine.connect() as connection:
        rows = [row for row in places.read_rows(FILE) if row.code.startswith("330109")]
        assert count(connection, "communities") == sum(row.level == "community" for row in rows)
        assert count(connection, "subdistricts") == sum(row.level == "street" for row in rows)
        assert connection.scalar(text("SELECT name FROM districts")) == "萧山区"
        assert count(connection, "catalogue_rules") > 0


def test_the_first_admins_wait_for_the_places(empty: Flask) -> None:
    answer = empty.test_cli_runner().invoke(
        args=["grants", "bootstrap", "林海", "13700000001", "吴敏", "13700000002"],
    )

    assert answer.exit_code == 1
    assert "还没有导入区划" in answer.output
    with empty.app_context(), db.engine.connect() as connection:
        assert count(connection, "people") == 0


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("三村村委会", "三村村"),
        ("长河居委会", "长河社区"),
        ("长河社区居委会", "长河社区"),
        ("清波门社区", "清波门社区"),
    ],
)
def test_a_name_is_shown_without_its_office(given: str, shown: str) -> None:
    assert short_name(given) == shown


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (330102001199, "neighbourhood"),
        (330102001200, "village"),
        (330102001399, "village"),
        (330102001400, "neighbourhood"),
        (330102001599, "neighbourhood"),
    ],
)
def test_the_code_says_what_is_a_village(code: int, kind: str) -> None:
    assert kind_of(code) == kind


def phones(connection: Connection) -> list[tuple[int, str]]:
    query = "SELECT code, phone FROM communities WHERE phone IS NOT NULL"
    return [(row[0], row[1]) for row in connection.execute(text(query))]


def test_a_community_without_a_number_shows_the_districts(run: Run, ask: Run) -> None:
    run(places.set_phone, places.SetPhone(place=330102000000, phone="0571-8700 0000"))
    run(places.set_phone, places.SetPhone(place=330102001051, phone="0571-8700 0051"))

    assert ask(queries.place, 330102001051).phone == "0571-8700 0051"
    assert ask(queries.place, 330102001052).phone == "0571-8700 0000"
    assert ask(queries.district).phone == "0571-8700 0000"
    assert ask(phones) == [(330102001051, "0571-8700 0051")]


def test_a_number_for_a_place_that_is_not_there_is_refused(run: Run) -> None:
    with pytest.raises(places.PlaceUnknown):
        run(places.set_phone, places.SetPhone(place=330102001999, phone="0571-8700 0051"))
