"""The same story through /api/v1 alone, each call as the API's own document describes it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from core.config import Config
from core.work import SHANGHAI
from tests.conftest import Clock
from tests.people import HERE, THERE, People, Someone, last_code
from tests.story import books

V1 = "/api/v1"
NEWCOMER, NUMBER = "沈丽萍", "13900000088"
RATE = 9000


class Api:
    """A client that calls nothing but what the document describes."""

    def __init__(self, client: FlaskClient, config: Config) -> None:
        self.client, self.config = client, config
        self.document: dict[str, Any] = client.get(f"{V1}/openapi.json").get_json()
        self.tokens: dict[str, str] = {}
        self.calls = 0

    def call(self, who: str, method: str, path: str, json: Any = None, **places: object) -> Any:
        """Call as somebody (empty: nobody yet) and return the answer's body."""
        described = self.document["paths"][f"{V1}{path}"][method.lower()]
        self.calls += 1
        headers = {"Idempotency-Key": f"call-{self.calls}"}
        if who:
            headers["Authorization"] = f"Bearer {self.tokens[who]}"
        address = f"{V1}{path}".format(**places)
        answer = self.client.open(address, method=method, json=json, headers=headers)
        assert str(answer.status_code) in described["responses"], answer.get_json()
        assert answer.status_code in {200, 201}, answer.get_json()
        return answer.get_json()

    def get(self, who: str, path: str, **places: object) -> Any:
        return self.call(who, "GET", path, **places)

    def post(self, who: str, path: str, json: Any = None, **places: object) -> Any:
        return self.call(who, "POST", path, json, **places)

    def prove(self, phone: str) -> Any:
        """Prove a number by the code that is sent to it."""
        proof = {"phone": phone, "client_nonce": f"the-app-on-{phone}"}
        self.post("", "/login-codes", proof)
        code = last_code(self.config.instance, phone)
        return self.post("", "/login-codes/verify", proof | {"code": code})

    def sign_in(self, someone: Someone) -> None:
        """Sign in as somebody known, in their role."""
        proven = self.prove(someone.phone)
        chosen = next(each for each in proven["choices"] if each["role"] == someone.role)
        self.enter(someone.name, proven["proof"], chosen["id"])

    def enter(self, name: str, proof: str, identity: str) -> None:
        """Take the token of one of the choices."""
        made = self.post("", "/sign-ins", {"proof": proof, "id": identity})
        self.tokens[name] = made["token"]


def at(day: int, hour: int, minute: int = 0) -> dt.datetime:
    """A moment of the story's November in Hangzhou."""
    return dt.datetime(2026, 11, day, hour, minute, tzinfo=SHANGHAI).astimezone(dt.UTC)


def test_story_over_the_api(
    app: Flask, client: FlaskClient, cast: People, clock: Clock, ask: Callable[..., Any]
) -> None:
    api = Api(client, app.extensions["linli"].config)
    item = neighbours_station(api, cast)
    session = publish(api, cast)
    resident = check_in(api, cast, clock, session)
    check_out(api, cast, clock, session)

    clock.set(at(25, 2, 10))
    done = app.test_cli_runner().invoke(args=["jobs", "run", "settle-awards"])
    assert done.exit_code == 0, done.output
    assert api.get(NEWCOMER, "/balance")["balance"] == books.EARNED
    assert api.get(NEWCOMER, "/balance")["pending"] == 0

    clock.set(at(28, 10))
    confirm(api, cast, resident)
    order = buy(api, cast, clock, item)
    ask(books.check)
    paid = api.get(NEWCOMER, "/transfers")
    assert [line["amount"] for line in reversed(paid)] == [
        books.EARNED,
        -books.PRICE,
        -375,
        -25,
    ]
    assert api.get(NEWCOMER, "/balance")["balance"] == books.EARNED - books.COST
    change_rate(api, cast, clock, order, item)


def neighbours_station(api: Api, cast: People) -> str:
    """Staff of another community open their station and put eggs on its shelf."""
    clerk = cast.elsewhere.name
    api.sign_in(cast.elsewhere)
    door = {
        "community": THERE,
        "name": "涌金门积分驿站",
        "address": "涌金门直街 8 号",
        "hours": "周末",
    }
    api.post(clerk, "/staff/stations", door)
    item = api.post(clerk, "/staff/items", {"community": THERE, "template": "eggs_10"})["id"]
    api.post(clerk, "/staff/stock-receipts", {"item": item, "quantity": 30})
    return str(item)


def publish(api: Api, cast: People) -> str:
    """Staff publish an activity of this afternoon."""
    api.sign_in(cast.staff)
    made = api.post(
        cast.staff.name,
        "/staff/activities",
        {
            "community": HERE,
            "template": "service_fair",
            "title": "便民集市",
            "kind": "公益集市",
            "place": "小营公园东门",
            "open_to": "district",
            "sessions": [
                {"starts_at": at(24, 14).isoformat(), "ends_at": at(24, 16).isoformat()},
            ],
            "parts": [
                {"part": "take_part", "rule": "join.activity"},
                {"part": "serve", "rule": "serve.hour.skilled", "places": 20},
            ],
        },
    )
    return str(made["sessions"][0])


