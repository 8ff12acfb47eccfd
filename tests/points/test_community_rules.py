"""A community's rules: adopted, adapted inside the district's band, never edited, day by day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import IntegrityError

from core import settings
from core.acts import SYSTEM, NotInYourScope
from core.errors import Forbidden
from core.models import OutboxMessage
from core.work import Work
from points.earning import community_rules as rules
from points.earning.community_rules import Caps, RuleSet, SetRule, set_rule
from points.earning.rules import Rule, RuleUnknown, rule_in_force, rules_in_force
from points.models import CommunityRule
from tests.conftest import Clock
from tests.people import HERE, NEAR, THERE, People
from tests.points.earning import count
from tests.points.test_proving import damage

Run = Callable[..., Any]
TODAY = dt.date(2026, 11, 24)
TOMORROW = dt.date(2026, 11, 25)
HELP = "serve.neighbour"
CAPS = Caps(per_day=2, per_month=10, per_year=60)


def setting(**changes: Any) -> SetRule:
    """邻里互助 at four points from tomorrow, all else as the district has it."""
    given: dict[str, Any] = {
        "community": HERE,
        "rule": HELP,
        "valid_from": TOMORROW,
        "points": 400,
        "caps": CAPS,
        "recorded_by": ("社工", "楼道长"),
    }
    return SetRule(**(given | changes))


@pytest.fixture
def lead(run: Run, cast: People) -> Callable[..., RuleSet]:
    """Set a rule as the community's lead."""

    def call(**changes: Any) -> RuleSet:
        made: RuleSet = run(set_rule, setting(**changes), cast.actor(cast.lead))
        return made

    return call


def rows(connection: Connection) -> list[tuple[Any, ...]]:
    query = select(CommunityRule.valid_from, CommunityRule.revision, CommunityRule.points)
    ordered = query.order_by(CommunityRule.valid_from, CommunityRule.revision)
    return [tuple(row) for row in connection.execute(ordered)]


def test_a_new_value_holds_from_its_day_and_leaves_the_days_before(
    ask: Run, lead: Callable[..., RuleSet]
) -> None:
    lead(
        caps=Caps(per_act=1, per_day=3, per_month=12, household_per_month=20, household_per_year=48)
    )

    before: Rule = ask(rule_in_force, HERE, HELP, TODAY)
    after: Rule = ask(rule_in_force, HERE, HELP, TOMORROW)
    assert (before.amount, before.cap_per_day, before.counts_households) == (300, 2, False)
    assert (after.amount, after.cap_per_act, after.cap_per_day) == (400, 1, 3)
    assert (after.caps, after.household_caps) == ((None, 12, 3), (48, 20, None))
    assert ask(rule_in_force, NEAR, HELP, TOMORROW).amount == 300


def test_each_rule_holds_as_it_was_set_whatever_is_set_of_the_others(
    ask: Run, lead: Callable[..., RuleSet]
) -> None:
    later = TOMORROW + dt.timedelta(days=1)
    lead()
    lead(rule="report.hazard", points=None)
    lead(rule="serve.hour", points=600, valid_from=later)

    on = {rule.key: rule.amount for rule in ask(rules_in_force, HERE, later)}

    assert (on[HELP], on["serve.hour"]) == (400, 600)
    assert "report.hazard" not in on


def last_row(connection: Connection) -> Any:
    query = select(CommunityRule.__table__).order_by(CommunityRule.revision.desc())
    return connection.execute(query).mappings().first()


def test_nothing_that_was_written_is_edited(ask: Run, lead: Callable[..., RuleSet]) -> None:
    lead()
    lead(valid_from=TOMORROW + dt.timedelta(days=7), points=500)
    corrected = lead(points=200)

    assert corrected.revision == 2
    assert ask(rows) == [
        (TOMORROW, 1, 400),
        (TOMORROW, 2, 200),
        (TOMORROW + dt.timedelta(days=7), 1, 500),
    ]
    assert ask(rule_in_force, HERE, HELP, TOMORROW).amount == 200
    assert ask(rule_in_force, HERE, HELP, TOMORROW + dt.timedelta(days=7)).amount == 500


def test_the_same_again_is_what_it_was(ask: Run, lead: Callable[..., RuleSet]) -> None:
    first = lead()
    again = lead()

    assert (first.exists, again.exists) == (False, True)
    assert (again.valid_from, again.revision) == (TOMORROW, 1)
    assert ask(count, "community_rules") == 1


