"""The desk's pages of who is coming to a session, and of cancelling it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from activities.signup import ForResident, sign_up
from tests.admin.forms import fill
from tests.admin.scene import NINE, publish, resident_of, words
from tests.people import People, Someone

Run = Callable[..., Any]
TOMORROW = NINE + dt.timedelta(days=1)


@pytest.fixture
def session(run: Run, cast: People) -> UUID:
    """A fair of tomorrow, to which 王秀英 comes and 李国强, who has no phone."""
    made = publish(run, cast, start=TOMORROW)
    for who in (cast.wang, cast.li):
        come(run, cast, made, who)
    return made


def come(run: Run, cast: People, session: UUID, who: Someone) -> None:
    command = ForResident(session=session, part="take_part", resident=resident_of(who))
    run(sign_up, command, cast.actor(cast.staff))


def test_a_session_is_cancelled_in_two_steps_with_a_reason(cast: People, session: UUID) -> None:
    browser, page = cast.browser(cast.staff), f"/desk/sessions/{session}"
    assert f"{page}/cancel" in browser.get(page).get_data(as_text=True)
    asked = words(browser.get(f"{page}/cancel"))
    assert "2位邻居报了名或在候补" in asked
    assert "这几位没有手机，请当面告诉：李国强建国南苑3-2-401" in asked

    empty = fill(browser, f"{page}/cancel", "/cancel", reason=" ")
    assert empty.status_code == 422
    assert "请写一句为什么取消" in words(empty)
    done = fill(browser, f"{page}/cancel", "/cancel", reason="有暴雨")

    assert (done.status_code, done.headers["Location"]) == (303, page)
    shown = words(browser.get(page))
    assert "已取消，正在发消息告诉1位邻居" in shown
    assert "这场已经取消：有暴雨。不能再记到场。" in shown
    assert "这几位没有手机，请当面告诉李国强建国南苑3-2-401" in shown
    assert "王秀英" not in shown
    assert "还没到" not in shown


def test_what_cannot_be_cancelled_says_why_before_anything_is_asked(
    cast: People, run: Run, session: UUID
) -> None:
    browser, page = cast.browser(cast.staff), f"/desk/sessions/{session}"
    fill(browser, f"{page}/cancel", "/cancel", reason="有暴雨")
    went_on = f"/desk/sessions/{publish(run, cast)}"

    again = browser.get(f"{page}/cancel")

    assert (again.status_code, "不能再改" in words(again)) == (409, True)
    assert 'name="reason"' not in again.get_data(as_text=True)
    assert f"{page}/cancel" not in browser.get(page).get_data(as_text=True)
    assert browser.get(f"{went_on}/cancel").status_code == 200
    assert cast.browser(cast.keeper).get(f"{went_on}/cancel").status_code == 403
    assert cast.browser(cast.elsewhere).get(f"{went_on}/cancel").status_code == 403
