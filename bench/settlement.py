"""Settlement of a night's awards beside the same statements in one bare transaction."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from uuid import uuid4

from bench import district
from bench.harness import Comparison
from bench.stage import Stage
from core.straight import plain
from points.settlement import CHUNK, CREDIT, TRANSFERS, settle_due

PER_HOLDER = 2
MARK = (
    "UPDATE awards SET state = 'done', done_at = %(v_now)s, batch = %(v_batch)s"
    " WHERE state = 'pending' AND due <= %(v_now)s"
)


class Night:
    """The same night for both sides."""

    def __init__(self, stage: Stage, awards: int) -> None:
        self.stage, self.awards = stage, awards

    def fall(self) -> None:
        """Let holders of the whole district wait for two awards each, in the present database."""
        with self.stage.connect() as connection:
            district.open_accounts(connection, self.awards // PER_HOLDER)
            district.let_wait(connection, self.awards, self.awards // PER_HOLDER)
        self.stage.keep("night")

    def ours(self, chunk: int = CHUNK) -> float:
        """Settle through the application, as the scheduler does."""
        self.stage.reset("night")
        return self.settle(chunk)

    def settle(self, chunk: int = CHUNK) -> float:
        """Settle in the present database; awards per second."""
        with self.stage.app.app_context():
            begun = time.monotonic()
            settled = settle_due(chunk)
            seconds = time.monotonic() - begun
        assert settled == self.awards, settled
        return settled / seconds

    def floor(self) -> float:
        """Mark, credit and write the transfers, each in one statement, in one transaction."""
        self.stage.reset("night")
        now = dt.datetime.now(dt.UTC)
        values = {"v_batch": uuid4(), "v_now": now, "v_day": now.date()}
        with self.stage.connect() as connection:
            begun = time.monotonic()
            counts = [
                connection.execute(statement, values).rowcount
                for statement in (MARK.encode(), plain(CREDIT).encode(), plain(TRANSFERS).encode())
            ]
            connection.commit()
            seconds = time.monotonic() - begun
        assert counts == [self.awards, self.awards // PER_HOLDER, self.awards], counts
        return self.awards / seconds


def comparisons(stage: Stage, size: int) -> Iterator[Comparison]:
    """Give the one comparison of so many awards."""
    stage.reset()
    night = Night(stage, size)
    night.fall()
    yield Comparison(
        name=f"settlement of {size:,} awards",
        unit="awards/s",
        bar=0.5,
        ours=night.ours,
        floor=night.floor,
    )
