"""Checking whose a paper is: the name and the address as printed, which the page never shows."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from core.db import db
from exchange.moving import MoveHousehold, move_household
from points.closing import close_days
from points.statements.answers_views import GLANCES
from points.statements.codes import new_code
from points.statements.periods import Subject
from residents.addresses import Address
from residents.amending import AmendResident, amend_resident
from residents.people import EnterHousehold, enter_household
from tests.conftest import Clock
from tests.everything import everything
from tests.people import HERE, THERE, People
from tests.points.books import one
from tests.points.statements_scene import hers, issue, moved, post, wallet
from tests.points.test_points_pages import text_of
from tests.residents.forms import field, send

Run = Callable[..., Any]
NAME, ADDRESS = "王秀英", "建国南苑 3-2-401"
YES, NO = "与开具时一致", "与开具时不一致"


@pytest.fixture(autouse=True)
def _unseen() -> None:
    """Forget who has looked: the counter is of the process, and tests share it."""
    GLANCES.__init__(GLANCES.limit, GLANCES.seconds)  # type: ignore[misc]  # begins anew


@pytest.fixture
def code(run: Run, cast: People) -> str:
    """The code of 王秀英's statement: twenty points."""
    run(post, moved(11, wallet(cast), 2000))
    return issue(run, cast.actor(cast.staff), hers(cast)).code


def wide(words: str) -> str:
    """Write it as a Chinese keyboard does: each character as wide as a Chinese one."""
    return "".join(chr(ord(each) + 0xFEE0) for each in words)


def family(cast: People) -> Subject:
    """The basic points of 王秀英's household."""
    home = one(cast.wang.household)
    return Subject(of="household", community=HERE, points_kind="basic", holder=home)


def said(client: FlaskClient, code: str, **read: str) -> Any:
    """Type what is read off a paper on its page."""
    token = field(client.get(f"/check/{code}").get_data(as_text=True), "csrf_token")
    return client.post(f"/check/{code}", data={"csrf_token": token, **read})


def page(client: FlaskClient, code: str, name: str = NAME, address: str = ADDRESS) -> str:
    """Return what the page says to somebody who reads this off the paper."""
    answer = said(client, code, name=name, address=address)
    assert answer.status_code == 200
    return str(answer.get_data(as_text=True))


def typed(client: FlaskClient, code: str, **read: str) -> Any:
    """Return what programs are answered."""
    return client.post(f"/api/v1/checks/{code}", json=read)


def agrees(client: FlaskClient, code: str, name: str = NAME, address: str = ADDRESS) -> Any:
    return typed(client, code, name=name, address=address).get_json()["name_agrees"]


def test_whoever_types_the_name_and_the_address_of_a_paper_is_told_that_they_are_genuine(
    client: FlaskClient, code: str
) -> None:
    asked = client.get(f"/check/{code}").get_data(as_text=True)
    told = page(client, code)

    assert "核对姓名和住址" in asked
    assert '<label for="name">姓名' in asked
    assert '<label for="address">住址' in asked
    assert YES in told
    assert "是真的" in told
    assert agrees(client, code) is True


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("王季英", ADDRESS),
        ("王秀", ADDRESS),
        ("王英", ADDRESS),
        ("", ADDRESS),
        (NAME, "建国南苑 3-2-402"),
        (NAME, "建国南苑 3-2-0401"),
        (NAME, "建国南苑 32-401"),
        (NAME, ""),
        (f"{NAME}建国南苑", "3-2-401"),
        ("王*英", ADDRESS),
    ],
)
def test_a_name_or_an_address_that_was_altered_behind_the_mask_is_told(
    client: FlaskClient, code: str, name: str, address: str
) -> None:
    told = page(client, code, name, address)

    assert NO in told
    assert "打电话给清波门社区" in text_of(told)
    assert YES not in told
    assert agrees(client, code, name, address) is False


@pytest.mark.parametrize(
    ("name", "address"),
    [
        (" 王 秀英\u3000", "建国南苑3-2-401"),
        (NAME, "建国南苑　" + wide("3-2-401")),
        (NAME, "建国南苑 3–2—401"),
    ],
)
def test_full_width_characters_spaces_and_dashes_are_forgiven(
    client: FlaskClient, code: str, name: str, address: str
) -> None:
    assert YES in page(client, code, name, address)


