"""What ``flask verify`` asks of adjustments and reversals: SQL written apart from what posts."""

from __future__ import annotations

from core.errors import N_
from points.proof.checks import Check

# What came back of a transfer is no more than it, in points and in standard, and all is the whole.
REVERSAL_WITHOUT_TRANSFERS = """
    SELECT reversals.original AS what FROM reversals
        LEFT JOIN transfers AS made ON made.id = reversals.reversal AND made.act = 'reversal'
        LEFT JOIN transfers AS undone ON undone.id = reversals.original
            AND undone.debit = made.credit AND undone.credit = made.debit
    GROUP BY reversals.original, undone.amount, undone.standard
    HAVING count(*) <> count(undone.id) OR sum(made.amount) > undone.amount
        OR sum(coalesce(made.standard, 0)) > coalesce(undone.standard, 0)
        OR (sum(made.amount) = undone.amount
            AND sum(coalesce(made.standard, 0)) <> coalesce(undone.standard, 0))"""

# Of what several paid together, what was decided came back: to each by their share, to a centipoint
# for each part of it.
SHARED_UNEVENLY = """
    SELECT first AS what FROM (
        SELECT acts.first, acts.parts, acts.back AS decided,
            sum(paid.amount) AS paid, sum(coalesce(came.amount, 0)) AS back,
            sum(sum(paid.amount)) OVER (PARTITION BY acts.first) AS whole,
            sum(sum(coalesce(came.amount, 0))) OVER (PARTITION BY acts.first) AS came
        FROM (
            SELECT adjustments.original AS first, line.journal, count(*) AS parts,
                sum(adjustments.together) AS back
            FROM adjustments JOIN transfers AS line ON line.id = adjustments.original
            WHERE adjustments.state = 'posted' AND adjustments.amount > 0
                AND line.journal IS NOT NULL
            GROUP BY adjustments.original, line.journal
        ) AS acts JOIN transfers AS paid ON paid.journal = acts.journal
            AND paid.debit > 0 AND paid.act <> 'reversal'
        LEFT JOIN (
            SELECT reversals.original, sum(made.amount) AS amount FROM reversals
                JOIN transfers AS made ON made.id = reversals.reversal
            WHERE made.source_kind = 'adjustment' GROUP BY reversals.original
        ) AS came ON came.original = paid.id
        GROUP BY acts.first, acts.parts, acts.back, paid.debit
    ) AS payers
    WHERE came <> decided OR abs(back * whole - decided * paid) >= parts * whole"""

# In each pair of books what an act took back is the same standard on both sides.
REVERSAL_UNEVEN = """
    SELECT min(CAST(transfers.id AS text)) AS what FROM transfers
        JOIN accounts ON accounts.purpose = 'clearing'
            AND accounts.id IN (transfers.debit, transfers.credit)
    WHERE transfers.act = 'reversal' AND transfers.journal IS NOT NULL
    GROUP BY transfers.journal
    HAVING sum(CASE WHEN transfers.credit = accounts.id THEN 1 ELSE -1 END
        * coalesce(transfers.standard, 0)) <> 0"""

ADJUSTED_OTHERWISE = """
    SELECT adjustments.id AS what FROM adjustments LEFT JOIN (
        SELECT source_id, account, sum(change) AS change FROM (
            SELECT source_id, credit AS account, amount AS change FROM transfers
            WHERE source_kind = 'adjustment' AND credit > 0
            UNION ALL SELECT source_id, debit, -amount FROM transfers
            WHERE source_kind = 'adjustment' AND debit > 0
        ) AS sides GROUP BY source_id, account
    ) AS made ON made.source_id = adjustments.id AND made.account = adjustments.account
    WHERE coalesce(made.change, 0) <> CASE WHEN adjustments.amount > 0
        THEN adjustments.posted ELSE -adjustments.posted - adjustments.collected END"""

ADJUSTED_BY_NOBODY = """
    SELECT transfers.id AS what FROM transfers
        LEFT JOIN adjustments ON adjustments.id = transfers.source_id
            AND adjustments.state = 'posted'
    WHERE transfers.source_kind = 'adjustment' AND adjustments.id IS NULL"""

DECIDED_BY_ONE = """
    SELECT id AS what FROM adjustments WHERE checker = maker OR maker = person
        OR checker = person OR maker_household = household OR checker_household = household"""

