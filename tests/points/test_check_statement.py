"""Checking a paper on the public page: genuine, altered on paper, altered in the books, unknown."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from hashlib import blake2b
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from core.db import db
from core.ids import NIL
from points.closing import close_days
from points.statements import check as check_module
from points.statements.answers_views import GLANCES
from points.statements.check import StatementUnknown, check
from points.statements.codes import (
    ALPHABET,
    RANDOM,
    CodeMisspelled,
    check_digits,
    new_code,
    read_code,
    spaced,
)
from points.statements.periods import Period, Subject
from tests import printed
from tests.conftest import Clock
from tests.people import HERE, People
from tests.points.books import one
from tests.points.statements_scene import (
    ISSUED,
    REDEEMED,
    TODAY,
    hers,
    issue,
    moved,
    post,
    wallet,
)
from tests.points.test_points_pages import text_of
from tests.residents.forms import send

Run = Callable[..., Any]
Issue = Callable[[], str]


@pytest.fixture(autouse=True)
def _unseen() -> None:
    """Forget who has looked: the counter is of the process, and tests share it."""
    GLANCES.__init__(GLANCES.limit, GLANCES.seconds)  # type: ignore[misc]  # begins anew


@pytest.fixture
def code(run: Run, cast: People) -> str:
    """The code of 王秀英's statement: twenty points, twelve spent."""
    run(post, moved(11, wallet(cast), 2000))
    run(post, moved(12, wallet(cast), -1200))
    return issue(run, cast.actor(cast.staff), hers(cast)).code


def tamper(app: Flask, statement: str) -> None:
    with app.app_context(), db.engine.connect().execution_options(writes=True) as connection:
        connection.execute(text(statement))
        connection.commit()


def test_anybody_sees_that_a_paper_is_genuine_and_whose_in_masked_letters(
    client: FlaskClient, code: str
) -> None:
    answer = client.get(f"/check/{code}")
    said = text_of(answer.get_data(as_text=True))

    assert answer.status_code == 200
    assert "核对码是真的，请逐行对照" in said
    assert "王*英" in said
    assert "王秀英" not in answer.get_data(as_text=True)
    assert "期初0分" in said
    assert "期末8分" in said
    assert "共2笔" in said
    assert "2026年11月1日" in said


def shown(client: FlaskClient, code: str) -> list[str]:
    """Each line of the page, without what a paper has in the heads of its columns."""
    page = client.get(f"/check/{code}").get_data(as_text=True)
    found = re.findall(r'<li class="row">(.*?)</li>', page, re.DOTALL)
    return [re.sub(r"</b>分|<.*?>|\s|结余|净额", "", each) for each in found]


def test_lines_that_were_swapped_or_reworded_on_paper_are_told_by_what_the_page_shows(
    client: FlaskClient, cast: People, code: str
) -> None:
    document = cast.browser(cast.wang).get(f"/points/statements/{code}/pdf")
    genuine = printed.read(document.data).words
    first, second = shown(client, code)
    said = first + second

    assert said == "2026-11-24便民集市，来帮忙+20202026-11-24洗洁精一瓶−128"
    assert said in genuine
    for forged in (
        genuine.replace(said, second + first),
        genuine.replace("洗洁精一瓶", "洗洁精两瓶"),
        genuine.replace("−128", "−118"),
    ):
        assert forged != genuine
        assert said not in forged


def test_a_paper_is_compared_up_to_what_can_be_printed(
    client: FlaskClient, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_module, "LINES_MAX", 1)

    assert len(shown(client, code)) == 1
    assert "还有1行没有列出" in text_of(client.get(f"/check/{code}").get_data(as_text=True))
    assert client.get(f"/api/v1/checks/{code}").get_json()["more"] == 1


def test_a_paper_of_a_time_without_points_says_that_it_has_no_lines(
    client: FlaskClient, run: Run, cast: People, code: str
) -> None:
    october = Period(first=dt.date(2026, 10, 1), last=dt.date(2026, 10, 31))
    empty = issue(run, cast.actor(cast.staff), hers(cast), october).code

    assert shown(client, empty) == []
    assert "没有积分进出" in client.get(f"/check/{empty}").get_data(as_text=True)


