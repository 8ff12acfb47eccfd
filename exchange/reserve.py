"""The guarded counters of an order: quotas by key, then stock by id, which is the lock order."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import case, delete, exists, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from core import settings
from core.errors import N_, Conflict
from core.ids import uuid8
from core.work import business_day
from exchange.basket import POINT, Basket
from exchange.models import QuotaUsage, Stock, StockMove
from residents.finding import following

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.work import Work

RESIDENT_MONTH = "resident_month"
HOUSEHOLD_ITEM_MONTH = "household_item_month"
NO_LIMIT = 1_000_000_000


class SoldOut(Conflict):
    """Less is on the shelf than was asked for."""

    text = N_("{item}只剩 {left} 件了，没有扣您的积分。请减少数量，或换一样。")
    none_text = N_("{item}兑完了，没有扣您的积分。请等补货，或换一样。")


class ForeignShareUsed(Conflict):
    """What a receipt leaves to residents of other communities has been given."""

    text = N_("{item}这一批给外社区居民的只剩 {left} 件。请减少数量，或看看别的驿站。")
    none_text = N_("{item}这一批给外社区居民的已经兑完。请等下一批，或看看别的驿站。")


class HouseholdLimit(Conflict):
    """A household takes so many pieces of an item in a month."""

    text = N_("{item}这个月您家还能兑 {left} 件。请减少数量，或下个月再来。")
    none_text = N_("{item}这个月您家已经兑满，请下个月再来。")


class OverMonthQuota(Conflict):
    """A resident pays so much at other communities in a month."""

    text = N_("到别的社区兑换，您这个月还能付 {left} 分。请减少数量，或下个月再来。")
    none_text = N_("到别的社区兑换，您这个月的额度用完了。请下个月再来，或在自己的驿站兑换。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """A counter to be raised: its key, by how much, up to where."""

    quota: str
    subject: str
    period: str
    amount: int
    limit: int
    item: str = ""

    def refusal(self, used: int) -> Conflict:
        """Return the refusal that names what is left."""
        left = max(self.limit - used, 0)
        if self.quota == RESIDENT_MONTH:
            return OverMonthQuota(left=left // POINT)
        return HouseholdLimit(item=self.item, left=left)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Pieces of an item in an order."""

    item: UUID
    quantity: int
    name: str = ""


def month_of(moment: dt.datetime) -> str:
    """Return the period of monthly quotas that a moment lies in: "2026-11"."""
    return f"{business_day(moment):%Y-%m}"


def quotas_of(
    connection: Connection,
    basket: Basket,
    shares: Mapping[UUID, int],
    now: dt.datetime,
) -> tuple[Quota, ...]:
    """Return the counters that the basket raises, in the order of their keys.

    ``shares``: what residents pay of it, in centipoints.
    """
    period, buyer = month_of(now), basket.buyer
    found = [
        Quota(
            quota=HOUSEHOLD_ITEM_MONTH,
            subject=f"{buyer.household}:{line.item}",
            period=period,
            amount=line.quantity,
            # Counted without a limit, too: one that is set in mid-month knows what was taken.
            limit=line.limit or NO_LIMIT,
            item=line.name,
        )
        for line in basket.lines
    ]
    if basket.cross:
        found += month_quotas(connection, shares, now)
    return tuple(sorted(found, key=lambda quota: (quota.quota, quota.subject)))


def month_quotas(
    connection: Connection, shares: Mapping[UUID, int], now: dt.datetime
) -> list[Quota]:
    """Return the month's counter of each payer, raised by their share (details.md 13)."""
    limit = settings.integer(connection, "quota.resident_month_points", now) * POINT
    return [
        Quota(
            quota=RESIDENT_MONTH,
            subject=str(resident),
            period=month_of(now),
            amount=amount,
            limit=limit,
        )
        for resident, amount in shares.items()
    ]


def used_of(connection: Connection, quotas: Iterable[Quota]) -> dict[tuple[str, str], int]:
    """Return what was used of these counters, for showing only: the guard decides."""
    keys = [(each.quota, each.subject, each.period) for each in quotas]
    if not keys:
        return {}
    query = select(QuotaUsage.quota, QuotaUsage.subject, QuotaUsage.used).where(
        QuotaUsage.subject.in_([key[1] for key in keys]),
        QuotaUsage.period == keys[0][2],
    )
    return {(row.quota, row.subject): row.used for row in connection.execute(query)}


