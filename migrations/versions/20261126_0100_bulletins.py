"""Public lists of a month and their lines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261126_bulletins"
down_revision = "20261126_expiry"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bulletins",
        sa.Column("community", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("cut_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("posted_on", sa.Date(), nullable=False),
        sa.Column("objections_until", sa.Date(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("service", sa.BigInteger(), nullable=False),
        sa.Column("basic", sa.BigInteger(), nullable=False),
        sa.Column("corrected_up", sa.BigInteger(), nullable=False),
        sa.Column("corrected_down", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "lines >= 0 AND service >= 0 AND basic >= 0", name=op.f("ck_bulletins_sums")
        ),
        sa.CheckConstraint("posted_on <= objections_until", name=op.f("ck_bulletins_window")),
        sa.ForeignKeyConstraint(
            ["community"], ["communities.code"], name=op.f("fk_bulletins_community")
        ),
        sa.PrimaryKeyConstraint("community", "month", name=op.f("pk_bulletins")),
    )
    op.create_table(
        "bulletin_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("points_kind", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount > 0 AND times > 0", name=op.f("ck_bulletin_lines_amount")),
        sa.CheckConstraint(
            "points_kind IN ('basic', 'service')", name=op.f("ck_bulletin_lines_points_kind")
        ),
        sa.ForeignKeyConstraint(
            ["community", "month"],
            ["bulletins.community", "bulletins.month"],
            name="fk_bulletin_lines_bulletin",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulletin_lines")),
        sa.UniqueConstraint("community", "month", "position", name="uq_bulletin_lines_position"),
    )
    op.create_index(
        op.f("ix_bulletin_lines_holder_id_month"), "bulletin_lines", ["holder_id", "month"]
    )


def downgrade() -> None:
    op.drop_table("bulletin_lines")
    op.drop_table("bulletins")
