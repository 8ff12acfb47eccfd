"""What residents and staff read of the ledger: balances, lines, awards that wait."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import and_, func, select

from core.defaults import CENTIPOINTS, rows
from points.accounts import household_account, resident_account
from points.earning.honour import deducted
from points.expiring.lapsing import Lapsing, lapsing
from points.models import Account, Award, Hold, Transfer

if TYPE_CHECKING:
    from sqlalchemy import Connection

PAGE = 20
WAITING_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """A title of honour, by basic points of a life."""

    key: str
    name: str
    from_points: int
    opens: str


TITLES: tuple[Title, ...] = tuple(
    Title(
        key=row["key"],
        name=row["name"],
        from_points=int(row["from_points"]) * CENTIPOINTS,
        opens=row["what_it_opens"],
    )
    for row in rows("titles.csv")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balances:
    """What a resident has, in centipoints."""

    available: int
    pending: int
    pending_due: dt.datetime | None
    held: int
    lapsing: Lapsing
    basic: int
    basic_pending: int
    basic_all: int
    title: Title
    next_title: Title | None

    @property
    def missing(self) -> int:
        """Basic points that the family lacks for the next title."""
        return self.next_title.from_points - self.basic_all if self.next_title else 0


def available(connection: Connection, resident: UUID, community: int) -> int:
    """Return the service points that a resident can spend now."""
    account = resident_account(resident, community, "service")
    return free_on(connection, [account]).get(account, 0)


def free_on(connection: Connection, accounts: Iterable[int]) -> dict[int, int]:
    """Return the centipoints that are free on each of the accounts that there are."""
    free = (Account.credited - Account.debited - Account.held).label("free")
    rows = connection.execute(select(Account.id, free).where(Account.id.in_(list(accounts))))
    return {row.id: row.free for row in rows}


def balances(
    connection: Connection,
    resident: UUID,
    community: int,
    family: Sequence[int],
    now: dt.datetime,
) -> Balances:
    """Return what a resident has; ``family`` are the basic accounts of household and members."""
    wallet = resident_account(resident, community, "service")
    basic = resident_account(resident, community, "basic")
    found = {
        row.id: row
        for row in connection.execute(
            select(Account.id, Account.credited, Account.debited, Account.held).where(
                Account.id.in_([wallet, basic, *family]),
            ),
        )
    }
    waiting = {
        row.account: row
        for row in connection.execute(
            select(Award.account, func.sum(Award.amount).label("amount"), func.min(Award.due))
            .where(Award.account.in_([wallet, basic]), Award.state == "pending")
            .group_by(Award.account),
        )
    }
    own = found.get(wallet)
    credited, debited, held = (own.credited, own.debited, own.held) if own else (0, 0, 0)
    shared = {row.id: row.credited - row.debited for row in found.values() if row.id in family}
    life = sum(life_of(connection, shared).values())
    title, following = titles(life)
    pending = waiting.get(wallet)
    return Balances(
        available=credited - debited - held,
        pending=int(pending.amount) if pending else 0,
        pending_due=pending[2] if pending else None,
        held=held,
        lapsing=lapsing(connection, wallet, credited, debited + held, now),
        basic=found[basic].credited - found[basic].debited if basic in found else 0,
        basic_pending=int(waiting[basic].amount) if basic in waiting else 0,
        basic_all=life,
        title=title,
        next_title=following,
    )


def life_of(connection: Connection, balances: dict[int, int]) -> dict[int, int]:
    """Return accounts' basic points of a life: what deductions took is in them still."""
    taken = deducted(connection, list(balances))
    return {account: balance + taken.get(account, 0) for account, balance in balances.items()}


def family_accounts(community: int, household: UUID, members: Sequence[UUID]) -> list[int]:
    """Return the basic accounts that count for a family's title."""
    own = [resident_account(member, community, "basic") for member in members]
    return [household_account(household, community), *own]


