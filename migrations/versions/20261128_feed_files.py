"""A feeder's records may come in a file: a batch with a name, and what became of its rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261128_feed_files"
down_revision = "20261128_messages_seen"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("feed_batches", schema=None) as batch_op:
        batch_op.add_column(sa.Column("file", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("brought_by", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("total", sa.Integer(), nullable=True))
        batch_op.create_check_constraint(
            op.f("ck_feed_batches_file"),
            "(file IS NULL) = (brought_by IS NULL) AND (file IS NULL) = (total IS NULL)",
        )
    op.create_table(
        "feed_rows",
        sa.Column("batch", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('recorded', 'existed', 'capped', 'refused')",
            name=op.f("ck_feed_rows_outcome"),
        ),
        sa.ForeignKeyConstraint(["batch"], ["feed_batches.id"], name=op.f("fk_feed_rows_batch")),
        sa.PrimaryKeyConstraint("batch", "number", name=op.f("pk_feed_rows")),
    )


def downgrade() -> None:
    op.drop_table("feed_rows")
    with op.batch_alter_table("feed_batches", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_feed_batches_file"), type_="check")
        batch_op.drop_column("total")
        batch_op.drop_column("brought_by")
        batch_op.drop_column("file")
