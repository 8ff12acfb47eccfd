"""Seals of closed days, proofs of invariants, and the moment in which an award or hold is final."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261125_seals"
down_revision = "20261125_adjustments"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "seals",
        sa.Column("community", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("head", sa.Text(), nullable=False),
        sa.Column("leaves", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("rows >= 0", name=op.f("ck_seals_rows")),
        sa.PrimaryKeyConstraint("community", "day", name=op.f("pk_seals")),
    )
    op.create_table(
        "proofs",
        sa.Column("check", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.Column("table", sa.Text(), nullable=True),
        sa.Column("row", sa.Text(), nullable=True),
        sa.Column("community", sa.BigInteger(), nullable=True),
        sa.Column("day", sa.Date(), nullable=True),
        sa.CheckConstraint("scope IN ('all', 'changed')", name=op.f("ck_proofs_scope")),
        sa.CheckConstraint("times >= 0 AND rows >= 0", name=op.f("ck_proofs_counts")),
        sa.PrimaryKeyConstraint("check", "at", name=op.f("pk_proofs")),
    )
    op.create_index(op.f("ix_proofs_at"), "proofs", ["at"])
    op.add_column("awards", sa.Column("void_at", sa.DateTime(timezone=True), nullable=True))
    # What was void before had kept no moment: it counts for the day that made it.
    op.execute("UPDATE awards SET void_at = created_at WHERE state = 'void'")
    with op.batch_alter_table("awards") as awards:
        awards.create_check_constraint(
            op.f("ck_awards_void"), "(state = 'void') = (void_at IS NOT NULL)"
        )
    for name, table, column in (
        ("ix_awards_done", "awards", "done_at"),
        ("ix_awards_void", "awards", "void_at"),
        ("ix_holds_closed", "holds", "closed_at"),
    ):
        condition = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            name, table, [column], sqlite_where=condition, postgresql_where=condition
        )


def downgrade() -> None:
    op.drop_index("ix_holds_closed", "holds")
    op.drop_index("ix_awards_void", "awards")
    op.drop_index("ix_awards_done", "awards")
    with op.batch_alter_table("awards") as awards:
        awards.drop_constraint(op.f("ck_awards_void"), type_="check")
        awards.drop_column("void_at")
    op.drop_table("proofs")
    op.drop_table("seals")
