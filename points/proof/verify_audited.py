"""What ``flask verify`` asks of audit rows: no change without one, in SQL written apart.

All that one transaction writes carries its moment and its actor, and so does its audit row.
"""

from __future__ import annotations

from core.acts import SYSTEM
from core.errors import N_
from points.proof.checks import Check


def unaudited(table: str, moment: str, person: str, by: str = "") -> str:
    """Return the query for changes of half a year that no audit row of that moment knows of.

    ``by`` is who ran the use case, where it is not the person of the row.
    """
    return f"""
    SELECT {table}.id AS what FROM {table} LEFT JOIN audit_events
        ON audit_events.at = {table}.{moment} AND audit_events.actor = {by or f"{table}.{person}"}
    WHERE {table}.{moment} >= :kept_since AND {table}.{person} IS NOT NULL
        AND audit_events.id IS NULL"""  # noqa: S608 - names of this project's own


# What the night settles stays in the name of who recorded it.
SETTLER = f"CASE WHEN transfers.act = 'award' THEN '{SYSTEM.person.hex}' ELSE transfers.actor END"

# Staff note a help, whoever gives the word runs the use case that awards it.
GIVER = """CASE WHEN awards.source_kind = 'help' THEN (
        SELECT confirmed_by FROM neighbour_helps WHERE neighbour_helps.id = awards.source_id
            AND neighbour_helps.recorded_by = awards.recorded_by
    ) ELSE awards.recorded_by END"""

# Of attendance ``activities.verify`` knows who was there.
NOT_ATTENDED = " AND awards.source_kind <> 'session'"

AUDITED: tuple[Check, ...] = (
    Check(
        "audited transfers",
        "transfers were posted by nobody who ran a use case then",
        unaudited("transfers", "posted_at", "actor", SETTLER),
        title=N_("每笔流水都有办理记录"),
        changed="rows",
    ),
    Check(
        "audited awards",
        "awards were recorded by nobody who ran a use case then",
        unaudited("awards", "created_at", "recorded_by", GIVER) + NOT_ATTENDED,
        table="awards",
        title=N_("每次发放都有登记记录"),
        changed="rows",
    ),
    Check(
        "audited decisions",
        "adjustments were proposed or decided by nobody who ran a use case then",
        " UNION ALL ".join(
            unaudited("adjustments", moment, person)
            for moment, person in (
                ("proposed_at", "maker"),
                ("closed_at", "checker"),
                ("waived_at", "waived_by"),
            )
        ),
        table="adjustments",
        title=N_("调整的提出和复核都有办理记录"),
        changed="night",
    ),
)
