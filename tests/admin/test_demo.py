"""The demonstration, built as ``make demo`` builds it: once, whole, and through the use cases."""

from __future__ import annotations

import csv
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_migrate import downgrade
from sqlalchemy import Connection, func, select, text

from activities.models import Session, SessionPart, SignUp
from admin.demo.examples import ELDER, MOTHER
from admin.demo.today import going_on
from admin.demo.town import HOME
from core.config import ROOT
from core.crypto import phone_index
from core.db import db
from core.models import AuditEvent
from core.work import present, reading
from points.models import Award
from residents import grants, local_grants
from residents.models import Person, Resident
from tests import templates
from tests.demonstration import Demonstration, application
from tests.following import follow

pytestmark = pytest.mark.timeout(900)
CALLS_MAX = 12_000
MEGABYTES_MAX = 250
LINES = (
    ("arrivals by the venue's code", 300, "attendances WHERE method = 'venue' AND phase = 'entry'"),
    ("exits by the venue's code", 100, "attendances WHERE method = 'venue' AND phase = 'exit'"),
    ("people entered by hand", 10, "attendances WHERE method = 'hand'"),
    (
        "people of their own registration whom staff confirmed",
        3,
        (
            "residents JOIN consents ON consents.person = residents.person"
            " WHERE purpose = 'privacy' AND state = 'confirmed'"
        ),
    ),
    ("batches of hours from elsewhere", 4, "feed_batches WHERE recorded > 5"),
    ("files brought for who cannot send", 1, "feed_batches WHERE file IS NOT NULL AND refused = 1"),
    ("people nobody has met", 3, f"residents WHERE community = {HOME} AND state = 'unconfirmed'"),
    (
        "households with nobody known in them",
        3,
        (
            "households WHERE id NOT IN (SELECT household FROM residents)"
            " AND id IN (SELECT holder_id FROM awards)"
        ),
    ),
    (
        "phones of several people",
        10,
        (
            "(SELECT 1 FROM people WHERE phone_index IS NOT NULL"
            " GROUP BY phone_index HAVING count(*) > 1)"
        ),
    ),
    ("children with a guardian", 3, "representations WHERE kind = 'guardian'"),
    (
        "orders by somebody who acts for a resident",
        1,
        (
            "orders JOIN residents ON residents.id = resident"
            " JOIN representations ON agent = ordered_by AND principal = person"
            " WHERE orders.state = 'collected'"
        ),
    ),
    (
        "rates that two people changed and that hold",
        1,
        (
            "discount_rates JOIN rate_proposals USING (id)"
            " WHERE discount_rates.valid_from < (SELECT max(at) FROM audit_events)"
        ),
    ),
    ("rates that wait for the second", 1, "rate_proposals WHERE state = 'proposed'"),
    (
        "redemptions agreed to on one's own phone",
        50,
        "orders WHERE channel = 'counter' AND confirmation = 'device' AND state = 'collected'",
    ),
    ("orders cancelled", 3, "audit_events WHERE use_case = 'cancel_order'"),
    ("approvals taken back", 3, "audit_events WHERE use_case = 'undo_approvals'"),
    ("orders to approve at home", 8, f"orders WHERE host = {HOME} AND state = 'submitted'"),
    ("orders to hand out at home", 4, f"orders WHERE host = {HOME} AND state = 'ready'"),
    ("hours at home to confirm", 1, f"awards WHERE bearing = {HOME} AND due IS NULL"),
    ("somebody in 长辈版", 1, "people WHERE mode = 'elder'"),
)
"""What the demonstration has to show of each use case, how often at least, and where it stands."""


def count(connection: Connection, table: str) -> int:
    return int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608


def accounts(app: Flask) -> list[dict[str, str]]:
    """Return what ``flask demo accounts --json`` prints."""
    done = app.test_cli_runner().invoke(args=["demo", "accounts", "--json"])
    assert done.exit_code == 0, done.output
    return list(json.loads(done.output))


def me(demo: Demonstration, token: str) -> dict[str, Any]:
    return dict(json.loads(demo.get("/api/v1/me", {"Authorization": f"Bearer {token}"})))


