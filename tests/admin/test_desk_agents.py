"""Who acts for whom at the desk, and households with nobody known in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.admin.forms import again, fill
from tests.admin.scene import words
from tests.people import HERE, People
from tests.points.earning import count

Run = Callable[..., Any]
HOME = "建国南苑 7-1-201"


def test_an_agent_is_found_registered_seen_on_both_cards_and_ended(cast: People, ask: Run) -> None:
    staff = cast.browser(cast.staff)
    card = f"/desk/residents/{cast.li.resident}"
    agents = f"{card}/agents"
    assert "没有人替他办事" in words(staff.get(card))
    found = staff.get(agents, query_string={"q": "陈建国"}).get_data(as_text=True)

    unsigned = again(staff, found, agents, kind="family")
    assert unsigned.status_code == 422
    assert "签好同意书" in words(unsigned)
    unknown = again(staff, found, agents, kind="friend", consent="1")
    assert unknown.status_code == 422
    assert "请选择是家人、护理人还是监护人" in words(unknown)
    assert ask(count, "representations") == 0

    done = again(staff, found, agents, kind="family", consent="1")
    assert done.status_code == 303
    assert "陈建国是李国强的代办家人" in words(staff.get(card))
    other = words(staff.get(f"/desk/residents/{cast.chen.resident}"))
    assert "李国强是陈建国的代办家人" not in other
    assert "陈建国是李国强的代办家人" in other

    ended = fill(staff, card, f"{agents}/end")
    assert ended.status_code == 303
    assert "代办已经取消" in words(staff.get(card))
    assert "没有人替他办事" in words(staff.get(card))


def test_an_agent_from_elsewhere_is_found_by_whole_name_and_digits(cast: People) -> None:
    staff, agents = cast.browser(cast.staff), f"/desk/residents/{cast.li.resident}/agents"

    assert "没有找到" in words(staff.get(agents, query_string={"q": "吴阿毛"}))
    assert "吴阿毛" in words(staff.get(agents, query_string={"q": "吴阿毛 0005"}))
    assert cast.browser(cast.elsewhere).get(agents).status_code == 403
    assert cast.browser(cast.keeper).get(agents).status_code == 403


def test_a_household_nobody_knows_is_entered_found_and_given_points(cast: People, ask: Run) -> None:
    staff, add = cast.browser(cast.staff), "/desk/households/add"
    half = fill(staff, add, add, address="建国南苑")
    assert half.status_code == 422
    assert "住址要写全" in words(half)

    entered = fill(staff, add, add, address=HOME)

    card = entered.headers["Location"]
    assert "登记好了" in words(staff.get(card))
    assert "还没有登记的人" in words(staff.get(card))
    again_entered = fill(staff, add, add, address=HOME)
    assert again_entered.headers["Location"] == card
    assert "这一户登记过了" in words(staff.get(card))
    search = staff.get("/desk/residents", query_string={"q": "7-1-201"})
    assert card in search.get_data(as_text=True)

    household = card.rpartition("/")[2]
    form = f"/desk/acts?household={household}"
    offered = staff.get(form).get_data(as_text=True)
    rule = offered.partition('name="rule" value="')[2].partition('"')[0]
    recorded = fill(staff, form, "/desk/acts", rule=rule)
    assert recorded.status_code == 303
    assert ask(count, "awards") == 1
    assert "陈晓琳" in words(staff.get(card))
    assert cast.browser(cast.elsewhere).get(card).status_code == 403


def test_the_api_finds_a_household_nobody_knows(cast: People, client: Any) -> None:
    staff = cast.headers(cast.staff)
    address = {"estate": "建国南苑", "building": "7", "unit": "1", "room": "201"}
    entered = client.post(
        "/api/v1/staff/households", json={"community": HERE, "address": address}, headers=staff
    ).json["household"]

    for q, found in (("7-1-201", [entered]), ("3-2-401", [])):
        asked = {"community": HERE, "q": q}
        rows = client.get("/api/v1/staff/households", query_string=asked, headers=staff).json
        assert [row["household"] for row in rows] == found
