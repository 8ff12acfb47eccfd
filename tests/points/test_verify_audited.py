"""``flask verify`` on audit rows: whatever changed has one, of its moment and its actor."""

# ruff: noqa: S608 - statements put together from this file's own words

from __future__ import annotations

import pytest
from flask import Flask

from points.proof.verify_audited import AUDITED
from tests.points.correcting import Desk
from tests.points.verified import damaged, flask_verify

GONE = "DELETE FROM audit_events WHERE at ="
POSTED = (
    "INSERT INTO transfers (id, act, points_kind, community, debit, credit, amount, event_at,"
    " posted_at, day, source_kind, source_id, actor, credit_version, credit_balance)"
    " SELECT '{0}', act, points_kind, community, debit, credit, amount, event_at, {1}, day,"
    " source_kind, source_id, {2}, credit_version + 50, credit_balance"
    " FROM transfers WHERE act = 'adjustment'"
)
MINE = "'0123456789abcdef0123456789abcdef'"
DAMAGE: dict[str, tuple[str, set[str]]] = {
    "a transfer at a moment at which nobody did anything": (
        POSTED.format("00000000000000000000000000000063", "'2026-11-25 04:05:06'", "actor"),
        {"audited transfers"},
    ),
    "a transfer in the name of somebody who did nothing": (
        POSTED.format("00000000000000000000000000000063", "posted_at", MINE),
        {"audited transfers"},
    ),
    "a settlement whose audit row is gone": (
        f"{GONE} (SELECT max(done_at) FROM awards)",
        {"audited transfers"},
    ),
    "an award whose audit row is gone": (
        f"{GONE} (SELECT max(created_at) FROM awards)",
        {"audited awards"},
    ),
    "an award in another's name": (
        f"UPDATE awards SET recorded_by = {MINE}",
        {"audited awards"},
    ),
    "an adjustment that nobody proposed": (
        f"{GONE} (SELECT max(proposed_at) FROM adjustments)",
        {"audited decisions"},
    ),
    "an adjustment with another second person": (
        f"UPDATE adjustments SET checker = {MINE}",
        {"audited decisions"},
    ),
    "a decision whose audit row is gone": (
        f"{GONE} (SELECT max(closed_at) FROM adjustments)",
        {"audited decisions", "audited transfers"},
    ),
}
OURS = {check.name for check in AUDITED}


@pytest.fixture(autouse=True)
def _decided(desk: Desk) -> None:
    """An award that was settled, and an adjustment by two people, an hour between all."""
    desk.earn(units=2)
    desk.clock.advance(hours=1)
    proposal = desk.propose(500)
    desk.clock.advance(hours=1)
    desk.decide(proposal)


def test_whatever_the_application_did_has_its_audit_row(app: Flask) -> None:
    code, said = flask_verify(app)

    assert code == 0, said


@pytest.mark.parametrize("name", DAMAGE)
def test_a_change_without_an_audit_row_is_named(app: Flask, name: str) -> None:
    statement, expected = DAMAGE[name]

    assert damaged(app, statement) & OURS == expected


def test_what_is_older_than_half_a_year_is_not_asked(app: Flask, desk: Desk) -> None:
    desk.clock.advance(days=181)

    assert not damaged(app, "DELETE FROM audit_events") & OURS
