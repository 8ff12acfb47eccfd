"""A resident's wallet and months, as the pages show them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import and_, func, or_, select, union_all

from core.work import business_day
from points.accounts import PointsKind, household_account, resident_account
from points.lines import own_holders
from points.models import Account, Award, Hold, Transfer
from points.queries import balances, family_accounts, life_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.panels import Viewer

MONTHS = 3
"""Months with postings that one page shows."""

DECEMBER = 12
KINDS: tuple[PointsKind, ...] = ("service", "basic")
AWARD = "award"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """What a resident has, in centipoints: service points, and the family's basic points."""

    balance: int
    pending: int
    held: int
    lapsing: int
    lapsing_on: dt.date
    later: int
    later_on: dt.date
    #: Came back after its year had ended; it can be used to the end of the month.
    overdue: int
    overdue_on: dt.date
    #: What is earned now lapses on this day; None: never.
    new_on: dt.date | None
    basic: int
    title: str
    next_title: str
    missing: int
    title_done: int
    title_span: int


def wallet(connection: Connection, viewer: Viewer) -> Wallet:
    """Return the wallet; points that are held lapse with their order, not by the calendar."""
    family = family_accounts(viewer.community, viewer.household, viewer.members)
    has = balances(connection, viewer.resident, viewer.community, family, viewer.now)
    ends = has.lapsing
    following = has.next_title
    span = following.from_points - has.title.from_points if following else 0
    return Wallet(
        balance=has.available,
        pending=has.pending + _waiting(connection, accounts_before(connection, viewer, "service")),
        held=has.held,
        lapsing=ends.this_year,
        lapsing_on=ends.this_year_on,
        later=ends.next_year,
        later_on=ends.next_year_on,
        overdue=ends.overdue,
        overdue_on=ends.overdue_on,
        new_on=ends.new_on,
        basic=has.basic_all,
        title=has.title.name,
        next_title=following.name if following else "",
        missing=has.missing,
        title_done=has.basic_all - has.title.from_points,
        title_span=span,
    )


def _waiting(connection: Connection, accounts: Sequence[int]) -> int:
    """Return what has not arrived on these accounts."""
    query = select(func.sum(Award.amount)).where(
        Award.account.in_(accounts), Award.state == "pending"
    )
    return int(connection.scalar(query) or 0) if accounts else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Whose basic points the family's are, in centipoints of a life."""

    mine: int
    others: int
    household: int


def shares(connection: Connection, viewer: Viewer) -> Shares:
    """Return the family's basic points by whose they are."""
    mine = resident_account(viewer.resident, viewer.community, "basic")
    shared = household_account(viewer.household, viewer.community)
    family = family_accounts(viewer.community, viewer.household, viewer.members)
    rows = connection.execute(
        select(Account.id, Account.credited - Account.debited).where(Account.id.in_(family)),
    )
    found = life_of(connection, {row[0]: row[1] for row in rows})
    return Shares(
        mine=found.get(mine, 0),
        others=sum(amount for account, amount in found.items() if account not in {mine, shared}),
        household=found.get(shared, 0),
    )


def accounts_shown(viewer: Viewer, kind: str) -> list[int]:
    """Return the accounts whose lines a resident sees: service, or one's own and shared basic."""
    if kind == "service":
        return [resident_account(viewer.resident, viewer.community, "service")]
    return [
        resident_account(viewer.resident, viewer.community, "basic"),
        household_account(viewer.household, viewer.community),
    ]


def accounts_known(
    connection: Connection, viewer: Viewer, kind: PointsKind | None = None
) -> list[int]:
    """Return the accounts whose lines are a resident's: today's, and those of places before."""
    own = own_holders(connection, viewer.resident, viewer.household)
    query = select(Account.id).where(Account.holder_id.in_(own))
    if kind is not None:
        query = query.where(Account.points_kind == kind)
    return list(connection.scalars(query))


def accounts_before(connection: Connection, viewer: Viewer, kind: PointsKind) -> list[int]:
    """Return the accounts of places before: what arrives there follows at night."""
    today = set(accounts_shown(viewer, kind))
    return sorted(set(accounts_known(connection, viewer, kind)) - today)


