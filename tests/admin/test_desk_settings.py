"""The desk's page of settings, and the API of settings and jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, text

from core import settings
from core.settings import SetSetting, set_setting
from tests.admin.forms import Forms, again, fill
from tests.admin.scene import words
from tests.admin.test_console_settings import line, values
from tests.conftest import Clock
from tests.people import HERE, THERE, People

Run = Callable[..., Any]
PAGE = "/desk/settings"
DAYS = "redeem.pickup_days"
API = "/api/v1/staff/settings"


def save(browser: FlaskClient, key: str, **typed: str) -> Any:
    """Change one setting by its own form, or by the form that goes back to the district's."""
    page = browser.get(PAGE).get_data(as_text=True)
    part = page.partition(f'id="{key}"')[2].partition("</li>")[0]
    forms = part.split("<form")[1:]
    wanted = next(form for form in forms if ("back" in typed) == ('name="back"' in form))
    return again(browser, f"<form{wanted}", PAGE, **typed)


def test_the_lead_sets_what_the_community_does_otherwise_and_goes_back(
    cast: People, run: Run, ask: Run, clock: Clock
) -> None:
    lead = cast.browser(cast.lead)
    assert "7天跟区里一样" in line(lead.get(PAGE), DAYS)

    saved = save(lead, DAYS, value="3")

    assert saved.status_code == 303
    assert saved.headers["Location"].endswith(f"#{DAYS}")
    assert "3天区里是7天；赵建平11月24日改" in line(lead.get(PAGE), DAYS)
    assert "本社区另设" in line(lead.get(PAGE), DAYS)
    assert ask(settings.integer, DAYS, clock.now, HERE) == 3
    assert ask(settings.integer, DAYS, clock.now, THERE) == 7

    clock.advance(minutes=1)
    run(set_setting, SetSetting(key="d", setting=DAYS, place=0, value="9"), cast.actor(cast.lin))
    clock.advance(minutes=1)
    assert save(lead, DAYS, back="1").status_code == 303

    assert "9天跟区里一样，11月24日起" in line(lead.get(PAGE), DAYS)
    assert ask(settings.integer, DAYS, clock.now, HERE) == 9
    assert sorted(values_of(ask)) == [(0, "9"), (HERE, ""), (HERE, "3")]


def values_of(ask: Run) -> list[tuple[int, str]]:
    return [(place, value) for key, place, value in ask(values) if key == DAYS]


def test_only_what_communities_may_set_is_offered_and_only_to_the_lead(
    cast: People, ask: Run
) -> None:
    lead = cast.browser(cast.lead)
    shown = lead.get(PAGE).get_data(as_text=True)
    for key, setting in settings.REGISTRY.items():
        offered = setting.scope == "community" and key in settings.IN_FORCE
        assert (f'id="{key}"' in shown) == offered, key
    assert f'href="{PAGE}"' in shown

    refused = save(lead, DAYS, value="99")
    assert refused.status_code == 422
    assert "允许的范围内：1 到 30" in refused.get_data(as_text=True)
    token = dict(Forms(shown).forms[0][1])["csrf_token"]
    sent = {"csrf_token": token, "key": "points.settle_at", "value": "03:00"}
    assert lead.post(PAGE, data=sent).status_code == 422
    for other in (cast.staff, cast.keeper):
        assert cast.browser(other).get(PAGE).status_code == 403
        assert PAGE not in cast.browser(other).get("/desk/").get_data(as_text=True)
    assert ask(values) == []