def test_whatever_is_changed_is_a_row_of_its_own_by_whom_and_when(
    ask: Run, lead: Callable[..., RuleSet], cast: People, clock: Clock
) -> None:
    changes: list[dict[str, Any]] = [
        {},
        *({"caps": Caps(**{cap.name: 3})} for cap in fields(Caps)),
        {"from_community": NEAR},
        {"points": 300},
        {"recorded_by": ("社工",)},
    ]

    found = [lead(**change) for change in changes]

    assert [made.revision for made in found] == list(range(1, len(changes) + 1))
    assert ask(last_row) == {
        "community": HERE,
        "rule": HELP,
        "valid_from": TOMORROW,
        "revision": len(changes),
        "points": 400,
        **CAPS.columns(),
        "recorded_by": "社工",
        "outside_band": False,
        "from_community": None,
        "set_by": cast.actor(cast.lead).person,
        "set_at": clock.now,
    }


def test_what_holds_from_another_day_is_compared_with_what_would_hold_then(
    lead: Callable[..., RuleSet],
) -> None:
    later = TOMORROW + dt.timedelta(days=7)
    lead()
    lead(valid_from=later, points=500)

    as_before = lead(valid_from=later - dt.timedelta(days=1))
    assert (as_before.exists, as_before.valid_from) == (True, TOMORROW)
    as_planned = lead(valid_from=later + dt.timedelta(days=1), points=500)
    assert (as_planned.exists, as_planned.valid_from) == (True, later)
    back = lead(valid_from=later + dt.timedelta(days=1))
    assert (back.exists, back.revision) == (False, 1)


def test_a_rule_is_switched_off_and_on_by_day(ask: Run, lead: Callable[..., RuleSet]) -> None:
    lead(points=None)
    lead(points=300, valid_from=TOMORROW + dt.timedelta(days=30))

    with pytest.raises(RuleUnknown):
        ask(rule_in_force, HERE, HELP, TOMORROW)
    assert ask(rule_in_force, HERE, HELP, TODAY).amount == 300
    assert ask(rule_in_force, HERE, HELP, TOMORROW + dt.timedelta(days=31)).amount == 300
    on = {rule.key for rule in ask(rules_in_force, HERE, TOMORROW)}
    assert HELP not in on
    assert "serve.hour" in on


def test_who_may_record_is_chosen_from_whom_the_house_knows(
    ask: Run, lead: Callable[..., RuleSet]
) -> None:
    lead(recorded_by=("网格员", "社工"))

    assert ask(rule_in_force, HERE, HELP, TOMORROW).recorders == {"社工", "网格员"}
    for nobody in ((), ("门卫",), ("社工", "设备")):
        with pytest.raises(rules.RecordersWrong):
            lead(recorded_by=nobody)


@pytest.mark.parametrize("points", [199, 100, 501, 10_000, -300])
def test_outside_the_band_nothing_is_saved(
    ask: Run, lead: Callable[..., RuleSet], points: int
) -> None:
    with pytest.raises(rules.OutsideBand) as refusal:
        lead(points=points)

    assert refusal.value.sentence() == (
        "超出区指导目录的 2–5 分，不能保存。请改到区间内；确需超出，请向区里提出。"
    )
    assert ask(count, "community_rules") == 0


def test_a_band_of_half_points_is_said_with_its_half(
    app: Flask, lead: Callable[..., RuleSet]
) -> None:
    damage(app, "UPDATE catalogue_rules SET points_min = 150 WHERE key = 'serve.neighbour'")
    with pytest.raises(rules.OutsideBand) as refusal:
        lead(points=100)

    assert "1.5–5 分" in refusal.value.sentence()


def test_with_face_values_outside_the_band_is_marked_and_the_district_told(
    run: Run, ask: Run, cast: People, lead: Callable[..., RuleSet]
) -> None:
    allowed = settings.SetSetting(key="a", setting="exchange.face_value", place=0, value="1")
    run(settings.set_setting, allowed, cast.actor(cast.lin))

    made = lead(points=900)

    assert made.outside_band
    told = ask(
        lambda c: c.execute(
            select(OutboxMessage.person, OutboxMessage.params).where(
                OutboxMessage.template == "district.rule_outside"
            )
        ).all()
    )
    assert {row.person for row in told} == {cast.actor(who).person for who in (cast.lin, cast.wu)}
    lead(points=900)
    assert ask(count, "outbox", "template = 'district.rule_outside'") == 2
    for points in (950, 1_000_100, 9_999_999_999_999_900):
        with pytest.raises(rules.PointsWrong):
            lead(points=points)
    for changes in ({"points": -300}, {"points": 0}):
        with pytest.raises(rules.OutsideBand):
            lead(**changes)
    with pytest.raises(rules.OutsideBand):
        lead(rule="deduct.waste", points=-900, caps=Caps(per_month=1, per_year=6))