def account_named(viewer: Viewer, name: str) -> int:
    """Return one account of those: ``service``, ``basic``, or the ``household``'s basic one."""
    if name == "household":
        return household_account(viewer.household, viewer.community)
    return accounts_shown(viewer, name)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line: the legs of one act on one's account together; ``amount`` is signed centipoints."""

    #: The transfer, the award that waits, or the hold.
    id: UUID
    act: str
    reason: str
    #: The community where it was earned.
    place: int
    amount: int
    state: str
    at: dt.datetime
    due: dt.datetime | None
    source_kind: str
    source_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthOf:
    """A month's lines, newest first, with what arrived and what went for good."""

    first: dt.date
    gained: int
    spent: int
    #: What lapsed, was taken, or went on to another place.
    lost: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Some months, and where the ones before begin to end; None: there are no more."""

    months: tuple[MonthOf, ...]
    older: dt.date | None


def history(
    connection: Connection,
    accounts: Sequence[int],
    until: dt.date | None,
    before: Sequence[int] = (),
) -> History:
    """Return the newest months before ``until``; the first page also has what is under way.

    ``before`` are the accounts of places before, of which only that is shown.
    """
    newest = _latest_day(connection, accounts, until)
    start = _months_back(newest, MONTHS - 1) if newest else None
    entries = _under_way(connection, [*accounts, *before]) if until is None else []
    if start is not None:
        entries += _posted(connection, accounts, start, until)
    older = start if start and _latest_day(connection, accounts, start) else None
    by_month: dict[dt.date, list[Entry]] = {}
    for entry in entries:
        by_month.setdefault(business_day(entry.at).replace(day=1), []).append(entry)
    months = [_month(first, found) for first, found in sorted(by_month.items(), reverse=True)]
    return History(months=tuple(months), older=older)


def _month(first: dt.date, entries: list[Entry]) -> MonthOf:
    final = [entry for entry in entries if entry.state not in {"pending", "confirming", "held"}]
    # What came back was spent before: it lowers that, and is no gain. An award that was taken back
    # lowers what was gained, as far as that goes.
    earned = [entry.amount for entry in final if (entry.amount > 0) != (entry.act == "reversal")]
    gone = [entry for entry in final if (entry.amount > 0) == (entry.act == "reversal")]
    spent = [entry.amount for entry in gone if entry.state in {"collected", "returned"}]
    lost = [entry.amount for entry in gone if entry.state not in {"collected", "returned"}]
    return MonthOf(
        first=first,
        gained=max(0, sum(earned)),
        spent=max(0, -sum(spent)),
        lost=max(0, -sum(earned)) - sum(lost),
        entries=tuple(entries),
    )


def _months_back(day: dt.date, count: int) -> dt.date:
    years, month = divmod(day.year * DECEMBER + day.month - 1 - count, DECEMBER)
    return dt.date(years, month + 1, 1)


def _latest_day(
    connection: Connection, accounts: Sequence[int], until: dt.date | None
) -> dt.date | None:
    query = select(func.max(Transfer.day)).where(
        or_(
            and_(Transfer.credit > 0, Transfer.credit.in_(accounts)),
            and_(Transfer.debit > 0, Transfer.debit.in_(accounts)),
        ),
    )
    return connection.scalar(query if until is None else query.where(Transfer.day < until))


def _posted(
    connection: Connection, accounts: Sequence[int], start: dt.date, until: dt.date | None
) -> list[Entry]:
    """Return what was posted since a day, the legs of one act summed up."""
    window = [Transfer.day >= start]
    if until is not None:
        window.append(Transfer.day < until)
    sides = [
        select(
            Transfer.id,
            Transfer.act,
            (sign * Transfer.amount).label("amount"),
            Transfer.community,
            Transfer.posted_at,
            Transfer.journal,
            Transfer.source_kind,
            Transfer.source_id,
            Transfer.note,
            version.label("position"),
        ).where(side > 0, side.in_(accounts), *window)
        for sign, side, version in (
            (1, Transfer.credit, Transfer.credit_version),
            (-1, Transfer.debit, Transfer.debit_version),
        )
    ]
    both = union_all(*sides).subquery()
    rows = connection.execute(
        select(both, Award.reason, Award.bearing)
        .outerjoin(Award, and_(both.c.source_kind == AWARD, Award.id == both.c.source_id))
        .order_by(both.c.posted_at.desc(), both.c.position.desc()),
    )
    found: dict[object, Entry] = {}
    for row in rows:
        key = (row.journal, row.amount > 0) if row.journal is not None else row.id
        before = found.get(key)
        found[key] = Entry(
            id=row.id,
            act=row.act,
            reason=row.reason or row.note or "",
            place=row.bearing or row.community,
            amount=row.amount + (before.amount if before else 0),
            state=state_of(row.act, row.amount),
            at=row.posted_at,
            due=None,
            source_kind=row.source_kind,
            source_id=row.source_id,
        )
    return list(found.values())


def state_of(act: str, amount: int) -> str:
    """Return the state that a posted line is shown in."""
    if act == "reversal" and amount > 0:
        return "returned"
    if act == "expiry":
        return "lapsed"
    if act in {"redemption", "discount", "rounding"}:
        return "collected"
    if amount > 0:
        return "posted"
    return "gone" if act in {"moving", "donation"} else "taken"


def _under_way(connection: Connection, accounts: Sequence[int]) -> list[Entry]:
    """Return awards that wait and holds that are open, newest first."""
    awards = connection.execute(
        select(Award.__table__).where(Award.account.in_(accounts), Award.state == "pending"),
    )
    waiting = [
        Entry(
            id=row.id,
            act=AWARD,
            reason=row.reason,
            place=row.bearing,
            amount=row.amount,
            state="confirming" if row.due is None else "pending",
            at=row.event_at,
            due=row.due,
            source_kind=row.source_kind,
            source_id=row.source_id,
        )
        for row in awards
    ]
    holds = connection.execute(
        select(Hold.__table__, Account.community)
        .join(Account, Account.id == Hold.account)
        .where(Hold.account.in_(accounts), Hold.state == "open"),
    )
    held = [
        Entry(
            id=row.id,
            act="hold",
            reason=row.reason,
            place=row.community,
            amount=-row.amount,
            state="held",
            at=row.created_at,
            due=row.lapse_at,
            source_kind=row.source_kind,
            source_id=row.source_id,
        )
        for row in holds
    ]
    return sorted([*waiting, *held], key=lambda entry: entry.at, reverse=True)
