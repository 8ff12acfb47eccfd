"""What ``flask verify`` asks of what was handed out and posted: SQL written apart from both."""

from __future__ import annotations

from core.errors import N_
from points.proof.checks import Check

# The sums of a holder's transfers before and until a day, up to the version on the paper.
STATEMENT_OTHERWISE = """
    SELECT statements.code AS what FROM statements
        LEFT JOIN accounts ON accounts.purpose = 'holder'
            AND accounts.holder_kind = statements.holder_kind
            AND accounts.holder_id = statements.holder_id
            AND accounts.community = statements.community
            AND accounts.points_kind = statements.points_kind
    WHERE statements.holder_kind <> 'community' AND (accounts.id IS NULL
        OR statements.opening <> (
            SELECT coalesce(sum(amount), 0) FROM transfers WHERE credit > 0
                AND credit = accounts.id AND credit_version <= statements.through
                AND day < statements.first_day)
            - (SELECT coalesce(sum(amount), 0) FROM transfers WHERE debit > 0
                AND debit = accounts.id AND debit_version <= statements.through
                AND day < statements.first_day)
        OR statements.closing <> (
            SELECT coalesce(sum(amount), 0) FROM transfers WHERE credit > 0
                AND credit = accounts.id AND credit_version <= statements.through
                AND day <= statements.last_day)
            - (SELECT coalesce(sum(amount), 0) FROM transfers WHERE debit > 0
                AND debit = accounts.id AND debit_version <= statements.through
                AND day <= statements.last_day))"""

BULLETIN_OTHERWISE = """
    SELECT bulletins.community AS what FROM bulletins LEFT JOIN (
        SELECT community, month, count(*) AS lines,
            sum(CASE WHEN points_kind = 'service' THEN amount ELSE 0 END) AS service,
            sum(CASE WHEN points_kind = 'basic' THEN amount ELSE 0 END) AS basic
        FROM bulletin_lines GROUP BY community, month
    ) AS found ON found.community = bulletins.community AND found.month = bulletins.month
    WHERE bulletins.lines <> coalesce(found.lines, 0)
        OR bulletins.service <> coalesce(found.service, 0)
        OR bulletins.basic <> coalesce(found.basic, 0)"""

# All lists of a community together are the awards that it bears and that they could have.
AWARD_LISTED_OTHERWISE = """
    SELECT posted.community AS what FROM (
        SELECT community, sum(service + basic) AS amount, max(cut_at) AS cut_at
        FROM bulletins GROUP BY community
    ) AS posted
    WHERE posted.amount > (
        SELECT coalesce(sum(coalesce(host_amount, amount)), 0) FROM awards
        WHERE bearing = posted.community AND state = 'done' AND done_at < posted.cut_at)"""

PAPERS: tuple[Check, ...] = (
    Check(
        "statements",
        "statements say something else than the transfers",
        STATEMENT_OTHERWISE,
        table="statements",
        title=N_("发出的明细单和流水一致"),
    ),
    Check(
        "public lists",
        "public lists have other sums than their lines",
        BULLETIN_OTHERWISE,
        table="bulletins",
        title=N_("积分公示的合计等于各行之和"),
    ),
    Check(
        "listed awards",
        "public lists have more than was awarded",
        AWARD_LISTED_OTHERWISE,
        table="bulletins",
        title=N_("积分公示没有多列发放"),
    ),
)
