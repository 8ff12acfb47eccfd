"""The whole exchange over the API: with a token, an Idempotency-Key, and nothing unknown."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from exchange.orders import ReturnOrder, return_order
from tests.exchange.scene import POINT, Scene, Someone
from tests.people import HERE, THERE, People

V1 = "/api/v1"


@pytest.fixture
def api(client: FlaskClient, cast: People) -> Any:
    """Call the API as somebody, with their token."""
    headers: dict[str, dict[str, str]] = {}

    def call(someone: Any, method: str, path: str, json: Any = None, key: str | None = None) -> Any:
        if someone.name not in headers:
            headers[someone.name] = cast.headers(someone)
        sent = dict(headers[someone.name])
        if key is not None:
            sent["Idempotency-Key"] = key
        return client.open(f"{V1}{path}", method=method, json=json, headers=sent)

    return call


@pytest.fixture
def wang(cast: People, scene: Scene) -> Someone:
    found = cast.wang
    assert found.resident is not None
    assert found.person is not None
    assert found.household is not None
    someone = Someone(
        resident=found.resident, person=found.person, household=found.household, community=HERE
    )
    scene.give(someone, 153 * POINT)
    return someone


@pytest.fixture
def rice(api: Any, cast: People) -> str:
    """A station elsewhere with rice for everybody, made over the API."""
    staff = cast.elsewhere
    door = {"community": THERE, "name": "积分驿站", "address": "青年路 2 号", "hours": "周末"}
    assert api(staff, "POST", "/staff/stations", door).status_code == 201
    item = {
        "community": THERE,
        "template": "rice_2500g",
        "price": 2000,
        "home_first_days": 0,
        "foreign_share_percent": 50,
    }
    made = api(staff, "POST", "/staff/items", item)
    assert made.status_code == 201
    identity = str(made.get_json()["id"])
    receipt = {"item": identity, "quantity": 10}
    for _ in range(2):
        stocked = api(staff, "POST", "/staff/stock-receipts", receipt, key="receipt-1")
        assert stocked.status_code == 201
        assert stocked.get_json()["on_hand"] == 10
    return identity


def lines(item: str, quantity: Any = 1) -> dict[str, Any]:
    return {"lines": [{"item": item, "quantity": quantity}]}


def test_the_story_over_the_api_alone(
    api: Any, cast: People, scene: Scene, wang: Someone, rice: str
) -> None:
    shelves = api(cast.wang, "GET", "/stations").get_json()
    assert shelves["balance"] == 15_300
    assert shelves["others"][0]["offers"][0]["cost"] == 2500
    quote = api(cast.wang, "POST", "/quotes", lines(rice)).get_json()
    assert (quote["price"], quote["cost"], quote["left"]) == (2000, 2500, 12_800)
    assert quote["obstacle"] is None

    body = {"quote": quote["quote"]}
    ordered = api(cast.wang, "POST", "/orders", body, key="order-1")
    assert ordered.status_code == 201
    order = ordered.get_json()["id"]
    assert api(cast.wang, "POST", "/orders", body, key="order-1").get_json()["id"] == order
    other = api(cast.wang, "POST", "/quotes", lines(rice, 2)).get_json()["quote"]
    reused = api(cast.wang, "POST", "/orders", {"quote": other}, key="order-1")
    assert (reused.status_code, reused.get_json()["code"]) == (409, "key_reused")

    told = api(cast.elsewhere, "GET", f"/staff/orders/{order}").get_json()
    assert (told["name"], told["rate"], told["lock"]) == ("王秀英", 8000, None)
    assert (told["available"], told["held"], told["left"]) == (None, None, None)
    assert next(event["words"] for event in told["events"]) == "已提交，本人手机"
    assert api(cast.staff, "GET", f"/staff/orders/{order}").status_code == 404
    waiting = api(cast.elsewhere, "GET", "/staff/orders").get_json()
    assert [(row["id"], row["resident_id"]) for row in waiting["rows"]] == [(order, None)]
    decided = api(cast.elsewhere, "POST", "/staff/orders/approve", {"orders": [order]})
    assert decided.get_json()["decisions"][0] == {
        "order": order,
        "state": "ready",
        "done": True,
        "code": None,
        "message": None,
    }
    shown = api(cast.wang, "GET", f"/orders/{order}").get_json()
    assert (shown["state"], len(shown["pickup_code"])) == ("ready", 6)
    scanned = shown["pickup_url"].rpartition("/P/")[2]
    assert scanned.startswith(shown["pickup_code"])
    assert (shown["asked_until"], shown["shared"]) == (None, False)
    opened = api(cast.elsewhere, "GET", f"/staff/pickups/{shown['pickup_code']}").get_json()
    assert (opened["id"], opened["state"], opened["cost"]) == (order, "ready", 2500)
    assert api(cast.elsewhere, "GET", f"/staff/pickups/{scanned}").get_json() == opened
    assert api(cast.staff, "GET", f"/staff/pickups/{shown['pickup_code']}").status_code == 404
    [ready] = api(cast.elsewhere, "GET", "/staff/pickups").get_json()
    assert (ready["id"], "code" in ready) == (order, False)
    given = api(cast.elsewhere, "POST", "/staff/pickups", {"code": shown["pickup_code"]})
    assert (given.status_code, given.get_json()["state"]) == (200, "collected")
    assert scene.book("clearing", HERE, THERE) == (2000, 2000)
    assert scene.book("clearing", THERE, HERE) == (-2000, -2000)
    assert scene.free(wang) == 12_800
    mine = api(cast.wang, "GET", "/orders").get_json()
    assert [row["state"] for row in mine["closed"]] == ["collected"]
    back = api(cast.elsewhere, "POST", f"/staff/orders/{order}/return", {"reason": "坏了"})
    assert (back.status_code, back.get_json()["code"]) == (403, "handed_by_you")
    returned = ReturnOrder(order=UUID(order), reason="坏了")
    scene.run(return_order, returned, scene.staff(THERE, name="沈建华"))
    assert scene.free(wang) == 15_300


def test_the_counter_over_the_api(
    api: Any, cast: People, scene: Scene, wang: Someone, rice: str
) -> None:
    seen = api(cast.elsewhere, "GET", f"/staff/counter/{wang.resident}").get_json()
    assert [(each["id"], each["left"], each["closed"]) for each in seen["items"]] == [(rice, 2, "")]
    assert seen["family"] == seen["shares"] == []
    asked = {**lines(rice), "resident": str(wang.resident)}
    told = api(cast.elsewhere, "POST", "/staff/counter-quotes", asked).get_json()
    assert (told["quote"]["cost"], told["quote"]["obstacle"]) == (2500, None)
    assert (told["quote"]["available"], told["quote"]["left"]) == (None, None)
    assert [(way["value"], way["allowed"]) for way in told["ways"]] == [
        ("device", True),
        ("known", True),
    ]
    stranger = api(cast.staff, "POST", "/staff/counter-quotes", asked)
    assert (stranger.status_code, stranger.get_json()["code"]) == (403, "not_in_your_scope")
    body = {**lines(rice), "resident": str(wang.resident), "confirmation": "known", "shown": 2500}
    done = api(cast.elsewhere, "POST", "/staff/counter-redemptions", body, key="c-1")
    assert (done.status_code, done.get_json()["state"]) == (201, "collected")
    asked = api(
        cast.elsewhere,
        "POST",
        "/staff/counter-redemptions",
        {**body, "confirmation": "device"},
        key="c-2",
    )
    order = asked.get_json()["id"]
    assert asked.get_json()["state"] == "asked"
    brief = api(cast.wang, "GET", "/orders").get_json()["open"][0]
    assert (brief["channel"], brief["shared"]) == ("counter", False)
    assert brief["asked_until"] == "2026-11-24T02:05:00+00:00"
    item = api(cast.wang, "GET", f"/items/{rice}").get_json()
    assert (item["price"], item["in_stock"], item["listed"]) == (2000, 8, True)
    agreed = api(cast.wang, "POST", f"/orders/{order}/agree")
    assert agreed.get_json()["state"] == "collected"
    assert scene.account(wang).debited == 5000


def test_refusing_undoing_and_cancelling_over_the_api(
    api: Any, cast: People, scene: Scene, wang: Someone, rice: str
) -> None:
    orders = []
    for key in ("a", "b"):
        token = api(cast.wang, "POST", "/quotes", lines(rice)).get_json()["quote"]
        made = api(cast.wang, "POST", "/orders", {"quote": token}, key=key)
        orders.append(made.get_json()["id"])
    body = {"orders": orders}
    assert api(cast.elsewhere, "POST", "/staff/orders/approve", body).get_json()["done"] == 2
    assert api(cast.elsewhere, "POST", "/staff/orders/undo", body).get_json()["done"] == 2
    refusal = {"order": orders[0], "reason": "库存不够了"}
    refused = api(cast.elsewhere, "POST", "/staff/orders/refuse", refusal)
    assert refused.get_json()["state"] == "refused"
    cancelled = api(cast.wang, "POST", f"/orders/{orders[1]}/cancel")
    assert cancelled.get_json()["state"] == "cancelled"
    assert scene.free(wang) == 15_300


def test_two_admins_change_a_rate_over_the_api(api: Any, cast: People) -> None:
    before = api(cast.lin, "GET", "/rates").get_json()
    assert len(before["subdistricts"]) == len(before["rows"]) == 14
    assert {len(row) for row in before["rows"]} == {14}
    assert (before["default"], before["same_subdistrict"]) == (8000, 10_000)
    body = {
        "scope": "subdistricts",
        "home": HERE // 1000 * 1000,
        "host": THERE // 1000 * 1000,
        "rate": 9000,
        "valid_from": "2026-12-01",
        "document": "通兑公告 2026 年第 5 号",
    }
    proposed = api(cast.lin, "POST", "/rate-proposals", body, key="p-1")
    assert proposed.status_code == 201
    path = f"/rate-proposals/{proposed.get_json()['id']}"
    waits = api(cast.wu, "GET", "/rate-proposals").get_json()
    assert [(each["id"], each["rate_before"], each["rate"]) for each in waits] == [
        (proposed.get_json()["id"], 8000, 9000)
    ]
    own = api(cast.lin, "POST", f"{path}/confirm")
    assert (own.status_code, own.get_json()["code"]) == (403, "second_person_needed")
    confirmed = api(cast.wu, "POST", f"{path}/confirm").get_json()
    assert confirmed["valid_from"] == "2026-11-30T16:00:00+00:00"
    cell = api(cast.wu, "GET", f"/rates/{body['home']}/{body['host']}").get_json()
    assert (cell["in_force"]["rate"], [each["rate"] for each in cell["upcoming"]]) == (8000, [9000])
    assert api(cast.wu, "GET", f"/rates/{body['home']}/1").get_json()["code"] == "scope_mismatch"
    read = api(cast.wang, "GET", "/exchange-notice").get_json()
    assert [each["rate"] for each in read["coming"]] == [9000]
    asked = api(cast.wu, "POST", f"{path}/withdraw").get_json()
    assert asked["state"] == "proposed"
    back = f"/rate-proposals/{asked['id']}/confirm"
    assert api(cast.wu, "POST", back).get_json()["code"] == "second_person_needed"
    taken = api(cast.lin, "POST", back).get_json()
    assert taken["withdraws"] == proposed.get_json()["id"]
    assert api(cast.wang, "GET", "/exchange-notice").get_json()["coming"] == []


@pytest.mark.parametrize("quantity", [0, -1, 100, 10**9, 1.5, "2", "many", None])
def test_a_quantity_is_a_small_whole_number(
    api: Any, cast: People, wang: Someone, rice: str, quantity: Any
) -> None:
    answer = api(cast.wang, "POST", "/quotes", lines(rice, quantity))

    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid")
    assert "quantity" in str(answer.get_json()["errors"])


def test_bad_input_is_answered_by_name(
    api: Any, cast: People, scene: Scene, wang: Someone, rice: str
) -> None:
    token = api(cast.wang, "POST", "/quotes", lines(rice)).get_json()["quote"]
    nobody = "00000000-0000-0000-0000-000000000000"
    cases = [
        (cast.wang, "/orders", {"quote": token}, None, 400, "idempotency_key_missing"),
        (cast.wang, "/orders", {"quote": "x"}, "k", 422, "quote_invalid"),
        (cast.wang, "/orders", {"quote": token, "cost": 1}, "k", 422, "invalid"),
        (cast.wang, "/quotes", {"lines": []}, None, 422, "invalid"),
        (cast.wang, "/quotes", lines(nobody), None, 404, "item_unknown"),
        (cast.wang, "/quotes", {**lines(rice), "price": 1}, None, 422, "invalid"),
        (cast.elsewhere, "/quotes", lines(rice), None, 403, "forbidden"),
        (cast.wang, "/staff/pickups", {"code": "123456"}, None, 403, "forbidden"),
        (cast.elsewhere, "/staff/pickups", {"code": "123456"}, None, 404, "pickup_code_unknown"),
        (cast.elsewhere, "/staff/pickups", {"code": "1" * 99}, None, 422, "invalid"),
        (cast.elsewhere, "/staff/orders/approve", {"orders": []}, None, 422, "invalid"),
        (cast.elsewhere, "/rate-proposals", {}, "k", 422, "invalid"),
        (cast.elsewhere, f"/rate-proposals/{nobody}/confirm", None, None, 403, "forbidden"),
        (cast.lin, f"/rate-proposals/{nobody}/confirm", None, None, 404, "proposal_unknown"),
    ]
    for someone, path, body, key, status, code in cases:
        answer = api(someone, "POST", path, body, key=key)
        assert (answer.status_code, answer.get_json()["code"]) == (status, code), path
        assert answer.get_json()["message"].endswith("。")
    assert scene.account(wang).held == 0
    assert api(cast.wang, "GET", f"/orders/{nobody}").get_json()["code"] == "order_unknown"
    assert api(cast.wang, "GET", "/rates").status_code == 403


def test_without_a_token_there_is_nothing(app: Flask) -> None:
    for method, path in (("GET", "/stations"), ("POST", "/quotes"), ("POST", "/staff/pickups")):
        answer = app.test_client().open(f"{V1}{path}", method=method, json={})
        assert (answer.status_code, answer.get_json()["code"]) == (401, "sign_in_needed")


def test_items_and_stock_over_the_api(api: Any, cast: People, rice: str) -> None:
    listed = api(cast.elsewhere, "GET", "/staff/items").get_json()
    assert [(row["name"], row["free"], row["foreign_left"]) for row in listed] == [
        ("大米 2.5 公斤", 10, 5)
    ]
    door = api(cast.elsewhere, "GET", f"/staff/stations/{THERE}").get_json()
    assert (door["name"], door["hours"], door["ready"]) == ("积分驿站", "周末", 0)
    assert [(move["kind"], move["quantity"]) for move in door["moves"]] == [("receipt", 10)]
    assert api(cast.staff, "GET", f"/staff/stations/{THERE}").status_code == 403
    assert api(cast.staff, "GET", f"/staff/stations/{HERE}").get_json()["code"] == "station_unknown"
    ready_made = api(cast.elsewhere, "GET", "/staff/item-templates").get_json()
    assert "rice_2500g" not in {each["key"] for each in ready_made}
    assert ready_made[0]["key"] == "tissue"
    count = {"item": rice, "on_hand": 9}
    counted = api(cast.elsewhere, "POST", "/staff/stock-counts", count, key="n")
    assert counted.get_json()["on_hand"] == 9
    changed = api(cast.elsewhere, "POST", f"/staff/items/{rice}", {"price": 2100})
    assert changed.get_json()["price"] == 2100
    stranger = api(cast.staff, "POST", f"/staff/items/{rice}", {"price": 1})
    assert (stranger.status_code, stranger.get_json()["code"]) == (403, "not_in_your_scope")
    for price in (0, -1, 1.5, 100_001, "20"):
        bad = api(cast.elsewhere, "POST", f"/staff/items/{rice}", {"price": price})
        assert (bad.status_code, bad.get_json()["code"]) == (422, "invalid")
