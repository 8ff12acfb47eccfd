"""``flask verify``: good books pass, each kind of damage is named or refused by the database."""

# ruff: noqa: S608 - statements put together from this file's own ids

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import create_engine

from core.db import db
from core.work import Work
from points import closing, holds, ledger, reversal
from points.accounts import account_id, clearing, resident_account
from points.earning import awards
from points.proof import sealing, verify
from points.proof.checks import Check
from points.settlement import settle_due
from tests.conftest import Clock, Stage
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
    spending,
)
from tests.points.earning import CORRIDOR, HOUR, HOUSEHOLD, JOIN, give, holders
from tests.points.raw import REFUSALS, Raw
from tests.points.test_verify_adjustments import ADJUSTING_CHECKS
from tests.points.test_verify_feeding import FEEDING_CHECKS

Run = Callable[..., Any]
BASIC = resident_account(RESIDENT, HERE, "basic")
ELSEWHERE = clearing(HERE, THERE)


def flask_verify(app: Flask) -> tuple[int, str]:
    answer = app.test_cli_runner().invoke(args=["verify"])
    return answer.exit_code, answer.output


@pytest.fixture
def raw(stage: Stage, run: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Raw]:
    """Books in which everything has happened once, and a connection past the application.

    They are those of points alone, without the orders that something was spent for.
    """
    app = stage.app
    monkeypatch.setitem(app.extensions, "linli.checks", verify.CHECKS)
    run(holders, None)
    rule = replace(HOUR, cap_per_day=None)
    for day in range(3):
        give(run, f"home {day}", rule=rule, units=4)
        give(run, f"there {day}", rule=rule, units=6, bearing=THERE, face_bearing=8_000)
        give(run, f"basic {day}", rule=JOIN, units=1, event_at=clock.now)
        give(run, f"next door {day}", rule=rule, units=2, holder_id=NEIGHBOUR)
        clock.advance(days=1)
        with app.app_context():
            closing.close_days()
            sealing.seal_days()
            settle_due()
            if day < 2:
                closing.fold_deltas()
    give(run, "house", rule=CORRIDOR, units=1, holder_kind="household", holder_id=HOUSEHOLD)
    give(run, "held back", rule=rule, units=2, needs_second=True)
    run(awards.void_award, give(run, "void", rule=rule, units=2).id)
    run(spend, 31)
    run(reversal.reverse, back(311, 41))
    run(reversal.reverse, back(319, 42))
    run(keep_holds, None)
    with Raw(stage) as connection:
        yield connection


def spend(work: Work, number: int) -> Nothing:
    """Spend 7 points elsewhere, by three legs."""
    parts = (
        ("redemption", ELSEWHERE, 500, 500),
        ("discount", account_id("retired", HERE, "service"), 150, None),
        ("rounding", account_id("rounding", HERE, "service"), 50, None),
    )
    legs = [
        ledger.Leg(
            id=UUID(int=10 * number + index),
            act=act,
            credit=credit,
            amount=amount,
            standard=standard,
        )
        for index, (act, credit, amount, standard) in enumerate(parts, 1)
    ]
    ledger.spend(work, spending(number), legs)
    host = ledger.Posting(
        id=UUID(int=10 * number + 9),
        act="redemption",
        points_kind="service",
        community=THERE,
        debit=clearing(THERE, HERE),
        credit=account_id("redeemed", THERE, "service"),
        amount=500,
        event_at=work.now,
        source_kind="order",
        source_id=UUID(int=number),
        standard=500,
    )
    ledger.post(work, host)
    return Nothing()


def back(original: int, identity: int) -> reversal.Reverse:
    return reversal.Reverse(
        original=UUID(int=original),
        id=UUID(int=identity),
        note="退回",
        source_kind="order",
        source_id=UUID(int=77),
    )


def keep_holds(work: Work, _command: None) -> Nothing:
    """Leave one hold open, capture one in part, release one."""
    for number in (51, 52, 53):
        command = holds.OpenHold(
            id=UUID(int=number),
            account=PURSE if number == 51 else WALLET,
            amount=300,
            reason="抽纸",
            source_kind="test",
            source_id=UUID(int=number),
        )
        holds.hold(work, command)
    leg = ledger.Leg(id=UUID(int=61), act="redemption", credit=REDEEMED, amount=200)
    holds.capture(work, UUID(int=52), spending(6), [leg])
    holds.release(work, UUID(int=53))
    return Nothing()


