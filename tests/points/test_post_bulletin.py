"""Posting the public list: on its day, once, every award on exactly one list, names masked."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text

from core import settings
from core.errors import Forbidden
from core.models import OutboxMessage
from points.accounts import account_id, household_account, resident_account
from points.bulletins import lists, paper
from points.bulletins.lists import BulletinUnknown
from points.bulletins.publish import MonthNotOver, PostBulletin, post_bulletin, post_due
from points.earning.awards import ConfirmAwards, confirm_awards
from points.settlement import settle_due
from residents.naming import SetNaming, set_naming
from residents.people import EnterResident, enter_resident
from tests import printed
from tests.conftest import Clock
from tests.people import HERE, THERE, People
from tests.points.books import one
from tests.points.bulletins_scene import NOVEMBER, give, november, post, settle, shown
from tests.points.correcting import Desk
from tests.points.statements_scene import moved, wallet
from tests.points.statements_scene import post as transfer

Run = Callable[..., Any]
DECEMBER = dt.date(2026, 12, 1)


@pytest.fixture
def november_is_over(app: Flask, run: Run, cast: People, clock: Clock) -> None:
    """November's awards have arrived; it is the fifth of December."""
    november(app, run, cast, clock)


def rows(connection: Connection, table: str) -> int:
    return int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608


@pytest.mark.usefixtures("november_is_over")
def test_a_list_says_who_got_what_for_what_with_masked_names(
    run: Run, ask: Callable[..., Any]
) -> None:
    made = post(run)

    assert made.lines == 4
    assert made.objections_until == dt.date(2026, 12, 12)
    assert ask(shown) == [
        ("王*英", "志愿服务", 2, 2000),
        ("李*强", "志愿服务", 1, 500),
        ("一户居民", "楼道不堆物", 1, 500),
        ("王*英", "参加活动", 1, 100),
    ]
    posted = ask(lists.list_of, HERE, NOVEMBER)
    assert (posted.service, posted.basic) == (2500, 600)


@pytest.mark.usefixtures("november_is_over")
def test_whoever_agreed_is_named_until_they_take_it_back(
    run: Run, cast: People, ask: Callable[..., Any]
) -> None:
    post(run)
    run(set_naming, SetNaming(agreed=True), cast.actor(cast.wang))
    named = ask(shown)
    run(set_naming, SetNaming(agreed=False), cast.actor(cast.wang))

    assert named[0][0] == "王秀英"
    assert named[1][0] == "李*强"
    assert ask(shown)[0][0] == "王*英"


@pytest.mark.usefixtures("november_is_over")
def test_posting_again_changes_nothing(run: Run, ask: Callable[..., Any]) -> None:
    first = post(run)
    before = ask(shown)
    again = post(run)

    assert (again.exists, again.lines) == (True, first.lines)
    assert ask(shown) == before


@pytest.mark.usefixtures("november_is_over")
def test_a_list_waits_for_its_day(run: Run, clock: Clock) -> None:
    clock.set(dt.datetime(2026, 12, 4, 12, tzinfo=dt.UTC))

    with pytest.raises(MonthNotOver):
        post(run)


@pytest.mark.usefixtures("november_is_over")
def test_a_community_posts_on_a_day_of_its_own_and_for_as_long_as_it_likes(
    run: Run, cast: People, clock: Clock
) -> None:
    lead = cast.actor(cast.lead)
    for key, value in (("bulletin.day", "8"), ("bulletin.objection_days", "10")):
        command = settings.SetSetting(key=key, setting=key, place=HERE, value=value)
        run(settings.set_setting, command, lead)
    with pytest.raises(MonthNotOver):
        post(run)
    clock.advance(days=3)

    assert post(run).objections_until == dt.date(2026, 12, 18)


def test_nobody_but_the_scheduler_posts(run: Run, cast: People, clock: Clock) -> None:
    command = PostBulletin(community=HERE, month=NOVEMBER)
    with pytest.raises(Forbidden):
        run(post_bulletin, command, cast.actor(cast.lead))


@pytest.mark.usefixtures("november_is_over")
def test_every_award_is_on_exactly_one_list_late_ones_on_the_next(
    app: Flask, run: Run, cast: People, clock: Clock, ask: Callable[..., Any]
) -> None:
    post(run)
    give(run, cast, "late, of November", units=4)
    give(run, cast, "of December", event_at=clock.now, units=2)
    settle(app, clock)
    clock.set(dt.datetime(2027, 1, 5, 2, tzinfo=dt.UTC))
    post(run, DECEMBER)

    assert ask(shown)[0] == ("王*英", "志愿服务", 2, 2000)
    assert ask(shown, DECEMBER) == [("王*英", "志愿服务", 2, 3000)]


