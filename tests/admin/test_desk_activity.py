"""Publishing an activity at the desk: from a template, with errors beside their fields."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from activities.models import Session
from tests.admin.forms import again, fill
from tests.admin.scene import words
from tests.people import People
from tests.residents.forms import count

Run = Callable[..., Any]
PAGE = "/desk/activities/new?template=service_fair"


def test_a_template_is_published_with_a_place_alone(cast: People) -> None:
    browser = cast.browser(cast.staff)

    done = fill(browser, PAGE, "/activities/new", place="文化家园一楼")

    assert done.status_code == 303
    session = words(browser.get(done.headers["Location"]))
    assert "便民集市" in session
    assert "文化家园一楼" in session
    seen = words(cast.browser(cast.wang).get("/activities/"))
    assert "便民集市" in seen
    assert "来帮忙：每小时12服务积分" in seen


def test_a_series_is_published_at_once_a_week_apart(cast: People, ask: Run) -> None:
    browser = cast.browser(cast.staff)

    done = fill(browser, PAGE, "/activities/new", place="文化家园一楼", weeks="3")

    assert "已发布3场" in words(browser.get(done.headers["Location"]))
    starts = ask(lambda c: list(c.scalars(select(Session.starts_at).order_by(Session.starts_at))))
    assert [each - starts[0] for each in starts] == [dt.timedelta(days=7 * n) for n in range(3)]


def test_an_end_before_the_start_is_on_the_next_day(cast: People, ask: Run) -> None:
    browser = cast.browser(cast.staff)

    done = fill(
        browser, PAGE, "/activities/new", place="文化家园一楼", starts="23:33", ends="00:33"
    )

    assert "23:33–次日0:33" in words(browser.get(done.headers["Location"]))
    assert "23:33–次日0:33" in words(browser.get("/desk/activities"))
    [[starts, ends]] = ask(lambda c: c.execute(select(Session.starts_at, Session.ends_at)).all())
    assert ends - starts == dt.timedelta(hours=1)


def test_the_form_sent_twice_is_one_activity(cast: People, ask: Run) -> None:
    browser = cast.browser(cast.staff)
    page = browser.get(PAGE).get_data(as_text=True)

    first = again(browser, page, "/activities/new", place="文化家园")
    second = again(browser, page, "/activities/new", place="文化家园")

    assert first.headers["Location"] == second.headers["Location"]
    assert ask(count, "activities") == 1


@pytest.mark.parametrize(
    ("field", "typed", "says"),
    [
        ("title", {"title": " "}, "请写活动名称，最多 40 个字"),
        ("place", {"place": " "}, "请写在哪里办，最多 40 个字"),
        ("day", {"day": ""}, "请选好日期和时间"),
        ("day", {"starts": "10:00", "ends": "10:00"}, "结束要晚于开始"),
        ("day", {"starts": "10:00", "ends": "09:00"}, "最长 12 小时"),
        ("day", {"day": "2025-01-20"}, "这个时间已经过了"),
        ("take_places", {"take_places": "-3"}, "名额要是 1 到 10000 的整数"),
        ("serve_places", {"serve_places": "许多"}, "名额要是 1 到 10000 的整数"),
        ("serve_places", {"serve_places": "0"}, "名额要是 1 到 10000 的整数"),
        ("serve_places", {"serve_places": "10001"}, "名额要是 1 到 10000 的整数"),
        ("weeks", {"weeks": "几场"}, "场数要是 1 到 60 的整数"),
        ("weeks", {"weeks": "61"}, "场数要是 1 到 60 的整数"),
        ("parts", {"take_rule": "off", "serve_rule": "off"}, "至少要有一种"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    cast: People, ask: Run, field: str, typed: dict[str, str], says: str
) -> None:
    browser = cast.browser(cast.staff)

    refused = fill(
        browser, PAGE, "/activities/new", **{"place": "文化家园", "bring": "环保袋", **typed}
    )

    page = refused.get_data(as_text=True)
    assert refused.status_code == 422
    assert says in page
    assert field == "parts" or re.search(rf'name="{field}"[^>]*aria-invalid="true"', page)
    assert 'value="环保袋"' in page
    assert ask(count, "activities") == 0


def test_all_that_is_wrong_is_said_at_once(cast: People) -> None:
    wrong = {"title": "", "place": "", "day": "2025-01-20", "weeks": "几场", "take_places": "-3"}

    refused = fill(cast.browser(cast.staff), PAGE, "/activities/new", **wrong)

    page = refused.get_data(as_text=True)
    marked = re.findall(r'name="(\w+)"[^>]*aria-invalid="true"', page)
    assert sorted(marked) == sorted(wrong)
    assert all(f'id="wrong-{name}"' in page for name in wrong)
    assert "类别" not in page
    assert "novalidate" in page


def test_a_template_that_is_gone_leads_back_to_the_list(cast: People) -> None:
    browser = cast.browser(cast.staff)

    refused = fill(browser, PAGE, "/activities/new", template="gone", place="文化家园")

    assert refused.status_code == 303
    assert "选一个模板" in words(browser.get(refused.headers["Location"]))
