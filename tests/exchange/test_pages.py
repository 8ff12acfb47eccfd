"""The residents' pages of the exchange, from the shelf to the pickup code and back."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import Any

import pytest
import zxingcpp
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image, ImageDraw

from core.acts import SYSTEM
from core.config import Config
from exchange.orders import HandOver, hand_over
from exchange.pickup import parse
from residents.places import SetPhone, set_phone
from residents.representations import Represent, represent
from tests.exchange.scene import POINT, Scene, Someone
from tests.people import HERE, THERE, People


def token_in(page: str) -> str:
    found = re.search(r'name="quote" value="([^"]+)"', page)
    assert found is not None
    return html.unescape(found[1])


def post(browser: FlaskClient, address: str, **data: str) -> Any:
    """Post a form as a page does: with the token that its forms carry."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/").get_data(as_text=True))
    assert found is not None
    return browser.post(address, data={"csrf_token": found[1], **data})


def wang_of(cast: People, scene: Scene, points: int = 153) -> Someone:
    wang = cast.wang
    assert wang.resident is not None
    assert wang.person is not None
    assert wang.household is not None
    someone = Someone(
        resident=wang.resident, person=wang.person, household=wang.household, community=HERE
    )
    if points:
        scene.give(someone, points * POINT)
    return someone


def shop(cast: People, scene: Scene, community: int = THERE, **terms: Any) -> Any:
    clerk = cast.actor(cast.elsewhere if community == THERE else cast.staff)
    scene.station(community, clerk)
    return scene.item(community, clerk, stock=10, **{"name": "大米 2.5 公斤", **terms})


def test_an_order_on_the_phone_from_the_shelf_to_the_code(cast: People, scene: Scene) -> None:
    wang_of(cast, scene)
    rice = shop(cast, scene)
    browser = cast.browser(cast.wang)

    shelf = browser.get("/exchange/").get_data(as_text=True)
    assert "您的 1 分在这里抵 0.8 分" in shelf
    assert "标价 20 分，您付 25 分" in shelf
    page = browser.get(f"/exchange/items/{rice}").get_data(as_text=True)
    assert "用 25 分兑换" in page
    assert "<b>128</b>" in page
    answer = post(browser, "/exchange/orders", quote=token_in(page))
    assert answer.status_code == 303
    order = browser.get(answer.location).get_data(as_text=True)
    assert "已提交，预留 25 分" in order
    assert "取消兑换，退回 25 分" in order
    assert "1 张在办" in browser.get("/exchange/").get_data(as_text=True)
    assert "大米 2.5 公斤" in browser.get("/exchange/orders").get_data(as_text=True)


def test_what_one_is_told_names_every_digit_of_the_number_to_call(
    cast: People, scene: Scene
) -> None:
    clerk = cast.actor(cast.elsewhere)
    wang = wang_of(cast, scene)
    rice = shop(cast, scene)
    scene.run(set_phone, SetPhone(place=THERE, phone="0571-8700 0117"), SYSTEM)
    code = scene.approve(scene.order(wang, rice).id, clerk)
    scene.run(hand_over, HandOver(code=code), clerk)

    shown = cast.browser(cast.wang).get("/me/messages").get_data(as_text=True)

    assert "用去 25 分。不是您或家人领的，请马上拨 0571-8700 0117。" in shown


def test_a_second_tap_leads_to_the_same_order(cast: People, scene: Scene) -> None:
    wang = wang_of(cast, scene)
    rice = shop(cast, scene)
    browser = cast.browser(cast.wang)
    token = token_in(browser.get(f"/exchange/items/{rice}").get_data(as_text=True))

    first = post(browser, "/exchange/orders", quote=token)
    second = post(browser, "/exchange/orders", quote=token)

    assert first.location == second.location
    assert scene.account(wang).held == 25 * POINT


def test_a_refusal_stands_on_the_item_with_its_status(
    cast: People, scene: Scene, clock: Any
) -> None:
    wang_of(cast, scene)
    rice = shop(cast, scene)
    browser = cast.browser(cast.wang)
    token = token_in(browser.get(f"/exchange/items/{rice}").get_data(as_text=True))
    clock.advance(minutes=10)

    late = post(browser, "/exchange/orders", quote=token)

    assert late.status_code == 409
    page = late.get_data(as_text=True)
    assert "价格保留的时间过了" in page
    assert token_in(page) != token
    assert "用 25 分兑换" in page
    garbled = post(browser, "/exchange/orders", quote="x")
    assert garbled.status_code == 422


