"""The database: base class of models, column types, and SQLite made safe for points."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    Engine,
    Integer,
    MetaData,
    Text,
    TypeDecorator,
    Uuid,
    event,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, mapped_column, registry

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.pool import ConnectionPoolEntry

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


CONNECT_SECONDS = 5


class UtcDateTime(TypeDecorator[dt.datetime]):
    """A moment in UTC; aware in Python on both databases, naive values are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self,
        value: dt.datetime | None,
        dialect: Dialect,
    ) -> dt.datetime | None:
        """Store UTC; SQLite keeps no zone, so it gets the naive UTC value."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = "a moment without a time zone was about to be stored"
            raise ValueError(message)
        utc = value.astimezone(dt.UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(
        self,
        value: dt.datetime | None,
        dialect: Dialect,
    ) -> dt.datetime | None:
        """Give back an aware UTC moment."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


Big = BigInteger().with_variant(Integer(), "sqlite")
"""BIGINT that is still a rowid where SQLite wants one."""

BigKey = Annotated[int, mapped_column(Big, primary_key=True, autoincrement=False)]
UuidKey = Annotated[UUID, mapped_column(Uuid(), primary_key=True)]
Moment = Annotated[dt.datetime, mapped_column(UtcDateTime())]
Centipoints = Annotated[int, mapped_column(BigInteger())]


class Base(DeclarativeBase):
    """Every model inherits this one; ``db.Model`` is never used."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={
            str: Text(),
            UUID: Uuid(),
            dt.datetime: UtcDateTime(),
        },
    )


db = SQLAlchemy(model_class=Base)


def engine_options(url: str) -> dict[str, Any]:
    """Pool and session settings that fit the database behind the address."""
    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": 5, "check_same_thread": False}}
    limits = (
        "-c statement_timeout=15s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s"
        " -c datestyle=ISO -c timezone=UTC"  # seals write days and moments as text
    )
    return {
        "pool_size": 8,
        "max_overflow": 8,
        "pool_pre_ping": False,
        "pool_recycle": 1800,
        # A machine that is gone answers nothing at all; TCP itself would wait for minutes.
        "connect_args": {"options": limits, "connect_timeout": CONNECT_SECONDS},
    }


@event.listens_for(Engine, "connect")
def _prepare_sqlite(raw: Any, _record: ConnectionPoolEntry) -> None:
    """Set what keeps points: WAL, full sync, foreign keys, our own BEGIN."""
    if type(raw).__module__.startswith("sqlite3"):
        raw.isolation_level = None
        # The timeout comes first, or the next pragma can fail while somebody writes.
        for pragma in (
            "busy_timeout=5000",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
        ):
            raw.execute("PRAGMA " + pragma)


def _begin_sqlite(connection: Connection) -> None:
    """Begin IMMEDIATE for writers; forbid writes outside ``transact`` altogether."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if writes else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def is_our_mistake(error: OperationalError) -> bool:
    """Whether a repeat is of no use: SQLite says so of a missing table, or a write while reading.

    PostgreSQL has classes of its own for what is wrong in a statement.
    """
    return getattr(error.orig, "sqlite_errorname", "") in {"SQLITE_ERROR", "SQLITE_READONLY"}


def init_app(app: Flask, url: str) -> None:
    """Bind ``db`` to an application and its database."""
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(url)
    db.init_app(app)
    with app.app_context():
        # Only where it is needed: an engine with a listener asks it at every statement.
        if db.engine.dialect.name == "sqlite":
            event.listen(db.engine, "begin", _begin_sqlite)
