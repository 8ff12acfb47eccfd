"""Posting, holds and reversal: the only writers of accounts, transfers and holds, one at a time.

Batches (settlement, expiry) are in ``points.settlement``; both keep the same rules. A posting
locks one holder's row and is one statement where the database can; the id is the idempotency key.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import bindparam, insert, select, update

from core.errors import N_, AppError, Conflict, NotFound, Rejected
from core.many import among_given
from core.models import BusinessDay
from points.accounts import PointsKind
from points.models import Account, AccountDelta, Transfer
from points.posting_sql import Sides, plain, statement

if TYPE_CHECKING:
    from core.work import Work


class InsufficientPoints(Rejected):
    """The account does not cover it; holds count as gone."""

    text = N_("可用的积分不够。可以换一样，或等待到账的积分入账后再来。")


class TransferDiffers(Conflict):
    """The id was posted before with other sides or another amount."""

    text = N_("这一笔以前记过，内容和这次不一样。请把两次的单据拿给社区核对。")


class AccountUnknown(NotFound):
    """There is no such account in this community and kind."""

    text = N_("没有找到这个积分账户。请联系社区核对居民信息。")


class KindsMixed(Rejected):
    """The account is one of the other kind of points; kinds never meet in a transfer."""

    text = N_("基本积分和服务积分不能混在一笔里。请核对是哪一种积分，再办一次。")


class DayClosed(Conflict):
    """The business day was closed while this was under way; a new moment is tried."""

    retried = True
    text = N_("今天的账刚刚结好，请再提交一次。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One transfer to be made; ``amount`` in centipoints, sides by account id."""

    id: UUID
    act: str
    points_kind: PointsKind
    community: int
    debit: int
    credit: int
    amount: int
    event_at: dt.datetime
    source_kind: str
    source_id: UUID
    journal: UUID | None = None
    rate: UUID | None = None
    standard: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """The transfer's id, and whether it had been there before."""

    id: UUID
    exists: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One credit of a spending, to a system account of the holder's own book."""

    id: UUID
    act: str
    credit: int
    amount: int
    standard: int | None = None
    rate: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What all legs of one spending share."""

    account: int
    community: int
    event_at: dt.datetime
    source_kind: str
    source_id: UUID
    journal: UUID
    #: What the holder's list says it was for.
    note: str | None = None


# Made once: putting them together costs as much as the embedded database does.
CLOSED = select(BusinessDay.day).where(BusinessDay.day == bindparam("v_day"))
DONE = select(Transfer.id).where(Transfer.id == bindparam("v_id"))
EARLIER = select(Transfer.debit, Transfer.credit, Transfer.amount, Transfer.act).where(
    Transfer.id == bindparam("v_id")
)
KINDS = select(Account.id, Account.points_kind).where(
    Account.id.in_(bindparam("v_accounts", expanding=True)),
    Account.community == bindparam("v_community"),
)
FREE = select(Account.credited - Account.debited - Account.held).where(
    Account.id == bindparam("v_account")
)
LOCK = (
    select(Account.id)
    .where(among_given(Account.id, "v_accounts", is_sqlite=False))
    .order_by(Account.id)
    .with_for_update(key_share=True)
)
GUARDED = (
    update(Account)
    .where(
        Account.id == bindparam("v_account"),
        Account.community == bindparam("v_community"),
        Account.credited - Account.debited - Account.held + bindparam("v_unhold")
        >= bindparam("v_total"),
    )
    .values(
        held=Account.held - bindparam("v_unhold"),
        debited=Account.debited + bindparam("v_total"),
        version=Account.version + bindparam("v_legs"),
    )
    .returning(Account.credited - Account.debited, Account.version, Account.points_kind)
)


def post(work: Work, posting: Posting) -> Posted:
    """Post one transfer, once per id.

    Raises InsufficientPoints, TransferDiffers, AccountUnknown, KindsMixed or DayClosed.
    """
    sides = Sides(debit_holder=posting.debit > 0, credit_holder=posting.credit > 0)
    values = work.bind(
        v_id=posting.id,
        v_act=posting.act,
        v_points_kind=posting.points_kind,
        v_community=posting.community,
        v_debit=posting.debit,
        v_credit=posting.credit,
        v_amount=posting.amount,
        v_standard=posting.standard,
        v_event_at=posting.event_at,
        v_now=work.now,
        v_day=work.day,
        v_journal=posting.journal,
        v_source_kind=posting.source_kind,
        v_source_id=posting.source_id,
        v_actor=work.actor.person,
        v_rate=posting.rate,
        v_note=posting.note,
    )
    if sides.debit_holder and sides.credit_holder:
        lock_accounts(work, posting.debit, posting.credit)
    if _execute(work, sides, values, posting):
        return Posted(id=posting.id, exists=False)
    return _why_not(work, posting)


def _execute(work: Work, sides: Sides, values: dict[str, object], posting: Posting) -> bool:
    """Run the guarded statement; on SQLite its three parts, under BEGIN IMMEDIATE."""
    if not work.is_sqlite:
        # The way through SQLAlchemy costs three times what psycopg's own does.
        line: Any = work.connection.connection.driver_connection
        return line.execute(plain(sides), values).fetchone() is not None
    parts = statement(sides, parts=True)
    found: dict[str, object] = {}
    for name, part in parts.guards:
        row = work.connection.execute(part, values).first()
        if row is None:
            if found:
                # The other side was changed already: undo it all, this account is not the one.
                raise _refusal(work, posting)
            return False
        found |= {f"v_{name}_balance": row[0], f"v_{name}_version": row[1]} if name else {}
    work.connection.execute(parts.transfer, values | parts.empty | found)
    for delta in parts.deltas:
        work.connection.execute(delta, values)
    return True


def lock_accounts(work: Work, *accounts: int) -> None:
    """Lock rows in id order before anything reads them; SQLite has one writer anyway."""
    if not work.is_sqlite:
        work.connection.execute(LOCK, {"v_accounts": list(accounts)}).all()


def free_of(work: Work, account: int) -> int:
    """Lock an account and return what is free on it; where there is none, nothing."""
    lock_accounts(work, account)
    return int(work.connection.scalar(FREE, {"v_account": account}) or 0)


def _why_not(work: Work, posting: Posting) -> Posted:
    """Answer a replay, or say what is missing: the id first, or a spent replay looks uncovered."""
    found = work.connection.execute(EARLIER, {"v_id": posting.id}).first()
    if found is not None:
        if tuple(found) != (posting.debit, posting.credit, posting.amount, posting.act):
            raise TransferDiffers
        return Posted(id=posting.id, exists=True)
    refuse_closed_day(work)
    raise _refusal(work, posting)


def _refusal(work: Work, posting: Posting) -> type[AppError]:
    """Return what is wrong with the accounts of a posting that moved nothing."""
    holders = {side for side in (posting.debit, posting.credit) if side > 0}
    in_this_book = {"v_accounts": list(holders), "v_community": posting.community}
    kinds = {row.id: row.points_kind for row in work.connection.execute(KINDS, in_this_book)}
    if holders - set(kinds):
        return AccountUnknown
    if set(kinds.values()) - {posting.points_kind}:
        return KindsMixed
    return InsufficientPoints


def refuse_closed_day(work: Work) -> None:
    """Raise DayClosed if this work's business day takes no more postings."""
    if work.connection.execute(CLOSED, {"v_day": work.day}).first() is not None:
        raise DayClosed


