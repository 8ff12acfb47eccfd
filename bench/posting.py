"""Posting through ``transact`` beside the SQL that it emits, replayed in bare psycopg."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

import psycopg
from sqlalchemy import event

from bench.harness import Comparison, burst
from bench.stage import Stage
from core.db import db
from core.ids import uuid8
from core.work import Work, present, transact
from points.accounts import account_id, open_accounts, resident_account, resident_keys
from points.ledger import Posting, post

HOLDERS = 10_000
POSTINGS = 6_400
"""Of one round, over all clients."""

FUNDS = 1_000_00
Transaction = list[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Opened:
    """How many holders there are."""

    holders: int


def holder(number: int) -> UUID:
    """Return the resident with a number."""
    return UUID(int=number)


def open_holders(work: Work, communities: list[int]) -> Opened:
    """Open the accounts of residents all over the district, with points to spend."""
    homes = [communities[number % len(communities)] for number in range(HOLDERS)]
    keys = [key for number, home in enumerate(homes) for key in resident_keys(holder(number), home)]
    open_accounts(work, keys)
    for number, home in enumerate(homes):
        post(work, _posting(work.now, number, home, FUNDS, "funds"))
    return Opened(HOLDERS)


def _posting(moment: Any, number: int, home: int, amount: int, *cause: object) -> Posting:
    """Award points to a holder, or redeem some where the amount is negative."""
    own = resident_account(holder(number), home, "service")
    gains = amount > 0
    purpose = "issued" if gains else "redeemed"
    system = account_id(purpose, home, "service")
    identity = uuid8(moment, "bench", number, *cause)
    return Posting(
        id=identity,
        act="award" if gains else "redemption",
        points_kind="service",
        community=home,
        debit=system if gains else own,
        credit=own if gains else system,
        amount=abs(amount),
        event_at=moment,
        source_kind="bench",
        source_id=identity,
    )


class Postings:
    """The same postings for both sides: every second one spends, holders by chance."""

    def __init__(self, stage: Stage, clients: int) -> None:
        self.stage, self.clients = stage, clients
        self.each = POSTINGS // clients
        places = stage.communities()
        chance = random.Random(clients)  # noqa: S311 - a seeded generator is the point of it
        with stage.app.app_context():
            moment = present()
        self.commands = [
            [
                _posting(
                    moment,
                    number,
                    places[number % len(places)],
                    500 - 1000 * (turn % 2),
                    client,
                    turn,
                )
                for turn in range(self.each)
                for number in (chance.randrange(HOLDERS),)
            ]
            for client in range(clients)
        ]
        self.transactions = self._captured()

    def _captured(self) -> list[list[Transaction]]:
        """Run every posting once, alone, and note each transaction's statements."""
        self.stage.reset("holders")
        with self.stage.app.app_context():
            captured = []
            for commands in self.commands:
                with capture() as transactions:
                    for command in commands:
                        transact(post, command)
                captured.append(transactions)
        return captured

    def ours(self) -> float:
        """Post through the application."""
        self.stage.reset("holders")
        return burst(self.clients, self._post)

    def _post(self, number: int, ready: Callable[[], object]) -> int:
        with self.stage.app.app_context():
            db.engine.connect().close()
            ready()
            for command in self.commands[number]:
                transact(post, command)
        return self.each

    def floor(self) -> float:
        """Replay the statements of the same postings."""
        self.stage.reset("holders")
        return burst(self.clients, self._replay)

    def _replay(self, number: int, ready: Callable[[], object]) -> int:
        with self.stage.connect() as connection, connection.cursor() as cursor:
            ready()
            for transaction in self.transactions[number]:
                for statement, parameters in transaction:
                    cursor.execute(statement, parameters)
                connection.commit()
        return self.each


@contextlib.contextmanager
def capture() -> Iterator[list[Transaction]]:
    """Collect the transactions of the block as psycopg got them."""
    transactions: list[Transaction] = []
    current: Transaction = []

    class Noting(psycopg.Cursor[Any]):
        """A cursor that notes what it executes."""

        def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
            """Note the statement, then execute it."""
            current.append((query, params))
            return super().execute(query, params, **options)

    def checked_out(raw: Any, *_: object) -> None:
        raw.cursor_factory = Noting

    def committed(_connection: object) -> None:
        transactions.append(list(current))
        current.clear()

    engine = db.engine
    engine.dispose()
    event.listen(engine, "checkout", checked_out)
    event.listen(engine, "commit", committed)
    try:
        yield transactions
    finally:
        event.remove(engine, "checkout", checked_out)
        event.remove(engine, "commit", committed)
        engine.dispose()


def comparisons(stage: Stage) -> Iterator[Comparison]:
    """Prepare and return the comparisons with 8 and with 32 clients."""
    stage.reset()
    stage.run(open_holders, stage.communities())
    stage.keep("holders")
    for clients, bar in ((8, 0.45), (32, 0.4)):
        postings = Postings(stage, clients)
        yield Comparison(
            name=f"posting, {clients} clients",
            unit="postings/s",
            bar=bar,
            ours=postings.ours,
            floor=postings.floor,
        )
