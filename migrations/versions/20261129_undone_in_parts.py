"""What was spent comes back in parts, and what several paid together in parts of each share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261129_undone_in_parts"
down_revision = "20261128_household_caps"
branch_labels = None
depends_on = None

ONCE = "original IS NOT NULL AND state IN ('proposed', 'posted')"
UNDOING = "original IS NOT NULL AND (state = 'proposed' OR state = 'posted' AND amount < 0)"
# What several paid was undone whole, or is to be: all that they paid, named by its first line.
TOGETHER = """
    UPDATE adjustments SET
        together = (SELECT sum(act.amount) FROM transfers AS line
            JOIN transfers AS act ON act.journal = line.journal
            WHERE line.id = adjustments.original AND act.debit > 0 AND act.act <> 'reversal'),
        original = (SELECT act.id FROM transfers AS line
            JOIN transfers AS act ON act.journal = line.journal
            WHERE line.id = adjustments.original AND act.debit > 0 AND act.act <> 'reversal'
            ORDER BY act.debit, act.debit_version LIMIT 1)
    WHERE act = 'reversal' AND amount > 0 AND (SELECT count(DISTINCT act.debit)
        FROM transfers AS line JOIN transfers AS act ON act.journal = line.journal
        WHERE line.id = adjustments.original AND act.debit > 0) > 1"""


def upgrade() -> None:
    with op.batch_alter_table("reversals") as table:
        table.add_column(
            sa.Column("part", sa.Integer(), server_default=sa.text("0"), nullable=False)
        )
        table.drop_constraint("pk_reversals", type_="primary")
        table.create_primary_key("pk_reversals", ["original", "part"])
    op.add_column("adjustments", sa.Column("together", sa.BigInteger(), nullable=True))
    op.drop_index("uq_adjustments_original", "adjustments")
    op.execute("UPDATE adjustments SET together = abs(amount)")
    op.execute(TOGETHER)
    with op.batch_alter_table("adjustments") as table:
        table.alter_column("together", existing_type=sa.BigInteger(), nullable=False)
        table.create_check_constraint(
            "together",
            "together >= abs(amount) AND (original IS NOT NULL OR together = abs(amount))",
        )
    op.create_index("ix_adjustments_original", "adjustments", ["original"])
    op.create_index(
        "uq_adjustments_original",
        "adjustments",
        ["original"],
        unique=True,
        sqlite_where=sa.text(UNDOING),
        postgresql_where=sa.text(UNDOING),
    )


def downgrade() -> None:
    """Go back to once: there is no way where something came back in several parts."""
    op.drop_index("uq_adjustments_original", "adjustments")
    op.drop_index("ix_adjustments_original", "adjustments")
    with op.batch_alter_table("adjustments") as table:
        table.drop_constraint(table.f("ck_adjustments_together"), type_="check")
        table.drop_column("together")
    op.create_index(
        "uq_adjustments_original",
        "adjustments",
        ["original"],
        unique=True,
        sqlite_where=sa.text(ONCE),
        postgresql_where=sa.text(ONCE),
    )
    with op.batch_alter_table("reversals") as table:
        table.drop_constraint("pk_reversals", type_="primary")
        table.create_primary_key("pk_reversals", ["original"])
        table.drop_column("part")
