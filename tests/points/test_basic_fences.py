"""Basic points cannot be spent: the database refuses by itself, whatever the code does."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from core.db import db
from points.accounts import account_id, open_household, open_resident, resident_account
from tests.points.books import HERE, RESIDENT, there_is

HOUSEHOLD = uuid.UUID(int=900)


@pytest.fixture(autouse=True)
def accounts(run: Callable[..., Any]) -> None:
    run(there_is, lambda work: open_resident(work, RESIDENT, HERE))
    run(there_is, lambda work: open_household(work, HOUSEHOLD, HERE))


def refused(app: Flask, fence: str, sql: str, **values: object) -> None:
    """Run raw SQL past all code; it has to end in a refusal by this very constraint."""
    with (
        app.app_context(),
        db.engine.connect().execution_options(writes=True) as connection,
        connection.begin(),
    ):
        with pytest.raises(IntegrityError) as refusal:
            connection.execute(text(sql), values)
        # SQLite names no reference that fails.
        is_named = fence.startswith("ck_") or connection.dialect.name == "postgresql"
    assert (fence if is_named else "FOREIGN KEY constraint failed") in str(refusal.value.orig)


BASIC = "basic"


def test_a_basic_account_cannot_hold(app: Flask) -> None:
    refused(
        app,
        "ck_accounts_basic_never_held",
        "UPDATE accounts SET credited = 100, held = 100 WHERE id = :id",
        id=resident_account(RESIDENT, HERE, "basic"),
    )


def test_a_household_has_no_service_account(app: Flask) -> None:
    refused(
        app,
        "ck_accounts_household_basic",
        "INSERT INTO accounts (id, purpose, holder_kind, holder_id, community, points_kind)"
        " VALUES (1, 'holder', 'household', :holder, :community, 'service')",
        holder=HOUSEHOLD.hex,
        community=HERE,
    )


@pytest.mark.parametrize("purpose", ["redeemed", "expired", "clearing", "retired", "fund"])
def test_no_system_account_that_spends_is_basic(app: Flask, purpose: str) -> None:
    refused(
        app,
        "ck_accounts_basic_purpose",
        "INSERT INTO accounts (id, purpose, holder_kind, holder_id, community, points_kind)"
        " VALUES (-1, :purpose, 'community', :nil, :community, 'basic')",
        purpose=purpose,
        nil=uuid.UUID(int=0).hex,
        community=HERE,
    )


TRANSFER = (
    "INSERT INTO transfers (id, act, points_kind, community, debit, credit, amount, event_at,"
    " posted_at, day, source_kind, source_id, actor) VALUES (:id, :act, :kind, :community, :debit,"
    " :credit, 100, '2026-11-24 00:00:00', '2026-11-24 00:00:00', '2026-11-24', 'test', :id, :id)"
)


@pytest.mark.parametrize("act", ["redemption", "discount", "rounding", "expiry", "donation"])
def test_a_basic_transfer_may_only_award_adjust_reverse_or_move(app: Flask, act: str) -> None:
    refused(
        app,
        "ck_transfers_basic_fence",
        TRANSFER,
        id=uuid.UUID(int=1).hex,
        act=act,
        kind="basic",
        community=HERE,
        debit=resident_account(RESIDENT, HERE, "basic"),
        credit=account_id("adjusted", HERE, "basic"),
    )


def test_basic_and_service_accounts_never_meet(app: Flask) -> None:
    refused(
        app,
        "fk_transfers_debit",
        TRANSFER,
        id=uuid.UUID(int=1).hex,
        act="adjustment",
        kind="service",
        community=HERE,
        debit=resident_account(RESIDENT, HERE, "basic"),
        credit=account_id("redeemed", HERE, "service"),
    )


def test_a_hold_on_a_basic_account_is_refused(app: Flask) -> None:
    refused(
        app,
        "fk_holds_account",
        "INSERT INTO holds (id, account, points_kind, amount, state, reason, source_kind,"
        " source_id, created_at) VALUES (:id, :account, 'service', 100, 'open', 'x', 'test', :id,"
        " '2026-11-24 00:00:00')",
        id=uuid.UUID(int=1).hex,
        account=resident_account(RESIDENT, HERE, "basic"),
    )


def test_a_hold_that_calls_itself_basic_is_refused(app: Flask) -> None:
    refused(
        app,
        "ck_holds_service_only",
        "INSERT INTO holds (id, account, points_kind, amount, state, reason, source_kind,"
        " source_id, created_at) VALUES (:id, :account, 'basic', 100, 'open', 'x', 'test', :id,"
        " '2026-11-24 00:00:00')",
        id=uuid.UUID(int=1).hex,
        account=resident_account(RESIDENT, HERE, "basic"),
    )


def test_an_award_of_basic_points_is_borne_at_home(app: Flask) -> None:
    refused(
        app,
        "ck_awards_basic_at_home",
        "INSERT INTO awards (id, cause, account, holder_id, points_kind, community, bearing,"
        " amount, rule, units, provenance, reason, source_kind, source_id, recorded_by, event_at,"
        " created_at, state) VALUES (:id, 'x', :account, :id, 'basic', :home, :other, 100,"
        " 'join.activity', 1, 'verified', 'x', 'test', :id, :id, '2026-11-24 00:00:00',"
        " '2026-11-24 00:00:00', 'pending')",
        id=uuid.UUID(int=1).hex,
        account=resident_account(RESIDENT, HERE, "basic"),
        home=HERE,
        other=HERE + 1,
    )
