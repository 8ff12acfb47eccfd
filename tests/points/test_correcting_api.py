"""Corrections, adjustments, reversals and holds over the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from points import holds
from tests.points.books import one
from tests.points.correcting import GREAT, Desk

Call = Callable[..., Any]
V1 = "/api/v1"


@pytest.fixture
def api(client: FlaskClient, desk: Desk) -> Call:
    """Call the API as somebody; answers its JSON, after checking the status."""
    headers: dict[str, dict[str, str]] = {}

    def call(
        someone: Any, method: str, path: str, json: Any = None, key: str = "", status: int = 200
    ) -> Any:
        # A staff token lasts a working day.
        who = f"{someone.name}:{desk.clock.now.date()}"
        if who not in headers:
            headers[who] = desk.cast.headers(someone)
        sent = headers[who] | ({"Idempotency-Key": key} if key else {})
        answer = client.open(f"{V1}{path}", method=method, json=json, headers=sent)
        assert answer.status_code == status, answer.get_json()
        return answer.get_json()

    return call


PROPOSAL = {"reason": "签到表上是两小时", "evidence": "签到表第 3 行"}


def test_a_line_is_asked_about_and_answered(api: Call, desk: Desk) -> None:
    wang, staff = desk.cast.wang, desk.cast.staff
    line = desk.earn()
    said = {"line": str(line), "words": "少记了一小时"}
    made = api(wang, "POST", "/corrections", said, status=201)
    again = api(wang, "POST", "/corrections", said, status=201)

    assert (again["id"], again["exists"]) == (made["id"], True)
    [waiting] = api(staff, "GET", "/staff/corrections")
    assert (waiting["words"], waiting["line"]) == ("少记了一小时", str(line))
    api(staff, "POST", f"/staff/corrections/{made['id']}/answer", {"answer": "按一小时计"})
    [mine] = api(wang, "GET", "/corrections")
    assert (mine["state"], mine["answer"]) == ("answered", "按一小时计")
    story = api(wang, "GET", f"/transfers/{line}/story")
    assert [each["outcome"] for each in story["corrections"]] == ["explained"]
    assert api(staff, "GET", "/staff/corrections") == []


def test_staff_ask_for_somebody_without_a_phone(api: Call, desk: Desk) -> None:
    line = desk.earn(who=desk.cast.li)
    said = {"line": str(line), "words": "记少了", "resident": str(desk.cast.li.resident)}
    api(desk.cast.staff, "POST", "/staff/corrections", said, status=201)

    [waiting] = api(desk.cast.lead, "GET", "/staff/corrections")
    assert waiting["entered_by"] == str(desk.cast.staff.person)


def test_one_takes_ones_own_request_back(api: Call, desk: Desk) -> None:
    line = desk.earn()
    made = api(
        desk.cast.wang, "POST", "/corrections", {"line": str(line), "words": "不对"}, status=201
    )

    path = f"/corrections/{made['id']}/withdraw"
    api(desk.cast.chen, "POST", path, status=404)
    assert api(desk.cast.wang, "POST", path)["state"] == "withdrawn"


def test_an_adjustment_is_proposed_once_and_decided_by_another(api: Call, desk: Desk) -> None:
    staff, lead = desk.cast.staff, desk.cast.lead
    wanted = PROPOSAL | {
        "holder_kind": "resident",
        "holder_id": str(desk.cast.wang.resident),
        "points_kind": "service",
        "amount": 500,
    }
    api(staff, "POST", "/staff/adjustments", wanted, status=400)
    made = api(staff, "POST", "/staff/adjustments", wanted, key="k", status=201)
    again = api(staff, "POST", "/staff/adjustments", wanted, key="k", status=201)
    assert (again["id"], again["exists"]) == (made["id"], True)
    api(staff, "POST", "/staff/adjustments", wanted | {"amount": 600}, key="k", status=409)

    path = f"/staff/adjustments/{made['id']}/decide"
    refused = api(staff, "POST", path, {"approve": True}, status=403)
    assert refused["code"] == "adjustment_needs_second_person"
    [waiting] = api(lead, "GET", "/staff/adjustments")
    assert (waiting["amount"], waiting["state"]) == (500, "proposed")
    done = api(lead, "POST", path, {"approve": True})
    assert (done["state"], done["posted"]) == ("posted", 500)
    assert desk.totals() == (500, 0, 500)
    [listed] = api(lead, "GET", "/staff/adjustments?show=done")
    assert (listed["maker_role"], listed["checker_role"]) == ("staff", "lead")


@pytest.mark.parametrize(
    "wrong", [{"amount": "5"}, {"amount": 100_001}, {"points_kind": "gold"}, {"reason": ""}]
)
def test_what_is_malformed_is_refused(api: Call, desk: Desk, wrong: dict[str, Any]) -> None:
    wanted = PROPOSAL | {
        "holder_kind": "resident",
        "holder_id": str(desk.cast.wang.resident),
        "points_kind": "service",
        "amount": 500,
    }
    api(desk.cast.staff, "POST", "/staff/adjustments", wanted | wrong, key="k", status=422)


def test_a_line_is_taken_back_with_what_is_missing(api: Call, desk: Desk) -> None:
    staff, lead = desk.cast.staff, desk.cast.lead
    line = desk.earn()
    desk.spend(600)
    wanted = PROPOSAL | {"line": str(line)}
    made = api(staff, "POST", "/staff/reversals", wanted, key="k", status=201)
    assert made["amount"] == -1000
    path = f"/staff/adjustments/{made['id']}"
    done = api(lead, "POST", f"{path}/decide", {"approve": True})
    assert (done["posted"], done["shortage"]) == (400, 600)

    [short] = api(lead, "GET", "/staff/adjustments?show=short")
    assert short["missing"] == 600
    api(staff, "POST", f"{path}/collect", status=400)
    api(staff, "POST", f"{path}/collect", key="early", status=409)
    desk.earn(units=1)
    for _ in range(2):
        assert api(staff, "POST", f"{path}/collect", key="now") == {
            "id": made["id"],
            "amount": 500,
            "missing": 100,
        }
    assert api(lead, "POST", f"{path}/waive", {"reason": "登记员的错"})["state"] == "waived"
    assert api(lead, "GET", "/staff/adjustments?show=short") == []
    story = api(desk.cast.wang, "GET", f"/transfers/{line}/story")
    assert [each["posted"] for each in story["adjustments"]] == [400]
    assert desk.broken() == []


@pytest.mark.parametrize(("settled", "amount"), [(False, None), (True, None), (True, 150_050)])
def test_more_than_one_adjustment_may_take_is_taken_back_over_the_api(
    api: Call, desk: Desk, *, settled: bool, amount: int | None
) -> None:
    wanted = PROPOSAL | {"line": str(desk.earn(settled=settled, **GREAT)), "amount": amount}
    made = api(desk.cast.staff, "POST", "/staff/reversals", wanted, key="k", status=201)
    path = f"/staff/adjustments/{made['id']}/decide"
    done = api(desk.cast.lead, "POST", path, {"approve": True})

    assert made["amount"] == -(amount or 200_000)
    assert done["posted"] + done["voided"] == (amount or 200_000)


def test_no_number_however_large_takes_back_more_than_was_given(api: Call, desk: Desk) -> None:
    wanted = PROPOSAL | {"line": str(desk.earn(**GREAT)), "amount": 10**30}
    refused = api(desk.cast.staff, "POST", "/staff/reversals", wanted, key="k", status=422)

    assert refused["code"] == "part_too_large"
    assert "最多还能冲回 2000 分" in refused["message"]


def test_a_proposal_is_withdrawn_by_its_maker(api: Call, desk: Desk) -> None:
    line = desk.earn()
    made = api(
        desk.cast.staff,
        "POST",
        "/staff/reversals",
        PROPOSAL | {"line": str(line), "amount": 300},
        key="k",
        status=201,
    )

    path = f"/staff/adjustments/{made['id']}/withdraw"
    api(desk.cast.lead, "POST", path, status=404)
    assert api(desk.cast.staff, "POST", path)["state"] == "withdrawn"


def test_a_refusal_over_the_api_says_why(api: Call, desk: Desk) -> None:
    proposal = desk.propose(500)
    path = f"/staff/adjustments/{proposal}/decide"

    api(desk.cast.lead, "POST", path, {"approve": False}, status=422)
    done = api(desk.cast.lead, "POST", path, {"approve": False, "refusal": "没有依据"})
    assert done["state"] == "refused"


def test_a_resident_reads_what_is_held_and_for_what(api: Call, desk: Desk) -> None:
    desk.earn()
    command = holds.OpenHold(
        id=UUID(int=50),
        account=desk.account(),
        amount=300,
        reason="洗洁精一瓶",
        source_kind="order",
        source_id=UUID(int=51),
    )
    desk.run(holds.hold, command)

    [held] = api(desk.cast.wang, "GET", "/holds")
    assert (held["reason"], held["amount"], held["until"]) == ("洗洁精一瓶", 300, None)
    assert held["since"] == "2026-11-25T02:00:00+00:00"


def test_residents_reach_none_of_the_desks_doors(api: Call, desk: Desk) -> None:
    chen = desk.cast.chen
    for path in ("/staff/corrections", "/staff/adjustments"):
        api(chen, "GET", path, status=403)
    api(chen, "POST", f"/staff/adjustments/{one(chen.person)}/collect", key="k", status=403)
    api(desk.cast.staff, "GET", "/holds", status=403)
