"""People at the desk: finding, confirming and registering them, and the card of a household."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, text

from tests.admin.forms import again, fill
from tests.admin.scene import give, publish, serve, words
from tests.people import People
from tests.residents.forms import count

Run = Callable[..., Any]
ADD = "/desk/residents/add"
TICKED = {"fourteen": "1", "consent": "1"}


def names(connection: Connection) -> set[str]:
    return {row[0] for row in connection.execute(text("SELECT name FROM people"))}


@pytest.mark.parametrize("q", ["王秀英", "秀英", "3-2-401", "0001", "建国南苑"])
def test_a_resident_is_found_by_name_room_or_last_digits(cast: People, q: str) -> None:
    page = cast.browser(cast.staff).get("/desk/residents", query_string={"q": q})

    assert "王秀英" in words(page)


def test_what_those_who_are_found_can_spend_is_one_question(cast: People, statements: Any) -> None:
    staff = cast.browser(cast.staff)

    def questions(q: str) -> int:
        with statements() as seen:
            assert staff.get("/desk/residents", query_string={"q": q}).status_code == 200
        return sum("accounts" in each for each in seen)

    assert (questions("王秀英"), questions("建国南苑")) == (1, 1)


def test_whoever_registered_themselves_is_confirmed_with_one_tap(cast: People) -> None:
    browser = cast.browser(cast.staff)

    done = fill(browser, "/desk/residents", "/residents/confirm")

    assert done.status_code == 303
    assert "已核实，可以兑换了" in words(browser.get("/desk/residents"))
    assert "没有待核实的人" in words(browser.get("/desk/residents"))


def test_somebody_without_a_phone_is_registered(cast: People, ask: Run) -> None:
    browser = cast.browser(cast.staff)

    done = fill(
        browser,
        ADD,
        ADD,
        name="沈阿婆",
        address="建国南苑 7-1-302",
        birth_year="1942",
        **TICKED,
    )

    assert done.status_code == 303
    card = words(browser.get(done.headers["Location"]))
    assert "登记好了" in card
    assert "没有手机" in card
    assert "1942" in card
    assert "沈阿婆" in ask(names)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"name": ""}, "请填写姓名"),
        ({"address": "建国南苑"}, "住址要写全"),
        ({"phone": "1380000"}, "手机号"),
        ({"birth_year": "四二年"}, "出生年份不对"),
        ({"birth_year": "1742"}, "出生年份不对"),
        ({"fourteen": ""}, "不满 14 周岁"),
        ({"fourteen": "0", "birth_year": ""}, "孩子要填出生年"),
        ({"consent": ""}, "同意后再勾选"),
    ],
)
def test_what_is_wrong_with_a_registration_is_said_and_kept(
    cast: People, ask: Run, typed: dict[str, str], says: str
) -> None:
    before = ask(count, "people")
    given = {"name": "沈阿婆", "address": "建国南苑 7-1-302", **TICKED} | typed

    refused = fill(cast.browser(cast.staff), ADD, ADD, **given)

    assert refused.status_code == 422
    assert says in refused.get_data(as_text=True)
    assert given["address"] in refused.get_data(as_text=True)
    assert ask(count, "people") == before


def test_a_child_is_registered_with_the_guardian_at_once(cast: People) -> None:
    browser = cast.browser(cast.staff)
    child = {"name": "陈小宝", "address": "建国南苑 5-1-102", "birth_year": "2017"}

    done = fill(browser, ADD, ADD, **child, **(TICKED | {"fourteen": "0"}))

    agents = done.headers["Location"]
    assert agents.endswith("/agents")
    assert "接着登记监护人" in words(browser.get(agents))
    found = browser.get(agents, query_string={"q": "陈建国"}).get_data(as_text=True)
    agreed = again(browser, found, agents, kind="guardian", consent="1")
    assert "陈建国是陈小宝的监护人" in words(browser.get(agreed.headers["Location"]))


def test_a_namesake_is_asked_about_before_there_are_two(cast: People, ask: Run) -> None:
    browser, before = cast.browser(cast.staff), ask(count, "people")
    given = {"name": "王秀英", "address": "建国南苑 9-1-101", **TICKED}

    asked = fill(browser, ADD, ADD, **given)
    assert asked.status_code == 409
    assert "是同一人吗" in words(asked)
    assert "王秀英建国南苑3-2-401，同名同姓" in words(asked)
    assert ask(count, "people") == before

    anyway = again(browser, asked.get_data(as_text=True), ADD, anyway="1")
    assert anyway.status_code == 303
    assert ask(count, "people") == before + 1


def test_a_form_that_is_sent_twice_registers_somebody_without_phone_and_address_once(
    cast: People, ask: Run
) -> None:
    browser, before = cast.browser(cast.staff), ask(count, "people")
    form = browser.get(ADD).get_data(as_text=True)

    first, second = (again(browser, form, ADD, name="租客", **TICKED) for _ in range(2))

    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["Location"] == second.headers["Location"]
    assert ask(count, "people") == before + 1


def test_the_same_person_again_is_who_they_were(cast: People, ask: Run) -> None:
    browser, before = cast.browser(cast.staff), ask(count, "people")

    done = fill(browser, ADD, ADD, name="李国强", address="建国南苑 3-2-401", **TICKED)

    assert done.headers["Location"].endswith(f"/desk/residents/{cast.li.resident}")
    assert "已经登记过" in words(browser.get(done.headers["Location"]))
    assert ask(count, "people") == before


def test_the_card_shows_the_household_and_who_recorded_what(cast: People, run: Run) -> None:
    session = publish(run, cast)
    serve(run, cast, session, cast.wang)
    give(run, cast.wang, 153)

    card = words(cast.browser(cast.lead).get(f"/desk/residents/{cast.wang.resident}"))

    assert "建国南苑3-2-401" in card
    assert "李国强" in card
    assert "153分" in card
    assert "便民集市，来帮忙1小时" in card
    assert "陈晓琳" in card
    assert "等第二人确认" in card
