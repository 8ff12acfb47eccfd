"""The console's list of orders between communities: filters, months, pages, who sees which."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from core.acts import Actor
from exchange.orders import HandOver, RefuseOrder, hand_over, refuse_order
from tests.admin.console import XIAOYING, ZIYANG, auditor, reader, reads_one
from tests.admin.scene import words
from tests.conftest import Clock
from tests.exchange.scene import FAR_AWAY, HERE, NEXT_DOOR, POINT, THERE, Scene
from tests.people import People

Run = Callable[..., Any]
PAGE = "/console/orders"


@pytest.fixture
def scene(app: Flask) -> Scene:
    return Scene(app)


def rows(shown: Any) -> list[str]:
    """Return the words of each row."""
    body = shown.get_data(as_text=True).partition("<tbody>")[2].partition("</tbody>")[0]
    parts = [re.sub(r"<[^>]+>", "", row.partition(">")[2]) for row in body.split("<tr")[1:]]
    return [re.sub(r"\s+", "", part) for part in parts]


def shop(scene: Scene, community: int, price: int) -> tuple[Actor, UUID]:
    """A station with one thing."""
    clerk = scene.staff(community, name=f"社工{community}")
    scene.station(community, clerk)
    return clerk, scene.item(community, clerk, stock=100, price=price * POINT)


def collect(scene: Scene, order: UUID, clerk: Actor) -> None:
    """Approve an order and hand it over."""
    scene.run(hand_over, HandOver(code=scene.approve(order, clerk)), clerk)


def trade(scene: Scene, clock: Clock) -> None:
    """Five orders between communities in October and November, one of them refused."""
    wang = scene.resident(HERE, points=300)
    wu = scene.resident(THERE, points=300, name="吴阿毛")
    there, soap = shop(scene, THERE, 20)
    here, salt = shop(scene, HERE, 8)
    clock.set(dt.datetime(2026, 10, 20, 2, tzinfo=dt.UTC))
    collect(scene, scene.order(wang, soap).id, there)
    # The last minute of October in Hangzhou.
    clock.set(dt.datetime(2026, 10, 31, 15, 59, tzinfo=dt.UTC))
    collect(scene, scene.order(wu, salt).id, here)
    clock.set(dt.datetime(2026, 11, 24, 2, tzinfo=dt.UTC))
    collect(scene, scene.order(wu, salt).id, here)
    collect(scene, scene.order(wang, salt).id, here)
    clock.advance(minutes=1)
    no = scene.order(wu, salt).id
    scene.run(refuse_order, RefuseOrder(order=no, reason="售完"), here)
    clock.advance(minutes=1)
    scene.order(wang, soap)


def test_the_list_is_filtered_by_places_and_by_month(
    cast: People, scene: Scene, clock: Clock
) -> None:
    trade(scene, clock)
    lin = cast.browser(cast.lin)

    everything = lin.get(PAGE)

    assert [row[:5] for row in rows(everything)] == ["11-24", "11-24", "11-24", "10-31", "10-20"]
    assert "4单，2人，居民付70分，合56区标准分" in words(everything)
    assert "王*芳小营巷社区→十五奎巷社区手机" in rows(everything)[0]
    assert rows(everything)[0].endswith("200.80全区默认2520待审核")
    assert "没有通过：售完" in rows(everything)[1]
    out = lin.get(f"{PAGE}?home={XIAOYING}&host={ZIYANG}")
    assert [row[:5] for row in rows(out)] == ["11-24", "10-20"]
    assert "小营街道→紫阳街道：2单" in words(out)
    assert len(rows(lin.get(f"{PAGE}?host={HERE}"))) == 3
    assert rows(lin.get(f"{PAGE}?home={NEXT_DOOR}")) == []
    october = lin.get(f"{PAGE}?month=2026-10")
    assert "10月领取：2单，2人，居民付35分，合28区标准分" in words(october)
    november = lin.get(f"{PAGE}?month=2026-11&host={HERE}")
    assert "全区→小营巷社区，11月领取：1单，1人，居民付10分" in words(november)
    september = lin.get(f"{PAGE}?month=2026-09")
    assert rows(september) == []
    assert "没有这样的单" in words(september)


def test_a_community_that_a_link_came_with_stays_chosen(cast: People, scene: Scene) -> None:
    page = cast.browser(cast.lin).get(f"{PAGE}?home={HERE}&host={ZIYANG}").get_data(as_text=True)

    assert f'<option value="{HERE}" selected>小营巷社区</option>' in page
    assert f'<option value="{ZIYANG}" selected>紫阳街道</option>' in page
    assert page.count(" selected") == 2


def test_forty_orders_are_a_page(cast: People, scene: Scene) -> None:
    wang = scene.resident(HERE, points=300)
    _there, tissue = shop(scene, THERE, 1)
    for _ in range(41):
        scene.order(wang, tissue)
    lin = cast.browser(cast.lin)

    first, second = lin.get(f"{PAGE}?home={HERE}"), lin.get(f"{PAGE}?home={HERE}&page=2")

    assert (len(rows(first)), len(rows(second))) == (40, 1)
    assert "41单，1人" in words(first)
    assert "41单，1人" in words(second)
    assert f'href="/console/orders?page=2&amp;home={HERE}"' in first.get_data(as_text=True)
    assert "上一页" in words(second)
    assert "下一页" not in words(second)


def test_strange_filters_are_no_filters(cast: People, scene: Scene, clock: Clock) -> None:
    trade(scene, clock)
    lin = cast.browser(cast.lin)
    for query in (
        "page=-3",
        "page=x",
        "home=abc",
        "home=99999999999999999999",
        "month=2026-13",
        "month=1999-01",
    ):
        assert len(rows(lin.get(f"{PAGE}?{query}"))) == 5, query
    assert rows(lin.get(f"{PAGE}?page=99999999999")) == []
    assert rows(lin.get(f"{PAGE}?home=1")) == []


def test_a_subdistricts_reader_sees_what_begins_or_ends_there(
    cast: People, run: Run, scene: Scene, clock: Clock
) -> None:
    trade(scene, clock)
    far = scene.resident(FAR_AWAY, points=300, name="韩远")
    clerk = scene.staff(THERE, name="社工")
    item = scene.item(THERE, clerk, stock=9, price=5 * POINT)
    scene.order(far, item)
    assert len(rows(auditor(run, cast).get(PAGE))) == 6

    xiaoying = reader(run, cast)

    assert len(rows(xiaoying.get(PAGE))) == 5
    assert "韩" not in words(xiaoying.get(PAGE))
    forged = xiaoying.get(f"{PAGE}?home={FAR_AWAY}&host={THERE}")
    assert rows(forged) == []
    assert "0单，0人" in words(forged)
    headers = cast.headers(reads_one(run, cast))
    asked = cast.app.test_client().get("/api/v1/cross-orders", headers=headers).get_json()
    assert len(asked["rows"]) == 5
    assert "韩" not in str(asked)


def test_the_list_takes_the_same_statements_however_long_it_is(
    cast: People, scene: Scene, statements: Any
) -> None:
    wang = scene.resident(HERE, points=300)
    _there, soap = shop(scene, THERE, 1)
    scene.order(wang, soap)
    lin = cast.browser(cast.lin)

    def count() -> int:
        with statements() as seen:
            assert lin.get(PAGE).status_code == 200
        return len(seen)

    count()
    few = count()
    for _ in range(5):
        scene.order(wang, soap)

    assert count() == few <= 20
