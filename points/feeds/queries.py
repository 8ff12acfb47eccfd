"""Feeders and their latest batches, for the district."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select

from points.models import CatalogueRule, FeedBatch, Feeder

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.acts import Actor

BATCHES = 20


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
    names = {each.id: each.name for each in feeders_seen}
    rows = connection.execute(
        select(FeedBatch.__table__)
        .where(FeedBatch.feeder.in_(list(names)))
        .order_by(FeedBatch.last_at.desc(), FeedBatch.id)
        .limit(BATCHES),
    )
    return [
        BatchLine(
            id=row.id,
            feeder=row.feeder,
            name=names[row.feeder],
            first_at=row.first_at,
            last_at=row.last_at,
            times=row.times,
            recorded=row.recorded,
            existed=row.existed,
            capped=row.capped,
            refused=row.refused,
        )
        for row in rows
    ]


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
