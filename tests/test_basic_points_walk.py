"""No door spends or converts basic points: every form and every endpoint is tried.

Everybody here is rich in basic points. All forms that anybody is shown are sent, all operations
of the API are called, with what they ask for and with what a cheat would add; at page doors that
nobody was shown, a form is sent that has whatever the door asks it for. Afterwards no basic
account may have been debited or held. ``tests/test_basic_points_read.py`` reads the use cases.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from flask import Blueprint as Pages
from flask import Flask, Request, request
from flask.testing import FlaskClient
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy import Connection, text
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.routing import Rule

from app import create_app
from core.db import db
from core.http import api_blueprint
from core.ids import uuid8
from core.work import Work, transact
from points.accounts import account_id, household_account, resident_account
from points.ledger import Posting, post
from tests.admin.forms import Forms
from tests.conftest import Stage
from tests.people import HERE, People
from tests.test_get_changes_nothing import Arguments, arguments, is_shut, queries, readable

__all__ = ["arguments"]

POINT = 100
Run = Callable[..., Any]
BASICS = text(
    "SELECT id FROM accounts WHERE points_kind = 'basic' AND id > 0 AND (debited > 0 OR held > 0)"
    " UNION ALL SELECT account FROM order_payments WHERE points_kind <> 'service'"
    " UNION ALL SELECT account FROM holds WHERE points_kind <> 'service'",
)


def spent(connection: Connection) -> list[int]:
    """Return the basic accounts that anything was taken from or set aside on."""
    return [int(row.id) for row in connection.execute(BASICS)]


def basic_accounts(cast: People) -> list[int]:
    """Return the basic accounts of 王秀英 and her household."""
    assert cast.wang.resident is not None
    assert cast.wang.household is not None
    return [
        resident_account(cast.wang.resident, HERE, "basic"),
        household_account(cast.wang.household, HERE),
    ]


def honour(work: Work, accounts: list[int]) -> None:
    """Give each account a thousand basic points."""
    for account in accounts:
        identity = uuid8(work.now, "award", account, "walk")
        post(
            work,
            Posting(
                id=identity,
                act="award",
                points_kind="basic",
                community=HERE,
                debit=account_id("issued", HERE, "basic"),
                credit=account,
                amount=1000 * POINT,
                event_at=work.now,
                source_kind="award",
                source_id=identity,
            ),
        )


def cheats(accounts: list[int]) -> dict[str, str]:
    """Return what somebody adds to a form who wants basic points to pay."""
    return {"points_kind": "basic", "kind": "basic", "account": str(accounts[0])}


# --- every form that is shown ------------------------------------------------------------------

LEAVING = {"residents.sign_out", "own.revoke_sign_in"}
PAPERS = ("/pdf", ".pdf", ".xlsx", ".csv")


@dataclass
class Visitor:
    """Somebody with a browser, what they know, and what they add to cheat."""

    app: Flask
    browser: FlaskClient
    known: Arguments
    added: dict[str, str]

    def send_forms(self) -> set[str]:
        """Send every form that is shown, as it is and with a cheat; return the endpoints."""
        adapter = self.app.url_map.bind("localhost")
        sent: set[str] = set()
        for address in pages(self.app, self.known):
            for query in queries(self.known):
                answer = self.browser.get(f"{address}?{query}")
                if is_shut(answer):
                    break
                shown = answer.get_data(as_text=True) if answer.mimetype == "text/html" else ""
                for action, values, _names in Forms(shown).forms:
                    target = urlsplit(action).path or address
                    endpoint, _values = adapter.match(target, method="POST")
                    form = dict(values)
                    if endpoint in sent or endpoint in LEAVING:
                        continue
                    sent.add(endpoint)
                    self.send(target, form)
                    self.send(target, form | self.added)
        return sent

    def send(self, target: str, form: dict[str, str]) -> None:
        answer = self.browser.post(target, data=form)
        assert answer.status_code < 500, target

    def knock(self, rule: Rule) -> None:
        """Send to a door that nobody was shown a form with all that the door asks it for."""
        shown = self.browser.get("/sign-in?next=/me", follow_redirects=True).get_data(as_text=True)
        token = dict(Forms(shown).forms[0][1])["csrf_token"]
        given = {name: plain(value) for name, value in self.known.items()}
        form = {**given, **self.added, "csrf_token": token}
        asked = set(form)
        while asked:
            form |= {name: filled(name, self.known) for name in asked - set(form)}
            Asked.names.clear()
            self.send(build(self.app, rule, self.known), form)
            asked = Asked.names - set(form)


class Asked(ImmutableMultiDict[str, str]):
    """A form that remembers what it was asked for."""

    names: set[str] = set()  # noqa: RUF012 - one list for all forms of the walk

    def get(self, key: str, *rest: Any, **named: Any) -> Any:
        self.names.add(key)
        return super().get(key, *rest, **named)

    def getlist(self, key: str, *rest: Any, **named: Any) -> Any:
        self.names.add(key)
        return super().getlist(key, *rest, **named)

    def __contains__(self, key: object) -> bool:
        self.names.add(str(key))
        return super().__contains__(key)

    def to_dict(self, *_rest: Any, **_named: Any) -> Any:
        return self


class Listening(Request):
    """A request whose form remembers what it was asked for."""

    parameter_storage_class = Asked


def filled(name: str, known: Arguments) -> str:
    """Return what somebody would type into a field of this name."""
    for guess in (name, f"{name}_id", name.removesuffix("s")):
        if guess in known:
            return str(plain(known[guess]))
    return "2026-11-24" if name in {"day", "date"} else "1"


def pages(app: Flask, known: Arguments) -> Iterator[str]:
    """Build the address of every page that can be read; papers and the API show no forms."""
    for rule in readable(app):
        if not rule.rule.startswith("/api/") and not rule.rule.endswith(PAPERS):
            yield build(app, rule, known)


def build(app: Flask, rule: Rule, known: Arguments) -> str:
    named = {name: known.get(name, uuid4()) for name in rule.arguments}
    return app.url_map.bind("").build(rule.endpoint, named)


# --- every endpoint ----------------------------------------------------------------------------


def call_all(
    app: Flask,
    rules: list[Rule],
    headers: dict[str, str],
    known: Arguments,
    added: dict[str, str],
) -> set[str]:
    """Call operations of the API with a body made from their schema, and with a cheat.

    A cheat says what pays wherever the schema has a place for it, and besides where it has none.
    """
    client = app.test_client()
    document = client.get("/api/v1/openapi.json").get_json()
    called: set[str] = set()
    for rule in rules:
        if not rule.rule.startswith("/api/"):
            continue
        called.add(rule.endpoint)
        path = re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule.rule)
        content = document["paths"][path]["post"].get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", {"type": "object"})
        honest: Any = example(schema, document, known)
        cheated: Any = example(schema, document, known | added)
        for body in (honest, honest | added, *([cheated] if cheated != honest else [])):
            answer = client.post(
                build(app, rule, known),
                json=body,
                headers=headers | {"Idempotency-Key": uuid4().hex},
            )
            assert answer.status_code < 500, rule.rule
    return called


def doors(app: Flask) -> list[Rule]:
    """Return every rule that can be posted to."""
    return [rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())]


def example(schema: dict[str, Any], document: dict[str, Any], known: Arguments) -> object:
    """Make a value that a schema asks for; what has a known name is what stands behind it."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        properties = schema.get("properties", {}).items()
        return {
            name: plain(known[name]) if name in known else example(inner, document, known)
            for name, inner in properties
            if not inner.get("readOnly")
        }
    if kind == "array":
        return [example(schema.get("items", {}), document, known)]
    simple = {"integer": max(1, schema.get("minimum", 1)), "number": 1, "boolean": True}
    formats = {"uuid": str(known["resident_id"]), "date": "2026-11-24"}
    return simple.get(kind, formats.get(schema.get("format", ""), "王秀英"))


