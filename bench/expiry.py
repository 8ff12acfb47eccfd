"""Expiry of a district's accounts beside the bare statements in one transaction."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator

from bench import district
from bench.harness import LARGE, ROUNDS, Comparison
from bench.stage import Stage
from core.work import transact
from points.expiring.expiry import CHUNK, LapseChunk, lapse_chunk

DAY = dt.date(2025, 12, 31)
# Every account has something that lapses, something that was spent and something that stays.
FUNDED = (
    "UPDATE accounts SET credited = 5000 + id % 700, debited = id % 90, version = 3"
    " WHERE purpose = 'holder' AND points_kind = 'service'"
)
MARKED = (
    "INSERT INTO expiry_marks (account, year, credited) SELECT id, 2024, credited - 500"
    " FROM accounts WHERE credited > 0"
)
INSERT = (
    "INSERT INTO transfers (id, act, points_kind, community, debit, credit, amount, debit_balance,"
    " debit_version, event_at, posted_at, day, source_kind, source_id, actor)"
    " SELECT gen_random_uuid(), 'expiry', 'service', accounts.community, accounts.id, expired.id,"
    " expiry_marks.credited - accounts.debited - accounts.held,"
    " accounts.credited - expiry_marks.credited + accounts.held, accounts.version + 1,"
    " now(), now(), CURRENT_DATE, 'expiry', gen_random_uuid(), gen_random_uuid()"
    " FROM expiry_marks JOIN accounts ON accounts.id = expiry_marks.account"
    " JOIN accounts AS expired ON expired.community = accounts.community"
    " AND expired.purpose = 'expired' WHERE expiry_marks.year = 2024"
    " AND expiry_marks.credited > accounts.debited + accounts.held"
)
UPDATE = (
    "UPDATE accounts SET debited = expiry_marks.credited - held, version = version + 1"
    " FROM expiry_marks WHERE expiry_marks.account = accounts.id AND expiry_marks.year = 2024"
    " AND expiry_marks.credited > accounts.debited + accounts.held"
)


def a_year(stage: Stage, holders: int) -> None:
    """Let every holder of the district have points, some of them of the year before last."""
    with stage.connect() as connection:
        district.open_accounts(connection, holders)
        connection.execute(FUNDED.encode())
        connection.execute(MARKED.encode())


class YearEnd:
    """The same year's end for both sides."""

    def __init__(self, stage: Stage, holders: int) -> None:
        self.stage, self.holders = stage, holders

    def ours(self, chunk: int = CHUNK) -> float:
        """Let lapse through the application, as the scheduler does."""
        self.stage.reset("year")
        with self.stage.app.app_context():
            begun, total = time.monotonic(), 0
            while not (done := transact(lapse_chunk, LapseChunk(day=DAY, chunk=chunk))).finished:
                total += done.accounts
            seconds = time.monotonic() - begun
        assert total == self.holders, total
        return self.holders / seconds

    def floor(self) -> float:
        """Write the transfers and debit the accounts, each in one statement."""
        self.stage.reset("year")
        with self.stage.connect() as connection:
            begun = time.monotonic()
            counts = [connection.execute(each.encode()).rowcount for each in (INSERT, UPDATE)]
            connection.commit()
            seconds = time.monotonic() - begun
        assert counts == [self.holders, self.holders], counts
        return self.holders / seconds


def comparisons(stage: Stage, size: int) -> Iterator[Comparison]:
    """Prepare the year of so many accounts and give the one comparison."""
    stage.reset()
    a_year(stage, size)
    stage.keep("year")
    year = YearEnd(stage, size)
    yield Comparison(
        name=f"expiry of {size:,} accounts",
        unit="accounts/s",
        bar=0.25,
        ours=year.ours,
        floor=year.floor,
        rounds=ROUNDS if size < LARGE else 1,
    )
