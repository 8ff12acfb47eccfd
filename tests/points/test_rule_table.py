"""What a community reads of its rules: each beside the district's band, and what others made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from core import settings
from core.acts import Actor
from points.earning.community_rules import Caps, set_rule
from points.earning.own_rules import add_rule
from points.earning.rule_table import (
    ElsewhereRule,
    Planned,
    RuleLine,
    elsewhere,
    outside_band,
    rule_line,
)
from points.earning.rule_table import rule_table as table
from points.earning.rules import Rule, RuleUnknown
from tests.people import HERE, NEAR, People
from tests.points.test_community_rules import HELP, TODAY, TOMORROW, setting
from tests.points.test_own_rules import gate

Run = Callable[..., Any]
WEEK = TOMORROW + dt.timedelta(days=7)
LATER = WEEK + dt.timedelta(days=7)


@pytest.fixture
def lead(cast: People) -> Actor:
    return cast.actor(cast.lead)


@pytest.fixture
def near_lead(cast: People) -> Actor:
    near = cast.actor(cast.near)
    return Actor(person=near.person, role="lead", scope_kind="community", place=NEAR)


def test_a_line_says_what_holds_and_what_is_planned_next(run: Run, ask: Run, lead: Actor) -> None:
    caps = Caps(
        per_act=1,
        per_day=2,
        per_month=10,
        per_year=60,
        household_per_day=3,
        household_per_month=20,
        household_per_year=90,
    )
    for changes in (
        {"caps": caps},
        {"valid_from": WEEK, "points": 500},
        # What was planned is put right before its day.
        {"valid_from": WEEK, "points": 200},
        {"valid_from": LATER, "points": None},
    ):
        run(set_rule, setting(**changes), lead)

    line = ask(rule_line, HERE, HELP, TOMORROW)
    assert line == RuleLine(
        rule=Rule(
            key=HELP,
            name="邻里互助",
            points_kind="service",
            unit="次",
            amount=400,
            cap_per_act=1,
            cap_per_day=2,
            cap_per_month=10,
            cap_per_year=60,
            household_cap_per_day=3,
            household_cap_per_month=20,
            household_cap_per_year=90,
            holder="resident",
            recorded_by="社工|楼道长",
            provenance="recorded",
            note=line.rule.note,
            topic="neighbour",
        ),
        topic="邻里互助",
        is_duty=False,
        is_on=True,
        is_set=True,
        since=TOMORROW,
        is_own=False,
        base=300,
        low=200,
        high=500,
        outside_band=False,
        from_community=None,
        planned=Planned(valid_from=WEEK, points=200),
    )
    assert ask(rule_line, HERE, HELP, WEEK).planned == Planned(valid_from=LATER, points=None)
    last = ask(rule_line, HERE, HELP, LATER)
    assert (last.is_on, last.since, last.planned) == (False, LATER, None)
    before = ask(rule_line, HERE, HELP, TODAY)
    assert (before.is_set, before.since, before.rule.amount) == (False, None, 300)
    assert before.planned == Planned(valid_from=TOMORROW, points=400)
    near = ask(rule_line, NEAR, HELP, TOMORROW)
    assert (near.is_set, near.since, near.planned) == (False, None, None)
    with pytest.raises(RuleUnknown):
        ask(rule_line, HERE, "no.such", TOMORROW)


def test_the_table_has_all_rules_of_service_points_first_then_by_key(
    run: Run, ask: Run, lead: Actor, near_lead: Actor
) -> None:
    run(set_rule, setting(valid_from=WEEK), lead)
    own = run(add_rule, gate(), lead).rule
    theirs = run(add_rule, gate(community=NEAR, name="门口有人"), near_lead).rule

    lines = ask(table, HERE, TODAY)
    order = [(line.rule.points_kind == "basic", line.rule.key) for line in lines]
    assert order == sorted(order)
    by_key = {line.rule.key: line for line in lines}
    assert theirs not in by_key
    assert {"covenant.quiet", HELP, own} <= by_key.keys()
    assert by_key[HELP].planned == Planned(valid_from=WEEK, points=400)
    made = by_key[own]
    assert (made.topic, made.is_duty, made.is_own, made.since) == ("居民公约", True, True, TODAY)
    assert (made.base, made.low, made.high, made.from_community) == (400, 100, 800, None)


def test_others_rules_are_those_in_force_there_that_are_on_the_newest_first(
    run: Run, ask: Run, cast: People, lead: Actor, near_lead: Actor
) -> None:
    run(set_rule, setting(), lead)
    for points in (500, 400):
        run(set_rule, setting(community=NEAR, points=points), near_lead)
    run(set_rule, setting(community=NEAR, points=200, valid_from=WEEK), near_lead)
    idea = setting(community=NEAR, rule="report.idea", points=None, recorded_by=("社工",))
    run(set_rule, idea, near_lead)
    own = run(add_rule, gate(community=NEAR), near_lead).rule

    help_ = ElsewhereRule(
        community=NEAR,
        rule=HELP,
        name="邻里互助",
        unit="次",
        points_kind="service",
        points=400,
        is_own=False,
        note=ask(rule_line, NEAR, HELP, TODAY).rule.note,
        valid_from=TOMORROW,
        low=200,
        high=500,
        set_by=near_lead.person,
    )
    kept = ElsewhereRule(
        community=NEAR,
        rule=own,
        name="老墙门守护",
        unit="户月",
        points_kind="basic",
        points=400,
        is_own=True,
        note="每晚锁门，楼梯灯坏了报修。",
        valid_from=TODAY,
        low=100,
        high=800,
        set_by=near_lead.person,
    )
    assert ask(elsewhere, HERE, TODAY) == [kept]
    assert ask(elsewhere, HERE, TOMORROW) == [help_, kept]
    [changed, _kept] = ask(elsewhere, HERE, WEEK)
    assert (changed.points, changed.valid_from) == (200, WEEK)
    assert [line.points for line in ask(elsewhere, NEAR, TOMORROW)] == [400]


def test_the_district_reads_what_lies_outside_the_band_today_and_what_will(
    run: Run, ask: Run, cast: People, lead: Actor, near_lead: Actor
) -> None:
    allowed = settings.SetSetting(key="a", setting="exchange.face_value", place=0, value="1")
    run(settings.set_setting, allowed, cast.actor(cast.lin))
    run(set_rule, setting(points=900), lead)
    run(set_rule, setting(points=300, valid_from=WEEK), lead)
    run(set_rule, setting(community=NEAR, points=700, valid_from=WEEK), near_lead)
    for points in (800, 400):
        run(set_rule, setting(community=NEAR, points=points, valid_from=LATER), near_lead)

    def found(day: dt.date) -> list[tuple[int, int, dt.date]]:
        return [(row.community, row.points, row.valid_from) for row in ask(outside_band, day)]

    here, near = (HERE, 900, TOMORROW), (NEAR, 700, WEEK)
    assert found(TODAY) == found(TOMORROW) == [here, near]
    assert found(WEEK) == [near]
    assert found(LATER) == []
