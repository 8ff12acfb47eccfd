"""Verifying the books: set-based SQL, written apart from what posts, that only reads.

Each check is a query that returns what is wrong, one row each. All look at one snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from core.errors import N_
from points.proof import sealed
from points.proof.checks import Broken, Check, find
from points.proof.sharing import by_two
from points.proof.verify_adjustments import ADJUSTMENTS
from points.proof.verify_audited import AUDITED
from points.proof.verify_causes import CAUSES
from points.proof.verify_expiry import EXPIRY
from points.proof.verify_feeding import FEEDING
from points.proof.verify_papers import PAPERS
from points.proof.verify_recording import RECORDING
from points.proof.verify_roles import ROLES

if TYPE_CHECKING:
    from sqlalchemy import Connection


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

# What the last run that came to its end has left: a scheduler that stood still is no broken row.
HELD_PAST_THEIR_TIME = """
    SELECT id AS what FROM holds WHERE state = 'open' AND lapse_at <= (
        SELECT max(started_at) FROM job_runs WHERE job = 'lapse-holds' AND state = 'done')"""

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
    WHERE (awards.host_transfer IS NOT NULL OR awards.bearing <> awards.community)
        AND (awards.state = 'done' AND awards.bearing <> awards.community)
            <> (transfers.id IS NOT NULL)"""

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

TWO_SIDES = """
    SELECT id AS what FROM transfers
    WHERE amount <= 0 OR debit = credit OR (debit > 0) <> (debit_version IS NOT NULL)
        OR (credit > 0) <> (credit_version IS NOT NULL)"""

COVERED = """
    SELECT id AS what FROM accounts
    WHERE credited - debited - held < 0 OR credited < 0 OR debited < 0 OR held < 0
        OR (purpose <> 'holder' AND (credited <> 0 OR debited <> 0 OR held <> 0))"""

FINAL_HOLDS = """
    SELECT id AS what FROM holds
    WHERE (state = 'open') <> (closed_at IS NULL) OR captured > amount
        OR (state = 'captured' AND captured = 0)
        OR (state IN ('released', 'lapsed') AND captured > 0)"""

FINAL_AWARDS = """
    SELECT id AS what FROM awards
    WHERE (state = 'done') <> (done_at IS NOT NULL) OR (state = 'void') <> (void_at IS NOT NULL)"""

CONFIRMED_BY_ONE = """
    SELECT id AS what FROM awards
    WHERE confirmed_by = recorded_by OR confirmed_by = holder_id"""


