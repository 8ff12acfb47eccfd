"""Feeders, their latest batches, and what became of their files, for the district."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select

from core.directory import directory
from core.errors import N_, NotFound
from points.feeds.files import FileRowDone
from points.models import CatalogueRule, FeedBatch, Feeder, FeedRow

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row, Select

    from core.acts import Actor

BATCHES = 20
ROWS_SHOWN = 300
ROWS_READ = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FeederLine:
    """A feeder with what it did."""

    id: UUID
    name: str
    kind: str
    scope_kind: str
    place: int
    rules: tuple[str, ...]
    state: str
    secret_by: UUID
    made_at: dt.datetime
    confirmed_by: UUID | None
    last_at: dt.datetime | None
    recorded: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLine:
    """How a batch came out."""

    id: UUID
    feeder: UUID
    name: str
    first_at: dt.datetime
    last_at: dt.datetime
    times: int
    recorded: int
    existed: int
    capped: int
    refused: int
    #: Of a file: its name, and who brought it first.
    file: str | None
    by: str


def feeders(connection: Connection, actor: Actor) -> list[FeederLine]:
    """Return the feeders in the actor's scope: what waits first, what was stopped last."""
    totals = (
        select(
            FeedBatch.feeder,
            func.max(FeedBatch.last_at, type_=FeedBatch.last_at.type).label("last_at"),
            func.sum(FeedBatch.recorded).label("recorded"),
        )
        .group_by(FeedBatch.feeder)
        .subquery("totals")
    )
    rows = connection.execute(
        select(Feeder.__table__, totals.c.last_at, totals.c.recorded)
        .outerjoin(totals, totals.c.feeder == Feeder.id)
        .order_by(Feeder.state.desc(), Feeder.name),
    ).all()
    order = {"waiting": 0, "active": 1, "stopped": 2}
    return [
        FeederLine(
            id=row.id,
            name=row.name,
            kind=row.kind,
            scope_kind=row.scope_kind,
            place=row.place,
            rules=tuple(row.rules.split("|")),
            state=row.state,
            secret_by=row.secret_by,
            made_at=row.made_at,
            confirmed_by=row.confirmed_by,
            last_at=row.last_at,
            recorded=int(row.recorded or 0),
        )
        for row in sorted(rows, key=lambda row: order[row.state])
        if actor.covers(row.place)
    ]


def batches(connection: Connection, feeders_seen: list[FeederLine]) -> list[BatchLine]:
    """Return the latest batches of these feeders."""
    rows = connection.execute(
        _batches()
        .where(FeedBatch.feeder.in_([each.id for each in feeders_seen]))
        .order_by(FeedBatch.last_at.desc(), FeedBatch.id)
        .limit(BATCHES),
    ).all()
    return [_line(connection, row) for row in rows]


def _batches() -> Select[Any]:
    return select(FeedBatch.__table__, Feeder.name, Feeder.place).join(
        Feeder, Feeder.id == FeedBatch.feeder
    )


def _line(connection: Connection, row: Row[Any]) -> BatchLine:
    return BatchLine(
        id=row.id,
        feeder=row.feeder,
        name=row.name,
        first_at=row.first_at,
        last_at=row.last_at,
        times=row.times,
        recorded=row.recorded,
        existed=row.existed,
        capped=row.capped,
        refused=row.refused,
        file=row.file,
        by=directory().person(connection, row.brought_by) if row.brought_by else "",
    )


class FeedFileUnknown(NotFound):
    """There is no such file, or what became of it is forgotten."""

    text = N_("没有找到这个文件的结果，结果只保留半年。请从设备和平台里重新打开。")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePage:
    """A file with its first rows, those that were refused before all others."""

    line: BatchLine
    #: How many rows the file has; fewer are counted where it was not recorded to its end.
    total: int
    #: By outcome.
    counts: dict[str, int]
    #: Centipoints of what was recorded.
    amount: int
    rows: tuple[FileRowDone, ...]


def file_of(connection: Connection, actor: Actor, batch: UUID) -> FilePage:
    """Return what became of a file; raises FeedFileUnknown."""
    row = connection.execute(
        _batches().where(FeedBatch.id == batch, FeedBatch.file.is_not(None)),
    ).first()
    if row is None or not actor.covers(row.place):
        raise FeedFileUnknown
    counted = connection.execute(
        select(FeedRow.outcome, func.count().label("number"), func.sum(FeedRow.amount))
        .where(FeedRow.batch == batch)
        .group_by(FeedRow.outcome),
    ).all()
    shown = connection.execute(
        select(FeedRow.__table__)
        .where(FeedRow.batch == batch)
        .order_by(FeedRow.outcome != "refused", FeedRow.number)
        .limit(ROWS_SHOWN),
    )
    return FilePage(
        line=_line(connection, row),
        total=row.total,
        counts={outcome: number for outcome, number, _amount in counted},
        amount=sum(int(amount) for outcome, _number, amount in counted if outcome == "recorded"),
        rows=tuple(_file_line(each) for each in shown),
    )


def lines_of_file(connection: Connection, batch: UUID) -> Iterator[FileRowDone]:
    """Go through all rows of a file, a page of them in memory at a time."""
    last = 0
    while rows := connection.execute(
        select(FeedRow.__table__)
        .where(FeedRow.batch == batch, FeedRow.number > last)
        .order_by(FeedRow.number)
        .limit(ROWS_READ),
    ).all():
        last = rows[-1].number
        yield from map(_file_line, rows)


def _file_line(row: Row[Any]) -> FileRowDone:
    return FileRowDone(
        number=row.number,
        key=row.key,
        outcome=row.outcome,
        amount=row.amount,
        message=row.message,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChoice:
    """A rule of the district's catalogue that some kind of feeder may record."""

    key: str
    name: str
    recorders: frozenset[str]


def rules_to_feed(connection: Connection, words: frozenset[str]) -> list[RuleChoice]:
    """Return the district's rules that name one of these recorders."""
    rows = connection.execute(
        select(CatalogueRule.key, CatalogueRule.name, CatalogueRule.recorded_by)
        .where(CatalogueRule.community.is_(None), CatalogueRule.points_base > 0)
        .order_by(CatalogueRule.key),
    )
    return [
        RuleChoice(key=row.key, name=row.name, recorders=frozenset(row.recorded_by.split("|")))
        for row in rows
        if words & set(row.recorded_by.split("|"))
    ]
