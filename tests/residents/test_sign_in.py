"""Signing in by phone and one-time code, on the pages; the API is beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, text

from residents.limits import (
    CODES_FREELY,
    CODES_FROM_ONE_ADDRESS,
    SLOW_SECONDS,
    TRIES_PER_BROWSER,
    prove_number,
)
from residents.places import SetPhone, set_phone
from residents.sign_in import TRIES_MAX, AskCode, CodeExpired, CodeWrong, Verified, ask_code
from tests.people import HERE, People
from tests.residents.forms import ask as ask_for
from tests.residents.forms import code_for, count, field, prove, send, type_code, who, wrong

Run = Callable[..., Any]
KNOWN = "13800000001"
UNKNOWN = "13957001234"
EXPIRED = "验证码已经失效"
WRONG = "验证码不对"


def test_a_resident_signs_in_with_the_code_from_the_message(
    cast: People,
    client: FlaskClient,
) -> None:
    sent = ask_for(client, KNOWN)
    assert sent.status_code == 200
    assert field(sent.get_data(as_text=True), "phone") == KNOWN

    done = type_code(client, KNOWN, code_for(cast.app, KNOWN))

    assert (done.status_code, done.headers["Location"]) == (303, "/")
    me = client.get("/api/v1/me", headers={"Authorization": f"Bearer {who(client)}"}).get_json()
    assert (me["resident"], me["place"]) == (str(cast.wang.resident), HERE)


def test_a_form_without_its_token_is_refused(cast: People, client: FlaskClient, ask: Run) -> None:
    before = ask(count, "login_codes")

    for address in ("/sign-in", "/sign-in/code", "/sign-in/choose", "/join", "/sign-out"):
        assert client.post(address, data={"phone": KNOWN}).status_code == 400

    assert ask(count, "login_codes") == before


def scrubbed(answer: Any, phone: str) -> tuple[int, str, dict[str, str]]:
    """Return an answer without what differs between any two browsers."""
    page = re.sub(r'name="csrf_token" value="[^"]+"', "", answer.get_data(as_text=True))
    page = re.sub(r"nonce-?[^\s>]*", "", page).replace(phone, "")
    headers = {name: value for name, value in answer.headers.items() if name != "Set-Cookie"}
    headers["Content-Security-Policy"] = re.sub(
        r"nonce-[\w-]+", "", headers.get("Content-Security-Policy", "")
    )
    headers["cookies"] = str(len(answer.headers.getlist("Set-Cookie")))
    return answer.status_code, page, headers


def test_nothing_tells_whether_somebody_has_a_number(cast: People) -> None:
    asked, tried = [], []
    for phone in (KNOWN, UNKNOWN):
        browser = cast.app.test_client()
        asked.append(scrubbed(ask_for(browser, phone), phone))
        bad = wrong(code_for(cast.app, phone))
        tried.append(scrubbed(type_code(browser, phone, bad), phone))

    assert asked[0] == asked[1]
    assert tried[0] == tried[1]
    assert tried[0][0] == 422


def test_nothing_tells_it_through_the_api_either(cast: People, client: FlaskClient) -> None:
    answers = []
    for phone in (KNOWN, UNKNOWN):
        body = {"phone": phone, "client_nonce": "a-secret-of-the-program"}
        asked = client.post("/api/v1/login-codes", json=body)
        bad = {**body, "code": wrong(code_for(cast.app, phone))}
        tried = client.post("/api/v1/login-codes/verify", json=bad)
        answers.append(
            [
                (answer.status_code, answer.get_json(), dict(answer.headers))
                for answer in (asked, tried)
            ],
        )

    assert answers[0] == answers[1]
    assert answers[0][0][:2] == (201, {"minutes": 5})
    assert (answers[0][1][0], answers[0][1][1]["code"]) == (422, "code_wrong")


def test_after_five_wrong_tries_the_right_code_is_of_no_use(
    cast: People,
    client: FlaskClient,
) -> None:
    ask_for(client, KNOWN)
    code = code_for(cast.app, KNOWN)

    for _ in range(5):
        refused = type_code(client, KNOWN, wrong(code))
        assert refused.status_code == 422
        assert WRONG in refused.get_data(as_text=True)
    late = type_code(client, KNOWN, code)

    assert late.status_code == 422
    assert EXPIRED in late.get_data(as_text=True)
    assert who(client) is None


def test_four_wrong_tries_leave_one(cast: People, client: FlaskClient) -> None:
    ask_for(client, KNOWN)
    code = code_for(cast.app, KNOWN)
    for _ in range(4):
        type_code(client, KNOWN, wrong(code))

    assert type_code(client, KNOWN, code).status_code == 303


def test_a_code_holds_for_five_minutes(cast: People, client: FlaskClient, clock: Any) -> None:
    ask_for(client, KNOWN)
    code = code_for(cast.app, KNOWN)

    clock.advance(minutes=5)
    assert EXPIRED in type_code(client, KNOWN, code).get_data(as_text=True)

    clock.advance(seconds=-1)
    assert type_code(client, KNOWN, code).status_code == 303


def test_a_code_is_of_use_once(cast: People, client: FlaskClient) -> None:
    ask_for(client, KNOWN)
    code = code_for(cast.app, KNOWN)
    with client.session_transaction() as cookie:
        secret = cookie["browser"]
    assert type_code(client, KNOWN, code).status_code == 303
    with client.session_transaction() as cookie:
        assert cookie["browser"] == secret

    again = send(client, "/me", "/sign-in", phone=KNOWN, code=code)
    assert EXPIRED in again.get_data(as_text=True)


def test_only_the_newest_code_counts(cast: People, client: FlaskClient) -> None:
    ask_for(client, KNOWN)
    first = code_for(cast.app, KNOWN)
    ask_for(client, KNOWN)
    second = code_for(cast.app, KNOWN)

    if first != second:
        assert WRONG in type_code(client, KNOWN, first).get_data(as_text=True)
    assert type_code(client, KNOWN, second).status_code == 303


def test_a_code_is_of_use_in_the_browser_that_asked(cast: People, client: FlaskClient) -> None:
    ask_for(client, KNOWN)
    code = code_for(cast.app, KNOWN)
    thief = cast.app.test_client()

    assert EXPIRED in type_code(thief, KNOWN, code).get_data(as_text=True)
    assert who(thief) is None
    assert type_code(client, KNOWN, code).status_code == 303


def test_a_code_may_be_typed_with_spaces_and_in_full_width(run: Run, app: Flask) -> None:
    run(ask_code, AskCode(phone=KNOWN, browser="b"))
    code = code_for(app, KNOWN)
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in code)
    typed = f" {wide[:3]}\u3000{code[3:]} "

    assert proved(app, typed).phone == KNOWN


def proved(app: Flask, code: str) -> Verified:
    with app.app_context():
        return prove_number(KNOWN, code, "b")


def test_two_browsers_at_once_use_a_code_once(run: Run, app: Flask) -> None:
    run(ask_code, AskCode(phone=KNOWN, browser="b"))
    code = code_for(app, KNOWN)

    def use(_: int) -> bool:
        try:
            proved(app, code)
        except CodeExpired:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(use, range(8))).count(True) == 1


def test_a_wrong_try_is_counted_and_leaves_nothing_else(run: Run, app: Flask, ask: Run) -> None:
    run(ask_code, AskCode(phone=KNOWN, browser="b"))
    guess = wrong(code_for(app, KNOWN))
    before = ask(count, "audit_events")

    with pytest.raises(CodeWrong):
        proved(app, guess)

    assert ask(tries) == [1]
    assert ask(count, "audit_events") == before


def test_a_code_takes_five_wrong_guesses_however_many_come_at_once(
    run: Run, app: Flask, ask: Run
) -> None:
    run(ask_code, AskCode(phone=KNOWN, browser="b"))
    guess, together = wrong(code_for(app, KNOWN)), Barrier(20)

    def compared(_: int) -> bool:
        together.wait()
        with pytest.raises((CodeWrong, CodeExpired)) as refused:
            proved(app, guess)
        return refused.type is CodeWrong

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(compared, range(20))).count(True) == TRIES_MAX
    assert ask(tries) == [TRIES_MAX]


def tries(connection: Connection) -> list[int]:
    return [row[0] for row in connection.execute(text("SELECT tries FROM login_codes"))]


def test_the_code_stands_nowhere_in_the_database(run: Run, app: Flask, ask: Run) -> None:
    run(ask_code, AskCode(phone=KNOWN, browser="b"))
    code = code_for(app, KNOWN)

    kept = str(ask(everything, "login_codes")) + str(ask(everything, "outbox"))

    assert KNOWN not in kept
    assert f"'{code}'" not in kept
    assert f'"{code}"' not in kept


def everything(connection: Connection, table: str) -> list[Any]:
    return list(connection.execute(text(f"SELECT * FROM {table}")).all())  # noqa: S608 - named here


def test_a_number_that_is_none_is_told_beside_its_field(client: FlaskClient) -> None:
    for address in ("/sign-in/code", "/sign-in"):
        refused = send(client, "/sign-in", address, phone="1380000", code="1")
        page = refused.get_data(as_text=True)
        assert refused.status_code == 422
        assert "手机号应是 11 位数字" in page
        assert field(page, "phone") == "1380000"


API = "/api/v1/login-codes"
OUT = "一天里能试的次数用完了，请明天再来"


def asks(client: FlaskClient, address: str, phone: str = UNKNOWN) -> Any:
    """Ask for a code from an address, as a program does."""
    body = {"phone": phone, "client_nonce": f"a-secret-of-{address}"}
    return client.post(API, json=body, environ_overrides={"REMOTE_ADDR": address})


def test_an_address_asks_for_so_many_codes_a_day_for_one_number(
    client: FlaskClient, clock: Any
) -> None:
    for _ in range(CODES_FROM_ONE_ADDRESS):
        assert asks(client, "203.0.113.1").status_code == 201
        clock.advance(hours=2)

    refused = asks(client, "203.0.113.1")
    assert (refused.status_code, refused.get_json()["code"]) == (429, "too_many_today")
    assert OUT in refused.get_json()["message"]
    assert refused.headers["Retry-After"] == str(12 * 3600)
    assert asks(client, "203.0.113.1", KNOWN).status_code == 201

    clock.advance(hours=12)
    assert asks(client, "203.0.113.1").status_code == 201


def test_a_stranger_at_one_address_shuts_nobody_out(cast: People, client: FlaskClient) -> None:
    """Neither by asking again and again, nor by trying: the owner's code stays good."""
    ask_for(client, KNOWN)
    code = code_for(cast.app, KNOWN)
    for _ in range(CODES_FROM_ONE_ADDRESS + 10):
        asks(client, "203.0.113.1", KNOWN)
    guess = {"phone": KNOWN, "client_nonce": "a-secret-of-203.0.113.1", "code": "000000"}
    for _ in range(TRIES_PER_BROWSER + 1):
        client.post(f"{API}/verify", json=guess)

    assert type_code(client, KNOWN, code).status_code == 303
    assert ask_for(cast.app.test_client(), KNOWN).status_code == 200