def test_the_shelf_tells_what_is_there_apart_from_what_a_household_may_take(
    cast: People, scene: Scene
) -> None:
    wang = wang_of(cast, scene)
    salt = shop(cast, scene, HERE, name="食盐", price=POINT, limit_per_household_month=2)
    browser = cast.browser(cast.wang)

    def read(address: str) -> str:
        return browser.get(address).get_data(as_text=True)

    assert "剩 10 份，您还能兑 2 份" in read("/exchange/")
    assert "每户每月最多 2 份，驿站里还有 10 份" in read(f"/exchange/items/{salt}")
    scene.order(wang, salt, quantity=2)
    shelf = read("/exchange/")
    assert "您家这个月已兑满" in shelf
    assert "兑完了" not in shelf
    full = read(f"/exchange/items/{salt}")
    assert "食盐这个月您家已经兑满，请下个月再来。" in full
    assert "驿站里还有 8 份" in full
    assert "看看别的兑换品" in full
    assert "看看能帮什么忙" not in full
    answer = browser.get("/api/v1/stations", headers=cast.headers(cast.wang)).get_json()
    [offer] = answer["home"]["offers"]
    assert (offer["in_stock"], offer["left"], offer["note"]) == (8, 0, "您家这个月已兑满")


def test_an_item_says_what_is_missing(cast: People, scene: Scene) -> None:
    wang_of(cast, scene, points=10)
    rice = shop(cast, scene)
    later = scene.item(
        THERE, cast.actor(cast.elsewhere), stock=5, name="毛巾一条", home_first_days=3
    )
    browser = cast.browser(cast.wang)

    assert "还差 15 分" in browser.get(f"/exchange/items/{rice}").get_data(as_text=True)
    waiting = browser.get(f"/exchange/items/{later}").get_data(as_text=True)
    assert "毛巾一条刚补货，先给本社区居民，11 月 27 日起您也能兑换。" in waiting
    assert 'name="quote"' not in waiting


def test_the_pickup_code_is_a_qr_that_any_phone_opens(
    cast: People, scene: Scene, app: Flask
) -> None:
    wang = wang_of(cast, scene)
    rice = shop(cast, scene)
    order = scene.order(wang, rice)
    code = scene.approve(order.id, cast.actor(cast.elsewhere))
    browser = cast.browser(cast.wang)

    page = browser.get(f"/exchange/orders/{order.id}").get_data(as_text=True)
    assert "可以领取了" in page
    assert f"{code[:3]} {code[3:]}" in page
    address = decoded(page)

    config: Config = app.extensions["linli"].config
    assert address.startswith(f"{config.base_url}/P/{code}")
    assert parse(address.rsplit("/", 1)[1]) == (order.id, code)
    path = address.removeprefix(config.base_url)
    # Staff come to the counter's page; anybody else reads what it is.
    at_desk = cast.browser(cast.elsewhere).get(path)
    assert at_desk.status_code == 303
    assert at_desk.location.endswith(f"code={code}")
    assert "这是领取码" in app.test_client().get(path).get_data(as_text=True)
    assert app.test_client().get("/P/garbled").status_code == 404
    scene.run(hand_over, HandOver(code=code), cast.actor(cast.elsewhere))
    assert "已领取，用去 25 分" in browser.get(f"/exchange/orders/{order.id}").get_data(
        as_text=True
    )


def decoded(page: str) -> str:
    """Draw the page's SVG and read it as a phone does."""
    found = re.search(r'viewBox="0 0 (\d+) \1".*?fill="#000" d="([^"]+)"', page, re.DOTALL)
    assert found is not None
    size, scale = int(found[1]), 8
    image = Image.new("L", (size * scale, size * scale), 255)
    draw = ImageDraw.Draw(image)
    for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", found[2]):
        left, top = int(x) * scale, int(y) * scale
        draw.rectangle((left, top, left + scale - 1, top + scale - 1), fill=0)
    read = zxingcpp.read_barcodes(image)
    assert len(read) == 1
    return str(read[0].text)


def test_cancelling_gives_everything_back(cast: People, scene: Scene) -> None:
    wang = wang_of(cast, scene)
    rice = shop(cast, scene)
    order = scene.order(wang, rice)
    browser = cast.browser(cast.wang)

    answer = post(browser, f"/exchange/orders/{order.id}/cancel")

    assert answer.status_code == 303
    assert "已取消，25 分已退回" in browser.get(answer.location).get_data(as_text=True)
    assert scene.free(wang) == 153 * POINT