@pytest.mark.usefixtures("november_is_over")
def test_what_has_not_arrived_is_on_no_list_yet(
    app: Flask, run: Run, cast: People, clock: Clock, ask: Callable[..., Any]
) -> None:
    give(run, cast, "waits for a second person", needs_second=True)
    give(run, cast, "arrives today")
    settle(app, clock)
    clock.set(dt.datetime(2026, 12, 5, 3, tzinfo=dt.UTC))

    assert post(run).lines == 4
    assert ask(shown)[0] == ("王*英", "志愿服务", 2, 2000)


@pytest.mark.usefixtures("november_is_over")
def test_service_done_here_by_somebody_from_elsewhere_is_on_the_list_here(
    app: Flask, run: Run, cast: People, clock: Clock, ask: Callable[..., Any]
) -> None:
    clock.set(dt.datetime(2026, 11, 25, 2, tzinfo=dt.UTC))
    give(run, cast, "elsewhere", bearing=THERE)
    settle(app, clock)
    clock.set(dt.datetime(2026, 12, 5, 2, tzinfo=dt.UTC))
    post(run)
    post(run, community=THERE)

    assert ask(shown)[0] == ("王*英", "志愿服务", 2, 2000)
    assert ask(shown, NOVEMBER, THERE) == [("王*英", "志愿服务", 1, 1000)]


def test_corrections_count_in_the_month_they_are_made_in(
    run: Run, cast: People, clock: Clock, ask: Callable[..., Any]
) -> None:
    up, down = moved(21, wallet(cast), 300), moved(22, wallet(cast), -100)
    elsewhere = replace(
        up,
        id=UUID(int=23),
        community=THERE,
        debit=account_id("issued", THERE, "service"),
        credit=resident_account(one(cast.there.resident), THERE, "service"),
    )
    clock.set(dt.datetime(2026, 12, 10, 2, tzinfo=dt.UTC))
    for each in (up, down, elsewhere):
        run(transfer, replace(each, act="adjustment", source_kind="adjustment"))
    clock.set(dt.datetime(2027, 1, 5, 2, tzinfo=dt.UTC))
    post(run)
    post(run, DECEMBER)

    assert ask(lists.list_of, HERE, NOVEMBER).corrected_up == 0
    assert ask(lists.list_of, HERE, DECEMBER).corrected_up == 300
    assert ask(lists.list_of, HERE, DECEMBER).corrected_down == 100


def test_a_deduction_is_no_correction(
    run: Run, cast: People, clock: Clock, ask: Callable[..., Any]
) -> None:
    home = household_account(one(cast.wang.household), HERE)
    came = replace(
        moved(24, home, 500),
        points_kind="basic",
        debit=account_id("issued", HERE, "basic"),
    )
    deducted = replace(
        came,
        id=UUID(int=25),
        act="adjustment",
        source_kind="deduction",
        debit=home,
        credit=account_id("adjusted", HERE, "basic"),
        amount=200,
    )
    clock.set(dt.datetime(2026, 12, 10, 2, tzinfo=dt.UTC))
    for each in (came, deducted):
        run(transfer, each)
    clock.set(dt.datetime(2027, 1, 5, 2, tzinfo=dt.UTC))
    post(run, DECEMBER)

    assert ask(lists.list_of, HERE, DECEMBER).corrected_down == 0


def test_a_month_that_was_not_posted_has_no_list(ask: Callable[..., Any]) -> None:
    with pytest.raises(BulletinUnknown):
        ask(lists.list_of, HERE, NOVEMBER)
    for raw in ("2026-13", "x", "2026-1-1", ""):
        with pytest.raises(BulletinUnknown):
            lists.month_named(raw)


@pytest.mark.usefixtures("november_is_over")
def test_the_job_posts_every_community_once(app: Flask, ask: Callable[..., Any]) -> None:
    with app.app_context():
        posted, again = post_due(), post_due()

    assert posted == ask(rows, "bulletins") == 203
    assert again == 0


@pytest.mark.usefixtures("november_is_over")
def test_staff_are_told_the_day_before(
    app: Flask, cast: People, clock: Clock, ask: Callable[..., Any]
) -> None:
    clock.set(dt.datetime(2026, 12, 4, 2, tzinfo=dt.UTC))
    with app.app_context():
        assert post_due() == 0
        assert post_due() == 0

    def told(connection: Connection) -> set[Any]:
        query = select(OutboxMessage.person).where(OutboxMessage.template == "staff.bulletin_due")
        return set(connection.scalars(query))

    people = {cast.staff.person, cast.lead.person}
    assert people <= ask(told)
    assert ask(rows, "bulletins") == 0


