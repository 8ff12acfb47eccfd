"""Orders at the desk: approving ten in three taps, undo, refusing, picking up, the counter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from core.work import present, reading
from exchange.basket import Wanted
from exchange.orders import ApproveOrders, SubmitOrder, approve_orders, submit_order
from exchange.quote import quote
from tests.admin.forms import again, fill
from tests.admin.scene import give, open_shop, resident_of, words
from tests.conftest import Clock
from tests.people import People, Someone

Run = Callable[..., Any]
LIST = "/desk/approvals"


def order(run: Run, cast: People, item: UUID, who: Someone) -> UUID:
    """Order one piece on the phone."""
    with cast.app.app_context(), reading() as connection:
        wanted = (Wanted(item=item, quantity=1),)
        offer = quote(connection, resident_of(who), wanted, present())
    command = SubmitOrder(key=f"o:{who.name}", resident=resident_of(who), quote=offer.token)
    made: UUID = run(submit_order, command, cast.actor(who)).id
    return made


def states(connection: Connection) -> list[str]:
    return [row[0] for row in connection.execute(text("SELECT state FROM orders ORDER BY id"))]


@pytest.fixture
def waiting(run: Run, cast: People) -> list[UUID]:
    """Two orders of residents of here."""
    item = open_shop(run, cast)
    for who in (cast.wang, cast.chen):
        give(run, who, 50)
    return [order(run, cast, item, who) for who in (cast.wang, cast.chen)]


@pytest.mark.usefixtures("waiting")
def test_all_that_are_clean_are_ticked_and_approved(cast: People, ask: Run) -> None:
    browser = cast.browser(cast.staff)
    assert "2单无异常" in words(browser.get(LIST))

    done = fill(browser, f"{LIST}?select=clean", "/approve")

    assert done.status_code == 303
    assert ask(states) == ["ready", "ready"]
    shown = words(browser.get(LIST))
    assert "已通过2单" in shown
    assert "撤销" in shown


@pytest.mark.usefixtures("waiting")
def test_who_may_only_hand_over_reads_what_waits_to_be_collected(
    cast: People, clock: Clock
) -> None:
    keeper = cast.browser(cast.keeper)
    empty = words(keeper.get("/desk/"))
    assert "有通过了的兑换单等居民来领时" in empty
    assert "自己登记" not in empty
    fill(cast.browser(cast.staff), f"{LIST}?select=clean", "/approve")

    shown = words(keeper.get("/desk/"))
    assert "2单等居民来领" in shown
    assert "还有7天" in shown
    for days, today, list_ in (
        (6, "还有1天", "明天最后一天"),
        (1, "2单今天是最后一天", "今天最后一天"),
    ):
        clock.advance(days=days)
        keeper = cast.browser(cast.keeper)
        assert today in words(keeper.get("/desk/"))
        assert list_ in words(keeper.get("/desk/pickup"))


@pytest.mark.usefixtures("waiting")
def test_approvals_are_taken_back_within_ten_seconds(cast: People, ask: Run, clock: Clock) -> None:
    browser = cast.browser(cast.staff)
    fill(browser, f"{LIST}?select=clean", "/approve")
    page = browser.get(LIST).get_data(as_text=True)

    undone = again(browser, page, "/undo")

    assert undone.status_code == 303
    assert ask(states) == ["submitted", "submitted"]
    fill(browser, f"{LIST}?select=clean", "/approve")
    clock.advance(seconds=11)
    assert "撤销" not in words(browser.get(LIST))
    assert "已撤销0单" in words(browser.get(again(browser, page, "/undo").headers["Location"]))
    assert ask(states) == ["ready", "ready"]


def test_a_refusal_needs_a_reason_that_the_resident_reads(
    cast: People, ask: Run, waiting: list[UUID]
) -> None:
    browser, page = cast.browser(cast.staff), f"{LIST}?order={waiting[0]}&refusing=1"

    without = fill(browser, page, "/refuse", reason="other", other=" ")
    assert without.status_code == 422
    assert "请选一个原因" in words(without)
    assert ask(states) == ["submitted", "submitted"]

    done = fill(browser, page, "/refuse", reason="库存不够了")
    assert done.status_code == 303
    assert sorted(ask(states)) == ["refused", "submitted"]
    seen = words(cast.browser(cast.wang).get(f"/exchange/orders/{waiting[0]}"))
    assert "库存不够了" in seen


@pytest.mark.usefixtures("waiting")
def test_nothing_ticked_says_so(cast: People) -> None:
    refused = fill(cast.browser(cast.staff), LIST, "/approve")

    assert refused.status_code == 422
    assert "请先勾选" in words(refused)


def test_six_digits_open_the_order_and_it_is_handed_over_once(
    cast: People, ask: Run, waiting: list[UUID]
) -> None:
    browser = cast.browser(cast.staff)
    fill(browser, f"{LIST}?select=clean", "/approve")
    codes = ask(
        lambda c: dict(c.execute(text("SELECT CAST(id AS varchar), pickup_code FROM orders")).all())
    )
    code = codes.get(str(waiting[0])) or codes[waiting[0].hex]
    page = f"/desk/pickup?code={code[:3]}+{code[3:]}"
    opened = browser.get(page).get_data(as_text=True)
    assert "王秀英" in opened

    done = again(browser, opened, f"/pickup/{waiting[0]}")
    assert done.status_code == 303
    assert sorted(ask(states)) == ["collected", "ready"]
    twice = again(browser, opened, f"/pickup/{waiting[0]}")
    assert twice.status_code == 303
    assert sorted(ask(states)) == ["collected", "ready"]


def test_an_order_found_by_name_shows_no_code_and_wants_one_or_a_look_at_the_person(
    cast: People, ask: Run, waiting: list[UUID]
) -> None:
    browser = cast.browser(cast.staff)
    fill(browser, f"{LIST}?select=clean", "/approve")
    codes = ask(
        lambda c: dict(c.execute(text("SELECT CAST(id AS varchar), pickup_code FROM orders")).all())
    )
    first, second = waiting[:2]
    code = codes.get(str(first)) or codes[first.hex]
    listed = browser.get("/desk/pickup").get_data(as_text=True)
    found = browser.get(f"/desk/pickup?order={first}").get_data(as_text=True)
    assert "王秀英" in found
    for page in (listed, found):
        assert not [
            each for each in codes.values() if each in page or f"{each[:3]} {each[3:]}" in page
        ]

    silent = again(browser, found, f"/pickup/{first}")
    assert (silent.status_code, "请输入居民的6位领取码" in words(silent)) == (422, True)
    wrong = again(browser, found, f"/pickup/{first}", code="000000")
    assert (wrong.status_code, "居民报的领取码" in words(wrong)) == (404, True)
    assert sorted(ask(states)) == ["ready", "ready"]
    assert again(browser, found, f"/pickup/{first}", code=code).status_code == 303
    other = browser.get(f"/desk/pickup?order={second}").get_data(as_text=True)
    done = again(browser, other, f"/pickup/{second}", confirm_resident="1")
    assert done.status_code == 303
    assert "已领取" in words(browser.get(done.location))
    assert ask(states) == ["collected", "collected"]


def test_digits_that_open_nothing_say_what_to_do(cast: People, run: Run) -> None:
    open_shop(run, cast)

    assert "请核对六位数字" in words(cast.browser(cast.staff).get("/desk/pickup?code=123456"))


def counter(cast: People, run: Run, *, points: int = 50) -> tuple[Any, str]:
    """Find 王秀英 at the counter, and tap the soap."""
    item = open_shop(run, cast)
    give(run, cast.wang, points)
    browser = cast.browser(cast.staff)
    assert "王秀英" in words(browser.get("/desk/counter?q=王秀英"))
    address = f"/desk/counter?resident={cast.wang.resident}&add={item}"
    return browser, browser.get(address).get_data(as_text=True)


@pytest.mark.parametrize("quantity", ["፩", "", "9" * 5000, "-1"])
def test_what_is_no_quantity_puts_nothing_into_the_basket(
    cast: People, run: Run, quantity: str
) -> None:
    item = open_shop(run, cast)
    where = {"resident": cast.wang.resident, "item": item, "quantity": quantity}
    shown = cast.browser(cast.staff).get("/desk/counter", query_string=where)

    assert shown.status_code == 200
    assert f'name="item" value="{item}"' not in shown.get_data(as_text=True)


def test_the_counter_redeems_in_one_go(cast: People, run: Run, ask: Run) -> None:
    browser, page = counter(cast, run)

    done = again(browser, page, "/counter", confirmation="known")
    once = browser.get(done.headers["Location"])
    again(browser, page, "/counter", confirmation="known")

    assert "已领取" in words(once)
    assert "还剩40分" in words(once)
    assert ask(states) == ["collected"]


def test_the_counter_asks_the_residents_phone(cast: People, run: Run, ask: Run) -> None:
    browser, page = counter(cast, run)

    done = again(browser, page, "/counter", confirmation="device")
    assert "等本人在手机上点确认" in words(browser.get(done.headers["Location"]))
    assert ask(states) == ["asked"]

    phone = cast.browser(cast.wang)
    agreed = fill(phone, "/", "/agree")
    assert agreed.status_code == 303
    assert "已领取" in words(browser.get(done.headers["Location"]))


def test_what_nobody_agreed_to_in_time_has_not_happened(
    cast: People, run: Run, clock: Clock
) -> None:
    browser, page = counter(cast, run)
    done = again(browser, page, "/counter", confirmation="device")

    clock.advance(minutes=6)

    assert "没有兑成" in words(browser.get(done.headers["Location"]))


def test_somebody_unconfirmed_is_looked_at_before_they_take_anything(
    cast: People, run: Run, ask: Run
) -> None:
    item = open_shop(run, cast)
    give(run, cast.new, 50)
    browser = cast.browser(cast.staff)
    address = f"/desk/counter?resident={cast.new.resident}&add={item}"
    page = browser.get(address).get_data(as_text=True)

    silent = again(browser, page, "/counter", confirmation="known")
    assert silent.status_code == 409
    assert 'id="wrong-confirm_resident"' in silent.get_data(as_text=True)
    assert ask(states) == []

    again(browser, page, "/counter", confirmation="known", confirm_resident="1")
    assert ask(states) == ["collected"]
    confirmed = "待核实" not in words(browser.get(f"/desk/counter?resident={cast.new.resident}"))
    assert confirmed


def test_the_pickup_asks_the_same_beside_its_box(cast: People, run: Run, ask: Run) -> None:
    item = open_shop(run, cast)
    give(run, cast.new, 50)
    made = order(run, cast, item, cast.new)
    run(approve_orders, ApproveOrders(orders=(made,)), cast.actor(cast.staff))
    browser = cast.browser(cast.staff)
    code = ask(lambda c: c.execute(text("SELECT pickup_code FROM orders")).scalar())
    page = browser.get(f"/desk/pickup?code={code}").get_data(as_text=True)

    silent = again(browser, page, f"/pickup/{made}")
    assert silent.status_code == 409
    assert 'id="wrong-confirm_resident"' in silent.get_data(as_text=True)
    again(browser, page, f"/pickup/{made}", confirm_resident="1")
    assert ask(states) == ["collected"]


def test_too_few_points_are_said_at_the_counter(cast: People, run: Run, ask: Run) -> None:
    browser, page = counter(cast, run, points=3)

    assert "积分不够" in page
    refused = again(browser, page, "/counter")
    assert refused.status_code in {409, 422}
    assert ask(states) == []


def test_goods_come_back_with_a_reason(cast: People, run: Run, ask: Run) -> None:
    browser, page = counter(cast, run)
    again(browser, page, "/counter", confirmation="known")
    order = ask(lambda c: c.execute(text("SELECT id FROM orders")).scalar())
    drawer = f"{LIST}?show=done&order={order}"

    assert "您经手给出的，退货须别人收" in words(browser.get(drawer))
    browser = cast.browser(cast.lead)

    without = fill(browser, drawer, "/return", returned=" ")
    assert without.status_code == 422
    assert 'id="wrong-returned"' in without.get_data(as_text=True)
    assert ask(states) == ["collected"]

    done = fill(browser, drawer, "/return", returned="开袋发现坏了")
    assert ask(states) == ["returned"]
    assert "已退回：开袋发现坏了" in words(browser.get(done.headers["Location"]))


def test_the_family_pays_together_at_the_counter(cast: People, run: Run, ask: Run) -> None:
    give(run, cast.li, 9)
    browser, page = counter(cast, run, points=6)
    field = f"share-{cast.li.resident}"

    for typed, said in (("半", "要填整数"), ("3", "王秀英的可用积分只有6分，不够付7分")):
        refused = again(browser, page, "/counter", confirmation="known", **{field: typed})
        assert refused.status_code == 422
        assert said in words(refused)
        assert 'id="wrong-shares"' in refused.get_data(as_text=True)
    done = again(browser, page, "/counter", confirmation="known", **{field: "5"})

    assert ask(states) == ["collected"]
    assert "还剩1分" in words(browser.get(done.headers["Location"]))
