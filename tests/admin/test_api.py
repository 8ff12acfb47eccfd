"""What only pages of desk and console brought together, over the API."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.people import HERE, People, Someone

V1 = "/api/v1"
pytestmark = pytest.mark.database("sqlite")


@pytest.fixture
def get(client: FlaskClient, cast: People) -> Any:
    def call(who: Someone, path: str) -> Any:
        return client.get(f"{V1}{path}", headers=cast.headers(who))

    return call


def test_the_card_of_a_resident_and_of_the_household_say_the_same(get: Any, cast: People) -> None:
    wang = cast.wang

    card = get(cast.staff, f"/staff/residents/{wang.resident}").get_json()

    assert (card["household"], card["community"]) == (str(wang.household), HERE)
    mine = next(each for each in card["members"] if each["resident"] == str(wang.resident))
    assert (mine["name"], mine["phone_masked"], mine["available"]) == (wang.name, "****0001", 0)
    assert get(cast.staff, f"/staff/households/{wang.household}").get_json() == card
    assert get(cast.elsewhere, f"/staff/residents/{wang.resident}").status_code == 403
    assert get(wang, f"/staff/households/{wang.household}").status_code == 403


def test_somebody_from_elsewhere_is_found_by_name_and_last_digits(get: Any, cast: People) -> None:
    found = get(cast.elsewhere, f"/staff/residents/anywhere?q={cast.wang.name} 0001").get_json()

    assert found == [
        {"resident": str(cast.wang.resident), "name": cast.wang.name, "community": HERE}
    ]
    assert get(cast.elsewhere, f"/staff/residents/anywhere?q={cast.wang.name}").get_json() == []
    assert get(cast.wang, "/staff/residents/anywhere?q=x").status_code == 403


def test_today_and_the_month_are_the_figures_of_the_pages(get: Any, cast: People) -> None:
    today = get(cast.staff, "/staff/today").get_json()
    month = get(cast.lin, "/district/figures").get_json()

    assert today["waiting"]["unconfirmed"] == 1
    assert (today["sessions"], today["week"]["attended"]) == ([], 0)
    towns = month["subdistricts"]
    assert month["this_month"]["residents"] == sum(town["residents"] for town in towns)
    assert HERE // 1000 * 1000 in {town["code"] for town in towns}
    assert get(cast.staff, "/district/figures").status_code == 403
    assert get(cast.lin, "/staff/today").status_code == 403


def test_a_month_that_was_not_posted_has_no_paper(get: Any, cast: People) -> None:
    assert get(cast.staff, "/staff/bulletins/2026-10/pdf").status_code == 404
