"""Answers to feeders are forgotten after half a year: an index for what is due."""

from __future__ import annotations

from alembic import op

revision = "20261126_feed_retention"
down_revision = "20261127_rates_taken_back"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_feed_items_recorded_at"), "feed_items", ["recorded_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_feed_items_recorded_at"), table_name="feed_items")
