"""``flask verify`` names each kind of damage by the checks that are for it, and by no others."""

# ruff: noqa: S608 - statements put together from this file's own ids

from __future__ import annotations

from uuid import UUID

from flask import Flask

from points.accounts import account_id, resident_account
from points.proof import verify
from tests.points.books import HERE, ISSUED, NEIGHBOUR, PURSE, WALLET
from tests.points.raw import Raw
from tests.points.test_verify_adjustments import ADJUSTING_CHECKS
from tests.points.test_verify_feeding import FEEDING_CHECKS
from tests.points.test_verify_refused import REFUSED_CHECKS
from tests.points.verified import AWARD, CROSS, ELSEWHERE, damaged

HOST = "(SELECT host_transfer FROM awards WHERE cause = 'there 1')"
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


PAST = "UPDATE holds SET lapse_at = '2026-11-27 01:00:00' WHERE state = 'open'"


def ran(state: str) -> str:
    """A run that releases what has lapsed, begun an hour after that hold's time."""
    return (
        "INSERT INTO job_runs (job, slot, state, claim, lease_until, started_at, attempts) VALUES"
        f" ('lapse-holds', '2026-11-27 02:00:00', '{state}', '{UUID(int=98).hex}',"
        " '2026-11-27 02:10:00', '2026-11-27 02:00:00', 1)"
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
    "a hold that outlived the run that releases such": (
        (PAST, ran("done")),
        {"lapsed holds"},
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


def test_each_kind_of_damage_is_named(app: Flask, raw: Raw) -> None:
    seen = {name: damaged(app, *statements) for name, (statements, _) in DAMAGE.items()}

    assert seen == {name: broken for name, (_, broken) in DAMAGE.items()}
    beside = PAPER_CHECKS | FEEDING_CHECKS | AUDITED_CHECKS
    others = REFUSED_CHECKS | ADJUSTING_CHECKS | PROVEN_BESIDE | EXPIRY_CHECKS | beside
    assert set().union(*seen.values()) == {check.name for check in verify.CHECKS} - others


def test_a_hold_past_its_time_is_nobodys_fault_while_no_run_came_to_its_end(
    app: Flask, raw: Raw
) -> None:
    assert damaged(app, PAST) == set()
    assert damaged(app, PAST, ran("running")) == set()
    assert damaged(app, PAST, ran("failed")) == set()
