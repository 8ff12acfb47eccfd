"""What of a paper's name and address is kept, so that those can be checked, too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261201_statement_headings"
down_revision = "20261130_large_reversals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("statements", sa.Column("heading", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("statements", "heading")