def test_a_paper_stays_genuine_when_points_move_afterwards(
    client: FlaskClient, run: Run, cast: People, clock: Clock, code: str
) -> None:
    run(post, moved(13, wallet(cast), 500))
    clock.advance(days=40)
    run(post, moved(14, wallet(cast), -700))

    assert "是真的" in client.get(f"/check/{code}").get_data(as_text=True)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transfers SET amount = amount - 100 WHERE act = 'redemption'",
        "UPDATE transfers SET day = '2026-11-23' WHERE act = 'award'",
        "UPDATE transfers SET act = 'adjustment' WHERE act = 'award'",
        "UPDATE transfers SET note = '洗洁精两瓶' WHERE act = 'redemption'",
        "DELETE FROM transfers WHERE act = 'redemption'",
        "UPDATE statements SET digest = 'f' || digest",
        "UPDATE statements SET closing = closing + 100, added = added + 100",
        "UPDATE statements SET entries = entries + 1",
        "UPDATE accounts SET debited = debited - 100 WHERE id > 0 AND debited > 0",
    ],
)
def test_what_was_altered_in_the_database_is_said(
    app: Flask, client: FlaskClient, code: str, statement: str
) -> None:
    tamper(app, statement)

    said = text_of(client.get(f"/check/{code}").get_data(as_text=True))
    assert "和账本对不上" in said
    assert "是真的" not in said


def test_a_paper_of_before_words_were_covered_can_still_be_checked(
    app: Flask, client: FlaskClient, cast: People, code: str
) -> None:
    """Written apart: what the first version of the fingerprint was made of."""
    account, holder = wallet(cast), one(cast.wang.resident).hex
    spent = UUID(int=12).hex
    lines = [
        f"statement-1|resident|{holder}|{HERE}|service|2026-11-01|2026-11-24|0",
        f"{UUID(int=11).hex}|award|{ISSUED}|{account}|2000|2026-11-24|award|{UUID(int=11).hex}",
        f"{spent}|redemption|{account}|{REDEEMED}|1200|2026-11-24|order|{spent}",
        "800",
    ]
    first = blake2b("".join(f"{line}\n" for line in lines).encode(), digest_size=24).hexdigest()
    tamper(app, f"UPDATE statements SET digest = '{first}'")  # noqa: S608 - of this test

    assert "是真的" in client.get(f"/check/{code}").get_data(as_text=True)


def digest_of(lines: list[str]) -> str:
    return (
        "2-" + blake2b("".join(f"{each}\n" for each in lines).encode(), digest_size=24).hexdigest()
    )


def test_a_fingerprint_is_of_whose_it_is_every_transfer_and_what_its_line_says(
    app: Flask, run: Run, cast: People, clock: Clock, code: str, ask: Callable[..., Any]
) -> None:
    """Written apart, for both kinds of papers: what the fingerprint is made of."""
    account, holder = wallet(cast), one(cast.wang.resident).hex
    got, spent = UUID(int=11).hex, UUID(int=12).hex
    transfers = [
        f"{got}|award|{ISSUED}|{account}|2000|2026-11-24|award|{got}|{HERE}|8|便民集市，来帮忙",
        f"{spent}|redemption|{account}|{REDEEMED}|1200|2026-11-24|order|{spent}|{HERE}|5|洗洁精一瓶",
    ]
    hers_begins = f"statement-2|resident|{holder}|{HERE}|service|2026-11-01|2026-11-24|0"
    book_begins = f"statement-2|community|{NIL.hex}|{HERE}|service|2026-11-01|2026-11-24|0"
    clock.advance(days=1)
    with app.app_context():
        close_days()
    book = Subject(of="community", community=HERE, points_kind="service")
    issue(run, cast.actor(cast.staff), book)

    found = ask(lambda c: set(c.scalars(text("SELECT digest FROM statements"))))
    assert found == {
        digest_of([hers_begins, *transfers, "800"]),
        digest_of([book_begins, *transfers, "800"]),
    }


def test_a_communitys_paper_is_checked_in_the_same_way(
    app: Flask, client: FlaskClient, run: Run, cast: People, clock: Clock, code: str
) -> None:
    clock.advance(days=1)
    with app.app_context():
        close_days()
    subject = Subject(of="community", community=HERE, points_kind="service")
    made = issue(run, cast.actor(cast.staff), subject)
    before = client.get(f"/check/{made.code}").get_data(as_text=True)
    lines = shown(client, made.code)
    accounts = client.get(f"/api/v1/checks/{made.code}").get_json()["accounts"]
    tamper(app, "DELETE FROM transfers WHERE act = 'redemption'")
    after = client.get(f"/check/{made.code}").get_data(as_text=True)

    assert "是真的" in before
    assert "社区" in text_of(before)
    assert lines == ["发放发给居民20从居民收回0+20", "兑换发给居民0从居民收回12−12"]
    assert [(row["purpose"], row["debited"], row["credited"]) for row in accounts] == [
        ("issued", 2000, 0),
        ("redeemed", 0, 1200),
    ]
    assert "和账本对不上" in after


