"""The database of a test seen past the application: sqlite3 or psycopg, and SQL written apart."""

from __future__ import annotations

import sqlite3
from typing import Any, Self

import psycopg

from tests import postgres
from tests.conftest import Stage

REFUSALS = (sqlite3.IntegrityError, psycopg.errors.IntegrityError)
"""What a constraint of the database raises."""


class Raw:
    """A connection that commits each statement, with the guards that the database itself has."""

    def __init__(self, stage: Stage) -> None:
        self.connection: sqlite3.Connection | psycopg.Connection[Any]
        if stage.address:
            address = postgres.url_of(stage.address, stage.name)
            self.connection = psycopg.connect(
                address.replace("postgresql+psycopg", "postgresql"), autocommit=True
            )
        else:
            self.connection = sqlite3.connect(stage.file, isolation_level=None, timeout=30)
            self.connection.execute("PRAGMA foreign_keys = ON")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def execute(self, statement: str) -> int:
        """Run a statement; returns how many rows it touched."""
        return int(self.connection.execute(statement).rowcount)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        found = self.connection.execute(statement)
        return [tuple(row) for row in found.fetchall()]

    def number(self, statement: str) -> int:
        """Return the one number of a query."""
        return int(self.rows(statement)[0][0])
