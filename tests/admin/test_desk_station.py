"""The station at the desk: opening it, offering items, receiving goods."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, text

from core.config import ROOT
from exchange.stations import AddItem, add_item
from exchange.stock import ReceiveStock, receive_stock
from tests.admin.forms import again, fill
from tests.admin.scene import give, open_shop, words
from tests.people import HERE, People
from tests.residents.forms import count

Run = Callable[..., Any]
PAGE = "/desk/station"


def shelf(connection: Connection) -> list[tuple[str, int, int]]:
    """Return name, price in points and pieces of each item."""
    rows = connection.execute(
        text("SELECT name, price, on_hand FROM items JOIN stock ON stock.item = items.id"),
    )
    return [(row[0], row[1] // 100, row[2]) for row in rows]


def first_template(cast: People) -> str:
    """The first item that the station offers to list."""
    page = cast.browser(cast.staff).get(PAGE).get_data(as_text=True)
    found = re.search(r'<option value="([^"]+)">', page.partition('id="f-template"')[2])
    assert found is not None
    return f"{PAGE}?template={found[1]}"


def drawings(page: str) -> list[str]:
    return re.findall(r"#(goods-\w+)", page)


@pytest.mark.parametrize(
    ("template", "drawing"),
    [
        ("tote_bag", "goods-bag"),
        ("community_badge", "goods-badge"),
        ("pothos", "goods-plant"),
        ("cooking_oil_1800ml", "goods-oil"),
    ],
)
def test_the_desk_draws_an_item_as_residents_see_it(
    cast: People, run: Run, template: str, drawing: str
) -> None:
    clerk = cast.actor(cast.staff)
    open_shop(run, cast)
    item = run(add_item, AddItem(community=HERE, template=template), clerk).id
    run(receive_stock, ReceiveStock(key="some", item=item, quantity=9), clerk)
    staff, wang = cast.browser(cast.staff), cast.browser(cast.wang)
    give(run, cast.wang, 50)

    for seen in (
        staff.get(PAGE),
        staff.get(f"/desk/counter?resident={cast.wang.resident}"),
        wang.get(f"/exchange/items/{item}"),
    ):
        assert drawing in drawings(seen.get_data(as_text=True))
    assert f'<symbol id="{drawing}"' in (ROOT / "static" / "icons.svg").read_text(encoding="utf-8")


def test_a_station_opens_and_lists_its_first_item(cast: People, ask: Run) -> None:
    browser = cast.browser(cast.staff)

    opened = fill(browser, PAGE, "/station/open", address="党群服务中心一楼")
    assert opened.status_code == 303
    assert "积分驿站开张了" in words(browser.get(PAGE))

    page = browser.get(first_template(cast)).get_data(as_text=True)
    listed = again(browser, page, "/station/items", first="12")
    again(browser, page, "/station/items", first="12")

    assert listed.status_code == 303
    assert [row[2] for row in ask(shelf)] == [12]


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("price", "十分"),
        ("price", "-5"),
        ("price", "1.5"),
        ("price", "0"),
        ("price", "99999999999999999999"),
        ("limit", "多"),
        ("first", "-1"),
        ("first", "1000000"),
    ],
)
def test_a_number_that_cannot_be_stands_beside_its_field(
    cast: People, run: Run, ask: Run, field: str, typed: str
) -> None:
    open_shop(run, cast)
    browser = cast.browser(cast.staff)

    refused = fill(browser, first_template(cast), "/station/items", **{field: typed})

    assert refused.status_code == 422
    page = refused.get_data(as_text=True)
    assert re.search(rf'name="{field}"[^>]*aria-invalid="true"', page)
    assert f'value="{typed}"' in page
    assert ask(count, "items") == 1


@pytest.mark.parametrize("typed", ["0", "-3", "半箱", "10001", "9" * 30])
def test_a_receipt_of_no_sensible_number_is_refused(
    cast: People, run: Run, ask: Run, typed: str
) -> None:
    open_shop(run, cast)

    refused = fill(cast.browser(cast.staff), PAGE, "/station/receipts", quantity=typed)

    assert refused.status_code == 422
    assert ask(shelf) == [("肥皂", 10, 10)]


def test_a_receipt_sent_twice_is_one(cast: People, run: Run, ask: Run) -> None:
    open_shop(run, cast)
    browser = cast.browser(cast.staff)
    page = browser.get(PAGE).get_data(as_text=True)

    for _time in range(2):
        again(browser, page, "/station/receipts", quantity="5")

    assert ask(shelf) == [("肥皂", 10, 15)]
    assert "已入库5件" in words(browser.get(PAGE))


def test_the_door_is_changed_and_never_left_empty(cast: People, run: Run) -> None:
    open_shop(run, cast)
    browser = cast.browser(cast.staff)

    empty = fill(browser, PAGE, "/station/open", hours=" ")
    assert empty.status_code == 422
    assert re.search(r'name="hours"[^>]*aria-invalid="true"', empty.get_data(as_text=True))

    fill(browser, PAGE, "/station/open", hours="每天 9:00–17:00")
    assert "每天9:00–17:00" in words(browser.get(PAGE))


def terms(connection: Connection) -> tuple[Any, ...]:
    query = "SELECT price, limit_per_household_month, home_first_days, note, state FROM items"
    return tuple(connection.execute(text(query)).one())


def test_an_item_gets_new_terms_and_leaves_the_list(cast: People, run: Run, ask: Run) -> None:
    page = f"{PAGE}/items/{open_shop(run, cast)}"
    browser, address = cast.browser(cast.staff), page.removeprefix("/desk")
    assert page in browser.get(PAGE).get_data(as_text=True)

    saved = fill(browser, page, address, price="12", limit="3", days="2", note="保质期一年")
    assert saved.status_code == 303
    assert ask(terms) == (1200, 3, 2, "保质期一年", "listed")

    fill(browser, page, address, limit="")
    assert ask(terms)[:2] == (1200, None)
    fill(browser, page, "/listing")
    assert ask(terms)[-1] == "unlisted"
    assert "重新上架" in words(browser.get(page))
    fill(browser, page, "/listing")
    assert ask(terms)[-1] == "listed"


def test_terms_that_cannot_be_stand_beside_their_fields(cast: People, run: Run, ask: Run) -> None:
    page = f"{PAGE}/items/{open_shop(run, cast)}"
    browser, before = cast.browser(cast.staff), ask(terms)
    wrong = {"price": "1001", "limit": "-1", "days": "31", "share": "101"}

    refused = fill(browser, page, page.removeprefix("/desk"), **wrong)

    assert refused.status_code == 422
    shown = refused.get_data(as_text=True)
    for field, typed in wrong.items():
        assert re.search(rf'name="{field}"[^>]*value="{typed}"[^>]*aria-invalid="true"', shown)
    assert ask(terms) == before


def test_a_count_of_the_shelf_is_written_down_once(cast: People, run: Run, ask: Run) -> None:
    page = f"{PAGE}/items/{open_shop(run, cast)}"
    browser = cast.browser(cast.staff)
    shown = browser.get(page).get_data(as_text=True)
    for _time in range(2):
        counted = again(browser, shown, "/counts", on_hand="7")
    assert counted.status_code == 303
    assert ask(shelf) == [("肥皂", 10, 7)]
    assert "盘点−3" in words(browser.get(page))

    refused = fill(browser, page, "/counts", on_hand="半箱")
    assert refused.status_code == 422
    assert 'id="wrong-on_hand"' in refused.get_data(as_text=True)


def test_a_keeper_reads_an_item_and_changes_nothing(cast: People, run: Run) -> None:
    page = f"{PAGE}/items/{open_shop(run, cast)}"
    shown = cast.browser(cast.keeper).get(page)

    assert "每户每月最多不限" in words(shown)
    assert "/counts" not in shown.get_data(as_text=True)
    assert cast.browser(cast.elsewhere).get(page).status_code == 404