@pytest.mark.parametrize("dot", ["·", "•", "・", "･", " ", ""])
def test_the_dot_in_a_name_is_forgiven(
    client: FlaskClient, run: Run, cast: People, dot: str
) -> None:
    home = one(cast.wang.resident)
    change = AmendResident(resident=home, name="阿依古丽·买买提")
    run(amend_resident, change, cast.actor(cast.staff))
    made = issue(run, cast.actor(cast.staff), hers(cast)).code

    assert agrees(client, made, f"阿依古丽{dot}买买提") is True
    assert agrees(client, made, f"阿依古丽{dot}买买堤") is False


def test_of_a_household_all_names_are_typed_as_they_are_printed(
    client: FlaskClient, run: Run, cast: People
) -> None:
    made = issue(run, cast.actor(cast.staff), family(cast)).code
    answers = [agrees(client, made, name) for name in ("王秀英、李国强", "李国强、王秀英")]

    assert sorted(answers) == [False, True]  # Only one of them is the order of the paper.
    printed = ("王秀英 李国强", "李国强,王秀英")[answers.index(True)]
    assert agrees(client, made, printed) is True
    assert agrees(client, made, "王秀英") is False


def test_of_a_household_with_nobody_known_the_address_alone_is_typed(
    client: FlaskClient, run: Run, cast: People
) -> None:
    address = Address(estate="建国南苑", building="7", unit="1", room="201")
    entered = EnterHousehold(community=HERE, address=address)
    home = run(enter_household, entered, cast.actor(cast.staff)).household
    subject = Subject(of="household", community=HERE, points_kind="basic", holder=home)
    made = issue(run, cast.actor(cast.staff), subject).code
    asked = client.get(f"/check/{made}").get_data(as_text=True)

    assert "核对住址" in asked
    assert 'name="name"' not in asked
    assert YES in page(client, made, "", "建国南苑 7-1-201")
    assert NO in page(client, made, "", "建国南苑 7-1-202")


def test_a_paper_without_an_address_is_checked_by_the_name_alone(
    client: FlaskClient, run: Run, cast: People
) -> None:
    """The desk fills the address in afterwards: the paper still prints none."""
    mine = Subject(
        of="resident", community=HERE, points_kind="service", holder=one(cast.new.resident)
    )
    made = issue(run, cast.actor(cast.staff), mine).code
    home = Address(estate="建国南苑", building="8", unit="1", room="501")
    change = AmendResident(resident=one(cast.new.resident), name="周晓燕", address=home)
    run(amend_resident, change, cast.actor(cast.staff))

    assert YES in page(client, made, "周晓燕", "")
    assert agrees(client, made, "周晓燕", "建国南苑 8-1-502") is False
    assert typed(client, made, name="周晓燕").get_json() == {"name_agrees": True}


def test_of_a_community_there_is_nothing_to_type(
    app: Flask, client: FlaskClient, run: Run, cast: People, clock: Clock
) -> None:
    clock.advance(days=1)
    with app.app_context():
        close_days()
    subject = Subject(of="community", community=HERE, points_kind="service")
    made = issue(run, cast.actor(cast.staff), subject).code

    shown = client.get(f"/check/{made}").get_data(as_text=True)
    assert "是真的" in shown
    assert "核对姓名" not in shown
    assert "与开具时" not in page(client, made)
    assert agrees(client, made) is None


def test_after_an_amendment_the_name_of_the_day_counts_and_the_one_printed_anew(
    client: FlaskClient, run: Run, cast: People, code: str
) -> None:
    home = Address(estate="建国南苑", building="8", unit="1", room="501")
    change = AmendResident(resident=one(cast.wang.resident), name="王秀瑛", address=home)
    run(amend_resident, change, cast.actor(cast.staff))
    again = issue(run, cast.actor(cast.staff), hers(cast))

    assert (again.code, again.exists) == (code, True)
    assert agrees(client, code, NAME, ADDRESS) is True
    assert agrees(client, code, "王秀瑛", "建国南苑 8-1-501") is True
    assert agrees(client, code, NAME, "建国南苑 8-1-501") is False
    assert agrees(client, code, "王秀瑛", ADDRESS) is False


