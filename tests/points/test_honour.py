"""Basic points of a year, which open doors: what came, less what was taken back of it."""

from __future__ import annotations

import datetime as dt

from points.accounts import resident_account
from points.earning import honour
from points.queries import family_accounts
from tests.people import HERE, THERE
from tests.points.books import one
from tests.points.calendar import hangzhou
from tests.points.correcting import Desk
from tests.points.earning import JOIN
from tests.points.test_taken_after_a_move import away, honoured, lives


def test_what_is_taken_back_lowers_the_year_that_it_came_in(desk: Desk) -> None:
    line = desk.earn(rule=JOIN, units=2)
    basic = resident_account(one(desk.cast.wang.resident), HERE, "basic")

    assert desk.ask(honour.of_the_year, [basic], dt.date(2026, 12, 1)) == 200
    desk.back(line, amount=50)
    assert desk.ask(honour.of_the_year, [basic], dt.date(2026, 12, 1)) == 150
    assert desk.ask(honour.of_the_year, [basic], dt.date(2027, 1, 1)) == 0


def test_points_of_new_years_day_count_in_the_new_year(desk: Desk) -> None:
    basic = resident_account(one(desk.cast.wang.resident), HERE, "basic")
    for day in (hangzhou(2026, 12, 30), hangzhou(2026, 12, 31)):
        desk.clock.set(day)
        desk.earn(rule=JOIN, event_at=day)

    assert desk.ask(honour.of_the_year, [basic], dt.date(2027, 1, 2)) == 200


def test_what_a_family_takes_along_is_of_the_year_in_which_it_came(desk: Desk) -> None:
    honoured(desk)
    desk.clock.set(hangzhou(2027, 1, 5))
    desk.earn(rule=JOIN, units=1, event_at=desk.clock.now)
    home, _account = away(desk)
    family = family_accounts(THERE, home, lives(desk, home))

    assert desk.ask(honour.of_the_year, family, dt.date(2027, 2, 1)) == 100
    assert desk.ask(honour.of_the_year, family, dt.date(2026, 12, 31)) == 1300