def test_good_books_pass_and_say_how_much_they_are(app: Flask, raw: Raw) -> None:
    transfers = raw.number("SELECT count(*) FROM transfers")
    accounts = raw.number("SELECT count(*) FROM accounts")

    code, said = flask_verify(app)

    assert code == 0, said
    assert said == (
        f"the books hold: {accounts} accounts, {transfers} transfers, 15 awards, 1 open holds,"
        f" 3 closed days, {len(app.extensions['linli.checks'])} checks\n"
    )
    # Both halves of a system account's balance are at work, and every kind of act.
    assert raw.number("SELECT count(*) FROM account_folds") > 0
    assert raw.number("SELECT count(*) FROM account_deltas") > 0
    acts = {row[0] for row in raw.rows("SELECT DISTINCT act FROM transfers")}
    assert acts == {"award", "redemption", "discount", "rounding", "reversal"}


def test_empty_books_pass(app: Flask) -> None:
    code, said = flask_verify(app)

    assert code == 0
    assert " 0 transfers, 0 awards," in said


def test_verifying_writes_nothing(app: Flask, raw: Raw, statements: Run) -> None:
    with statements() as seen:
        flask_verify(app)

    first_words = {statement.split(maxsplit=1)[0] for statement in seen}
    assert first_words - {"PRAGMA", "BEGIN"} <= {"SELECT", "SET"}
    assert len(seen) > len(verify.CHECKS)


def test_the_same_books_before_and_after_every_fold(app: Flask, raw: Raw, run: Run) -> None:
    for _ in range(2):
        run(closing.fold, closing.Fold())
        assert flask_verify(app)[0] == 0


