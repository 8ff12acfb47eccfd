"""Whoever moved has a statement of each place: opening + entries = closing, at each of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from exchange.moving import MoveHousehold, move_household
from points.earning.awards import award
from points.models import Correction
from points.statements.issue import NotYourStatement
from points.statements.periods import Period, Subject
from residents.models import ResidentEnd
from tests import printed
from tests.conftest import Clock
from tests.people import HERE, THERE, People
from tests.points.books import one
from tests.points.earning import CORRIDOR, serving
from tests.points.statements_scene import NOVEMBER, hers, issue, moved, post, wallet
from tests.points.test_points_pages import text_of
from tests.points.test_statement_pages import get
from tests.residents.forms import send

Run = Callable[..., Any]
PERIOD = {"first": "2026-11-01", "last": "2026-11-24"}


@pytest.fixture
def old(run: Run, cast: People) -> str:
    """王秀英 earned twenty points, spent twelve, and moved elsewhere: her place of before."""
    run(post, moved(11, wallet(cast), 2000))
    run(post, moved(12, wallet(cast), -1200))
    cast.actor(cast.chen)
    command = MoveHousehold(key="m", community=THERE, residents=(one(cast.wang.resident),))
    run(move_household, command, cast.actor(cast.elsewhere))
    return str(cast.wang.resident)


def test_a_resident_sees_both_places_and_takes_both_papers(cast: People, old: str) -> None:
    browser = cast.browser(cast.wang)
    asked = "first=2026-11-01&last=2026-11-24"
    page = get(browser, f"/points/statements/?{asked}").get_data(as_text=True)
    now = text_of(page)
    then = text_of(get(browser, f"/points/statements/?{asked}&before={old}").get_data(as_text=True))

    assert "期初0分增加+8分减少0分期末8分" in now
    assert "另有明细单" in now
    assert f"before={old}" in page
    assert "期初0分增加+20分减少−20分期末0分" in then
    assert "共3笔" in then
    papers = []
    for more in ({}, {"before": old}):
        answer = send(
            browser,
            f"/points/statements/?{asked}",
            "/points/statements/",
            kind="service",
            **PERIOD,
            **more,
        )
        papers.append(get(browser, f"{answer.headers['Location']}/pdf").data)
    assert ["以前在" in printed.read(paper).words for paper in papers] == [True, False]


def test_whoever_moved_says_on_the_earlier_statement_that_a_line_is_wrong(
    ask: Run, cast: People, old: str
) -> None:
    browser = cast.browser(cast.wang)
    line = f"/points/{UUID(int=11)}"
    page = get(browser, f"/points/statements/?first=2026-11-01&last=2026-11-24&before={old}")
    receipt = text_of(get(browser, line).get_data(as_text=True))
    answer = send(browser, f"{line}/correction", f"{line}/correction", words="我去了两次")
    after = text_of(get(browser, line).get_data(as_text=True))

    assert f'href="{line}"' in page.get_data(as_text=True)
    assert "分数不对？告诉社区" in receipt
    assert "来自清波门社区积分账本" in receipt
    assert answer.status_code == 303
    assert "我去了两次" in after
    # It is the community of then that answers.
    asked = select(Correction.community, Correction.subject)
    assert ask(lambda c: c.execute(asked).one()) == (HERE, UUID(int=11))
    get(cast.browser(cast.there), line, 404)


def test_a_family_that_moved_takes_the_paper_of_its_household_of_before(
    run: Run, cast: People
) -> None:
    shared = serving(
        "f", rule=CORRIDOR, units=1, holder_kind="household", holder_id=one(cast.wang.household)
    )
    run(award, shared, cast.actor(cast.staff))
    asked = {"kind": "household", **PERIOD, "before": str(cast.wang.resident)}
    family = (one(cast.wang.resident), one(cast.li.resident))
    browser = cast.browser(cast.wang)
    command = MoveHousehold(key="m", community=THERE, residents=family)
    run(move_household, command, cast.actor(cast.elsewhere))

    now = get(browser, "/points/statements/?kind=household").get_data(as_text=True)
    page = get(browser, f"/points/statements/?{urlencode(asked)}").get_data(as_text=True)
    answer = send(browser, "/points/statements/", "/points/statements/", **asked)
    handed = get(browser, answer.headers["Location"]).get_data(as_text=True)

    assert f"kind=household&amp;before={cast.wang.resident}" in now
    assert "您以前在清波门社区的积分" in text_of(page)
    assert (
        f"kind=household&amp;first=2026-11-01&amp;last=2026-11-24&amp;before={cast.wang.resident}"
        in handed
    )
    get(browser, f"{answer.headers['Location']}/pdf")


def test_a_paper_of_a_household_keeps_the_names_of_the_day_it_was_given_out(
    client: FlaskClient, run: Run, cast: People, clock: Clock
) -> None:
    """First one of the two moves away, then the other; the last paper is given out afterwards."""
    home = Subject(
        of="household",
        community=HERE,
        points_kind="basic",
        holder=one(cast.wang.household),
    )
    staff = cast.actor(cast.staff)
    codes = [issue(run, staff, home, NOVEMBER).code]
    for number, who in enumerate((cast.li, cast.wang), start=1):
        clock.advance(days=1)
        command = MoveHousehold(key=f"m{number}", community=THERE, residents=(one(who.resident),))
        run(move_household, command, cast.actor(cast.elsewhere))
        period = Period(first=NOVEMBER.first, last=NOVEMBER.last + dt.timedelta(days=number))
        codes.append(issue(run, staff, home, period).code)

    names = [client.get(f"/api/v1/checks/{code}").get_json()["name"] for code in codes]
    assert [set(each.split("、")) for each in names] == [{"王*英", "李*强"}, {"王*英"}, {"王*英"}]
    address = f"/api/v1/statements/{codes[0]}/pdf"
    paper = printed.read(client.get(address, headers=cast.headers(cast.staff)).data)
    assert all(name in paper.words for name in ("王秀英", "李国强"))


def test_who_moved_out_alone_has_no_paper_of_the_household_that_stays(
    run: Run, cast: People, old: str
) -> None:
    browser = cast.browser(cast.wang)
    before = get(browser, f"/points/statements/?before={old}").get_data(as_text=True)
    household = Subject(
        of="household", community=HERE, points_kind="basic", holder=one(cast.wang.household)
    )

    assert "kind=household" not in before
    assert old not in get(browser, "/points/statements/?kind=household").get_data(as_text=True)
    with pytest.raises(NotYourStatement):
        issue(run, cast.actor(cast.wang), household)


def test_nobody_else_sees_the_place_of_before(run: Run, cast: People, old: str) -> None:
    with pytest.raises(NotYourStatement):
        issue(run, cast.actor(cast.chen), hers(cast))
    said = text_of(
        get(cast.browser(cast.chen), f"/points/statements/?before={old}").get_data(as_text=True)
    )
    assert "共0笔" in said


def test_each_desk_has_its_own_and_says_where_the_other_is(
    ask: Run, cast: People, old: str
) -> None:
    address = f"/desk/statements/resident/{old}?first=2026-11-01&last=2026-11-24"
    here = text_of(get(cast.browser(cast.staff), address).get_data(as_text=True))
    new = ask(lambda c: c.scalar(select(ResidentEnd.successor)))
    elsewhere = cast.browser(cast.elsewhere)
    there = get(elsewhere, f"/desk/statements/resident/{new}").get_data(as_text=True)

    assert "共3笔" in here
    assert "由那里出具" in there
    get(elsewhere, f"/desk/statements/resident/{old}", 403)
