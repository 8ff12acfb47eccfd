"""Every page of the desk: who may open it, and what an empty one says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.admin.scene import open_shop, publish, words
from tests.conftest import Clock
from tests.people import HERE, People

Run = Callable[..., Any]
PAGES = {
    "/desk/": "没有等您办的事",
    "/desk/activities": "活动",
    "/desk/activities?show=past": "活动",
    "/desk/activities/new": "选一个模板",
    "/desk/activities/new?template=service_fair": "便民集市",
    "/desk/approvals": "兑换审核",
    "/desk/approvals?show=done": "兑换审核",
    "/desk/pickup": "领取",
    "/desk/counter": "现场兑换",
    "/desk/residents": "输入几个字就能找",
    "/desk/expiry": "没有要到期的",
    "/desk/residents/arrive": "积分一起转来",
    "/desk/residents/add": "没有手机也能登记",
    "/desk/station": "积分驿站",
}


@pytest.mark.parametrize("path", PAGES)
def test_staff_open_each_page_of_an_empty_desk(cast: People, path: str) -> None:
    answer = cast.browser(cast.elsewhere).get(path)

    assert answer.status_code == 200
    assert PAGES[path] in words(answer)


@pytest.mark.parametrize("path", PAGES)
def test_nobody_but_the_desks_roles_opens_it(cast: People, client: FlaskClient, path: str) -> None:
    assert cast.browser(cast.wang).get(path).status_code == 403
    assert cast.browser(cast.lin).get(path).status_code == 403

    anonymous = client.get(path)
    assert anonymous.status_code in {302, 303}
    assert "/sign-in" in anonymous.headers["Location"]


def test_the_keeper_sees_orders_and_goods_and_publishes_nothing(cast: People) -> None:
    keeper = cast.browser(cast.keeper)

    assert keeper.get("/desk/station").status_code == 200
    assert keeper.get("/desk/pickup").status_code == 200
    assert keeper.get("/desk/activities/new").status_code == 403
    assert "发活动" not in words(keeper.get("/desk/"))


def test_the_keeper_reads_no_residents_neither_listed_nor_one_by_one(cast: People) -> None:
    keeper = cast.browser(cast.keeper)
    card = f"/desk/residents/{cast.wang.resident}"
    for page in ("/desk/residents", "/desk/residents?q=王", card, "/desk/expiry"):
        assert keeper.get(page).status_code == 403, page

    today = keeper.get("/desk/").get_data(as_text=True)
    assert "/desk/residents" not in today
    assert "位居民等核实" not in today
    found = keeper.get(
        "/api/v1/staff/residents",
        query_string={"q": "王", "community": HERE},
        headers=cast.headers(cast.keeper),
    )
    assert found.status_code == 403
    assert cast.browser(cast.staff).get(card).status_code == 200


def test_a_session_of_another_community_is_not_this_desks_to_open(cast: People, run: Run) -> None:
    session = publish(run, cast)

    for path in ("", "/venue", "/venue/codes", "/venue/counts"):
        address = f"/desk/sessions/{session}{path}"
        assert cast.browser(cast.staff).get(address).status_code == 200, path
        assert cast.browser(cast.elsewhere).get(address).status_code == 403, path


def test_a_resident_of_another_community_is_not_this_desks_to_open(cast: People) -> None:
    address = f"/desk/residents/{cast.wang.resident}"

    assert cast.browser(cast.staff).get(address).status_code == 200
    assert cast.browser(cast.elsewhere).get(address).status_code == 403
    found = words(cast.browser(cast.elsewhere).get("/desk/residents?q=王秀英"))
    assert "没有找到" in found


def test_no_page_shows_a_whole_phone_number(cast: People, run: Run) -> None:
    session = publish(run, cast)
    open_shop(run, cast)
    browser = cast.browser(cast.staff)
    seen = [
        *PAGES,
        f"/desk/sessions/{session}",
        f"/desk/sessions/{session}?q=王秀英",
        f"/desk/residents/{cast.wang.resident}",
        "/desk/residents?q=王秀英",
        "/desk/counter?q=王秀英",
        f"/desk/counter?resident={cast.wang.resident}",
    ]

    for path in seen:
        page = browser.get(path).get_data(as_text=True)
        assert "13800000001" not in page, path


def test_what_waits_is_one_row_for_each_kind_of_work(cast: People) -> None:
    today = words(cast.browser(cast.staff).get("/desk/"))

    assert "1件事等您办" in today
    assert "1位居民等核实" in today
    assert "周晓燕" in today


def test_a_session_that_goes_on_past_midnight_stays_on_the_page_until_it_is_over(
    cast: People, run: Run, clock: Clock
) -> None:
    eleven = dt.datetime(2026, 11, 24, 15, tzinfo=dt.UTC)
    publish(run, cast, start=eleven, hours=3)

    clock.set(eleven + dt.timedelta(minutes=90))
    after_midnight = words(cast.browser(cast.staff).get("/desk/"))
    clock.set(eleven + dt.timedelta(hours=3))
    over = words(cast.browser(cast.staff).get("/desk/"))

    assert ("今天1场活动，1场正在进行" in after_midnight, "打开大屏" in after_midnight) == (
        True,
        True,
    )
    assert "今天没有活动" in over
