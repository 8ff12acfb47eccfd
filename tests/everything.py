"""All rows of a database, to be compared: whatever changes is seen, wherever it stands."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from core.db import db

ROWS = {
    "sqlite": "SELECT * FROM {table}",
    "postgresql": "SELECT CAST({table} AS text) FROM {table}",
}


def everything(connection: Connection) -> dict[str, list[str]]:
    """Return all rows of all tables in any order, as the driver reads them.

    Nobody reads them, so that nothing is made of what stands there: that took most of the time.
    """
    query = ROWS[connection.dialect.name]
    line: Any = connection.connection.driver_connection
    return {
        table.name: sorted(map(repr, line.execute(query.format(table=table.name))))
        for table in db.metadata.sorted_tables
    }
