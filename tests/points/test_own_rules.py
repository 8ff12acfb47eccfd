"""Rules that a community makes for itself (单点自建), and those it takes over from another."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, select

from core.acts import Actor
from core.errors import Forbidden
from points.earning import community_rules as rules
from points.earning import own_rules, rule_table
from points.earning.community_rules import Caps, RuleSet
from points.earning.own_rules import AddRule, RuleNameTaken, TakeOver, add_rule, take_over
from points.earning.rules import Rule, RuleUnknown, rule_in_force
from points.models import CatalogueRule, CommunityRule
from tests.conftest import Clock
from tests.people import HERE, NEAR, THERE, People
from tests.points.correcting import Desk
from tests.points.earning import count
from tests.points.test_community_rules import HELP, TODAY, TOMORROW, setting

Run = Callable[..., Any]


def gate(**changes: Any) -> AddRule:
    """A household keeps the old wall's gate: four basic points a month."""
    given: dict[str, Any] = {
        "community": HERE,
        "name": "老墙门守护",
        "topic": "covenant",
        "points_kind": "basic",
        "unit": "户月",
        "holder": "household",
        "points": 400,
        "caps": Caps(per_month=1, per_year=12),
        "recorded_by": ("楼道长",),
        "note": "每晚锁门，楼梯灯坏了报修。",
    }
    return AddRule(**(given | changes))


@pytest.fixture
def lead(cast: People) -> Actor:
    return cast.actor(cast.lead)


@pytest.fixture
def near_lead(cast: People) -> Actor:
    """The lead next door."""
    near = cast.actor(cast.near)
    return Actor(person=near.person, role="lead", scope_kind="community", place=NEAR)


def origin(connection: Connection, key: str) -> Any:
    query = select(CatalogueRule.__table__).where(CatalogueRule.key == key)
    return connection.execute(query).one()


def test_an_own_rule_holds_from_today_and_only_here(run: Run, ask: Run, lead: Actor) -> None:
    made: RuleSet = run(add_rule, gate(), lead)

    rule: Rule = ask(rule_in_force, HERE, made.rule, TODAY)
    assert (rule.name, rule.amount, rule.points_kind) == ("老墙门守护", 400, "basic")
    assert (rule.holder, set(rule.recorders)) == ("household", {"楼道长"})
    with pytest.raises(RuleUnknown):
        ask(rule_in_force, THERE, made.rule, TODAY)
    assert ask(origin, made.rule)._asdict() == {
        "key": made.rule,
        "name": "老墙门守护",
        "topic": "covenant",
        "points_kind": "basic",
        "community": HERE,
        "from_community": None,
        "from_rule": None,
        "unit": "户月",
        "points_base": 400,
        "points_min": 100,
        "points_max": 800,
        "cap_per_act": None,
        "cap_per_day": None,
        "cap_per_month": 1,
        "cap_per_year": 12,
        "household_cap_per_day": None,
        "household_cap_per_month": None,
        "household_cap_per_year": None,
        "holder": "household",
        "recorded_by": "自助扫码|社工|网格员|楼道长",
        "provenance": "recorded",
        "on_by_default": False,
        "note": "每晚锁门，楼梯灯坏了报修。",
    }


def test_an_own_rule_of_tomorrow_is_not_in_force_today(run: Run, ask: Run, lead: Actor) -> None:
    made: RuleSet = run(add_rule, gate(valid_from=TOMORROW), lead)

    with pytest.raises(RuleUnknown):
        ask(rule_in_force, HERE, made.rule, TODAY)
    assert ask(rule_in_force, HERE, made.rule, TOMORROW).amount == 400


def test_the_same_name_is_the_same_rule(run: Run, ask: Run, lead: Actor) -> None:
    first = run(add_rule, gate(), lead)
    again = run(add_rule, gate(name=" 老墙门守护 "), lead)

    assert (again.rule, again.exists) == (first.rule, True)
    assert ask(count, "catalogue_rules", "community IS NOT NULL") == 1
    assert ask(count, "community_rules") == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"points": 500},
        {"caps": Caps(per_month=1)},
        {"recorded_by": ("社工", "楼道长")},
        {"note": "每晚锁门。"},
        {"valid_from": TOMORROW},
    ],
)
def test_the_same_name_with_other_content_is_refused(
    run: Run, ask: Run, lead: Actor, changes: dict[str, Any]
) -> None:
    run(add_rule, gate(), lead)

    with pytest.raises(RuleNameTaken):
        run(add_rule, gate(**changes), lead)
    assert ask(count, "community_rules") == 1


