"""``flask verify`` after a year's end and a move: good books pass, each damage is named."""

# ruff: noqa: S608 - statements put together from this file's own ids

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from core.work import Work, reading
from points import ledger, reversal
from points.accounts import account_id, resident_account
from points.carrying import Carry, Holder, carry
from points.expiring.expiry import expire_points
from points.models import AccountEnd, ExpiryRun
from points.proof import sealing, verify
from points.proof.checks import Broken
from tests.conftest import Clock
from tests.points.books import (
    HERE,
    ISSUED,
    PURSE,
    REDEEMED,
    RESIDENT,
    THERE,
    WALLET,
    Nothing,
    decided,
    gone,
    open_resident,
    posting,
)
from tests.points.calendar import close, give_back, hangzhou, night, set_aside
from tests.points.earning import holders
from tests.points.verified import damaged, flask_verify

Run = Callable[..., Any]
BASIC = resident_account(RESIDENT, HERE, "basic")
MOVED = resident_account(RESIDENT, THERE, "service")
THIRD = UUID(int=9)


def basic(work: Work, _command: object) -> Nothing:
    """Give the resident basic points, and open an account elsewhere."""
    open_resident(work, RESIDENT, THERE)
    open_resident(work, THIRD, HERE)
    made = posting(70, account_id("issued", HERE, "basic"), BASIC, 400, "adjustment")
    names = ledger.Posting.__dataclass_fields__
    fields = {name: getattr(made, name) for name in names} | {"points_kind": "basic"}
    decided(work, ledger.Posting(**fields))
    return Nothing()


@pytest.fixture
def year(app: Flask, clock: Clock, run: Run) -> None:
    """A year's end, an account that ends on a day of its own, and a move."""
    run(holders, None)
    run(basic, None)
    third = resident_account(THIRD, HERE, "service")
    for identity, account, amount in ((1, WALLET, 1000), (2, PURSE, 300), (3, third, 50)):
        run(decided, posting(identity, ISSUED, account, amount, "adjustment"))
    run(_end, third)
    night(app, clock, 2026)
    clock.set(hangzhou(2027, 5, 5))
    run(decided, posting(4, ISSUED, WALLET, 70, "adjustment"))
    night(app, clock, 2027)
    clock.set(hangzhou(2028, 5, 5))
    here, there = (Holder(id=RESIDENT, community=place) for place in (HERE, THERE))
    run(gone, RESIDENT)
    run(carry, Carry(source=here, target=there, note="搬家转分"))
    with app.app_context():
        assert expire_points() == 0
        sealing.seal_days()


def _end(work: Work, account: int) -> Nothing:
    work.session.add(AccountEnd(account=account, lapse_on=dt.date(2027, 6, 30)))
    return Nothing()


