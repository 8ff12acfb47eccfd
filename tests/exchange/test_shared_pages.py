"""Paying together, on the pages and over the API, as the family sees it."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from core.acts import SYSTEM
from exchange.moving import MergeRecords, MoveHousehold, merge_records, move_household
from exchange.orders import AgreeToPay, HandOver, agree_to_pay, hand_over
from points.correcting.adjustments import ProposeReversal, propose_reversal
from points.correcting.deciding import DecideAdjustment, decide_adjustment
from residents.people import EnterResident, enter_resident
from tests.admin.forms import fill
from tests.exchange.scene import POINT, Scene
from tests.exchange.scene import Someone as Payer
from tests.exchange.test_counter import let_act
from tests.exchange.test_pages import post, shop, token_in, wang_of
from tests.people import HERE, THERE, People, Someone
from tests.points.books import one

V1 = "/api/v1"


@pytest.fixture
def daughter(cast: People, scene: Scene) -> Someone:
    """李晓燕, who lives with 王秀英 and has a phone."""
    someone = Someone("李晓燕", "13800000077")
    command = EnterResident(
        community=HERE, name=someone.name, phone=someone.phone, household=cast.wang.household
    )
    entered = scene.run(enter_resident, command, cast.actor(cast.staff))
    someone.resident, someone.person = entered.resident, entered.person
    someone.household = entered.household
    return someone


def payer(someone: Someone) -> Payer:
    return Payer(
        resident=one(someone.resident),
        person=one(someone.person),
        household=one(someone.household),
        community=HERE,
    )


@pytest.fixture
def rice(cast: People, scene: Scene, daughter: Someone) -> str:
    """40 points at home; 王秀英 has 30, her husband without a phone and their daughter 25 each."""
    wang_of(cast, scene, points=30)
    for someone in (cast.li, daughter):
        scene.give(payer(someone), 25 * POINT)
    return str(shop(cast, scene, HERE, price=40 * POINT))


def words(answer: Any) -> str:
    return re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", answer.get_data(as_text=True)))


def ordered(cast: People, rice: str, who: Someone, points: str = "10") -> tuple[FlaskClient, str]:
    """王秀英 orders and asks somebody for 10 of 40; return her browser and the order."""
    browser = cast.browser(cast.wang)
    page = browser.get(f"/exchange/items/{rice}/together").get_data(as_text=True)
    typed = {f"share-{cast.li.resident}": "", f"share-{who.resident}": points}
    answer = post(browser, "/exchange/orders/together", quote=token_in(page), **typed)
    assert answer.status_code == 303
    return browser, str(answer.location)


def test_own_points_are_proposed_first_and_the_family_pays_what_is_missing(
    cast: People, scene: Scene, rice: str
) -> None:
    browser = cast.browser(cast.wang)
    lacking = browser.get(f"/exchange/items/{rice}").get_data(as_text=True)
    assert "还差 10 分。去帮忙就能攒，也可以请家人一起付" in lacking
    assert f"/exchange/items/{rice}/together?quantity=1" in lacking

    page = browser.get(f"/exchange/items/{rice}/together?quantity=1")

    typed = re.findall(r'name="share-[^"]+" type="text" value="(\d+)"', page.get_data(as_text=True))
    assert sorted(typed) == ["0", "10"]
    assert "没有手机，请到社区柜台点同意" in words(page)
    assert "您付其余的30分" in words(page)


def test_the_order_waits_for_the_family(
    cast: People, scene: Scene, rice: str, daughter: Someone
) -> None:
    browser, order = ordered(cast, rice, daughter)

    page = words(browser.get(order))
    assert "等家人同意，一共40分" in page
    assert "李晓燕10分还没同意" in page
    assert scene.account(payer(daughter)).held == 0


def test_what_is_typed_is_added_up_again_without_javascript(cast: People, rice: str) -> None:
    browser = cast.browser(cast.wang)

    address = f"/exchange/items/{rice}/together?quantity=1&share-{cast.li.resident}=25"
    page = words(browser.get(address))

    assert "您付其余的15分" in page


def test_what_is_added_up_again_stands_in_the_address_without_the_token(
    cast: People, rice: str, daughter: Someone
) -> None:
    browser, share = cast.browser(cast.wang), f"share-{daughter.resident}"
    page = browser.get(f"/exchange/items/{rice}/together?quantity=1").get_data(as_text=True)
    form = page.partition('id="together"')[2].partition("</form>")[0]
    sends = re.search(r'name="csrf_token" value="([^"]+)" form="together"', page)

    assert 'formmethod="get"' in form
    assert "csrf_token" not in form
    assert sends is not None
    typed = {"quote": token_in(page), f"share-{cast.li.resident}": "0", share: "10"}
    sent = browser.post("/exchange/orders/together", data={"csrf_token": sends[1], **typed})
    assert sent.status_code == 303


def test_a_share_that_is_no_number_is_refused_and_stays_as_it_was_typed(
    cast: People, rice: str
) -> None:
    browser = cast.browser(cast.wang)
    address, share = f"/exchange/items/{rice}/together?quantity=1", f"share-{cast.li.resident}"
    token = token_in(browser.get(address).get_data(as_text=True))

    again = browser.get(f"{address}&{share}=十五")
    sent = post(browser, "/exchange/orders/together", quote=token, **{share: "十五"})

    for refused in (again, sent):
        assert refused.status_code == 422
        assert "请改一改再提交" in words(refused)
        assert 'value="十五"' in refused.get_data(as_text=True)


@pytest.mark.parametrize("typed", ["-5", "一", "99", "2.5"])
def test_what_cannot_be_is_refused_on_the_same_page(
    cast: People, scene: Scene, rice: str, daughter: Someone, typed: str
) -> None:
    browser = cast.browser(cast.wang)
    address = f"/exchange/items/{rice}/together"
    token = token_in(browser.get(address).get_data(as_text=True))

    answer = post(
        browser,
        "/exchange/orders/together",
        quote=token,
        **{f"share-{cast.li.resident}": typed, "share-x": "1"},
    )

    assert answer.status_code == 422
    assert "不能超过 40 分" in answer.get_data(as_text=True)
    assert scene.account(payer(daughter)).held == 0


def test_the_member_is_asked_on_the_home_page_and_agrees_there(
    cast: People, scene: Scene, rice: str, daughter: Someone
) -> None:
    _browser, order = ordered(cast, rice, daughter)
    his = cast.browser(daughter)

    home = his.get("/").get_data(as_text=True)
    assert "王秀英请您一起付，10 分" in home
    button = re.search(r'action="(/exchange/orders/[^"]+/agree)"', home)
    assert button is not None
    answer = post(his, button[1])

    assert answer.status_code == 303
    page = words(his.get(order))
    assert "已提交，预留40分" in page
    assert "取消兑换" not in page
    assert "请您一起付" not in his.get("/").get_data(as_text=True)
    assert scene.account(payer(daughter)).held == 1000


def test_the_member_says_no_and_nobody_pays(
    cast: People, scene: Scene, rice: str, daughter: Someone
) -> None:
    browser, order = ordered(cast, rice, daughter)
    his = cast.browser(daughter)
    page = his.get(order).get_data(as_text=True)
    button = re.search(r'action="(/exchange/orders/[^"]+/decline)"', page)
    assert button is not None

    post(his, button[1])

    said = words(browser.get(order))
    assert "已取消，30分已退回" in said, "no more than what was set aside"
    assert "预留30分" in said
    assert "李晓燕10分没有同意" in said
    assert "您取消了" not in said, "who ordered has not"
    assert scene.account(payer(daughter)).held == 0
    assert scene.account(wang_of(cast, scene, points=0)).held == 0


def test_where_the_one_who_was_to_pay_all_says_no_nothing_is_given_back(
    cast: People, rice: str, daughter: Someone
) -> None:
    browser, order = ordered(cast, rice, daughter, points="40")

    post(cast.browser(daughter), f"{order}/shares/{one(daughter.resident)}/decline")

    said = words(browser.get(order))
    assert "已取消，没有扣分" in said
    assert "已退回" not in said
    assert "预留" not in said


def test_who_has_moved_finds_their_share_as_their_own(
    cast: People, scene: Scene, rice: str, daughter: Someone
) -> None:
    browser, order = ordered(cast, rice, daughter)
    his = cast.browser(daughter)
    post(his, f"{order}/shares/{one(daughter.resident)}/decline")
    away = MoveHousehold(key="away", community=THERE, residents=(one(cast.wang.resident),))
    scene.run(move_household, away, cast.actor(cast.elsewhere))

    facts = words(browser.get(order)).partition("到期日不变")[2]

    assert "您" in facts
    assert cast.wang.name not in facts


def test_who_has_another_record_by_now_opens_what_they_paid_a_share_of(
    cast: People, scene: Scene, rice: str, daughter: Someone
) -> None:
    _browser, order = ordered(cast, rice, daughter)
    post(cast.browser(daughter), f"{order}/shares/{one(daughter.resident)}/decline")
    clerk = cast.actor(cast.staff)
    entered = scene.run(enter_resident, EnterResident(community=HERE, name="李小燕"), clerk)
    merge = MergeRecords(key="one", keep=entered.resident, drop=one(daughter.resident))
    scene.run(merge_records, merge, clerk)
    today = Someone("李小燕", daughter.phone)

    page = cast.browser(today).get(order)

    assert page.status_code == 200
    assert "您10分没有同意" in words(page)
    shares = f"{V1}{order.removeprefix('/exchange')}/shares"
    assert cast.app.test_client().get(shares, headers=cast.headers(today)).status_code == 200
    assert cast.browser(cast.chen).get(order).status_code == 404


def test_who_acts_for_somebody_opens_what_another_record_of_theirs_paid_a_share_of(
    cast: People, scene: Scene, rice: str, daughter: Someone
) -> None:
    _browser, order = ordered(cast, rice, daughter)
    post(cast.browser(daughter), f"{order}/shares/{one(daughter.resident)}/decline")
    clerk = cast.actor(cast.staff)
    entered = scene.run(enter_resident, EnterResident(community=HERE, name="李小燕"), clerk)
    merge = MergeRecords(key="one", keep=entered.resident, drop=one(daughter.resident))
    scene.run(merge_records, merge, clerk)

    assert cast.browser(cast.chen).get(order).status_code == 404
    scene.run(let_act, (entered.person, one(cast.chen.person)), SYSTEM)

    assert "李晓燕10分没有同意" in words(cast.browser(cast.chen).get(order))


def test_who_has_moved_is_not_asked_any_more(
    cast: People, scene: Scene, rice: str, daughter: Someone
) -> None:
    _browser, order = ordered(cast, rice, daughter)
    away = MoveHousehold(key="away", community=THERE, residents=(one(daughter.resident),))
    scene.run(move_household, away, cast.actor(cast.elsewhere))

    his = cast.browser(daughter)

    assert "请您一起付" not in his.get("/").get_data(as_text=True)
    page = his.get(order)
    assert "/decline" not in page.get_data(as_text=True)
    assert "积分由清波门社区记账" in words(page), "where it was ordered"


def test_strangers_do_not_see_the_order(cast: People, rice: str) -> None:
    _browser, order = ordered(cast, rice, cast.li)

    assert cast.browser(cast.chen).get(order).status_code == 404


def test_staff_who_know_him_agree_for_him_at_the_counter(cast: People, rice: str) -> None:
    browser, order = ordered(cast, rice, cast.li)
    desk = cast.browser(cast.staff)
    address = f"/desk/counter?resident={cast.li.resident}"
    page = desk.get(address)
    assert "王秀英请本人一起付10分" in words(page)
    button = re.search(r'action="(/desk/counter/shares/[^"]+)"', page.get_data(as_text=True))
    assert button is not None

    done = fill(desk, address, button[1])

    assert "已记下同意，预留10分" in words(desk.get(done.location))
    assert "已提交，预留40分" in words(browser.get(order))


def test_the_api_does_all_of_it(
    client: FlaskClient, cast: People, scene: Scene, rice: str, daughter: Someone
) -> None:
    hers, his = cast.headers(cast.wang), cast.headers(daughter)
    family = client.get(f"{V1}/payers", headers=hers).get_json()
    assert {each["name"]: (each["left"], each["available"]) for each in family} == {
        "李国强": (False, None),
        "李晓燕": (False, None),
    }
    lines = {"lines": [{"item": rice, "quantity": 1}]}
    quote = client.post(f"{V1}/quotes", json=lines, headers=hers).get_json()["quote"]
    body = {"quote": quote, "shares": [{"resident": str(daughter.resident), "amount": 1500}]}
    made = client.post(f"{V1}/orders", json=body, headers=hers | {"Idempotency-Key": "a"})
    assert (made.status_code, made.get_json()["state"]) == (201, "asked")
    order = made.get_json()["id"]
    again = client.post(f"{V1}/orders", json=body, headers=hers | {"Idempotency-Key": "a"})
    assert again.get_json()["id"] == order

    asked = client.get(f"{V1}/shares", headers=his).get_json()
    assert [(each["order"], each["by"], each["amount"]) for each in asked] == [
        (order, "王秀英", 1500)
    ]
    path = f"{V1}/orders/{order}/shares"
    assert client.get(path, headers=cast.headers(cast.chen)).status_code == 404
    shown = client.get(path, headers=his).get_json()
    assert [each["back"] for each in shown] == [0, 0]
    assert [(each["mine"], each["agreed"], each["may_answer"]) for each in shown] == [
        (False, True, False),
        (True, False, True),
    ]
    answer = client.post(f"{path}/{asked[0]['resident']}/agree", headers=his)
    assert answer.get_json() == {"id": order, "state": "submitted", "amount": 1500}
    late = client.post(f"{path}/{asked[0]['resident']}/decline", headers=his)
    assert (late.status_code, late.get_json()["code"]) == (409, "agreed_before")
    assert scene.account(payer(daughter)).held == 1500


def test_each_reads_what_came_back_of_what_they_paid_together(
    cast: People, scene: Scene, rice: str, daughter: Someone
) -> None:
    _browser, address = ordered(cast, rice, daughter)
    order = UUID(address.rsplit("/", 1)[1])
    agree = AgreeToPay(order=order, resident=one(daughter.resident))
    scene.run(agree_to_pay, agree, cast.actor(daughter))
    code = scene.approve(order, cast.actor(cast.staff))
    scene.run(hand_over, HandOver(code=code), cast.actor(cast.staff))
    line = next(leg.id for leg in scene.transfers(order) if leg.debit > 0)
    propose = ProposeReversal(key="a", line=line, reason="坏了", evidence="照片", amount=8 * POINT)
    made = scene.run(propose_reversal, propose, cast.actor(cast.staff))
    decide = DecideAdjustment(adjustment=made.id)
    scene.run(decide_adjustment, decide, cast.actor(cast.lead))

    for who, own in ((cast.wang, "6"), (daughter, "2")):
        seen = cast.browser(who)
        shown = words(seen.get(address))
        assert "已领取，用去40分" in shown
        assert "8分已退回" in shown
        assert "30分退回6分" in shown
        assert "10分退回2分" in shown
        assert f"改了您的积分：+{own}分，原因：坏了" in words(seen.get("/me/messages"))


def test_a_field_that_names_nobody_is_no_share(cast: People, rice: str) -> None:
    browser = cast.browser(cast.wang)

    answer = browser.get(f"/exchange/items/{rice}/together?share-{'-' * 36}=1")

    assert answer.status_code == 200
