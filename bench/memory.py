"""What the nightly jobs take of memory: with ten times the rows hardly more.

Each job of ``app.JOBS`` runs in a process of its own, one after the other: those that work set by
set through a year's end and half a year's leavings; those that take one hold, order, exit, person
or message at a time over a hundredth of the rows, as a million of them would take hours. Not here:
settle-at-once, which is settle-awards at another time; households whose points follow, which go the
way of the residents; letters of warn-expiry, as the accounts of the large district belong to nobody
who could read one; a gateway over the network; SQLite.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from bench import district
from bench.books import USAGE
from bench.harness import Row, least
from bench.people import enter
from bench.stage import Stage
from core.config import ROOT

SMALLER = 10
ONE_BY_ONE = 100
"""Of jobs that take one at a time there is a hundredth of the rows."""

COMMUNITIES = 20
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
    " SELECT gen_random_uuid(), accounts.id, CURRENT_DATE, 0, 0"
    " FROM generate_series(1, %(size)s) AS n"
    " JOIN (SELECT id, row_number() OVER () AS place, count(*) OVER () AS places FROM accounts"
    " WHERE purpose = 'issued') AS accounts ON accounts.place = n %% places + 1"
)
ENDED_WINDOWS = (
    "INSERT INTO rate_limits (key, window_end, used)"
    " SELECT 'bench:' || n, now() - interval '1 hour', 1 FROM generate_series(1, %(size)s) AS n"
)
OLD_RUNS = (
    "INSERT INTO job_runs (job, slot, state, claim, lease_until, started_at, finished_at, attempts)"
    " SELECT 'bench', at, 'done', gen_random_uuid(), at, at, at, 1 FROM (SELECT now()"
    " - interval '40 days' - n * interval '1 second' AS at"
    " FROM generate_series(1, %(size)s) AS n) AS slots"
)
FEEDER = (
    "INSERT INTO feeders (id, name, kind, scope_kind, place, rules, secret_cipher, secret_by,"
    " secret_at, state, made_at) SELECT gen_random_uuid(), '智能垃圾房', 'city', 'district', code,"
    " '', '', gen_random_uuid(), now(), 'waiting', now() FROM districts"
)
OLD_ITEMS = (
    "INSERT INTO feed_items (feeder, key, digest, state, units, amount, recorded_at)"
    " SELECT id, 'item-' || n, md5(n::text), 'capped', 1, 0, now() - interval '200 days'"
    " - n * interval '1 second' FROM feeders CROSS JOIN generate_series(1, %(size)s) AS n"
)
OLD_BATCHES = (
    "INSERT INTO feed_batches (id, feeder, first_at, last_at, times, recorded, existed, capped,"
    " refused) SELECT gen_random_uuid(), feeder, recorded_at, recorded_at, 1, 0, 0, 1, 0"
    " FROM feed_items"
)
CLERK = "INSERT INTO people (id, name, created_at) VALUES (gen_random_uuid(), '小陈', now())"
AT_ALL_DESKS = (
    "INSERT INTO grants (id, person, role, scope_kind, place, scope_id, valid_from, granted_by,"
    " created_at) SELECT gen_random_uuid(), people.id, 'staff', 'community', communities.code,"
    " '00000000-0000-0000-0000-000000000000', CURRENT_DATE - 1, gen_random_uuid(), now()"
    " FROM communities CROSS JOIN people"
)
ASKED = (
    "INSERT INTO corrections (id, kind, state, community, subject, asked_by, words, opened_at,"
    " answer_by) SELECT gen_random_uuid(), 'line', 'open', code, gen_random_uuid(),"
    " gen_random_uuid(), '少记了一个小时', now(), CURRENT_DATE"
    f" FROM generate_series(1, %(size)s) AS n JOIN {district.PLACES} ON place = n %% places"
)
# Of two residents of a community one stays, and the other will have moved or died.
PAIRED = (
    "CREATE TABLE bench_pairs AS SELECT gone, stays FROM (SELECT id AS gone, lead(id) OVER each"
    " AS stays, row_number() OVER each AS place FROM residents"
    " WINDOW each AS (PARTITION BY community ORDER BY id)) AS pairs WHERE place %% 2 = 1"
)
FUNDED = (
    "UPDATE accounts SET credited = debited + held + 1000, version = version + 1"
    " WHERE purpose = 'holder' AND points_kind = 'service'"
)
WALLETS = "bench_pairs JOIN accounts ON accounts.holder_id = {who} AND points_kind = 'service'"
STAYS, GONE = WALLETS.format(who="stays"), WALLETS.format(who="gone")
HELD = (
    "INSERT INTO holds (id, account, amount, state, reason, source_kind, source_id, created_at,"
    " lapse_at) SELECT {id}, accounts.id, 100, 'open', '抽纸', 'order', stays, now(), {lapse_at}"
    f" FROM {STAYS}"
)
LAPSING = HELD.format(id="gen_random_uuid()", lapse_at="now()")
PAYING = HELD.format(id="stays", lapse_at="NULL")
SET_ASIDE = f"UPDATE accounts SET held = held + 100 WHERE id IN (SELECT accounts.id FROM {STAYS})"
STATION = (
    "INSERT INTO stations (id, community, name, address, hours, opened_on) SELECT"
    " gen_random_uuid(), min(code), '积分驿站', '小营巷 12 号', '9:00–17:00', CURRENT_DATE"
    " FROM communities"
)
ITEM = (
    "INSERT INTO items (id, station, community, name, category, price, source, home_first_days,"
    " foreign_share_percent, note, state) SELECT gen_random_uuid(), id, community, '抽纸',"
    " '日用', 100, '赞助', 0, 100, '', 'listed' FROM stations"
)
STOCK = "INSERT INTO stock (item, on_hand, reserved) SELECT id, %(size)s, %(size)s FROM items"
# The order, its hold and whoever ordered share an id.
ORDERS = (
    "INSERT INTO orders (id, key, station, host, home, resident, ordered_by, channel, state,"
    " price, par, exact, cost, rate, face_home, face_host, difference, standard, submitted_at,"
    " pickup_code, pickup_until) SELECT residents.id, residents.id::text, stations.id,"
    " stations.community, residents.community, residents.id, person, 'phone', 'ready',"
    " 100, 100, 100, 100, 10000, 10000, 10000, 'retire', 100, now() - interval '8 days',"
    " lpad(row_number() OVER ()::text, 6, '0'), now()"
    " FROM bench_pairs JOIN residents ON residents.id = stays CROSS JOIN stations"
)
LINES = (
    'INSERT INTO order_lines ("order", item, name, quantity, price)'
    " SELECT orders.id, items.id, items.name, 1, 100 FROM orders CROSS JOIN items"
)
SHARES = (
    'INSERT INTO order_payments ("order", account, hold, amount, payer, payer_household,'
    " taken_at) SELECT orders.id, accounts.id, orders.id, 100, person, household, now()"
    f" FROM {STAYS} JOIN orders ON orders.id = stays JOIN residents ON residents.id = stays"
)
ACTIVITY = (
    "INSERT INTO activities (id, community, title, kind, scene, summary, bring, open_to, state,"
    " created_by, created_at) SELECT gen_random_uuid(), min(code), '便民集市', '公益集市',"
    " '服务', '', '', 'district', 'published', gen_random_uuid(), now() FROM communities"
)
SESSION = (
    "INSERT INTO sessions (id, activity, community, starts_at, ends_at, place, short_code,"
    " state) SELECT gen_random_uuid(), id, community, now() - interval '20 hours',"
    " now() - interval '18 hours', '社区广场', 'BENCH000', 'open' FROM activities"
)
PART = (
    "INSERT INTO session_parts (session, part, rule, amount)"
    " SELECT id, 'serve', 'serve.hour', 500 FROM sessions"
)
ENTRIES = (
    "INSERT INTO attendances (id, session, resident, part, phase, method, provenance, event_at,"
    " recorded_at, recorded_by) SELECT gen_random_uuid(), id, stays, 'serve', 'entry', 'venue',"
    " 'verified', starts_at, starts_at, gen_random_uuid() FROM sessions CROSS JOIN bench_pairs"
)
GONE_AWAY = "UPDATE residents SET valid_to = CURRENT_DATE FROM bench_pairs WHERE id = gone"
FOLLOWED = (
    "INSERT INTO resident_ends (resident, reason, successor, recorded_by, recorded_at)"
    " SELECT gone, 'merged', stays, gen_random_uuid(), now() FROM bench_pairs"
)
DIED = (
    "UPDATE resident_ends SET reason = 'deceased', successor = NULL,"
    " keeps_until = CURRENT_DATE + 10"
)
HEIRS = (
    "UPDATE residents SET household = dead.household"
    " FROM bench_pairs JOIN residents AS dead ON dead.id = gone WHERE residents.id = stays"
)
ENDED = (
    f"INSERT INTO account_ends (account, lapse_on) SELECT accounts.id, CURRENT_DATE - 1 FROM {GONE}"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A job, what is written for it to do, and how far ahead it runs."""

    job: str
    fill: tuple[str, ...] = ()
    ahead: dt.timedelta = field(default_factory=dt.timedelta)
    #: What tells it from another step of the same job.
    title: str = ""


