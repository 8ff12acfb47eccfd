"""Stock: what arrives at a station and what is counted there, each change written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import insert, select, update

from core.errors import N_, Conflict, Rejected
from core.ids import uuid8
from exchange.models import Stock, StockMove
from exchange.stations import PERCENT_MAX, QUANTITY_MAX, item_row

if TYPE_CHECKING:
    from core.work import Work


class QuantityInvalid(Rejected):
    """A receipt has at least one piece."""

    text = N_("数量要是 1 到 10000 的整数。请改一改再提交。")


class StockPromised(Conflict):
    """The count is lower than what is reserved for orders already made."""

    text = N_("清点的数比已经预留的还少。请先处理等领取的兑换单，再登记清点。")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveStock:
    """Pieces that arrived; the key makes a form sent twice one receipt."""

    key: str
    item: UUID
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CountStock:
    """Pieces that were found on the shelf."""

    key: str
    item: UUID
    on_hand: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StockChanged:
    """The item's counters now."""

    item: UUID
    on_hand: int
    reserved: int
    foreign_left: int


def receive_stock(work: Work, command: ReceiveStock) -> StockChanged:
    """Add pieces to the shelf, once per key.

    From a receipt on the bar is full, home-first days begin anew, and residents of other
    communities may take their share of what arrived. Raises ItemUnknown or QuantityInvalid.
    """
    found = item_row(work, command.item)
    work.actor.require("stock.receive", found.community)
    if not 0 < command.quantity <= QUANTITY_MAX:
        raise QuantityInvalid
    if _moved(work, command.key):
        return _counters(work, command.item)
    row = work.connection.execute(
        update(Stock)
        .where(Stock.item == command.item)
        .values(
            on_hand=Stock.on_hand + command.quantity,
            full=Stock.on_hand + command.quantity,
            foreign_left=command.quantity * found.foreign_share_percent // PERCENT_MAX,
            received_on=work.day,
        )
        .returning(Stock.item, Stock.on_hand, Stock.reserved, Stock.foreign_left),
    ).one()
    _move(work, command.key, command.item, "receipt", command.quantity)
    return StockChanged(**row._mapping)  # noqa: SLF001 - Row API


def count_stock(work: Work, command: CountStock) -> StockChanged:
    """Set the shelf to what was counted, once per key; the difference is written down.

    Raises ItemUnknown, QuantityInvalid or StockPromised.
    """
    found = item_row(work, command.item)
    work.actor.require("stock.receive", found.community)
    if not 0 <= command.on_hand <= QUANTITY_MAX:
        raise QuantityInvalid
    if _moved(work, command.key):
        return _counters(work, command.item)
    before = _locked(work, command.item)
    if command.on_hand < before.reserved:
        raise StockPromised
    work.connection.execute(
        update(Stock).where(Stock.item == command.item).values(on_hand=command.on_hand),
    )
    if command.on_hand != before.on_hand:
        _move(work, command.key, command.item, "count", command.on_hand - before.on_hand)
    return _counters(work, command.item)


def _locked(work: Work, item: UUID) -> StockChanged:
    """Lock the row by a write that changes nothing, and read it after the wait."""
    row = work.connection.execute(
        update(Stock)
        .where(Stock.item == item)
        .values(on_hand=Stock.on_hand)
        .returning(Stock.item, Stock.on_hand, Stock.reserved, Stock.foreign_left),
    ).one()
    return StockChanged(**row._mapping)  # noqa: SLF001 - Row API


def _counters(work: Work, item: UUID) -> StockChanged:
    row = work.connection.execute(
        select(Stock.item, Stock.on_hand, Stock.reserved, Stock.foreign_left).where(
            Stock.item == item,
        ),
    ).one()
    return StockChanged(**row._mapping)  # noqa: SLF001 - Row API


def _moved(work: Work, key: str) -> bool:
    """Whether this person's form was booked before; another body is refused by the audit row."""
    mine = f"{work.actor.person.hex}:{key}"
    found = select(StockMove.id).where(StockMove.key == mine)
    return work.connection.execute(found).first() is not None


def _move(work: Work, key: str, item: UUID, kind: str, quantity: int) -> None:
    mine = f"{work.actor.person.hex}:{key}"
    work.connection.execute(
        insert(StockMove).values(
            id=uuid8(work.now, "stock_move", mine),
            key=mine,
            item=item,
            kind=kind,
            quantity=quantity,
            at=work.now,
            by=work.actor.person,
        ),
    )
