"""Expiry killed in the middle: whatever dies, each account lapses exactly once.

Real processes are killed with SIGKILL while they let thousands of accounts lapse, and started
again until nothing is left; what is left behind is judged by SQL of its own.
"""

from __future__ import annotations

import datetime as dt
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from core.config import ROOT
from core.models import BusinessDay
from core.work import Work, transact
from points.accounts import open_accounts, open_books, resident_keys
from tests.conftest import Stage
from tests.points.books import HERE, Nothing
from tests.points.calendar import hangzhou
from tests.points.raw import Raw

ACCOUNTS = 12_000
KILLS = 20 if os.environ.get("LINLI_SOAK") else 2
DELAYS = (0.0, 0.02, 0.05, 0.09, 0.14)
NIGHT = hangzhou(2028, 1, 1, 1)
LAPSED = "SELECT count(*) FROM transfers WHERE act = 'expiry'"
STALLED_AFTER = 10.0
GIVE_UP_AFTER = 120.0
FUNDED = (
    "UPDATE accounts SET credited = 1000 + id % 700, debited = id % 90, held = id % 13,"
    " version = 3 WHERE purpose = 'holder' AND points_kind = 'service'"
)
MARKED = (
    "INSERT INTO expiry_marks (account, year, credited)"
    " SELECT id, 2026, credited - 300 FROM accounts WHERE credited > 0"
)


def fill(work: Work, day: dt.date) -> Nothing:
    """Give many residents points of an older year, partly spent or held, and close the day."""
    open_books(work, HERE)
    keys = [key for number in range(ACCOUNTS) for key in resident_keys(UUID(int=1 + number), HERE)]
    open_accounts(work, keys)
    work.connection.execute(text(FUNDED))
    work.connection.execute(text(MARKED))
    work.session.add(BusinessDay(day=day, closed_at=work.now))
    return Nothing()


WRONG = {
    "not lapsed to its mark": """
        SELECT count(*) FROM accounts JOIN expiry_marks ON expiry_marks.account = accounts.id
        WHERE accounts.debited + accounts.held <> expiry_marks.credited""",
    "not once": """
        SELECT count(*) FROM accounts LEFT JOIN (
            SELECT debit, count(*) AS times, sum(amount) AS total, max(debit_version) AS version,
                max(debit_balance) AS balance FROM transfers WHERE act = 'expiry' GROUP BY debit
        ) AS gone ON gone.debit = accounts.id
        WHERE accounts.credited > 0 AND (coalesce(gone.times, 0) <> 1
            OR gone.total <> accounts.credited - 300 - accounts.held - accounts.id % 90
            OR gone.version <> 4 OR accounts.version <> 4
            OR gone.balance <> accounts.credited - accounts.debited)""",
    "the community's books": """
        SELECT count(*) FROM (SELECT sum(change) AS difference FROM (
            SELECT credited - debited AS change FROM account_deltas
            UNION ALL SELECT credited - debited FROM account_folds
            UNION ALL SELECT -amount FROM transfers) AS sides) AS books WHERE difference <> 0""",
    "the run's own count": """
        SELECT count(*) FROM expiry_runs WHERE accounts <> (SELECT count(*) FROM transfers)
            OR amount <> (SELECT sum(amount) FROM transfers) OR finished_at IS NULL""",
}


def wrong(raw: Raw) -> dict[str, int]:
    """Return what does not add up, with how often."""
    found = {name: raw.number(check) for name, check in WRONG.items()}
    return {name: count for name, count in found.items() if count}


class Schedulers:
    """A number of processes that let points lapse; those that die are started again."""

    def __init__(self, stage: Stage, command: tuple[str, ...], count: int, log: Path) -> None:
        config = stage.config()
        self.command, self.count, self.log, self.now = command, count, log, NIGHT
        self.environment = {
            **os.environ,
            "LINLI_ENV": "test",
            "LINLI_DATABASE_URL": config.database_url,
            "LINLI_SECRET_KEY": config.secret_key,
            "LINLI_INSTANCE": str(config.instance),
        }
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Bring the number of living processes up to what it should be."""
        self.running = [process for process in self.running if process.poll() is None]
        for _ in range(self.count - len(self.running)):
            with self.log.open("ab") as log:
                self.running.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "flask", "--app", "wsgi", *self.command],
                        cwd=ROOT,
                        env=self.environment | {"LINLI_CLOCK": self.now.isoformat()},
                        stdout=log,
                        stderr=subprocess.STDOUT,
                    ),
                )
        # A new day has a new slot: nobody waits for the lease of the dead.
        self.now += dt.timedelta(days=1)

    def kill(self) -> bool:
        """Kill all without warning; whether any was alive until then."""
        for process in self.running:
            process.send_signal(signal.SIGKILL)
        return -signal.SIGKILL in [process.wait() for process in self.running]


def one_year(schedulers: Schedulers, raw: Raw, delays: Iterator[float], kills: int) -> int:
    """Let all lapse with up to ``kills`` kills on the way; returns how many counted."""
    counted, seen, since = 0, 0, time.monotonic()
    moved = since
    schedulers.start()
    while raw.number("SELECT count(*) FROM expiry_runs WHERE finished_at IS NOT NULL") == 0:
        assert time.monotonic() - since < GIVE_UP_AFTER, schedulers.log.read_text(encoding="utf-8")
        done = raw.number(LAPSED)
        if done > seen:
            seen, moved = done, time.monotonic()
            if counted < kills and done < ACCOUNTS:
                time.sleep(next(delays))
                counted += schedulers.kill() and 0 < raw.number(LAPSED) < ACCOUNTS
                schedulers.start()
        elif not any(process.poll() is None for process in schedulers.running) or (
            time.monotonic() - moved > STALLED_AFTER
        ):
            schedulers.kill()
            schedulers.start()
            moved = time.monotonic()
        time.sleep(0.002)
    return counted


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("command", "count"),
    [(("jobs", "run", "expire-points"), 1), (("scheduler",), 2)],
    ids=["by hand", "two schedulers"],
)
def test_whatever_is_killed_each_account_lapses_exactly_once(
    stage: Stage, tmp_path: Path, command: tuple[str, ...], count: int
) -> None:
    delays, counted, years = itertools.cycle(DELAYS), 0, 0
    while counted < KILLS:
        stage.reset()
        with stage.app.app_context():
            transact(fill, dt.date(2027, 12, 31))
        schedulers = Schedulers(stage, command, count, tmp_path / "schedulers.log")
        try:
            with Raw(stage) as raw:
                counted += one_year(schedulers, raw, delays, KILLS - counted)
                assert wrong(raw) == {}
        finally:
            schedulers.kill()
        years += 1
        assert years <= 5 * KILLS, "the kills come too late to count"