def titles(centipoints: int) -> tuple[Title, Title | None]:
    """Return the title of this many basic points, and the next one."""
    reached = [title for title in TITLES if title.from_points <= centipoints]
    later = [title for title in TITLES if title.from_points > centipoints]
    return reached[-1], later[0] if later else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a resident's points: posted, waiting, or set aside; ``amount`` is signed."""

    id: UUID
    kind: str
    reason: str
    place: int
    amount: int
    state: str
    at: dt.datetime
    due: dt.datetime | None
    balance: int | None
    #: The account's version after a posting: where the next page goes on from.
    position: int | None = None


def posted_lines(
    connection: Connection,
    account: int,
    *,
    before: int | None = None,
    limit: int = PAGE,
) -> list[Line]:
    """Return transfers of an account, newest first; ``before`` is a version to go on from."""
    credit = select(Transfer.__table__, Transfer.credit_version.label("position")).where(
        Transfer.credit == account,
    )
    debit = select(Transfer.__table__, Transfer.debit_version.label("position")).where(
        Transfer.debit == account,
    )
    if before is not None:
        credit = credit.where(Transfer.credit_version < before)
        debit = debit.where(Transfer.debit_version < before)
    sides = credit.order_by(Transfer.credit_version.desc()).limit(limit).subquery()
    other = debit.order_by(Transfer.debit_version.desc()).limit(limit).subquery()
    both = select(sides).union_all(select(other)).subquery()
    query = (
        select(
            both,
            Award.reason.label("award_reason"),
            Award.bearing,
            Hold.reason.label("hold_reason"),
        )
        .outerjoin(Award, and_(both.c.source_kind == "award", Award.id == both.c.source_id))
        .outerjoin(Hold, Hold.id == both.c.source_id)
        .order_by(both.c.position.desc())
        .limit(limit)
    )
    return [
        Line(
            id=row.id,
            kind=row.act,
            reason=row.note or row.award_reason or row.hold_reason or "",
            place=row.bearing or row.community,
            amount=row.amount if row.credit == account else -row.amount,
            state="posted",
            at=row.posted_at,
            due=None,
            balance=row.credit_balance if row.credit == account else row.debit_balance,
            position=row.position,
        )
        for row in connection.execute(query)
    ]


def waiting_lines(connection: Connection, account: int) -> list[Line]:
    """Return pending awards and open holds of an account, newest first."""
    awards = connection.execute(
        select(Award.__table__).where(Award.account == account, Award.state == "pending"),
    )
    pending = [
        Line(
            id=row.id,
            kind="award",
            reason=row.reason,
            place=row.bearing,
            amount=row.amount,
            state="pending" if row.due is not None else "confirming",
            at=row.event_at,
            due=row.due,
            balance=None,
        )
        for row in awards
    ]
    holds = connection.execute(
        select(Hold.__table__, Account.community)
        .join(Account, Account.id == Hold.account)
        .where(Hold.account == account, Hold.state == "open"),
    )
    held = [
        Line(
            id=row.id,
            kind="hold",
            reason=row.reason,
            place=row.community,
            amount=-row.amount,
            state="held",
            at=row.created_at,
            due=row.lapse_at,
            balance=None,
        )
        for row in holds
    ]
    return sorted([*pending, *held], key=lambda line: line.at, reverse=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingAward:
    """An award that waits for a second person; ``amount`` in centipoints."""

    id: UUID
    rule: str
    reason: str
    units: int
    amount: int
    provenance: str
    holder_id: UUID
    community: int
    recorded_by: UUID
    event_at: dt.datetime


def awards_to_confirm(
    connection: Connection, bearing: int, sources: Sequence[str] = ()
) -> list[WaitingAward]:
    """Return awards borne by a community that wait for a second person, the oldest first.

    ``sources`` leaves only awards of these kinds: a session, an act, a help.
    """
    names = [field.name for field in fields(WaitingAward)]
    only = [Award.source_kind.in_(sources)] if sources else []
    rows = connection.execute(
        select(*(Award.__table__.c[name] for name in names))
        .where(Award.bearing == bearing, Award.state == "pending", Award.due.is_(None), *only)
        .order_by(Award.event_at, Award.id)
        .limit(WAITING_MAX),
    )
    return [WaitingAward(**row._mapping) for row in rows]  # noqa: SLF001 - the documented way
