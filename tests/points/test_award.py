"""Awards: pending until settled, once per cause, inside caps, borne where the service was done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text

from core.work import SHANGHAI, Work
from points.accounts import household_account, resident_account
from points.books import books
from points.earning import awards
from points.models import Account, Award, Transfer
from points.settlement import settle_due
from tests.conftest import Clock
from tests.points.books import HERE, NEIGHBOUR, RESIDENT, THERE, WALLET, Nothing
from tests.points.earning import (
    CORRIDOR,
    HOUR,
    HOUSEHOLD,
    JOIN,
    count,
    days_later,
    give,
    holders,
    many,
    serving,
)
from tests.points.test_posting import totals

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def _holders(run: Run) -> None:
    run(holders, None)


def settle_tomorrow(app: Flask, clock: Clock) -> int:
    clock.advance(days=1)
    with app.app_context():
        return settle_due()


def state(connection: Connection, identity: UUID) -> str:
    return str(connection.scalar(select(Award.state).where(Award.id == identity)))


def used(connection: Connection) -> dict[str, int]:
    rows = connection.execute(text("SELECT period, used FROM rule_usage"))
    return {row.period: row.used for row in rows}


# --- pending, once per cause -----------------------------------------------------------------


def test_an_award_waits_and_moves_nothing(run: Run, ask: Run) -> None:
    given = give(run, "a")

    assert (given.amount, given.units, given.capped, given.exists) == (1000, 2, False, False)
    assert given.due == dt.datetime(2026, 11, 25, 2, 0, tzinfo=SHANGHAI)
    assert ask(state, given.id) == "pending"
    assert ask(totals, WALLET) == (0, 0, 0, 0)
    assert ask(count, "transfers") == 0


def test_it_arrives_in_the_night_under_its_own_id(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    given = give(run, "a")

    assert settle_tomorrow(app, clock) == 1
    assert ask(state, given.id) == "done"
    assert ask(totals, WALLET) == (1000, 0, 0, 1)
    assert ask(lambda connection: connection.scalar(select(Transfer.id))) == given.id


def test_the_same_cause_again_says_that_it_exists(run: Run, ask: Run) -> None:
    first = give(run, "a")
    again = give(run, "a")

    assert again == replace(first, exists=True)
    assert ask(count, "awards") == 1
    assert ask(used) == {"2026": 2, "2026-11": 2, "2026-11-24": 2}


def test_the_same_cause_from_many_at_once_is_awarded_once(run: Run, ask: Run) -> None:
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: give(run, "a"), range(16)))

    assert [answer.exists for answer in given].count(False) == 1
    assert ask(count, "awards") == 1
    assert set(ask(used).values()) == {2}


@pytest.mark.parametrize("changed", [{"holder_id": NEIGHBOUR}, {"rule": JOIN, "units": 1}])
def test_a_cause_that_gave_something_else_is_refused(run: Run, changed: dict[str, Any]) -> None:
    give(run, "a")

    with pytest.raises(awards.AwardDiffers):
        give(run, "a", **changed)


@pytest.mark.parametrize("units", [0, -1, awards.UNITS_MAX + 1])
def test_units_out_of_range_are_refused(run: Run, ask: Run, units: int) -> None:
    with pytest.raises(awards.UnitsOutOfRange):
        give(run, "a", units=units)

    assert ask(count, "awards") == 0


# --- caps ------------------------------------------------------------------------------------


def test_units_beyond_the_day_are_cut(run: Run) -> None:
    given = give(run, "a", units=11)

    assert (given.units, given.amount, given.capped) == (8, 4000, True)


def test_nothing_is_left_of_a_full_day(run: Run, ask: Run) -> None:
    give(run, "a", units=8)
    given = give(run, "b", units=1)

    assert given == replace(awards.NOTHING, cap="per_day")
    assert ask(count, "awards") == 1
    assert give(run, "c", units=1, event_at=days_later(1)).units == 1


def test_a_day_is_that_of_hangzhou(run: Run) -> None:
    late = dt.datetime(2026, 11, 24, 23, 59, tzinfo=SHANGHAI)
    give(run, "a", units=8, event_at=late)

    assert give(run, "b", units=1, event_at=late - dt.timedelta(hours=12)).units == 0
    assert give(run, "c", units=1, event_at=late + dt.timedelta(minutes=1)).units == 1


@pytest.mark.parametrize(
    ("caps", "next_day"),
    [
        ({"cap_per_day": 3}, {1: 2, 30: 2}),
        ({"cap_per_month": 3}, {1: 1, 30: 2}),
        ({"cap_per_year": 3}, {1: 1, 30: 1, 60: 2}),
    ],
)
def test_each_cap_cuts_its_own_period(
    run: Run, caps: dict[str, int], next_day: dict[int, int]
) -> None:
    changes: dict[str, Any] = {"cap_per_day": None, "cap_per_month": None, "cap_per_year": None}
    rule = replace(HOUR, **(changes | caps))
    assert give(run, "first", rule=rule, units=2).units == 2

    for day, units in next_day.items():
        assert give(run, f"day {day}", rule=rule, units=2, event_at=days_later(day)).units == units
        run(undo, f"day {day}")


def undo(work: Work, cause: str) -> Nothing:
    identity = work.connection.scalar(select(Award.id).where(Award.cause == cause))
    assert identity is not None
    awards.void_award(work, identity)
    return Nothing()


def test_the_tightest_of_three_caps_decides_and_all_three_count(run: Run, ask: Run) -> None:
    rule = replace(HOUR, cap_per_day=6, cap_per_month=5, cap_per_year=4)

    assert give(run, "a", rule=rule, units=8).units == 4
    assert ask(used) == {"2026": 4, "2026-11": 4, "2026-11-24": 4}


def test_a_rule_without_caps_counts_and_limits_nothing(run: Run, ask: Run) -> None:
    rule = replace(HOUR, cap_per_day=None, cap_per_month=None, cap_per_year=None)

    assert give(run, "a", rule=rule, units=500).units == 500
    assert set(ask(used).values()) == {500}


def test_caps_count_over_the_whole_district_and_for_each_holder(run: Run) -> None:
    give(run, "a", units=5)

    assert give(run, "b", units=5, bearing=THERE).units == 3
    assert give(run, "c", units=5, holder_id=NEIGHBOUR).units == 5


def test_many_at_once_never_exceed_a_cap(run: Run, ask: Run) -> None:
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda number: give(run, f"{number}", units=3).units, range(8)))

    assert sum(given) == 8
    assert sorted(given, reverse=True)[:3] == [3, 3, 2]
    assert ask(used)["2026-11-24"] == 8


# --- who bears it ----------------------------------------------------------------------------


def transfers(connection: Connection) -> set[tuple[int, str, str, int, int | None]]:
    debit, credit = Account.__table__.alias(), Account.__table__.alias()
    rows = connection.execute(
        select(Transfer.__table__, debit.c.purpose, credit.c.purpose)
        .join(debit, debit.c.id == Transfer.debit)
        .join(credit, credit.c.id == Transfer.credit),
    )
    return {(row.community, row.purpose, row.purpose_1, row.amount, row.standard) for row in rows}


def test_service_elsewhere_is_borne_there_and_paid_here_at_face_value(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    given = give(run, "a", bearing=THERE, face_bearing=8_000, face_home=10_000)
    assert given.amount == 800

    assert settle_tomorrow(app, clock) == 1
    assert ask(totals, WALLET) == (800, 0, 0, 1)
    assert ask(transfers) == {
        (HERE, "clearing", "holder", 800, 800),
        (THERE, "issued", "clearing", 1000, 800),
    }
    pair = {book.community: book for book in ask(books, "clearing")}
    assert (pair[HERE].balance, pair[THERE].balance) == (-800, 1000)
    assert pair[HERE].standard + pair[THERE].standard == 0
    assert {book.community: book.balance for book in ask(books, "issued")} == {THERE: -1000}


def test_a_face_value_that_does_not_divide_is_cut_to_a_centipoint(run: Run) -> None:
    assert give(run, "a", bearing=THERE, face_bearing=10_000, face_home=30_000).amount == 333


def test_basic_points_earned_elsewhere_are_borne_at_home(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    give(run, "a", rule=JOIN, units=1, bearing=THERE, face_bearing=8_000)
    settle_tomorrow(app, clock)

    assert ask(transfers) == {(HERE, "issued", "holder", 100, None)}


def test_basic_points_go_to_the_resident_and_to_the_household(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    give(run, "a", rule=JOIN, units=2)
    give(run, "b", rule=CORRIDOR, units=1, holder_kind="household", holder_id=HOUSEHOLD)
    settle_tomorrow(app, clock)

    assert ask(totals, resident_account(RESIDENT, HERE, "basic")) == (200, 0, 0, 1)
    assert ask(totals, household_account(HOUSEHOLD, HERE)) == (500, 0, 0, 1)
    assert ask(totals, WALLET) == (0, 0, 0, 0)


# --- taking back -----------------------------------------------------------------------------


def test_a_void_award_frees_its_caps_and_never_arrives(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    given = give(run, "a", units=8)

    assert run(awards.void_award, given.id)
    assert ask(state, given.id) == "void"
    assert give(run, "b", units=8).units == 8
    assert settle_tomorrow(app, clock) == 1
    assert ask(totals, WALLET) == (4000, 0, 0, 1)


def test_voiding_twice_frees_the_caps_once(run: Run, ask: Run) -> None:
    give(run, "kept", units=3)
    given = give(run, "a", units=2)
    run(awards.void_award, given.id)

    assert not run(awards.void_award, given.id)
    assert set(ask(used).values()) == {3}


def test_many_who_void_at_once_free_the_caps_once(run: Run, ask: Run) -> None:
    give(run, "kept", units=3)
    given = give(run, "a", units=2)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: run(awards.void_award, given.id), range(8)))

    assert answers.count(True) == 1
    assert set(ask(used).values()) == {3}


def test_what_has_arrived_cannot_be_voided(app: Flask, clock: Clock, run: Run, ask: Run) -> None:
    given = give(run, "a")
    settle_tomorrow(app, clock)

    with pytest.raises(awards.AwardSettled):
        run(awards.void_award, given.id)
    assert ask(totals, WALLET) == (1000, 0, 0, 1)


def test_what_never_was_cannot_be_voided(run: Run) -> None:
    with pytest.raises(awards.AwardUnknown):
        run(awards.void_award, UUID(int=404))


def test_several_awards_of_one_transaction_are_all_given_or_none(run: Run, ask: Run) -> None:
    with pytest.raises(awards.UnitsOutOfRange):
        run(many, [serving("a"), serving("b", units=0)])

    assert ask(count, "awards") == 0
    assert ask(used) == {}
    assert not give(run, "a").exists
