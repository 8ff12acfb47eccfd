"""A list of residents: thousands of rows at once, and a word about each."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from core.acts import NotInYourScope
from residents import queries
from residents.addresses import Address
from residents.lists import ImportResidents, TooManyRows, import_residents, look_at_list
from residents.people import EnterResident
from tests.conftest import START
from tests.people import HERE, THERE, People
from tests.residents.forms import count

Run = Callable[..., Any]


def row(number: int, **changed: Any) -> EnterResident:
    """Somebody of a big estate, three to a room, every second with a phone."""
    room = number // 3
    given: dict[str, Any] = {
        "community": HERE,
        "name": f"居民{number}",
        "phone": f"150{number:08d}" if number % 2 else None,
        "birth_year": 1950 + number % 60,
        "address": Address(
            estate="望江家园",
            building=str(room // 100 + 1),
            unit=str(room % 4 + 1),
            room=str(100 + room),
        ),
        **changed,
    }
    return EnterResident(**given)


def test_three_thousand_rows_are_entered_in_seconds(cast: People, run: Run, ask: Run) -> None:
    staff, before = cast.actor(cast.staff), ask(queries.count, HERE)
    command = ImportResidents(community=HERE, rows=tuple(row(number) for number in range(3000)))
    started = time.monotonic()

    done = run(import_residents, command, staff)

    assert time.monotonic() - started < 10
    assert (done.added, done.existed, done.refused) == (3000, 0, 0)
    residents, households = ask(queries.count, HERE)
    assert (residents - before[0], households - before[1]) == (3000, 1000)
    assert ask(queries.me, done.rows[1].resident).phone_masked.endswith("0001")

    accounts = ask(count, "accounts")
    again = run(import_residents, command, staff)
    assert (again.added, again.existed, again.refused) == (0, 3000, 0)
    assert [one.resident for one in again.rows] == [one.resident for one in done.rows]
    assert ask(count, "accounts") == accounts


def test_the_statements_do_not_grow_with_the_rows(
    cast: People,
    run: Run,
    statements: Run,
) -> None:
    staff = cast.actor(cast.staff)

    def needed(first: int, rows: int) -> int:
        list_of = tuple(row(number) for number in range(first, first + rows))
        with statements() as seen:
            run(import_residents, ImportResidents(community=HERE, rows=list_of), staff)
        return len(seen)

    assert needed(300, 300) <= needed(0, 30) + 2


def test_each_row_is_answered_and_a_bad_one_stops_no_other(
    cast: People,
    run: Run,
    ask: Run,
) -> None:
    before = ask(count, "residents")
    rows = (
        row(1),
        row(2, name=" "),
        row(3, phone="123"),
        row(4, birth_year=1800),
        row(5, address=Address(estate="望江家园")),
        row(6, name=cast.wang.name, phone=cast.wang.phone),
        row(7, name=cast.there.name, phone=cast.there.phone),
        row(8, community=THERE),
        row(9, household=cast.wang.household),
        row(10, address=None),
    )

    done = run(import_residents, ImportResidents(community=HERE, rows=rows), cast.actor(cast.staff))

    assert [one.row for one in done.rows] == list(range(10))
    assert [one.outcome for one in done.rows] == [
        "added",
        *["refused"] * 4,
        "existed",
        *["refused"] * 3,
        "added",
    ]
    assert done.rows[5].resident == cast.wang.resident
    assert "姓名" in done.rows[1].message
    assert "手机号" in done.rows[2].message
    assert "出生年份" in done.rows[3].message
    assert "住址" in done.rows[4].message
    assert "已经登记在" in done.rows[6].message
    assert "不属于这份名单" in done.rows[7].message
    assert ask(count, "residents") == before + 2


def test_somebody_who_stands_in_the_list_twice_is_entered_once(
    cast: People,
    run: Run,
    ask: Run,
) -> None:
    before = ask(count, "people")
    rows = (
        row(1),
        row(1),
        row(1, address=None),
        row(2),
        row(2, name="居民 2"),
        row(2, phone="15000000077"),
        row(1, phone="15000000099"),
    )

    done = run(import_residents, ImportResidents(community=HERE, rows=rows), cast.actor(cast.staff))

    assert [one.outcome for one in done.rows] == [
        "added",
        "existed",
        "existed",
        "added",
        "existed",
        "existed",
        "added",
    ]
    assert {one.resident for one in done.rows[:3]} == {done.rows[0].resident}
    assert {one.resident for one in done.rows[3:6]} == {done.rows[3].resident}
    assert ask(count, "people") == before + 3


def test_a_row_of_a_name_that_lives_here_is_asked_about_and_stops_no_other(
    cast: People, run: Run, ask: Run
) -> None:
    before = ask(count, "residents")
    rows = (
        row(1, name=cast.wang.name),
        row(2, name=cast.wang.name, address=None, phone=None),
        row(3, name=cast.chen.name, another_person=True),
        # Two of a list who live apart stand in it side by side.
        row(4, name="沈玉兰"),
        row(50, name="沈玉兰"),
    )
    command = ImportResidents(community=HERE, rows=rows, key="list")

    looked = ask(look_at_list, START.date(), command)
    done, again = (run(import_residents, command, cast.actor(cast.staff)) for _ in range(2))

    for seen in (looked, done):
        assert [one.outcome for one in seen.rows] == ["refused", "refused", *["added"] * 3]
        assert "王秀英（建国南苑 3-2-401）" in seen.rows[0].message
    assert [one.outcome for one in again.rows] == ["refused", "refused", *["existed"] * 3]
    assert ask(count, "residents") == before + 3


def test_a_list_that_is_too_long_or_of_another_community_is_refused(
    cast: People,
    run: Run,
    ask: Run,
) -> None:
    before = ask(count, "residents")

    with pytest.raises(TooManyRows):
        run(
            import_residents,
            ImportResidents(community=HERE, rows=(row(1),) * 5001),
            cast.actor(cast.staff),
        )
    with pytest.raises(NotInYourScope):
        run(
            import_residents,
            ImportResidents(community=HERE, rows=(row(1),)),
            cast.actor(cast.elsewhere),
        )

    assert ask(count, "residents") == before


def test_a_list_of_nobody_changes_nothing(cast: People, run: Run, ask: Run) -> None:
    staff, before = cast.actor(cast.staff), ask(count, "audit_events")

    done = run(import_residents, ImportResidents(community=HERE, rows=()), staff)

    assert (done.added, done.rows) == (0, ())
    assert ask(count, "audit_events") == before
