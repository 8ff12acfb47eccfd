"""The ledger over the API: own balances, lines and receipts; acts that staff record, once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core.work import SHANGHAI
from points import holds, ledger
from points.earning.awards import award
from points.settlement import settle_due
from tests.conftest import Clock
from tests.people import HERE, THERE, People
from tests.points.books import ISSUED, REDEEMED, one, posting
from tests.points.earning import CORRIDOR, JOIN, count, days_later, serving
from tests.points.test_points_pages import spent, wallet_of

Run = Callable[..., Any]
V1 = "/api/v1"
ACTS = "/staff/awards"


@pytest.fixture
def api(client: FlaskClient, cast: People) -> Any:
    """Call the API as somebody, with their token; None is nobody."""
    headers: dict[str, dict[str, str]] = {}

    def call(someone: Any, method: str, path: str, json: Any = None, key: str | None = None) -> Any:
        sent: dict[str, str] = {}
        if someone is not None:
            if someone.name not in headers:
                headers[someone.name] = cast.headers(someone)
            sent = dict(headers[someone.name])
        if key is not None:
            sent["Idempotency-Key"] = key
        return client.open(f"{V1}{path}", method=method, json=json, headers=sent)

    return call


@pytest.fixture
def earn(app: Flask, run: Run, cast: People, clock: Clock) -> Callable[..., UUID]:
    """Give 王秀英 an award; ``settled`` lets the night pass."""

    def give(cause: str, *, settled: bool = False, **changes: Any) -> UUID:
        given = {"holder_id": one(cast.wang.resident)} | changes
        made = run(award, serving(cause, **given), cast.actor(cast.staff))
        if settled:
            clock.advance(days=1)
            with app.app_context():
                settle_due()
        return one(made.id)

    return give


# --- balances --------------------------------------------------------------------------------


def test_a_resident_sees_what_there_is_in_centipoints(
    api: Any, cast: People, run: Run, earn: Run
) -> None:
    earn("a", units=4, settled=True)
    earn("b", units=2, event_at=days_later(1))
    earn("c", rule=JOIN, units=1, event_at=days_later(2), settled=True)
    earn("d", units=3, event_at=days_later(3))
    command = holds.OpenHold(
        id=UUID(int=66),
        account=wallet_of(cast),
        amount=400,
        reason="抽纸一包",
        source_kind="order",
        source_id=UUID(int=67),
    )
    run(holds.hold, command)

    found = api(cast.wang, "GET", "/balance").get_json()

    assert (found["balance"], found["pending"], found["held"]) == (2600, 1500, 400)
    assert (found["basic"], found["missing"], found["title"]) == (100, 4900, "新邻居")
    assert (found["lapsing"], found["lapsing_on"]) == (0, "2026-12-31")
    assert (found["later"], found["later_on"]) == (2600, "2027-12-31")


def test_each_sees_only_what_is_theirs(api: Any, cast: People, earn: Run) -> None:
    earn("a", units=4, settled=True)
    earn("b")

    found = api(cast.chen, "GET", "/balance").get_json()
    assert (found["balance"], found["pending"], found["basic"]) == (0, 0, 0)
    assert api(cast.chen, "GET", "/transfers").get_json() == []
    assert api(cast.chen, "GET", "/awards").get_json() == []


# --- lines -----------------------------------------------------------------------------------


def test_lines_come_newest_first_with_sign_and_balance(
    api: Any, cast: People, run: Run, earn: Run
) -> None:
    identity = earn("a", units=4, settled=True)
    run(spent, wallet_of(cast))

    found = api(cast.wang, "GET", "/transfers").get_json()

    assert [(row["position"], row["amount"], row["balance"]) for row in found] == [
        (4, -50, 800),
        (3, -190, 850),
        (2, -960, 1040),
        (1, 2000, 2000),
    ]
    assert found[-1] == {
        "id": str(identity),
        "act": "award",
        "reason": "便民集市，来帮忙1 小时",
        "place": HERE,
        "amount": 2000,
        "balance": 2000,
        "at": "2026-11-25T02:00:00+00:00",
        "position": 1,
    }


def test_pages_follow_each_other_without_gap_or_repeat(
    api: Any, cast: People, run: Run, clock: Clock
) -> None:
    wallet = wallet_of(cast)
    for number in range(30):
        run(ledger.post, posting(1000 + number, ISSUED, wallet, 100))
        if number % 2:
            run(ledger.post, posting(2000 + number, wallet, REDEEMED, 30, "redemption"))

    seen: list[int] = []
    path, pages = "/transfers", 0
    while rows := api(cast.wang, "GET", path).get_json():
        pages += 1
        seen += [row["position"] for row in rows]
        path = f"/transfers?before={rows[-1]['position']}"
        # What arrives between two pages moves none of them.
        run(ledger.post, posting(3000 + pages, ISSUED, wallet, 5))

    assert seen == list(range(45, 0, -1))
    assert pages == 3


def test_the_household_has_lines_of_its_own(api: Any, cast: People, earn: Run) -> None:
    earn("mine", rule=JOIN, units=1)
    earn(
        "ours",
        rule=CORRIDOR,
        units=1,
        holder_kind="household",
        holder_id=one(cast.wang.household),
        settled=True,
    )

    def amounts(kind: str) -> list[int]:
        rows = api(cast.wang, "GET", f"/transfers?kind={kind}").get_json()
        return [row["amount"] for row in rows]

    assert (amounts("service"), amounts("basic"), amounts("household")) == ([], [100], [500])


@pytest.mark.parametrize(
    "query", ["kind=gold", "kind=", "before=0", "before=-1", "before=x", "before=1.5"]
)
def test_a_question_that_makes_no_sense_is_refused(api: Any, cast: People, query: str) -> None:
    answer = api(cast.wang, "GET", f"/transfers?{query}")

    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid")
    assert query.partition("=")[0] in str(answer.get_json()["errors"])


def test_a_position_beyond_all_numbers_is_refused_too(api: Any, cast: People) -> None:
    assert api(cast.wang, "GET", f"/transfers?before={2**63 - 1}").status_code == 200
    assert api(cast.wang, "GET", f"/transfers?before={2**63}").status_code == 422
    assert api(cast.wang, "GET", f"/transfers?before={10**40}").status_code == 422


def test_what_waits_says_when_it_comes(api: Any, cast: People, earn: Run) -> None:
    earn("a")
    earn("b", needs_second=True, event_at=days_later(-1))
    earn(
        "c",
        rule=CORRIDOR,
        units=1,
        holder_kind="household",
        holder_id=one(cast.wang.household),
        event_at=days_later(-2),
    )

    found = api(cast.wang, "GET", "/awards").get_json()

    tonight = "2026-11-24T18:00:00+00:00"
    assert [(row["amount"], row["due"]) for row in found] == [
        (1000, tonight),
        (1000, None),
        (500, tonight),
    ]


# --- receipts --------------------------------------------------------------------------------


def test_a_receipt_tells_rule_recorder_and_arrival(api: Any, cast: People, earn: Run) -> None:
    identity = earn("a", provenance="recorded")
    waiting = api(cast.wang, "GET", f"/transfers/{identity}").get_json()
    earn("b", settled=True)
    posted = api(cast.wang, "GET", f"/transfers/{identity}").get_json()

    assert (waiting["state"], waiting["posted_at"]) == ("pending", None)
    assert waiting["due"] == "2026-11-24T18:00:00+00:00"
    assert (posted["state"], posted["due"]) == ("posted", None)
    assert posted["posted_at"] == "2026-11-25T02:00:00+00:00"
    assert (posted["rule"], posted["unit"], posted["units"]) == ("志愿服务", "半小时", 2)
    assert (posted["per_unit"], posted["amount"]) == (500, 1000)
    assert posted["recorded_by"] == str(cast.staff.person)


def test_the_receipt_of_a_spending_takes_its_legs_together(
    api: Any, cast: People, run: Run, earn: Run
) -> None:
    earn("a", units=4, settled=True)
    run(spent, wallet_of(cast))

    found = api(cast.wang, "GET", f"/transfers/{UUID(int=551)}").get_json()
    assert (found["amount"], found["act"], found["state"]) == (-1200, "redemption", "collected")


def test_somebody_elses_receipt_does_not_exist(api: Any, cast: People, earn: Run) -> None:
    waiting = earn("a")
    shared = earn(
        "b",
        rule=CORRIDOR,
        units=1,
        holder_kind="household",
        holder_id=one(cast.wang.household),
        settled=True,
    )

    for identity in (waiting, shared):
        assert api(cast.wang, "GET", f"/transfers/{identity}").status_code == 200
        for stranger in (cast.chen, cast.there):
            answer = api(stranger, "GET", f"/transfers/{identity}")
            assert (answer.status_code, answer.get_json()["code"]) == (404, "receipt_unknown")
    unknown = api(cast.wang, "GET", f"/transfers/{UUID(int=404)}")
    assert (unknown.status_code, unknown.get_json()["code"]) == (404, "receipt_unknown")
    assert api(cast.wang, "GET", "/transfers/not-an-id").status_code == 404


@pytest.mark.parametrize("path", ["/balance", "/transfers", "/awards", f"/transfers/{UUID(int=1)}"])
def test_points_are_for_residents_who_are_signed_in(api: Any, cast: People, path: str) -> None:
    nobody, staff = api(None, "GET", path), api(cast.staff, "GET", path)

    assert (nobody.status_code, nobody.get_json()["code"]) == (401, "sign_in_needed")
    assert (staff.status_code, staff.get_json()["code"]) == (403, "forbidden")


# --- acts that staff record ------------------------------------------------------------------


def act(cast: People, **changes: Any) -> dict[str, Any]:
    body = {
        "rule": "serve.neighbour",
        "holder_kind": "resident",
        "holder_id": str(cast.wang.resident),
        "units": 1,
        "note": "代取药",
        "helped": str(cast.chen.resident),
    }
    return body | changes


def test_an_act_waits_for_the_night_and_is_seen_at_once(api: Any, cast: People) -> None:
    made = api(cast.staff, "POST", ACTS, act(cast), key="a-1")

    assert made.status_code == 201
    body = made.get_json()
    assert (body["amount"], body["units"], body["capped"], body["exists"]) == (300, 1, False, False)
    assert body["due"] == "2026-11-24T18:00:00+00:00"
    seen = api(cast.wang, "GET", "/awards").get_json()
    assert [(row["id"], row["reason"]) for row in seen] == [(body["id"], "邻里互助，代取药")]


def test_the_same_key_is_the_same_act(api: Any, cast: People, ask: Run) -> None:
    first = api(cast.staff, "POST", ACTS, act(cast), key="a-1").get_json()
    again = api(cast.staff, "POST", ACTS, act(cast), key="a-1")

    assert (again.status_code, again.get_json()) == (201, first | {"exists": True})
    assert ask(count, "awards") == 1
    assert ask(count, "audit_events", "use_case = 'record_act'") == 1


def test_a_repeat_after_midnight_is_still_the_same_act(
    api: Any, cast: People, ask: Run, clock: Clock
) -> None:
    clock.set(dt.datetime(2026, 11, 24, 23, 59, 59, tzinfo=SHANGHAI))
    first = api(cast.staff, "POST", ACTS, act(cast), key="a-1").get_json()
    clock.advance(seconds=2)
    again = api(cast.staff, "POST", ACTS, act(cast), key="a-1")

    assert (again.status_code, again.get_json()) == (201, first | {"exists": True})
    assert ask(count, "awards") == 1


def test_another_act_under_the_same_key_is_refused(api: Any, cast: People, ask: Run) -> None:
    api(cast.staff, "POST", ACTS, act(cast), key="a-1")

    for changes, code in (
        ({"units": 2}, "key_reused"),
        ({"note": "代买菜"}, "key_reused"),
        ({"day": "2026-11-23"}, "key_reused"),
        (
            {"holder_id": str(cast.chen.resident), "helped": str(cast.li.resident)},
            "award_differs",
        ),
        ({"rule": "report.idea"}, "award_differs"),
    ):
        answer = api(cast.staff, "POST", ACTS, act(cast, **changes), key="a-1")
        assert (answer.status_code, answer.get_json()["code"]) == (409, code), changes
    assert ask(count, "awards") == 1


def test_keys_belong_to_whoever_uses_them(api: Any, cast: People, ask: Run) -> None:
    api(cast.staff, "POST", ACTS, act(cast), key="a-1")
    other = api(cast.lead, "POST", ACTS, act(cast), key="a-1")

    assert (other.status_code, other.get_json()["exists"]) == (201, False)
    assert ask(count, "awards") == 2


@pytest.mark.parametrize("key", [None, "", "   ", "k" * 201])
def test_without_a_key_nothing_is_recorded(
    api: Any, cast: People, ask: Run, key: str | None
) -> None:
    answer = api(cast.staff, "POST", ACTS, act(cast), key=key)

    assert (answer.status_code, answer.get_json()["code"]) == (400, "idempotency_key_missing")
    assert ask(count, "awards") == 0


def test_caps_are_told(api: Any, cast: People) -> None:
    cut = api(cast.staff, "POST", ACTS, act(cast, units=5), key="a-1").get_json()
    assert (cut["units"], cut["amount"], cut["capped"], cut["cap"]) == (2, 600, True, "per_day")

    nothing = api(cast.staff, "POST", ACTS, act(cast), key="a-2")
    assert nothing.status_code == 201
    assert nothing.get_json() == {
        "id": None,
        "amount": 0,
        "units": 0,
        "due": None,
        "capped": True,
        "cap": "per_day",
        "exists": False,
        "asked": False,
    }


@pytest.mark.parametrize(
    "units",
    [0, -1, -(10**30), 10_001, 10**9, 2**63, 10**40, 1.5, 1.0, "2", "两", None, True, [], {}],
    ids=str,
)
def test_units_are_a_small_whole_number(api: Any, cast: People, ask: Run, units: Any) -> None:
    answer = api(cast.staff, "POST", ACTS, act(cast, units=units), key="a-1")

    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid")
    assert set(answer.get_json()["errors"]["json"]) == {"units"}
    assert ask(count, "awards") == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": 100_000}, "amount"),
        ({"due": "2026-11-24T00:00:00Z"}, "due"),
        ({"community": THERE}, "community"),
        ({"own": []}, "own"),
        ({"key": "other"}, "key"),
        ({"holder_kind": "community"}, "holder_kind"),
        ({"holder_kind": "system"}, "holder_kind"),
        ({"holder_id": "1"}, "holder_id"),
        ({"holder_id": None}, "holder_id"),
        ({"rule": ""}, "rule"),
        ({"rule": "x" * 61}, "rule"),
        ({"rule": "serve\u0000"}, "rule"),
        ({"rule": 7}, "rule"),
        ({"day": "2026-02-30"}, "day"),
        ({"day": "yesterday"}, "day"),
        ({"day": 20261124}, "day"),
        ({"note": "很" * 41}, "note"),
        ({"note": "x\u0000y"}, "note"),
        ({"note": "x\ud800y"}, "note"),
        ({"note": None}, "note"),
    ],
    ids=str,
)
def test_what_is_unknown_or_unfit_is_named(
    api: Any, cast: People, ask: Run, changes: dict[str, Any], field: str
) -> None:
    answer = api(cast.staff, "POST", ACTS, act(cast, **changes), key="a-1")

    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid")
    assert set(answer.get_json()["errors"]["json"]) == {field}
    assert ask(count, "awards") == 0


@pytest.mark.parametrize("missing", ["rule", "holder_kind", "holder_id", "units"])
def test_what_is_missing_is_named(api: Any, cast: People, missing: str) -> None:
    body = act(cast)
    del body[missing]
    answer = api(cast.staff, "POST", ACTS, body, key="a-1")

    assert (answer.status_code, set(answer.get_json()["errors"]["json"])) == (422, {missing})


def test_each_refusal_has_its_status_its_code_and_a_sentence(
    api: Any, cast: People, ask: Run
) -> None:
    home = {"holder_kind": "household", "holder_id": str(cast.wang.household)}
    cases = [
        (cast.staff, {"rule": "no.such.rule"}, 404, "rule_unknown"),
        (cast.staff, {"rule": "covenant.corridor", **home}, 422, "rule_not_by_hand"),
        (cast.staff, home, 422, "kind_unfit"),
        (cast.staff, {"holder_id": str(cast.there.resident)}, 404, "holder_unknown"),
        (cast.staff, {"holder_id": str(UUID(int=404))}, 404, "holder_unknown"),
        (cast.staff, {"day": "2026-11-25"}, 422, "day_out_of_range"),
        (cast.staff, {"day": "2025-11-22"}, 422, "day_out_of_range"),
        (cast.staff, {"day": "0001-01-01"}, 422, "day_out_of_range"),
        (cast.staff, {"day": "9999-12-31"}, 422, "day_out_of_range"),
        (cast.elsewhere, {}, 404, "holder_unknown"),
        (cast.keeper, {}, 403, "forbidden"),
        (cast.wang, {}, 403, "forbidden"),
        (cast.lin, {}, 403, "forbidden"),
        (None, {}, 401, "sign_in_needed"),
    ]
    for number, (someone, changes, status, code) in enumerate(cases):
        answer = api(someone, "POST", ACTS, act(cast, **changes), key=f"a-{number}")
        assert (answer.status_code, answer.get_json()["code"]) == (status, code), changes
        assert answer.get_json()["message"].endswith("。")
    assert ask(count, "awards") == 0


@pytest.mark.parametrize("body", [[], "text", 7, None])
def test_a_body_that_is_no_object_is_refused(api: Any, cast: People, body: Any) -> None:
    answer = api(cast.staff, "POST", ACTS, body, key="a-1")

    assert answer.status_code in {400, 422}
    assert answer.get_json()["message"].endswith("。")


# --- a second person -------------------------------------------------------------------------


def test_what_was_recorded_late_waits_for_a_second_person(
    api: Any, cast: People, clock: Clock
) -> None:
    late = act(cast, day="2026-11-10")
    made = api(cast.staff, "POST", ACTS, late, key="a-1").get_json()
    assert made["due"] is None

    listed = api(cast.lead, "GET", ACTS).get_json()
    assert [(row["id"], row["provenance"], row["amount"]) for row in listed] == [
        (made["id"], "back_filled", 300),
    ]
    assert listed[0]["recorded_by"] == str(cast.staff.person)
    assert api(cast.elsewhere, "GET", ACTS).get_json() == []
    body = {"awards": [made["id"]]}
    own = api(cast.staff, "POST", f"{ACTS}/confirm", body)
    assert (own.status_code, own.get_json()["code"]) == (409, "award_needs_second_person")
    there = api(cast.elsewhere, "POST", f"{ACTS}/confirm", body)
    assert (there.status_code, there.get_json()["code"]) == (403, "not_in_your_scope")
    assert api(cast.lead, "POST", f"{ACTS}/confirm", body).get_json() == {"confirmed": 1}
    assert api(cast.lead, "POST", f"{ACTS}/confirm", body).get_json() == {"confirmed": 0}
    assert api(cast.lead, "GET", ACTS).get_json() == []


@pytest.mark.parametrize(
    ("awards", "status", "code"),
    [
        ([], 422, "invalid"),
        (["x"], 422, "invalid"),
        ([None], 422, "invalid"),
        ("all", 422, "invalid"),
        ([str(UUID(int=number)) for number in range(201)], 422, "invalid"),
        ([str(UUID(int=404))], 404, "award_unknown"),
    ],
    ids=["none", "no id", "null", "no list", "too many", "unknown"],
)
def test_only_awards_that_wait_are_confirmed(
    api: Any, cast: People, awards: Any, status: int, code: str
) -> None:
    answer = api(cast.lead, "POST", f"{ACTS}/confirm", {"awards": awards})

    assert (answer.status_code, answer.get_json()["code"]) == (status, code)


def test_residents_neither_list_nor_confirm(api: Any, cast: People) -> None:
    body = {"awards": [str(UUID(int=404))]}
    listing, confirming = (
        api(cast.wang, "GET", ACTS),
        api(cast.wang, "POST", f"{ACTS}/confirm", body),
    )

    assert (listing.status_code, listing.get_json()["code"]) == (403, "forbidden")
    assert (confirming.status_code, confirming.get_json()["code"]) == (404, "award_unknown")
