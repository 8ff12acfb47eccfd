"""Somebody nobody knows registers on the way in: a name, a home community, and consent."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, text

from core.crypto import PhoneMalformed
from residents import people, queries
from residents.people import Register, register
from tests.admin.forms import fill
from tests.people import HERE, THERE, People
from tests.residents.forms import ask as ask_code
from tests.residents.forms import code_for, count, field, prove, send, who

Run = Callable[..., Any]
PHONE = "13957001234"


def stranger(**changed: Any) -> Register:
    given: dict[str, Any] = {
        "phone": PHONE,
        "name": "何静怡",
        "community": HERE,
        "consent": True,
        "is_fourteen": True,
        **changed,
    }
    return Register(**given)


def consents(connection: Connection) -> list[tuple[str, str, str]]:
    rows = connection.execute(
        text(
            "SELECT p.name, c.purpose, c.version FROM consents c JOIN people p ON p.id = c.person",
        ),
    )
    return [(row[0], row[1], row[2]) for row in rows]


def test_somebody_new_is_unconfirmed_in_a_household_of_their_own(run: Run, ask: Run) -> None:
    entered = run(register, stranger())

    (line,) = ask(queries.waiting, HERE)
    assert not entered.exists
    assert (line.resident, line.state) == (entered.resident, "unconfirmed")
    assert ask(queries.members, entered.household) == [(entered.resident, "何静怡")]
    assert ask(consents) == [("何静怡", "privacy", people.PRIVACY_VERSION)]


@pytest.mark.parametrize("again", [{}, {"community": THERE}, {"phone": "139 5700 1234"}])
def test_registering_again_changes_nothing(run: Run, ask: Run, again: dict[str, Any]) -> None:
    first = run(register, stranger())

    repeat = run(register, stranger(**again))

    assert (repeat.resident, repeat.exists) == (first.resident, True)
    assert ask(count, "residents") == 1
    assert len(ask(consents)) == 1


def test_a_double_tap_registers_one_person(run: Run, ask: Run) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: run(register, stranger()), range(8)))

    assert len({one.resident for one in made}) == 1
    assert (ask(count, "people"), ask(count, "residents"), ask(count, "households")) == (1, 1, 1)


def test_one_number_registers_a_mother_and_a_daughter(run: Run) -> None:
    mother, daughter = run(register, stranger()), run(register, stranger(name="何小小"))

    assert mother.person != daughter.person


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"consent": False}, people.ConsentMissing),
        ({"is_fourteen": False}, people.TooYoung),
        ({"name": "　"}, people.NameMissing),
        ({"name": "长" * 21}, people.NameMissing),
        ({"community": 330102001999}, people.CommunityUnknown),
        ({"community": 0}, people.CommunityUnknown),
        ({"phone": "110"}, PhoneMalformed),
    ],
)
def test_without_consent_age_name_or_home_nothing_is_kept(
    run: Run,
    ask: Run,
    changed: dict[str, Any],
    refusal: type[Exception],
) -> None:
    with pytest.raises(refusal):
        run(register, stranger(**changed))

    assert ask(count, "people") == 0


def fill_in(browser: FlaskClient, **data: str) -> Any:
    given = {"name": "何静怡", "community": str(HERE), "consent": "1", **data}
    return send(browser, "/join", "/join", **given)


def test_on_the_pages_a_new_number_leads_to_registering_and_in(
    app: Flask,
    client: FlaskClient,
    ask: Run,
) -> None:
    proven = prove(app, client, PHONE)
    assert (proven.status_code, proven.headers["Location"]) == (303, "/join?next=/")

    done = fill_in(client)

    assert (done.status_code, done.headers["Location"]) == (303, "/")
    assert who(client) is not None
    assert [line.name for line in ask(queries.waiting, HERE)] == ["何静怡"]


def test_no_home_is_proposed_without_a_reason(app: Flask, client: FlaskClient, ask: Run) -> None:
    prove(app, client, PHONE)

    page = client.get("/join").get_data(as_text=True)
    assert '<option value="">请选您住的社区</option>' in page
    assert " selected" not in page
    forgotten = fill_in(client, community="")

    assert people.CommunityUnknown.text in forgotten.get_data(as_text=True)
    assert ask(count, "people") == 0


def test_errors_stand_beside_the_fields_and_what_was_typed_is_kept(
    app: Flask,
    client: FlaskClient,
    ask: Run,
) -> None:
    prove(app, client, PHONE)

    nameless = fill_in(client, name=" ", community=str(THERE))
    page = nameless.get_data(as_text=True)
    assert nameless.status_code == 422
    assert people.NameMissing.text in page
    assert f'value="{THERE}" selected' in page

    silent = fill_in(client, consent="")
    page = silent.get_data(as_text=True)
    assert silent.status_code == 422
    assert people.ConsentMissing.text in page
    assert field(page, "name") == "何静怡"

    child = fill_in(client, under_fourteen="1", consent="")
    assert child.status_code == 422
    assert people.TooYoung.text in child.get_data(as_text=True)

    assert fill_in(client, community="330102001999").status_code == 404
    assert ask(count, "people") == 0
    assert who(client) is None


def test_registering_needs_a_number_that_was_just_proven(
    app: Flask,
    client: FlaskClient,
    clock: Any,
    ask: Run,
) -> None:
    assert client.get("/join").status_code == 422

    prove(app, client, PHONE)
    token = field(client.get("/join").get_data(as_text=True), "csrf_token")
    clock.advance(minutes=10)
    late = client.post(
        "/join",
        data={"csrf_token": token, "name": "何静怡", "community": str(HERE), "consent": "1"},
    )

    assert late.status_code == 422
    assert "请重新获取验证码" in late.get_data(as_text=True)
    assert ask(count, "people") == 0


def test_one_number_cannot_register_a_crowd(app: Flask, client: FlaskClient, ask: Run) -> None:
    nonce = "n" * 16
    client.post("/api/v1/login-codes", json={"phone": PHONE, "client_nonce": nonce})
    body = {"phone": PHONE, "client_nonce": nonce, "code": code_for(app, PHONE)}
    proof = client.post("/api/v1/login-codes/verify", json=body).get_json()["proof"]

    def join(number: int) -> int:
        body = {
            "proof": proof,
            "name": f"何{number}",
            "community": HERE,
            "consent": True,
            "is_fourteen": True,
        }
        return client.post("/api/v1/residents", json=body).status_code

    assert [join(number) for number in range(11)] == [201] * 10 + [429]
    assert ask(count, "people") == 10


def test_through_the_api_the_same(app: Flask, client: FlaskClient, ask: Run) -> None:
    nonce = "a-secret-of-the-program"
    client.post("/api/v1/login-codes", json={"phone": PHONE, "client_nonce": nonce})
    body = {"phone": PHONE, "client_nonce": nonce, "code": code_for(app, PHONE)}
    verified = client.post("/api/v1/login-codes/verify", json=body).get_json()
    assert verified["choices"] == []

    form = {"proof": verified["proof"], "name": "何静怡", "community": HERE, "consent": True}
    refused = client.post("/api/v1/residents", json={**form, "is_fourteen": False})
    unknown = client.post("/api/v1/residents", json={**form, "is_fourteen": True, "age": 40})
    entered = client.post("/api/v1/residents", json={**form, "is_fourteen": True})
    assert (refused.status_code, refused.get_json()["code"]) == (422, "too_young")
    assert unknown.status_code == 422
    assert "age" in unknown.get_json()["errors"]["json"]
    assert entered.status_code == 201

    chosen = {"proof": verified["proof"], "id": entered.get_json()["resident"]}
    token = client.post("/api/v1/sign-ins", json=chosen).get_json()["token"]
    me = client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).get_json()
    assert (me["name"], me["role"], me["place"]) == ("何静怡", "resident", HERE)
    assert (me["place_name"], me["state"]) == ("清波门社区", "unconfirmed")
    assert (me["phone_masked"], me["mode"]) == (f"****{PHONE[-4:]}", "standard")
    assert ask(count, "people") == 1


def test_the_text_to_consent_to_is_there_for_programs(app: Flask, client: FlaskClient) -> None:
    told = client.get("/api/v1/privacy").get_json()

    assert told["version"] == people.PRIVACY_VERSION
    assert "同意社区保存我的姓名和手机号" in told["agreement"]
    assert "只存姓名、手机号" in told["text"][0]
    assert "%" not in str(told)


def test_a_proof_of_another_number_or_none_is_refused(
    cast: People,
    client: FlaskClient,
    ask: Run,
) -> None:
    before = ask(count, "people")
    form = {"name": "何静怡", "community": HERE, "consent": True, "is_fourteen": True}

    for proof in ("", "nonsense", "WyIxMzgwMDAwMDAwMSIsOTk5OTk5OTk5OV0.AAAA"):
        refused = client.post("/api/v1/residents", json={"proof": proof, **form})
        assert (refused.status_code, refused.get_json()["code"]) == (422, "proof_expired")
        chosen = {"proof": proof, "id": str(cast.wang.resident)}
        assert client.post("/api/v1/sign-ins", json=chosen).status_code == 422

    ask_code(client, PHONE)
    assert ask(count, "people") == before


@pytest.mark.usefixtures("cast")
def test_who_registers_goes_on_where_they_were_going(app: Flask, client: FlaskClient) -> None:
    asked = prove(app, client, PHONE, "/activities/?kind=fair")

    done = fill(
        client, asked.headers["Location"], "/join", name="何静怡", consent="1", community=str(HERE)
    )

    assert done.headers["Location"] == "/activities/?kind=fair"
