"""Orders that several of a household pay: when a share was taken, and who agreed to it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261126_shared_orders"
down_revision = "20261126_feeders"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("order_payments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("agreed_by", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("confirmation", sa.Text(), nullable=True))
    op.execute(
        "UPDATE order_payments SET taken_at = (SELECT submitted_at FROM orders"
        ' WHERE orders.id = order_payments."order")',
    )
    with op.batch_alter_table("order_payments", schema=None) as batch_op:
        batch_op.create_foreign_key(
            batch_op.f("fk_order_payments_agreed_by"), "people", ["agreed_by"], ["id"]
        )
        batch_op.create_check_constraint(
            "confirmation",
            "confirmation IS NULL OR confirmation IN ('device', 'known')",
        )
        batch_op.create_check_constraint("taken", "hold IS NULL OR taken_at IS NOT NULL")
        batch_op.create_index(
            "ix_order_payments_asked",
            ["payer"],
            unique=False,
            sqlite_where=sa.text("taken_at IS NULL"),
            postgresql_where=sa.text("taken_at IS NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("order_payments", schema=None) as batch_op:
        batch_op.drop_index("ix_order_payments_asked")
        batch_op.drop_constraint(batch_op.f("ck_order_payments_taken"), type_="check")
        batch_op.drop_constraint(batch_op.f("ck_order_payments_confirmation"), type_="check")
        batch_op.drop_constraint(batch_op.f("fk_order_payments_agreed_by"), type_="foreignkey")
        batch_op.drop_column("confirmation")
        batch_op.drop_column("agreed_by")
        batch_op.drop_column("taken_at")
