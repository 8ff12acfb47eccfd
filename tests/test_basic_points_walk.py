"""No door spends or converts basic points: every form, every endpoint, every use case is tried.

Everybody here is rich in basic points and has not one service point. All forms that anybody is
shown are sent, all operations of the API are called, with what they ask for and with what a cheat
would add; afterwards no basic account may have been debited or held. The use cases are read as
well: none that reaches a spending says in its command which account or kind pays.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, text
from werkzeug.routing import Rule

from app import create_app
from core.config import ROOT
from core.db import db
from core.http import csrf
from core.ids import uuid8
from core.work import Work, transact
from points.accounts import account_id, household_account, resident_account
from points.ledger import Posting, post
from tests.admin.forms import Forms
from tests.conftest import Stage
from tests.people import HERE, People
from tests.test_get_changes_nothing import Arguments, arguments, queries, readable

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


# --- every form ------------------------------------------------------------------------------


def send_forms(
    app: Flask, browser: FlaskClient, known: Arguments, added: dict[str, str]
) -> set[str]:
    """Send every form that somebody is shown, as it is and with a cheat; return the endpoints."""
    adapter = app.url_map.bind("localhost")
    sent: set[str] = set()
    for address in addresses(app, known):
        for query in queries(known):
            answer = browser.get(f"{address}?{query}")
            # A statement as PDF or Excel has no forms.
            page = answer.get_data(as_text=True) if answer.mimetype == "text/html" else ""
            for action, values, _names in Forms(page).forms:
                target = action.partition("?")[0] or address
                endpoint, _values = adapter.match(target, method="POST")
                if endpoint in sent or endpoint in LEAVING:
                    continue
                sent.add(endpoint)
                form = dict(values)
                browser.post(target, data=form)
                browser.post(target, data=form | added)
    return sent


LEAVING = {"residents.sign_out", "residents.revoke_sign_in"}


def addresses(app: Flask, known: Arguments) -> Iterator[str]:
    """Build the address of every page that can be read."""
    for rule in readable(app):
        yield build(app, rule, known)


def build(app: Flask, rule: Rule, known: Arguments) -> str:
    named = {name: known.get(name, uuid4()) for name in rule.arguments}
    return app.url_map.bind("").build(rule.endpoint, named)


# --- every endpoint --------------------------------------------------------------------------


def call_all(
    app: Flask, headers: dict[str, str], known: Arguments, added: dict[str, str]
) -> set[str]:
    """Call every operation of the API with a body made from its schema, and with a cheat."""
    client = app.test_client()
    document = client.get("/api/v1/openapi.json").get_json()
    called: set[str] = set()
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/api/") or "POST" not in (rule.methods or ()):
            continue
        path = rule.rule.replace("<uuid:", "{").replace("<int:", "{").replace(">", "}")
        described = document["paths"].get(path, {}).get("post", {})
        content = described.get("requestBody", {}).get("content", {}).get("application/json", {})
        made = example(content.get("schema", {}), document, known)
        body = made if isinstance(made, dict) else {}
        called.add(rule.endpoint)
        for extra in ({}, added):
            client.post(
                build(app, rule, known),
                json=body | extra,
                headers=headers | {"Idempotency-Key": uuid4().hex},
            )
    return called


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


def plain(value: object) -> object:
    return value if isinstance(value, int | str) else str(value)


def walk(app: Flask, cast: People, known: Arguments) -> set[str]:
    """Knock at every door, as everybody; return the endpoints that were posted to."""
    accounts = basic_accounts(cast)
    seen: set[str] = set()
    for who in (cast.wang, cast.lead, cast.elsewhere, cast.lin):
        browser = app.test_client()
        with browser.session_transaction() as cookie:
            cookie.update({"_user_id": cast.token(who), "_fresh": True})
        seen |= send_forms(app, browser, known, cheats(accounts))
        seen |= call_all(app, cast.headers(who), known, cheats(accounts))
    return seen


def test_whoever_knocks_wherever_basic_points_stay(
    app: Flask, cast: People, arguments: Arguments, run: Run, ask: Run
) -> None:
    run(honour, basic_accounts(cast))

    seen = walk(app, cast, arguments)

    posts = {rule.endpoint for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert len(seen) > 60
    assert {endpoint for endpoint in posts - seen if "api" in endpoint} == set()
    assert ask(spent) == []


@dataclass(frozen=True, slots=True, kw_only=True)
class Convert:
    """The seeded bug: basic points go out as an adjustment, which the database allows."""

    account: int


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
        ),
    )


def test_a_seeded_door_that_converts_them_is_found(
    stage: Stage, cast: People, arguments: Arguments, run: Run, ask: Run
) -> None:
    run(honour, basic_accounts(cast))
    seeded = Blueprint("seeded_api", __name__, url_prefix="/api/v1/seeded")

    @seeded.post("/")
    def _open() -> str:
        transact(convert, Convert(account=basic_accounts(cast)[0]))
        return "ok"

    app = create_app(stage.config())
    app.extensions["linli"].clock = stage.clock
    csrf.exempt(seeded)
    app.register_blueprint(seeded)
    assert "seeded_api._open" in call_all(app, cast.headers(cast.wang), arguments, {})
    with app.app_context():
        db.engine.dispose()

    assert ask(spent) == [basic_accounts(cast)[0]]


# --- every use case --------------------------------------------------------------------------

PACKAGES = ("core", "residents", "points", "activities", "exchange", "admin")
SPENDING = {"points.ledger.spend", "points.holds.hold", "points.holds.capture"}
TELLING = {"points_kind", "account", "accounts"}


@dataclass
class Code:
    """The functions and classes of all modules: who calls whom, and what commands hold."""

    use_cases: set[str]
    aliases: dict[str, str]
    calls: dict[str, set[str]]
    commands: dict[str, str]
    fields: dict[str, set[str]]


def read(sources: dict[str, str]) -> Code:
    """Read modules by their dotted names."""
    code = Code(set(), {}, {}, {}, {})
    for module, source in sources.items():
        tree = ast.parse(source)
        known = {
            alias.asname or alias.name: f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        code.aliases |= {f"{module}.{name}": meant for name, meant in known.items()}
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                known[node.name] = f"{module}.{node.name}"
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                code.fields[known[node.name]] = {
                    each.target.id
                    for each in node.body
                    if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
                }
            elif isinstance(node, ast.FunctionDef):
                _read_function(code, node, known)
    return code


def _read_function(code: Code, node: ast.FunctionDef, known: dict[str, str]) -> None:
    name = known[node.name]
    code.calls[name] = {
        _dotted(inner, known)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name | ast.Attribute)
    }
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and ast.unparse(inner.func).endswith("transact"):
            first = inner.args[0]
            if isinstance(first, ast.Name | ast.Attribute):
                code.use_cases.add(_dotted(first, known))
    annotations = [ast.unparse(each.annotation) for each in node.args.args if each.annotation]
    if len(annotations) >= 2 and annotations[0] == "Work":
        last = annotations[1].rpartition(".")
        code.commands[name] = known.get(annotations[1], f"{known.get(last[0], last[0])}.{last[2]}")


def _dotted(node: ast.Name | ast.Attribute, known: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return known.get(node.id, node.id)
    return (
        f"{_dotted(node.value, known)}.{node.attr}"
        if isinstance(node.value, ast.Name | ast.Attribute)
        else node.attr
    )


def tellers(code: Code) -> tuple[set[str], set[str]]:
    """Return the use cases that reach a spending, and those whose command says what pays."""
    reaching = set(SPENDING)
    calls = {name: {meant(code, each) for each in called} for name, called in code.calls.items()}
    while more := {
        name for name, called in calls.items() if called & reaching and name not in reaching
    }:
        reaching |= more
    used = {meant(code, name) for name in code.use_cases}
    spending = reaching & used & set(code.commands)
    told = {
        name
        for name in spending
        if code.fields.get(meant(code, code.commands[name]), set()) & TELLING
    }
    return spending, told


def meant(code: Code, name: str) -> str:
    """Follow what a package hands on to where it is written."""
    while name in code.aliases and code.aliases[name] != name:
        name = code.aliases[name]
    return name


def modules() -> dict[str, str]:
    return {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(
            ".__init__"
        ): file.read_text(encoding="utf-8")
        for package in PACKAGES
        for file in sorted((ROOT / package).rglob("*.py"))
    }


SEEDED = """
from core.work import Work
from points.holds import hold

class Pay:
    account: int

def pay(work: Work, command: Pay) -> None:
    hold(work, command.account)

def view() -> None:
    transact(pay, Pay(account=1))
"""


@pytest.mark.parametrize(
    ("seeded", "told"), [({}, set()), ({"exchange.seeded": SEEDED}, {"exchange.seeded.pay"})]
)
def test_no_use_case_that_spends_is_told_what_pays(seeded: dict[str, str], told: set[str]) -> None:
    spending, found = tellers(read(modules() | seeded))

    assert {"exchange.orders.submit.submit_order"} <= spending
    assert found == told
