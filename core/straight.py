"""Statements of the hot paths, handed to psycopg as they are.

The way through SQLAlchemy costs about three times what psycopg's own does, which is most of what
a short statement costs. The embedded database is slower in other places and keeps the plain way.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import OperationalError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Executable

LATE = "POSTCOMPILE"
"""What SQLAlchemy leaves in a statement for lists whose length it does not know yet."""


def plain(statement: Executable) -> str:
    """Return a statement as psycopg takes it."""
    return str(_compiled(statement))


def _compiled(statement: Executable) -> Any:
    dialect: Any = PGDialect_psycopg()  # type: ignore[no-untyped-call]
    return statement.compile(dialect=dialect)  # type: ignore[attr-defined]


def _row_of(names: tuple[str, ...]) -> type[Any]:
    return namedtuple("Row", names)  # noqa: PYI024 - its columns are known when it runs first


class Straight:
    """A statement that is compiled once; its parameters are given by name, at most fifty of them.

    Moments come back in UTC, because connections say so (``core.db``).
    """

    def __init__(self, statement: Executable) -> None:
        made = _compiled(statement)
        self._statement = statement
        self._sql = str(made)
        if LATE in self._sql:
            message = f"a list can't go straight to psycopg: {self._sql}"
            raise ValueError(message)
        self._constants = {name: value for name, value in made.params.items() if value is not None}
        self._row: type[Any] | None = None

    def first(self, connection: Connection, values: Mapping[str, object]) -> Any:
        """Run it and return its first row, its columns by name, or None.

        Raises SQLAlchemy's OperationalError, and what else psycopg raises as it is.
        """
        if connection.dialect.name == "sqlite":
            return connection.execute(self._statement, values).first()
        line: Any = connection.connection.driver_connection
        given = {**self._constants, **values}
        try:
            cursor = line.execute(self._sql, given)
        except psycopg.OperationalError as error:
            was_cut = line.closed
            if was_cut:
                # As SQLAlchemy does: what was cut for one is cut for all that wait in the pool.
                connection.invalidate()
                connection.engine.dispose()
            raise OperationalError(
                self._sql, None, error, connection_invalidated=was_cut
            ) from error
        row = cursor.fetchone()
        if row is None:
            return None
        if self._row is None:
            self._row = _row_of(tuple(column.name for column in cursor.description))
        return self._row._make(row)