AWARD = "(SELECT id FROM awards WHERE cause = 'home 1')"
CROSS = "(SELECT id FROM awards WHERE cause = 'there 1')"
HOST = "(SELECT host_transfer FROM awards WHERE cause = 'there 1')"
TWICE = "0123456789ab"
#: What was rounded up of a spending.
ROUNDED = f"'{UUID(int=313).hex}'"
#: Paid twice, with every sum kept: what only the comparison with the causes finds.
PAID_TWICE = (
    (
        "INSERT INTO transfers (id, act, points_kind, community, debit, credit, amount, event_at,"
        " posted_at, day, source_kind, source_id, actor, credit_version, credit_balance)"
        f" SELECT '{UUID(int=99).hex}', transfers.act, transfers.points_kind, transfers.community,"
        " debit, credit, amount, event_at, posted_at, day, source_kind, source_id, actor,"
        " version + 1, credited - debited + amount"
        f" FROM transfers JOIN accounts ON accounts.id = credit WHERE transfers.id = {AWARD}"
    ),
    f"UPDATE accounts SET credited = credited + 2000, version = version + 1 WHERE id = {WALLET}",
    (
        "INSERT INTO account_deltas (cause, account, day, credited, debited, standard)"
        f" SELECT id, debit, day, 0, amount, 0 FROM transfers WHERE id = '{UUID(int=99).hex}'"
    ),
)
DAMAGE: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "points out of nothing": (
        (f"UPDATE accounts SET credited = credited + 100 WHERE id = {WALLET}",),
        {"account totals"},
    ),
    "points into nothing": (
        (f"UPDATE accounts SET debited = debited + 100 WHERE id = {WALLET}",),
        {"account totals"},
    ),
    "a version that jumped": (
        (f"UPDATE accounts SET version = version + 1 WHERE id = {WALLET}",),
        {"account totals"},
    ),
    "an account that nothing was posted to": (
        (
            (
                "UPDATE accounts SET credited = 5 WHERE id ="
                f" {resident_account(NEIGHBOUR, HERE, 'basic')}"
            ),
        ),
        {"account totals"},
    ),
    "a spend that was made smaller": (
        (f"UPDATE transfers SET amount = 1 WHERE id = '{UUID(int=312).hex}'",),
        {"account totals", "line balances", "system accounts"},
    ),
    "a spend that was struck out": (
        (f"DELETE FROM transfers WHERE id = '{UUID(int=313).hex}'",),
        {"account totals", "line balances", "system accounts"},
    ),
    "a line that tells another balance": (
        (f"UPDATE transfers SET credit_balance = credit_balance + 1 WHERE id = {AWARD}",),
        {"line balances", "seals"},
    ),
    "a line that tells none": (
        (f"UPDATE transfers SET credit_balance = NULL WHERE id = {AWARD}",),
        {"line balances", "seals"},
    ),
    "a hold that nobody knows": (
        (f"UPDATE accounts SET held = held + 100 WHERE id = {WALLET}",),
        {"holds"},
    ),
    "a hold that holds nothing": (
        (f"UPDATE accounts SET held = 0 WHERE id = {PURSE}",),
        {"holds"},
    ),
    "a hold that was closed beside the account": (
        ("UPDATE holds SET state = 'released' WHERE state = 'open'",),
        {"final holds", "holds"},
    ),
    "an award done and not paid": (
        ("UPDATE awards SET state = 'done', done_at = created_at WHERE cause = 'held back'",),
        {"settled awards"},
    ),
    "an award paid and not done": (
        ("UPDATE awards SET state = 'pending', done_at = NULL WHERE cause = 'home 1'",),
        {"seals", "settled awards"},
    ),
    "an award taken back that was paid": (
        (
            (
                "UPDATE awards SET state = 'void', done_at = NULL, void_at = created_at"
                " WHERE cause = 'there 1'"
            ),
        ),
        {"borne awards", "caps", "seals", "settled awards"},
    ),
    "an award of another amount": (
        ("UPDATE awards SET amount = amount + 1 WHERE cause = 'home 1'",),
        {"seals", "settled awards"},
    ),
    "an award of somebody else": (
        (f"UPDATE awards SET account = {PURSE} WHERE cause = 'home 1'",),
        {"seals", "settled awards"},
    ),
    "an award paid twice with every sum kept": (
        PAID_TWICE,
        {"awarded transfers", "seals"},
    ),
    "points awarded by nobody": (
        ("DELETE FROM awards WHERE cause = 'home 1'",),
        {"awarded transfers", "caps", "seals"},
    ),
    "points awarded for an order": (
        (f"UPDATE transfers SET source_kind = 'order' WHERE id = {AWARD}",),
        {"causes", "seals"},
    ),
    **{
        f"a {act} that comes of {kind}": (
            (f"UPDATE transfers SET act = '{act}', source_kind = '{kind}' WHERE id = {ROUNDED}",),
            {"causes", *more},
        )
        for act, kind, *more in (
            ("redemption", "test"),
            ("discount", "moving"),
            ("rounding", "moving"),
            ("adjustment", "order"),
            ("donation", "order"),
            ("discharge", "account_end"),
            ("moving", "order"),
            ("moving", "moving"),
            ("reversal", "moving", "noted reversals"),
        )
    },
    "service elsewhere that nobody bears": (
        (f"DELETE FROM transfers WHERE id = {HOST}",),
        {"borne awards", "seals", "system accounts"},
    ),
    "service elsewhere borne at another amount": (
        (f"UPDATE transfers SET amount = amount + 1 WHERE id = {HOST}",),
        {"borne awards", "seals", "system accounts"},
    ),
    "a standard that differs on one side": (
        (f"UPDATE transfers SET standard = standard + 1 WHERE id = {CROSS}",),
        {"seals", "settled awards", "system accounts"},
    ),
    "a delta that got lost": (
        (f"DELETE FROM account_deltas WHERE account = {account_id('retired', HERE, 'service')}",),
        {"system accounts"},
    ),
    "a fold that was counted twice": (
        (f"UPDATE account_folds SET debited = debited * 2 WHERE account = {ISSUED}",),
        {"system accounts"},
    ),
    "a fold on another day": (
        (
            (
                f"UPDATE account_folds SET day = '2026-11-01' WHERE account = {ISSUED}"
                " AND day = '2026-11-25'"
            ),
        ),
        {"system accounts"},
    ),
    "a clearing that does not come out": (
        (f"UPDATE account_folds SET standard = standard + 7 WHERE account = {ELSEWHERE}",),
        {"system accounts", "clearing"},
    ),
    "a reversal that may be made again": (
        ("DELETE FROM reversals",),
        {"noted reversals"},
    ),
    "a reversal of something else": (
        (
            (
                f"UPDATE reversals SET original = '{UUID(int=312).hex}'"
                f" WHERE original = '{UUID(int=311).hex}'"
            ),
        ),
        {"reversals"},
    ),
    "a line without its place among the account's lines": (
        (f"UPDATE transfers SET credit_version = NULL WHERE id = {AWARD}",),
        {"line balances", "seals", "two sides"},
    ),
    "an award that its recorder confirmed": (
        ("UPDATE awards SET confirmed_by = recorded_by WHERE cause = 'home 1'",),
        {"confirmed awards", "seals"},
    ),
    "a sealed note with other words": (
        (f"UPDATE transfers SET note = '改过' WHERE id = {AWARD}",),
        {"seals"},
    ),
    "a hold without the moment of its end": (
        ("UPDATE holds SET closed_at = NULL WHERE state = 'captured'",),
        {"final holds"},
    ),
    "a block that was made to fit": (
        ("UPDATE seals SET digest = head WHERE community = 0 AND day = '2026-11-25'",),
        {"chain"},
    ),
    "a posting into a closed day": (
        (
            (
                "INSERT INTO business_days (day, closed_at)"
                " VALUES ('2026-11-27', '2026-11-26 00:00:00')"
            ),
        ),
        {"chain", "closed days"},
    ),
}


