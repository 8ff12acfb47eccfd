"""Verifying the books: set-based SQL, written apart from what posts, that only reads.

Each check is a query that returns what is wrong, one row each. All look at one snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from points.verify_adjustments import (
    ADJUSTED_BY_NOBODY,
    ADJUSTED_OTHERWISE,
    DECIDED_BY_ONE,
    REVERSAL_UNEVEN,
    REVERSAL_WITHOUT_TRANSFERS,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Check:
    """An invariant: its name, what breaks it in words, and the query that finds it."""

    name: str
    words: str
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A broken invariant: how often, and one example by its id."""

    name: str
    words: str
    times: int
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was looked at, how much of each, and what is broken."""

    counts: dict[str, int]
    checks: int
    broken: tuple[Broken, ...]


# What a transfer did to a holder: a spend that comes back lowers what was debited.
HOLDER_SIDES = """
    SELECT credit AS account, credit_version AS version, credit_balance AS balance,
        amount AS change, CASE WHEN act = 'reversal' THEN 0 ELSE amount END AS credited,
        CASE WHEN act = 'reversal' THEN -amount ELSE 0 END AS debited
    FROM transfers WHERE credit > 0
    UNION ALL SELECT debit, debit_version, debit_balance, -amount, 0, amount
    FROM transfers WHERE debit > 0"""

ACCOUNT_TOTALS = f"""
    SELECT accounts.id AS what FROM accounts LEFT JOIN (
        SELECT account, sum(credited) AS credited, sum(debited) AS debited, count(*) AS postings
        FROM ({HOLDER_SIDES}) AS sides GROUP BY account
    ) AS posted ON posted.account = accounts.id
    WHERE accounts.purpose = 'holder' AND (
        accounts.credited <> coalesce(posted.credited, 0)
        OR accounts.debited <> coalesce(posted.debited, 0)
        OR accounts.version <> coalesce(posted.postings, 0))"""

LINE_BALANCES = f"""
    SELECT account AS what FROM (
        SELECT account, version, balance, sum(change) OVER upto AS should_be,
            count(*) OVER upto AS place
        FROM ({HOLDER_SIDES}) AS sides
        WINDOW upto AS (PARTITION BY account ORDER BY version
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    ) AS lines
    WHERE version IS NULL OR balance IS NULL OR version <> place OR balance <> should_be"""

HELD = """
    SELECT accounts.id AS what FROM accounts LEFT JOIN (
        SELECT account, sum(amount) AS amount FROM holds WHERE state = 'open' GROUP BY account
    ) AS open_holds ON open_holds.account = accounts.id
    WHERE accounts.held <> coalesce(open_holds.amount, 0)"""

AWARD_WITHOUT_TRANSFER = """
    SELECT awards.id AS what FROM awards LEFT JOIN transfers ON transfers.id = awards.id
        AND transfers.act = 'award' AND transfers.credit = awards.account
        AND transfers.amount = awards.amount AND transfers.source_id = awards.id
        AND coalesce(transfers.standard, 0) = coalesce(awards.standard, 0)
    WHERE (awards.state = 'done') <> (transfers.id IS NOT NULL)"""

AWARD_WITHOUT_BEARER = """
    SELECT awards.id AS what FROM awards LEFT JOIN transfers
        ON transfers.id = awards.host_transfer AND transfers.act = 'award'
        AND transfers.community = awards.bearing AND transfers.amount = awards.host_amount
        AND transfers.source_id = awards.id AND transfers.standard = awards.standard
    WHERE (awards.state = 'done' AND awards.bearing <> awards.community)
        <> (transfers.id IS NOT NULL)"""

TRANSFER_WITHOUT_AWARD = """
    SELECT transfers.id AS what FROM transfers
        LEFT JOIN awards AS own ON own.id = transfers.id
        LEFT JOIN awards AS borne ON borne.host_transfer = transfers.id
    WHERE transfers.act = 'award' AND own.id IS NULL AND borne.id IS NULL"""

SYSTEM_BOOKS = """
    SELECT account AS what FROM (
        SELECT account, day, credited, debited, standard FROM account_folds
        UNION ALL SELECT account, day, credited, debited, standard FROM account_deltas
        UNION ALL SELECT credit, day, -amount, 0, -coalesce(standard, 0)
        FROM transfers WHERE credit < 0
        UNION ALL SELECT debit, day, 0, -amount, coalesce(standard, 0)
        FROM transfers WHERE debit < 0
    ) AS parts GROUP BY account, day
    HAVING sum(credited) <> 0 OR sum(debited) <> 0 OR sum(standard) <> 0"""

# Both communities of a pair, the one with the smaller code first.
CLEARING = """
    SELECT min(accounts.id) AS what FROM accounts JOIN (
        SELECT account, standard FROM account_folds
        UNION ALL SELECT account, standard FROM account_deltas
    ) AS parts ON parts.account = accounts.id
    WHERE accounts.purpose = 'clearing'
    GROUP BY CASE WHEN community < counterpart THEN community ELSE counterpart END,
        CASE WHEN community < counterpart THEN counterpart ELSE community END
    HAVING sum(parts.standard) <> 0"""

REVERSAL_NOT_NOTED = """
    SELECT transfers.id AS what FROM transfers
        LEFT JOIN reversals ON reversals.reversal = transfers.id
    WHERE transfers.act = 'reversal' AND reversals.original IS NULL"""

BASIC_SPENT = """
    SELECT transfers.id AS what FROM transfers JOIN accounts ON accounts.id = transfers.debit
    WHERE accounts.points_kind = 'basic'
        AND transfers.act NOT IN ('award', 'adjustment', 'reversal', 'moving')
    UNION ALL SELECT holds.id FROM holds JOIN accounts ON accounts.id = holds.account
    WHERE accounts.points_kind = 'basic'"""

KINDS_MIXED = """
    SELECT transfers.id AS what FROM transfers
        JOIN accounts AS giving ON giving.id = transfers.debit
        JOIN accounts AS taking ON taking.id = transfers.credit
    WHERE giving.points_kind <> taking.points_kind OR giving.community <> taking.community
        OR transfers.points_kind <> giving.points_kind
        OR transfers.community <> giving.community"""

CLOSED_DAY = """
    SELECT transfers.id AS what FROM transfers JOIN business_days
        ON business_days.day = transfers.day
    WHERE transfers.posted_at > business_days.closed_at"""

DEDUCTION_WITHOUT_TRANSFER = """
    SELECT deductions.id AS what FROM deductions LEFT JOIN transfers
        ON transfers.id = deductions.id AND transfers.act = 'adjustment'
        AND transfers.debit = deductions.account AND transfers.amount = deductions.amount
        AND transfers.source_kind = 'deduction' AND transfers.points_kind = 'basic'
    WHERE transfers.id IS NULL
    UNION ALL SELECT transfers.id FROM transfers
        LEFT JOIN deductions ON deductions.id = transfers.id
    WHERE transfers.source_kind = 'deduction' AND transfers.act = 'adjustment'
        AND deductions.id IS NULL"""

DEDUCTION_UNREMINDED = """
    SELECT deductions.id AS what FROM deductions LEFT JOIN reminders
        ON reminders.deduction = deductions.id AND reminders.household = deductions.household
        AND reminders.rule = deductions.rule AND reminders.day <= deductions.day
    GROUP BY deductions.id HAVING count(reminders.id) < 2"""

HELP_WITHOUT_WORD = """
    SELECT awards.id AS what FROM awards LEFT JOIN neighbour_helps
        ON neighbour_helps.id = awards.source_id AND neighbour_helps.state = 'confirmed'
        AND neighbour_helps.helper = awards.holder_id
    WHERE awards.source_kind = 'help' AND neighbour_helps.id IS NULL"""

CHECKS: tuple[Check, ...] = (
    Check("account totals", "accounts differ from the sum of their transfers", ACCOUNT_TOTALS),
    Check("line balances", "lines do not tell the balance after them", LINE_BALANCES),
    Check("holds", "accounts hold another amount than their open holds", HELD),
    Check(
        "settled awards",
        "awards are done without their transfer, or have one without being done",
        AWARD_WITHOUT_TRANSFER,
    ),
    Check(
        "borne awards",
        "awards are not borne once by the community that bears them",
        AWARD_WITHOUT_BEARER,
    ),
    Check("awarded transfers", "transfers award points without an award", TRANSFER_WITHOUT_AWARD),
    Check(
        "system accounts",
        "days of system accounts differ from their transfers",
        SYSTEM_BOOKS,
    ),
    Check("clearing", "pairs of communities do not clear to zero", CLEARING),
    Check("reversals", "reversals do not mirror a transfer", REVERSAL_WITHOUT_TRANSFERS),
    Check("even reversals", "reversals do not clear between two books", REVERSAL_UNEVEN),
    Check("adjustments", "adjustments moved another amount than was decided", ADJUSTED_OTHERWISE),
    Check("decided transfers", "transfers adjust what nobody decided", ADJUSTED_BY_NOBODY),
    Check(
        "two people", "adjustments were decided by one person, or for themselves", DECIDED_BY_ONE
    ),
    Check("noted reversals", "transfers reverse without being noted", REVERSAL_NOT_NOTED),
    Check("basic points", "transfers or holds spend basic points", BASIC_SPENT),
    Check("kinds and books", "transfers mix kinds of points or communities", KINDS_MIXED),
    Check("closed days", "transfers were posted into a closed day", CLOSED_DAY),
    Check(
        "deductions",
        "deductions and the transfers that take them do not match",
        DEDUCTION_WITHOUT_TRANSFER,
    ),
    Check("reminders", "deductions lack their two reminders", DEDUCTION_UNREMINDED),
    Check("neighbours' words", "help counts without the helped one's word", HELP_WITHOUT_WORD),
)
COUNTS = {
    "accounts": "SELECT count(*) FROM accounts",
    "transfers": "SELECT count(*) FROM transfers",
    "awards": "SELECT count(*) FROM awards",
    "open holds": "SELECT count(*) FROM holds WHERE state = 'open'",
    "closed days": "SELECT count(*) FROM business_days",
}


def verify(connection: Connection) -> Verified:
    """Check every invariant of the ledger on one snapshot; nothing is written, nothing is mended.

    The connection must have asked nothing yet.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        # A large district takes longer than a page may.
        connection.execute(text("SET LOCAL statement_timeout = 0"))
    counts = {name: int(connection.scalar(text(query)) or 0) for name, query in COUNTS.items()}
    return Verified(counts=counts, checks=len(CHECKS), broken=tuple(broken(connection)))


def broken(connection: Connection) -> Iterator[Broken]:
    """Run each check on what the connection sees; yield the broken invariants."""
    for check in CHECKS:
        row = connection.execute(
            text(
                "SELECT count(*) AS times, min(CAST(what AS text)) AS example"
                f" FROM ({check.query}) AS found",
            ),
        ).one()
        if row.times:
            yield Broken(name=check.name, words=check.words, times=row.times, example=row.example)
