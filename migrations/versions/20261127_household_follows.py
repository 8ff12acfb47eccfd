"""The end of a place says whether the household's points and counts went along."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261127_household_follows"
down_revision = "20261127_closing_moment"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "resident_ends",
        sa.Column("household_follows", sa.Boolean(), server_default=sa.false(), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("resident_ends", "household_follows")
