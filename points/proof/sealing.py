"""Sealing: what became final in a closed day gets one block per community, chained to the last.

Nobody who posts waits for it. A block's digest is the SHA-256 of its rows' digests in the order of
their ids; its head binds it to the community's block before it, and the district's block of the
day binds the heads of all communities. The bytes of a row are those of ``points.canonical``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Date,
    LargeBinary,
    TextClause,
    bindparam,
    column,
    func,
    insert,
    select,
    text,
)

from core.db import UtcDateTime
from core.errors import N_, Rejected
from core.models import BusinessDay
from core.work import day_start, reading, transact
from points.models import Seal
from points.proof.canonical import lines

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.work import Work

DISTRICT = 0
"""Whose blocks are made of the communities' heads."""

NOTHING = "0" * 64
"""What the first block of a chain is chained to."""

BEGINNING = dt.date(1, 1, 2)
"""Before every business day: the first block of all takes what there was until then."""

LEAF = 4
"""Bytes kept of each row's digest; they name the row that was touched, the digest proves it."""

FETCH = 2_000
AT_A_TIME = 10
"""Blocks that are held at once."""


class DayNotClosed(Rejected):
    """Only a closed day can be sealed."""

    text = N_("这一天还没有结账，不能封存。请等结账后再办。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """The business days after one day and not after another: what one seal covers."""

    after: dt.date
    until: dt.date

    @property
    def values(self) -> dict[str, object]:
        """The parameters of ``points.canonical.lines``."""
        return {
            "after": self.after,
            "until": self.until,
            "start": day_start(self.after + dt.timedelta(days=1)),
            "end": day_start(self.until + dt.timedelta(days=1)),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What a community's rows of a span come to."""

    community: int
    rows: int
    digest: str
    leaves: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A final row by its table's place in ``points.canonical.FINALS`` and its id; its digest."""

    place: int
    id: str
    digest: bytes


BLOCKS = """
    SELECT community, count(*) AS rows,
        encode(sha256(string_agg(digest, ''::bytea ORDER BY id, place)), 'hex') AS digest,
        {leaves} AS leaves
    FROM (SELECT community, place, id, sha256(convert_to(line, 'UTF8')) AS digest
        FROM ({lines}) AS final) AS digested
    GROUP BY community ORDER BY community"""
LEAVES = "string_agg(substr(digest, 1, 4), ''::bytea ORDER BY id, place)"
ROWS = "SELECT community, place, id, line FROM ({lines}) AS final ORDER BY community, id, place"


@lru_cache(maxsize=8)
def _query(template: str, *, sqlite: bool, one_community: bool, leaves: bool = False) -> TextClause:
    """Return a statement over the final rows, with parameters and columns of their types."""
    final = lines(sqlite=sqlite, one_community=one_community)
    asked = LEAVES if leaves else "''::bytea"
    return text(template.format(lines=final, leaves=asked)).bindparams(
        bindparam("after", type_=Date()),
        bindparam("until", type_=Date()),
        bindparam("start", type_=UtcDateTime()),
        bindparam("end", type_=UtcDateTime()),
    )


def _values(span: Days, community: int | None) -> dict[str, object]:
    return span.values if community is None else {**span.values, "community": community}


def blocks(
    connection: Connection, span: Days, community: int | None = None, *, leaves: bool = False
) -> Iterator[Block]:
    """Compute the blocks of a span from its rows as they are now, of one community or of all.

    To check a block takes no leaves, and a fifth less time without them. With them, a few blocks
    are held at a time: a night that moved every account leaves megabytes.
    """
    if connection.dialect.name == "sqlite":
        for number, rows in groupby(_rows(connection, span, community), lambda each: each[0]):
            yield _block(number, list(rows))
        return
    one = community is not None
    query = _query(BLOCKS, sqlite=False, one_community=one, leaves=leaves).columns(
        column("community", BigInteger()),
        column("rows", BigInteger()),
        column("digest"),
        column("leaves", LargeBinary()),
    )
    asked = query.execution_options(yield_per=AT_A_TIME) if leaves else query
    for row in connection.execute(asked, _values(span, community)):
        yield Block(
            community=row.community, rows=row.rows, digest=row.digest, leaves=bytes(row.leaves)
        )


def _rows(connection: Connection, span: Days, community: int | None) -> Iterator[tuple[int, Row]]:
    """Give the rows of a span in order, with their community; never more than a few at a time."""
    sqlite = connection.dialect.name == "sqlite"
    query = _query(ROWS, sqlite=sqlite, one_community=community is not None)
    streamed = query.execution_options(yield_per=FETCH)
    for row in connection.execute(streamed, _values(span, community)):
        digest = sha256(row.line.encode()).digest()
        yield row.community, Row(place=row.place, id=str(UUID(str(row.id))), digest=digest)


def rows_of(connection: Connection, span: Days, community: int) -> list[Row]:
    """Return a community's final rows of a span in order."""
    return [row for _, row in _rows(connection, span, community)]


def _block(community: int, rows: list[tuple[int, Row]]) -> Block:
    digests = [row.digest for _, row in rows]
    return Block(
        community=community,
        rows=len(digests),
        digest=sha256(b"".join(digests)).hexdigest(),
        leaves=b"".join(digest[:LEAF] for digest in digests),
    )


def head(community: int, day: dt.date, rows: int, digest: str, previous: str) -> str:
    """Return what binds a block to the one before it."""
    bound = f"{community}|{day.isoformat()}|{rows}|{digest}|{previous}"
    return sha256(bound.encode()).hexdigest()


def digest_of_heads(heads: Iterable[tuple[int, str]]) -> str:
    """Return the digest of the district's block: the communities' heads of the day by code."""
    bound = "".join(f"{community}|{each}\n" for community, each in heads)
    return sha256(bound.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class SealDay:
    """Seal one closed day."""

    day: dt.date


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """How many blocks of communities were made, over how many rows; none for a repeat."""

    blocks: int
    rows: int


def seal_day(work: Work, command: SealDay) -> Sealed:
    """Seal a closed day, and what came before it and is not sealed yet; once.

    Raises DayNotClosed.
    """
    last = last_sealed(work.connection)
    if last is not None and command.day <= last:
        work.replayed()
        return Sealed(blocks=0, rows=0)
    closed = select(BusinessDay.day).where(BusinessDay.day == command.day)
    if work.connection.execute(closed).first() is None:
        raise DayNotClosed
    if not work.is_sqlite:
        # A night that moved every account takes longer than a page may.
        work.connection.execute(text("SET LOCAL statement_timeout = '55s'"))
        # Blocks come by a cursor, but all of them are wanted.
        work.connection.execute(text("SET LOCAL cursor_tuple_fraction = 1"))
    before = heads(work.connection)
    made = blocks(work.connection, Days(after=last or BEGINNING, until=command.day), leaves=True)
    named: list[tuple[int, str]] = []
    rows = 0
    while some := list(islice(made, AT_A_TIME)):
        sealed = [_sealed(block, command.day, before) for block in some]
        work.connection.execute(insert(Seal), sealed)
        named += [(each["community"], each["head"]) for each in sealed]
        rows += sum(block.rows for block in some)
    _bind(work, command.day, before, named)
    return Sealed(blocks=len(named), rows=rows)


def _bind(
    work: Work, day: dt.date, before: dict[int, Head], named: Sequence[tuple[int, str]]
) -> None:
    """Write the district's block over the communities' heads."""
    district = Block(
        community=DISTRICT,
        rows=len(named),
        digest=digest_of_heads(named),
        leaves=b"".join(bytes.fromhex(each)[:LEAF] for _, each in named),
    )
    work.connection.execute(insert(Seal), [_sealed(district, day, before)])


def _sealed(block: Block, day: dt.date, before: dict[int, Head]) -> dict[str, Any]:
    earlier = before.get(block.community)
    previous = earlier.head if earlier else NOTHING
    return {
        "community": block.community,
        "day": day,
        "rows": block.rows,
        "digest": block.digest,
        "previous": previous,
        "head": head(block.community, day, block.rows, block.digest, previous),
        "leaves": block.leaves,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The head of a community's chain, and the day that it closes."""

    community: int
    day: dt.date
    head: str


def last_sealed(connection: Connection) -> dt.date | None:
    """Return the newest day that is sealed."""
    return connection.scalar(select(func.max(Seal.day)).where(Seal.community == DISTRICT))


def heads(connection: Connection) -> dict[int, Head]:
    """Return the head of every community's chain, and of the district's (0)."""
    newest = select(Seal.community, func.max(Seal.day).label("day")).group_by(Seal.community)
    last = newest.subquery()
    rows = connection.execute(
        select(Seal.community, Seal.day, Seal.head).join(
            last, (last.c.community == Seal.community) & (last.c.day == Seal.day)
        ),
    )
    return {row.community: Head(**row._mapping) for row in rows}  # noqa: SLF001 - Row API


def head_of(connection: Connection, community: int) -> Head | None:
    """Return the head of one community's chain, or of the district's (0); None if not sealed yet.

    It belongs on every statement: whoever holds one can tell whether older books were rewritten.
    """
    row = connection.execute(
        select(Seal.community, Seal.day, Seal.head)
        .where(Seal.community == community)
        .order_by(Seal.day.desc())
        .limit(1),
    ).first()
    return Head(**row._mapping) if row else None  # noqa: SLF001 - Row API


def seal_days() -> int:
    """Seal every closed day that is not sealed yet, in order; returns how many."""
    with reading() as connection:
        last = last_sealed(connection) or BEGINNING
        days = connection.scalars(
            select(BusinessDay.day).where(BusinessDay.day > last).order_by(BusinessDay.day),
        ).all()
    for day in days:
        transact(seal_day, SealDay(day=day))
    return len(days)
