"""Expiry killed in the middle: whatever dies, each account lapses exactly once.

Real processes are killed with SIGKILL, at any moment, while they let thousands of accounts lapse,
and started again until nothing is left; what is left behind is judged by SQL of its own.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from core.models import BusinessDay
from core.work import Work, transact
from points.accounts import open_accounts, open_books, resident_keys
from tests.conftest import Stage
from tests.points.books import HERE, Nothing
from tests.points.calendar import hangzhou
from tests.points.killed import Crew, Nursery, Patience
from tests.points.raw import Raw

ACCOUNTS = 12_000
SOAK = bool(os.environ.get("LINLI_SOAK"))
KILLS = 50 if SOAK else 5
ALONE = (("jobs", "run", "expire-points"), 1)
CREWS = (
    (ALONE, (("scheduler",), 1), (("scheduler",), 2), (("scheduler",), 3))
    if SOAK
    else (ALONE, (("scheduler",), 2))
)
#: How long they live at most after they were seen to have begun.
LONGEST = 0.3
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


def one_year(crew: Crew, patience: Patience, raw: Raw, kills: int) -> int:
    """Let all lapse with up to ``kills`` kills on the way; returns how many counted."""
    counted, seen, since = 0, 0, time.monotonic()
    moved = since
    crew.start()
    while raw.number("SELECT count(*) FROM expiry_runs WHERE finished_at IS NOT NULL") == 0:
        assert time.monotonic() - since < GIVE_UP_AFTER, crew.nursery.said()
        done = raw.number(LAPSED)
        if done > seen:
            seen, moved = done, time.monotonic()
        if counted < kills and 0 < done < ACCOUNTS:
            patience.last()
            counted += patience.learn(
                counted=bool(crew.kill()) and 0 < raw.number(LAPSED) < ACCOUNTS
            )
            crew.start()
        elif not crew.works() or time.monotonic() - moved > STALLED_AFTER:
            crew.kill()
            crew.start()
            moved = time.monotonic()
        time.sleep(0.002)
    crew.kill()
    return counted


@pytest.mark.long
@pytest.mark.timeout(3 * 3600 if SOAK else 1200)
def test_whatever_is_killed_each_account_lapses_exactly_once(stage: Stage, tmp_path: Path) -> None:
    with Nursery(stage, tmp_path / "schedulers.log") as nursery:
        for command, count in CREWS:
            counted, years, patience = 0, 0, Patience(LONGEST)
            while counted < KILLS:
                stage.reset()
                with stage.app.app_context():
                    transact(fill, dt.date(2027, 12, 31))
                crew = Crew(nursery, command, count, NIGHT, dt.timedelta(days=1))
                with Raw(stage) as raw:
                    counted += one_year(crew, patience, raw, KILLS - counted)
                    assert wrong(raw) == {}
                years += 1
                assert years <= 5 * KILLS, "the kills come too late to count"
