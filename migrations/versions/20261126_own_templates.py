"""Activity templates of communities, which remember where they came from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261126_own_templates"
down_revision = "20261126_feed_retention"
branch_labels = None
depends_on = None

COLUMNS = ("community", "from_community", "from_template", "retired_at")


def upgrade() -> None:
    for name, kind in zip(
        COLUMNS,
        (sa.BigInteger(), sa.BigInteger(), sa.Text(), sa.DateTime(timezone=True)),
        strict=True,
    ):
        op.add_column("activity_templates", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    for name in reversed(COLUMNS):
        op.drop_column("activity_templates", name)
