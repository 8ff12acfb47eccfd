"""A feeder's records from a file, for those who cannot call the API; whoever manages it brings it.

They are the items of a batch under the feeder's own keys, by the same rules: what came over the API
and in a file counts once, and a file that comes again changes nothing. Nobody has signed a file:
what it says is somebody's word, as what staff record is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.dialects import postgresql, sqlite

from core.acts import Actor
from core.directory import directory
from core.work import transact
from points.feeds.batches import NoteBatch, batch_id, keep_batch
from points.feeds.feeders import FeederStopped, FeederUnknown, FeederWaiting
from points.feeds.items import CHUNK, Item, kept_from_stopping, recorded
from points.models import FeedRow

if TYPE_CHECKING:
    from core.work import Work

ROWS_MAX = 100_000
NAME_MAX = 60
OUTCOMES = {"exists": "existed"}
"""As rows of sheets have it; the others have one name."""

REFUSALS = {"stopped": FeederStopped, "waiting": FeederWaiting}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """A row: its number in the file, its key as it stands there, and its item or what is wrong."""

    number: int
    key: str
    item: Item | None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFile:
    """A file of a feeder: its name, the digest of its bytes, how many rows it has."""

    feeder: UUID
    name: str
    digest: str
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFileRows:
    """A chunk of a file; ``goes_on``: not its first one."""

    file: FeedFile
    rows: tuple[FileRow, ...]
    goes_on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRowsRecorded:
    """Whose file it was, where its result is, and how many rows of the chunk came out how."""

    feeder: UUID
    batch: UUID
    recorded: int
    existed: int
    capped: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRowDone:
    """What became of a row: recorded, existed, capped (nothing was left of it) or refused."""

    number: int
    key: str
    outcome: str
    amount: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAtFileRows:
    """A chunk of a file of which somebody wants to know what would become."""

    feeder: UUID
    rows: tuple[FileRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRowsSeen:
    """What would become of each row, were those before its chunk not there."""

    rows: tuple[FileRowDone, ...]


def record_file_rows(work: Work, command: RecordFileRows) -> FileRowsRecorded:
    """Record a chunk of a feeder's file, and keep what became of each row.

    Raises FeederUnknown, FeederStopped, FeederWaiting, Forbidden.
    """
    file = command.file
    done = _done(work, file.feeder, command.rows)
    counts = Counter(row.outcome for row in done)
    by_outcome = {name: counts[name] for name in ("recorded", "existed", "capped", "refused")}
    note = NoteBatch(
        feeder=file.feeder,
        digest=file.digest,
        file=file.name[:NAME_MAX],
        total=file.total,
        goes_on=command.goes_on,
        **by_outcome,
    )
    batch = keep_batch(work, note)
    _keep(work, batch, done)
    if not counts["recorded"]:
        work.replayed()
    return FileRowsRecorded(feeder=file.feeder, batch=batch, **by_outcome)


def look_at_file_rows(work: Work, command: LookAtFileRows) -> FileRowsSeen:
    """Say what would become of a chunk: it is recorded, and taken back before anybody sees it.

    Raises FeederUnknown, FeederStopped, FeederWaiting, Forbidden.
    """
    with work.connection.begin_nested() as nothing:
        done = _done(work, command.feeder, command.rows)
        nothing.rollback()
    work.replayed()
    return FileRowsSeen(rows=tuple(done))


def _done(work: Work, feeder_id: UUID, rows: tuple[FileRow, ...]) -> list[FileRowDone]:
    work.actor.require("feeder.change")
    feeder = kept_from_stopping(work, feeder_id)
    if feeder is None:
        raise FeederUnknown
    if feeder.state != "active":
        raise REFUSALS[feeder.state]
    own = directory().own(work.connection, work.actor.person)
    results = iter(recorded(work, feeder, [row.item for row in rows if row.item], own))
    done = []
    for row in rows:
        found = next(results) if row.item else None
        done.append(
            FileRowDone(
                number=row.number,
                key=row.key,
                outcome=OUTCOMES.get(found.state, found.state) if found else "refused",
                amount=found.amount if found else 0,
                message=found.message if found else row.error,
            )
        )
    return done


def _keep(work: Work, batch: UUID, done: list[FileRowDone]) -> None:
    """Keep what became of rows; one that was refused before may have come through now."""
    upsert = sqlite.insert if work.is_sqlite else postgresql.insert
    statement = upsert(FeedRow)
    changed = {name: statement.excluded[name] for name in ("outcome", "amount", "message")}
    work.connection.execute(
        statement.on_conflict_do_update(
            index_elements=["batch", "number"],
            set_=changed,
            where=FeedRow.outcome == "refused",
        ),
        [
            {
                "batch": batch,
                "number": row.number,
                "key": row.key,
                "outcome": row.outcome,
                "amount": row.amount,
                "message": row.message,
            }
            for row in done
        ],
    )


def import_file(actor: Actor, file: FeedFile, rows: Iterable[FileRow]) -> UUID:
    """Record a file chunk by chunk; returns where its result is.

    Raises FeederUnknown, FeederStopped, FeederWaiting, Forbidden.
    """
    for number, chunk in enumerate(_chunks(rows)):
        command = RecordFileRows(file=file, rows=chunk, goes_on=number > 0)
        transact(record_file_rows, command, actor)
    return batch_id(file.feeder, file.digest)


def look_at_file(actor: Actor, feeder: UUID, rows: Iterable[FileRow]) -> Iterator[FileRowDone]:
    """Say what would become of each row of a file; nothing is recorded.

    Raises FeederUnknown, FeederStopped, FeederWaiting, Forbidden.
    """
    for chunk in _chunks(rows):
        yield from transact(
            look_at_file_rows, LookAtFileRows(feeder=feeder, rows=chunk), actor
        ).rows


def _chunks(rows: Iterable[FileRow]) -> Iterator[tuple[FileRow, ...]]:
    left = iter(rows)
    while chunk := tuple(islice(left, CHUNK)):
        yield chunk