def test_a_repeat_finds_its_rule_after_it_was_changed_and_on_another_day(
    run: Run, lead: Actor, clock: Clock
) -> None:
    first = run(add_rule, gate(valid_from=TODAY), lead)
    caps = Caps(per_month=1, per_year=12)
    changed = setting(rule=first.rule, points=None, caps=caps, recorded_by=("社工",))
    run(rules.set_rule, changed, lead)
    clock.advance(days=1)

    again = run(add_rule, gate(valid_from=TODAY), lead)

    assert (again.rule, again.valid_from, again.exists) == (first.rule, TODAY, True)


@pytest.mark.parametrize(
    "name",
    [
        "垃圾 分类能手",
        "垃·圾-分-类",
        "正确分类垃圾",
        "分类投放打卡",
        "厨余 标兵",
        "易腐垃圾分得好",
        "垃圾桶检查合格",
        "干湿分开达标",
        "可回收物投放",
        "电瓶车不上楼",
    ],
)
def test_a_duty_is_found_however_its_name_is_written(run: Run, lead: Actor, name: str) -> None:
    serving = {"topic": "serve", "points_kind": "service", "unit": "次", "holder": "resident"}

    with pytest.raises(own_rules.DutyIsBasic):
        run(add_rule, gate(name=name, **serving), lead)