def plain(value: object) -> Any:
    return value if isinstance(value, int | str) else str(value)


# --- the walk ----------------------------------------------------------------------------------


def walk(app: Flask, cast: People, known: Arguments) -> set[str]:
    """Knock at every door, as everybody; return the endpoints that were posted to."""
    added = cheats(basic_accounts(cast))
    visitors, seen = [], set(LEAVING)
    for who in (cast.wang, cast.lead, cast.elsewhere, cast.lin):
        visitors.append(Visitor(app, cast.browser(who), known, added))
        seen |= visitors[-1].send_forms()
        seen |= call_all(app, doors(app), cast.headers(who), known, added)
    hidden = [rule for rule in doors(app) if rule.endpoint not in seen]
    for visitor in visitors:
        for rule in hidden:
            visitor.knock(rule)
    return seen | {rule.endpoint for rule in hidden}


@pytest.mark.long
def test_whoever_knocks_wherever_basic_points_stay(
    app: Flask,
    cast: People,
    arguments: Arguments,
    run: Run,
    ask: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app, "request_class", Listening)
    run(honour, basic_accounts(cast))

    seen = walk(app, cast, arguments)

    assert {rule.endpoint for rule in doors(app)} - seen == set()
    assert ask(spent) == []


# --- what the walk is worth --------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Convert:
    """The seeded bug: basic points go out as an adjustment, which the database allows."""

    account: int
    door: str


