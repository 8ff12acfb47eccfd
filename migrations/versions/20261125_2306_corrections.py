"""Corrections: what somebody says is wrong, and the community's answer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261125_corrections"
down_revision = "20261124_1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "corrections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("household", sa.Uuid(), nullable=True),
        sa.Column("entered_by", sa.Uuid(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer_by", sa.Date(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("answerer_household", sa.Uuid(), nullable=True),
        sa.Column("effect", sa.Uuid(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'answered') = (outcome IS NOT NULL AND answer IS NOT NULL"
            " AND answered_by IS NOT NULL)",
            name=op.f("ck_corrections_answered"),
        ),
        sa.CheckConstraint(
            "(state = 'open') = (closed_at IS NULL)", name=op.f("ck_corrections_closed")
        ),
        sa.CheckConstraint("kind IN ('line', 'objection')", name=op.f("ck_corrections_kind")),
        sa.CheckConstraint(
            "outcome IS NULL OR outcome IN ('explained', 'adjusted', 'reversed')",
            name=op.f("ck_corrections_outcome"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'answered', 'withdrawn')", name=op.f("ck_corrections_state")
        ),
        sa.CheckConstraint(
            "answered_by IS NULL OR answered_by <> asked_by",
            name=op.f("ck_corrections_not_own"),
        ),
        sa.CheckConstraint(
            "answerer_household IS NULL OR household IS NULL OR answerer_household <> household",
            name=op.f("ck_corrections_not_own_household"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
    )
    op.create_index(
        op.f("ix_corrections_asked_by_opened_at"), "corrections", ["asked_by", "opened_at"]
    )
    op.create_index(
        op.f("ix_corrections_community_state_answer_by"),
        "corrections",
        ["community", "state", "answer_by"],
    )
    op.create_index(op.f("ix_corrections_subject"), "corrections", ["subject"])
    op.create_index(
        "uq_corrections_open",
        "corrections",
        ["subject", "asked_by"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )


def downgrade() -> None:
    op.drop_table("corrections")
