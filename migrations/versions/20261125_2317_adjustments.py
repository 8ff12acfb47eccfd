"""Adjustments: what one staff member proposes to change and another decides."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261125_adjustments"
down_revision = "20261125_rules"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "adjustments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("book", sa.BigInteger(), nullable=False),
        sa.Column("points_kind", sa.Text(), nullable=False),
        sa.Column("holder_kind", sa.Text(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=True),
        sa.Column("household", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("original", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("correction", sa.Uuid(), nullable=True),
        sa.Column("maker", sa.Uuid(), nullable=False),
        sa.Column("maker_role", sa.Text(), nullable=False),
        sa.Column("maker_household", sa.Uuid(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checker", sa.Uuid(), nullable=True),
        sa.Column("checker_role", sa.Text(), nullable=True),
        sa.Column("checker_household", sa.Uuid(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("posted", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lapsed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("shortage", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("voided", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("collected", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("waiver", sa.Text(), nullable=True),
        sa.Column("waived_by", sa.Uuid(), nullable=True),
        sa.Column("waived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(act = 'reversal') = (original IS NOT NULL)", name=op.f("ck_adjustments_original")
        ),
        sa.CheckConstraint(
            "(state = 'proposed') = (closed_at IS NULL)", name=op.f("ck_adjustments_closed")
        ),
        sa.CheckConstraint(
            "(state = 'refused') = (refusal IS NOT NULL)", name=op.f("ck_adjustments_refusal")
        ),
        sa.CheckConstraint(
            "(state IN ('posted', 'refused')) = (checker IS NOT NULL)",
            name=op.f("ck_adjustments_checker"),
        ),
        sa.CheckConstraint("act IN ('adjustment', 'reversal')", name=op.f("ck_adjustments_act")),
        sa.CheckConstraint(
            "posted + lapsed + shortage + voided = CASE WHEN state = 'posted' THEN abs(amount) ELSE 0 END",
            name=op.f("ck_adjustments_whole"),
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'posted', 'refused', 'withdrawn')",
            name=op.f("ck_adjustments_state"),
        ),
        sa.CheckConstraint(
            "(maker_household IS NULL OR maker_household <> household) AND (checker_household IS NULL OR checker_household <> household)",
            name=op.f("ck_adjustments_not_own_household"),
        ),
        sa.CheckConstraint(
            "(waived_at IS NULL) = (waiver IS NULL) AND (waived_at IS NULL) = (waived_by IS NULL)",
            name=op.f("ck_adjustments_waived"),
        ),
        sa.CheckConstraint(
            "amount < 0 OR lapsed + shortage + voided = 0", name=op.f("ck_adjustments_given")
        ),
        sa.CheckConstraint(
            "amount <> 0 AND abs(amount) <= 100000", name=op.f("ck_adjustments_amount")
        ),
        sa.CheckConstraint(
            "checker IS NULL OR checker <> maker", name=op.f("ck_adjustments_two_people")
        ),
        sa.CheckConstraint(
            "collected >= 0 AND collected <= shortage", name=op.f("ck_adjustments_collected")
        ),
        sa.CheckConstraint(
            "length(reason) > 0 AND length(evidence) > 0", name=op.f("ck_adjustments_words")
        ),
        sa.CheckConstraint(
            "person IS NULL OR (maker <> person AND (checker IS NULL OR checker <> person))",
            name=op.f("ck_adjustments_not_own"),
        ),
        sa.CheckConstraint(
            "posted >= 0 AND lapsed >= 0 AND shortage >= 0 AND voided >= 0",
            name=op.f("ck_adjustments_parts"),
        ),
        sa.ForeignKeyConstraint(
            ["account", "book", "points_kind"],
            ["accounts.id", "accounts.community", "accounts.points_kind"],
            name="fk_adjustments_account",
        ),
        sa.ForeignKeyConstraint(
            ["correction"], ["corrections.id"], name=op.f("fk_adjustments_correction")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adjustments")),
        sa.UniqueConstraint("key", name=op.f("uq_adjustments_key")),
    )
    op.create_index(
        op.f("ix_adjustments_account_proposed_at"), "adjustments", ["account", "proposed_at"]
    )
    op.create_index(
        op.f("ix_adjustments_community_state_proposed_at"),
        "adjustments",
        ["community", "state", "proposed_at"],
    )
    op.create_index(
        "ix_adjustments_short",
        "adjustments",
        ["community"],
        sqlite_where=sa.text("shortage > collected AND waived_at IS NULL"),
        postgresql_where=sa.text("shortage > collected AND waived_at IS NULL"),
    )
    op.create_index(
        "uq_adjustments_original",
        "adjustments",
        ["original"],
        unique=True,
        sqlite_where=sa.text("original IS NOT NULL AND state IN ('proposed', 'posted')"),
        postgresql_where=sa.text("original IS NOT NULL AND state IN ('proposed', 'posted')"),
    )


def downgrade() -> None:
    op.drop_table("adjustments")
