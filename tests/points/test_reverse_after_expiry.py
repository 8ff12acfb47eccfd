"""Reversal after expiry: what comes back is as old as it was, and nothing is lost twice."""

from __future__ import annotations

import datetime as dt
from typing import cast
from uuid import UUID

import pytest
from sqlalchemy import Connection

from points.carrying import YearNotClosed
from points.correcting.adjustments import NotReversible
from points.correcting.shortages import CollectShortage, collect_shortage
from points.expiring import lapsed
from tests.points.calendar import give_back, hangzhou, night, set_aside
from tests.points.correcting import Desk


@pytest.fixture
def old(desk: Desk) -> UUID:
    """Twenty points of 2026, fifteen of them spent; the year is closed."""
    line = desk.earn(units=4)
    desk.spend(1500)
    night(desk.app, desk.clock, 2026)
    desk.clock.set(hangzhou(2027, 3, 1))
    return line


def lapse(desk: Desk, year: int = 2027, month: int = 12) -> int:
    """Let a year or a month end; return how many accounts lost something."""
    count = night(desk.app, desk.clock, year, month)
    desk.clock.advance(hours=9)
    return count


def test_a_spend_that_comes_back_before_the_end_lapses_with_its_year(desk: Desk) -> None:
    desk.earn(units=4)
    spent = desk.spend(1500)
    night(desk.app, desk.clock, 2026)
    desk.clock.set(hangzhou(2027, 3, 1))
    desk.earn(units=2, event_at=desk.clock.now)
    desk.back(spent)
    assert desk.totals()[2] == 3000

    assert lapse(desk) == 1
    assert desk.totals()[2] == 1000
    assert desk.broken() == []


def test_a_spend_that_comes_back_too_late_lapses_with_the_month(desk: Desk) -> None:
    """Its points would have lapsed meanwhile: they lapse now, and the younger ones do not."""
    desk.earn(units=4)
    spent = desk.spend(1500)
    night(desk.app, desk.clock, 2026)
    desk.clock.set(hangzhou(2027, 3, 1))
    desk.earn(units=2, event_at=desk.clock.now)
    lapse(desk)
    assert desk.totals()[2] == 1000

    desk.back(spent, amount=700)
    assert desk.totals()[2] == 1700
    assert lapse(desk, 2028, 1) == 1
    assert desk.totals()[2] == 1000
    assert desk.broken() == []


def test_what_lapsed_of_an_award_is_not_taken_a_second_time(desk: Desk, old: UUID) -> None:
    desk.earn(units=4, event_at=desk.clock.now)
    lapse(desk)
    assert desk.totals() == (4000, 2000, 2000)

    done = desk.back(old)

    # Without it: fifteen spent of what came later, five left of those. With it the same.
    assert (done.posted, done.lapsed, done.shortage) == (1500, 500, 0)
    assert desk.totals()[2] == 500
    assert desk.broken() == []


def test_a_part_that_had_lapsed_altogether_takes_nothing(desk: Desk, old: UUID) -> None:
    desk.earn(units=4, event_at=desk.clock.now)
    lapse(desk)

    done = desk.back(old, amount=400)

    assert (done.posted, done.lapsed) == (0, 400)
    assert desk.totals()[2] == 2000
    assert desk.broken() == []


def test_two_awards_of_a_year_share_what_lapsed(desk: Desk) -> None:
    first, second = desk.earn(units=2), desk.earn(units=2)
    desk.spend(1500)
    night(desk.app, desk.clock, 2026)
    desk.clock.set(hangzhou(2027, 3, 1))
    desk.earn(units=6, event_at=desk.clock.now)
    lapse(desk)
    assert desk.totals()[2] == 3000

    one, two = desk.back(first), desk.back(second)

    assert (one.posted, one.lapsed) == (500, 500)
    assert (two.posted, two.lapsed) == (1000, 0)
    # Without both, the fifteen were spent of the thirty that came later.
    assert desk.totals()[2] == 1500
    assert desk.broken() == []


def test_an_award_that_came_after_the_year_that_lapsed_is_taken_whole(
    desk: Desk, old: UUID
) -> None:
    young = desk.earn(units=2, event_at=desk.clock.now)
    lapse(desk)

    done = desk.back(young)

    assert (done.posted, done.lapsed) == (1000, 0)
    assert desk.broken() == []
    assert old != young


@pytest.fixture
def saved(desk: Desk) -> None:
    """Ten points of 2026, none of them spent; the year is closed."""
    desk.earn(units=2)
    night(desk.app, desk.clock, 2026)
    desk.clock.set(hangzhou(2027, 3, 1))


@pytest.mark.usefixtures("saved")
def test_a_wrong_award_that_is_taken_back_leaves_older_points_as_old_as_they_were(
    desk: Desk,
) -> None:
    wrong = desk.earn(units=2, event_at=desk.clock.now)
    assert desk.back(wrong).posted == 1000

    assert lapse(desk) == 1
    assert desk.totals()[2] == 0
    assert desk.broken() == []


