"""The desk's pages of who is coming to a session, and of cancelling it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from activities.publish import Part
from activities.signup import ForResident, sign_up
from tests.admin.forms import again, fill
from tests.admin.scene import NINE, publish, resident_of, words
from tests.conftest import Clock
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


def come(run: Run, cast: People, session: UUID, who: Someone, part: Part = "take_part") -> None:
    command = ForResident(session=session, part=part, resident=resident_of(who))
    run(sign_up, command, cast.actor(cast.staff))


def test_the_list_says_who_is_coming_and_signs_up_whoever_asks(
    cast: People, session: UUID, clock: Clock
) -> None:
    clock.advance(minutes=1)
    browser, page = cast.browser(cast.staff), f"/desk/sessions/{session}/sign-ups"
    assert page in browser.get(f"/desk/sessions/{session}").get_data(as_text=True)

    done = fill(browser, f"{page}?q=陈建国", "/sign-ups", part="serve")

    assert (done.status_code, done.headers["Location"]) == (303, page)
    shown = words(browser.get(page))
    assert "报名3人次。" in shown
    assert "李国强建国南苑3-2-401参加没有手机已报名" in shown
    assert "陈建国建国南苑5-1-102服务****0003已报名" in shown


def test_a_place_given_back_at_the_desk_goes_to_the_first_who_waits(
    cast: People, run: Run, clock: Clock
) -> None:
    session = publish(run, cast, start=TOMORROW, places=1)
    for who in (cast.wang, cast.li):
        come(run, cast, session, who, "serve")
        clock.advance(seconds=1)
    browser, page = cast.browser(cast.staff), f"/desk/sessions/{session}/sign-ups"
    assert "报名1人次，候补1。" in words(browser.get(page))
    fill(browser, f"{page}?q=陈建国", "/sign-ups", part="serve")
    assert "名额满了，排在候补，前面还有1人" in words(browser.get(page))

    done = fill(browser, page, "/sign-ups/cancel")

    assert done.status_code == 303
    shown = words(browser.get(page))
    assert "王秀英" not in shown.partition("替邻居报名")[0]
    assert "李国强建国南苑3-2-401服务没有手机已报名" in shown
    assert "陈建国建国南苑5-1-102服务****0003候补第1位" in shown


def test_what_cannot_be_signed_up_is_said_where_it_was_asked(
    cast: People, run: Run, clock: Clock
) -> None:
    browser, page = cast.browser(cast.staff), f"/desk/sessions/{publish(run, cast)}/sign-ups"
    found = browser.get(f"{page}?q=陈建国").get_data(as_text=True)
    clock.advance(hours=3)

    late = again(browser, found, "/sign-ups", part="serve")

    assert late.status_code == 409
    assert "这一场已经结束或取消，不能再报名" in words(late)
    assert "替邻居报名" not in words(browser.get(page))
    assert cast.browser(cast.keeper).get(page).status_code == 403
    assert cast.browser(cast.elsewhere).get(page).status_code == 403


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
