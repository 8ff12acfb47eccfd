"""A production-like PostgreSQL with Shangcheng's places, put back to a kept state each round."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from flask import Flask
from sqlalchemy import make_url, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from app import create_app
from core import settings
from core.config import Config
from core.db import db
from core.work import Work, reading, transact
from tests import base, postgres

DATABASE = "linli_bench"
C = TypeVar("C")
R = TypeVar("R")


class Stage:
    """The application on the temporary server, as it runs in production."""

    def __init__(self, address: str, folder: Path) -> None:
        self.address = address
        self.config = Config(
            environment="production",
            database_url=postgres.url_of(address, DATABASE),
            secret_key=secrets.token_urlsafe(48),
            instance=folder,
        )
        self.app: Flask = create_app(self.config)
        postgres.recreate(address, DATABASE)
        with self.app.app_context():
            base.load(self.app)
        self.keep("base")

    def keep(self, name: str) -> None:
        """Keep the database as it is under a name, vacuumed and analysed."""
        with self.connect() as connection:
            connection.autocommit = True
            connection.execute("VACUUM ANALYZE")
        self._dispose()
        postgres.recreate(self.address, f"{DATABASE}_{name}", DATABASE)

    def reset(self, name: str = "base") -> None:
        """Go back to what was kept; both sides of a round begin here."""
        self._dispose()
        postgres.recreate(self.address, DATABASE, f"{DATABASE}_{name}")

    def _dispose(self) -> None:
        with self.app.app_context():
            db.engine.dispose()
            settings.forget()

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """Open a bare connection to the application's database."""
        url = make_url(self.config.database_url)
        return psycopg.connect(
            host=str(url.query["host"]),
            user=url.username,
            dbname=url.database,
        )

    def run(self, use_case: Callable[[Work, C], R], command: C) -> R:
        """Run a use case as the system."""
        with self.app.app_context():
            return transact(use_case, command)

    def communities(self) -> list[int]:
        """Return the codes of the district's communities."""
        with self.app.app_context(), reading() as connection:
            rows = connection.execute(text("SELECT code FROM communities ORDER BY code"))
            return [int(row.code) for row in rows]


def plain(statement: Any) -> str:
    """Return a statement of the application as bare psycopg takes it."""
    return str(statement.compile(dialect=PGDialect_psycopg()))  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def production_like() -> Iterator[Stage]:
    """Run the stage on a server of its own that writes to the disk before it says so."""
    with postgres.temporary() as address, tempfile.TemporaryDirectory(prefix="linli-") as folder:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = on")
            connection.execute("SELECT pg_reload_conf()")
        stage = Stage(address, Path(folder))
        with stage.connect() as connection:
            answer = connection.execute("SHOW fsync").fetchone()
        assert answer == ("on",)
        try:
            yield stage
        finally:
            with stage.app.app_context():
                db.engine.dispose()
