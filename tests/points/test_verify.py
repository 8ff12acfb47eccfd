"""``flask verify``: good books pass, damaged ones are told apart by their first broken row."""

# ruff: noqa: S608 - statements put together from this file's own ids

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from points import closing
from points.proof import verify
from points.proof.checks import WHOLE, Check, Found, Narrow, find
from tests.points.books import HERE, WALLET
from tests.points.raw import Raw
from tests.points.verified import flask_verify

Run = Callable[..., Any]


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


@pytest.mark.database("postgresql")
def test_what_reads_whole_tables_looks_no_row_up_for_another(ask: Run) -> None:
    # In the night in which points lapse nobody has counted the rows, and that took for ever.
    looks_up = "SELECT 1 AS what WHERE current_setting('enable_nestloop') = 'on'"
    check = Check("looks up", "it looks rows up one by one", looks_up)

    def looked(connection: Connection, _turn: int | None) -> Found:
        return Found(times=len(connection.execute(text(looks_up)).all()), first=None, rows=0)

    # What reads its tables in parts of its own does it by their keys.
    in_parts = replace(check, find=looked)

    def times(connection: Connection) -> list[int]:
        a_part = Narrow(only="WHERE true")
        whole = [find(connection, check, narrow).times for narrow in (WHOLE, a_part, WHOLE)]
        return [*whole, find(connection, in_parts).times]

    assert ask(times) == [0, 1, 0, 1]


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
