"""Runs of expiry, accounts that end on a day, and why residents' places ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261126_expiry"
down_revision = "20261126_statements"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "expiry_runs",
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("marked", sa.Integer(), nullable=False),
        sa.Column("upto", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("accounts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("amount", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "stage IN ('lapse', 'first', 'last')", name=op.f("ck_expiry_runs_stage")
        ),
        sa.PrimaryKeyConstraint("stage", "day", name=op.f("pk_expiry_runs")),
        sa.UniqueConstraint("id", name=op.f("uq_expiry_runs_id")),
    )
    op.create_table(
        "account_ends",
        sa.Column("account", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lapse_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.id"], name=op.f("fk_account_ends_account")
        ),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_account_ends")),
    )
    op.create_table(
        "resident_ends",
        sa.Column("resident", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("successor", sa.Uuid(), nullable=True),
        sa.Column("keeps_until", sa.Date(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "reason IN ('moved', 'merged', 'deceased')", name=op.f("ck_resident_ends_reason")
        ),
        sa.CheckConstraint(
            "(reason = 'deceased') = (successor IS NULL)",
            name=op.f("ck_resident_ends_successor"),
        ),
        sa.CheckConstraint(
            "(reason = 'deceased') = (keeps_until IS NOT NULL)",
            name=op.f("ck_resident_ends_keeps_until"),
        ),
        sa.CheckConstraint("successor <> resident", name=op.f("ck_resident_ends_another")),
        sa.ForeignKeyConstraint(
            ["resident"], ["residents.id"], name=op.f("fk_resident_ends_resident")
        ),
        sa.ForeignKeyConstraint(
            ["successor"], ["residents.id"], name=op.f("fk_resident_ends_successor")
        ),
        sa.PrimaryKeyConstraint("resident", name=op.f("pk_resident_ends")),
    )
    with op.batch_alter_table("resident_ends", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_resident_ends_successor"), ["successor"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("resident_ends", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_resident_ends_successor"))

    op.drop_table("resident_ends")
    op.drop_table("account_ends")
    op.drop_table("expiry_runs")