def household_used(
    connection: Connection,
    household: UUID,
    items: Iterable[UUID],
    now: dt.datetime,
) -> dict[UUID, int]:
    """Return the pieces of each item that a household has ordered this month."""
    subjects = {f"{household}:{item}": item for item in items}
    query = select(QuotaUsage.subject, QuotaUsage.used).where(
        QuotaUsage.quota == HOUSEHOLD_ITEM_MONTH,
        QuotaUsage.subject.in_(list(subjects)),
        QuotaUsage.period == month_of(now),
    )
    return {subjects[row.subject]: row.used for row in connection.execute(query)}


def raise_quotas(work: Work, quotas: Iterable[Quota]) -> None:
    """Raise each counter inside its limit; raises HouseholdLimit or OverMonthQuota."""
    insert_here = sqlite.insert if work.is_sqlite else postgresql.insert
    for quota in quotas:
        if quota.amount > quota.limit:
            raise quota.refusal(
                used_of(work.connection, [quota]).get((quota.quota, quota.subject), 0)
            )
        statement = insert_here(QuotaUsage).values(
            quota=quota.quota, subject=quota.subject, period=quota.period, used=quota.amount
        )
        raised = work.connection.execute(
            statement.on_conflict_do_update(
                index_elements=["quota", "subject", "period"],
                set_={"used": QuotaUsage.used + quota.amount},
                where=QuotaUsage.used + quota.amount <= quota.limit,
            ).returning(QuotaUsage.used),
        ).first()
        if raised is None:
            used = used_of(work.connection, [quota])[quota.quota, quota.subject]
            raise quota.refusal(used)


def carry_quotas(work: Work, source: UUID, target: UUID) -> None:
    """Let this month's quotas count on: what one used, who follows them has used instead.

    Left behind it would count twice for who comes back, and for others who live there next.
    """
    mine = or_(QuotaUsage.subject == str(source), QuotaUsage.subject.startswith(f"{source}:"))
    rows = work.connection.execute(
        select(QuotaUsage.__table__)
        .where(mine, QuotaUsage.period >= month_of(work.now), QuotaUsage.used > 0)
        .order_by(QuotaUsage.quota, QuotaUsage.subject, QuotaUsage.period)
        .with_for_update(),
    ).all()
    insert_here = sqlite.insert if work.is_sqlite else postgresql.insert
    for row in rows:
        work.connection.execute(
            insert_here(QuotaUsage)
            .values(
                quota=row.quota,
                subject=row.subject.replace(str(source), str(target)),
                period=row.period,
                used=row.used,
            )
            .on_conflict_do_update(
                index_elements=["quota", "subject", "period"],
                set_={"used": QuotaUsage.used + row.used},
            ),
        )
        work.connection.execute(
            delete(QuotaUsage).where(
                QuotaUsage.quota == row.quota,
                QuotaUsage.subject == row.subject,
                QuotaUsage.period == row.period,
            ),
        )


def reserve_stock(work: Work, pieces: Sequence[Piece], *, cross: bool) -> None:
    """Promise pieces, in id order; raises SoldOut or ForeignShareUsed."""
    for piece in sorted(pieces, key=lambda each: each.item):
        changes: dict[str, object] = {"reserved": Stock.reserved + piece.quantity}
        _take(work, piece, changes, cross=cross)


def give_stock(work: Work, pieces: Sequence[Piece], order: UUID, *, cross: bool) -> None:
    """Hand out pieces that nobody had reserved, in id order; raises SoldOut or ForeignShareUsed."""
    for piece in sorted(pieces, key=lambda each: each.item):
        changes: dict[str, object] = {"on_hand": Stock.on_hand - piece.quantity}
        _take(work, piece, changes, cross=cross)
    _moves(work, pieces, order, "given")


def _take(work: Work, piece: Piece, changes: dict[str, object], *, cross: bool) -> None:
    guard = [Stock.item == piece.item, Stock.on_hand - Stock.reserved >= piece.quantity]
    if cross:
        guard.append(Stock.foreign_left >= piece.quantity)
        changes["foreign_left"] = Stock.foreign_left - piece.quantity
    taken = work.connection.execute(
        update(Stock).where(*guard).values(**changes).returning(Stock.item),
    ).first()
    if taken is not None:
        return
    now = work.connection.execute(
        select(Stock.on_hand - Stock.reserved, Stock.foreign_left).where(Stock.item == piece.item),
    ).one()
    if now[0] < piece.quantity:
        raise SoldOut(item=piece.name, left=now[0])
    raise ForeignShareUsed(item=piece.name, left=now[1])