def test_after_a_move_the_address_of_the_day_counts(
    client: FlaskClient, run: Run, cast: People, clock: Clock, code: str
) -> None:
    together = issue(run, cast.actor(cast.staff), family(cast)).code
    both = next(
        each for each in ("王秀英、李国强", "李国强、王秀英") if agrees(client, together, each)
    )
    clock.advance(seconds=60)
    command = MoveHousehold(key="m", community=THERE, residents=(one(cast.wang.resident),))
    run(move_household, command, cast.actor(cast.elsewhere))

    assert YES in page(client, code)
    assert YES in page(client, together, both)
    assert agrees(client, together, "李国强") is False


def test_a_paper_of_before_names_were_kept_is_compared_with_the_record(
    app: Flask, client: FlaskClient, code: str
) -> None:
    with app.app_context(), db.engine.connect().execution_options(writes=True) as connection:
        connection.execute(text("UPDATE statements SET heading = NULL"))
        connection.commit()

    assert agrees(client, code) is True
    assert agrees(client, code, "王季英") is False


def test_nothing_that_was_typed_is_kept_logged_or_shown(
    app: Flask,
    client: FlaskClient,
    code: str,
    ask: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    before = {name: rows for name, rows in ask(everything).items() if name != "rate_limits"}
    told = [page(client, code, name, ADDRESS) for name in (NAME, "王季英")]
    typed(client, code, name="王季英", address=ADDRESS)
    after = ask(everything)

    assert not any(word in each for each in told for word in (NAME, "王季英", "3-2-401"))
    assert all("王*英" in each for each in told)
    assert {name: rows for name, rows in after.items() if name in before} == before
    assert "王季英" not in str(after) + caplog.text
    assert "3-2-401" not in str(after["rate_limits"]) + caplog.text
    assert NAME not in str(ask(lambda c: c.execute(text("SELECT * FROM statements")).all()))


def test_typing_names_and_typing_codes_are_stopped_by_one_limit(
    client: FlaskClient, code: str
) -> None:
    for _ in range(30):
        assert send(client, "/check/", "/check/", code="no").status_code == 422
        assert typed(client, new_code(), name=NAME).status_code == 404
    refused = said(client, code, name=NAME)

    assert refused.status_code == 429
    assert "分钟再试" in refused.get_data(as_text=True)
    assert typed(client, code, name=NAME).get_json()["code"] == "too_many"
    assert send(client, "/check/", "/check/", code=code).status_code == 429


def test_nobody_tries_many_names_on_one_paper_in_a_day_from_wherever(
    app: Flask, client: FlaskClient, run: Run, cast: People, clock: Clock, code: str
) -> None:
    other = issue(run, cast.actor(cast.staff), family(cast)).code
    for number in range(10):
        told = client.post(
            f"/api/v1/checks/{code.lower()}",
            json={"name": f"王{number}英", "address": ADDRESS},
            environ_base={"REMOTE_ADDR": f"10.0.0.{number}"},
        )
        assert told.get_json() == {"name_agrees": False}
    refused = said(client, code, name=NAME, address=ADDRESS)

    assert refused.status_code == 429
    assert "请明天再来。急着办，请打电话给社区" in text_of(refused.get_data(as_text=True))
    assert YES not in refused.get_data(as_text=True)
    assert typed(client, code, name=NAME).get_json()["code"] == "too_many_today"
    assert agrees(client, other) is False
    clock.advance(days=1)
    assert agrees(client, code) is True


def test_a_name_is_typed_only_in_the_pages_own_form(client: FlaskClient, code: str) -> None:
    assert client.post(f"/check/{code}", data={"name": NAME}).status_code == 400


def test_what_was_never_given_out_has_no_name(client: FlaskClient) -> None:
    unknown = new_code()

    assert said(client, unknown, name=NAME).status_code == 404
    assert typed(client, unknown, name=NAME).status_code == 404
    assert typed(client, "nonsense", name=NAME).status_code == 422


def test_whose_books_disagree_is_not_said_to_be_genuine_in_name(
    app: Flask, client: FlaskClient, code: str
) -> None:
    with app.app_context(), db.engine.connect().execution_options(writes=True) as connection:
        connection.execute(text("UPDATE transfers SET amount = amount - 100"))
        connection.commit()

    assert "核对姓名" not in client.get(f"/check/{code}").get_data(as_text=True)
    assert "与开具时" not in page(client, code)
