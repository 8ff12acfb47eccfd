"""What ``flask verify`` asks of those who decide: who they were at that time, in SQL of its own.

Grants keep from when to when they held; whoever lost a role in the course of a day had it in the
morning.
"""

from __future__ import annotations

from core.errors import N_
from core.settings import REGISTRY
from points.proof.checks import Check

LEAD_FROM = REGISTRY["redeem.lead_points"].default
"""Points from which the lead decides, where neither community nor district say otherwise."""


def without_role(table: str, moment: str, person: str, grant: str) -> str:
    """Return the query for rows whose person had at that moment no grant that fits them."""
    return f"""
    SELECT {table}.id AS what FROM {table} WHERE {table}.{person} IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM grants WHERE grants.person = {table}.{person} AND {grant}
            AND grants.created_at <= {table}.{moment}
            AND CAST(grants.valid_from AS text) <= hangzhou_day({table}.{moment})
            AND (grants.valid_to IS NULL OR CAST(grants.valid_to AS text)
                >= hangzhou_day(before({table}.{moment}, '24 hours'))))"""  # noqa: S608 - ours


def lead_from(table: str, place: str, moment: str) -> str:
    """Return the centipoints from which the lead decided there at a moment."""
    ways = ", ".join(
        f"""nullif((SELECT value FROM setting_values
            WHERE key = 'redeem.lead_points' AND setting_values.place = {each}
                AND setting_values.valid_from <= {moment}
            ORDER BY setting_values.valid_from DESC LIMIT 1), '')"""  # noqa: S608 - ours
        for each in (f"{table}.{place}", "0")
    )
    return f"100 * CAST(coalesce({ways}, '{LEAD_FROM}') AS integer)"


def above_limit(table: str, place: str, moment: str, amount: str) -> str:
    """Return the condition that an amount was the lead's; a process may know a limit a while."""
    limits = (lead_from(table, place, at) for at in (f"{table}.{moment}", _known(table, moment)))
    return " AND ".join(f"{table}.{amount} >= {limit}" for limit in limits)


def _known(table: str, moment: str) -> str:
    return f"before({table}.{moment}, '2 minutes')"


STAFF_HERE = "grants.place = adjustments.community AND grants.role IN ('staff', 'lead')"

DECIDED_WITHOUT_ROLE = " UNION ALL ".join(
    without_role("adjustments", moment, person, STAFF_HERE + more)
    for moment, person, more in (
        ("proposed_at", "maker", " AND grants.role = adjustments.maker_role"),
        ("closed_at", "checker", " AND grants.role = adjustments.checker_role"),
        ("waived_at", "waived_by", ""),
    )
)

DECIDED_ABOVE_LIMIT = f"""
    SELECT id AS what FROM adjustments WHERE checker_role <> 'lead'
        AND {above_limit("adjustments", "community", "closed_at", "together")}"""  # noqa: S608 - ours

ROLES: tuple[Check, ...] = (
    Check(
        "staff of the time",
        "adjustments were proposed, decided or waived by somebody without that role at that time",
        DECIDED_WITHOUT_ROLE,
        table="adjustments",
        title=N_("提出和复核调整的人，当时都有这个权限"),
        changed="night",
    ),
    Check(
        "lead's limit",
        "adjustments that were the lead's to decide were decided by others",
        DECIDED_ABOVE_LIMIT,
        table="adjustments",
        title=N_("达到负责人起点的调整，由负责人定"),
        changed="night",
    ),
)
