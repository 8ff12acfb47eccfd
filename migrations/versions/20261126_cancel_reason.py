"""Sessions keep why they were cancelled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261126_cancel_reason"
down_revision = "20261126_shared_orders"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("cancel_reason", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("sessions", "cancel_reason")
