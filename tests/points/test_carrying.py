"""Carrying points from one account to another: no age is lost, none is made up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select

from core.work import Work
from points import ledger
from points.accounts import account_id, clearing, resident_account
from points.books import books
from points.carrying import Carried, Carry, Holder, PointsHeld, carry, carry_usage
from points.ledger import AccountUnknown
from points.models import RuleUsage, Transfer
from tests.conftest import Clock
from tests.points.books import (
    HERE,
    ISSUED,
    NEIGHBOUR,
    PURSE,
    REDEEMED,
    RESIDENT,
    THERE,
    WALLET,
    Nothing,
    decided,
    open_resident,
    posting,
)
from tests.points.calendar import ends, hangzhou, holds_true, left, night, set_aside
from tests.points.earning import days_later, give, holders

Run = Callable[..., Any]
MINE = Holder(id=RESIDENT, community=HERE)
THEIRS = Holder(id=NEIGHBOUR, community=HERE)
OVER_MINE = Carry(source=MINE, target=THEIRS, note="合并登记")


def elsewhere(work: Work, _command: object) -> Nothing:
    """Open the resident's accounts elsewhere, too."""
    open_resident(work, RESIDENT, THERE)
    return Nothing()


def used(connection: Connection, holder: UUID) -> dict[str, int]:
    query = select(RuleUsage.period, RuleUsage.used).where(RuleUsage.holder_id == holder)
    return {row.period: row.used for row in connection.execute(query)}


@pytest.fixture(autouse=True)
def _two_years(app: Flask, clock: Clock, run: Run) -> None:
    """40 old points of mine; the other had 100 old and 50 new ones, and has spent 130."""
    run(holders, None)
    run(elsewhere, None)
    run(decided, posting(1, ISSUED, WALLET, 40, "adjustment"))
    run(decided, posting(2, ISSUED, PURSE, 100, "adjustment"))
    night(app, clock, 2026)
    clock.set(hangzhou(2027, 5, 5))
    run(decided, posting(3, ISSUED, PURSE, 50, "adjustment"))
    run(ledger.post, posting(4, PURSE, REDEEMED, 130, "redemption"))


def test_what_the_other_had_spent_of_its_younger_points_ages_nothing(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    run(carry, OVER_MINE)

    found = ask(ends, clock.now, PURSE)
    assert (found.this_year, found.next_year) == (40, 20)
    night(app, clock, 2027)
    assert ask(left, PURSE) == 20
    holds_true(app, "causes")


def test_carrying_twice_carries_once(clock: Clock, run: Run, ask: Run) -> None:
    assert run(carry, OVER_MINE).service == 40
    assert run(carry, OVER_MINE).service == 0

    assert ask(left, PURSE) == 60
    assert ask(ends, clock.now, PURSE).this_year == 40


@pytest.mark.parametrize("account", [WALLET, PURSE])
def test_what_is_held_on_either_side_holds_it_back(run: Run, ask: Run, account: int) -> None:
    set_aside(run, 77, 10, account)

    with pytest.raises(PointsHeld):
        run(carry, OVER_MINE)

    assert ask(left, PURSE) == (10 if account == PURSE else 20)


def test_what_is_too_small_for_a_centipoint_over_there_is_rounding(
    app: Flask, run: Run, ask: Run
) -> None:
    source = Holder(id=RESIDENT, community=HERE, face=1)
    target = Holder(id=RESIDENT, community=THERE, face=10_000)

    assert run(carry, Carry(source=source, target=target, note="搬家转分")).service == 0

    assert ask(left, WALLET) == 0
    assert ask(left, resident_account(RESIDENT, THERE, "service")) == 0
    assert [book.balance for book in ask(books, "rounding")] == [40]
    assert account_id("rounding", HERE, "service") < 0
    holds_true(app, "causes")


def moved(connection: Connection) -> list[Any]:
    """Return what moving wrote, by the book and by the kind."""
    rows = connection.execute(
        select(Transfer.__table__)
        .where(Transfer.act == "moving")
        .order_by(Transfer.points_kind, Transfer.community != HERE)
    )
    return list(rows)


def test_both_kinds_go_along_each_by_its_own_way(
    app: Flask, clock: Clock, run: Run, ask: Run
) -> None:
    basic = account_id("holder", HERE, "basic", holder_kind="resident", holder_id=RESIDENT)
    issued = {place: account_id("issued", place, "basic") for place in (HERE, THERE)}
    given = posting(9, issued[HERE], basic, 7, "adjustment")
    run(decided, replace(given, points_kind="basic"))
    source = Holder(id=RESIDENT, community=HERE, face=15_000)
    target = Holder(id=RESIDENT, community=THERE, face=20_000)

    done = run(carry, Carry(source=source, target=target, note="搬家转分"))

    there = {
        kind: account_id("holder", THERE, kind, holder_kind="resident", holder_id=RESIDENT)
        for kind in ("basic", "service")
    }
    assert done == Carried(service=30, basic=7)
    lines = ask(moved)
    assert [
        (each.points_kind, each.community, each.debit, each.credit, each.amount, each.standard)
        for each in lines
    ] == [
        ("basic", HERE, basic, issued[HERE], 7, None),
        ("basic", THERE, issued[THERE], there["basic"], 7, None),
        ("service", HERE, WALLET, clearing(HERE, THERE), 40, 60),
        ("service", THERE, clearing(THERE, HERE), there["service"], 30, 60),
    ]
    assert {
        (each.source_kind, each.source_id, each.note, each.event_at, each.day) for each in lines
    } == {("moving", RESIDENT, "搬家转分", clock.now, clock.now.date())}
    assert len({each.id for each in lines}) == 4
    assert [lines[0].journal, lines[2].journal] == [lines[1].journal, lines[3].journal]
    # What is left of a centipoint and of its year goes the same way.
    found = ask(ends, clock.now, there["service"])
    assert (found.this_year, found.next_year) == (30, 0)
    holds_true(app, "causes")


def test_nobodys_account_takes_nothing(run: Run, ask: Run) -> None:
    target = Holder(id=NEIGHBOUR, community=THERE)

    with pytest.raises(AccountUnknown):
        run(carry, Carry(source=MINE, target=target, note="搬家转分"))

    assert ask(left, WALLET) == 40


def test_caps_go_along_and_only_what_came_since_comes_back(run: Run, ask: Run) -> None:
    def goes(work: Work, _command: None) -> Nothing:
        carry_usage(work, RESIDENT, NEIGHBOUR)
        return Nothing()

    def comes_back(work: Work, _command: None) -> Nothing:
        carry_usage(work, NEIGHBOUR, RESIDENT, back=True)
        return Nothing()

    give(run, "before", units=3)
    run(goes, None)
    give(run, "the same day", units=2, holder_id=NEIGHBOUR)
    give(run, "a day later", units=1, holder_id=NEIGHBOUR, event_at=days_later(1))
    run(comes_back, None)

    assert ask(used, NEIGHBOUR) == ask(used, RESIDENT)
    assert ask(used, RESIDENT) == {"2026": 6, "2026-11": 6, "2026-11-24": 5, "2026-11-25": 1}
