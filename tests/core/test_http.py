"""The edge: refusals as pages and as JSON, headers of every answer, static files, health."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError
from sqlalchemy import text

from app import create_app
from core.config import ROOT
from core.db import db
from core.errors import Busy, Conflict, Forbidden, NotFound, Rejected, TooMany
from core.http import NOT_JSON, STATIC_SECONDS, UNEXPECTED, VALUES_MAX, static_url
from core.http_keys import KEY_MAX, form_key, idempotency_key
from core.work import Work, reader, transact
from tests.conftest import Stage
from tests.people import People
from tests.points.raw import Raw
from tests.residents.forms import field, send

Serve = Callable[[Callable[[], ResponseReturnValue]], Flask]
CODES = "/api/v1/login-codes"


def words(answer: Any) -> str:
    """Return what a person reads on a page, without its tags."""
    return re.sub(r"<[^>]+>", "", answer.get_data(as_text=True))


def raising(error: Exception) -> Callable[[], ResponseReturnValue]:
    def view() -> ResponseReturnValue:
        raise error

    return view


# --- refusals --------------------------------------------------------------------------------


@pytest.mark.database("sqlite")
@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (NotFound(), 404, "not_found"),
        (Forbidden(), 403, "forbidden"),
        (Conflict(), 409, "conflict"),
        (Rejected(), 422, "rejected"),
        (TooMany(seconds=90), 429, "too_many"),
        (Busy(), 503, "busy"),
    ],
)
def test_a_refusal_is_a_page_for_people_and_json_for_programs(
    serve: Serve, refusal: Any, status: int, code: str
) -> None:
    client = serve(raising(refusal)).test_client()

    page, answer = client.get("/probe"), client.get("/api/probe")

    assert (page.status_code, answer.status_code) == (status, status)
    assert page.mimetype == "text/html"
    assert refusal.sentence() in words(page)
    assert "回首页" in words(page)
    assert answer.get_json() == {"code": code, "message": refusal.sentence()}


@pytest.mark.database("sqlite")
def test_who_has_to_wait_is_told_how_long(serve: Serve) -> None:
    for refusal, seconds in ((TooMany(seconds=5400), "5400"), (Busy(), "30")):
        client = serve(raising(refusal)).test_client()
        for address in ("/probe", "/api/probe"):
            assert client.get(address).headers["Retry-After"] == seconds
    calm = serve(raising(NotFound())).test_client()
    assert "Retry-After" not in calm.get("/probe").headers


def test_the_limit_of_a_day_says_when_it_ends(client: FlaskClient, clock: Any) -> None:
    body = {"phone": "13900000001", "client_nonce": "a-secret-of-the-program"}
    for _ in range(6):
        assert client.post(CODES, json=body).status_code == 201
    clock.advance(hours=23)

    assert client.post(CODES, json=body).headers["Retry-After"] == "3600"


@pytest.mark.database("sqlite")
def test_what_is_not_there_is_said_in_a_sentence_and_no_trace_of_the_machine(
    client: FlaskClient,
) -> None:
    page, answer = client.get("/nothing"), client.get("/api/v1/nothing")

    assert (page.status_code, answer.status_code) == (404, 404)
    assert "没有找到这个页面。请检查网址，或回到首页。" in words(page)
    assert "Not Found" not in page.get_data(as_text=True)
    assert answer.get_json()["code"] == "not_found"


@pytest.mark.database("sqlite")
def test_a_wrong_method_is_told_which_are_right(client: FlaskClient) -> None:
    page, answer = client.delete("/sign-in"), client.get(CODES)

    assert (page.status_code, answer.status_code) == (405, 405)
    assert set(page.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert set(answer.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}
    assert answer.mimetype == "application/json"
    assert answer.get_json()["code"] == "method_not_allowed"


@pytest.mark.database("sqlite")
def test_a_missing_slash_is_forgiven(client: FlaskClient) -> None:
    assert client.get("/activities").status_code == 308


@pytest.mark.database("sqlite")
def test_a_form_without_its_token_says_what_to_do(client: FlaskClient) -> None:
    client.get("/sign-in")

    for token in ({}, {"csrf_token": "forged"}):
        refused = client.post("/sign-in/code", data={"phone": "13800000001", **token})
        assert refused.status_code == 400
        assert "请刷新页面，再提交一次。" in words(refused)


@pytest.mark.database("sqlite")
def test_a_token_of_another_browser_is_none(app: Flask, client: FlaskClient) -> None:
    foreign = field(app.test_client().get("/sign-in").get_data(as_text=True), "csrf_token")
    client.get("/sign-in")

    body = {"phone": "13800000001", "csrf_token": foreign}
    assert client.post("/sign-in/code", data=body).status_code == 400
    assert send(client, "/sign-in", "/sign-in/code", phone="13800000001").status_code == 200


@pytest.mark.database("sqlite")
@pytest.mark.parametrize(
    ("body", "status", "code", "named"),
    [
        ({"json": {}}, 422, "invalid", "phone"),
        (
            {"json": {"phone": "1", "client_nonce": "x" * 20, "role": "lead"}},
            422,
            "invalid",
            "role",
        ),
        ({"json": [1]}, 422, "invalid", "_schema"),
        ({"data": "{", "content_type": "application/json"}, 400, "bad_request", NOT_JSON),
        ({"data": "[" * 100_000, "content_type": "application/json"}, 400, "bad_request", NOT_JSON),
        ({"data": "9" * 10_000, "content_type": "application/json"}, 400, "bad_request", NOT_JSON),
    ],
)
def test_a_body_that_is_not_understood_names_its_fields_and_blames_nobody(
    client: FlaskClient, body: dict[str, Any], status: int, code: str, named: str | None
) -> None:
    answer = client.post(CODES, **body)

    said = answer.get_json()
    assert (answer.status_code, said["code"]) == (status, code)
    assert named is None or named in said["errors"]["json"]
    assert said["message"] != UNEXPECTED


@pytest.mark.database("sqlite")
def test_what_no_database_stores_as_text_is_not_understood(
    cast: People, client: FlaskClient
) -> None:
    lin, lead = cast.browser(cast.lin), cast.browser(cast.lead)

    answers = (
        lead.get("/desk/rules/%00"),
        client.get("/sign-in?next=/%00"),
        client.get(f"/sign-in?{'next=/&' * (VALUES_MAX + 1)}"),
        lin.get("/console/people?q=a&q=%00"),
        send(lin, "/console/people", "/console/people/end", grant_id="x\0"),
        send(lin, "/console/people", "/console/people/end", key="k" * (KEY_MAX + 1)),
    )

    for answer in answers:
        assert answer.status_code == 400
        assert "没有看懂" in answer.get_data(as_text=True)


def test_an_address_that_no_database_takes_is_not_understood_by_programs_either(
    cast: People, client: FlaskClient
) -> None:
    address = "/api/v1/staff/rules/%00/simulation"
    answer = client.get(address, headers=cast.headers(cast.lead))

    assert (answer.status_code, answer.get_json()["code"]) == (400, "bad_request")


def test_what_is_too_large_is_not_read(client: FlaskClient) -> None:
    large = "1" * (2 * 1024 * 1024 + 1)

    assert client.post("/sign-in/code", data={"phone": large}).status_code == 413
    answer = client.post(CODES, data=large, content_type="application/json")
    assert (answer.status_code, answer.get_json()["message"]) == (
        413,
        "提交的内容太大了，请减少后再试。",
    )


@pytest.mark.database("sqlite")
def test_the_document_describes_what_a_refusal_answers(client: FlaskClient) -> None:
    schemas = client.get("/api/v1/openapi.json").get_json()["components"]["schemas"]

    described = schemas["Refusal"]
    assert described["required"] == ["code", "message"]
    assert {name: kind["type"] for name, kind in described["properties"].items()} == {
        "code": "string",
        "message": "string",
        "errors": "object",
        "reference": "string",
    }


@pytest.mark.database("sqlite")
def test_a_page_whose_fields_are_wrong_asks_to_mend_them(serve: Serve) -> None:
    client = serve(raising(ValidationError({"phone": ["请填写这一项。"]}))).test_client()

    page, answer = client.get("/probe"), client.get("/api/probe")

    assert (page.status_code, answer.status_code) == (422, 422)
    assert "请按提示改好再提交" in words(page)
    assert answer.get_json()["errors"] == {"phone": ["请填写这一项。"]}


@pytest.mark.database("sqlite")
@pytest.mark.parametrize("key", ["", " ", "x" * 201])
def test_an_act_without_an_identity_of_its_own_needs_a_key(serve: Serve, key: str) -> None:
    client = serve(idempotency_key).test_client()

    refused = client.get("/api/probe", headers={"Idempotency-Key": key})
    assert (refused.status_code, refused.get_json()["code"]) == (400, "idempotency_key_missing")
    taken = client.get("/api/probe", headers={"Idempotency-Key": " a-key "})
    assert taken.get_data(as_text=True) == "a-key"


def test_a_key_of_a_form_is_nobody_elses() -> None:
    keys = {form_key() for _ in range(50)}

    assert len(keys) == 50
    assert all(len(key) <= KEY_MAX for key in keys)


# --- bugs of ours ----------------------------------------------------------------------------


def forbidden() -> ResponseReturnValue:
    def use_case(work: Work, _command: None) -> None:
        statement = "UPDATE communities SET subdistrict = 999 WHERE code = 330102001051"
        work.connection.execute(text(statement))

    transact(use_case, None)
    return "done"


def misspelt() -> ResponseReturnValue:
    reader().execute(text("SELECT * FROM no_such_table"))
    return "done"


@pytest.mark.parametrize("view", [forbidden, misspelt, raising(ZeroDivisionError())])
def test_a_bug_of_ours_is_a_number_for_the_person_and_all_of_it_for_the_log(
    serve: Serve, view: Callable[[], ResponseReturnValue], caplog: pytest.LogCaptureFixture
) -> None:
    client = serve(view).test_client()

    page, answer = client.get("/probe"), client.get("/api/probe")

    assert (page.status_code, answer.status_code) == (500, 500)
    said = answer.get_json()
    assert (said["code"], said["message"]) == ("unexpected", UNEXPECTED)
    shown = re.search(r"请报这个编号：([0-9a-f]{8})", words(page))
    assert shown is not None
    for reference in (shown[1], said["reference"]):
        assert f"unexpected error {reference}" in caplog.text
    assert "Traceback" not in page.get_data(as_text=True)


@pytest.mark.database("sqlite")
def test_who_writes_while_reading_is_told_of_a_bug_not_of_a_crowd(serve: Serve) -> None:
    def view() -> ResponseReturnValue:
        reader().execute(text("DELETE FROM rate_limits"))
        return "done"

    assert serve(view).test_client().get("/probe").status_code == 500


# --- without a database ----------------------------------------------------------------------


@pytest.fixture
def stranded(stage: Stage, tmp_path: Path) -> Iterator[Flask]:
    """The application, and no database behind it."""
    address = f"sqlite:///{tmp_path}/nowhere/linli.sqlite"
    if stage.address:
        address = f"postgresql+psycopg://postgres@/linli?host={tmp_path}"
    app = create_app(replace(stage.config(), database_url=address))
    yield app
    with app.app_context():
        db.engine.dispose()


def test_without_a_database_people_read_a_page_and_come_back(
    stranded: Flask, client: FlaskClient
) -> None:
    unknown, known = stranded.test_client(), stranded.test_client()
    with known.session_transaction() as cookie:
        cookie["_user_id"] = "a-token"

    for browser, addresses in ((unknown, ("/sign-in",)), (known, ("/", "/sign-in", "/desk/"))):
        for address in addresses:
            page = browser.get(address)
            assert (page.status_code, page.headers["Retry-After"]) == (503, "30"), address
            assert Busy.text in words(page)
            assert "编号" not in words(page)
    assert known.get("/nothing").status_code == 404
    body = {"phone": "13900000001", "client_nonce": "a-secret-of-the-program"}
    for answer in (
        unknown.get("/api/v1/me", headers={"Authorization": "Bearer x"}),
        unknown.post(CODES, json=body),
    ):
        assert (answer.status_code, answer.get_json()["code"]) == (503, "busy")


def test_it_lives_without_a_database_and_is_not_ready(stranded: Flask, client: FlaskClient) -> None:
    for browser, ready in ((stranded.test_client(), 503), (client, 200)):
        lives, serves = browser.get("/healthz"), browser.get("/readyz")
        assert (lives.status_code, lives.get_json()) == (200, {"status": "ok"})
        assert serves.status_code == ready
        assert serves.headers["Cache-Control"] == "no-store"


def test_it_is_not_ready_before_it_is_migrated(stage: Stage, client: FlaskClient) -> None:
    with Raw(stage) as raw:
        raw.execute("DELETE FROM alembic_version")

    assert client.get("/readyz").status_code == 503


@pytest.mark.database("postgresql")
def test_a_page_whose_line_is_cut_says_so_and_the_next_one_is_shown(
    stage: Stage, serve: Serve
) -> None:
    def view() -> ResponseReturnValue:
        pid = reader().scalar(text("SELECT pg_backend_pid()"))
        with Raw(stage) as raw:
            raw.execute(f"SELECT pg_terminate_backend({pid})")
        return str(reader().scalar(text("SELECT 1")))

    client = serve(view).test_client()

    assert client.get("/probe").status_code == 503
    assert client.get("/api/probe").get_json()["code"] == "busy"
    assert client.get("/sign-in").status_code == 200


# --- headers ---------------------------------------------------------------------------------


@pytest.mark.database("sqlite")
def test_every_answer_carries_the_headers_that_keep_browsers_safe(
    cast: People, client: FlaskClient
) -> None:
    staff = cast.browser(cast.staff)
    answers = [
        *(client.get(path) for path in ("/sign-in", "/nothing", "/api/v1/me", "/healthz")),
        client.get("/activities"),
        client.post("/sign-in"),
        staff.get("/desk/"),
        staff.get("/console/"),
    ]

    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "object-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert "unsafe" not in policy
        assert "//" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Permissions-Policy"].startswith("camera=(self)")
        assert answer.headers["Cache-Control"] == "no-store"
    assert {answer.status_code for answer in answers} == {200, 308, 400, 401, 403, 404}


@pytest.mark.database("sqlite")
def test_a_script_in_a_page_carries_a_word_that_is_new_each_time(serve: Serve) -> None:
    page = "<script nonce={{ csp_nonce() }}>"
    client = serve(lambda: render_template_string(page)).test_client()
    seen = set()
    for _ in range(2):
        answer = client.get("/probe")
        nonce = re.search(r"nonce=([\w-]+)", answer.get_data(as_text=True))
        assert nonce is not None
        assert f"script-src 'self' 'nonce-{nonce[1]}'" in answer.headers["Content-Security-Policy"]
        seen.add(nonce[1])
    assert len(seen) == 2


@pytest.mark.database("sqlite")
@pytest.mark.parametrize("environment", ["production", "test"])
def test_the_cookie_is_for_us_alone_and_in_production_for_tls_alone(
    stage: Stage, environment: Any
) -> None:
    app = create_app(replace(stage.config(), environment=environment))
    cookie = app.test_client().get("/sign-in").headers["Set-Cookie"]
    with app.app_context():
        db.engine.dispose()

    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert ("Secure" in cookie) == (environment == "production")


@pytest.mark.database("sqlite")
@pytest.mark.parametrize(("proxies", "seen"), [(0, "127.0.0.1"), (1, "10.9.8.7"), (2, "10.1.1.1")])
def test_an_address_is_believed_from_as_many_proxies_as_there_are(
    stage: Stage, app: Flask, proxies: int, seen: str
) -> None:
    made = create_app(replace(stage.config(), proxies=proxies))
    forwarded = {"X-Forwarded-For": "10.6.6.6, 10.1.1.1, 10.9.8.7", "X-Forwarded-Host": "evil"}
    body = {"phone": "13900000001", "client_nonce": "a-secret-of-the-program"}
    made.test_client().post(CODES, json=body, headers=forwarded)
    with made.app_context():
        keys = set(reader().scalars(text("SELECT key FROM rate_limits")))
    with made.app_context():
        db.engine.dispose()

    assert f"code-from:{seen}" in keys


# --- static files, compression ---------------------------------------------------------------


@pytest.mark.database("sqlite")
def test_a_static_file_is_named_by_what_is_in_it_and_kept_for_a_year(
    client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = static_url("residents.css")
    assert re.fullmatch(r"/static/residents\.css\?v=[0-9a-f]{10}", address)

    answer = client.get(address)
    assert answer.data == (ROOT / "static" / "residents.css").read_bytes()
    assert answer.headers["Cache-Control"] == f"max-age={STATIC_SECONDS}, public"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    answer.close()

    monkeypatch.setattr("core.http.ROOT", tmp_path)
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "residents.css").write_text("changed")
    assert static_url("residents.css") != address


@pytest.mark.database("sqlite")
def test_every_static_file_that_a_page_names_carries_its_hash(client: FlaskClient) -> None:
    page = client.get("/sign-in").get_data(as_text=True)

    named = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert named
    assert [address for address in named if "?v=" not in address] == []


@pytest.mark.database("sqlite")
def test_nothing_beside_the_static_files_is_served(client: FlaskClient) -> None:
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/"):
        assert client.get(path).status_code == 404


@pytest.mark.database("sqlite")
def test_pages_travel_compressed(client: FlaskClient) -> None:
    plain = client.get("/sign-in")
    assert "Content-Encoding" not in plain.headers

    for coding in ("br", "gzip"):
        packed = client.get("/sign-in", headers={"Accept-Encoding": coding})
        assert packed.headers["Content-Encoding"] == coding
        assert "Accept-Encoding" in packed.headers["Vary"]
        assert len(packed.data) < len(plain.data) * 0.7
    assert "登录" in gzip.decompress(packed.data).decode()
