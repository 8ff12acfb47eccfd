"""Verification of large books: time, memory, and one plain scan of the table beside it.

One round and no more: it takes minutes, and reads each page several times by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from flask import Flask
from sqlalchemy import delete, insert, select, text

from bench.harness import Row, least, row
from bench.memory import flask
from bench.stage import Stage, embedded
from core.db import Base, db
from core.work import reading
from points.proof import verify
from points.proof.sealing import seal_days

ASKED = 10_000_000 / 180
"""Transfers per second: ten million in three minutes."""

MEGABYTES = 500.0
SCAN = "SELECT sum(amount), count(*) FROM transfers"
COPIED = (
    "accounts",
    "transfers",
    "awards",
    "holds",
    "reversals",
    "rule_usage",
    "account_folds",
    "expiry_marks",
    "business_days",
    "audit_events",
)
CHUNK = 10_000


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds it takes."""
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def hold(app: Flask) -> int:
    """Verify the books, which have to hold; returns how many transfers they are."""
    with app.app_context(), reading() as connection:
        found = verify.verify(connection)
    assert found.broken == (), found.broken
    return found.counts["transfers"]


def scan(app: Flask) -> None:
    """Read the table once."""
    with app.app_context(), reading() as connection:
        if connection.dialect.name == "postgresql":
            verify.one_snapshot(connection)
        connection.execute(text(SCAN)).one()


def rows(large: Stage, small: Stage) -> Iterator[Row]:
    """Seal and verify the books; the small ones on SQLite."""
    yield on_sqlite(small)
    yield from on_postgresql(large)


def on_postgresql(stage: Stage) -> Iterator[Row]:
    """Verify the books that are there, and watch the memory of all who take part."""
    with stage.app.app_context():
        print(f"  sealed in {timed(seal_days):,.0f} s", flush=True)
    stage.tidy()
    floor = timed(lambda: scan(stage.app))
    with stage.connect() as connection:
        counted = connection.execute(b"SELECT count(*) FROM transfers").fetchone()
    assert counted is not None
    found: int = counted[0]
    ran = flask(stage, "verify")
    seconds, peak = ran.seconds, ran.memory.peak
    print(f"  {ran.report}; {seconds:,.0f} s, {peak:,.0f} MB, one scan {floor:.1f} s", flush=True)
    name = f"verification of {found:,} transfers"
    yield row(name, found / seconds, ASKED, "transfers/s", 1.0)
    yield row(f"{name} beside one scan", found / seconds, found / floor, "transfers/s")
    yield least(f"{name}, memory", peak, MEGABYTES, "MB", 1.0)


def on_sqlite(stage: Stage) -> Row:
    """Copy the books into SQLite, seal and verify them there."""
    with embedded() as (app, _):
        copy(stage.app, app)
        print(f"  sealed on SQLite in {timed(seal_days):,.0f} s", flush=True)
        floor = timed(lambda: scan(app))
        begun = time.monotonic()
        found = hold(app)
        seconds = time.monotonic() - begun
    name = f"verification of {found:,} transfers on SQLite beside one scan"
    return row(name, found / seconds, found / floor, "transfers/s")


def copy(source: Flask, target: Flask) -> None:
    """Copy the tables of the books, chunk by chunk."""
    for name in COPIED:
        table = Base.metadata.tables[name]
        with source.app_context():
            from_engine = db.engine
        with target.app_context():
            to_engine = db.engine
        with (
            from_engine.connect() as reads,
            to_engine.connect().execution_options(writes=True) as writes,
            writes.begin(),
        ):
            reads.execute(text("SET statement_timeout = 0"))
            writes.execute(delete(table))
            streamed = reads.execute(select(table).execution_options(yield_per=CHUNK))
            for chunk in streamed.mappings().partitions():
                writes.execute(insert(table), [dict(row) for row in chunk])
        print(f"  {name} copied", flush=True)