def hand_out(work: Work, pieces: Sequence[Piece], order: UUID) -> None:
    """Take reserved pieces off the shelf, in id order."""
    for piece in sorted(pieces, key=lambda each: each.item):
        work.connection.execute(
            update(Stock)
            .where(Stock.item == piece.item)
            .values(
                on_hand=Stock.on_hand - piece.quantity,
                reserved=Stock.reserved - piece.quantity,
            ),
        )
    _moves(work, pieces, order, "given")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letting:
    """What an order that ends without its goods gives back."""

    order: UUID
    household: UUID
    #: What residents were counted to pay, in centipoints.
    shares: Mapping[UUID, int]
    cross: bool
    submitted_at: dt.datetime
    pieces: tuple[Piece, ...]


def let_go(work: Work, letting: Letting) -> None:
    """Lower quotas and reserved stock: the order gave nothing."""
    _lower_quotas(work, letting)
    for piece in sorted(letting.pieces, key=lambda each: each.item):
        changes: dict[str, object] = {"reserved": Stock.reserved - piece.quantity}
        _put(work, piece, changes, letting)


def take_back(work: Work, letting: Letting) -> None:
    """Lower quotas and put pieces back on the shelf: the order was returned."""
    _lower_quotas(work, letting)
    for piece in sorted(letting.pieces, key=lambda each: each.item):
        changes: dict[str, object] = {"on_hand": Stock.on_hand + piece.quantity}
        _put(work, piece, changes, letting)
    _moves(work, letting.pieces, letting.order, "returned")


def _put(work: Work, piece: Piece, changes: dict[str, object], letting: Letting) -> None:
    if letting.cross:
        # A share belongs to its receipt: what an older one gave does not widen the newest.
        newer = exists().where(
            StockMove.item == piece.item,
            StockMove.kind == "receipt",
            StockMove.at > letting.submitted_at,
        )
        back = case((newer, 0), else_=piece.quantity)
        changes["foreign_left"] = Stock.foreign_left + back
    work.connection.execute(update(Stock).where(Stock.item == piece.item).values(**changes))


def _lower_quotas(work: Work, letting: Letting) -> None:
    """Lower the counters that were raised, in the month that they were raised in.

    Whoever has moved or was merged since has it back where their quotas count on: only the month
    that goes on was carried, and one that is over decides nothing any more.
    """
    period = month_of(letting.submitted_at)
    household, payers = letting.household, Counter(letting.shares)
    if period == month_of(work.now):
        went = following(work.connection, "household", household, letting.submitted_at)
        household = [household, *went][-1]
        payers = Counter()
        for each, amount in letting.shares.items():
            # Two who paid may be one since.
            payers[[each, *following(work.connection, "resident", each)][-1]] += amount
    keys = [
        (HOUSEHOLD_ITEM_MONTH, f"{household}:{piece.item}", piece.quantity)
        for piece in letting.pieces
    ]
    if letting.cross:
        keys += [(RESIDENT_MONTH, str(payer), amount) for payer, amount in payers.items()]
    for quota, subject, amount in sorted(keys):
        work.connection.execute(
            update(QuotaUsage)
            .where(
                QuotaUsage.quota == quota,
                QuotaUsage.subject == subject,
                QuotaUsage.period == period,
                QuotaUsage.used >= amount,
            )
            .values(used=QuotaUsage.used - amount),
        )


def _moves(work: Work, pieces: Sequence[Piece], order: UUID, kind: str) -> None:
    sign = 1 if kind == "returned" else -1
    work.connection.execute(
        insert(StockMove),
        [
            {
                "id": uuid8(work.now, "stock_move", kind, order, piece.item),
                "key": f"{kind}:{order}:{piece.item}",
                "item": piece.item,
                "kind": kind,
                "quantity": sign * piece.quantity,
                "at": work.now,
                "by": work.actor.person,
                "order": order,
            }
            for piece in pieces
        ],
    )
