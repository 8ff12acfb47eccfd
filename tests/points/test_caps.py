"""Caps in units per act, day, month and year, of each person and of a household together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import Connection, Uuid, func, select, text

from core.db import db
from core.work import SHANGHAI, Work
from exchange.moving import MoveHousehold, move_household
from points.earning.awards import Award, AwardDiffers, Awarded, award, void_award
from points.earning.caps import full_words
from points.earning.community_rules import Caps, SetRule, set_rule
from points.earning.many import award_many
from points.earning.rules import Rule, rule_in_force, units_at_most
from points.models import RuleUsage
from points.proof.verify import verify
from tests.conftest import Stage
from tests.people import HERE, NEAR, Someone
from tests.points.books import NEIGHBOUR, RESIDENT, one
from tests.points.correcting import Desk
from tests.points.earning import (
    CORRIDOR,
    HOUR,
    HOUSEHOLD,
    JOIN,
    count,
    days_later,
    holders,
    serving,
)
from tests.points.raw import Raw

Run = Callable[..., Any]
FAMILY = replace(
    HOUR,
    cap_per_act=3,
    cap_per_day=None,
    cap_per_month=None,
    cap_per_year=None,
    household_cap_per_day=4,
    household_cap_per_month=6,
    household_cap_per_year=8,
)
OF_HOUSEHOLD = f"holder_id = '{HOUSEHOLD.hex}'"
ROUNDS = 12
BOTH = replace(FAMILY, cap_per_day=2, cap_per_month=5, cap_per_year=7)


@pytest.fixture(autouse=True)
def people(run: Run, cast: Any) -> None:
    run(holders, None)


def given(cause: str, rule: Rule = FAMILY, **changes: Any) -> Award:
    return serving(cause, rule=rule, household=HOUSEHOLD, **changes)


def used(connection: Connection, *whose: UUID) -> dict[str, int]:
    """What is used of the counters of some, by period."""
    query = select(RuleUsage.period, func.sum(RuleUsage.used).label("used"))
    mine = query.where(RuleUsage.used > 0, RuleUsage.holder_id.in_(whose))
    rows = connection.execute(mine.group_by(RuleUsage.period))
    return {row.period: row.used for row in rows}


def taken_back(work: Work, identity: UUID) -> Any:
    return void_award(work, identity)


def void(run: Run, made: Awarded) -> None:
    run(taken_back, one(made.id))


def broken(ask: Run) -> int:
    return sum(each.times for each in ask(lambda c: verify(c).broken) if each.name == "caps")


def test_one_act_counts_no_more_than_its_cap(run: Run) -> None:
    made = run(award, given("a", units=10))

    assert (made.units, made.capped) == (3, True)


def test_an_act_is_promised_what_the_caps_of_an_act_and_of_a_day_let_it_count() -> None:
    unlimited = replace(HOUR, cap_per_day=None)
    rules = (BOTH, FAMILY, replace(FAMILY, cap_per_act=None), unlimited)

    assert [units_at_most(rule, 9) for rule in rules] == [2, 3, 4, 9]


def test_members_of_a_household_use_its_caps_together(run: Run, ask: Run) -> None:
    first = run(award, given("a", units=3))
    second = run(award, given("b", units=3, holder_id=NEIGHBOUR))
    nothing = run(award, given("c", units=1))

    assert (first.units, second.units, second.capped) == (3, 1, True)
    assert (nothing.units, nothing.id) == (0, None)
    assert ask(used, HOUSEHOLD) == dict.fromkeys(("2026", "2026-11", "2026-11-24"), 4)
    assert ask(used, RESIDENT) == dict.fromkeys(("2026", "2026-11", "2026-11-24"), 3)
    assert ask(used, NEIGHBOUR) == dict.fromkeys(("2026", "2026-11", "2026-11-24"), 1)


def test_the_month_and_the_year_count_the_household_too(run: Run) -> None:
    run(award, given("a", units=3))
    other = run(award, given("b", units=3, holder_id=NEIGHBOUR, event_at=days_later(1)))
    month = run(award, given("c", units=3, event_at=days_later(2)))
    year = run(award, given("d", units=3, event_at=days_later(7)))

    assert [other.units, month.units, year.units] == [3, 0, 2]


def test_a_rule_that_counts_persons_leaves_the_household_out(run: Run, ask: Run) -> None:
    run(award, given("a", HOUR, units=8))
    made = run(award, given("b", HOUR, units=8, holder_id=NEIGHBOUR))

    assert made.units == 8
    assert ask(used, HOUSEHOLD) == {}
    assert ask(count, "rule_usage") == 6


def test_a_household_that_is_not_known_has_no_caps(run: Run, ask: Run) -> None:
    made = run(award, serving("a", rule=BOTH, units=3))

    assert (made.units, made.cap) == (2, "per_day")
    assert ask(count, "awards", "counted_for IS NULL") == 1


def test_what_a_household_gets_uses_its_own_caps_only(run: Run, ask: Run) -> None:
    monthly = replace(CORRIDOR, household_cap_per_month=5)
    facts = {"holder_kind": "household", "holder_id": HOUSEHOLD, "units": 2}
    made = run(award, given("a", monthly, **facts))

    assert (made.units, made.cap) == (1, "per_month")
    assert ask(used, HOUSEHOLD) == dict.fromkeys(("2026", "2026-11", "2026-11-24"), 1)


@pytest.mark.parametrize(
    ("before", "at", "units", "cap"),
    [
        # Each line: what the two of the household had, by day; how much of three is left on a day.
        ([], 0, 2, "per_day"),
        ([(RESIDENT, 0, 2)], 0, 0, "per_day"),
        ([(RESIDENT, 0, 2), (RESIDENT, 1, 2)], 2, 1, "per_month"),
        ([(NEIGHBOUR, 0, 2), (RESIDENT, 0, 1)], 0, 1, "per_day"),
        ([(NEIGHBOUR, 0, 2), (NEIGHBOUR, 1, 2)], 2, 2, "per_day"),
        ([(NEIGHBOUR, 0, 2), (NEIGHBOUR, 1, 2), (NEIGHBOUR, 2, 1)], 2, 1, "household_per_month"),
        ([(NEIGHBOUR, 0, 2), (NEIGHBOUR, 1, 2), (RESIDENT, 2, 2)], 3, 0, "household_per_month"),
        (
            [(NEIGHBOUR, 0, 2), (NEIGHBOUR, 1, 2), (NEIGHBOUR, 2, 1), (RESIDENT, 7, 2)],
            8,
            1,
            "household_per_year",
        ),
        (
            [(RESIDENT, 0, 2), (RESIDENT, 1, 2), (RESIDENT, 2, 1), (RESIDENT, 7, 2)],
            8,
            0,
            "per_year",
        ),
    ],
)
def test_of_both_caps_the_one_that_leaves_less_says_what_fits(
    run: Run, ask: Run, before: list[tuple[UUID, int, int]], at: int, units: int, cap: str
) -> None:
    for number, (who, day, had) in enumerate(before):
        there = run(
            award,
            given(f"{number}", BOTH, units=had, holder_id=who, event_at=days_later(day)),
        )
        assert there.units == had

    made = run(award, given("a", BOTH, units=3, event_at=days_later(at)))

    assert (made.units, made.capped, made.cap) == (units, True, cap)
    assert sum(had for _who, _day, had in before) + units == ask(used, HOUSEHOLD)["2026"]
    assert ask(used, RESIDENT, NEIGHBOUR) == ask(used, HOUSEHOLD)
    assert broken(ask) == 0


def test_an_act_names_its_own_cap_and_all_of_it_none(run: Run) -> None:
    wide = replace(BOTH, cap_per_act=1)
    capped = run(award, given("a", wide, units=3))
    again = run(award, given("a", wide, units=3))
    whole = run(award, given("b", wide, units=1))

    assert (capped.units, capped.cap) == (1, "per_act")
    assert (again.units, again.exists, again.cap) == (1, True, None)
    assert (whole.units, whole.capped, whole.cap) == (1, False, None)


@pytest.mark.parametrize(
    ("cap", "holder", "units", "sentence"),
    [
        ("per_day", "resident", 0, "本人每天的上限已满，不计分"),
        ("per_month", "household", 0, "本户每月的上限已满，不计分"),
        ("household_per_year", "resident", 0, "全户合计每年的上限已满，不计分"),
        ("household_per_month", "resident", 2, "全户合计每月的上限只够 2 次"),
        ("per_act", "resident", 3, "本人每次的上限只够 3 次"),
    ],
)
def test_a_sentence_says_whose_cap_is_full_and_what_was_left(
    cap: str, holder: str, units: int, sentence: str
) -> None:
    assert full_words(cap, holder, units) == sentence


def test_a_void_award_gives_its_units_back_to_both(run: Run, ask: Run) -> None:
    made = run(award, given("a", units=3))
    alone, other = HOUR, replace(FAMILY, key="join.activity")
    run(award, given("by a rule without", alone, units=2, holder_id=NEIGHBOUR))
    run(award, given("by another rule", other, units=3))
    run(award, given("a day later", units=1, event_at=days_later(1)))

    void(run, made)

    assert ask(used, HOUSEHOLD) == {"2026": 4, "2026-11": 4, "2026-11-24": 3, "2026-11-25": 1}
    assert ask(used, RESIDENT) == {"2026": 4, "2026-11": 4, "2026-11-24": 3, "2026-11-25": 1}
    assert ask(used, NEIGHBOUR) == dict.fromkeys(("2026", "2026-11", "2026-11-24"), 2)
    assert run(award, given("b", units=3, holder_id=NEIGHBOUR)).units == 3
    assert broken(ask) == 0


def test_the_day_is_the_one_in_hangzhou(run: Run, ask: Run) -> None:
    late = days_later(0).astimezone(SHANGHAI).replace(hour=23, minute=59)
    run(award, given("a", units=3, event_at=late))

    assert ask(used, HOUSEHOLD)["2026-11-24"] == 3
    assert ask(used, RESIDENT)["2026-11-24"] == 3


def test_a_cap_that_comes_later_finds_what_was_given_before(run: Run, ask: Run) -> None:
    free = replace(
        FAMILY, cap_per_act=None, household_cap_per_day=None, household_cap_per_month=None
    )
    first = run(award, given("a", free, units=3))
    second = run(award, given("b", units=3, holder_id=NEIGHBOUR))
    void(run, first)

    assert second.units == 1
    assert ask(used, HOUSEHOLD) == dict.fromkeys(("2026", "2026-11", "2026-11-24"), 1)


@dataclass(frozen=True)
class Results:
    """What several awards came to."""

    rows: tuple[Awarded | AwardDiffers, ...]


def at_once(work: Work, commands: Sequence[Award]) -> Results:
    return Results(tuple(award_many(work, commands)))


def counters(connection: Connection, rule: Rule) -> set[tuple[UUID, str, int]]:
    query = select(RuleUsage.holder_id, RuleUsage.period, RuleUsage.used)
    rows = connection.execute(query.where(RuleUsage.rule == rule.key, RuleUsage.used > 0))
    return {(row.holder_id, row.period, row.used) for row in rows}


def test_many_at_once_come_to_what_each_would_alone(run: Run, ask: Run) -> None:
    def wanted(rule: Rule) -> list[Award]:
        days = [(RESIDENT, 0), (NEIGHBOUR, 0), (RESIDENT, 0), (NEIGHBOUR, 1), (RESIDENT, 2)]
        return [
            given(f"{rule.key} {number}", rule, units=3, holder_id=who, event_at=days_later(day))
            for number, (who, day) in enumerate(days)
        ]

    other = replace(BOTH, key="join.activity")
    alone = [run(award, command) for command in wanted(BOTH)]
    without = given("without", replace(JOIN, key="give.goods"), units=1)
    together = run(at_once, [*wanted(other), without]).rows

    found = [(each.units, each.amount, each.cap) for each in together]
    assert found == [
        (2, 1000, "per_day"),
        (2, 1000, "per_day"),
        (0, 0, "per_day"),
        (2, 1000, "per_day"),
        (0, 0, "household_per_month"),
        (1, 100, None),
    ]
    assert found[:-1] == [(each.units, each.amount, each.cap) for each in alone]
    assert ask(counters, other) == ask(counters, BOTH)
    assert broken(ask) == 0


@pytest.mark.timeout(60)
def test_members_at_the_same_moment_share_what_is_left_and_nobody_waits_in_a_circle(
    run: Run, ask: Run
) -> None:
    tried: list[str] = []

    def single(work: Work, command: Award) -> Awarded:
        tried.append(command.cause)
        return award(work, command)

    def act(commands: list[Award]) -> int:
        if len(commands) == 1:
            return int(run(single, commands[0]).units)
        return sum(each.units for each in run(at_once, commands).rows)

    wide = replace(BOTH, household_cap_per_month=None, household_cap_per_year=None)
    wide = replace(wide, cap_per_day=3, cap_per_month=None, cap_per_year=None)
    with ThreadPoolExecutor(6) as pool:
        for day in range(ROUNDS):
            wanted = [
                given(f"{day} {number}", wide, units=2, holder_id=who, event_at=days_later(day))
                for number, who in enumerate([RESIDENT, NEIGHBOUR] * 4)
            ]
            parts = [*([each] for each in wanted[:4]), wanted[4:6], wanted[:5:-1]]
            assert sum(pool.map(act, parts)) == 4

    # Who lost a race would have tried again.
    assert len(tried) == len(set(tried)) == 4 * ROUNDS
    assert broken(ask) == 0


@dataclass
class Family:
    """王秀英 and 李国强, who live together and have caps of both kinds."""

    desk: Desk

    @property
    def home(self) -> UUID:
        return one(self.desk.cast.wang.household)

    def earn(self, who: Someone, units: int, **changes: Any) -> UUID:
        facts = {"rule": BOTH, "household": self.home, "event_at": self.desk.clock.now}
        return self.desk.earn(settled=False, who=who, units=units, **(facts | changes))

    def used(self, *whose: UUID | None) -> int:
        """Return what is used of the year."""
        found: dict[str, int] = self.desk.ask(used, *map(one, whose))
        return found.get("2026", 0)


@pytest.fixture
def family(desk: Desk) -> Family:
    assert desk.cast.wang.household == desk.cast.li.household
    return Family(desk)


def test_a_part_that_is_taken_back_can_be_earned_again_by_both_and_by_who_moved(
    family: Family,
) -> None:
    desk, wang, li = family.desk, family.desk.cast.wang, family.desk.cast.li
    first = family.earn(wang, 2)
    family.earn(li, 2)
    desk.night()
    later = family.earn(wang, 2)
    command = MoveHousehold(key="out", community=NEAR, residents=(one(wang.resident),))
    moved = desk.run(move_household, command, desk.cast.actor(desk.cast.near))
    new = moved.residents[0]
    assert (family.used(wang.resident), family.used(new), family.used(li.resident)) == (4, 4, 2)
    assert (family.used(family.home), family.used(moved.household)) == (6, 0)

    desk.run(taken_back, later)
    desk.back(first, amount=500)

    assert (family.used(wang.resident), family.used(new), family.used(li.resident)) == (1, 1, 2)
    assert (family.used(family.home), family.used(moved.household)) == (3, 0)
    assert desk.broken() == []


def test_the_older_shape_counts_a_household_alone_and_the_newer_one_its_persons_too(
    family: Family, app: Flask
) -> None:
    desk, wang, li = family.desk, family.desk.cast.wang, family.desk.cast.li
    first = family.earn(wang, 2)
    family.earn(li, 2)
    family.earn(li, 1, rule=replace(HOUR, key="serve.hour.street"))
    desk.night()
    desk.run(taken_back, family.earn(wang, 1))
    family.earn(wang, 2)
    command = MoveHousehold(key="out", community=NEAR, residents=(one(wang.resident),))
    moved = desk.run(move_household, command, desk.cast.actor(desk.cast.near))
    desk.back(first, amount=500)
    rule = SetRule(
        community=HERE,
        rule="serve.neighbour",
        valid_from=dt.date(2026, 12, 1),
        points=400,
        caps=Caps(per_act=1, per_day=2, household_per_day=3, household_per_month=9),
        recorded_by=("社工",),
    )
    desk.run(set_rule, rule, desk.cast.actor(desk.cast.lead))
    before = desk.ask(every_counter)
    assert len({whose for whose, *_counter in before}) == 4

    with app.app_context():
        downgrade(revision="20261128_feed_files")
        with db.engine.connect() as connection:
            query = text("SELECT holder_id, used FROM rule_usage WHERE used > 0 AND period = :year")
            older = connection.execute(query.columns(holder_id=Uuid), {"year": "2026"}).all()
            caps = text("SELECT cap_per_act, cap_per_day, household_caps FROM community_rules")
            older_caps = connection.execute(caps).one()
        upgrade()

    assert sorted(map(tuple, older)) == sorted([(family.home, 5), (one(li.resident), 1)])
    assert tuple(older_caps) == (1, 3, True)
    assert desk.ask(every_counter) == before
    assert desk.broken() == []
    newer = desk.ask(rule_in_force, HERE, "serve.neighbour", rule.valid_from)
    assert (newer.cap_per_act, newer.caps) == (1, (None, None, None))
    assert newer.household_caps == (None, 9, 3)
    assert family.used(moved.residents[0]) == family.used(wang.resident) == 3


def every_counter(connection: Connection) -> set[tuple[UUID, str, str, int]]:
    rows = connection.execute(select(RuleUsage.__table__).where(RuleUsage.used > 0))
    return {(row.holder_id, row.rule, row.period, row.used) for row in rows}


def test_the_verifier_holds_the_counters_against_the_awards(
    run: Run, ask: Run, stage: Stage
) -> None:
    run(award, given("a", units=3))
    run(award, given("b", HOUR, units=2, holder_id=NEIGHBOUR))

    found = [broken(ask)]
    with Raw(stage) as raw:
        for damage in (
            f"UPDATE rule_usage SET used = used + 1 WHERE period = '2026-11' AND {OF_HOUSEHOLD}",  # noqa: S608 - ours
            "UPDATE rule_usage SET used = used - 1 WHERE used = 2 AND period = '2026'",
            "UPDATE rule_usage SET period = '2026-11-25' WHERE used = 2 AND period = '2026-11-24'",
        ):
            raw.execute(damage)
            found.append(broken(ask))

    # A month is wrong beside its days and its year; a counter of another day on both days.
    assert found == [0, 2, 3, 5]


@pytest.mark.parametrize("whose", ["the resident's", "the household's"])
def test_the_verifier_finds_a_missing_counter_of_either(
    run: Run, ask: Run, stage: Stage, whose: str
) -> None:
    run(award, given("a", units=3))
    of = OF_HOUSEHOLD if whose == "the household's" else f"NOT {OF_HOUSEHOLD}"

    with Raw(stage) as raw:
        raw.execute(f"DELETE FROM rule_usage WHERE {of}")  # noqa: S608 - one of two

    assert broken(ask) == 1


def test_the_verifier_asks_whose_household_it_was(run: Run, ask: Run, stage: Stage) -> None:
    run(award, given("a", units=3))
    with Raw(stage) as raw:
        raw.execute("UPDATE awards SET counted_for = NULL")

    assert broken(ask) == 1