def by_sets(now: dt.datetime) -> tuple[Step, ...]:
    """Return the jobs of a night and of the year's end, and those that tidy up."""
    year_end = dt.datetime(now.year + 1, 1, 1, 1, tzinfo=dt.UTC) - now
    next_month = (now.replace(day=1) + dt.timedelta(days=41)).replace(day=10, hour=3) - now
    return (
        Step(job="prove-changes"),
        Step(job="settle-awards"),
        Step(job="prove-changes", ahead=dt.timedelta(minutes=15)),
        Step(job="expire-points", fill=(MARKED, CLOSED)),
        Step(job="fold-deltas"),
        Step(job="post-bulletins", ahead=next_month),
        Step(job="warn-expiry", ahead=year_end - dt.timedelta(days=2)),
        Step(job="close-day", ahead=year_end),
        Step(job="seal-days", ahead=year_end),
        Step(job="prove-all", ahead=year_end),
        Step(job="clean-limits", fill=(ENDED_WINDOWS, OLD_RUNS)),
        Step(job="forget-feeds", fill=(FEEDER, OLD_ITEMS, OLD_BATCHES)),
        Step(job="remind-corrections", fill=(CLERK, AT_ALL_DESKS, ASKED)),
    )


ONE_AT_A_TIME = (
    Step(job="lapse-holds", fill=(PAIRED, FUNDED, LAPSING, SET_ASIDE)),
    Step(
        job="lapse-orders",
        fill=(PAYING, SET_ASIDE, STATION, ITEM, STOCK, ORDERS, LINES, SHARES),
    ),
    Step(job="close-sessions", fill=(ACTIVITY, SESSION, PART, ENTRIES)),
    Step(job="follow-residents", fill=(GONE_AWAY, FOLLOWED)),
    Step(job="warn-heirs", fill=(FUNDED, DIED, HEIRS)),
    # The letters to the heirs, which wait for the morning.
    Step(job="send-outbox", ahead=dt.timedelta(days=1)),
    Step(job="expire-points", fill=(ENDED,), title="expire-points of those who died"),
)


