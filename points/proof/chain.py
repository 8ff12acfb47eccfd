"""Checking the seals: blocks against their rows, and the chain against itself; nothing is written.

A superuser can change rows, and a block with them, but then the block's head changes, and the next
block is not chained to it, nor is the district's block of that day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from core.models import BusinessDay
from points.models import Seal
from points.proof.canonical import FINALS
from points.proof.sealing import (
    BEGINNING,
    DISTRICT,
    LEAF,
    NOTHING,
    Days,
    blocks,
    digest_of_heads,
    head,
    rows_of,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

UNSEALED = dt.timedelta(days=1)
"""A closed day is sealed before the next one closes; a day of grace."""


PRINTED_MIN = 16
"""Digits of a head that are enough to know it by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a row stands: its table, id, community and business day, as far as it has them."""

    table: str
    id: str
    community: int | None = None
    day: dt.date | None = None


def spans(connection: Connection) -> list[Days]:
    """Return what each sealed day covers, oldest first."""
    days = connection.scalars(
        select(Seal.day).where(Seal.community == DISTRICT).order_by(Seal.day)
    ).all()
    return [
        Days(after=after, until=until)
        for after, until in zip([BEGINNING, *days], days, strict=False)
    ]


def broken_blocks(
    connection: Connection, span: Days, community: int | None = None
) -> Iterator[Place]:
    """Compute the blocks of a span anew; yield the first touched row of each that differs."""
    query = select(Seal.community, Seal.rows, Seal.digest).where(
        Seal.day == span.until, Seal.community != DISTRICT
    )
    if community is not None:
        query = query.where(Seal.community == community)
    kept = {row.community: (row.rows, row.digest) for row in connection.execute(query)}
    now = {
        block.community: (block.rows, block.digest) for block in blocks(connection, span, community)
    }
    for number in sorted(kept.keys() | now.keys()):
        if kept.get(number) != now.get(number):
            yield first_touched(connection, span, number)


def first_touched(connection: Connection, span: Days, community: int) -> Place:
    """Say which row of a broken block was edited, put in or taken out first."""
    leaves = connection.scalar(
        select(Seal.leaves).where(Seal.community == community, Seal.day == span.until)
    )
    kept = [leaves[at : at + LEAF] for at in range(0, len(leaves), LEAF)] if leaves else []
    rows = rows_of(connection, span, community)
    for index, row in enumerate(rows):
        leaf = row.digest[:LEAF]
        if index < len(kept) and leaf == kept[index]:
            continue
        if leaf in kept[index:]:
            words = f"a row that stood before {FINALS[row.place].table} {row.id}"
            return Place(table="seals", id=words, community=community, day=span.until)
        return Place(table=FINALS[row.place].table, id=row.id, community=community, day=span.until)
    words = (
        f"the last {len(kept) - len(rows)} of {len(kept)} rows" if kept[len(rows) :] else "block"
    )
    return Place(table="seals", id=words, community=community, day=span.until)


def broken_chain(connection: Connection) -> Iterator[Place]:
    """Follow every chain from its first block; yield the blocks and days that do not fit."""
    columns = (Seal.community, Seal.day, Seal.rows, Seal.digest, Seal.previous, Seal.head)
    heads: dict[int, str] = {}
    sealed: set[dt.date] = set()
    kept = connection.execute(select(*columns).order_by(Seal.day, Seal.community))
    for day, found in groupby(kept, lambda row: row.day):
        sealed.add(day)
        rows = list(found)
        for row in rows:
            if not _fits(row, heads.get(row.community, NOTHING)):
                yield _block(row.community, day)
            heads[row.community] = row.head
        if not _binds(rows):
            yield _block(DISTRICT, day)
    yield from _unsealed(connection, sealed)


def _fits(row: Any, previous: str) -> bool:
    """Whether a block is chained to the one before it, and its head is its own."""
    own = head(row.community, row.day, row.rows, row.digest, row.previous)
    return bool(row.previous == previous and row.head == own)


def _binds(rows: list[Any]) -> bool:
    """Whether the first row is the district's, over the heads of the others."""
    district, others = rows[0], rows[1:]
    bound = digest_of_heads((row.community, row.head) for row in others)
    return bool(
        district.community == DISTRICT and (district.rows, district.digest) == (len(others), bound)
    )


def _unsealed(connection: Connection, sealed: set[dt.date]) -> Iterator[Place]:
    """Yield sealed days that were opened again, and closed days that lost their seal."""
    closed = {
        row.day: row.closed_at
        for row in connection.execute(select(BusinessDay.day, BusinessDay.closed_at))
    }
    yield from (_block(DISTRICT, day) for day in sorted(sealed - closed.keys()))
    newest = max(closed.values(), default=None)
    for day in sorted(closed.keys() - sealed):
        if day < max(sealed, default=day) or newest - closed[day] > UNSEALED:
            yield _block(DISTRICT, day)


def _block(community: int, day: dt.date) -> Place:
    return Place(table="seals", id="block", community=community, day=day)


def stands(connection: Connection, published: str) -> Place | None:
    """Return the block that has this head, or None: then books were rewritten since it was made.

    Groups of four with spaces between, as printed, are welcome, and so is a good beginning.
    """
    wanted = published.replace(" ", "").lower()
    if len(wanted) < PRINTED_MIN:
        return None
    row = connection.execute(
        select(Seal.community, Seal.day).where(Seal.head.startswith(wanted, autoescape=True))
    ).first()
    return None if row is None else _block(row.community, row.day)
