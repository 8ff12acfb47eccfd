"""What the database refuses by itself, and what is found out where it does not."""

# ruff: noqa: S608 - statements put together from this file's own ids

from __future__ import annotations

from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import create_engine

from points.accounts import clearing
from points.proof import verify
from tests.conftest import Stage
from tests.points.books import HERE, ISSUED, REDEEMED, THERE, WALLET
from tests.points.raw import REFUSALS, Raw
from tests.points.verified import AWARD, BASIC, CROSS, flask_verify

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