@pytest.mark.usefixtures("saved")
def test_a_part_that_is_taken_back_is_none_of_the_older_points(desk: Desk) -> None:
    wrong = desk.earn(units=2, event_at=desk.clock.now)
    desk.back(wrong, amount=400)

    lapse(desk)
    assert desk.totals()[2] == 600
    assert desk.broken() == []


@pytest.mark.usefixtures("saved")
def test_taken_back_in_a_later_year_it_is_still_its_own_points(desk: Desk) -> None:
    desk.clock.set(hangzhou(2027, 12, 1))
    wrong = desk.earn(units=2, event_at=desk.clock.now)
    lapse(desk)
    desk.earn(units=4, event_at=desk.clock.now)
    desk.back(wrong)
    assert desk.totals()[2] == 2000

    assert lapse(desk, 2028) == 0
    assert lapse(desk, 2029) == 1
    assert desk.totals()[2] == 0
    assert desk.broken() == []


@pytest.mark.usefixtures("saved")
def test_what_is_held_does_not_lapse_when_something_younger_was_taken_back(desk: Desk) -> None:
    set_aside(desk.run, 88, 300, desk.account())
    desk.back(desk.earn(units=2, event_at=desk.clock.now))

    lapse(desk)
    assert desk.totals() == (2000, 1700, 0)
    give_back(desk.run, 88)
    assert lapse(desk, 2028, 1) == 1
    assert desk.totals()[2] == 0
    assert desk.broken() == []


@pytest.mark.usefixtures("saved")
def test_what_is_collected_later_is_none_of_the_older_points_either(desk: Desk) -> None:
    wrong = desk.earn(units=2, event_at=desk.clock.now)
    spent = desk.spend(1000)
    desk.spend(500)
    proposal = desk.propose_back(wrong)
    assert desk.decide(proposal).shortage == 500
    desk.earn(units=4, event_at=desk.clock.now)
    collecting = CollectShortage(key=desk.serial(), adjustment=proposal)
    desk.run(collect_shortage, collecting, desk.cast.actor(desk.cast.staff))
    desk.back(spent)
    assert desk.totals()[2] == 2500

    # Five points stay spent: the other five of 2026 lapse.
    lapse(desk)
    assert desk.totals()[2] == 2000
    assert desk.broken() == []


@pytest.mark.usefixtures("saved")
def test_what_was_collected_of_a_reversal_is_not_reversed_so_that_nothing_younger_lapses(
    desk: Desk,
) -> None:
    wrong = desk.earn(units=2, event_at=desk.clock.now)
    spent = desk.spend(1000)
    desk.spend(500)
    proposal = desk.propose_back(wrong)
    assert desk.decide(proposal).shortage == 500
    desk.earn(units=4, event_at=desk.clock.now)
    collecting = CollectShortage(key=desk.serial(), adjustment=proposal)
    desk.run(collect_shortage, collecting, desk.cast.actor(desk.cast.staff))
    collected = [made.id for made in desk.made(proposal) if made.act == "adjustment"]

    for line in collected:
        with pytest.raises(NotReversible):
            desk.propose_back(line)
    # What was right after all is given anew, by an adjustment: points of today.
    desk.decide(desk.propose(500))
    desk.back(spent)
    lapse(desk)

    # Five points stay spent: the other five of 2026 lapse.
    assert (len(collected), desk.totals()[2]) == (1, 2500)
    assert desk.broken() == []


@pytest.mark.usefixtures("saved")
def test_what_was_spent_of_a_wrong_award_counts_as_spent_of_older_points(desk: Desk) -> None:
    wrong = desk.earn(units=2, event_at=desk.clock.now)
    desk.spend(400)
    desk.back(wrong)
    assert desk.totals()[2] == 600

    lapse(desk)
    assert desk.totals()[2] == 0
    assert desk.broken() == []


@pytest.mark.usefixtures("saved")
def test_until_the_year_is_closed_nothing_of_the_new_one_is_taken_back(desk: Desk) -> None:
    desk.clock.set(hangzhou(2028, 1, 1, 0, 5))
    desk.earn(units=2, event_at=desk.clock.now - dt.timedelta(days=1))
    wrong = desk.earn(units=2, event_at=desk.clock.now - dt.timedelta(days=2))
    proposal = desk.propose_back(wrong)

    with pytest.raises(YearNotClosed):
        desk.decide(proposal)


def test_runs_are_used_up_from_the_oldest() -> None:
    runs = [(2026, 100), (2027, 50)]
    way = lapsed._Way(1)
    lapses = lapsed._Lapses(cast("Connection", None))
    lapses[1] = [lapsed._Run(year, hangzhou(year + 2, 1, 1), left) for year, left in runs]

    assert lapses.take([way], 2027, 80) == 50
    assert lapses.take([way], 2026, 60) == 60
    assert lapses.take([way], 2026, 60) == 40