@pytest.mark.long
def test_the_demonstration_is_a_lively_district_with_a_sign_in_for_everybody(
    tmp_path: Path,
) -> None:
    with Demonstration(tmp_path) as demo:
        told = json.loads((tmp_path / "built.json").read_text(encoding="utf-8"))
        app = application(tmp_path)
        with app.app_context(), reading() as connection:
            is_lively(connection, told["calls"])
            the_first_resident_has_something_waiting(connection)
            the_elder_has_points_on_the_way(connection)
            somebody_new_can_walk_in(connection)
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
    shown = {what: count(connection, where) for what, _least, where in LINES}
    assert {what: shown[what] for what, least, _where in LINES if shown[what] < least} == {}
    ahead = select(func.count()).where(AuditEvent.at > present())
    assert connection.scalar(ahead) == 0, "something is of the future"


def the_first_resident_has_something_waiting(connection: Connection) -> None:
    """A 领取码, points held and on the way, an order that waits, and a sign-up for tomorrow."""
    mother = connection.execute(
        select(Resident.id, Resident.household)
        .join(Person, Person.id == Resident.person)
        .where(Person.phone_index == phone_index(MOTHER.phone)),
    ).one()
    mine = f"resident = '{mother.id.hex}'"
    assert count(connection, f"residents WHERE household = '{mother.household.hex}'") > 1
    assert count(connection, f"orders WHERE {mine} AND state = 'ready'") == 1
    assert count(connection, f"orders WHERE {mine} AND state = 'submitted'") == 1
    held = f"holder_id = '{mother.id.hex}' AND points_kind = 'service'"
    assert count(connection, f"accounts WHERE {held} AND held > 0") == 1
    assert count(connection, f"awards WHERE {held} AND state = 'pending'") >= 1
    soon = Session.starts_at.between(present(), present() + dt.timedelta(days=2))
    signed = select(func.count()).select_from(SignUp).join(Session, Session.id == SignUp.session)
    assert connection.scalar(signed.where(SignUp.resident == mother.id, soon)) == 1


def the_elder_has_points_on_the_way(connection: Connection) -> None:
    """Whoever looks at 长辈版 sees 待到账, whatever the dice brought."""
    elder = (
        select(Resident.id)
        .join(Person, Person.id == Resident.person)
        .where(Person.phone_index == phone_index(ELDER.phone))
    )
    late = (Award.provenance == "back_filled") & (Award.state == "pending")
    query = select(func.count()).select_from(Award).where(Award.holder_id.in_(elder), late)
    assert connection.scalar(query) == 1


def somebody_new_can_walk_in(connection: Connection) -> None:
    """A session at home goes on right now, with a place left in each of its two parts."""
    free = SessionPart.places.is_(None) | (SessionPart.taken < SessionPart.places)
    open_ = (Session.community == HOME) & (Session.state == "open")
    lasts = Session.ends_at > present() + dt.timedelta(minutes=30)
    found = (
        select(Session.id)
        .join(SessionPart, SessionPart.session == Session.id)
        .where(open_, Session.starts_at <= present(), lasts, free)
        .group_by(Session.id)
        .having(func.count() == 2)
    )
    assert connection.execute(found).first() is not None


def test_whatever_the_hour_there_is_a_session_to_walk_into() -> None:
    with (ROOT / "data" / "defaults" / "activities.csv").open(encoding="utf-8") as file:
        offered = {row["key"]: row for row in csv.DictReader(file)}

    shows = [going_on(hour) for hour in range(24)]

    for show in shows:
        template, coming = offered[show.template], dict(show.signed_up)
        assert (template["take_part_places"], template["take_part_rule"]) == ("", "join.activity")
        assert coming["serve"] + 2 <= (show.wording.helpers or 0)
    assert shows[3] != shows[15]


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
    assert [each["label"] for each in own] == ["演示用的程序"]
    client.post(f"/api/v1/sign-ins/{own[0]['id']}/revoke", headers=headers)
    assert client.get("/api/v1/me", headers=headers).status_code == 401
    again = next(row for row in accounts(app) if row["role"] == "auditor")
    assert again["token"] != auditor["token"]
