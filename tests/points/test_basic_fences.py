"""Basic points cannot be spent: the database refuses by itself, whatever the code does."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import CheckConstraint, ForeignKeyConstraint

from core.config import ROOT
from core.db import Base
from points.accounts import account_id, household_account, resident_account
from points.models.ledger import ACTS, PURPOSES
from tests.fences import refused
from tests.points.books import HERE, RESIDENT, WALLET, open_household, open_resident, there_is

HOUSEHOLD = uuid.UUID(int=900)
HONOUR = resident_account(RESIDENT, HERE, "basic")
HONOUR_OF_ALL = household_account(HOUSEHOLD, HERE)


@pytest.fixture(autouse=True)
def accounts(run: Callable[..., Any]) -> None:
    run(there_is, lambda work: open_resident(work, RESIDENT, HERE))
    run(there_is, lambda work: open_household(work, HOUSEHOLD, HERE))


def test_a_basic_account_cannot_hold(app: Flask) -> None:
    refused(
        app,
        "ck_accounts_basic_never_held",
        "UPDATE accounts SET credited = 100, held = 100 WHERE id = :id",
        id=HONOUR,
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


@pytest.mark.parametrize("purpose", sorted({*PURPOSES} - {"holder", "issued", "adjusted"}))
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


@pytest.mark.parametrize("act", sorted({*ACTS} - {"award", "adjustment", "reversal", "moving"}))
def test_a_basic_transfer_may_only_award_adjust_reverse_or_move(app: Flask, act: str) -> None:
    refused(
        app,
        "ck_transfers_basic_fence",
        TRANSFER,
        id=uuid.UUID(int=1).hex,
        act=act,
        kind="basic",
        community=HERE,
        debit=HONOUR,
        credit=account_id("adjusted", HERE, "basic"),
    )


@pytest.mark.parametrize("kind", ["basic", "service"])
@pytest.mark.parametrize("holder", [HONOUR, HONOUR_OF_ALL])
def test_basic_and_service_accounts_never_meet(app: Flask, kind: str, holder: int) -> None:
    """Whatever the transfer says that it is, one of its sides is of the other kind."""
    for debit, credit in ((holder, WALLET), (WALLET, holder)):
        refused(
            app,
            "fk_transfers_debit"
            if (debit == WALLET) == (kind == "basic")
            else "fk_transfers_credit",
            TRANSFER,
            id=uuid.UUID(int=1).hex,
            act="adjustment",
            kind=kind,
            community=HERE,
            debit=debit,
            credit=credit,
        )


def test_an_account_of_a_third_kind_is_none(app: Flask) -> None:
    refused(
        app,
        "ck_accounts_points_kind",
        "UPDATE accounts SET points_kind = 'golden' WHERE id = :id",
        id=HONOUR,
    )


@pytest.mark.parametrize("topic", ["waste", "covenant", "safety"])
def test_what_everybody_ought_to_do_is_basic(app: Flask, topic: str) -> None:
    refused(
        app,
        "ck_rule_topics_duty_is_basic",
        "UPDATE rule_topics SET points_kind = 'service' WHERE key = :topic",
        topic=topic,
    )


def test_a_rule_is_of_its_topics_kind(app: Flask) -> None:
    refused(
        app,
        "fk_catalogue_rules_topic",
        "UPDATE catalogue_rules SET points_kind = 'service', holder = 'resident'"
        " WHERE key = 'waste.month'",
    )


def test_a_rule_for_households_is_basic(app: Flask) -> None:
    refused(
        app,
        "ck_catalogue_rules_household_basic",
        "UPDATE catalogue_rules SET holder = 'household' WHERE key = 'serve.hour'",
    )


def test_a_hold_on_a_basic_account_is_refused(app: Flask) -> None:
    refused(
        app,
        "fk_holds_account",
        "INSERT INTO holds (id, account, points_kind, amount, state, reason, source_kind,"
        " source_id, created_at) VALUES (:id, :account, 'service', 100, 'open', 'x', 'test', :id,"
        " '2026-11-24 00:00:00')",
        id=uuid.UUID(int=1).hex,
        account=HONOUR,
    )


def test_a_hold_that_calls_itself_basic_is_refused(app: Flask) -> None:
    refused(
        app,
        "ck_holds_service_only",
        "INSERT INTO holds (id, account, points_kind, amount, state, reason, source_kind,"
        " source_id, created_at) VALUES (:id, :account, 'basic', 100, 'open', 'x', 'test', :id,"
        " '2026-11-24 00:00:00')",
        id=uuid.UUID(int=1).hex,
        account=HONOUR,
    )


AWARD = (
    "INSERT INTO awards (id, cause, account, holder_id, points_kind, community, bearing, amount,"
    " rule, units, provenance, reason, source_kind, source_id, recorded_by, event_at, created_at,"
    " state) VALUES (:id, 'x', :account, :id, :kind, :home, :bearing, 100, 'join.activity', 1,"
    " 'verified', 'x', 'test', :id, :id, '2026-11-24 00:00:00', '2026-11-24 00:00:00', 'pending')"
)


def test_an_award_of_basic_points_is_borne_at_home(app: Flask) -> None:
    refused(
        app,
        "ck_awards_basic_at_home",
        AWARD,
        id=uuid.UUID(int=1).hex,
        account=HONOUR,
        kind="basic",
        home=HERE,
        bearing=HERE + 1,
    )


@pytest.mark.parametrize(("account", "kind"), [(HONOUR, "service"), (WALLET, "basic")])
def test_an_award_arrives_on_an_account_of_its_kind(app: Flask, account: int, kind: str) -> None:
    refused(
        app,
        "fk_awards_account",
        AWARD,
        id=uuid.UUID(int=1).hex,
        account=account,
        kind=kind,
        home=HERE,
        bearing=HERE,
    )


@pytest.mark.parametrize(("account", "kind"), [(HONOUR, "service"), (WALLET, "basic")])
def test_an_adjustment_is_of_its_accounts_kind(app: Flask, account: int, kind: str) -> None:
    refused(
        app,
        "fk_adjustments_account",
        "INSERT INTO adjustments (id, key, act, state, community, account, book, points_kind,"
        " holder_kind, holder_id, household, amount, together, reason, evidence, maker, maker_role,"
        " proposed_at) VALUES (:id, 'x', 'adjustment', 'proposed', :here, :account, :here, :kind,"
        " 'resident', :id, :id, 100, 100, 'x', 'x', :id, 'staff', '2026-11-24 00:00:00')",
        id=uuid.UUID(int=1).hex,
        here=HERE,
        account=account,
        kind=kind,
    )


DEDUCTION = (
    "INSERT INTO deductions (id, community, household, account, points_kind, holder_kind, rule,"
    " amount, reason, day, recorded_by, created_at) VALUES (:id, :here, :id, :account, :kind,"
    " :holder, 'deduct.corridor', 100, 'x', '2026-11-24', :id, '2026-11-24 00:00:00')"
)


@pytest.mark.parametrize(
    ("fence", "kind", "holder"),
    [
        ("ck_deductions_only_basic", "service", "household"),
        ("ck_deductions_only_households", "basic", "resident"),
        ("fk_deductions_account", "basic", "household"),
    ],
)
def test_a_deduction_takes_no_service_points(
    app: Flask, fence: str, kind: str, holder: str
) -> None:
    refused(
        app,
        fence,
        DEDUCTION,
        id=uuid.UUID(int=1).hex,
        here=HERE,
        account=WALLET,
        kind=kind,
        holder=holder,
    )


DOMAIN = "points_kind IN ('basic', 'service')"
"""Both kinds are welcome: a list of words, no fence."""

HERE_AND_AT_THE_STATION = (
    Path(__file__),
    ROOT / "tests" / "exchange" / "test_basic_points.py",
)


def is_fence(constraint: object) -> bool:
    """Whether a constraint of the models keeps kinds of points apart."""
    if isinstance(constraint, ForeignKeyConstraint):
        return "points_kind" in constraint.column_keys
    if not isinstance(constraint, CheckConstraint):
        return False
    condition = str(constraint.sqltext)
    return "points_kind" in condition and condition != DOMAIN


def test_each_fence_of_the_models_is_tried() -> None:
    fences = {
        str(constraint.name)
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if is_fence(constraint)
    }
    tried = {
        name
        for file in HERE_AND_AT_THE_STATION
        for name in re.findall(r'"((?:ck|fk)_\w+)"', file.read_text(encoding="utf-8"))
    }

    assert len(fences) > 15
    assert fences - tried == set()
