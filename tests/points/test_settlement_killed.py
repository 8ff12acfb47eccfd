"""Settlement killed in the middle: whatever dies, each award is settled exactly once.

Real processes are killed with SIGKILL, at any moment, while they settle twenty thousand awards, and
started again until nothing is left. A kill counts if some were done and some were not. On each
database, of one to three schedulers, ``make test`` counts twenty-one and ``make soak`` two hundred.
What is left behind is judged by SQL of its own, without the application.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import insert

from core.ids import uuid8
from core.work import Work, transact
from points.accounts import PointsKind, open_books, open_clearing, resident_account
from points.models import Award
from tests.conftest import Stage
from tests.points.books import HERE, MORNING, THERE, Nothing, open_resident
from tests.points.killed import Crew, Nursery, Patience
from tests.points.raw import Raw

AWARDS = 20_000
RESIDENTS = 300
SETTLE = ("jobs", "run", "settle-awards")
SCHEDULER = ("scheduler",)
SOAK = bool(os.environ.get("LINLI_SOAK"))
CREWS = (
    ((SETTLE, 1, 50), (SCHEDULER, 1, 50), (SCHEDULER, 2, 50), (SCHEDULER, 3, 50))
    if SOAK
    else ((SCHEDULER, 1, 7), (SCHEDULER, 2, 7), (SCHEDULER, 3, 7))
)
"""What settles, how many at once, and how many kills have to count."""

ROUNDS_MAX = 100 if SOAK else 20
#: How long they live at most after they were seen to have begun: a chunk takes about as long.
LONGEST = 0.5
NIGHT = dt.datetime(2026, 11, 24, 18, 0, 30, tzinfo=dt.UTC)
DONE = "SELECT count(*) FROM awards WHERE state = 'done'"
STALLED_AFTER = 10.0
GIVE_UP_AFTER = 120.0


def row(number: int, now: dt.datetime) -> dict[str, object]:
    """One due award: every seventh basic, every fifth of the others borne elsewhere."""
    holder = UUID(int=1000 + number % RESIDENTS)
    kind: PointsKind = "basic" if number % 7 == 0 else "service"
    elsewhere = kind == "service" and number % 5 == 0
    event_at = MORNING + dt.timedelta(seconds=number % 3000)
    amount = 50 + 50 * (number % 37)
    return {
        "id": uuid8(event_at, "killed", number, 0),
        "cause": f"killed:{number}",
        "account": resident_account(holder, HERE, kind),
        "holder_id": holder,
        "points_kind": kind,
        "community": HERE,
        "bearing": THERE if elsewhere else HERE,
        "amount": amount,
        "host_transfer": uuid8(event_at, "killed", number, 1) if elsewhere else None,
        "host_amount": 2 * amount if elsewhere else None,
        "standard": amount if elsewhere else None,
        "rule": "serve.hour",
        "units": 1,
        "provenance": "verified",
        "reason": "便民集市，来帮忙半小时",
        "source_kind": "act",
        "source_id": UUID(int=900),
        "recorded_by": UUID(int=1),
        "event_at": event_at,
        "created_at": now,
        "due": MORNING + dt.timedelta(hours=17),
        "state": "pending",
    }


def fill(work: Work, first: int) -> Nothing:
    """Insert twenty thousand due awards in one statement, after those of the rounds before."""
    for number in range(RESIDENTS):
        open_resident(work, UUID(int=1000 + number), HERE)
    open_books(work, HERE, THERE)
    open_clearing(work, HERE, THERE)
    rows = [row(number, work.now) for number in range(first, first + AWARDS)]
    work.connection.execute(insert(Award), rows)
    return Nothing()


@pytest.fixture
def raw(stage: Stage) -> Iterator[Raw]:
    with Raw(stage) as connection:
        yield connection


def settle(crew: Crew, patience: Patience, raw: Raw, filled: int, kills: int) -> int:
    """Settle with kills on the way, until so many counted or nothing is left; returns how many."""
    first, counted, seen = filled - AWARDS, 0, 0
    moved = since = time.monotonic()
    crew.start()
    while (done := raw.number(DONE)) < filled and counted < kills:
        assert time.monotonic() - since < GIVE_UP_AFTER, crew.nursery.said()
        if done > seen:
            seen, moved = done, time.monotonic()
        if first < done:
            patience.last()
            # Of several, now one is killed, now two, now all.
            killed = crew.kill(1 + counted % crew.count)
            counted += patience.learn(counted=bool(killed) and first < raw.number(DONE) < filled)
            crew.start()
        elif not crew.works() or time.monotonic() - moved > STALLED_AFTER:
            crew.kill()
            crew.start()
            moved = time.monotonic()
        time.sleep(0.002)
    crew.kill()
    return counted


def finish(crew: Crew, raw: Raw, filled: int) -> None:
    """Settle what is left, and kill nobody."""
    since = time.monotonic()
    while raw.number(DONE) < filled:
        assert time.monotonic() - since < GIVE_UP_AFTER, crew.nursery.said()
        if not crew.works():
            crew.start()
        time.sleep(0.01)


@pytest.mark.long
@pytest.mark.timeout(3 * 3600 if SOAK else 1200)
def test_whatever_is_killed_each_award_is_settled_exactly_once(
    stage: Stage, raw: Raw, tmp_path: Path
) -> None:
    filled, night = 0, NIGHT
    with Nursery(stage, tmp_path / "settlers.log") as nursery:
        for command, count, kills in CREWS:
            counted, patience = 0, Patience(LONGEST)
            while counted < kills:
                if raw.number(DONE) == filled:
                    assert filled < AWARDS * ROUNDS_MAX, "the kills come too late to count"
                    with stage.app.app_context():
                        transact(fill, filled)
                    filled += AWARDS
                crew = Crew(nursery, command, count, night, dt.timedelta(minutes=1))
                counted += settle(crew, patience, raw, filled, kills - counted)
                night = crew.now
        finish(Crew(nursery, SETTLE, 1, night, dt.timedelta(minutes=1)), raw, filled)

    assert wrong(raw) == {}
    paid = raw.rows("SELECT id, credited FROM accounts WHERE purpose = 'holder' AND credited > 0")
    assert dict(paid) == owed(filled)


def owed(filled: int) -> dict[int, int]:
    """What each account should have got, added up without the database."""
    totals: dict[int, int] = {}
    for number in range(filled):
        made = row(number, NIGHT)
        account, amount = made["account"], made["amount"]
        assert isinstance(account, int)
        assert isinstance(amount, int)
        totals[account] = totals.get(account, 0) + amount
    return totals


CHECKS = {
    "not settled": "SELECT count(*) FROM awards WHERE state <> 'done'",
    "not credited exactly once": """
        SELECT count(*) FROM awards LEFT JOIN (
            SELECT source_id, credit, count(*) AS times, sum(amount) AS total FROM transfers
            WHERE act = 'award' AND credit > 0 GROUP BY source_id, credit
        ) AS paid ON paid.source_id = awards.id AND paid.credit = awards.account
        WHERE coalesce(paid.times, 0) <> 1 OR paid.total <> awards.amount""",
    "not borne exactly once": """
        SELECT count(*) FROM awards LEFT JOIN (
            SELECT source_id, community, count(*) AS times, sum(amount) AS total FROM transfers
            WHERE act = 'award' AND credit < 0 GROUP BY source_id, community
        ) AS borne ON borne.source_id = awards.id AND borne.community = awards.bearing
        WHERE coalesce(borne.times, 0) <> CASE WHEN awards.bearing = awards.community
              THEN 0 ELSE 1 END OR borne.total <> awards.host_amount""",
    "a transfer of no award": """
        SELECT count(*) FROM transfers LEFT JOIN awards ON awards.id = transfers.source_id
        WHERE awards.id IS NULL""",
    "totals of an account": """
        SELECT count(*) FROM accounts LEFT JOIN (
            SELECT credit, count(*) AS times, sum(amount) AS total FROM transfers GROUP BY credit
        ) AS got ON got.credit = accounts.id
        WHERE accounts.purpose = 'holder' AND (accounts.credited <> coalesce(got.total, 0)
              OR accounts.version <> coalesce(got.times, 0) OR accounts.debited <> 0)""",
    "balance after a posting": """
        SELECT count(*) FROM (SELECT credit_balance, credit_version,
            sum(amount) OVER upto AS balance, count(*) OVER upto AS version FROM transfers
            WHERE credit > 0 WINDOW upto AS (PARTITION BY credit ORDER BY credit_version
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)) AS rows_of
        WHERE credit_balance <> balance OR credit_version <> version""",
    "books of the system": """
        SELECT count(*) FROM (
            SELECT account, sum(change) AS difference FROM (
                SELECT account, credited - debited AS change FROM account_deltas
                UNION ALL SELECT account, credited - debited FROM account_folds
                UNION ALL SELECT credit, -amount FROM transfers WHERE credit < 0
                UNION ALL SELECT debit, amount FROM transfers WHERE debit < 0
            ) AS sides GROUP BY account
        ) AS books WHERE difference <> 0""",
}


def wrong(raw: Raw) -> dict[str, int]:
    """Return what does not add up, with how often."""
    found = {name: raw.number(check) for name, check in CHECKS.items()}
    return {name: count for name, count in found.items() if count}


# --- what the checks are worth ---------------------------------------------------------------

DAMAGE = {
    "UPDATE awards SET state = 'pending', done_at = NULL WHERE cause = 'killed:1'": {"not settled"},
    "DELETE FROM transfers WHERE source_id = (SELECT id FROM awards WHERE cause = 'killed:1')": {
        "not credited exactly once",
        "totals of an account",
        "balance after a posting",
        "books of the system",
    },
    "UPDATE transfers SET source_id = (SELECT id FROM awards WHERE cause = 'killed:3') WHERE"
    " source_id = (SELECT id FROM awards WHERE cause = 'killed:303')": {
        "not credited exactly once",
    },
    "UPDATE accounts SET credited = credited + 50 WHERE id ="
    " (SELECT account FROM awards WHERE cause = 'killed:1')": {"totals of an account"},
    "DELETE FROM account_deltas WHERE debited > 0": {"books of the system"},
    "DELETE FROM transfers WHERE credit < 0 AND community = 330102003051": {
        "not borne exactly once",
        "books of the system",
    },
}


def test_each_way_of_settling_wrongly_is_seen(stage: Stage, raw: Raw) -> None:
    with stage.app.app_context():
        transact(fill, 0)
    stage.clock.set(NIGHT)
    found = stage.app.test_cli_runner().invoke(args=["jobs", "run", "settle-awards"])
    assert found.output.strip() == f"settle-awards: settled {AWARDS}"
    assert wrong(raw) == {}

    seen = {}
    for damage in DAMAGE:
        raw.execute("BEGIN")
        assert raw.execute(damage) >= 1
        seen[damage] = set(wrong(raw))
        raw.execute("ROLLBACK")
    assert seen == DAMAGE
    assert wrong(raw) == {}
