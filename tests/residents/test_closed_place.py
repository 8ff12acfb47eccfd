"""A community that was merged or abolished takes nobody in and records nothing any more."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from core.directory import PlaceClosed
from exchange.moving import MoveHousehold, move_household
from points.earning.acts import RecordAct, record_act
from residents import people, queries
from residents.addresses import Address
from residents.lists import ImportResidents, import_residents
from residents.people import EnterResident
from tests.conftest import Clock
from tests.ended import FILE, TODAY, YESTERDAY, end
from tests.people import HERE, NEAR, People
from tests.points.books import one
from tests.points.earning import count

Run = Callable[..., Any]
HOME = Address(estate="建国南苑", building="7", unit="1", room="201")


def incomings(cast: People) -> list[tuple[Any, Any, Any]]:
    """Every way into a community: the use case, its command, who does it."""
    staff = cast.actor(cast.staff)
    mei = EnterResident(community=HERE, name="沈玉兰", address=HOME)
    return [
        (people.enter_resident, mei, staff),
        (people.enter_household, people.EnterHousehold(community=HERE, address=HOME), staff),
        (import_residents, ImportResidents(community=HERE, rows=(mei,), key="l"), staff),
        (
            move_household,
            MoveHousehold(
                key="m", community=HERE, residents=(one(cast.there.resident),), address=HOME
            ),
            staff,
        ),
        (
            people.register,
            people.Register(
                phone="13900000009", name="孙梅", community=HERE, consent=True, is_fourteen=True
            ),
            None,
        ),
    ]


def test_nobody_comes_in_after_the_last_day_and_everybody_reads_where_to_go(
    run: Run, ask: Run, cast: People
) -> None:
    end(run, HERE, YESTERDAY, NEAR)
    before = ask(count, "residents"), ask(count, "households")

    for use_case, command, actor in incomings(cast):
        with pytest.raises(PlaceClosed) as refused:
            run(use_case, command, *([actor] if actor else []))
        near = ask(queries.place, NEAR).display_name
        assert f"请到{near}办理" in refused.value.sentence()
    assert (ask(count, "residents"), ask(count, "households")) == before


def test_on_the_last_day_all_is_as_ever(run: Run, cast: People) -> None:
    end(run, HERE, TODAY, NEAR)

    for use_case, command, actor in incomings(cast):
        run(use_case, command, *([actor] if actor else []))


def test_an_act_after_the_last_day_earns_nothing_one_before_it_does(
    run: Run, ask: Run, cast: People
) -> None:
    end(run, HERE, YESTERDAY)
    act: dict[str, Any] = {
        "community": HERE,
        "rule": "report.hazard",
        "holder_kind": "resident",
        "holder_id": one(cast.wang.resident),
        "units": 1,
    }

    with pytest.raises(PlaceClosed) as refused:
        run(record_act, RecordAct(key="late", **act), cast.actor(cast.staff))
    assert "请问街道或区里" in refused.value.sentence()
    assert ask(count, "awards") == 0
    run(record_act, RecordAct(key="on time", day=YESTERDAY, **act), cast.actor(cast.staff))
    assert ask(count, "awards") == 1


def test_the_file_ends_a_community_once_and_can_take_it_back(run: Run, ask: Run) -> None:
    def offered(connection: Any) -> set[int]:
        inside = queries.communities_by_subdistrict(connection, TODAY).values()
        return {code for each in inside for code, _name in each}

    assert [end(run, HERE, YESTERDAY, NEAR).changed for _ in range(2)] == [1, 0]
    assert ask(offered) == ask(lambda c: {each.code for each in queries.places(c)}) - {HERE}
    assert end(run, HERE, None).changed == 1
    assert HERE in ask(offered)


def test_a_file_that_says_nothing_of_ends_leaves_them(app: Flask, run: Run, cast: People) -> None:
    end(run, HERE, YESTERDAY)
    again = app.test_cli_runner().invoke(
        args=["places", "import", str(FILE), "--district", "330102"]
    )

    assert "0 changed" in again.output
    with pytest.raises(PlaceClosed):
        run(*incomings(cast)[0])


@pytest.mark.parametrize(
    ("last", "successor", "reason"),
    [
        ("2026-13-01", "", "撤并日期“2026-13-01”不对"),
        ("20261231", "", "撤并日期“20261231”不对"),
        ("", str(NEAR), "撤并日期“”不对"),
        ("2026-12-31", "330102001999", "接续社区“330102001999”不在文件里"),
        ("2026-12-31", str(HERE), f"接续社区“{HERE}”不在文件里，或者也已撤并"),
    ],
)
def test_an_end_that_cannot_be_is_named_with_its_line(
    app: Flask, ask: Run, tmp_path: Any, last: str, successor: str, reason: str
) -> None:
    lines = FILE.read_text(encoding="utf-8-sig").rstrip("\n").split("\n")
    ended = [
        f"{line},{last},{successor}" if line.startswith(str(HERE)) else f"{line},,"
        for line in lines[1:]
    ]
    file = tmp_path / "places.csv"
    head = f"{lines[0]},valid_to,successor_code12"
    file.write_text("\n".join((head, *ended)), encoding="utf-8")

    answer = app.test_cli_runner().invoke(
        args=["places", "import", str(file), "--district", "330102"]
    )

    assert answer.exit_code == 1
    assert reason in answer.output
    assert "1 行不对" in answer.output


def test_no_role_is_offered_there_any_more(run: Run, cast: People, clock: Clock) -> None:
    end(run, HERE, clock.now.date() - dt.timedelta(days=1))
    page = cast.browser(cast.lin).get("/console/people").get_data(as_text=True)

    assert str(NEAR) in page
    assert str(HERE) not in page
