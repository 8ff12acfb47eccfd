"""The console's first page: who opens it, and each figure against what really took place."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from activities.entries import EnterByHand, enter_by_hand
from admin import console_figures as figures
from tests.admin.console import XIAOYING, ZIYANG, auditor, reader
from tests.admin.scene import NINE, publish, resident_of, serve, words
from tests.admin.test_console_orders import collect, rows, shop
from tests.conftest import Clock
from tests.exchange.scene import HERE, THERE, Scene
from tests.people import People

Run = Callable[..., Any]
PAGE = "/console/"
PAGES = (
    PAGE,
    "/console/rates",
    f"/console/rates/{XIAOYING}/{ZIYANG}",
    "/console/orders",
    "/console/people",
    "/console/settings",
    "/console/jobs",
)
NOW = dt.datetime(2026, 11, 24, 2, tzinfo=dt.UTC)


@pytest.fixture
def scene(app: Flask) -> Scene:
    return Scene(app)


def figure(shown: Any, name: str) -> str:
    """Return what stands under one of the six names, without spaces."""
    page: str = shown.get_data(as_text=True)
    part = page.partition(f"<dt>{name}</dt>")[2].partition("</div>")[0]
    return re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", part))


def town(shown: Any, name: str) -> list[str]:
    """Return the cells of a subdistrict's row."""
    page: str = shown.get_data(as_text=True)
    row = next(row for row in page.split("<tr") if f">{name}<" in row)
    cells = [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td.*?</td>", row)]
    return [cell.strip() for cell in cells if cell.strip()]


def test_who_reads_the_district_opens_each_page_and_nobody_else(
    cast: People, run: Run, client: FlaskClient
) -> None:
    insiders = [cast.browser(cast.lin), auditor(run, cast), reader(run, cast)]
    outsiders = [cast.browser(who) for who in (cast.staff, cast.keeper, cast.wang)]
    for path in PAGES:
        for browser in insiders:
            assert browser.get(path).status_code == 200, path
        for browser in outsiders:
            assert browser.get(path).status_code == 403, path
        anonymous = client.get(path)
        assert anonymous.status_code in {302, 303}
        assert "/sign-in" in anonymous.headers["Location"]


def test_no_page_shows_a_whole_phone_number(cast: People, run: Run) -> None:
    for browser in (cast.browser(cast.lin), auditor(run, cast)):
        for path in PAGES:
            page = browser.get(path).get_data(as_text=True)
            assert not re.search(r"(?<!\d)1[3-9]\d{9}(?!\d)", page), path


def test_an_empty_district_says_how_each_list_fills(cast: People, clock: Clock) -> None:
    clock.advance(minutes=1)
    shown = cast.browser(cast.lin).get(PAGE)

    assert "还没有跨社区兑换居民到别的社区的积分驿站兑换后" in words(shown)
    assert "社区之间没有欠账每一单跨社区兑换" in words(shown)
    assert figure(shown, "登记居民") == "5人本月新登记5人"
    assert figure(shown, "到场居民") == "0人上月同期没有每人只数一次"
    assert figure(shown, "跨社区兑换") == "0单上月同期没有已领取的"
    assert town(shown, "清波街道")[1:4] == ["5", "4", "0.0 %"]


def live(cast: People, run: Run, scene: Scene, clock: Clock) -> None:
    """An October and a November of activities and orders, made through the use cases.

    At the fair of 清波街道 in November 王秀英 serves two hours (20 points), 陈建国 one (10), and
    吴阿毛 from 湖滨街道 one (10). In October only 王秀英 serves, one hour.
    """
    clock.set(NOW - dt.timedelta(days=35))
    october = publish(run, cast, start=NINE - dt.timedelta(days=35))
    enter(cast, run, october, cast.wang, NINE - dt.timedelta(days=35))
    wang = scene.resident(HERE, points=300)
    wu = scene.resident(THERE, points=300, name="吴阿毛")
    there, soap = shop(scene, THERE, 20)
    here, salt = shop(scene, HERE, 8)
    collect(scene, scene.order(wang, soap).id, there)
    collect(scene, scene.order(wang, salt).id, here)
    # After the same moment of last month: not compared with.
    clock.set(NOW - dt.timedelta(days=30))
    collect(scene, scene.order(wu, salt).id, here)
    clock.set(NOW + dt.timedelta(hours=4))
    november = publish(run, cast)
    serve(run, cast, november, cast.wang, hours=2)
    serve(run, cast, november, cast.chen)
    serve(run, cast, november, cast.there)
    collect(scene, scene.order(wang, soap).id, there)
    collect(scene, scene.order(wu, salt).id, here)
    collect(scene, scene.order(wu, soap).id, there)
    scene.approve(scene.order(wang, soap).id, there)
    # The figures stop before this very moment.
    clock.advance(minutes=1)


def enter(cast: People, run: Run, session: Any, who: Any, begins: dt.datetime) -> None:
    """Let staff enter that somebody served for an hour on another day than today."""
    command = EnterByHand(
        session=session,
        resident=resident_of(who),
        part="serve",
        entry=begins,
        exit=begins + dt.timedelta(hours=1),
        reason="没带手机",
    )
    run(enter_by_hand, command, cast.actor(cast.staff))


def test_each_figure_is_the_count_of_what_took_place(
    cast: People, run: Run, scene: Scene, clock: Clock
) -> None:
    live(cast, run, scene, clock)

    shown = cast.browser(cast.lin).get(PAGE)

    # Five of the scene in October, five of the cast in November.
    assert figure(shown, "登记居民") == "10人本月新登记5人"
    assert "11月以来：3人到过场" in words(shown)
    assert figure(shown, "到场居民") == "3人比上月同期+200.0%每人只数一次"
    assert figure(shown, "到场人次") == "3人次比上月同期+200.0%1场活动"
    assert figure(shown, "发放服务积分") == "40分比上月同期+300.0%含待到账"
    # 25 and 10 and 20, of which the last was at home; in October 25 and 8.
    assert figure(shown, "兑换服务积分") == "55分比上月同期+66.6%3单已领取"
    assert figure(shown, "跨社区兑换") == "2单比上月同期+100.0%已领取的"


def test_the_figure_of_orders_opens_just_these_orders(
    cast: People, run: Run, scene: Scene, clock: Clock
) -> None:
    live(cast, run, scene, clock)
    lin = cast.browser(cast.lin)
    page = lin.get(PAGE).get_data(as_text=True)
    link = re.search(r'class="evidence" href="([^"]+)"', page)
    assert link is not None

    opened = lin.get(link[1])

    assert len(rows(opened)) == 2
    assert "11月领取：2单，2人，居民付35分，合28区标准分" in words(opened)
    flows = page.partition("居民来自 → 在哪里兑换")[2].partition("</table>")[0]
    found = re.findall(r'href="([^"]+)">([^<]+)<', flows)
    assert [name for _url, name in found] == [
        "小营巷社区 → 十五奎巷社区",
        "十五奎巷社区 → 小营巷社区",
    ]
    for url, _name in found:
        assert len(rows(lin.get(url.replace("&amp;", "&")))) == 1


def test_the_table_of_subdistricts_adds_up_to_the_figures(
    cast: People, run: Run, ask: Run, scene: Scene, clock: Clock
) -> None:
    live(cast, run, scene, clock)
    start = figures.months(clock.now)[0]

    towns = ask(figures.towns, start, clock.now)
    whole = ask(figures.totals, start, clock.now)

    assert len(towns) == 14
    for name in ("residents", "people", "attended", "issued", "redeemed"):
        assert sum(getattr(row, name) for row in towns) == getattr(whole, name), name
    assert sum(row.communities for row in towns) == 203
    assert sum(row.went_out for row in towns) == sum(row.came_in for row in towns) == 2800
    shown = cast.browser(cast.lin).get(PAGE)
    # 清波街道: two of its four residents came; 吴阿毛's attendance counts here, her points do not.
    assert town(shown, "清波街道") == ["清波街道", "5", "4", "50.0 %", "3", "30", "0", "0", "0"]
    assert town(shown, "小营街道")[-3:] == ["25", "20", "8"]
    assert town(shown, "紫阳街道")[-3:] == ["30", "8", "20"]
    names = re.findall(r'<td class="main">([^<]+)</td>', shown.get_data(as_text=True))
    assert names[:2] == ["湖滨街道", "清波街道"]
    # Twice 20 taken at 紫阳街道's station, twice 8 at 小营街道's: 24 are left.
    positions = words(shown).partition("社区之间的账")[2]
    assert "十五奎巷社区紫阳街道240+24" in positions
    assert "小营巷社区小营街道024−24" in positions


def test_a_subdistricts_reader_sees_its_own_figures(
    cast: People, run: Run, scene: Scene, clock: Clock
) -> None:
    live(cast, run, scene, clock)

    shown = reader(run, cast).get(PAGE)

    assert "小营街道，11月以来：0人到过场" in words(shown)
    assert figure(shown, "到场人次").startswith("0人次")
    assert figure(shown, "兑换服务积分").startswith("25分")
    assert figure(shown, "跨社区兑换").startswith("2单")
    assert "1个社区有账：应收0、应付24区标准分" in words(shown)
    assert "十五奎巷社区紫阳街道" not in words(shown).partition("社区之间的账")[2]
    qingbo = reader(run, cast, 330102001000).get(PAGE)
    assert "清波街道，11月以来：2人到过场" in words(qingbo)
    assert figure(qingbo, "到场人次").startswith("3人次")
    assert figure(qingbo, "发放服务积分").startswith("30分")
    assert figure(qingbo, "跨社区兑换").startswith("0单")
    assert "还没有跨社区兑换" in words(qingbo)


def test_the_page_takes_the_same_statements_whatever_took_place(
    cast: People, run: Run, scene: Scene, clock: Clock, statements: Any
) -> None:
    def count() -> int:
        lin = cast.browser(cast.lin)
        with statements() as seen:
            assert lin.get(PAGE).status_code == 200
        return len(seen)

    count()
    few = count()
    live(cast, run, scene, clock)

    assert abs(count() - few) <= 2
