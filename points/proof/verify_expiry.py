"""What ``flask verify`` asks of expiry and of moves: SQL written apart from what posts."""

from __future__ import annotations

from core.errors import N_
from points.proof.checks import Check

EXPIRY_RUNS = """
    SELECT expiry_runs.id AS what FROM expiry_runs LEFT JOIN (
        SELECT source_id, count(*) AS times, sum(amount) AS amount FROM transfers
        WHERE act = 'expiry' AND source_kind = 'expiry' GROUP BY source_id
    ) AS made ON made.source_id = expiry_runs.id
    WHERE expiry_runs.stage = 'lapse' AND (expiry_runs.accounts <> coalesce(made.times, 0)
        OR expiry_runs.amount <> coalesce(made.amount, 0))"""

EXPIRED_OTHERWISE = """
    SELECT transfers.id AS what FROM transfers
        LEFT JOIN accounts ON accounts.id = transfers.credit AND accounts.purpose = 'expired'
        LEFT JOIN expiry_runs ON expiry_runs.id = transfers.source_id
        LEFT JOIN account_ends ON account_ends.account = transfers.debit
    WHERE transfers.act = 'expiry' AND (accounts.id IS NULL OR expiry_runs.id IS NULL
        AND (account_ends.account IS NULL OR transfers.day <= account_ends.lapse_on))"""

# What went of an account, the lapse included, never passes the mark that the run lapsed to.
EXPIRY_TOO_YOUNG = """
    SELECT lines.id AS what FROM (
        SELECT id, account, act, source_id,
            sum(went) OVER (PARTITION BY account ORDER BY version) AS gone
        FROM (
            SELECT id, debit AS account, debit_version AS version, act, source_id, amount AS went
            FROM transfers WHERE debit > 0
            UNION ALL SELECT id, credit, credit_version, act, source_id, -amount
            FROM transfers WHERE credit > 0 AND act = 'reversal'
        ) AS sides
        WHERE account IN (SELECT debit FROM transfers WHERE act = 'expiry')
    ) AS lines
        JOIN expiry_runs ON expiry_runs.id = lines.source_id
        LEFT JOIN expiry_marks ON expiry_marks.account = lines.account
            AND expiry_marks.year = expiry_runs.marked
    WHERE lines.act = 'expiry' AND lines.gone > coalesce(expiry_marks.credited, 0)"""

MOVED = """
    SELECT debit FROM transfers WHERE act = 'moving' AND debit > 0
    UNION SELECT credit FROM transfers WHERE act = 'moving' AND credit > 0"""

# What an account had got when each year ended; one without a mark had nothing. What was taken back
# of a later year, or had lapsed of it, is not taken from older points, so the mark rose with it.
MARKS = """
    SELECT keys.account, keys.year, marks.credited,
        coalesce(sum(CASE WHEN steps.year <= keys.year THEN steps.got ELSE 0 END), 0) AS got,
        coalesce(sum(CASE WHEN steps.year > keys.year THEN steps.back ELSE 0 END), 0) AS back
    FROM (
        SELECT account, year FROM expiry_marks
        UNION SELECT accounts.id, CAST(substr(CAST(day AS text), 1, 4) AS integer)
        FROM accounts CROSS JOIN business_days
        WHERE accounts.purpose = 'holder' AND accounts.points_kind = 'service'
            AND accounts.credited > 0 AND CAST(day AS text) LIKE '%-12-31'
    ) AS keys
        LEFT JOIN expiry_marks AS marks
            ON marks.account = keys.account AND marks.year = keys.year
        LEFT JOIN (
            SELECT account, CAST(substr(CAST(day AS text), 1, 4) AS integer) AS year,
                sum(got) AS got, sum(back) AS back
            FROM (
                SELECT credit AS account, day, amount AS got, 0 AS back FROM transfers
                WHERE credit > 0 AND points_kind = 'service' AND act <> 'reversal'
                UNION ALL SELECT given.credit, given.day, 0, taken.amount
                FROM reversals JOIN transfers AS given ON given.id = reversals.original
                    JOIN transfers AS taken ON taken.id = reversals.reversal
                WHERE given.credit > 0 AND given.points_kind = 'service'
                UNION ALL SELECT given.credit, given.day, 0,
                    adjustments.lapsed + adjustments.collected
                FROM adjustments JOIN transfers AS given ON given.id = adjustments.original
                WHERE adjustments.act = 'reversal' AND given.credit > 0
                    AND given.points_kind = 'service'
            ) AS lines WHERE account {whose} GROUP BY account, 2
        ) AS steps ON steps.account = keys.account
    WHERE keys.account {whose}
    GROUP BY keys.account, keys.year, marks.credited"""

