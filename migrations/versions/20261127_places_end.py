"""A community that is over names the one that goes on with its people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261127_places_end"
down_revision = "20261127_household_follows"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("communities", sa.Column("successor", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("communities", "successor")