def spend(work: Work, spending: Spending, legs: Sequence[Leg]) -> bool:
    """Debit a holder by several legs at once, without a hold; False if it was done before.

    Raises InsufficientPoints, AccountUnknown or DayClosed.
    """
    if work.connection.execute(DONE, {"v_id": legs[0].id}).first() is not None:
        return False
    debit_legs(work, spending, legs, unhold=0)
    return True


def debit_legs(work: Work, spending: Spending, legs: Sequence[Leg], *, unhold: int) -> None:
    """Move a holder's account once, then write its legs with the balance and version after each."""
    refuse_closed_day(work)
    total = sum(leg.amount for leg in legs)
    facts = {
        "v_account": spending.account,
        "v_community": spending.community,
        "v_unhold": unhold,
        "v_total": total,
        "v_legs": len(legs),
    }
    row = work.connection.execute(GUARDED, facts).first()
    if row is None:
        exists = select(Account.id).where(
            Account.id == spending.account, Account.community == spending.community
        )
        raise InsufficientPoints if work.connection.execute(exists).first() else AccountUnknown
    balance, version, points_kind = row
    balance += total
    version -= len(legs)
    transfers, deltas = [], []
    for leg in legs:
        balance -= leg.amount
        version += 1
        transfers.append(_leg_row(work, spending, leg, points_kind, balance, version))
        deltas.append(_delta(work, leg.id, leg.credit, leg.amount, leg.standard or 0))
    work.connection.execute(insert(Transfer), transfers)
    work.connection.execute(insert(AccountDelta), deltas)


def _leg_row(
    work: Work,
    spending: Spending,
    leg: Leg,
    points_kind: str,
    balance: int,
    version: int,
) -> dict[str, object]:
    return {
        "id": leg.id,
        "act": leg.act,
        "points_kind": points_kind,
        "community": spending.community,
        "debit": spending.account,
        "credit": leg.credit,
        "amount": leg.amount,
        "debit_balance": balance,
        "debit_version": version,
        "standard": leg.standard,
        "event_at": spending.event_at,
        "posted_at": work.now,
        "day": work.day,
        "journal": spending.journal,
        "source_kind": spending.source_kind,
        "source_id": spending.source_id,
        "actor": work.actor.person,
        "rate": leg.rate,
        "note": spending.note,
    }


def _delta(work: Work, cause: UUID, account: int, amount: int, standard: int) -> dict[str, object]:
    return {
        "cause": cause,
        "account": account,
        "day": work.day,
        "credited": amount,
        "debited": 0,
        "standard": standard,
    }
