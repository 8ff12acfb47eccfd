"""What grows with the table: a posting, a resident's page of lines, the disk, a verification.

The same district with a hundred times the transfers beside it, at the same moment and on the same
server: as many accounts, the same requests, rounds in turn. Nothing is put back between rounds, as
the larger database takes minutes to copy: each round posts new transfers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from bench import books, district, verify
from bench.driving import drive
from bench.harness import Comparison, Row, burst, least
from bench.people import Visitor, enter, sign_in
from bench.posting import awarded, posted
from bench.stage import Stage
from core.work import present
from points.accounts import resident_account
from points.ledger import Posting
from tests.serving import forked

SMALLER = 100
CLIENTS = 8
POSTINGS = 6_400
READERS = 1_000
COMMUNITIES = 20
ASKED = round(1 / 1.3, 3)
"""At most 1.3 times the cost is at least so much of the speed."""

HOLDERS = (
    "SELECT id, community FROM accounts WHERE purpose = 'holder' AND points_kind = 'service'"
    " ORDER BY md5(id::text) LIMIT %s"
)
SIZE = "SELECT pg_total_relation_size('transfers')::float / count(*) FROM transfers"


@dataclass(slots=True)
class Books:
    """A database of some transfers, its readers, and what was posted to it so far."""

    stage: Stage
    readers: list[Visitor]
    holders: list[tuple[int, int]]
    rounds: Iterator[int]

    def post(self) -> float:
        """Post awards of one round to holders all over the district."""
        number = next(self.rounds)
        with self.stage.app.app_context():
            moment = present()
        each = POSTINGS // CLIENTS
        mine = self.holders[number * POSTINGS : (number + 1) * POSTINGS]
        commands = [
            [
                awarded(moment, account, community, number)
                for account, community in mine[client * each : (client + 1) * each]
            ]
            for client in range(CLIENTS)
        ]
        return self._burst(commands)

    def _burst(self, commands: list[list[Posting]]) -> float:
        def client(number: int, ready: Callable[[], object]) -> int:
            return posted(self.stage.app, commands[number], ready)

        self.stage.leave()
        return burst(CLIENTS, client)

    def bytes(self) -> float:
        """Return what a transfer takes on the disk, with its share of the indexes."""
        with self.stage.connect() as connection:
            found = connection.execute(SIZE.encode()).fetchone()
        assert found is not None
        return float(found[0])

    def read(self) -> float:
        """Let every reader ask for a page of twenty lines."""
        requests = [asked(reader) for reader in self.readers]
        self.stage.leave()
        with forked(self.stage.app, self.stage.config) as port:
            drive(port, requests[:CLIENTS], CLIENTS, 200)
            return drive(port, requests, CLIENTS, 200)


def asked(reader: Visitor) -> bytes:
    """Return the request for a resident's newest lines as it travels."""
    head = (
        "GET /api/v1/transfers?kind=service HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {reader.token}",
    )
    return "\r\n".join((*head, "", "")).encode()


def fill(stage: Stage, transfers: int, residents: int, number: int) -> Books:
    """Write books of so many transfers; a number of the district's residents will read theirs."""
    readers = enter(stage, stage.communities()[:COMMUNITIES], number)
    stage.run(sign_in, readers)
    known = [
        books.Known(
            service=resident_account(reader.resident, reader.community, "service"),
            basic=resident_account(reader.resident, reader.community, "basic"),
            person=reader.resident,
            community=reader.community,
        )
        for reader in readers
    ]
    written = books.fill(stage, transfers, known)
    with stage.connect() as connection:
        district.open_accounts(connection, residents - written, written)
    stage.tidy()
    return opened(stage, readers)


def opened(stage: Stage, readers: list[Visitor]) -> Books:
    """Return the books that are there, to be read by some and posted to."""
    with stage.connect() as connection:
        holders = connection.execute(HOLDERS.encode(), (8 * POSTINGS,)).fetchall()
    return Books(stage, readers, [(int(row[0]), int(row[1])) for row in holders], count())


def rows(stage: Stage, size: int) -> Iterator[Comparison | Row]:
    """Measure at so many transfers, and at a hundredth of them."""
    residents = books.residents_of(size)
    stage.reset()
    readers = min(READERS, books.residents_of(size // SMALLER))
    small = fill(stage.beside("small"), size // SMALLER, residents, readers)
    large = fill(stage, size, residents, readers)
    yield from measured(large, small, size)


def measured(large: Books, small: Books, size: int) -> Iterator[Comparison | Row]:
    """Compare books of a size with those of a hundredth of it."""
    beside = f"with {size:,} transfers beside {size // SMALLER:,}"
    yield least(f"a transfer on disk {beside}", large.bytes(), small.bytes(), "bytes")
    # Before anything is posted that has no award.
    yield from verify.rows(large.stage, small.stage)
    yield Comparison(
        name=f"posting {beside}",
        unit="postings/s",
        bar=ASKED,
        ours=large.post,
        floor=small.post,
    )
    yield Comparison(
        name=f"a page of 20 lines {beside}",
        unit="pages/s",
        bar=ASKED,
        ours=large.read,
        floor=small.read,
    )