def test_many_addresses_slow_a_number_and_not_the_browser_that_proved_it(
    cast: People, client: FlaskClient, clock: Any
) -> None:
    prove(cast.app, client, KNOWN)
    send(client, "/", "/sign-out")
    for number in range(CODES_FREELY):
        assert asks(client, f"203.0.113.{number}", KNOWN).status_code == 201

    refused = asks(client, "198.51.100.1", KNOWN)
    assert (refused.status_code, refused.get_json()["code"]) == (429, "too_many")
    assert int(refused.headers["Retry-After"]) <= SLOW_SECONDS
    assert "请过 10 分钟再试" in refused.get_json()["message"]
    assert ask_for(client, KNOWN).status_code == 200
    clock.advance(seconds=SLOW_SECONDS)
    assert asks(client, "198.51.100.2", KNOWN).status_code == 201
    assert asks(client, "198.51.100.3", KNOWN).status_code == 429


def test_guessing_at_a_number_ends_however_many_codes_are_asked_for(
    client: FlaskClient,
    app: Flask,
) -> None:
    body = {"phone": UNKNOWN, "client_nonce": "a-secret-of-the-program"}
    client.post(API, json=body)
    guess = {**body, "code": wrong(code_for(app, UNKNOWN))}
    answers = [
        client.post(f"{API}/verify", json=guess).status_code for _ in range(TRIES_PER_BROWSER + 1)
    ]

    assert answers == [422] * TRIES_PER_BROWSER + [429]


