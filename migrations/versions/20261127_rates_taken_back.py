"""A published rate is taken back by a proposal of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261127_rates_taken_back"
down_revision = "20261126_cancel_reason"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("rate_proposals", schema=None) as batch_op:
        batch_op.add_column(sa.Column("withdraws", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_rate_proposals_withdraws"), "rate_proposals", ["withdraws"], ["id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("rate_proposals", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_rate_proposals_withdraws"), type_="foreignkey")
        batch_op.drop_column("withdraws")
