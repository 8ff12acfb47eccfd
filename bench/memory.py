"""What the nightly jobs take of memory: with ten times the rows hardly more.

Each job that works through rows runs in a process of its own, one after the other through a year's
end. Jobs that take one message, hold, order or person at a time are not here.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bench import district
from bench.books import USAGE
from bench.harness import Row, least
from bench.stage import Stage
from core.config import ROOT

SMALLER = 10
BAR = round(1 / 1.1, 3)
BACKENDS = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid()"
)
# Everybody was given 5 points, of which 3 are of the year before last; the year's end was closed.
MARKED = (
    "INSERT INTO expiry_marks (account, year, credited) SELECT id, years.year, years.credited"
    " FROM accounts CROSS JOIN (VALUES (2024, 300), (2025, 400)) AS years (year, credited)"
    " WHERE accounts.credited > 0"
)
CLOSED = "INSERT INTO business_days (day, closed_at) VALUES ('2025-12-31', now())"
# They cancel nothing out: what is to be folded is many rows, not much.
DELTAS = (
    "INSERT INTO account_deltas (cause, account, day, credited, debited)"
    " SELECT gen_random_uuid(), accounts.id, CURRENT_DATE, 0, 0 FROM generate_series(1, %s) AS n"
    " JOIN (SELECT id, row_number() OVER () AS place, count(*) OVER () AS places FROM accounts"
    " WHERE purpose = 'issued') AS accounts ON accounts.place = n %% places + 1"
)
WATCH_SECONDS = 0.05


def own_megabytes(pid: int) -> float:
    """Return the memory of a process that it shares with nobody."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) / 1024
    return 0.0


class Memory:
    """Watches a process and the server's processes of the database while something runs."""

    def __init__(self, stage: Stage, pid: int) -> None:
        self.stage, self.pid = stage, pid
        self.own = self.server = self.peak = 0.0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        with self.stage.connect() as connection:
            connection.autocommit = True
            while not self.over.wait(WATCH_SECONDS):
                pids: list[Any] = [row[0] for row in connection.execute(BACKENDS.encode())]
                own, server = own_megabytes(self.pid), sum(own_megabytes(pid) for pid in pids)
                self.own, self.server = max(self.own, own), max(self.server, server)
                self.peak = max(self.peak, own + server)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()


Steps = tuple[tuple[str, dt.timedelta], ...]


def steps(now: dt.datetime) -> Steps:
    """Return the jobs of a night and of the year's end, and how far ahead each of them runs."""
    year_end = dt.datetime(now.year + 1, 1, 1, 1, tzinfo=dt.UTC) - now
    next_month = (now.replace(day=1) + dt.timedelta(days=41)).replace(day=10, hour=3) - now
    at_once = dt.timedelta()
    return (
        ("prove-changes", at_once),
        ("settle-awards", at_once),
        ("prove-changes", dt.timedelta(minutes=15)),
        ("expire-points", at_once),
        ("fold-deltas", at_once),
        ("post-bulletins", next_month),
        ("warn-expiry", year_end - dt.timedelta(days=2)),
        ("close-day", year_end),
        ("seal-days", year_end),
        ("prove-all", year_end),
    )


def peaks(stage: Stage, size: int) -> dict[str, tuple[float, float]]:
    """Run the jobs over so many rows; returns the peak of each process and of the server's."""
    stage.reset()
    with stage.connect() as connection:
        district.open_accounts(connection, size)
        district.let_wait(connection, size, size)
        connection.execute(USAGE.encode())
        connection.execute(DELTAS.encode(), (size,))
    stage.tidy()
    found: dict[str, tuple[float, float]] = {}
    for name, ahead in steps(dt.datetime.now(dt.UTC)):
        if name == "expire-points":
            with stage.connect() as connection:
                connection.execute(MARKED.encode())
                connection.execute(CLOSED.encode())
        stage.leave()
        ran = flask(stage, "jobs", "run", name, ahead=ahead)
        own, server = found[name] = (ran.memory.own, ran.memory.server)
        print(f"  {size:,}: {ran.report}, {own:.1f} MB, the server {server:.1f} MB", flush=True)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a command said, how long it took, and its peaks of memory in megabytes."""

    report: str
    seconds: float
    memory: Memory


def flask(stage: Stage, *words: str, ahead: dt.timedelta = dt.timedelta()) -> Ran:
    """Run a command on the stage's database in a process of its own, at a moment to come."""
    environment = {
        "LINLI_ENV": "test",  # production takes no clock
        "LINLI_DATABASE_URL": stage.config.database_url,
        "LINLI_SECRET_KEY": stage.config.secret_key,
        "LINLI_INSTANCE": str(stage.config.instance),
        "LINLI_CLOCK": f"+{ahead.total_seconds():.0f}",
    }
    command = [sys.executable, "-m", "flask", "--app", "wsgi", *words]
    begun = time.monotonic()
    with (
        subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
        ) as process,
        Memory(stage, process.pid) as memory,
    ):
        report, _ = process.communicate()
    assert process.returncode == 0, report
    return Ran(report=report.strip(), seconds=time.monotonic() - begun, memory=memory)


def rows(stage: Stage, size: int) -> Iterator[Row]:
    """Give each job's memory with so many rows beside that with a tenth."""
    few, many = peaks(stage, size // SMALLER), peaks(stage, size)
    for name, (own, server) in many.items():
        title = f"memory of {name}, {size:,} rows beside {size // SMALLER:,}"
        yield least(title, own, few[name][0], "MB", BAR)
        yield least(f"{title}, the server's", server, few[name][1], "MB")