# What is said to have lapsed of what was taken back lapsed once, where it had arrived or where its
# holder went on to; as far as points are worth the same on the whole way.
LAPSED_OTHERWISE = """
    WITH RECURSIVE went (id, place) AS (
        SELECT id, holder_id FROM adjustments WHERE lapsed > 0
        UNION SELECT went.id, resident_ends.successor FROM went
            JOIN resident_ends ON resident_ends.resident = went.place
        WHERE resident_ends.successor IS NOT NULL
    ), ways AS (
        SELECT DISTINCT lasts.place AS lives, accounts.id AS account FROM went AS lasts
            LEFT JOIN resident_ends ON resident_ends.resident = lasts.place
            JOIN went ON went.id = lasts.id
            JOIN accounts ON accounts.holder_id = went.place AND accounts.points_kind = 'service'
        WHERE resident_ends.successor IS NULL
    )
    SELECT said.id AS what FROM (
        SELECT ways.lives, sum(lapsed) AS lapsed, min(CAST(adjustments.id AS text)) AS id
        FROM ways JOIN adjustments ON adjustments.account = ways.account GROUP BY ways.lives
    ) AS said LEFT JOIN (
        SELECT ways.lives, sum(transfers.amount) AS amount FROM ways
            JOIN transfers ON transfers.debit = ways.account AND transfers.debit > 0
        WHERE transfers.act = 'expiry' GROUP BY ways.lives
    ) AS ran ON ran.lives = said.lives
    WHERE said.lapsed > coalesce(ran.amount, 0) AND NOT EXISTS (
        SELECT 1 FROM ways JOIN transfers AS gave ON gave.debit = ways.account AND gave.debit > 0
            JOIN transfers AS came ON came.journal = gave.journal AND came.credit > 0
        WHERE ways.lives = said.lives AND gave.act = 'moving' AND came.amount <> gave.amount)"""

# While something is missing nothing lapses of the account where it was decided, but what had come
# before the year of the award. Decisions of the night itself are left out: one may have waited.
LAPSED_WHILE_MISSING = """
    SELECT adjustments.id AS what FROM adjustments
        JOIN transfers AS ran ON ran.debit = adjustments.account AND ran.debit > 0
            AND ran.act = 'expiry' AND CAST(ran.day AS text) > hangzhou_day(adjustments.closed_at)
        LEFT JOIN expiry_runs ON expiry_runs.id = ran.source_id
        LEFT JOIN transfers AS given ON given.id = adjustments.original
    WHERE adjustments.shortage > 0
        AND (adjustments.waived_at IS NULL
            OR CAST(ran.day AS text) < hangzhou_day(adjustments.waived_at))
        AND (given.id IS NULL OR expiry_runs.id IS NULL
            OR CAST(substr(CAST(given.day AS text), 1, 4) AS integer) <= expiry_runs.marked)
        AND adjustments.posted + adjustments.shortage > (
            SELECT coalesce(sum(amount), 0) FROM transfers
            WHERE debit = adjustments.account AND source_id = adjustments.id
                AND debit_version < ran.debit_version)"""

ADJUSTMENTS: tuple[Check, ...] = (
    Check(
        "reversals",
        "reversals do not mirror a transfer",
        REVERSAL_WITHOUT_TRANSFERS,
        title=N_("冲回不多于原来的一笔，方向相反"),
        changed="whole",
    ),
    Check(
        "even reversals",
        "reversals do not clear between two books",
        REVERSAL_UNEVEN,
        title=N_("跨社区的冲回两边相等"),
        changed="night",
    ),
    Check(
        "shared reversals",
        "what several had paid did not come back by their shares",
        SHARED_UNEVENLY,
        title=N_("一起付的，按各人付的比例退回"),
        changed="night",
    ),
    Check(
        "adjustments",
        "adjustments moved another amount than was decided",
        ADJUSTED_OTHERWISE,
        table="adjustments",
        title=N_("调整的积分正是两人定下的"),
        changed="night",
    ),
    Check(
        "decided transfers",
        "transfers adjust what nobody decided",
        ADJUSTED_BY_NOBODY,
        title=N_("没有人定下的，不会调整"),
        changed="rows",
    ),
    Check(
        "lapsed once",
        "more of what was taken back is said to have lapsed than did",
        LAPSED_OTHERWISE,
        table="adjustments",
        title=N_("冲回时算作到期的，不多于真正到期的"),
        changed="night",
    ),
    Check(
        "missing first",
        "points lapsed while something was missing that they would have paid",
        LAPSED_WHILE_MISSING,
        table="adjustments",
        title=N_("还差的先收，剩下的才到期"),
        changed="night",
    ),
    Check(
        "two people",
        "adjustments were decided by one person, or for themselves",
        DECIDED_BY_ONE,
        table="adjustments",
        title=N_("调整的提出和复核不是同一个人"),
        changed="whole",
    ),
)