PROVEN_BESIDE = {"deductions", "reminders", "neighbours' words"}
"""Checks that the tests of their own use cases prove: test_deductions, test_neighbour_help."""

EXPIRY_CHECKS = {
    *("expiry", "lapses", "age of what lapsed", "year marks", "marks after moves", "left behind"),
    "moves",
}
"""Of test_verify_expiry."""

AUDITED_CHECKS = {"audited transfers", "audited awards", "audited decisions"}
"""Of test_verify_audited."""

PAPER_CHECKS = {"statements", "public lists", "listed awards"}
"""Of test_verify_papers."""


def damaged(app: Flask, *statements: str, checks: Sequence[Check] = verify.CHECKS) -> set[str]:
    """What is broken after some raw statements, which are taken back again."""
    with (
        app.app_context(),
        db.engine.connect().execution_options(writes=True) as connection,
        connection.begin() as transaction,
    ):
        for statement in statements:
            assert connection.exec_driver_sql(statement).rowcount >= 1, statement
        found = {broken.name for broken in verify.broken(connection, checks)}
        transaction.rollback()
    return found


def test_each_kind_of_damage_is_named(app: Flask, raw: Raw) -> None:
    seen = {name: damaged(app, *statements) for name, (statements, _) in DAMAGE.items()}

    assert seen == {name: broken for name, (_, broken) in DAMAGE.items()}
    beside = PAPER_CHECKS | FEEDING_CHECKS | AUDITED_CHECKS
    others = REFUSED_CHECKS | ADJUSTING_CHECKS | PROVEN_BESIDE | EXPIRY_CHECKS | beside
    assert set().union(*seen.values()) == {check.name for check in verify.CHECKS} - others


def test_the_first_in_time_is_named_and_not_the_smallest_id(app: Flask, raw: Raw) -> None:
    raw.execute(
        f"UPDATE transfers SET posted_at = '2026-11-28 04:00:00' WHERE id = '{UUID(int=41).hex}'"
    )
    raw.execute("DELETE FROM reversals")

    _code, said = flask_verify(app)

    assert f"first transfers {UUID(int=42)}" in said


def test_damage_makes_the_command_fail_with_a_line_for_each(app: Flask, raw: Raw) -> None:
    raw.execute(f"UPDATE accounts SET credited = credited + 100 WHERE id = {WALLET}")
    raw.execute("DELETE FROM reversals")

    code, said = flask_verify(app)

    assert code == 1
    first, second = said.splitlines()
    assert first == (
        f"account totals: 1 accounts differ from the sum of their transfers,"
        f" first accounts {WALLET} ({HERE})"
    )
    assert second.startswith(
        "noted reversals: 2 transfers reverse without being noted, first transfers 0"
    )
    assert second.endswith(f" ({HERE}, 2026-11-27)")
    assert "the books hold" not in said


