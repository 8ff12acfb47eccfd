"""Statements that were handed out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261126_statements"
down_revision = "20261125_seals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "statements",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("holder_kind", sa.Text(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=False),
        sa.Column("points_kind", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("through", sa.BigInteger(), nullable=False),
        sa.Column("opening", sa.BigInteger(), nullable=False),
        sa.Column("added", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("closing", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "holder_kind IN ('resident', 'household', 'community')", name=op.f("ck_statements_of")
        ),
        sa.CheckConstraint(
            "points_kind IN ('basic', 'service')", name=op.f("ck_statements_points_kind")
        ),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_statements_period")),
        sa.CheckConstraint("opening + added - taken = closing", name=op.f("ck_statements_balanced")),
        sa.CheckConstraint(
            "added >= 0 AND taken >= 0 AND entries >= 0", name=op.f("ck_statements_sums")
        ),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.code"], name=op.f("fk_statements_community")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_statements")),
        sa.UniqueConstraint("digest", name=op.f("uq_statements_digest")),
    )
    op.create_index(op.f("ix_statements_community_issued_at"), "statements", ["community", "issued_at"])
    op.create_index(op.f("ix_statements_holder_id_issued_at"), "statements", ["holder_id", "issued_at"])


def downgrade() -> None:
    op.drop_table("statements")