def test_somebody_elses_order_is_not_found(cast: People, scene: Scene) -> None:
    wang = wang_of(cast, scene)
    order = scene.order(wang, shop(cast, scene))
    stranger = cast.browser(cast.chen)

    assert stranger.get(f"/exchange/orders/{order.id}").status_code == 404
    assert post(stranger, f"/exchange/orders/{order.id}/cancel").status_code == 403


def test_the_counter_asks_on_the_home_page(cast: People, scene: Scene) -> None:
    wang = wang_of(cast, scene)
    item = shop(cast, scene, HERE, price=12 * POINT)
    asked = scene.redeem(wang, item, cast.actor(cast.staff), "device")
    browser = cast.browser(cast.wang)

    home = browser.get("/").get_data(as_text=True)
    assert "同意，用 12 分" in home
    assert "同意，用 12 分" in browser.get(f"/exchange/orders/{asked.id}").get_data(as_text=True)
    answer = post(browser, f"/exchange/orders/{asked.id}/agree")
    assert answer.status_code == 303
    assert "已领取，用去 12 分" in browser.get(answer.location).get_data(as_text=True)
    assert scene.free(wang) == (153 - 12) * POINT
    assert "同意，用 12 分" not in browser.get("/").get_data(as_text=True)


def test_whoever_acts_for_somebody_is_asked_for_the_sum_that_is_taken(
    cast: People, scene: Scene
) -> None:
    wang = wang_of(cast, scene)
    item = shop(cast, scene, HERE, price=12 * POINT)
    scene.redeem(wang, item, cast.actor(cast.staff), "device")
    assert cast.chen.person is not None
    command = Represent(principal=wang.person, agent=cast.chen.person, kind="carer")
    scene.run(represent, command, cast.actor(cast.staff))
    chen_as_wang = replace(cast.chen, name=cast.wang.name)

    home = cast.browser(chen_as_wang).get("/").get_data(as_text=True)

    assert "同意，用 12 分" in home


def test_the_notice_says_what_holds_and_by_which_document(cast: People, scene: Scene) -> None:
    page = cast.browser(cast.wang).get("/exchange/notice").get_data(as_text=True)

    assert "清波街道的社区" in page
    assert "同一街道，不用折算" in page
    assert "其他社区" in page
    assert "依据区级初始折算率" in page


def test_new_items_are_on_the_home_page_and_an_empty_shelf_says_so(
    cast: People, scene: Scene
) -> None:
    browser = cast.browser(cast.wang)
    assert "积分驿站还没有开张" in browser.get("/exchange/").get_data(as_text=True)

    shop(cast, scene, HERE, name="鸡蛋十枚")

    assert "鸡蛋十枚" in browser.get("/").get_data(as_text=True)
    whole = browser.get(f"/exchange/?station={HERE}").get_data(as_text=True)
    assert "鸡蛋十枚" in whole
    assert browser.get(f"/exchange/?station={THERE}").status_code == 404


def test_staff_have_no_residents_pages(cast: People) -> None:
    assert cast.browser(cast.staff).get("/exchange/").status_code == 403


def test_held_points_say_until_when_their_order_keeps_them(
    cast: People, scene: Scene, clock: Any
) -> None:
    wang = wang_of(cast, scene)
    rice = shop(cast, scene)
    order = scene.order(wang, rice).id
    browser = cast.browser(cast.wang)
    waits = browser.get("/points/holds").get_data(as_text=True)
    assert "大米 2.5 公斤" in waits
    assert f"/exchange/orders/{order}" in waits
    assert "等社区审核，没有通过就退回" in waits

    scene.approve(order, cast.actor(cast.elsewhere))
    clock.advance(seconds=11)
    ready = browser.get("/points/holds").get_data(as_text=True)
    assert "12 月 1 日" in ready
    assert "前领取，过期退回" in ready


@pytest.mark.parametrize("mode", ["standard", "elder"])
def test_what_can_be_collected_is_on_the_home_page_until_it_is(
    cast: People, scene: Scene, mode: str
) -> None:
    wang = wang_of(cast, scene)
    order = scene.order(wang, shop(cast, scene)).id
    browser = cast.browser(cast.wang)
    post(browser, "/elder", mode=mode)
    assert "可以领取了" not in browser.get("/").get_data(as_text=True)

    code = scene.approve(order, cast.actor(cast.elsewhere))
    home = browser.get("/").get_data(as_text=True)
    assert re.search(
        rf'href="/exchange/orders/{order}">.*?可以领取了.*?大米 2.5 公斤', home, re.DOTALL
    )

    scene.run(hand_over, HandOver(code=code), cast.actor(cast.elsewhere))
    assert "可以领取了" not in browser.get("/").get_data(as_text=True)
