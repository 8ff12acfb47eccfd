"""The API's document is a contract: whoever writes against it alone gets what it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core import identity
from core.api_document import reached
from core.errors import KeyReused, all_refusals
from core.http import OWN_CODES
from core.http_keys import IdempotencyKeyMissing, idempotency_key
from tests.contract import broken, keep, resolve

V1 = "/api/v1"
pytestmark = pytest.mark.database("sqlite")
Operation = tuple[str, dict[str, Any]]


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"{V1}/openapi.json").get_json()
    return found


def operations(document: dict[str, Any]) -> list[Operation]:
    """Every operation with its name: method and path."""
    return [
        (f"{method.upper()} {path}", operation)
        for path, found in document["paths"].items()
        for method, operation in found.items()
        if method in {"get", "post"}
    ]


def inner(thing: Any) -> Iterator[dict[str, Any]]:
    """Every object of the document, however deep."""
    if isinstance(thing, dict):
        yield thing
        for each in thing.values():
            yield from inner(each)
    elif isinstance(thing, list):
        for each in thing:
            yield from inner(each)


def test_every_operation_is_named_described_and_answers_well(document: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    lacking: list[str] = []
    for name, operation in operations(document):
        well = [status for status in operation["responses"] if status.startswith("2")]
        if not (operation["summary"].endswith(".") and set(operation["tags"]) <= tags and well):
            lacking.append(name)
        lacking += [
            f"{name} {status}" for status in well if not content(document, operation, status)
        ]
    names = Counter(operation["operationId"] for _, operation in operations(document))

    assert lacking == []
    assert [name for name, count in names.items() if count > 1] == []
    assert document["openapi"].startswith("3.1")
    assert document["servers"]


def content(document: dict[str, Any], operation: dict[str, Any], status: str) -> Any:
    return resolve(document, operation["responses"][status]).get("content")


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = [each for each in inner(document) if "$ref" in each]

    assert found
    assert all(resolve(document, each) for each in found)
    with pytest.raises(KeyError):
        resolve(document, {"$ref": "#/components/schemas/Nowhere"})


def test_who_may_call_stands_at_every_operation(app: Flask, document: dict[str, Any]) -> None:
    schemes = set(document["components"]["securitySchemes"])
    free = {name for name, operation in operations(document) if {} in operation["security"]}
    free |= {name for name, operation in operations(document) if not operation["security"]}
    named = {
        each
        for _, operation in operations(document)
        for way in operation["security"]
        for each in way
    }
    public = {
        name for name, guards in app.before_request_funcs.items() if identity.public in guards
    }

    assert named == schemes == {"bearer", "feeder"}
    assert free == {
        name for name, operation in operations(document) if set(operation["tags"]) <= public
    }
    assert "GET /api/v1/activities" in free


def test_which_calls_need_a_key_stands_at_every_one(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        keys = [each for each in operation.get("parameters", ()) if each["in"] == "header"]
        known = [each["required"] for each in keys if each["name"] == "Idempotency-Key"]
        assert len(known) == name.startswith("POST"), name
        codes = str(operation["responses"].get("400"))
        assert (IdempotencyKeyMissing.code() in codes) == (known == [True]), name

    assert known_key(document, "/staff/activities")
    assert known_key(document, "/orders")
    assert not known_key(document, "/attendances")


def known_key(document: dict[str, Any], path: str) -> bool:
    parameters = document["paths"][V1 + path]["post"]["parameters"]
    return any(each["name"] == "Idempotency-Key" and each["required"] for each in parameters)


def test_each_code_stands_in_the_table_and_where_it_comes_from(document: dict[str, Any]) -> None:
    table = document["info"]["description"]
    codes = {refusal.code() for refusal in all_refusals()} | set(OWN_CODES)
    order = document["paths"][f"{V1}/orders"]["post"]["responses"]

    assert [code for code in codes if f"| `{code}` |" not in table] == []
    assert {"sold_out", "quote_expired", "key_reused"} <= set(order["409"]["x-codes"])
    assert {"insufficient_points", "invalid"} <= set(order["422"]["x-codes"])
    assert order["401"]["x-codes"] == ["sign_in_needed"]


def catching() -> str:
    try:
        return idempotency_key()
    except KeyReused:
        return ""


CLOSED = {
    "checker_role",
    "holder_kind",
    "maker_role",
    "points_kind",
    "provenance",
    "role",
    "scope_kind",
    "source",
    "source_kind",
    "state",
}


def test_closed_vocabularies_are_enumerations(document: dict[str, Any]) -> None:
    open_ended = [
        (schema, name)
        for schema, found in document["components"]["schemas"].items()
        for name, said in found.get("properties", {}).items()
        if name in CLOSED and "enum" not in said and "$ref" not in said
    ]
    assert open_ended == []


def test_an_operation_lists_what_a_method_of_a_value_raises(document: dict[str, Any]) -> None:
    listed = {
        path: {code for answer in found["post"]["responses"].values() for code in codes(answer)}
        for path, found in document["paths"].items()
        if "post" in found
    }

    assert "address_incomplete" in listed[f"{V1}/staff/residents"]
    assert "setting_out_of_range" in listed[f"{V1}/district/settings/{{key}}"]


def codes(answer: dict[str, Any]) -> list[str]:
    return list(answer.get("x-codes", ()))


def test_what_is_merely_caught_is_no_refusal() -> None:
    catching.__module__ = "core.trial"

    assert {idempotency_key, IdempotencyKeyMissing} <= reached(catching)
    assert KeyReused not in reached(catching)


def test_examples_are_what_their_schemas_say(document: dict[str, Any]) -> None:
    seen = []
    for name, operation in operations(document):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for body in bodies:
            for media in resolve(document, body).get("content", {}).values():
                if "example" in media:
                    seen.append(name)
                    assert list(broken(document, media["schema"], media["example"])) == [], name

    assert set(seen) >= MAIN_JOB


MAIN_JOB = {
    f"{method} {V1}{path}"
    for method, path in (
        ("POST", "/login-codes"),
        ("POST", "/login-codes/verify"),
        ("POST", "/sign-ins"),
        ("POST", "/residents"),
        ("POST", "/presence"),
        ("POST", "/attendances"),
        ("GET", "/balance"),
        ("POST", "/quotes"),
        ("POST", "/orders"),
    )
}


def test_the_checker_sees_what_is_wrong(document: dict[str, Any]) -> None:
    refusal = {"$ref": "#/components/schemas/Refusal"}

    assert list(broken(document, refusal, {"code": "x", "message": "y", "reference": "z"})) == []
    assert list(broken(document, refusal, {"code": 1, "more": 2})) == [
        ": message is missing",
        ".code: 1 is no ['string']",
        ": more is not described",
    ]
    assert list(broken(document, {"type": "string", "enum": ["a"]}, "b"))
    assert list(broken(document, {"type": "string", "format": "uuid"}, "b"))


def test_an_answer_otherwise_than_described_fails_every_test(app: Flask) -> None:
    trial = Flask("trial")
    trial.add_url_rule(
        "/api-docs", "api-docs.openapi_json", app.view_functions["api-docs.openapi_json"]
    )
    trial.add_url_rule(f"{V1}/balance", view_func=lambda: {"balance": "much"})
    keep(trial)

    with app.app_context():
        assert trial.test_client().get(f"{V1}/balance").status_code == 500
