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
    SELECT transfers.id AS what FROM (
        SELECT account, version, sum(went) OVER (PARTITION BY account ORDER BY version) AS gone
        FROM (
            SELECT debit AS account, debit_version AS version, amount AS went
            FROM transfers WHERE debit > 0
            UNION ALL SELECT credit, credit_version, -amount
            FROM transfers WHERE credit > 0 AND act = 'reversal'
        ) AS sides
        WHERE account IN (SELECT debit FROM transfers WHERE act = 'expiry')
    ) AS lines
        JOIN transfers ON transfers.debit = lines.account AND transfers.act = 'expiry'
            AND transfers.debit_version = lines.version
        JOIN expiry_runs ON expiry_runs.id = transfers.source_id
        LEFT JOIN expiry_marks ON expiry_marks.account = transfers.debit
            AND expiry_marks.year = expiry_runs.marked
    WHERE lines.gone > coalesce(expiry_marks.credited, 0)"""

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
        "moves",
        "points left an account without arriving in another",
        MOVED_BY_HALVES,
        title=N_("搬家转分两边都记了"),
        changed="night",
    ),
)