@pytest.mark.usefixtures("november_is_over")
def test_who_stands_on_the_list_is_told_once_until_when_they_may_object(
    app: Flask, run: Run, cast: People, clock: Clock, ask: Callable[..., Any]
) -> None:
    clock.set(dt.datetime(2026, 11, 25, 2, tzinfo=dt.UTC))
    # Somebody from elsewhere helped here: they read the list of their own community.
    give(run, cast, "guest", holder_id=one(cast.there.resident), community=THERE, bearing=HERE)
    house = one(cast.wang.household)
    daughter = EnterResident(name="李晓燕", community=HERE, household=house, key="li")
    entered = run(enter_resident, daughter, cast.actor(cast.staff))
    settle(app, clock)
    clock.set(dt.datetime(2026, 12, 5, 2, tzinfo=dt.UTC))
    assert post(run).lines == 5
    assert post(run).exists

    def told(connection: Connection) -> list[Any]:
        query = select(OutboxMessage.person, OutboxMessage.params, OutboxMessage.channel)
        of = query.where(OutboxMessage.template == "bulletin.posted")
        return [(row[0], json.loads(row[1]), row[2]) for row in connection.execute(of)]

    found = ask(told)
    home = sorted([one(cast.wang.person), one(cast.li.person), entered.person])
    assert sorted(person for person, _, _ in found) == home
    assert all(each[1:] == ({"month": "11", "date": "12月12日"}, "inapp") for each in found)


def test_what_waited_long_for_a_second_person_is_on_the_list_after_it_arrived(
    app: Flask, run: Run, cast: People, clock: Clock, ask: Callable[..., Any]
) -> None:
    clock.set(dt.datetime(2027, 11, 24, 2, tzinfo=dt.UTC))
    a_year_ago = dt.datetime(2026, 11, 25, 4, tzinfo=dt.UTC)
    made = give(run, cast, "late", event_at=a_year_ago, needs_second=True)
    for month in (11, 12):
        clock.set(dt.datetime(2027, month, 5, 2, tzinfo=dt.UTC))
        post(run, dt.date(2027, month - 1, 1))
    clock.set(dt.datetime(2027, 12, 20, 2, tzinfo=dt.UTC))
    run(confirm_awards, ConfirmAwards(awards=(one(made.id),)), cast.actor(cast.lead))
    settle(app, clock)
    clock.set(dt.datetime(2028, 1, 5, 2, tzinfo=dt.UTC))
    post(run, dt.date(2027, 12, 1))

    assert ask(shown, dt.date(2027, 12, 1)) == [("王*英", "志愿服务", 1, 1000)]


@pytest.mark.usefixtures("november_is_over")
def test_a_day_that_may_still_commit_is_left_to_the_next_list(
    app: Flask, run: Run, cast: People, clock: Clock, ask: Callable[..., Any]
) -> None:
    """Late in the evening it was settled, and a minute after midnight it was committed."""
    clock.set(dt.datetime(2026, 12, 3, 15, tzinfo=dt.UTC))
    give(run, cast, "late")
    clock.set(dt.datetime(2026, 12, 4, 15, 59, 30, tzinfo=dt.UTC))
    with app.app_context():
        settle_due()
    clock.set(dt.datetime(2026, 12, 4, 16, 0, 20, tzinfo=dt.UTC))
    post(run)
    clock.set(dt.datetime(2027, 1, 5, 2, tzinfo=dt.UTC))
    post(run, DECEMBER)

    assert ask(shown)[0] == ("王*英", "志愿服务", 2, 2000)
    assert ask(shown, DECEMBER) == [("王*英", "志愿服务", 1, 1000)]


def test_a_list_is_printed_over_pages_with_its_corrections_or_says_that_it_is_empty(
    desk: Desk, app: Flask
) -> None:
    november(app, desk.run, desk.cast, desk.clock)
    post(desk.run)
    posted = desk.ask(lists.list_of, HERE, NOVEMBER)
    [first, *_] = desk.ask(lists.lines, posted)
    many = [replace(first, what=f"便民集市 {number}") for number in range(40)]
    with app.test_request_context():
        corrected_one = replace(posted, corrected_up=500, corrected_down=100)
        long = printed.read(paper.printed(corrected_one, many, "清波门社区", "0571", None))
        empty = printed.read(paper.printed(posted, [], "清波门社区", "0571", None))
        assert lists.public_name(None) == "已注销"

    assert len(long.pages) > 2
    assert "补5分，扣回1分" in long.words
    assert "清波门社区（盖章）" in long.words
    assert "这个月没有发放积分。" in empty.words
    with pytest.raises(lists.BulletinUnknown):
        desk.ask(lists.line, UUID(int=404))