CHECKS: tuple[Check, ...] = (
    Check(
        "two sides",
        "transfers have not two sides, or no amount",
        TWO_SIDES,
        title=N_("每笔都有借有贷，金额大于零"),
        changed="rows",
    ),
    Check(
        "account totals",
        "accounts differ from the sum of their transfers",
        ACCOUNT_TOTALS,
        table="accounts",
        title=N_("户头等于流水之和"),
        changed="accounts",
    ),
    Check(
        "line balances",
        "lines do not tell the balance after them",
        LINE_BALANCES,
        table="accounts",
        title=N_("每一行的余额接得上前一行"),
        changed="accounts",
    ),
    Check(
        "covered",
        "accounts are below zero",
        COVERED,
        table="accounts",
        title=N_("谁也不会透支"),
        changed="whole",
    ),
    Check(
        "holds",
        "accounts hold another amount than their open holds",
        HELD,
        table="accounts",
        title=N_("户头的预留等于没办完的预留之和"),
        changed="whole",
    ),
    Check(
        "lapsed holds",
        "holds are open though their time was over when the lapsed ones were released",
        HELD_PAST_THEIR_TIME,
        table="holds",
        title=N_("过了期的预留都已退回"),
        changed="whole",
    ),
    Check(
        "final holds",
        "holds are closed without a moment, or captured without an amount",
        FINAL_HOLDS,
        table="holds",
        title=N_("预留要么开着，要么办结有时间"),
        changed="rows",
    ),
    Check(
        "settled awards",
        "awards are done without their transfer, or have one without being done",
        AWARD_WITHOUT_TRANSFER,
        table="awards",
        title=N_("到账的发放都有且只有一笔流水"),
        changed="rows",
    ),
    Check(
        "borne awards",
        "awards are not borne once by the community that bears them",
        AWARD_WITHOUT_BEARER,
        table="awards",
        title=N_("在别处服务，由那里承担一次"),
        changed="rows",
    ),
    *CAUSES,
    Check(
        "final awards",
        "awards are settled or void without a moment",
        FINAL_AWARDS,
        table="awards",
        title=N_("发放到账或取消都有时间"),
        changed="rows",
    ),
    Check(
        "confirmed awards",
        "awards were confirmed by whoever recorded or gained them",
        CONFIRMED_BY_ONE,
        table="awards",
        title=N_("登记和确认不是同一个人"),
        changed="rows",
    ),
    Check(
        "system accounts",
        "days of system accounts differ from their transfers",
        SYSTEM_BOOKS,
        table="accounts",
        title=N_("社区总账等于流水之和"),
        changed="days",
    ),
    Check(
        "clearing",
        "pairs of communities do not clear to zero",
        CLEARING,
        table="accounts",
        title=N_("两边账相等：甲欠乙等于乙应收甲"),
        changed="whole",
    ),
    Check(
        "noted reversals",
        "transfers reverse without being noted",
        REVERSAL_NOT_NOTED,
        title=N_("每一次冲回都记着冲的哪一笔、哪一次"),
        changed="rows",
    ),
    Check(
        "basic points",
        "transfers or holds spend basic points",
        BASIC_SPENT,
        title=N_("基本积分没有进过兑换"),
        changed="rows",
    ),
    Check(
        "kinds and books",
        "transfers mix kinds of points or communities",
        KINDS_MIXED,
        title=N_("两种积分、各社区的分从不混加"),
        changed="rows",
    ),
    Check(
        "closed days",
        "transfers were posted into a closed day",
        CLOSED_DAY,
        title=N_("结过账的日子没有再记账"),
        changed="rows",
    ),
    *ADJUSTMENTS,
    *ROLES,
    *RECORDING,
    *FEEDING,
    *EXPIRY,
    *PAPERS,
    *AUDITED,
    Check(
        "seals",
        "blocks differ from their rows",
        "",
        table="seals",
        title=N_("封存的流水、发放、预留没有动过"),
        changed="whole",
        find=sealed.blocks,
        parts=sealed.parts,
    ),
    Check(
        "chain",
        "blocks are not chained to those before them",
        "",
        table="seals",
        title=N_("封存链没有断"),
        changed="whole",
        find=sealed.chain,
    ),
)
COUNTS = {
    "accounts": "SELECT count(*) FROM accounts",
    "transfers": "SELECT count(*) FROM transfers",
    "awards": "SELECT count(*) FROM awards",
    "open holds": "SELECT count(*) FROM holds WHERE state = 'open'",
    "closed days": "SELECT count(*) FROM business_days",
}


def verify(connection: Connection, checks: Sequence[Check] = CHECKS) -> Verified:
    """Check every invariant on one snapshot; nothing is written, nothing is mended.

    The connection must have asked nothing yet. On PostgreSQL a second one takes part, at the same
    time and on the same snapshot.
    """
    if connection.dialect.name == "sqlite":
        found = tuple(broken(connection, checks))
    else:
        one_snapshot(connection)
        snapshot = connection.scalar(text("SELECT pg_export_snapshot()"))
        with connection.engine.connect() as second:
            one_snapshot(second, snapshot)
            found = by_two(connection, second, checks, broken)
    return Verified(counts=counted(connection), checks=len(checks), broken=found)


def counted(connection: Connection) -> dict[str, int]:
    """Count what there is to check."""
    return {name: int(connection.scalar(text(query)) or 0) for name, query in COUNTS.items()}


LIMITS = (
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    "SET LOCAL work_mem = '20MB'",
    "SET LOCAL max_parallel_workers_per_gather = 0",
)
"""A large district takes longer than a page may; two connections are busy, workers would wait.

With 20 MB ten million transfers take no longer than with 32, and a fifth less memory.
"""


def one_snapshot(connection: Connection, snapshot: str = "") -> None:
    """Let all that follows see one moment: this one, or that of another connection."""
    connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
    if snapshot:
        connection.execute(text(f"SET TRANSACTION SNAPSHOT '{snapshot}'"))
    for limit in LIMITS:
        connection.execute(text(limit))


def broken(connection: Connection, checks: Sequence[Check] = CHECKS) -> Iterator[Broken]:
    """Run each check on what the connection sees; yield the broken invariants."""
    for check in checks:
        found = find(connection, check)
        if found.first is not None:
            yield Broken(name=check.name, words=check.words, times=found.times, first=found.first)
