"""The demonstration, built as ``make demo`` builds it: once, whole, and through the use cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_migrate import downgrade
from sqlalchemy import Connection, func, select, text

from core.config import ROOT
from core.db import db
from core.models import AuditEvent
from core.work import present, reading
from residents import grants, local_grants
from tests import templates
from tests.demonstration import Demonstration, application
from tests.following import follow

pytestmark = pytest.mark.timeout(900)
CALLS_MAX = 12_000
MEGABYTES_MAX = 250


def count(connection: Connection, table: str) -> int:
    return int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608


def accounts(app: Flask) -> list[dict[str, str]]:
    """Return what ``flask demo accounts --json`` prints."""
    done = app.test_cli_runner().invoke(args=["demo", "accounts", "--json"])
    assert done.exit_code == 0, done.output
    return list(json.loads(done.output))


def me(demo: Demonstration, token: str) -> dict[str, Any]:
    return dict(json.loads(demo.get("/api/v1/me", {"Authorization": f"Bearer {token}"})))


def test_the_demonstration_is_a_lively_district_with_a_sign_in_for_everybody(
    tmp_path: Path,
) -> None:
    with Demonstration(tmp_path) as demo:
        told = json.loads((tmp_path / "built.json").read_text(encoding="utf-8"))
        app = application(tmp_path)
        with app.app_context(), reading() as connection:
            is_lively(connection, told["calls"])
        rows = accounts(app)
        says_where_and_who(demo, rows)
        every_token_is_who_it_says(demo, rows)
        demo.look_around(rows, times=100)
        assert demo.megabytes() < MEGABYTES_MAX
    books_hold(app)
    every_link_leads_to_a_page(app, rows)
    with app.app_context():
        downgrade(revision="-1")
    (tmp_path / "built.json").write_text(json.dumps(told | {"day": "2026-01-31"}), encoding="utf-8")

    with Demonstration(tmp_path) as demo:
        assert "Building" not in demo.said()
        assert "ends on 2026-01-31: make demo-reset builds one" in demo.said()
        assert accounts(app) == rows
        says_where_and_who(demo, rows)
        a_token_can_be_revoked(app, rows)
        with app.app_context(), reading() as connection:
            version = connection.scalar(text("SELECT version_num FROM alembic_version"))
    assert f"{version}\n" == (ROOT / "migrations" / "HEAD").read_text(encoding="ascii")
    with app.app_context():
        db.engine.dispose()


def is_lively(connection: Connection, calls: int) -> None:
    """Three months of about three thousand residents, made by no more calls than were said."""
    assert calls <= CALLS_MAX
    # Each call that changed anything left one row.
    assert count(connection, "audit_events") <= CALLS_MAX
    assert 2_700 <= count(connection, "residents") <= 3_300
    assert 1_080 <= count(connection, "households") <= 1_320
    assert (count(connection, "subdistricts"), count(connection, "communities")) == (14, 203)
    assert count(connection, "sessions") >= 400
    assert count(connection, "awards") >= 4_000
    assert count(connection, "orders") >= 300
    assert count(connection, "orders WHERE home <> host AND state = 'collected'") >= 100
    assert count(connection, "business_days") >= 90
    assert count(connection, "bulletins") >= 203 * 2
    ahead = select(func.count()).where(AuditEvent.at > present())
    assert connection.scalar(ahead) == 0, "something is of the future"


def test_a_database_that_is_no_demonstration_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("5" * 64, encoding="ascii")
    (tmp_path / "linli.sqlite").write_text("somebody's points", encoding="ascii")
    app = application(tmp_path)

    done = app.test_cli_runner().invoke(args=["demo", "build"])

    assert (done.exit_code, "is not a demonstration" in done.output) == (1, True)
    assert (tmp_path / "linli.sqlite").read_text(encoding="ascii") == "somebody's points"


def test_accounts_are_those_of_a_demonstration_only(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("5" * 64, encoding="ascii")

    done = application(tmp_path).test_cli_runner().invoke(args=["demo", "accounts", "--json"])

    assert (done.exit_code, "make demo builds one" in done.output) == (1, True)


def says_where_and_who(demo: Demonstration, rows: list[dict[str, str]]) -> None:
    said = demo.said()
    assert f"http://{demo.bind}" in said
    assert [row["phone"] for row in rows if row["phone"] not in said] == []


def every_token_is_who_it_says(demo: Demonstration, rows: list[dict[str, str]]) -> None:
    assert {*rows[0]} == {"role", "place", "name", "phone", "token"}
    given = {"resident", *grants.GRANTED, *local_grants.SCOPE_OF}
    assert {row["role"] for row in rows} == given
    for row in rows:
        found = me(demo, row["token"])
        assert (found["role"], found["name"]) == (row["role"], row["name"])


def books_hold(app: Flask) -> None:
    done = app.test_cli_runner().invoke(args=["verify"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("the books hold")


def every_link_leads_to_a_page(app: Flask, rows: list[dict[str, str]]) -> None:
    templates.be_strict(app)
    for row in rows:
        browser = app.test_client()
        with browser.session_transaction() as cookie:
            cookie["_user_id"] = row["token"]
        found = follow(app, browser)
        led = {address: status for address, status in found.items() if status not in {200, 303}}
        assert led == {}, row["role"]
        assert len(found) > 1, row["role"]


def a_token_can_be_revoked(app: Flask, rows: list[dict[str, str]]) -> None:
    """Revoke the auditor's over the API; whoever asks for accounts again is given a new one."""
    auditor = next(row for row in rows if row["role"] == "auditor")
    headers = {"Authorization": f"Bearer {auditor['token']}"}
    client = app.test_client()
    own = client.get("/api/v1/sign-ins", headers=headers).get_json()
    assert len(own) == 1
    client.post(f"/api/v1/sign-ins/{own[0]['id']}/revoke", headers=headers)
    assert client.get("/api/v1/me", headers=headers).status_code == 401
    again = next(row for row in accounts(app) if row["role"] == "auditor")
    assert again["token"] != auditor["token"]
