"""What is undone is as large as it was; only what is given or taken freely has a bound."""

from __future__ import annotations

from alembic import op

revision = "20261130_large_reversals"
down_revision = "20261129_undone_in_parts"
branch_labels = None
depends_on = None

OF_ADJUSTMENTS = "amount <> 0 AND (act = 'reversal' OR abs(amount) <= 100000)"
OF_ALL = "amount <> 0 AND abs(amount) <= 100000"


def upgrade() -> None:
    _bound(OF_ADJUSTMENTS)


def downgrade() -> None:
    """Go back to one bound for all: there is no way where something larger was undone."""
    _bound(OF_ALL)


def _bound(words: str) -> None:
    with op.batch_alter_table("adjustments") as table:
        table.drop_constraint(table.f("ck_adjustments_amount"), type_="check")
        table.create_check_constraint("amount", words)
