"""What ``flask verify`` asks of deductions, caps and neighbours' help: SQL written apart."""

from __future__ import annotations

from core.errors import N_
from points.proof.checks import Check

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

# What was given back whole counts for no cap, and its reminders are those of another deduction.
GIVEN_BACK = """
        SELECT adjustments.original FROM adjustments
            JOIN deductions ON deductions.id = adjustments.original
        WHERE adjustments.state = 'posted' GROUP BY adjustments.original, deductions.amount
        HAVING sum(adjustments.together) >= deductions.amount"""

DEDUCTION_UNREMINDED = f"""
    SELECT deductions.id AS what FROM deductions LEFT JOIN reminders
        ON reminders.deduction = deductions.id AND reminders.household = deductions.household
        AND reminders.rule = deductions.rule AND reminders.day <= deductions.day
    WHERE deductions.id NOT IN ({GIVEN_BACK})
    GROUP BY deductions.id HAVING count(reminders.id) < 2"""  # noqa: S608 - ours

HELP_WITHOUT_WORD = """
    SELECT awards.id AS what FROM awards LEFT JOIN neighbour_helps
        ON neighbour_helps.id = awards.source_id AND neighbour_helps.state = 'confirmed'
        AND neighbour_helps.helper = awards.holder_id
    WHERE awards.source_kind = 'help' AND neighbour_helps.id IS NULL"""

# Units of each day by its awards, without what was taken back of them.
UNITS = """
        SELECT awards.{holder} AS holder_id, awards.rule, hangzhou_day(awards.event_at) AS day,
            -awards.units - awards.units * coalesce(undone.amount, 0) / awards.amount AS more
        FROM awards LEFT JOIN adjustments AS undone ON undone.original = awards.id
            AND undone.act = 'reversal' AND undone.state = 'posted' AND undone.voided = 0
        WHERE awards.{holder} IS NOT NULL
            AND awards.state <> 'void' AND awards.event_at >= :kept_since"""

# Each holder's own units, those of the household that an award counted for as well, and deductions.
# Whoever moved or was merged, alone or as a household, goes on with what the former place had used:
# there, no less than their own. Months are the sums of their days, years those of their months.
CAPS_OTHERWISE = f"""
    SELECT holder_id AS what FROM ({UNITS.format(holder="holder_id")}
        UNION ALL {UNITS.format(holder="counted_for")}
        UNION ALL SELECT household, rule, CAST(day AS text), -1 FROM deductions
            WHERE id NOT IN ({GIVEN_BACK})
        UNION ALL SELECT holder_id, rule, period, used FROM rule_usage
        WHERE length(period) = 10
    ) AS days WHERE day > hangzhou_day(:kept_since) GROUP BY holder_id, rule, day
    HAVING sum(more) < 0 OR (sum(more) > 0 AND NOT EXISTS (
        SELECT 1 FROM resident_ends JOIN residents ON residents.id = resident_ends.successor
        WHERE days.holder_id IN (residents.id, residents.household)))
    UNION ALL SELECT holder_id FROM rule_usage
    WHERE length(period) > 4 AND period >= substr(hangzhou_day(:kept_since), 1, 4)
    GROUP BY holder_id, rule, substr(period, 1, 7)
    HAVING sum(CASE length(period) WHEN 7 THEN used ELSE -used END) <> 0
    UNION ALL SELECT holder_id FROM rule_usage
    WHERE length(period) < 10 AND period >= substr(hangzhou_day(:kept_since), 1, 4)
    GROUP BY holder_id, rule, substr(period, 1, 4)
    HAVING sum(CASE length(period) WHEN 4 THEN used ELSE -used END) <> 0"""  # noqa: S608 - ours

RECORDING: tuple[Check, ...] = (
    Check(
        "deductions",
        "deductions and the transfers that take them do not match",
        DEDUCTION_WITHOUT_TRANSFER,
        table="deductions",
        title=N_("每次扣分都有一笔流水"),
        changed="night",
    ),
    Check(
        "reminders",
        "deductions lack their two reminders",
        DEDUCTION_UNREMINDED,
        table="deductions",
        title=N_("扣分以前提醒过两次"),
        changed="night",
    ),
    Check(
        "caps",
        "counters of caps differ from the units that were awarded",
        CAPS_OTHERWISE,
        table="rule_usage",
        title=N_("上限计数等于发放的数量"),
    ),
    Check(
        "neighbours' words",
        "help counts without the helped one's word",
        HELP_WITHOUT_WORD,
        table="awards",
        title=N_("邻里互助有受助人的话"),
        changed="rows",
    ),
)
