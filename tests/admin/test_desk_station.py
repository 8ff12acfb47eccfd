"""The station at the desk: opening it, offering items, receiving goods."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, text

from tests.admin.forms import again, fill
from tests.admin.scene import open_shop, words
from tests.people import People
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