@pytest.mark.parametrize(
    ("target", "goes"),
    [
        ("/activities/?day=1", "/activities/?day=1"),
        ("/活动", "/%E6%B4%BB%E5%8A%A8"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("//[", "/"),
        ("javascript:alert(1)", "/"),
        ("evil", "/"),
        ("", "/"),
    ],
)
@pytest.mark.database("sqlite")
def test_afterwards_one_is_where_one_wanted_to_be_and_never_elsewhere(
    cast: People,
    client: FlaskClient,
    target: str,
    goes: str,
) -> None:
    assert prove(cast.app, client, KNOWN, target).headers["Location"] == goes


def test_a_session_begins_anew_at_signing_in(cast: People, client: FlaskClient) -> None:
    client.get("/sign-in")
    with client.session_transaction() as cookie:
        cookie["planted"] = "by somebody else"
        cookie["_user_id"] = "a-token-that-somebody-chose"

    prove(cast.app, client, KNOWN)

    with client.session_transaction() as cookie:
        assert "planted" not in cookie
        assert "proof" not in cookie
        assert cookie["_user_id"] != "a-token-that-somebody-chose"


def test_signing_in_is_never_kept_by_anybody_in_between(
    cast: People,
    client: FlaskClient,
) -> None:
    page, done = client.get("/sign-in"), prove(cast.app, client, KNOWN)

    for answer in (page, done):
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Cookie" in answer.headers["Vary"]
    assert "HttpOnly" in done.headers["Set-Cookie"]
    assert "SameSite=Lax" in done.headers["Set-Cookie"]


def test_who_is_in_and_comes_back_is_led_on(
    cast: People,
    client: FlaskClient,
) -> None:
    prove(cast.app, client, KNOWN)

    for page in ("/sign-in", "/sign-in/choose", "/join"):
        back = client.get(f"{page}?next=/activities/")
        assert (back.status_code, back.headers["Location"]) == (303, "/activities/"), page

    # Whoever takes turns on one phone signs out first, and finds the form.
    send(client, "/me", "/sign-out")
    assert client.get("/sign-in").status_code == 200
    assert prove(cast.app, client, cast.chen.phone).headers["Location"] == "/"


def test_staff_are_led_back_to_work_and_asked_on_the_way_to_what_residents_do(
    cast: People,
) -> None:
    staff, district = cast.browser(cast.staff), cast.browser(cast.lin)

    for browser, goes in ((staff, "/"), (staff, "/desk/residents"), (district, "/console/rates")):
        assert browser.get(f"/sign-in?next={goes}").headers["Location"] == goes
    for goes in ("/activities/presence", "/console"):
        assert staff.get(f"/sign-in?next={goes}").status_code == 200


def test_the_cookie_is_no_key_to_the_api(cast: People) -> None:
    browser = cast.browser(cast.wang)

    assert browser.get("/api/v1/me").status_code == 401


def test_the_districts_number_is_shown_where_no_community_is_known(
    cast: People,
    client: FlaskClient,
    run: Run,
) -> None:
    run(set_phone, SetPhone(place=330102000000, phone="0571-8700 0000"))

    assert "0571-8700 0000" in client.get("/sign-in").get_data(as_text=True)


def test_showing_the_pages_writes_nothing(cast: People, client: FlaskClient, ask: Run) -> None:
    tables = ("login_codes", "sign_ins", "audit_events", "rate_limits", "outbox")
    before = [ask(count, table) for table in tables]

    for path in ("/sign-in", "/", "/sign-in/choose", "/join"):
        client.get(path)

    assert [ask(count, table) for table in tables] == before
