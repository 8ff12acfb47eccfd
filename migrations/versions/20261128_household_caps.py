"""A rule has caps of each person and of a household's members together, both at once.

What counted for a household counts for the one who did it as well.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261128_household_caps"
down_revision = "20261128_feed_files"
branch_labels = None
depends_on = None

TABLES = ("catalogue_rules", "community_rules", "session_parts")
PERIODS = ("day", "month", "year")

# A household has its own counters by the rules that are for households: nobody else's.
OF_PERSONS = {
    "catalogue_rules": "holder = 'resident'",
    "community_rules": "rule IN (SELECT key FROM catalogue_rules WHERE holder = 'resident')",
    "session_parts": "rule IS NOT NULL",
}
DAYS = {
    "postgresql": "CAST(CAST(awards.event_at AT TIME ZONE 'Asia/Shanghai' AS date) AS text)",
    "sqlite": "strftime('%Y-%m-%d', awards.event_at, '+8 hours')",
}
# The units of each who did what counted for a household, without what was taken back of them, and
# of whoever follows them since.
PERSONS = """
    WITH RECURSIVE places (award, place) AS (
        SELECT id, holder_id FROM awards WHERE counted_for IS NOT NULL AND state <> 'void'
        UNION ALL
        SELECT places.award, resident_ends.successor FROM places
        JOIN awards ON awards.id = places.award
        JOIN resident_ends ON resident_ends.resident = places.place
            AND resident_ends.successor IS NOT NULL
            AND resident_ends.recorded_at >= awards.created_at
    ), counted AS (
        SELECT places.place, awards.rule, {day} AS day,
            awards.units + awards.units * coalesce(undone.amount, 0) / awards.amount AS units
        FROM places JOIN awards ON awards.id = places.award
        LEFT JOIN adjustments AS undone ON undone.original = awards.id
            AND undone.act = 'reversal' AND undone.state = 'posted' AND undone.voided = 0
    )
    INSERT INTO rule_usage (holder_id, rule, period, used)
    SELECT place, rule, substr(day, 1, lengths.long), sum(units) FROM counted
    CROSS JOIN (SELECT 4 AS long UNION ALL SELECT 7 UNION ALL SELECT 10) AS lengths
    WHERE units > 0 GROUP BY place, rule, substr(day, 1, lengths.long)
    ON CONFLICT (holder_id, rule, period) DO UPDATE SET used = rule_usage.used {sign} excluded.used
"""


def upgrade() -> None:
    for table in TABLES:
        for period in PERIODS:
            name = f"household_cap_per_{period}"
            op.add_column(table, sa.Column(name, sa.Integer(), nullable=True))
        moved = [f"household_cap_per_{each} = cap_per_{each}" for each in PERIODS]
        left = [f"cap_per_{each} = NULL" for each in PERIODS]
        op.execute(
            f"UPDATE {table} SET {', '.join([*moved, *left])}"
            f" WHERE household_caps AND {OF_PERSONS[table]}"
        )
    for table in TABLES:
        op.drop_column(table, "household_caps")
    _count_persons("+")


def downgrade() -> None:
    """Go back to one set of caps: where a household has some, theirs."""
    _count_persons("-")
    names = [f"household_cap_per_{period}" for period in PERIODS]
    for table in TABLES:
        op.add_column(
            table,
            sa.Column(
                "household_caps", sa.Boolean(), server_default=sa.text("false"), nullable=False
            ),
        )
        moved = [f"cap_per_{each} = household_cap_per_{each}" for each in PERIODS]
        op.execute(
            f"UPDATE {table} SET household_caps = true, {', '.join(moved)}"
            f" WHERE {' OR '.join(f'{name} IS NOT NULL' for name in names)}"
        )
        for name in names:
            op.drop_column(table, name)


def _count_persons(sign: str) -> None:
    op.execute(PERSONS.format(day=DAYS[op.get_bind().dialect.name], sign=sign))
