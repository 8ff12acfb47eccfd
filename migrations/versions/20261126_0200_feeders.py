"""Feeders: what they may record, what became of their items, and hours from elsewhere."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261126_feeders"
down_revision = "20261126_copied"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feeders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scope_kind", sa.Text(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("secret_cipher", sa.Text(), nullable=False),
        sa.Column("secret_by", sa.Uuid(), nullable=False),
        sa.Column("secret_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_by", sa.Uuid(), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('device', 'platform', 'city')", name=op.f("ck_feeders_kind")),
        sa.CheckConstraint(
            "scope_kind IN ('community', 'subdistrict', 'district')", name=op.f("ck_feeders_scope_kind")
        ),
        sa.CheckConstraint("state IN ('waiting', 'active', 'stopped')", name=op.f("ck_feeders_state")),
        sa.CheckConstraint(
            "state <> 'active' OR confirmed_by IS NOT NULL", name=op.f("ck_feeders_confirmed")
        ),
        sa.CheckConstraint("confirmed_by <> secret_by", name=op.f("ck_feeders_two_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feeders")),
        sa.UniqueConstraint("name", name=op.f("uq_feeders_name")),
    )
    op.create_table(
        "feed_items",
        sa.Column("feeder", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("award", sa.Uuid(), nullable=True),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('recorded', 'capped')", name=op.f("ck_feed_items_state")),
        sa.CheckConstraint(
            "(state = 'recorded') = (award IS NOT NULL)", name=op.f("ck_feed_items_award")
        ),
        sa.ForeignKeyConstraint(["feeder"], ["feeders.id"], name=op.f("fk_feed_items_feeder")),
        sa.PrimaryKeyConstraint("feeder", "key", name=op.f("pk_feed_items")),
    )
    op.create_table(
        "feed_batches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("feeder", sa.Uuid(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("recorded", sa.Integer(), nullable=False),
        sa.Column("existed", sa.Integer(), nullable=False),
        sa.Column("capped", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["feeder"], ["feeders.id"], name=op.f("fk_feed_batches_feeder")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_batches")),
    )
    op.create_index(op.f("ix_feed_batches_feeder_last_at"), "feed_batches", ["feeder", "last_at"])
    op.create_table(
        "imported_hours",
        sa.Column("award", sa.Uuid(), nullable=False),
        sa.Column("resident", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_imported_hours_window")),
        sa.PrimaryKeyConstraint("award", name=op.f("pk_imported_hours")),
    )
    op.create_index(
        op.f("ix_imported_hours_resident_starts_at"), "imported_hours", ["resident", "starts_at"]
    )


def downgrade() -> None:
    op.drop_table("imported_hours")
    op.drop_table("feed_batches")
    op.drop_table("feed_items")
    op.drop_table("feeders")
