"""The console's page of settings: what holds, who changed it, what is out of bounds."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, text

from core import settings
from core.settings import SetSetting, set_setting
from tests.admin.console import auditor, post, reader
from tests.admin.forms import Forms
from tests.admin.scene import words
from tests.conftest import Clock
from tests.people import HERE, People

Run = Callable[..., Any]
PAGE = "/console/settings"


def values(connection: Connection) -> list[tuple[str, int, str]]:
    """Return what was ever set, without what a district begins with."""
    rows = connection.execute(text("SELECT key, place, value FROM setting_values"))
    return sorted((row[0], row[1], row[2]) for row in rows)


def line(shown: Any, key: str) -> str:
    """Return what the page says of one setting."""
    page: str = shown.get_data(as_text=True)
    part = page.partition(f'id="{key}"')[2].partition("</li>")[0]
    return re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", part))


def test_a_change_holds_at_once_and_says_by_whom(cast: People, ask: Run, clock: Clock) -> None:
    lin = cast.browser(cast.lin)
    assert "10分钟默认值" in line(lin.get(PAGE), "exchange.quote_minutes")

    for _ in range(2):
        sent = post(lin, PAGE, key="exchange.quote_minutes", value="15")
        assert sent.status_code == 303

    assert sent.headers["Location"].endswith("#exchange.quote_minutes")
    shown = lin.get(PAGE)
    assert "已保存，马上生效" in words(shown)
    assert "15分钟默认10分钟；林海11月24日改" in line(shown, "exchange.quote_minutes")
    assert ask(settings.integer, "exchange.quote_minutes", clock.now) == 15
    assert ask(values) == [("exchange.quote_minutes", 0, "15")]
    clock.advance(minutes=1)
    post(cast.browser(cast.wu), PAGE, key="exchange.quote_minutes", value="10")
    assert "10分钟默认值" in line(lin.get(PAGE), "exchange.quote_minutes")
    assert len(ask(values)) == 2


def test_each_kind_of_value_is_typed_and_read(cast: People, clock: Clock, ask: Run) -> None:
    lin = cast.browser(cast.lin)
    for key, typed, reads in (
        ("points.fixed_at_once", "1", "开"),
        ("points.settle_at", "03:30", "03:30"),
        ("points.missing_exit_percent", "40", "40%"),
        ("quota.order_points", "\uff18\uff10", "80分"),
        ("redeem.pickup_days", " 9 ", "9天"),
    ):
        assert post(lin, PAGE, key=key, value=typed).status_code == 303, key
        assert f"{reads}默认" in line(lin.get(PAGE), key), key
        clock.advance(seconds=1)
    options = re.findall(r'<option value="([^"]+)"', lin.get(PAGE).get_data(as_text=True))
    other = next(value for value in options if value != "retire")
    assert post(lin, PAGE, key="exchange.difference", value=other).status_code in {303, 422}
    assert ask(settings.flag, "points.fixed_at_once", clock.now)


WRONG = [
    ("exchange.quote_minutes", "0"),
    ("exchange.quote_minutes", "100000"),
    ("exchange.quote_minutes", "-1"),
    ("exchange.quote_minutes", "1.5"),
    ("exchange.quote_minutes", "十"),
    ("exchange.quote_minutes", ""),
    ("exchange.notice_days", "99999999999999999999999"),
    ("points.missing_exit_percent", "101"),
    ("points.fixed_at_once", "yes"),
    ("points.settle_at", "25:00"),
    ("points.settle_at", "23:59"),
    ("exchange.difference", "to-me"),
]


def test_what_is_out_of_bounds_is_refused_with_the_bounds(cast: People, ask: Run) -> None:
    lin = cast.browser(cast.lin)
    for key, typed in WRONG:
        refused = post(lin, PAGE, key=key, value=typed)

        page = refused.get_data(as_text=True)
        part = page.partition(f'id="{key}"')[2].partition("</li>")[0]
        assert refused.status_code == 422, (key, typed)
        assert "<details" in part
        assert " open>" in part, key
        assert f"允许的范围内：{settings.REGISTRY[key].range}" in part, (key, typed)
        assert page.count('id="wrong-value"') == 1
    assert ask(values) == []


def test_a_setting_that_no_code_obeys_is_shown_nowhere_and_cannot_be_set(
    cast: People, ask: Run
) -> None:
    lin = cast.browser(cast.lin)
    page = lin.get(PAGE).get_data(as_text=True)
    shown = set(re.findall(r'<li id="([^"]+)"', page))
    seeds = {"exchange.rate.same_subdistrict", "exchange.rate.default"}
    assert shown == settings.IN_FORCE - seeds
    idle = next(key for key in settings.REGISTRY if key not in settings.IN_FORCE)
    for key in (idle, "nothing", "", *seeds):
        assert post(lin, PAGE, key=key, value="1").status_code == 404, key
    assert lin.get(f"{PAGE}?key=nothing").status_code == 200
    assert ask(values) == []


def test_the_districts_value_leaves_a_communitys_own_alone(
    cast: People, run: Run, ask: Run, clock: Clock
) -> None:
    own = SetSetting(key="own", setting="redeem.pickup_days", place=HERE, value="3")
    run(set_setting, own, cast.actor(cast.lead))
    clock.advance(seconds=1)

    post(cast.browser(cast.lin), PAGE, key="redeem.pickup_days", value="9")

    assert ask(settings.integer, "redeem.pickup_days", clock.now, HERE) == 3
    assert ask(settings.integer, "redeem.pickup_days", clock.now) == 9
    shown = line(cast.browser(cast.lin).get(PAGE), "redeem.pickup_days")
    assert "社区可以另设" in shown
    assert "9天默认7天" in shown


def test_readers_see_the_settings_and_change_none(cast: People, run: Run, ask: Run) -> None:
    for browser in (auditor(run, cast), reader(run, cast)):
        shown = browser.get(PAGE)
        assert "10分钟默认值" in line(shown, "exchange.quote_minutes")
        assert [form[0] for form in Forms(shown.get_data(as_text=True)).forms] == ["/sign-out"]
        sent = post(browser, PAGE, key="exchange.quote_minutes", value="15")
        assert sent.status_code == 403
    assert ask(values) == []
