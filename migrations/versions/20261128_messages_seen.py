"""A message knows when its receiver has seen it in the application."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261128_messages_seen"
down_revision = "20261127_places_end"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True))
    # What was sent before there was a list to read it in is not new to anybody.
    op.execute("UPDATE outbox SET seen_at = created_at")


def downgrade() -> None:
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_column("seen_at")
