"""Raw SQL past all code, against a constraint of the database that has to refuse it."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from core.db import db


def refused(app: Flask, fence: str, sql: str, **values: object) -> None:
    """Run a statement that has to end in a refusal by this very constraint."""
    with (
        app.app_context(),
        db.engine.connect().execution_options(writes=True) as connection,
        connection.begin(),
    ):
        with pytest.raises(IntegrityError) as refusal:
            connection.execute(text(sql), values)
        # SQLite names no reference that fails.
        is_named = fence.startswith("ck_") or connection.dialect.name == "postgresql"
    assert (fence if is_named else "FOREIGN KEY constraint failed") in str(refusal.value.orig)
