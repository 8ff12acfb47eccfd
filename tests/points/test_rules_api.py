"""Rules, acts in lists, neighbours' words and deductions over the API, as programs use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from points.models import NeighbourHelp
from tests.conftest import Clock
from tests.people import HERE, NEAR, People
from tests.points.doors import building, building_lead
from tests.points.earning import count

Run = Callable[..., Any]
V1 = "/api/v1"
TOMORROW = "2026-11-25"


@pytest.fixture
def api(client: FlaskClient, cast: People) -> Any:
    """Call the API as somebody, with their token; None is nobody."""
    headers: dict[str, dict[str, str]] = {}

    def call(who: Any, method: str, path: str, json: Any = None, key: str | None = None) -> Any:
        sent: dict[str, str] = {}
        if who is not None:
            if who.name not in headers:
                headers[who.name] = cast.headers(who)
            sent = dict(headers[who.name])
        if key is not None:
            sent["Idempotency-Key"] = key
        return client.open(f"{V1}{path}", method=method, json=json, headers=sent)

    return call


def change(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "valid_from": TOMORROW,
        "points": 400,
        "caps": {"per_day": 2, "per_month": 10, "per_year": 60},
        "recorded_by": ["社工"],
    }
    return body | changes


def idea(cast: People, **changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "rule": "report.idea",
        "holder_kind": "resident",
        "holder_id": str(cast.wang.resident),
        "day": "2026-11-24",
    }
    return body | changes


def test_rules_are_listed_beside_the_districts_band(api: Any, cast: People) -> None:
    rows = {row["key"]: row for row in api(cast.staff, "GET", "/staff/rules").get_json()}

    waste = rows["waste.month"]
    assert (waste["points"], waste["base"], waste["low"], waste["high"]) == (1000, 1000, 500, 1500)
    assert (waste["duty"], waste["points_kind"], waste["on"]) == (True, "basic", True)
    assert rows["covenant.quiet"]["on"] is False
    assert waste["recorded_by"] == ["网格员", "楼道长"]


def test_a_rule_is_set_from_a_day_on_and_again_is_the_same(api: Any, cast: People) -> None:
    first = api(cast.lead, "POST", "/staff/rules/serve.neighbour", change())
    again = api(cast.lead, "POST", "/staff/rules/serve.neighbour", change())

    assert first.status_code == 200
    assert first.get_json() == {
        "rule": "serve.neighbour",
        "valid_from": TOMORROW,
        "revision": 1,
        "outside_band": False,
        "exists": False,
    }
    assert again.get_json() == first.get_json() | {"exists": True}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (change(points=900), 422, "outside_band"),
        (change(valid_from="2026-11-24"), 422, "rule_day_past"),
        (change(caps={"per_day": 3, "per_month": 2}), 422, "caps_wrong"),
        (change(caps={"per_day": 0}), 422, "invalid"),
        (change(caps={"household_per_day": 0}), 422, "invalid"),
        (change(caps={"per_day": 3, "household_per_day": 2}), 422, "household_cap_low"),
        (change(caps={"per_act": 3, "household_per_day": 2}), 422, "household_caps_wrong"),
        (change(caps={"household": True}), 422, "invalid"),
        (change(recorded_by=["门卫"]), 422, "recorders_wrong"),
        (change(points="4"), 422, "invalid"),
        (change(community=NEAR), 422, "invalid"),
        ({}, 422, "invalid"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_code(
    api: Any, cast: People, ask: Run, body: dict[str, Any], status: int, code: str
) -> None:
    answer = api(cast.lead, "POST", "/staff/rules/serve.neighbour", body)

    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert ask(count, "community_rules") == 0


def test_a_rule_has_caps_of_each_and_of_a_household_together(
    api: Any, cast: People, clock: Clock
) -> None:
    caps = {"per_day": 1, "household_per_month": 10, "household_per_year": 60}
    api(cast.lead, "POST", "/staff/rules/serve.neighbour", change(caps=caps))
    clock.advance(days=1)

    rows = {row["key"]: row for row in api(cast.staff, "GET", "/staff/rules").get_json()}
    found = {name: cap for name, cap in rows["serve.neighbour"].items() if "cap_per" in name}
    assert found == {
        "cap_per_act": None,
        "cap_per_day": 1,
        "cap_per_month": None,
        "cap_per_year": None,
        "household_cap_per_day": None,
        "household_cap_per_month": 10,
        "household_cap_per_year": 60,
    }


def test_own_rules_are_made_seen_and_taken_over(api: Any, cast: People) -> None:
    body = {
        "name": "老墙门守护",
        "topic": "covenant",
        "points_kind": "basic",
        "unit": "户月",
        "holder": "household",
        "points": 400,
        "caps": {"per_month": 1},
        "recorded_by": ["楼道长"],
    }
    made = api(cast.lead, "POST", "/staff/rules", body)
    refused = api(cast.lead, "POST", "/staff/rules", body | {"points_kind": "service"})

    assert made.status_code == 201
    assert (refused.status_code, refused.get_json()["code"]) == (422, "duty_is_basic")
    theirs = api(cast.near, "GET", "/staff/rules/elsewhere").get_json()
    assert [(row["community"], row["name"], row["own"]) for row in theirs] == [
        (HERE, "老墙门守护", True)
    ]
    key = made.get_json()["rule"]
    body = {"from_community": HERE}
    mine = api(cast.near, "POST", f"/staff/rules/{key}/take-over", body)
    assert (mine.status_code, mine.get_json()["code"]) == (403, "forbidden")


def test_a_rule_is_tried_on_last_month(api: Any, cast: People) -> None:
    api(cast.staff, "POST", "/staff/acts", {"acts": [idea(cast, day="2026-10-08")]})

    found = api(
        cast.staff,
        "GET",
        "/staff/rules/report.idea/simulation?points=800&per_month=2&household_per_month=2",
    ).get_json()

    assert found == {
        "month": "2026-10-01",
        "units": 1,
        "awards": 1,
        "awards_then": 1,
        "holders": 1,
        "holders_then": 1,
        "points": 500,
        "points_then": 800,
    }
    unknown = api(cast.staff, "GET", "/staff/rules/no.such/simulation?points=800")
    assert unknown.status_code == 404


def test_acts_in_a_list_are_looked_at_recorded_and_repeated(
    api: Any, cast: People, ask: Run
) -> None:
    acts = [idea(cast), idea(cast, rule="no.such"), idea(cast, units=1, day="2026-11-20")]

    look = api(cast.staff, "POST", "/staff/acts", {"acts": acts, "dry_run": True}).get_json()
    assert [row["outcome"] for row in look["rows"]] == ["recorded", "refused", "recorded"]
    assert (look["amount"], ask(count, "awards")) == (1000, 0)
    done = api(cast.staff, "POST", "/staff/acts", {"acts": acts}).get_json()
    assert done["amount"] == 1000
    again = api(cast.lead, "POST", "/staff/acts", {"acts": acts}).get_json()
    assert [row["outcome"] for row in again["rows"]] == ["existed", "refused", "existed"]
    assert ask(count, "awards") == 2


def test_a_row_that_waits_for_a_second_person_says_so(api: Any, cast: People) -> None:
    acts = [idea(cast, day="2026-11-20"), idea(cast, day="2026-11-01")]

    rows = api(cast.staff, "POST", "/staff/acts", {"acts": acts}).get_json()["rows"]
    assert [(row["outcome"], row["waits"]) for row in rows] == [
        ("recorded", False),
        ("recorded", True),
    ]


def test_what_is_known_by_what_it_says_says_its_day(api: Any, cast: People) -> None:
    """Sent again the next day, it would be another act."""
    act = {name: each for name, each in idea(cast).items() if name != "day"}
    reminder = {"household": str(cast.wang.household), "rule": "deduct.corridor"}

    for path, body in (("/staff/acts", {"acts": [act]}), ("/staff/reminders", reminder)):
        answer = api(cast.staff, "POST", path, body)
        assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid")
        assert "day" in str(answer.get_json()["errors"])


@pytest.mark.parametrize("acts", [[], [{}], "x", None, [{"rule": "report.idea"}]])
def test_a_list_without_shape_is_refused(api: Any, cast: People, acts: Any) -> None:
    answer = api(cast.staff, "POST", "/staff/acts", {"acts": acts})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid")


def test_the_helped_neighbour_answers(api: Any, cast: People, ask: Run) -> None:
    body = idea(cast, rule="serve.neighbour", units=1, helped=str(cast.chen.resident))
    asked = api(cast.staff, "POST", "/staff/awards", body | {"word": "device"}, key="a")
    assert (asked.status_code, asked.get_json()["asked"]) == (201, True)

    mine = api(cast.chen, "GET", "/helps").get_json()
    assert [row["helper"] for row in mine] == [str(cast.wang.resident)]
    assert api(cast.wang, "GET", "/helps").get_json() == []
    path = f"/helps/{ask(lambda c: c.scalar(select(NeighbourHelp.id)))}"
    stranger = api(cast.wang, "POST", path, {"helped": True})
    assert (stranger.status_code, stranger.get_json()["code"]) == (404, "help_unknown")
    said = api(cast.chen, "POST", path, {"helped": True}).get_json()
    assert (said["state"], said["amount"]) == ("confirmed", 300)


def test_a_building_lead_finds_the_own_doors(api: Any, run: Run, ask: Run, cast: People) -> None:
    fang = building_lead(run, ask, cast)

    doors = api(fang, "GET", "/staff/doors").get_json()

    assert [door["address"] for door in doors] == ["建国南苑 3-2-401"]
    assert {one["name"] for one in doors[0]["people"]} == {"王秀英", "李国强"}
    assert api(cast.staff, "GET", "/staff/doors").get_json() == []
    assert api(cast.wang, "GET", "/staff/doors").status_code == 403


def test_the_lead_arranges_grids_and_building_leads(api: Any, ask: Run, cast: People) -> None:
    place = str(ask(building, "3"))
    grid = api(cast.lead, "POST", "/staff/grids", {"name": "第一网格", "buildings": [place]})
    assert (grid.status_code, grid.get_json()["exists"]) == (200, False)
    blocks = api(cast.lead, "GET", "/staff/blocks").get_json()
    assert [block["name"] for block in blocks["grids"]] == ["第一网格"]
    body = {"role": "building_lead", "scope_id": place, "name": "方大姐", "phone": "13700000021"}
    made = api(cast.lead, "POST", "/staff/local-grants", body)
    assert made.status_code == 201
    listed = api(cast.lead, "GET", "/staff/local-grants").get_json()
    assert [(row["name"], row["place"]) for row in listed] == [("方大姐", "建国南苑 3 幢")]
    ended = api(cast.lead, "POST", f"/staff/local-grants/{made.get_json()['id']}/end")
    assert ended.status_code == 200
    assert api(cast.lead, "GET", "/staff/local-grants").get_json() == []
    assert api(cast.staff, "GET", "/staff/local-grants").status_code == 403


def test_deductions_are_off_until_somebody_switches_them_on(api: Any, cast: People) -> None:
    body = {"household": str(cast.wang.household), "rule": "deduct.corridor"}
    noted = body | {"day": "2026-11-24"}
    remind = api(cast.staff, "POST", "/staff/reminders", noted)
    take = api(cast.staff, "POST", "/staff/deductions", body | {"reason": "堆物"}, key="d")

    for answer in (remind, take):
        assert (answer.status_code, answer.get_json()["code"]) == (422, "deductions_off")
    keyless = api(cast.staff, "POST", "/staff/deductions", body | {"reason": "堆物"})
    assert keyless.get_json()["code"] == "idempotency_key_missing"


@pytest.mark.parametrize(
    "path", ["/staff/rules", "/staff/rules/elsewhere", "/district/rules-outside-band"]
)
def test_residents_and_strangers_do_not_read_rules_of_staff(
    api: Any, cast: People, path: str
) -> None:
    assert api(None, "GET", path).status_code == 401
    assert api(cast.wang, "GET", path).status_code == 403
    assert api(cast.lin, "GET", "/district/rules-outside-band").get_json() == []


def test_a_rule_that_gives_nothing_is_off(api: Any, cast: People, clock: Clock) -> None:
    made = api(cast.lead, "POST", "/staff/rules/join.activity", change(points=0))
    again = api(cast.lead, "POST", "/staff/rules/join.activity", change(points=None))
    clock.advance(days=1)
    rows = {row["key"]: row for row in api(cast.staff, "GET", "/staff/rules").get_json()}

    assert (made.status_code, again.get_json()["exists"]) == (200, True)
    assert rows["join.activity"]["on"] is False
