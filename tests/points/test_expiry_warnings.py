"""Warnings before a year's end, and the coming rush: who is told what, once, and what staff see."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, select

from admin import expiry
from core.models import OutboxMessage
from core.work import Work
from points.accounts import resident_account
from points.expiring.rush import rush
from points.expiring.warning import Warn, Warned, warn_chunk, warn_residents
from points.models import AccountEnd
from residents.places import SetPhone, set_phone
from tests.admin.scene import words
from tests.conftest import Clock
from tests.exchange.scene import POINT, Scene
from tests.exchange.scene import Someone as Resident
from tests.people import HERE, THERE, People, Someone
from tests.points.books import Nothing, one
from tests.points.calendar import close, ends, give_back, hangzhou, night, policy, set_aside

Run = Callable[..., Any]


def resident(who: Someone) -> Resident:
    return Resident(
        resident=one(who.resident),
        person=one(who.person),
        household=one(who.household),
        community=who.community,
    )


@pytest.fixture(autouse=True)
def _last_year(app: Flask, clock: Clock, cast: People) -> None:
    """Points of last year: 王秀英 (a phone) 30, 李国强 (none) 12, 吴阿毛 elsewhere 5."""
    scene = Scene(app)
    for who, amount in ((cast.wang, 30), (cast.li, 12), (cast.there, 5)):
        scene.give(resident(who), amount * POINT)
    night(app, clock, 2026)
    clock.set(hangzhou(2027, 6, 1))
    scene.give(resident(cast.chen), 80 * POINT)


def warn(app: Flask, chunk: int = 2) -> int:
    with app.app_context():
        return warn_residents(chunk)


def letters(connection: Connection) -> list[tuple[str, Any, str, dict[str, str]]]:
    rows = connection.execute(
        select(OutboxMessage.__table__)
        .where(OutboxMessage.template.like("expiry.%"))
        .order_by(OutboxMessage.created_at, OutboxMessage.params),
    )
    return [(row.template, row.person, row.state, json.loads(row.params)) for row in rows]


def test_sixty_days_before_everybody_who_loses_points_is_told_once(
    app: Flask, clock: Clock, cast: People, ask: Run
) -> None:
    clock.set(hangzhou(2027, 10, 31))
    assert warn(app) == 0

    clock.set(hangzhou(2027, 11, 1))
    assert warn(app) == 3
    assert warn(app) == 0
    clock.advance(days=1)
    assert warn(app) == 0

    found = ask(letters)
    assert {template for template, *_ in found} == {"expiry.first"}
    assert {person: params["points"] for _, person, _, params in found} == {
        cast.wang.person: "30",
        cast.li.person: "12",
        cast.there.person: "5",
    }
    assert {params["date"] for *_, params in found} == {"12月31日"}
    assert {state for *_, state, _ in found} == {"sent"}


def test_a_chunk_is_as_many_as_asked_for_and_the_last_says_that_nobody_is_left(
    clock: Clock, run: Run
) -> None:
    clock.set(hangzhou(2027, 11, 1))
    chunk = Warn(stage="first", year=2027, chunk=2)

    assert [run(warn_chunk, chunk) for _ in range(4)] == [
        Warned(residents=2, finished=False),
        Warned(residents=1, finished=False),
        Warned(residents=0, finished=True),
        Warned(residents=0, finished=True),
    ]


def test_a_fortnight_before_those_who_still_lose_some_get_a_message(
    app: Flask, clock: Clock, cast: People, run: Run, ask: Run
) -> None:
    for place in (HERE, THERE):
        run(set_phone, SetPhone(place=place, phone="0571-8700 1234"))
    clock.set(hangzhou(2027, 12, 1))
    warn(app)
    account = resident_account(one(cast.li.resident), HERE, "service")
    set_aside(run, 77, 12 * POINT, account)
    clock.set(hangzhou(2027, 12, 17))

    assert warn(app) == 2

    last = [each for each in ask(letters) if each[0] == "expiry.last"]
    assert {person: state for _, person, state, _ in last} == {
        cast.wang.person: "waiting",
        cast.there.person: "waiting",
    }
    assert {params["phone"] for *_, params in last} == {"0571-8700 1234"}


def test_somebody_who_comes_late_to_it_gets_the_last_warning_only(
    app: Flask, clock: Clock, ask: Run
) -> None:
    clock.set(hangzhou(2027, 12, 30))
    assert warn(app) == 3

    assert {template for template, *_ in ask(letters)} == {"expiry.last"}


def test_where_points_end_with_their_own_year_this_years_are_warned_of(
    app: Flask, clock: Clock, run: Run, cast: People, ask: Run
) -> None:
    clock.set(hangzhou(2027, 12, 31, 12))
    run(policy, "end_of_year")
    clock.set(hangzhou(2028, 11, 20))
    assert warn(app) == 4

    assert {params["points"] for *_, params in ask(letters)} == {"30", "12", "5", "80"}


def test_nobody_is_warned_where_points_never_lapse(app: Flask, clock: Clock, run: Run) -> None:
    run(policy, "never")
    clock.set(hangzhou(2027, 12, 20))

    assert warn(app) == 0


def test_an_account_with_an_end_of_its_own_is_not_warned_of_the_years(
    app: Flask, clock: Clock, run: Run, cast: People
) -> None:
    account = resident_account(one(cast.wang.resident), HERE, "service")

    def end(work: Work, _command: object) -> Nothing:
        work.session.add(AccountEnd(account=account, lapse_on=dt.date(2028, 6, 1)))
        return Nothing()

    run(end, None)
    clock.set(hangzhou(2027, 12, 20))

    assert warn(app) == 2


# --- the coming rush ------------------------------------------------------------------------------


def test_until_the_run_what_was_warned_of_is_due_at_the_years_end(
    app: Flask, clock: Clock, ask: Run, cast: People
) -> None:
    clock.set(hangzhou(2027, 12, 20))
    assert warn(app) == 3
    close(app, clock, dt.date(2027, 12, 31))

    found = ask(ends, clock.now, resident_account(one(cast.wang.resident), HERE, "service"))

    assert (found.overdue, found.overdue_on) == (30 * POINT, dt.date(2027, 12, 31))


def test_the_desk_sees_who_loses_what(clock: Clock, cast: People) -> None:
    clock.set(hangzhou(2027, 11, 2))
    desk = cast.browser(cast.staff)

    page = words(desk.get("/desk/expiry"))
    assert "2位居民的42服务积分12月31日到期" in page
    assert "1位没有手机，请当面说一声" in page
    assert page.index("李国强") < page.index("王秀英"), "who cannot be warned comes first"
    assert "吴阿毛" not in page
    assert "陈建国" not in page
    assert "2位居民的42服务积分12月31日到期" in words(desk.get("/desk/"))


def test_the_desk_goes_through_all_of_them_page_by_page_or_only_those_without_a_phone(
    clock: Clock, cast: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "PER_PAGE", 1)
    clock.set(hangzhou(2027, 11, 2))
    desk = cast.browser(cast.staff)

    def names(query: str) -> list[str]:
        page = words(desk.get(f"/desk/expiry{query}"))
        return [name for name in ("李国强", "王秀英") if name in page]

    assert (names(""), names("?page=2"), names("?page=3")) == (["李国强"], ["王秀英"], [])
    assert (names("?show=no_phone"), names("?show=no_phone&page=2")) == (["李国强"], [])
    assert "/desk/expiry?page=2&amp;show=all" in desk.get("/desk/expiry").get_data(as_text=True)
    assert cast.browser(cast.keeper).get("/desk/expiry").status_code == 403


def test_the_desk_takes_the_list_along_as_a_file(
    clock: Clock, cast: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "PER_PAGE", 1)
    clock.set(hangzhou(2027, 11, 2))
    desk = cast.browser(cast.staff)

    def rows(query: str) -> list[list[str]]:
        raw = desk.get(f"/desk/expiry.csv{query}").get_data().decode("utf-8-sig")
        return list(csv.reader(io.StringIO(raw)))[1:]

    li = ["李国强", "建国南苑 3-2-401", "没有手机", "12", ""]
    wang = ["王秀英", "建国南苑 3-2-401", "****0001", "30", ""]
    assert rows("") == [li, wang]
    assert rows("?show=no_phone") == [li]
    assert cast.browser(cast.keeper).get("/desk/expiry.csv").status_code == 403


def test_programs_of_the_desk_read_who_loses_points_page_by_page(
    app: Flask, clock: Clock, run: Run, cast: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "PER_PAGE", 1)
    clock.set(hangzhou(2027, 11, 2))
    client = app.test_client()

    def seen(query: str = "", who: Someone = cast.staff) -> Any:
        address = f"/api/v1/staff/expiry/residents{query}"
        return client.get(address, headers=cast.headers(who)).get_json()

    assert seen() == [
        {
            "resident": str(cast.li.resident),
            "name": "李国强",
            "address": "建国南苑 3-2-401",
            "phone_masked": "",
            "amount": 12 * POINT,
        }
    ]
    assert [row["name"] for row in seen("?page=2")] == ["王秀英"]
    assert seen("?page=2&show=no_phone") == []
    assert seen(who=cast.wang)["code"] == "forbidden"

    run(policy, "never")
    assert seen() == []
    assert "没有服务积分到期" in words(cast.browser(cast.staff).get("/desk/expiry"))


def test_the_desks_first_page_speaks_of_it_from_the_first_warning_on(
    clock: Clock, cast: People
) -> None:
    clock.set(hangzhou(2027, 7, 2))

    assert "服务积分12月31日到期" not in words(cast.browser(cast.staff).get("/desk/"))


def test_the_district_sees_each_community(clock: Clock, cast: People) -> None:
    clock.set(hangzhou(2027, 11, 2))

    page = words(cast.browser(cast.lin).get("/console/expiry"))

    assert "3位居民的47服务积分12月31日到期" in page


def test_the_community_with_most_to_lose_stands_first_and_nobody_counts_who_loses_nothing(
    clock: Clock, run: Run, ask: Run, cast: People
) -> None:
    clock.set(hangzhou(2027, 11, 2))
    for number, who, points in ((50, cast.wang, 28), (51, cast.li, 12)):
        set_aside(run, number, points * POINT, resident_account(one(who.resident), HERE, "service"))

    found = ask(rush, clock.now)

    assert [(each.community, each.residents, each.amount) for each in found] == [
        (THERE, 1, 5 * POINT),
        (HERE, 1, 2 * POINT),
    ]


def test_what_came_back_after_its_year_is_counted_once_with_what_is_due_this_year(
    app: Flask, clock: Clock, run: Run, ask: Run, cast: People
) -> None:
    """An order of 王秀英 was open over the new year: her account has the marks of two years."""
    clock.set(hangzhou(2027, 12, 20))
    set_aside(run, 60, 30 * POINT, resident_account(one(cast.wang.resident), HERE, "service"))
    night(app, clock, 2027)
    clock.set(hangzhou(2028, 1, 10))
    give_back(run, 60)

    found = ask(rush, clock.now)

    # Her 30, and the 80 of 陈建国.
    assert [(each.community, each.residents, each.amount) for each in found] == [
        (HERE, 2, 110 * POINT)
    ]


def test_the_api_tells_each_what_lies_in_their_scope(
    app: Flask, clock: Clock, cast: People
) -> None:
    clock.set(hangzhou(2027, 11, 2))
    client = app.test_client()

    def seen(who: Someone) -> Any:
        return client.get("/api/v1/staff/expiry", headers=cast.headers(who)).get_json()

    here = {"community": HERE, "day": "2027-12-31", "residents": 2, "amount": 42 * POINT}
    there = {"community": THERE, "day": "2027-12-31", "residents": 1, "amount": 5 * POINT}
    assert seen(cast.staff) == [here]
    assert seen(cast.lin) == [here, there]
    answer = client.get("/api/v1/staff/expiry", headers=cast.headers(cast.wang))
    assert answer.status_code == 403


def test_residents_see_what_they_lose_and_when(
    app: Flask, clock: Clock, run: Run, cast: People
) -> None:
    clock.set(hangzhou(2027, 11, 2))
    page = words(cast.browser(cast.wang).get("/points/"))
    assert "今年12月31日到期30分" in page

    found = app.test_client().get("/api/v1/balance", headers=cast.headers(cast.chen)).get_json()
    assert (found["lapsing"], found["later"], found["later_on"]) == (0, 80 * POINT, "2028-12-31")
    assert found["new_on"] == "2028-12-31"

    run(policy, "never")
    assert "一直有效" in words(cast.browser(cast.wang).get("/points/"))