@pytest.mark.parametrize(
    "caps",
    [
        Caps(per_day=0),
        Caps(per_day=3, per_month=2),
        Caps(per_act=3, per_day=2),
        Caps(per_month=10, per_year=9),
        Caps(per_year=10_001),
        Caps(household_per_day=0),
        Caps(household_per_year=10_001),
        Caps(household_per_day=3, household_per_month=2),
        Caps(per_act=3, household_per_day=2),
    ],
)
def test_caps_that_make_no_sense_are_refused(lead: Callable[..., RuleSet], caps: Caps) -> None:
    with pytest.raises(rules.CapsWrong):
        lead(caps=caps)


@pytest.mark.parametrize("period", ["day", "month", "year"])
def test_a_household_has_no_less_together_than_each_of_it(
    lead: Callable[..., RuleSet], period: str
) -> None:
    with pytest.raises(rules.HouseholdCapLow) as refusal:
        lead(caps=Caps(**{f"per_{period}": 2, f"household_per_{period}": 1}))
    lead(caps=Caps(**{f"per_{period}": 2, f"household_per_{period}": 2}))

    assert "全户合计的上限不能比同期的每人上限小" in refusal.value.sentence()


def test_what_is_given_to_a_household_has_no_caps_of_members(lead: Callable[..., RuleSet]) -> None:
    monthly = {"rule": "waste.month", "points": 1200, "recorded_by": ("网格员",)}
    with pytest.raises(rules.HouseholdCapUnfit) as refusal:
        lead(**monthly, caps=Caps(per_month=1, household_per_year=12))

    assert "请把全户合计的上限留空" in refusal.value.sentence()


def test_a_monthly_rule_stays_once_a_month(lead: Callable[..., RuleSet]) -> None:
    monthly = {"rule": "waste.month", "points": 1200, "recorded_by": ("网格员",)}
    for per_month in (None, 2):
        with pytest.raises(rules.CapsWrong):
            lead(**monthly, caps=Caps(per_month=per_month, per_year=12))
    lead(**monthly, caps=Caps(per_month=1, per_year=12))


@pytest.mark.parametrize("days", [-1, 0, 367])
def test_a_rule_changes_from_tomorrow_within_a_year(
    lead: Callable[..., RuleSet], days: int
) -> None:
    with pytest.raises(rules.RuleDayPast):
        lead(valid_from=TODAY + dt.timedelta(days=days))


@pytest.mark.parametrize(
    "changes",
    [
        {"points": 200},
        {"points": 500},
        {"valid_from": TODAY + dt.timedelta(days=366)},
        {"caps": Caps(per_year=10_000, household_per_year=10_000)},
        {"caps": Caps(per_act=1, per_day=1, per_month=1, per_year=1, household_per_day=1)},
    ],
)
def test_what_stands_exactly_at_its_bound_is_saved(
    lead: Callable[..., RuleSet], changes: dict[str, Any]
) -> None:
    assert not lead(**changes).exists


def test_only_the_lead_of_the_community_changes_its_rules(run: Run, cast: People) -> None:
    for someone, refusal in (
        (cast.staff, Forbidden),
        (cast.keeper, Forbidden),
        (cast.lin, Forbidden),
        (cast.wang, Forbidden),
    ):
        with pytest.raises(refusal):
            run(set_rule, setting(), cast.actor(someone))
    with pytest.raises(NotInYourScope):
        run(set_rule, setting(community=THERE), cast.actor(cast.lead))
    with pytest.raises(RuleUnknown):
        run(set_rule, setting(rule="no.such"), cast.actor(cast.lead))


WASTE_AS_SERVICE = (
    "UPDATE catalogue_rules SET points_kind = 'service', holder = 'resident'"
    " WHERE key = 'waste.month'"
)
CHEATS = (
    WASTE_AS_SERVICE,
    "UPDATE rule_topics SET points_kind = 'service' WHERE key = 'waste'",
    "UPDATE rule_topics SET points_kind = 'service' WHERE key = 'covenant'",
    "UPDATE catalogue_rules SET topic = 'waste' WHERE key = 'serve.neighbour'",
    "UPDATE catalogue_rules SET community = 330102001051 WHERE key = 'deduct.waste'",
)


@pytest.mark.parametrize("cheat", CHEATS)
def test_the_database_itself_keeps_waste_sorting_basic(run: Run, cast: People, cheat: str) -> None:
    def write(work: Work, _command: None) -> None:
        work.connection.execute(text(cheat))

    with pytest.raises(IntegrityError):
        run(write, None, SYSTEM)