def convert(work: Work, command: Convert) -> None:
    identity = work.new_id()
    post(
        work,
        Posting(
            id=identity,
            act="adjustment",
            points_kind="basic",
            community=HERE,
            debit=command.account,
            credit=account_id("adjusted", HERE, "basic"),
            amount=POINT,
            event_at=work.now,
            source_kind="adjustment",
            source_id=identity,
            note=command.door,
        ),
    )


class SeededNote(Schema):
    note = fields.String(required=True)


class SeededKind(Schema):
    points_kind = fields.String(required=True, validate=validate.OneOf(("service", "basic")))


class SeededLine(Schema):
    account = fields.Integer(required=True)


class SeededBasket(Schema):
    lines = fields.List(fields.Nested(SeededLine), required=True)


DOORS = {"open", "named", "of a kind", "with lines", "never shown"}


def seed(app: Flask, account: int) -> list[Rule]:
    """Give an application doors that convert the points of an account; return their rules."""
    api, hidden = Blueprint("seeded_api", __name__), Pages("seeded", __name__)

    def gives(door: str) -> str:
        transact(convert, Convert(account=account, door=door))
        return "ok"

    @api.post("/seeded")
    def _open() -> str:
        return gives("open")

    @api.post("/seeded/<string:key>")
    @api.arguments(SeededNote)
    def _named(_given: dict[str, Any], key: str) -> str:
        return gives("named")

    @api.post("/seeded/kinds")
    @api.arguments(SeededKind)
    def _kind(given: dict[str, Any]) -> str:
        return gives("of a kind") if given["points_kind"] == "basic" else "ok"

    @api.post("/seeded/baskets")
    @api.arguments(SeededBasket)
    def _lines(given: dict[str, Any]) -> str:
        return gives("with lines") if given["lines"] == [{"account": account}] else "ok"

    @hidden.post("/seeded/never-shown")
    def _hidden() -> str:
        says = request.form.get("sure") == "1" and request.form.get("kind") == "basic"
        return gives("never shown") if says else "ok"

    smorest = app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    smorest.register_blueprint(api_blueprint(api), url_prefix="/api/v1")
    app.register_blueprint(hidden)
    return [rule for rule in doors(app) if rule.endpoint.startswith("seeded")]


def test_each_seeded_door_that_converts_them_is_found(
    stage: Stage, cast: People, arguments: Arguments, run: Run, ask: Run
) -> None:
    accounts = basic_accounts(cast)
    run(honour, accounts)
    app = create_app(stage.config())
    app.extensions["linli"].clock = stage.clock
    app.request_class = Listening
    rules = seed(app, accounts[0])
    visitor = Visitor(app, app.test_client(), arguments, cheats(accounts))

    call_all(app, rules, cast.headers(cast.wang), arguments, cheats(accounts))
    for rule in rules:
        if rule.endpoint.startswith("seeded."):
            visitor.knock(rule)
    with app.app_context():
        db.engine.dispose()

    found = text("SELECT DISTINCT note FROM transfers WHERE act = 'adjustment'")
    assert ask(lambda connection: set(connection.scalars(found))) == DOORS
    assert ask(spent) == [accounts[0]]
