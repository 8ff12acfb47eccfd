"""What ``flask verify`` asks of deductions and neighbours' help: SQL written apart from both."""

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
        "neighbours' words",
        "help counts without the helped one's word",
        HELP_WITHOUT_WORD,
        table="awards",
        title=N_("邻里互助有受助人的话"),
        changed="rows",
    ),
)