def test_a_communitys_paper_of_before_the_first_closing_is_checked_and_printed(
    client: FlaskClient, run: Run, cast: People
) -> None:
    yesterday = TODAY - dt.timedelta(days=1)
    subject = Subject(of="community", community=HERE, points_kind="service")
    period = Period(first=yesterday, last=yesterday)
    made = issue(run, cast.actor(cast.staff), subject, period)

    page = client.get(f"/check/{made.code}")
    staff = cast.headers(cast.staff)
    paper = client.get(f"/api/v1/statements/{made.code}/pdf", headers=staff)

    assert "是真的" in page.get_data(as_text=True)
    assert (page.status_code, paper.status_code) == (200, 200)


def test_every_slip_of_a_single_character_is_noticed() -> None:
    code = new_code()
    for at, right in enumerate(code):
        for wrong in ALPHABET if at < RANDOM else "0123456789":
            if wrong == right:
                continue
            with pytest.raises(CodeMisspelled):
                read_code(code[:at] + wrong + code[at + 1 :])


def test_two_neighbours_that_changed_places_are_noticed() -> None:
    body = "A2B3C4D5E6"
    code = body + check_digits(body)
    for at in range(RANDOM - 1):
        swapped = code[:at] + code[at + 1] + code[at] + code[at + 2 :]
        with pytest.raises(CodeMisspelled):
            read_code(swapped)


def test_a_code_is_read_however_it_is_typed() -> None:
    code = new_code()
    wide = "".join(chr(ord(each) + 0xFEE0) for each in code)

    assert read_code(spaced(code).lower()) == code
    assert read_code(f" {code[:4]}-{code[4:8]}-{code[8:]} ") == code
    assert read_code(wide) == code
    for lookalikes in ("OIL", "oil"):
        digits = str.maketrans("011", lookalikes)
        assert read_code(code[:RANDOM] + code[RANDOM:].translate(digits)) == code


@pytest.mark.parametrize("raw", ["", "1", "王秀英", "A" * 200, "A2B3C4D5E600", "=1+1"])
def test_what_is_no_code_is_refused_with_a_sentence(client: FlaskClient, raw: str) -> None:
    answer = send(client, "/check/", "/check/", code=raw)

    assert answer.status_code == 422
    assert "核对码不对" in answer.get_data(as_text=True)


def test_a_code_that_was_never_given_out_is_refused(
    client: FlaskClient, ask: Callable[..., Any]
) -> None:
    code = new_code()
    answer = client.get(f"/check/{code}")

    assert answer.status_code == 404
    assert "没有发出过这个核对码" in answer.get_data(as_text=True)
    with pytest.raises(StatementUnknown):
        ask(check, code)


def test_a_typed_code_leads_to_its_page(client: FlaskClient, code: str) -> None:
    answer = send(client, "/check/", "/check/", code=spaced(code).lower())

    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/check/{code}"


def test_trying_codes_by_the_hundred_is_stopped(client: FlaskClient, code: str) -> None:
    statuses = [client.get(f"/check/{new_code()}").status_code for _ in range(61)]

    assert statuses == [404] * 60 + [429]


def test_typing_codes_by_the_hundred_is_stopped(client: FlaskClient) -> None:
    statuses = {send(client, "/check/", "/check/", code="no").status_code for _ in range(60)}

    assert statuses == {422}
    assert send(client, "/check/", "/check/", code="no").status_code == 429


def test_programs_check_in_the_api(client: FlaskClient, code: str) -> None:
    answer = client.get(f"/api/v1/checks/{code}")
    found = answer.get_json()

    assert found["genuine"] is True
    assert found["name"] == "王*英"
    assert (found["opening"], found["closing"], found["entries"]) == (0, 800, 2)
    assert found["lines"] == [
        {"day": "2026-11-24", "reason": "便民集市，来帮忙", "amount": 2000, "balance": 2000},
        {"day": "2026-11-24", "reason": "洗洁精一瓶", "amount": -1200, "balance": 800},
    ]
    assert (found["more"], found["accounts"]) == (0, [])
    assert re.fullmatch(r"[0-9A-Z]{12}", found["code"])
    assert client.get("/api/v1/checks/nonsense").get_json()["code"] == "code_misspelled"
