"""How batches came out, kept for the console, and for how long anything of them is kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import delete, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from core.ids import uuid8
from core.work import transact
from points.feeds.feeders import EPOCH
from points.models import FeedBatch, FeedItem, FeedRow

if TYPE_CHECKING:
    from core.work import Work

KEPT = dt.timedelta(days=184)
"""Half a year, as long as logs are kept. Afterwards an item's age refuses it, and the cause of its
award is its key: nothing is recorded twice, and another act under its key is refused."""

CHUNK = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteBatch:
    """A batch that was answered, by the digest of its body; a chunk of it, if it is a file."""

    feeder: UUID
    digest: str
    recorded: int
    existed: int
    capped: int
    refused: int
    #: The file's name, and how many rows it has.
    file: str | None = None
    total: int | None = None
    #: Whether this is not its first chunk.
    goes_on: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchNoted:
    """The batch as the console names it."""

    id: UUID


def note_of(feeder: UUID, digest: str, states: Sequence[str]) -> NoteBatch:
    """Count what became of the items of a batch."""
    return NoteBatch(
        feeder=feeder,
        digest=digest,
        recorded=states.count("recorded"),
        existed=states.count("exists"),
        capped=states.count("capped"),
        refused=states.count("refused"),
    )


def note_batch(work: Work, command: NoteBatch) -> BatchNoted:
    """Keep how a batch came out; the same body again is the same batch, once more."""
    work.actor.require("feed.record")
    identity = keep_batch(work, command)
    work.replayed()
    return BatchNoted(id=identity)


def batch_id(feeder: UUID, digest: str) -> UUID:
    """Return the one id that a batch of this content has."""
    return uuid8(EPOCH, "feed-batch", feeder, digest)


def keep_batch(work: Work, command: NoteBatch) -> UUID:
    """Write how a batch came out, or a chunk of it, beside the times before."""
    identity = batch_id(command.feeder, command.digest)
    counts = {"existed": command.existed, "capped": command.capped, "refused": command.refused}
    upsert = sqlite.insert if work.is_sqlite else postgresql.insert
    work.connection.execute(
        upsert(FeedBatch)
        .values(
            id=identity,
            feeder=command.feeder,
            first_at=work.now,
            last_at=work.now,
            times=1,
            recorded=command.recorded,
            file=command.file,
            brought_by=work.actor.person if command.file is not None else None,
            total=command.total,
            **counts,
        )
        .on_conflict_do_update(
            index_elements=["id"],
            set_={
                "last_at": work.now,
                "times": FeedBatch.times if command.goes_on else FeedBatch.times + 1,
                "recorded": FeedBatch.recorded + command.recorded,
                **{
                    name: getattr(FeedBatch, name) + count if command.goes_on else count
                    for name, count in counts.items()
                },
            },
        ),
    )
    return identity


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetFeeds:
    """Forget the oldest answers and batches."""

    chunk: int = CHUNK


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """How many answers, and whether that was all."""

    items: int
    finished: bool


def forget_chunk(work: Work, command: ForgetFeeds) -> Forgotten:
    """Forget a chunk of what is older than half a year: answers, rows of files, then batches."""
    work.replayed()
    key = tuple_(FeedItem.feeder, FeedItem.key)
    due = (
        select(FeedItem.feeder, FeedItem.key)
        .where(FeedItem.recorded_at < work.now - KEPT)
        .order_by(FeedItem.recorded_at)
        .limit(command.chunk)
    )
    old = FeedBatch.last_at < work.now - KEPT
    row = tuple_(FeedRow.batch, FeedRow.number)
    shown = (
        select(FeedRow.batch, FeedRow.number)
        .join(FeedBatch, FeedBatch.id == FeedRow.batch)
        .where(old)
        .limit(command.chunk)
    )
    items = work.connection.execute(delete(FeedItem).where(key.in_(due))).rowcount
    rows = work.connection.execute(delete(FeedRow).where(row.in_(shown))).rowcount
    finished = max(items, rows) < command.chunk
    if finished:
        work.connection.execute(delete(FeedBatch).where(old))
    return Forgotten(items=items, finished=finished)


def forget_due(chunk: int = CHUNK) -> int:
    """Forget what is due, chunk by chunk; returns how many answers."""
    done, total = Forgotten(items=0, finished=False), 0
    while not done.finished:
        done = transact(forget_chunk, ForgetFeeds(chunk=chunk))
        total += done.items
    return total
