"""Posting through ``transact`` beside the same statement in bare transactions, on both databases.

Every transfer comes from one issuing community, which is the worst case of a ledger that keeps a
running balance there; what it costs beside transfers of the whole district is a row of its own.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self
from uuid import UUID

import psycopg
from flask import Flask
from sqlalchemy import event

from bench.harness import Comparison, burst
from bench.stage import Stage, embedded
from core.db import db
from core.ids import uuid8
from core.work import Work, present, transact
from points.accounts import account_id, open_accounts, resident_account, resident_keys
from points.ledger import Posting, post

HOLDERS = 10_000
AMOUNT = 500
CLIENTS = ((8, 0.5), (32, 0.45))
"""How many at once, and the least ratio that is asked for."""

HOT = 0.8
"""What is asked of one issuing community beside all of them."""

Statement = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Opened:
    """How many holders there are."""

    holders: int


def holder(number: int) -> UUID:
    """Return the resident with a number."""
    return UUID(int=number)


def open_holders(work: Work, places: Sequence[int]) -> Opened:
    """Open the accounts of residents of these communities."""
    keys = [
        key
        for number in range(HOLDERS)
        for key in resident_keys(holder(number), places[number % len(places)])
    ]
    open_accounts(work, keys)
    return Opened(HOLDERS)


def awarded(moment: Any, account: int, community: int, *cause: object) -> Posting:
    """Return the posting of an award, as settlement at once makes it."""
    identity = uuid8(moment, "bench", account, *cause)
    return Posting(
        id=identity,
        act="award",
        points_kind="service",
        community=community,
        debit=account_id("issued", community, "service"),
        credit=account,
        amount=AMOUNT,
        event_at=moment,
        source_kind="bench",
        source_id=identity,
    )


def commands(app: Flask, places: Sequence[int], clients: int, postings: int) -> list[list[Posting]]:
    """Return each client's postings, to holders by chance."""
    chance = random.Random(clients)  # noqa: S311 - a seeded generator is the point of it
    with app.app_context():
        moment = present()

    def one(client: int, turn: int) -> Posting:
        number = chance.randrange(HOLDERS)
        place = places[number % len(places)]
        account = resident_account(holder(number), place, "service")
        return awarded(moment, account, place, client, turn)

    return [[one(client, turn) for turn in range(postings // clients)] for client in range(clients)]


def captured(app: Flask, each: list[list[Posting]]) -> list[list[list[Statement]]]:
    """Post everything once, alone; return what each posting sent that writes the ledger.

    The audit row belongs to ``transact``, not to the statement that is the floor.
    """
    sent: list[Statement] = []

    def note(words: Any, values: Any) -> None:
        if words.startswith(("WITH", "INSERT", "UPDATE")) and "audit_events" not in words:
            sent.append((words, values))

    def one(posting: Posting) -> list[Statement]:
        sent.clear()
        transact(post, posting)
        return list(sent)

    with app.app_context(), noting(note):
        return [[one(posting) for posting in postings] for postings in each]


@contextlib.contextmanager
def noting(note: Callable[[Any, Any], None]) -> Iterator[None]:
    """Note what psycopg is given, whoever gives it, and what sqlite3 is given."""

    class Noting(psycopg.Cursor[Any]):
        """A cursor that notes what it executes."""

        def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
            """Note the statement, then execute it."""
            note(query, params)
            return super().execute(query, params, **options)

    def checked_out(raw: Any, *_: object) -> None:
        raw.cursor_factory = Noting

    def executed(_line: Any, _cursor: Any, words: str, values: Any, *_: Any) -> None:
        note(words, values)

    engine = db.engine
    engine.dispose()
    embedded = engine.dialect.name == "sqlite"
    name, listener = ("before_cursor_execute", executed) if embedded else ("checkout", checked_out)
    event.listen(engine, name, listener)
    try:
        yield
    finally:
        event.remove(engine, name, listener)
        engine.dispose()


class Side(Protocol):
    """Where it is measured: puts the database back, posts, and replays."""

    def ours(self) -> float:
        """Post through the application."""

    def floor(self) -> float:
        """Replay the same statements."""


class OnPostgresql:
    """Postings to holders of some communities by clients at once."""

    def __init__(self, stage: Stage, places: Sequence[int], clients: int, postings: int) -> None:
        self.stage, self.clients, self.places = stage, clients, places
        self.commands = commands(stage.app, places, clients, postings)
        self.statements: list[list[list[Statement]]] = []

    @property
    def kept(self) -> str:
        """The state to begin from."""
        return f"holders_{len(self.places)}"

    def prepare(self) -> None:
        """Capture what the floor replays."""
        self.stage.reset(self.kept)
        self.statements = captured(self.stage.app, self.commands)

    def ours(self) -> float:
        """Post through the application."""
        self.stage.reset(self.kept)
        return burst(self.clients, self._post)

    def _post(self, number: int, ready: Callable[[], object]) -> int:
        return posted(self.stage.app, self.commands[number], ready)

    def floor(self) -> float:
        """Replay the statements of the same postings."""
        self.stage.reset(self.kept)
        return burst(self.clients, self._replay)

    def _replay(self, number: int, ready: Callable[[], object]) -> int:
        with self.stage.connect() as connection, connection.cursor() as cursor:
            ready()
            for transaction in self.statements[number]:
                for statement, values in transaction:
                    cursor.execute(statement, values)
                connection.commit()
        return len(self.statements[number])


def posted(app: Flask, postings: Sequence[Posting], ready: Callable[[], object]) -> int:
    """Be one client: dial, wait for the others, post."""
    with app.app_context():
        db.engine.connect().close()
        ready()
        for posting in postings:
            transact(post, posting)
    return len(postings)


class OnSqlite:
    """The same in one process, as the embedded database is served."""

    def __init__(self, app: Flask, file: Path, place: int, clients: int, postings: int) -> None:
        self.app, self.file, self.clients = app, file, clients
        self.kept = file.with_suffix(".kept")
        transact(open_holders, [place])
        db.engine.dispose()
        shutil.copy(file, self.kept)
        self.commands = commands(app, [place], clients, postings)
        self.statements = captured(app, self.commands)
        self.writer = threading.Lock()

    def _reset(self) -> None:
        with self.app.app_context():
            db.engine.dispose()
        # Clients of the round before hung up without a word.
        for left in ("-wal", "-shm"):
            self.file.with_name(self.file.name + left).unlink(missing_ok=True)
        shutil.copy(self.kept, self.file)

    def ours(self) -> float:
        """Post through the application."""
        self._reset()
        return burst(self.clients, self._post, processes=1)

    def _post(self, number: int, ready: Callable[[], object]) -> int:
        return posted(self.app, self.commands[number], ready)

    def floor(self) -> float:
        """Replay the statements; writers take turns at a lock, which is the fastest way."""
        self._reset()
        return burst(self.clients, self._replay, processes=1)

    def _replay(self, number: int, ready: Callable[[], object]) -> int:
        connection = sqlite3.connect(self.file, isolation_level=None)
        connection.execute("PRAGMA synchronous=FULL")
        ready()
        for transaction in self.statements[number]:
            with self.writer:
                connection.execute("BEGIN IMMEDIATE")
                for statement, values in transaction:
                    connection.execute(statement, values)
                connection.execute("COMMIT")
        connection.close()
        return len(self.statements[number])


def comparisons(stage: Stage, size: int) -> Iterator[Comparison]:
    """Give the comparisons of so many postings a round, over all clients."""
    everywhere = stage.communities()
    for places in (everywhere, everywhere[:1]):
        stage.reset()
        stage.run(open_holders, places)
        stage.keep(f"holders_{len(places)}")
    for clients, bar in CLIENTS:
        hot = OnPostgresql(stage, everywhere[:1], clients, size)
        hot.prepare()
        yield _compared(f"posting, {clients} clients", hot, bar)
        yield Comparison(
            name=f"posting from one community beside all, {clients} clients",
            unit="postings/s",
            bar=HOT,
            ours=hot.ours,
            floor=OnPostgresql(stage, everywhere, clients, size).ours,
        )
    for clients, _ in CLIENTS:
        with embedded() as (app, file):
            side = OnSqlite(app, file, everywhere[0], clients, size)
            yield _compared(f"posting on SQLite, {clients} clients", side, 0)


def _compared(name: str, side: Side, bar: float) -> Comparison:
    return Comparison(name=name, unit="postings/s", bar=bar, ours=side.ours, floor=side.floor)