def test_the_api_sets_a_communitys_own_value_and_gives_it_back(
    cast: People, client: FlaskClient, clock: Clock
) -> None:
    lead = cast.headers(cast.lead)

    def post(value: str | None, key: str, setting: str = DAYS) -> Any:
        headers = lead | {"Idempotency-Key": key}
        return client.post(f"{API}/{setting}", json={"value": value}, headers=headers)

    def shown() -> Any:
        rows: Any = client.get(API, headers=lead).json
        return next(row for row in rows if row["key"] == DAYS)

    for _ in range(2):
        assert post("3", "a").json == {"setting": DAYS, "place": HERE, "value": "3"}
    clock.advance(seconds=1)
    assert post("4", "a").json["code"] == "key_reused"
    assert (shown()["value"], shown()["own_value"], shown()["district_value"]) == ("3", "3", "7")
    assert shown()["set_by"] == str(cast.lead.person)
    clock.advance(seconds=1)
    assert post(None, "b").json["value"] is None
    assert (shown()["value"], shown()["own_value"]) == ("7", None)
    assert post("0", "c").json["code"] == "setting_out_of_range"
    assert post("03:00", "d", "points.settle_at").json["code"] == "setting_not_for_communities"
    assert post("80", "e", "exchange.rate.default").status_code == 404
    assert client.get(API, headers=cast.headers(cast.staff)).status_code == 403


def presses(connection: Connection) -> list[tuple[str, str]]:
    """Return who pressed which job."""
    rows = connection.execute(
        text(
            "SELECT p.name, a.key FROM audit_events a JOIN people p ON p.id = a.actor"
            " WHERE a.use_case LIKE '%press' ORDER BY a.at"
        )
    )
    return [(row[0], row[1].partition(":")[0]) for row in rows]


@pytest.mark.database("sqlite")
def test_the_api_of_the_district_sets_and_runs_jobs_and_writes_down_who(
    cast: People, client: FlaskClient, ask: Run
) -> None:
    lin, url = cast.headers(cast.lin), "/api/v1/district"
    key = lin | {"Idempotency-Key": "x"}
    quota = f"{url}/settings/quota.order_points"
    assert client.post(quota, json={"value": "80"}, headers=lin).status_code == 400
    assert client.post(quota, json={"value": "80"}, headers=key).status_code == 200
    lead = cast.headers(cast.lead) | {"Idempotency-Key": "y"}
    assert client.post(quota, json={"value": "70"}, headers=lead).status_code == 403
    rows: Any = client.get(f"{url}/settings", headers=lin).json
    assert next(row["value"] for row in rows if row["key"] == "quota.order_points") == "80"

    ran = client.post(f"{url}/jobs/settle-awards/run", headers=lin)
    assert ran.json == {"job": "settle-awards", "report": "settled 0"}
    assert client.post(f"{url}/jobs/nothing/run", headers=lin).status_code == 404
    assert client.post(f"{url}/jobs/settle-awards/run", headers=lead).status_code == 403
    listed: Any = client.get(f"{url}/jobs", headers=lin).json
    assert next(row for row in listed if row["name"] == "settle-awards")["state"] == "done"
    assert ask(presses) == [("林海", "settle-awards")]


def test_the_number_to_call_is_set_here_and_by_the_district_and_over_the_api(
    cast: People, client: FlaskClient
) -> None:
    lead, lin = cast.browser(cast.lead), cast.browser(cast.lin)

    def foot() -> str:
        places: Any = client.get("/api/v1/places").json
        return next(str(place["phone"]) for place in places if place["code"] == HERE)

    saved = fill(lin, "/console/settings", "/settings/phone", phone="0571-8700 0000")
    assert saved.status_code == 303
    assert foot() == "0571-8700 0000"
    odd = fill(lead, PAGE, f"{PAGE}/phone", phone="问小陈")
    assert odd.status_code == 422
    assert "电话要写全" in words(odd)
    assert fill(lead, PAGE, f"{PAGE}/phone", phone="\uff10571-8700 0051").status_code == 303
    assert foot() == "0571-8700 0051"

    headers, url = cast.headers(cast.lead), "/api/v1/staff/phone"
    assert client.post(url, json={"phone": ""}, headers=headers).json == {"place": HERE}
    assert foot() == "0571-8700 0000"
    assert client.post(url, json={"phone": "1"}, headers=headers).status_code == 422
    for who, where in ((cast.lead, "/api/v1/district/phone"), (cast.staff, url)):
        sent = client.post(where, json={"phone": ""}, headers=cast.headers(who))
        assert sent.status_code == 403