MARK_UNFOUNDED = f"""
    SELECT account AS what FROM ({MARKS.format(whose=f"NOT IN ({MOVED})")}) AS marked
    WHERE credited <> got + back OR credited IS NULL AND got > 0"""

# What moves bring may be older than what was there: no mark is below what had come by then, none
# above a later one or above what has come by now.
MARK_OUT_OF_BOUNDS = f"""
    SELECT account AS what FROM (
        SELECT account, credited, got,
            lead(credited) OVER (PARTITION BY account ORDER BY year) AS later
        FROM ({MARKS.format(whose=f"IN ({MOVED})")}) AS marked
    ) AS marks JOIN accounts ON accounts.id = marks.account
    WHERE coalesce(marks.credited, 0) < got
        OR marks.credited > coalesce(later, accounts.credited)"""

# After the last run, only what came back since its day may be left of its year: what did so in the
# moment of the run was too late for it. Who was said to have died had no part in it.
LEFT_BEHIND = """
    SELECT accounts.id AS what FROM (
        SELECT marked, day, begun_at FROM expiry_runs
        WHERE stage = 'lapse' AND finished_at IS NOT NULL ORDER BY day DESC LIMIT 1
    ) AS run
        JOIN expiry_marks ON expiry_marks.year = run.marked
        JOIN accounts ON accounts.id = expiry_marks.account
            AND expiry_marks.credited > accounts.debited + accounts.held
    WHERE NOT EXISTS (SELECT 1 FROM account_ends WHERE account_ends.account = accounts.id)
        AND NOT EXISTS (SELECT 1 FROM audit_events
            WHERE use_case = 'take_back_death' AND at >= run.begun_at)
        AND expiry_marks.credited - accounts.debited - accounts.held > coalesce((
            SELECT sum(amount) FROM transfers
            WHERE credit = accounts.id AND credit > 0 AND act IN ('reversal', 'moving')
                AND transfers.day > run.day
        ), 0) + coalesce((
            SELECT sum(amount - captured) FROM holds
            WHERE holds.account = accounts.id AND hangzhou_day(closed_at) > CAST(run.day AS text)
        ), 0)"""

MOVED_BY_HALVES = """
    SELECT min(CAST(id AS text)) AS what FROM transfers WHERE act = 'moving'
    GROUP BY journal, points_kind
    HAVING sum(CASE WHEN debit > 0 THEN 1 ELSE 0 END) <> 1
        OR points_kind = 'basic' AND sum(CASE WHEN debit > 0 THEN amount ELSE 0 END)
            <> sum(CASE WHEN credit > 0 THEN amount ELSE 0 END)"""

EXPIRY: tuple[Check, ...] = (
    Check(
        "expiry",
        "runs of expiry differ from their transfers",
        EXPIRY_RUNS,
        table="expiry_runs",
        title=N_("每次到期的总数和流水一致"),
        changed="night",
    ),
    Check(
        "lapses",
        "points lapsed in no run, or before an account's own day",
        EXPIRED_OTHERWISE,
        title=N_("每笔到期都有来由"),
        changed="night",
    ),
    Check(
        "age of what lapsed",
        "points lapsed before their year",
        EXPIRY_TOO_YOUNG,
        title=N_("没有一分提前到期"),
        changed="night",
    ),
    Check(
        "year marks",
        "year marks differ from what had come until then",
        MARK_UNFOUNDED,
        table="accounts",
        title=N_("每年年底的记号和流水一致"),
        changed="night",
    ),
    Check(
        "marks after moves",
        "year marks after a move are lower or higher than they can be",
        MARK_OUT_OF_BOUNDS,
        table="accounts",
        title=N_("搬过家的户头，年底的记号在流水之内"),
        changed="night",
    ),
    Check(
        "left behind",
        "points that were due have not lapsed",
        LEFT_BEHIND,
        table="accounts",
        title=N_("该到期的都到期了"),
        changed="night",
    ),
    Check(
        "moves",
        "points left an account without arriving in another",
        MOVED_BY_HALVES,
        title=N_("搬家转分两边都记了"),
        changed="night",
    ),
)