RUN = "(SELECT id FROM expiry_runs WHERE stage = 'lapse' AND accounts > 0)"
DAMAGE: dict[str, tuple[str, set[str]]] = {
    "a lapse that comes of an order": (
        "UPDATE transfers SET source_kind = 'order' WHERE act = 'expiry'",
        {"causes", "expiry"},
    ),
    "a move of somebody who never moved": (
        "DELETE FROM resident_ends",
        {"causes"},
    ),
    "a move of somebody else's points": (
        (
            "UPDATE transfers SET source_id = (SELECT successor FROM resident_ends)"
            " WHERE act = 'moving' AND debit > 0"
        ),
        {"causes"},
    ),
    "a run that says more than it did": (
        f"UPDATE expiry_runs SET amount = amount + 1 WHERE id = {RUN}",
        {"expiry"},
    ),
    "a run that says less accounts": (
        f"UPDATE expiry_runs SET accounts = accounts - 1 WHERE id = {RUN}",
        {"expiry"},
    ),
    "a lapse of no run": (
        f"UPDATE transfers SET source_id = debit_balance WHERE debit = {PURSE} AND act = 'expiry'",
        {"expiry", "lapses"},
    ),
    "an account that lapsed before its own day": (
        "UPDATE account_ends SET lapse_on = '2029-01-01'",
        {"lapses"},
    ),
    "younger points that lapsed": (
        f"UPDATE expiry_marks SET credited = credited - 1 WHERE account = {WALLET} AND year = 2026",
        {"age of what lapsed", "marks after moves"},
    ),
    "a mark that is gone": (
        f"DELETE FROM expiry_marks WHERE account = {PURSE} AND year = 2027",
        {"year marks"},
    ),
    "a mark that is too low": (
        f"UPDATE expiry_marks SET credited = credited - 1 WHERE account = {PURSE} AND year = 2027",
        {"year marks"},
    ),
    "a mark that is too high": (
        f"UPDATE expiry_marks SET credited = credited + 1 WHERE account = {PURSE} AND year = 2026",
        {"year marks", "left behind"},
    ),
    "a mark of a year that brought nothing": (
        f"INSERT INTO expiry_marks (account, year, credited) VALUES ({PURSE}, 2025, 300)",
        {"year marks"},
    ),
    "no marks at all": (
        "DELETE FROM expiry_marks",
        {"year marks", "marks after moves", "age of what lapsed"},
    ),
    "a mark that is gone of an account that was left": (
        f"DELETE FROM expiry_marks WHERE account = {WALLET} AND year = 2027",
        {"marks after moves"},
    ),
    "a mark above all that a move brought": (
        f"UPDATE expiry_marks SET credited = credited + 71 WHERE account = {MOVED}",
        {"marks after moves"},
    ),
    "basic points that did not arrive whole": (
        f"UPDATE transfers SET amount = amount - 1 WHERE act = 'moving' AND debit = {BASIC}",
        {"moves", "account totals", "line balances", "system accounts"},
    ),
}


def test_books_of_years_with_moves_pass(app: Flask, year: None) -> None:
    code, said = flask_verify(app)

    assert code == 0, said


@pytest.mark.parametrize("name", DAMAGE)
def test_each_kind_of_damage_is_named(app: Flask, year: None, name: str) -> None:
    statement, broken = DAMAGE[name]
    if "source_id" in statement:
        other = UUID(int=4711)
        shown = other.hex if app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite") else other
        statement = statement.replace("debit_balance", f"'{shown}'")

    assert damaged(app, statement) == broken


def test_points_that_a_run_passed_over_are_named(app: Flask, clock: Clock, run: Run) -> None:
    run(holders, None)
    run(decided, posting(1, ISSUED, WALLET, 1000, "adjustment"))
    night(app, clock, 2026)
    close(app, clock, dt.date(2027, 12, 31))
    run(_passed_over, dt.date(2027, 12, 31))

    assert [found.name for found in _broken(app)] == ["left behind"]


def test_what_came_back_after_the_run_is_not_behind_yet(app: Flask, clock: Clock, run: Run) -> None:
    run(holders, None)
    run(decided, posting(1, ISSUED, WALLET, 1000, "adjustment"))
    run(ledger.post, posting(2, WALLET, REDEEMED, 200, "redemption"))
    set_aside(run, 3, 300)
    night(app, clock, 2026)
    night(app, clock, 2027)
    give_back(run, 3)
    run(
        reversal.reverse,
        reversal.Reverse(
            original=UUID(int=2),
            id=UUID(int=4),
            note="退回",
            source_kind="order",
            source_id=UUID(int=2),
        ),
    )

    assert list(_broken(app)) == []


def _broken(app: Flask) -> list[Broken]:
    with app.app_context():
        sealing.seal_days()
    with app.app_context(), reading() as connection:
        return list(verify.broken(connection))


def _passed_over(work: Work, day: dt.date) -> Nothing:
    row = ExpiryRun(
        stage="lapse",
        day=day,
        id=UUID(int=55),
        marked=day.year - 1,
        begun_at=work.now,
        finished_at=work.now,
    )
    work.session.add(row)
    return Nothing()
