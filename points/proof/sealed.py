"""The checks of the seals: every block is computed anew, and the chain is followed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from points.models import Seal
from points.proof.chain import Place, broken_blocks, broken_chain, spans
from points.proof.checks import Find, Found

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from points.proof.sealing import Days

PARTS = 32
"""So many parts that of two connections neither waits long for the other's last one."""


def blocks(connection: Connection, turn: int | None) -> Found:
    """Compute all blocks anew; with a turn the newest day's, and one older day's."""
    days = spans(connection)
    if turn is not None and days:
        days = [days[turn % len(days)], days[-1]]
    return _blocks(connection, days)


def parts(connection: Connection) -> list[Find]:
    """Cut the computing of all blocks up, oldest days first."""
    days = spans(connection)
    size = len(days) // PARTS + 1
    return [_part(days[start : start + size]) for start in range(0, len(days), size)]


def _part(days: Sequence[Days]) -> Find:
    return lambda connection, _turn: _blocks(connection, days)


def _blocks(connection: Connection, days: Sequence[Days]) -> Found:
    sealed = select(func.count()).select_from(Seal)
    rows = connection.scalar(sealed.where(Seal.day.in_([span.until for span in days]))) or 0
    return _found(rows, (place for span in days for place in broken_blocks(connection, span)))


def chain(connection: Connection, _turn: int | None) -> Found:
    """Follow every chain from its first block."""
    rows = connection.scalar(select(func.count()).select_from(Seal)) or 0
    return _found(rows, broken_chain(connection))


def _found(rows: int, places: Iterable[Place]) -> Found:
    found = list(places)
    return Found(times=len(found), first=found[0] if found else None, rows=rows)
