"""Statements to test with: a small ledger of 王秀英's, and what anybody does with a statement."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

from core.acts import Actor
from core.work import Work
from points import ledger
from points.accounts import account_id, resident_account
from points.statements.issue import IssueStatement, StatementIssued, issue_statement
from points.statements.periods import Period, Subject
from tests.people import HERE, People
from tests.points.books import Nothing, one

Run = Callable[..., Any]
TODAY = dt.date(2026, 11, 24)
NOVEMBER = Period(first=dt.date(2026, 11, 1), last=TODAY)
ISSUED = account_id("issued", HERE, "service")
REDEEMED = account_id("redeemed", HERE, "service")


def wallet(cast: People) -> int:
    """The service account of 王秀英."""
    return resident_account(one(cast.wang.resident), HERE, "service")


def hers(cast: People) -> Subject:
    """The service points of 王秀英."""
    return Subject(
        of="resident", community=HERE, points_kind="service", holder=one(cast.wang.resident)
    )


def post(work: Work, posting: ledger.Posting) -> Nothing:
    """Post one transfer."""
    ledger.post(work, posting)
    return Nothing()


def moved(number: int, account: int, amount: int, note: str = "") -> ledger.Posting:
    """An award (positive) or a redemption (negative) of an account, with its reason."""
    is_award = amount > 0
    return ledger.Posting(
        id=UUID(int=number),
        act="award" if is_award else "redemption",
        points_kind="service",
        community=HERE,
        debit=ISSUED if is_award else account,
        credit=account if is_award else REDEEMED,
        amount=abs(amount),
        event_at=dt.datetime(2026, 11, 20, tzinfo=dt.UTC),
        source_kind="award" if is_award else "order",
        source_id=UUID(int=number),
        note=note or ("便民集市，来帮忙" if is_award else "洗洁精一瓶"),
    )


def issue(run: Run, actor: Actor, subject: Subject, period: Period = NOVEMBER) -> StatementIssued:
    """Hand a statement out."""
    made: StatementIssued = run(
        issue_statement, IssueStatement(subject=subject, period=period), actor
    )
    return made
