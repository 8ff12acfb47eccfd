"""Activities remember which one they were copied from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261126_copied"
down_revision = "20261126_bulletins"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("activities", sa.Column("copied_from", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("activities", "copied_from")
