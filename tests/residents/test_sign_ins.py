"""A sign-in is a row: it is listed, it tells when it was last used, it is revoked at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, text, update

from core.crypto import token_hash
from core.settings import SetSetting, set_setting
from core.work import Work, business_day
from residents import queries
from residents.models import Grant, Resident
from residents.revoking import Revoke, SignInUnknown, revoke
from tests.people import People
from tests.residents.forms import count, field, prove, send, who

Run = Callable[..., Any]


def devices(cast: People, ask: Run) -> list[queries.SignInRow]:
    actor = cast.actor(cast.wang)
    rows: list[queries.SignInRow] = ask(
        queries.sign_ins,
        actor,
        cast.app.extensions["linli"].clock(),
    )
    return rows


def test_ones_own_devices_are_listed_and_the_one_in_hand_is_marked(
    cast: People,
    client: FlaskClient,
    ask: Run,
) -> None:
    cast.actor(cast.wang)
    cast.actor(cast.chen)
    client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (iPhone) MicroMessenger/8.0"
    prove(cast.app, client, cast.wang.phone)

    rows = devices(cast, ask)

    assert {row.label: row.current for row in rows} == {"test": True, "微信，苹果手机": False}


def test_a_lost_phone_is_signed_out_at_once_from_another(
    cast: People,
    ask: Run,
) -> None:
    lost, kept = cast.browser(cast.wang), cast.browser(cast.wang, anew=True)
    token = who(lost)
    assert token is not None
    row = next(row.id for row in devices(cast, ask) if ask(is_token, row.id, token))

    done = send(kept, "/me", f"/me/sign-ins/{row}/revoke")

    assert (done.status_code, done.headers["Location"]) == (303, "/me")
    headers = {"Authorization": f"Bearer {token}"}
    assert lost.get("/api/v1/me", headers=headers).status_code == 401
    assert lost.get("/me").headers["Location"].startswith("/sign-in?next=")
    assert kept.get("/me").status_code == 200
    assert row not in {other.id for other in devices(cast, ask)}


def is_token(connection: Connection, sign_in: UUID, token: str) -> bool:
    stored = connection.execute(text("SELECT id, token_hash FROM sign_ins")).all()
    return any(
        UUID(str(row.id)) == sign_in and row.token_hash == token_hash(token) for row in stored
    )


def test_a_token_is_stored_as_its_hash_alone(cast: People, ask: Run) -> None:
    token = cast.token(cast.wang)

    assert token not in str(ask(all_of_it))


def all_of_it(connection: Connection) -> list[Any]:
    return list(connection.execute(text("SELECT * FROM sign_ins")).all())


def test_nobody_revokes_the_sign_in_of_somebody_else(
    cast: People,
    client: FlaskClient,
    run: Run,
) -> None:
    mine = cast.actor(cast.wang).sign_in
    assert mine is not None

    for other in (cast.chen, cast.staff, cast.lin):
        with pytest.raises(SignInUnknown):
            run(revoke, Revoke(sign_in=mine), cast.actor(other))
    with pytest.raises(SignInUnknown):
        run(revoke, Revoke(sign_in=UUID(int=9)), cast.actor(cast.wang))
    refused = client.post(
        f"/api/v1/sign-ins/{mine}/revoke",
        headers=cast.headers(cast.chen),
    )

    assert (refused.status_code, refused.get_json()["code"]) == (404, "sign_in_unknown")


def test_revoking_twice_changes_nothing(cast: People, run: Run, ask: Run) -> None:
    actor = cast.actor(cast.wang)
    assert actor.sign_in is not None
    run(revoke, Revoke(sign_in=actor.sign_in), actor)
    before = ask(count, "audit_events")

    run(revoke, Revoke(sign_in=actor.sign_in), actor)

    assert ask(count, "audit_events") == before


def test_a_program_lists_and_ends_its_own_sign_ins(cast: People, client: FlaskClient) -> None:
    headers = cast.headers(cast.wang)
    listed = client.get("/api/v1/sign-ins", headers=headers).get_json()
    (mine,) = [row["id"] for row in listed if row["current"]]

    assert client.post(f"/api/v1/sign-ins/{mine}/revoke", headers=headers).status_code == 200
    assert client.get("/api/v1/me", headers=headers).status_code == 401


def test_signing_out_ends_the_row_and_empties_the_cookie(
    cast: People,
    client: FlaskClient,
) -> None:
    prove(cast.app, client, cast.wang.phone)
    token = who(client)

    done = send(client, "/me", "/sign-out")

    assert (done.status_code, done.headers["Location"]) == (303, "/sign-in")
    assert who(client) is None
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/v1/me", headers=headers).status_code == 401


def test_somebody_else_goes_on_where_the_first_one_stood(
    cast: People,
    client: FlaskClient,
) -> None:
    prove(cast.app, client, cast.wang.phone)
    client.set_cookie("presence", "a-grant-that-the-scan-gave")

    done = send(client, "/me", "/sign-out", next="/activities/presence")

    assert done.headers["Location"] == "/activities/presence"
    kept = client.get_cookie("presence")
    assert kept is not None
    assert kept.value == "a-grant-that-the-scan-gave"
    prove(cast.app, client, cast.wang.phone)
    elsewhere = send(client, "/sign-in", "/sign-out", next="//evil.example")
    assert elsewhere.headers["Location"] == "/"


def last_seen(ask: Run, cast: People) -> dt.datetime:
    return next(row.last_seen for row in devices(cast, ask) if row.label != "test")


def test_what_a_device_does_moves_its_last_use_and_looking_does_not(
    cast: People,
    client: FlaskClient,
    clock: Any,
    ask: Run,
) -> None:
    cast.actor(cast.wang)
    began = clock()
    prove(cast.app, client, cast.wang.phone)

    clock.advance(minutes=59)
    send(client, "/me", "/me/elder", mode="elder")
    assert last_seen(ask, cast) == began

    clock.advance(hours=2)
    client.get("/sign-in")
    client.get("/me")
    assert last_seen(ask, cast) == began

    send(client, "/me", "/me/elder", mode="standard")
    assert last_seen(ask, cast) == clock()


@pytest.mark.parametrize("days", [7, 365])
def test_how_long_a_resident_stays_signed_in_is_the_districts_setting(
    cast: People, client: FlaskClient, clock: Any, run: Run, days: int
) -> None:
    setting = SetSetting(key="k", setting="resident.sign_in_days", place=0, value=str(days))
    run(set_setting, setting)
    headers = cast.headers(cast.wang, anew=True)
    prove(cast.app, client, cast.wang.phone)

    def signed_in() -> tuple[bool, bool]:
        page, answer = client.get("/me"), client.get("/api/v1/me", headers=headers)
        return page.status_code == 200, answer.status_code == 200

    clock.advance(days=days, seconds=-1)
    assert signed_in() == (True, True)
    clock.advance(seconds=1)
    assert signed_in() == (False, False)


def test_a_busy_device_is_not_written_each_time(
    cast: People,
    client: FlaskClient,
    clock: Any,
    statements: Run,
) -> None:
    prove(cast.app, client, cast.wang.phone)
    token = field(client.get("/me").get_data(as_text=True), "csrf_token")
    clock.advance(hours=2)

    def written() -> int:
        with statements() as seen:
            client.post("/me/elder", data={"csrf_token": token, "mode": "standard"})
        return sum("UPDATE sign_ins" in statement for statement in seen)

    assert [written(), written()] == [1, 0]


def test_a_token_of_a_program_moves_its_last_use_too(
    cast: People,
    client: FlaskClient,
    clock: Any,
    ask: Run,
) -> None:
    headers = cast.headers(cast.wang)
    actor = cast.actor(cast.wang)
    clock.advance(hours=3)

    client.post(f"/api/v1/sign-ins/{UUID(int=1)}/revoke", headers=headers)

    assert [row.last_seen for row in ask(queries.sign_ins, actor, clock())].count(clock()) == 1


@pytest.mark.parametrize("table", [Grant, Resident])
def test_a_role_or_a_registration_holds_to_the_end_of_its_last_day(
    cast: People, client: FlaskClient, run: Run, table: Any
) -> None:
    who = cast.staff if table is Grant else cast.wang
    headers = cast.headers(who)

    def status_when_ended(days: int) -> int:
        def end(work: Work, last: dt.date) -> dt.date:
            ended = update(table).where(table.person == who.person).values(valid_to=last)
            work.connection.execute(ended)
            return last

        run(end, business_day(cast.app.extensions["linli"].clock()) + dt.timedelta(days=days))
        return int(client.get("/api/v1/sign-ins", headers=headers).status_code)

    assert [status_when_ended(days) for days in (1, 0, -1)] == [200, 200, 401]