# --- what the database refuses by itself ------------------------------------------------------

REFUSED_CHECKS = {"basic points", "kinds and books", "covered", "final awards"}
REFUSED = (
    f"UPDATE transfers SET act = 'redemption' WHERE credit = {BASIC}",
    f"UPDATE transfers SET points_kind = 'basic' WHERE id = {AWARD}",
    f"UPDATE transfers SET debit = {BASIC}, credit = {REDEEMED} WHERE id = {AWARD}",
    f"UPDATE transfers SET debit = {clearing(THERE, HERE)} WHERE id = {AWARD}",
    f"UPDATE transfers SET community = {THERE} WHERE id = {AWARD}",
    "UPDATE transfers SET amount = 0",
    "UPDATE transfers SET amount = -amount",
    "UPDATE transfers SET debit = credit",
    f"UPDATE transfers SET id = {CROSS} WHERE id = {AWARD}",
    f"UPDATE holds SET account = {BASIC}",
    f"UPDATE holds SET account = {BASIC}, points_kind = 'basic'",
    "UPDATE holds SET captured = amount + 1",
    f"UPDATE accounts SET held = 1 WHERE id = {BASIC}",
    f"UPDATE accounts SET debited = credited + 1 WHERE id = {WALLET}",
    f"UPDATE accounts SET held = credited WHERE id = {WALLET}",
    f"UPDATE accounts SET credited = 1 WHERE id = {ISSUED}",
    f"DELETE FROM accounts WHERE id = {WALLET}",
    "UPDATE awards SET cause = 'same'",
    "UPDATE awards SET amount = 0",
    "UPDATE awards SET state = 'pending'",
    f"UPDATE awards SET bearing = {THERE} WHERE points_kind = 'basic'",
    f"UPDATE reversals SET original = '{UUID(int=311).hex}'",
)


def test_the_database_refuses_the_rest_by_itself(app: Flask, raw: Raw) -> None:
    taken = []
    for statement in REFUSED:
        try:
            raw.execute(statement)
        except REFUSALS:
            continue
        taken.append(statement)

    assert taken == []
    assert flask_verify(app)[0] == 0


TABLES = (
    "accounts",
    "transfers",
    "awards",
    "holds",
    "reversals",
    "adjustments",
    "seals",
    "business_days",
    "account_folds",
    "account_deltas",
    "expiry_runs",
    "expiry_marks",
    "account_ends",
)
SPENT = f"""
    INSERT INTO transfers (id, act, points_kind, community, debit, credit, amount)
    VALUES ('x', 'redemption', 'basic', {HERE}, {BASIC}, {REDEEMED}, 100)"""
HELD = f"INSERT INTO holds (id, account, amount, state) VALUES ('x', {BASIC}, 100, 'released')"
CROSSED = f"""
    INSERT INTO transfers (id, act, points_kind, community, debit, credit, amount)
    VALUES ('x', 'adjustment', 'service', {HERE}, {WALLET}, {clearing(THERE, HERE)}, 100)"""


@pytest.mark.database("sqlite")
@pytest.mark.parametrize(
    ("damage", "name"),
    [(SPENT, "basic points"), (HELD, "basic points"), (CROSSED, "kinds and books")],
)
def test_books_without_the_guards_would_be_found_out_too(
    stage: Stage, raw: Raw, damage: str, name: str
) -> None:
    """The same rows in tables without a single constraint: the checks do not lean on the guards."""
    copy = create_engine("sqlite://")
    with stage.app.app_context(), copy.connect() as connection, connection.begin():
        connection.exec_driver_sql(f"ATTACH DATABASE '{stage.file}' AS guarded")
        for table in TABLES:
            connection.exec_driver_sql(f"CREATE TABLE {table} AS SELECT * FROM guarded.{table}")
        assert list(verify.broken(connection)) == []
        connection.exec_driver_sql(damage)

        assert name in {broken.name for broken in verify.broken(connection)}
    copy.dispose()
