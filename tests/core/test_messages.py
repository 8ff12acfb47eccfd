"""通知: what was written to somebody is read by them, and by nobody else."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient

from core import outbox
from core.crypto import encrypt
from core.outbox import TEMPLATES
from core.work import SHANGHAI, Work
from tests.admin.forms import again
from tests.conftest import Clock
from tests.people import People, Someone

Run = Callable[..., Any]
CODE: dict[str, Any] = {"code": "482719", "minutes": 5}
READY: dict[str, Any] = {
    "item": "鸡蛋",
    "code": "482 719",
    "date": "12月1日",
    "station": "积分驿站",
}
DUE: dict[str, Any] = {"count": 2, "date": "11月26日"}
OUTSIDE: dict[str, Any] = {
    "community": "清波门社区",
    "item": "走访",
    "points": 30,
    "date": "12月1日",
}
LAPSES = "您有 30 服务积分 12月31日 到期。"
WAITING = "有 2 条分数反映要在 11月26日 前答复"


class Letters:
    """Messages of a test, each under a key of its own."""

    def __init__(self, run: Run, cast: People) -> None:
        self.run, self.cast, self.count = run, cast, 0

    def write(self, who: Someone, template: str, phone: str = "", **params: Any) -> str:
        """Write a message to somebody; return its key."""
        self.count += 1
        key, person = str(self.count), self.cast.actor(who).person

        def use_case(work: Work, _command: None) -> None:
            cipher = encrypt("phone", phone) if phone else None
            outbox.send(work, template, key=key, person=person, phone_cipher=cipher, **params)

        self.run(use_case, None)
        return key

    def lapsing(self, who: Someone, points: int = 30) -> None:
        """Warn somebody sixty days before."""
        self.write(who, "expiry.first", points=points, date="12月31日")


@pytest.fixture
def letters(run: Run, cast: People) -> Letters:
    """Messages that a test writes."""
    return Letters(run, cast)


def read(browser: FlaskClient, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def badge(browser: FlaskClient, path: str = "/me") -> str:
    """Return what the badge of a page says; empty: there is none."""
    found = re.search(r'class="(?:badge|count)">([^<]*)<', read(browser, path))
    return found[1] if found else ""


def titles(page: str) -> list[str]:
    return re.findall(r'<span class="title">([^<]*)</span>', page)


def test_a_warning_without_an_sms_is_read_in_its_own_words_and_leads_to_the_shelf(
    cast: People, letters: Letters
) -> None:
    letters.lapsing(cast.wang)
    browser = cast.browser(cast.wang)

    assert 'href="/me/messages"' in read(browser, "/me")
    shown = read(browser, "/me/messages")

    row = re.search(
        rf'<a class="row" href="/exchange/">\s*<span[^>]*>.*?{LAPSES}.*?</a>', shown, re.DOTALL
    )
    assert row
    assert "今天 10:00" in row[0]


def test_who_was_told_nothing_reads_how_the_list_is_filled(cast: People) -> None:
    for browser, path in (
        (cast.browser(cast.wang), "/me/messages"),
        (cast.browser(cast.staff), "/desk/messages"),
        (cast.browser(cast.lin), "/console/messages"),
    ):
        shown = read(browser, path)
        assert "还没有通知" in shown
        assert "都看过了" not in shown


def test_the_badge_counts_what_is_new_until_one_says_that_one_has_seen_it(
    cast: People, letters: Letters, clock: Clock
) -> None:
    browser = cast.browser(cast.wang)
    assert badge(browser) == ""
    letters.lapsing(cast.wang, 30)
    letters.lapsing(cast.wang, 40)
    assert (badge(browser), badge(browser, "/activities/")) == ("2", "2")
    assert "2 条新的" in read(browser, "/me")

    shown = read(browser, "/me/messages")
    clock.advance(minutes=1)
    letters.lapsing(cast.wang, 50)
    done = again(browser, shown, "/me/messages/seen")

    assert (done.status_code, done.headers["Location"]) == (303, "/me/messages")
    assert badge(browser) == "1", "what came after the list was shown is new"
    again(browser, read(browser, "/me/messages"), "/me/messages/seen")
    assert badge(browser) == ""
    assert len(titles(read(browser, "/me/messages"))) == 3, "what was seen stays"


def test_the_home_of_the_elder_version_says_what_is_new(cast: People, letters: Letters) -> None:
    browser = cast.browser(cast.wang)
    again(browser, read(browser, "/me"), "/me/elder")
    assert 'href="/me/messages"' in read(browser, "/")

    letters.lapsing(cast.wang)

    assert "您有 1 条新通知" in read(browser, "/")
    assert LAPSES in read(browser, "/me/messages")


def test_nobody_reads_what_was_written_to_somebody_else(
    cast: People, client: FlaskClient, letters: Letters
) -> None:
    letters.lapsing(cast.wang)

    for other in (cast.chen, cast.there):
        assert LAPSES not in read(cast.browser(other), "/me/messages")
        assert client.get("/api/v1/messages", headers=cast.headers(other)).get_json() == []
    assert cast.browser(cast.staff).get("/me/messages").status_code == 403
    assert cast.browser(cast.wang).get("/desk/messages").status_code == 403
    assert client.get("/api/v1/messages").status_code == 401


def test_the_press_of_one_leaves_new_what_others_have(cast: People, letters: Letters) -> None:
    letters.lapsing(cast.wang)
    letters.lapsing(cast.chen)
    browser = cast.browser(cast.wang)

    again(browser, read(browser, "/me/messages"), "/me/messages/seen")

    assert badge(cast.browser(cast.chen)) == "1"


def test_the_desk_shows_what_concerns_work_and_no_private_orders(
    cast: People, letters: Letters
) -> None:
    letters.write(cast.staff, "staff.corrections_due", **DUE)
    letters.write(cast.staff, "order.ready", **READY)
    browser = cast.browser(cast.staff)

    assert badge(browser, "/desk/messages") == "1"
    shown = read(browser, "/desk/messages")
    assert f'href="/desk/corrections">{WAITING}' in shown
    assert READY["code"] not in shown

    done = again(browser, shown, "/desk/messages/seen")
    assert (done.status_code, done.headers["Location"]) == (303, "/desk/messages")
    assert "都看过了。" in read(browser, "/desk/messages")


def test_the_district_reads_of_a_rule_outside_the_band(cast: People, letters: Letters) -> None:
    letters.write(cast.lin, "district.rule_outside", **OUTSIDE)

    assert 'class="count">1</span>' in read(cast.browser(cast.lin), "/console/")
    assert "清波门社区把走访定为 30 分" in read(cast.browser(cast.lin), "/console/messages")
    assert "走访" not in read(cast.browser(cast.wu), "/console/messages")


def test_a_code_to_sign_in_with_is_no_message_to_read(cast: People, letters: Letters) -> None:
    letters.write(cast.wang, "login.code", phone=cast.wang.phone, **CODE)

    shown = read(cast.browser(cast.wang), "/me/messages")

    assert "482719" not in shown
    assert "还没有通知" in shown


def test_what_waits_for_the_morning_is_told_in_the_morning(
    cast: People, letters: Letters, clock: Clock
) -> None:
    clock.set(dt.datetime(2026, 11, 24, 22, 30, tzinfo=SHANGHAI))
    letters.lapsing(cast.wang)
    browser = cast.browser(cast.wang)
    assert badge(browser) == ""
    assert LAPSES not in read(browser, "/me/messages")

    clock.set(dt.datetime(2026, 11, 25, 9, 0, tzinfo=SHANGHAI))

    assert badge(browser) == "1"
    assert LAPSES in read(browser, "/me/messages")


def test_what_was_taken_back_is_not_told(cast: People, letters: Letters, run: Run) -> None:
    key = letters.write(cast.wang, "order.ready", phone=cast.wang.phone, **READY)
    browser = cast.browser(cast.wang)
    assert READY["code"] in read(browser, "/me/messages")

    run(lambda work, _: outbox.cancel(work, "order.ready", key=key), None)

    assert READY["code"] not in read(browser, "/me/messages")


def test_the_list_goes_on_twenty_at_a_time_and_leaves_nothing_out(
    cast: People, letters: Letters, clock: Clock
) -> None:
    for points in range(1, 46):
        clock.advance(seconds=points % 2)
        letters.lapsing(cast.wang, points)
    browser, path, pages = cast.browser(cast.wang), "/me/messages", []

    while path:
        shown = read(browser, path)
        pages.append([int(each.split()[1]) for each in titles(shown)])
        older = re.search(r'href="(/me/messages\?before=[^"]*)"', shown)
        path = older[1] if older else ""

    assert [len(page) for page in pages] == [20, 20, 5]
    found = [points for page in pages for points in page]
    assert sorted(found) == list(range(1, 46))
    assert found[0] in {44, 45}
    assert found[-1] in {1, 2}


def test_a_hundred_and_more_are_written_as_more_than_the_badge_holds(
    cast: People, letters: Letters
) -> None:
    for points in range(101):
        letters.lapsing(cast.wang, points)

    assert badge(cast.browser(cast.wang)) == "99+"


def test_programs_read_the_same_and_say_what_was_seen(
    cast: People, client: FlaskClient, letters: Letters, clock: Clock
) -> None:
    headers, address = cast.headers(cast.wang), "/api/v1/messages"
    letters.lapsing(cast.wang, 40)
    clock.advance(minutes=1)
    letters.lapsing(cast.wang, 30)

    new, old = client.get(address, headers=headers).get_json()
    assert new["words"].startswith(LAPSES)
    assert (new["link"], new["is_new"], old["is_new"]) == ("/exchange/", True, True)
    assert client.get(f"{address}?before={new['id']}", headers=headers).get_json() == [old]

    body = {"upto": old["at"]}
    assert client.post(f"{address}/seen", json=body, headers=headers).get_json() == {"seen": 1}
    assert client.post(f"{address}/seen", json=body, headers=headers).get_json() == {"seen": 0}
    assert [each["is_new"] for each in client.get(address, headers=headers).get_json()] == [
        True,
        False,
    ]
    assert client.post(f"{address}/seen", json={}, headers=headers).status_code == 422


def test_a_form_that_names_no_moment_takes_what_is_there_as_seen(
    cast: People, letters: Letters
) -> None:
    browser = cast.browser(cast.wang)
    for said in ("heute", "2026-11-24T10:00"):
        letters.lapsing(cast.wang)
        again(browser, read(browser, "/me/messages"), "/me/messages/seen", upto=said)
        assert badge(browser) == ""


@pytest.mark.database("sqlite")
def test_every_message_leads_to_a_page_that_there_is(app: Flask) -> None:
    with app.test_request_context():
        assert all(url_for(each.opens) for each in TEMPLATES.values() if each.opens)
