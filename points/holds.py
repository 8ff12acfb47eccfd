"""Holds: service points set aside inside the guard; captured, released or lapsed, once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import bindparam, insert, select, update

from core.errors import N_, Conflict, NotFound, Rejected
from points.ledger import (
    AccountUnknown,
    InsufficientPoints,
    Leg,
    Spending,
    debit_legs,
    lock_accounts,
    refuse_closed_day,
)
from points.models import Account, Hold

if TYPE_CHECKING:
    from sqlalchemy import Row

    from core.work import Work


class HoldUnknown(NotFound):
    """There is no such hold."""

    text = N_("没有找到这笔预留，可能已经退回了。请刷新页面看看。")


class HoldDiffers(Conflict):
    """The hold's id was used before for another amount or account."""

    text = N_("这笔预留以前记过，内容和这次不一样。请刷新页面后重新提交。")


class HoldTooSmall(Rejected):
    """More was to be captured than is held."""

    text = N_("要扣的积分比预留的多，没有办成。请重新下单。")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHold:
    """Service points to set aside, in centipoints, for something with an id."""

    id: UUID
    account: int
    amount: int
    reason: str
    source_kind: str
    source_id: UUID
    lapse_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The hold, and whether it had been there before."""

    id: UUID
    amount: int
    exists: bool


FOUND = select(Hold.account, Hold.amount).where(Hold.id == bindparam("v_id"))
SET_ASIDE = (
    update(Account)
    .where(
        Account.id == bindparam("v_account"),
        Account.credited - Account.debited - Account.held >= bindparam("v_amount"),
    )
    .values(held=Account.held + bindparam("v_amount"))
    .returning(Account.id)
)
FREE = (
    update(Account)
    .where(Account.id == bindparam("v_account"))
    .values(held=Account.held - bindparam("v_amount"))
)
INSERT = insert(Hold)
CLOSE = (
    update(Hold)
    .where(Hold.id == bindparam("v_id"), Hold.state == "open")
    .values(
        state=bindparam("v_state"), captured=bindparam("v_captured"), closed_at=bindparam("v_now")
    )
    .returning(Hold.account, Hold.amount)
)


def hold(work: Work, command: OpenHold) -> Held:
    """Set service points aside inside the account's guard, once per id.

    Raises InsufficientPoints, AccountUnknown or HoldDiffers.
    """
    earlier = work.connection.execute(FOUND, {"v_id": command.id}).first()
    if earlier is not None:
        if tuple(earlier) != (command.account, command.amount):
            raise HoldDiffers
        return Held(id=command.id, amount=command.amount, exists=True)
    facts = {"v_account": command.account, "v_amount": command.amount}
    if work.connection.execute(SET_ASIDE, facts).first() is None:
        exists = select(Account.id).where(Account.id == command.account)
        raise InsufficientPoints if work.connection.execute(exists).first() else AccountUnknown
    work.connection.execute(
        INSERT,
        {
            "id": command.id,
            "account": command.account,
            "amount": command.amount,
            "state": "open",
            "reason": command.reason,
            "source_kind": command.source_kind,
            "source_id": command.source_id,
            "created_at": work.now,
            "lapse_at": command.lapse_at,
        },
    )
    return Held(id=command.id, amount=command.amount, exists=False)


def capture(work: Work, hold_id: UUID, spending: Spending, legs: Sequence[Leg]) -> bool:
    """Turn an open hold into transfers and free what is left of it; False if it was done before.

    The second phase cannot fail on balance. Raises HoldUnknown, HoldDiffers, HoldTooSmall
    or DayClosed.
    """
    total = sum(leg.amount for leg in legs)
    held = _close_hold(work, hold_id, "captured", total)
    if held is None:
        return False
    if held.account != spending.account:
        raise HoldDiffers
    debit_legs(work, spending, legs, unhold=held.amount)
    return True


def release(work: Work, hold_id: UUID, *, lapsed: bool = False) -> bool:
    """Give held points back; False if the hold had been closed before.

    Raises HoldUnknown or DayClosed.
    """
    # What is final has its place in the seal of its day; the day must still be open.
    refuse_closed_day(work)
    held = _close_hold(work, hold_id, "lapsed" if lapsed else "released", 0)
    if held is None:
        return False
    work.connection.execute(FREE, {"v_account": held.account, "v_amount": held.amount})
    return True


def _close_hold(work: Work, hold_id: UUID, state: str, captured: int) -> Row[int, int] | None:
    """Close an open hold; None if it was closed before. The account comes first in lock order."""
    row = work.connection.execute(FOUND, {"v_id": hold_id}).first()
    if row is None:
        raise HoldUnknown
    if captured > row.amount:
        raise HoldTooSmall
    lock_accounts(work, row.account)
    facts = {"v_id": hold_id, "v_state": state, "v_captured": captured, "v_now": work.now}
    return work.connection.execute(CLOSE, facts).first()
