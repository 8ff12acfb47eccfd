"""Sessions keep the moment at which staff ended them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261127_closing_moment"
down_revision = "20261126_own_templates"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("sessions", "closed_at")
