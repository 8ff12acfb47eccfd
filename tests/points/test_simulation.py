"""A rule is tried on the acts of last month before it is set."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from points.earning.community_rules import Caps
from points.earning.simulation import Proposal, Simulation, simulate
from tests.people import HERE, THERE
from tests.points.correcting import Desk
from tests.points.earning import HOUR, JOIN


def test_a_trial_counts_a_household_together_and_the_year_before_the_month(desk: Desk) -> None:
    desk.earn(settled=False, units=4, event_at=dt.datetime(2026, 11, 1, 2, tzinfo=dt.UTC))
    for month in (9, 10):
        at = dt.datetime(2026, month, 20, 2, tzinfo=dt.UTC)
        for who in (desk.cast.wang, desk.cast.li):
            desk.earn(settled=False, who=who, units=4, event_at=at)
    proposal = Proposal(community=HERE, rule=HOUR.key, points=500, caps=Caps(household_per_year=12))
    together = desk.ask(simulate, proposal, dt.date(2026, 11, 24))
    alone = desk.ask(simulate, replace(proposal, caps=Caps(per_year=6)), dt.date(2026, 11, 24))
    caps = Caps(per_year=6, household_per_year=11)
    both = desk.ask(simulate, replace(proposal, caps=caps), dt.date(2026, 11, 24))
    caps = Caps(per_year=12, household_per_year=8)
    nobody = desk.ask(simulate, replace(proposal, caps=caps), dt.date(2026, 11, 24))
    off = desk.ask(simulate, replace(proposal, points=None), dt.date(2026, 11, 24))

    assert (together.units, together.points_then) == (8, 2000)
    assert (both.points_then, nobody.points_then) == (1500, 0)
    assert (alone.points_then, off.points_then) == (2000, 0)


def test_a_trial_says_what_the_month_was_and_would_have_been(desk: Desk) -> None:
    at = dt.datetime(2026, 9, 30, 16, tzinfo=dt.UTC)
    before = at - dt.timedelta(microseconds=1)
    after = dt.datetime(2026, 10, 31, 16, tzinfo=dt.UTC)
    last = after - dt.timedelta(microseconds=1)
    for event_at in (before, at, last, after):
        desk.earn(settled=False, units=3, event_at=event_at)
    desk.earn(settled=False, who=desk.cast.li, units=1, event_at=last)
    desk.earn(settled=False, units=5, event_at=at, bearing=THERE)
    desk.earn(settled=False, units=1, event_at=at, rule=JOIN)

    def tried(points: int | None, **caps: int) -> Simulation:
        proposal = Proposal(community=HERE, rule=HOUR.key, points=points, caps=Caps(**caps))
        found: Simulation = desk.ask(simulate, proposal, dt.date(2026, 11, 24))
        return found

    same = Simulation(
        month=dt.date(2026, 10, 1),
        units=7,
        awards=3,
        awards_then=3,
        holders=2,
        holders_then=2,
        points=3500,
        points_then=4200,
    )
    off = replace(same, awards_then=0, holders_then=0, points_then=0)
    assert tried(600) == same
    assert tried(None) == off
    assert tried(600, per_act=2) == replace(same, points_then=5 * 600)
    assert tried(600, per_day=1) == replace(same, points_then=3 * 600)
    assert tried(600, per_month=4) == replace(same, points_then=5 * 600)
    assert tried(600, per_month=3) == replace(same, awards_then=2, points_then=4 * 600)
    # What came before the month of its year counts.
    assert tried(600, per_year=5) == replace(same, awards_then=2, points_then=3 * 600)
    assert tried(600, per_year=3) == replace(same, awards_then=1, holders_then=1, points_then=600)


def test_a_household_has_used_what_somebody_of_it_got_earlier_in_the_year(desk: Desk) -> None:
    for month, who in ((9, desk.cast.li), (10, desk.cast.wang)):
        at = dt.datetime(2026, month, 20, 2, tzinfo=dt.UTC)
        desk.earn(settled=False, who=who, units=4, event_at=at)

    def points(most: int) -> int:
        caps = Caps(household_per_year=most)
        proposal = Proposal(community=HERE, rule=HOUR.key, points=500, caps=caps)
        found = desk.ask(simulate, proposal, dt.date(2026, 11, 24))
        return int(found.points_then)

    assert (points(4), points(6), points(8)) == (0, 1000, 2000)


def test_what_was_taken_back_is_in_no_trial(desk: Desk) -> None:
    """Four half hours in September and twice in October; of each month something was wrong."""
    moments = [dt.datetime(2026, month, 20, 2, tzinfo=dt.UTC) for month in (9, 10)]
    september, october = (desk.earn(units=4, event_at=each) for each in moments)
    wrong = desk.earn(units=4, who=desk.cast.li, event_at=moments[1])
    for line, amount in ((september, 500), (october, 1000), (wrong, None)):
        desk.back(line, amount=amount)

    def tried(**caps: int) -> Simulation:
        proposal = Proposal(community=HERE, rule=HOUR.key, points=600, caps=Caps(**caps))
        found: Simulation = desk.ask(simulate, proposal, dt.date(2026, 11, 24))
        return found

    whole = Simulation(
        month=dt.date(2026, 10, 1),
        units=2,
        awards=1,
        awards_then=1,
        holders=1,
        holders_then=1,
        points=1000,
        points_then=1200,
    )
    assert tried() == whole
    assert tried(per_year=4) == replace(whole, points_then=600)
