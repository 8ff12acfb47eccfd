"""Many rows, or many values, in one trip to the server, where there is one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import ARRAY, Table, TextClause, any_, bindparam, insert, literal, text
from sqlalchemy.dialects import postgresql

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection
    from sqlalchemy.orm import InstrumentedAttribute

    from core.work import Work

DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def among(
    connection: Connection, column: InstrumentedAttribute[Any], values: Collection[object]
) -> ColumnElement[bool]:
    """Tell the rows whose column has one of many values.

    PostgreSQL takes them as one array: the words are the same however many there are, and are
    neither put together nor read anew each time.
    """
    if connection.dialect.name == "sqlite":
        return column.in_(values)
    return column == any_(literal(list(values), ARRAY(column.type)))


def among_given(
    column: InstrumentedAttribute[Any], name: str, *, is_sqlite: bool
) -> ColumnElement[bool]:
    """Tell the same by a named list, for a statement that is made once."""
    if is_sqlite:
        return column.in_(bindparam(name, expanding=True))
    return column == any_(bindparam(name, type_=ARRAY(column.type)))


def as_json(rows: Sequence[Mapping[str, object]]) -> str:
    """Return rows as PostgreSQL reads them: ids and moments as their text."""
    return orjson.dumps(rows).decode()


def insert_many(work: Work, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows that all name the same columns.

    PostgreSQL takes them as one value, at a third of what a statement for each would cost.
    """
    if not rows:
        return
    if work.is_sqlite:
        work.connection.execute(insert(table), rows)
        return
    statement = _statement(table, tuple(rows[0]))
    work.connection.execute(statement, {"rows": as_json(rows)})


@lru_cache(maxsize=32)
def _statement(table: Table, names: tuple[str, ...]) -> TextClause:
    quoted = {name: DIALECT.identifier_preparer.quote(name) for name in names}
    listed = ", ".join(quoted.values())
    typed = ", ".join(
        f"{word} {table.c[name].type.compile(DIALECT)}" for name, word in quoted.items()
    )
    return text(
        f"INSERT INTO {table.name} ({listed}) SELECT {listed}"  # noqa: S608 - our own names
        f" FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given ({typed})",
    )
