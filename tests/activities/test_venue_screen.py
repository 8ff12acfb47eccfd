"""The venue's screen: who may open it, what it shows and polls, and what its keys do."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from tests.activities.scene import END, START, STEP, Scene, at
from tests.admin.forms import fill
from tests.admin.scene import words
from tests.everything import everything
from tests.people import Someone

MAY = ("staff", "lead")
MAY_NOT = {"keeper": 403, "elsewhere": 403, "near": 403, "lin": 403, "wang": 403}


def desk(session: UUID, page: str = "") -> str:
    return f"/desk/sessions/{session}/venue{page}"


def api(session: UUID) -> str:
    return f"/api/v1/sessions/{session}/venue-code"


def poll(browser: FlaskClient, session: UUID, query: str = "") -> Any:
    """Ask for the next codes, as the page does."""
    answer = browser.get(f"{desk(session, '/codes')}{query}")
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    return answer.get_json()


def counts(browser: FlaskClient, session: UUID) -> Any:
    return browser.get(desk(session, "/counts")).get_json()["counts"]


def first(answer: Any) -> str:
    """Return the path of the code that is shown now."""
    return str(answer["codes"][0]["url"]).removeprefix("http://localhost")


def press(browser: FlaskClient, session: UUID, key: str) -> Any:
    """Press a key of the screen."""
    done = fill(browser, desk(session), f"/{key}")
    assert (done.status_code, done.headers["Location"]) == (303, desk(session))
    return done


def test_staff_of_the_community_open_it_and_nobody_else(scene: Scene, client: FlaskClient) -> None:
    cast, session = scene.cast, scene.session()
    for name in (*MAY, *MAY_NOT):
        someone: Someone = getattr(cast, name)
        browser, headers = cast.browser(someone), cast.headers(someone)
        statuses = {browser.get(desk(session, page)).status_code for page in _PAGES}
        twin = client.get(api(session), headers=headers).status_code

        assert statuses == {MAY_NOT.get(name, 200)}, name
        assert twin == MAY_NOT.get(name, 200), name
    for page in _PAGES:
        assert client.get(desk(session, page)).headers["Location"].startswith("/sign-in")
    assert client.get(api(session)).status_code == 401


_PAGES = ("", "/codes", "/counts")


def test_an_unknown_session_has_no_screen(scene: Scene, client: FlaskClient) -> None:
    browser = scene.cast.browser(scene.cast.staff)

    for page in _PAGES:
        assert browser.get(desk(UUID(int=7), page)).status_code == 404
    headers = scene.cast.headers(scene.cast.staff)
    assert client.get(api(UUID(int=7)), headers=headers).status_code == 404


def test_it_shows_the_code_and_brings_those_of_ten_minutes(scene: Scene) -> None:
    session, browser = scene.session(), scene.cast.browser(scene.cast.staff)
    scene.clock.set(at(10, 31, 7))
    before = scene.ask(everything)

    page = browser.get(desk(session)).get_data(as_text=True)
    polled = poll(browser, session)
    counts(browser, session)

    assert scene.ask(everything) == before
    found = re.search(r'id="venue-data"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    assert data["codes"] == polled["codes"]
    assert (data["edition"], data["step_seconds"]) == (polled["edition"], STEP)
    assert data["server_now_ms"] == int(at(10, 31, 7).timestamp() * 1000)
    assert [each["step"] - data["codes"][0]["step"] for each in data["codes"]] == list(range(60))
    assert "<svg" in page
    for said in ("便民集市", "小营公园东门", "微信扫一扫签到", "10:30–12:30"):
        assert said in page


def test_the_api_gives_the_same_codes(scene: Scene, client: FlaskClient) -> None:
    session, browser = scene.session(), scene.cast.browser(scene.cast.staff)
    headers = scene.cast.headers(scene.cast.staff)

    twin = client.get(api(session), headers=headers).get_json()

    assert twin == {**poll(browser, session), "step_seconds": STEP}
    later = twin["codes"][-1]["step"] + 1
    more = client.get(f"{api(session)}?from={later}", headers=headers).get_json()
    assert more["codes"] == poll(browser, session, f"?from={later}")["codes"]
    assert more["codes"][0]["step"] == later


@pytest.mark.parametrize("query", ["?from=", "?from=abc", "?from=-1", "?other=1"])
def test_a_question_that_makes_no_sense_gets_the_codes_of_now(scene: Scene, query: str) -> None:
    session, browser = scene.session(), scene.cast.browser(scene.cast.staff)

    assert poll(browser, session, query) == poll(browser, session)


def test_the_api_refuses_such_a_question(scene: Scene, client: FlaskClient) -> None:
    session, headers = scene.session(), scene.cast.headers(scene.cast.staff)

    answer = client.get(f"{api(session)}?from=abc", headers=headers)

    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid")


def test_ten_minutes_before_the_end_it_asks_for_the_exit(scene: Scene) -> None:
    session, browser = scene.session(), scene.cast.browser(scene.cast.staff)
    seen = {}
    for moment in (at(12, 19, 59), at(12, 20)):
        scene.clock.set(moment)
        page = browser.get(desk(session)).get_data(as_text=True)
        seen[moment] = (poll(browser, session)["codes"][0]["phase"], 'data-phase="exit"' in page)

    assert list(seen.values()) == [("entry", False), ("exit", True)]


def test_its_key_turns_it_to_the_exit_before(scene: Scene, client: FlaskClient) -> None:
    session, browser = scene.session(), scene.cast.browser(scene.cast.staff)
    scene.clock.set(at(11, 30, 4))
    before = poll(browser, session)

    press(browser, session, "turn")

    after = poll(browser, session)
    assert (before["codes"][0]["phase"], after["codes"][0]["phase"]) == ("entry", "exit")
    assert before["edition"] != after["edition"]
    assert client.get(first(after)).status_code == 303
    page = browser.get(desk(session)).get_data(as_text=True)
    assert "/turn" not in page
    assert "离开时再扫一次" in page


def test_a_code_that_got_out_dies_at_once(scene: Scene, client: FlaskClient) -> None:
    session, browser = scene.session(), scene.cast.browser(scene.cast.staff)
    before = poll(browser, session)
    assert client.get(first(before)).status_code == 303

    press(browser, session, "void")

    after = poll(browser, session)
    assert before["edition"] != after["edition"]
    assert client.get(first(before)).status_code == 422
    assert client.get(first(after)).status_code == 303


def test_its_key_ends_the_session(scene: Scene) -> None:
    session, browser = scene.session(), scene.cast.browser(scene.cast.staff)
    scene.scan(scene.cast.wang, session)
    before = poll(browser, session)["edition"]

    press(browser, session, "close")

    after = poll(browser, session)
    assert (after["codes"], after["edition"] != before) == ([], True)
    shown = counts(browser, session)
    assert (shown["closed"], shown["arrived"]) == (True, 1)
    assert "data-closed" in browser.get(desk(session)).get_data(as_text=True)


@pytest.mark.parametrize("who", ["keeper", "elsewhere", "lin", "wang"])
def test_nobody_else_presses_its_keys(scene: Scene, who: str) -> None:
    session, browser = scene.session(), scene.cast.browser(getattr(scene.cast, who))
    before = scene.row(session)
    shown = browser.get("/sign-in?next=/me", follow_redirects=True).get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', shown)
    assert token is not None

    for key in ("void", "turn", "close"):
        answer = browser.post(
            f"/desk/sessions/{session}/{key}", data={"csrf_token": token[1], "from": "venue"}
        )
        assert answer.status_code == 403

    assert scene.row(session) == before


def test_it_counts_who_came_who_left_and_who_is_still_there(scene: Scene) -> None:
    cast, session = scene.cast, scene.session()
    for someone in (cast.wang, cast.chen):
        scene.scan(someone, session, "serve", when=START)
    scene.enter(cast.wang, session, entry=START)
    scene.scan(cast.new, session, when=at(10, 40))
    scene.clock.advance(seconds=1)
    scene.enter(cast.li, session, entry=START)
    scene.scan(cast.wang, session, "serve", "exit", at(12, 25))

    shown = counts(cast.browser(cast.staff), session)

    assert {name: shown[name] for name in shown if name not in {"arrivals", "exits"}} == {
        "arrived": 4,
        "take_part": 3,
        "serve": 2,
        "left": 1,
        "staying": 1,
        "closed": False,
    }
    arrived = [(each["name"], each["words"]) for each in shown["arrivals"]]
    assert arrived[:2] == [("李*强", "10:30"), ("周*燕", "10:40")]
    assert {name for name, _at in arrived} == {"李*强", "周*燕", "王*英", "陈*国"}
    page = words(cast.browser(cast.staff).get(desk(session)))
    assert "王*英" in page
    assert "王秀英" not in page


@pytest.mark.parametrize(
    ("entry", "left", "said"),
    [
        (at(10, 5), END, "2 小时"),  # counted from the start
        (START, at(12, 59), "2 小时"),  # and to the end
        (at(10, 45), at(11, 10), "0.5 小时"),
    ],
)
def test_it_says_the_hours_that_count(
    scene: Scene, entry: dt.datetime, left: dt.datetime, said: str
) -> None:
    session = scene.session()
    scene.serve(scene.cast.wang, session, entry, left)

    [shown] = counts(scene.cast.browser(scene.cast.staff), session)["exits"]

    assert shown == {"name": "王*英", "words": said}