def check_in(api: Api, cast: People, clock: Clock, session: str) -> str:
    """Somebody unknown scans the screen's code, registers and comes to serve."""
    clock.set(at(24, 13, 58))
    grant = api.post("", "/presence", {"code": scan(api, cast, session)})["grant"]
    # The code on the screen is long another one when a newcomer has registered.
    clock.advance(minutes=4)
    proof = api.prove(NUMBER)
    assert proof["choices"] == []
    facts = {"name": NEWCOMER, "community": HERE, "consent": True, "is_fourteen": True}
    resident = api.post("", "/residents", facts | {"proof": proof["proof"]})["resident"]
    api.enter(NEWCOMER, proof["proof"], resident)
    came = api.post(NEWCOMER, "/attendances", {"grant": grant, "part": "serve"})
    assert came["outcome"] == "arrived"
    assert came["amount"] is None
    return str(resident)


def scan(api: Api, cast: People, session: str) -> str:
    """Read the code that the screen shows now."""
    shown = api.get(cast.staff.name, "/sessions/{session}/venue-code", session=session)
    return str(shown["codes"][0]["url"])


def check_out(api: Api, cast: People, clock: Clock, session: str) -> None:
    """At the end the screen asks for the exit; two hours are counted."""
    clock.set(at(24, 15, 58))
    grant = api.post(NEWCOMER, "/presence", {"code": scan(api, cast, session)})
    assert grant["phase"] == "exit"
    left = api.post(NEWCOMER, "/attendances", {"grant": grant["grant"], "part": "serve"})
    assert (left["outcome"], left["half_hours"], left["amount"]) == ("left", 4, books.EARNED)
    assert api.get(NEWCOMER, "/balance")["pending"] == books.EARNED


def confirm(api: Api, cast: People, resident: str) -> None:
    """Staff confirm the person who registered by themselves."""
    api.sign_in(cast.staff)
    done = api.post(
        cast.staff.name,
        "/staff/residents/{resident}/confirm",
        {},
        resident=resident,
    )
    assert done["state"] == "confirmed"


def buy(api: Api, cast: People, clock: Clock, item: str) -> str:
    """They order elsewhere for a price promised; staff there approve and hand over."""
    quote = api.post(NEWCOMER, "/quotes", {"lines": [{"item": item, "quantity": 1}]})
    assert (quote["price"], quote["cost"], quote["rate"]) == (books.PRICE, books.COST, books.RATE)
    order = api.post(NEWCOMER, "/orders", {"quote": quote["quote"]})["id"]
    assert api.get(NEWCOMER, "/balance")["held"] == books.COST
    api.sign_in(cast.elsewhere)
    clerk = cast.elsewhere.name
    waiting = api.get(clerk, "/staff/orders")["rows"]
    assert [row["id"] for row in waiting] == [order]
    decided = api.post(clerk, "/staff/orders/approve", {"orders": [order]})
    assert decided["decisions"][0]["state"] == "ready"
    clock.advance(seconds=11)
    code = api.get(NEWCOMER, "/orders/{order_id}", order_id=order)["pickup_code"]
    api.post(clerk, "/staff/pickups", {"code": code})
    assert api.get(NEWCOMER, "/orders/{order_id}", order_id=order)["state"] == "collected"
    return str(order)


def change_rate(api: Api, cast: People, clock: Clock, order: str, item: str) -> None:
    """The district sees the order; two of its admins change the rate, which holds from its day."""
    first, second = cast.lin.name, cast.wu.name
    api.sign_in(cast.lin)
    api.sign_in(cast.wu)
    seen = api.get(first, "/cross-orders")["rows"]
    assert [(row["id"], row["price"], row["cost"]) for row in seen] == [
        (order, books.PRICE, books.COST)
    ]
    proposal = {
        "scope": "subdistricts",
        "home": HERE // 1000 * 1000,
        "host": THERE // 1000 * 1000,
        "rate": RATE,
        "valid_from": "2026-12-08",
        "document": "通兑公告 2026 年第 5 号",
    }
    made = api.post(first, "/rate-proposals", proposal)["id"]
    api.post(second, "/rate-proposals/{proposal_id}/confirm", proposal_id=made)
    wanted = {"lines": [{"item": item, "quantity": 1}]}
    assert api.post(NEWCOMER, "/quotes", wanted)["rate"] == books.RATE
    clock.set(at(30, 10) + dt.timedelta(days=8))
    assert api.post(NEWCOMER, "/quotes", wanted)["rate"] == RATE
