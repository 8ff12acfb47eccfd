"""Alembic's environment: online only, on the application's own engine."""

from __future__ import annotations

from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import Connection, text

from core.db import Base, UtcDateTime, db

LIMITS = ("SET LOCAL lock_timeout = '4s'", "SET LOCAL statement_timeout = '60s'")


def _render(kind: str, item: object, _context: object) -> str | bool:
    """Write our moment type as the plain one it is in the database: migrations import no code."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def _migrate(connection: Connection) -> None:
    options: dict[str, Any] = {
        "target_metadata": Base.metadata,
        "render_as_batch": True,
        "compare_type": True,
        "render_item": _render,
    }
    context.configure(connection=connection, **options)
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            # A migration that waits for a lock makes everybody behind it wait as well.
            for limit in LIMITS:
                connection.execute(text(limit))
        context.run_migrations()


with current_app.app_context(), db.engine.connect().execution_options(writes=True) as opened:
    _migrate(opened)
