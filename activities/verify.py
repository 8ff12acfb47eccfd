"""What ``flask verify`` asks of attendance: SQL written apart from what records it."""

from __future__ import annotations

from core.errors import N_
from points.proof.checks import Check

ATTENDED_TWICE = """
    SELECT min(CAST(id AS text)) AS what FROM attendances
    GROUP BY session, resident, part, phase HAVING count(*) > 1"""

OVERBOOKED = """
    SELECT session AS what FROM session_parts WHERE taken < 0 OR taken > places"""

CHECKS: tuple[Check, ...] = (
    Check(
        "attendance",
        "somebody attended the same part of a session twice",
        ATTENDED_TWICE,
        table="attendances",
        title=N_("一次到场只记一次"),
        changed="night",
    ),
    Check(
        "places",
        "parts of sessions have more people than places",
        OVERBOOKED,
        table="sessions",
        title=N_("名额没有超过"),
        changed="whole",
    ),
)
