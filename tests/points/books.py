"""Small books to test the ledger with: two residents here, the system's accounts of two places."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from core.work import Work
from points import ledger
from points.accounts import account_id, open_resident, resident_account

HERE = 330102001051
THERE = 330102003051
RESIDENT = UUID(int=7)
NEIGHBOUR = UUID(int=8)
ISSUED = account_id("issued", HERE, "service")
REDEEMED = account_id("redeemed", HERE, "service")
WALLET = resident_account(RESIDENT, HERE, "service")
PURSE = resident_account(NEIGHBOUR, HERE, "service")
MORNING = dt.datetime(2026, 11, 24, 1, 0, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Nothing:
    """A result that says nothing."""


def there_is(work: Work, make: Callable[[Work], object]) -> Nothing:
    """Run a part of a use case as one of its own."""
    make(work)
    return Nothing()


def residents(work: Work, _command: object = None) -> Nothing:
    """Open the accounts of two residents."""
    open_resident(work, RESIDENT, HERE)
    open_resident(work, NEIGHBOUR, HERE)
    return Nothing()


def posting(
    identity: int | UUID, debit: int, credit: int, amount: int, act: str = "award"
) -> ledger.Posting:
    """A posting with the figures that matter."""
    made = identity if isinstance(identity, UUID) else UUID(int=identity)
    return ledger.Posting(
        id=made,
        act=act,
        points_kind="service",
        community=HERE,
        debit=debit,
        credit=credit,
        amount=amount,
        event_at=MORNING,
        source_kind="test",
        source_id=made,
    )


def spending(identity: int) -> ledger.Spending:
    """What the legs of a spending by the resident share."""
    return ledger.Spending(
        account=WALLET,
        community=HERE,
        event_at=MORNING,
        source_kind="test",
        source_id=UUID(int=identity),
        journal=UUID(int=identity),
    )


def one(identity: UUID | None) -> UUID:
    """An id that the people of the tests have."""
    assert identity is not None
    return identity
