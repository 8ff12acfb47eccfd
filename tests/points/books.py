"""Small books to test the ledger with: two residents here, the system's accounts of two places."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid5

from sqlalchemy.dialects import postgresql, sqlite

from core.acts import SYSTEM
from core.ids import NIL
from core.work import Work
from points import ledger
from points.accounts import (
    account_id,
    household_key,
    open_accounts,
    resident_account,
    resident_keys,
)
from points.models import Adjustment
from residents.models import Grant, Household, Person, Resident, ResidentEnd

HERE = 330102001051
THERE = 330102003051
RESIDENT = UUID(int=7)
NEIGHBOUR = UUID(int=8)
ISSUED = account_id("issued", HERE, "service")
REDEEMED = account_id("redeemed", HERE, "service")
WALLET = resident_account(RESIDENT, HERE, "service")
PURSE = resident_account(NEIGHBOUR, HERE, "service")
MORNING = dt.datetime(2026, 11, 24, 1, 0, tzinfo=dt.UTC)
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
"""Before what has to have its audit row."""

SOURCES = {
    "award": "award",
    "adjustment": "adjustment",
    "redemption": "order",
    "discount": "order",
    "rounding": "order",
}
"""What a transfer comes of, where that has another name than its act."""


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
        source_kind=SOURCES.get(act, act),
        source_id=made,
    )


def appointed(work: Work, person: UUID, role: str, community: int) -> None:
    """Let somebody have a role at a community since long ago."""
    known = {"id": person, "name": "社工", "created_at": LONG_AGO}
    granted = {
        "id": uuid5(person, f"{role} {community}"),
        "person": person,
        "role": role,
        "scope_kind": "community",
        "place": community,
        "scope_id": NIL,
        "valid_from": LONG_AGO.date(),
        "granted_by": NIL,
        "created_at": LONG_AGO,
    }
    made = sqlite.insert if work.is_sqlite else postgresql.insert
    for table, values in ((Person, known), (Grant, granted)):
        work.connection.execute(made(table).values(**values).on_conflict_do_nothing())


def decided(work: Work, given: ledger.Posting) -> ledger.Posted:
    """Post what two people have decided, who proposed it long ago, for and against nobody."""
    posted = ledger.post(work, given)
    if not posted.exists:
        gives = given.credit > 0
        maker, checker = UUID(int=1), work.actor.person
        appointed(work, maker, "staff", given.community)
        appointed(work, checker, "lead", given.community)
        row = Adjustment(
            id=given.id,
            key=str(given.id),
            act="adjustment",
            state="posted",
            community=given.community,
            account=given.credit if gives else given.debit,
            book=given.community,
            points_kind=given.points_kind,
            holder_kind="resident",
            holder_id=NIL,
            household=NIL,
            amount=given.amount if gives else -given.amount,
            together=given.amount,
            reason="签到表上是两小时",
            evidence="签到表第 3 行",
            maker=maker,
            maker_role="staff",
            proposed_at=LONG_AGO,
            checker=checker,
            checker_role="lead",
            closed_at=work.now,
            posted=given.amount,
        )
        work.session.add(row)
    return posted


def spending(identity: int) -> ledger.Spending:
    """What the legs of a spending by the resident share."""
    return ledger.Spending(
        account=WALLET,
        community=HERE,
        event_at=MORNING,
        source_kind="order",
        source_id=UUID(int=identity),
        journal=UUID(int=identity),
    )


def one(identity: UUID | None) -> UUID:
    """An id that the people of the tests have."""
    assert identity is not None
    return identity


def gone(work: Work, resident: UUID) -> Nothing:
    """Let the directory say that a resident went on to another place."""
    person = Person(id=work.new_id(), name="搬走的人", created_at=work.now)
    home = Household(id=work.new_id(), community=HERE, created_at=work.now)
    work.session.add_all([person, home])
    work.session.flush()
    before, after = (
        Resident(
            id=each,
            person=person.id,
            household=home.id,
            community=HERE,
            state="confirmed",
            valid_from=work.day,
            valid_to=work.day,
            created_at=work.now,
        )
        for each in (resident, work.new_id())
    )
    work.session.add_all([before, after])
    work.session.flush()
    end = ResidentEnd(
        resident=before.id,
        reason="moved",
        successor=after.id,
        recorded_by=SYSTEM.person,
        recorded_at=work.now,
    )
    work.session.add(end)
    return Nothing()


def open_resident(work: Work, resident: UUID, community: int) -> None:
    """Open a resident's basic and service accounts."""
    open_accounts(work, resident_keys(resident, community))


def open_household(work: Work, household: UUID, community: int) -> None:
    """Open a household's basic account."""
    open_accounts(work, [household_key(household, community)])
