"""How batches came out, kept for the console."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.dialects import postgresql, sqlite

from core.ids import uuid8
from points.feeds.feeders import EPOCH
from points.models import FeedBatch

if TYPE_CHECKING:
    from core.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteBatch:
    """A batch that was answered, by the digest of its body."""

    feeder: UUID
    digest: str
    recorded: int
    existed: int
    capped: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchNoted:
    """The batch as the console names it."""

    id: UUID


def note_batch(work: Work, command: NoteBatch) -> BatchNoted:
    """Keep how a batch came out; the same body again is the same batch, once more."""
    work.actor.require("feed.record")
    identity = uuid8(EPOCH, "feed-batch", command.feeder, command.digest)
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
            **counts,
        )
        .on_conflict_do_update(
            index_elements=["id"],
            set_={
                "last_at": work.now,
                "times": FeedBatch.times + 1,
                "recorded": FeedBatch.recorded + command.recorded,
                **counts,
            },
        ),
    )
    work.replayed()
    return BatchNoted(id=identity)
