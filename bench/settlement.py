"""Settlement of 100,000 awards beside the same statements in one bare transaction."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import insert

from bench.harness import Comparison
from bench.stage import Stage, plain
from core.ids import NIL, uuid8
from core.work import Work
from points.accounts import open_accounts, resident_account, resident_keys
from points.models import Award
from points.settlement import CREDIT, TRANSFERS, settle_due

AWARDS = 100_000
HOLDERS = 50_000
AMOUNT = 500
MARK = (
    "UPDATE awards SET state = 'done', done_at = %(v_now)s, batch = %(v_batch)s"
    " WHERE state = 'pending' AND due <= %(v_now)s"
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many awards wait for settlement."""

    awards: int


def a_night(work: Work, communities: list[int]) -> Waiting:
    """Let every holder of the district wait for two awards that are due."""
    homes = [communities[number % len(communities)] for number in range(HOLDERS)]
    keys = [
        key for number, home in enumerate(homes) for key in resident_keys(UUID(int=number), home)
    ]
    open_accounts(work, keys)
    rows = [_award(work.now, number, homes[number % HOLDERS]) for number in range(AWARDS)]
    work.connection.execute(insert(Award), rows)
    return Waiting(AWARDS)


def _award(now: dt.datetime, number: int, home: int) -> dict[str, object]:
    """Build a service award of the day, in the order in which the day brought them."""
    event_at = now - dt.timedelta(hours=20) + dt.timedelta(milliseconds=500 * number)
    resident = UUID(int=number % HOLDERS)
    identity = uuid8(event_at, "bench", number)
    return {
        "id": identity,
        "cause": f"attendance:{identity}:{resident}:serve",
        "account": resident_account(resident, home, "service"),
        "holder_id": resident,
        "points_kind": "service",
        "community": home,
        "bearing": home,
        "amount": AMOUNT,
        "rule": "serve.hour",
        "units": 1,
        "provenance": "verified",
        "reason": "便民集市，来帮忙 0.5 小时",
        "source_kind": "session",
        "source_id": identity,
        "recorded_by": NIL,
        "event_at": event_at,
        "created_at": event_at,
        "due": now,
        "state": "pending",
    }


class Night:
    """The same night for both sides."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def ours(self) -> float:
        """Settle through the application, as the scheduler does."""
        self.stage.reset("night")
        with self.stage.app.app_context():
            begun = time.monotonic()
            settled = settle_due()
            seconds = time.monotonic() - begun
        assert settled == AWARDS, settled
        return AWARDS / seconds

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
        assert counts == [AWARDS, HOLDERS, AWARDS], counts
        return AWARDS / seconds


def comparisons(stage: Stage) -> Iterator[Comparison]:
    """Prepare the night and return the one comparison."""
    stage.reset()
    stage.run(a_night, stage.communities())
    stage.keep("night")
    night = Night(stage)
    yield Comparison(
        name="settlement of 100,000 awards",
        unit="awards/s",
        bar=0.5,
        ours=night.ours,
        floor=night.floor,
    )