def a_district(stage: Stage, size: int) -> None:
    """Let as many awards wait, and as much be there to be folded, as there are residents."""
    with stage.connect() as connection:
        district.open_accounts(connection, size)
        district.let_wait(connection, size, size)
        connection.execute(USAGE.encode())
        connection.execute(DELTAS.encode(), {"size": size})


def two_each(stage: Stage, size: int) -> None:
    """Enter two residents for each row, as the desk does: with the accounts they really have."""
    enter(stage, stage.communities()[:COMMUNITIES], 2 * size)


def peaks(
    stage: Stage, size: int, begin: Callable[[Stage, int], None], steps: Sequence[Step]
) -> dict[str, tuple[float, float]]:
    """Run the jobs over so many rows; returns the peak of each process and of the server's."""
    stage.reset()
    begin(stage, size)
    stage.tidy()
    found: dict[str, tuple[float, float]] = {}
    for step in steps:
        with stage.connect() as connection:
            for statement in step.fill:
                connection.execute(statement.encode(), {"size": size})
            if step.fill:
                connection.execute("ANALYZE")
        stage.leave()
        ran = flask(stage, "jobs", "run", step.job, ahead=step.ahead)
        own, server = found[step.title or step.job] = (ran.memory.own, ran.memory.server)
        print(
            f"  {size:,}: {ran.report} in {ran.seconds:.0f} s, {own:.1f} MB,"
            f" the server {server:.1f} MB",
            flush=True,
        )
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
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
        Memory(stage, process.pid) as memory,
    ):
        # Messages are delivered to the terminal: nobody reads ten thousand of them here.
        report, told = process.communicate()
    assert process.returncode == 0, told
    return Ran(report=report.strip(), seconds=time.monotonic() - begun, memory=memory)


def rows(stage: Stage, size: int) -> Iterator[Row]:
    """Give each job's memory with so many rows beside that with a tenth."""
    every = by_sets(dt.datetime.now(dt.UTC))
    yield from compared(stage, size // ONE_BY_ONE, two_each, ONE_AT_A_TIME)
    yield from compared(stage, size, a_district, every)


def compared(
    stage: Stage, size: int, begin: Callable[[Stage, int], None], steps: Sequence[Step]
) -> Iterator[Row]:
    """Run the jobs over a tenth of the rows, and over all of them."""
    few = peaks(stage, size // SMALLER, begin, steps)
    for name, (own, server) in peaks(stage, size, begin, steps).items():
        title = f"memory of {name}, {size:,} rows beside {size // SMALLER:,}"
        yield least(title, own, few[name][0], "MB", BAR)
        yield least(f"{title}, the server's", server, few[name][1], "MB")