def test_clearing_away_rubbish_for_others_is_no_duty(run: Run, lead: Actor) -> None:
    serving = {"topic": "serve", "points_kind": "service", "unit": "次", "holder": "resident"}

    made = run(add_rule, gate(name="清理河岸垃圾", recorded_by=("社工",), **serving), lead)

    assert not made.exists


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        # What everybody must do is basic: by its topic, and by its name under another topic.
        ({"topic": "waste", "points_kind": "service", "unit": "次"}, own_rules.DutyIsBasic),
        ({"points_kind": "service"}, own_rules.DutyIsBasic),
        (
            {
                "name": "垃圾分类能手",
                "topic": "serve",
                "points_kind": "service",
                "unit": "次",
                "holder": "resident",
            },
            own_rules.DutyIsBasic,
        ),
        ({"topic": "join", "points_kind": "service"}, own_rules.RuleNameWrong),
        ({"topic": "nothing"}, own_rules.RuleNameWrong),
        ({"name": "  "}, own_rules.RuleNameWrong),
        ({"name": "老" * 17}, own_rules.RuleNameWrong),
        ({"unit": "斤"}, own_rules.RuleNameWrong),
        ({"holder": "community"}, own_rules.RuleNameWrong),
        ({"holder": "resident"}, own_rules.ServiceIsPersonal),
        (
            {"topic": "serve", "points_kind": "service", "unit": "次"},
            own_rules.ServiceIsPersonal,
        ),
        ({"points": 900}, rules.OutsideBand),
        ({"points": -100}, rules.OutsideBand),
        ({"caps": Caps(per_month=2)}, rules.CapsWrong),
        ({"caps": Caps(per_month=1, household_per_month=1)}, rules.HouseholdCapUnfit),
        ({"recorded_by": ("设备",)}, rules.RecordersWrong),
        ({"valid_from": TODAY - dt.timedelta(days=1)}, rules.RuleDayPast),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_left(
    run: Run, ask: Run, lead: Actor, changes: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        run(add_rule, gate(**changes), lead)

    assert ask(count, "catalogue_rules", "community IS NOT NULL") == 0
    assert ask(count, "community_rules") == 0


def test_half_hours_keep_the_districts_band(run: Run, lead: Actor) -> None:
    hours = {
        "name": "夜间巡逻",
        "topic": "serve",
        "points_kind": "service",
        "unit": "半小时",
        "holder": "resident",
        "caps": Caps(per_day=6, per_month=60),
        "recorded_by": ("社工",),
    }
    with pytest.raises(rules.OutsideBand):
        run(add_rule, gate(**hours, points=900), lead)
    run(add_rule, gate(**hours, points=800), lead)


def test_staff_do_not_make_rules(run: Run, cast: People) -> None:
    with pytest.raises(Forbidden):
        run(add_rule, gate(), cast.actor(cast.staff))


def test_another_communitys_own_rule_is_taken_over_and_remembers_whose_it_was(
    run: Run, ask: Run, lead: Actor, near_lead: Actor
) -> None:
    theirs = run(add_rule, gate(community=NEAR), near_lead)
    command = TakeOver(community=HERE, rule=theirs.rule, from_community=NEAR)
    made = run(take_over, command, lead)
    again = run(take_over, command, lead)

    assert (made.exists, again.exists) == (False, True)
    assert made.rule != theirs.rule
    assert ask(rule_in_force, HERE, made.rule, TODAY).amount == 400
    row = ask(origin, made.rule)
    assert (row.community, row.from_community, row.from_rule) == (HERE, NEAR, theirs.rule)


def test_another_communitys_values_are_taken_over_from_tomorrow(
    run: Run, ask: Run, lead: Actor, near_lead: Actor
) -> None:
    run(rules.set_rule, setting(community=NEAR, points=500), near_lead)
    with pytest.raises(RuleUnknown):
        run(take_over, TakeOver(community=HERE, rule=HELP, from_community=HERE), lead)
    # What they have from tomorrow is not yet theirs: today they go by the catalogue.
    run(take_over, TakeOver(community=HERE, rule=HELP, from_community=NEAR), lead)
    assert ask(rule_in_force, HERE, HELP, TOMORROW).amount == 300

    def whose(connection: Connection) -> list[tuple[int | None, int | None]]:
        query = select(CommunityRule.community, CommunityRule.from_community)
        return [(row[0], row[1]) for row in connection.execute(query.order_by("community"))]

    assert ask(whose) == [(HERE, NEAR), (NEAR, None)]


def test_both_kinds_of_caps_are_taken_over_and_tell_one_rule_from_another(
    run: Run, ask: Run, lead: Actor, near_lead: Actor
) -> None:
    caps = Caps(
        per_act=1,
        per_day=2,
        per_month=3,
        per_year=20,
        household_per_day=4,
        household_per_month=5,
        household_per_year=30,
    )
    ideas: dict[str, Any] = {"name": "金点子", "topic": "report", "unit": "次", "caps": caps}
    ideas |= {"holder": "resident", "recorded_by": ("社工",)}
    theirs = run(add_rule, gate(community=NEAR, **ideas), near_lead)
    made = run(take_over, TakeOver(community=HERE, rule=theirs.rule, from_community=NEAR), lead)

    rule = ask(rule_in_force, HERE, made.rule, TODAY)
    assert (rule.cap_per_act, rule.caps, rule.household_caps) == (
        1,
        (20, 3, 2),
        (30, 5, 4),
    )
    other = ideas | {"caps": replace(caps, household_per_month=9)}
    with pytest.raises(RuleNameTaken):
        run(add_rule, gate(community=NEAR, **other), near_lead)


def test_the_districts_rule_is_taken_over_with_all_that_they_set(
    run: Run, ask: Run, clock: Clock, lead: Actor, near_lead: Actor
) -> None:
    caps = Caps(
        per_act=1,
        per_day=2,
        per_month=3,
        per_year=20,
        household_per_day=4,
        household_per_month=5,
        household_per_year=30,
    )
    run(rules.set_rule, setting(community=NEAR, points=500, caps=caps), near_lead)
    clock.advance(days=1)
    command = TakeOver(community=HERE, rule=HELP, from_community=NEAR)
    made = run(take_over, command, lead)
    later = replace(command, valid_from=TODAY + dt.timedelta(days=9))

    assert run(take_over, command, lead) == replace(made, exists=True)
    assert run(take_over, later, lead) == replace(made, exists=True)
    query = select(CommunityRule.__table__).where(CommunityRule.community == HERE)
    row = ask(lambda c: c.execute(query).mappings().one())
    assert dict(row) | {"set_by": None} == {
        "community": HERE,
        "rule": HELP,
        "valid_from": TODAY + dt.timedelta(days=2),
        "revision": 1,
        "points": 500,
        **caps.columns(),
        "recorded_by": "社工|楼道长",
        "outside_band": False,
        "from_community": NEAR,
        "set_by": None,
        "set_at": clock.now,
    }


def test_a_name_and_a_note_have_an_end(run: Run, ask: Run, lead: Actor) -> None:
    made = run(add_rule, gate(name="老" * 16, note=" " + "夜" * 500), lead)

    rule: Rule = ask(rule_in_force, HERE, made.rule, TODAY)
    assert (rule.name, rule.note) == ("老" * 16, "夜" * own_rules.NOTE_MAX)


def test_a_rule_that_is_off_there_cannot_be_taken_over(run: Run, lead: Actor) -> None:
    for rule in ("covenant.quiet", "no.such"):
        with pytest.raises(RuleUnknown):
            run(take_over, TakeOver(community=HERE, rule=rule, from_community=NEAR), lead)


def test_a_rule_of_ones_own_has_no_name_of_the_districts(run: Run, lead: Actor) -> None:
    """A row of a sheet says a rule by its name: it would mean either."""
    with pytest.raises(RuleNameTaken):
        run(add_rule, gate(name="楼道不堆物"), lead)


def test_topics_of_service_points_stand_before_those_of_basic_points(desk: Desk) -> None:
    kinds = [row.points_kind for row in desk.ask(rule_table.topics)]
    assert kinds == sorted(kinds, reverse=True)
