"""A production-like PostgreSQL with Shangcheng's places, put back to a kept state each round."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from flask import Flask
from sqlalchemy import make_url, text

from app import create_app
from core import settings
from core.config import Config
from core.db import db
from core.work import Work, reading, transact
from tests import base, postgres

DATABASE = "linli_bench"

QUARTER = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4
SERVER = {
    "fsync": "on",
    "shared_buffers": f"{QUARTER >> 20}MB",
    "max_wal_size": "8GB",
}
"""What docs/operations.md asks for: a quarter of the memory, and room for the log of a night."""

C = TypeVar("C")
R = TypeVar("R")


class Stage:
    """The application on the temporary server, as it runs in production."""

    def __init__(self, address: str, config: Config, database: str = DATABASE) -> None:
        self.address, self.database = address, database
        self.config = replace(config, database_url=postgres.url_of(address, database))
        self.app: Flask = create_app(self.config)

    def build(self) -> None:
        """Migrate, and import the places."""
        postgres.recreate(self.address, self.database)
        with self.app.app_context():
            base.load(self.app)
        self.keep("base")

    def beside(self, name: str) -> Stage:
        """Return the application on a database of its own, as it was at the beginning."""
        other = Stage(self.address, self.config, f"{self.database}_{name}")
        postgres.recreate(self.address, other.database, f"{self.database}_base")
        return other

    def keep(self, name: str) -> None:
        """Keep the database as it is under a name, vacuumed and analysed."""
        self.tidy()
        self.leave()
        postgres.recreate(self.address, f"{self.database}_{name}", self.database)

    def tidy(self) -> None:
        """Vacuum and analyse, and write to the disk what waits for a checkpoint."""
        with self.connect() as connection:
            connection.autocommit = True
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")

    def reset(self, name: str = "base") -> None:
        """Go back to what was kept; both sides of a round begin here."""
        self.leave()
        postgres.recreate(self.address, self.database, f"{self.database}_{name}")

    def drop(self, name: str) -> None:
        """Forget what was kept under a name: it is too large to lie about."""
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{self.database}_{name}" WITH (FORCE)'.encode())

    def leave(self) -> None:
        """Hang up, as before a fork or where the database is about to go."""
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

    def run(self, use_case: Callable[[Work, C], R], command: C, at: dt.datetime | None = None) -> R:
        """Run a use case as the system, now or at an earlier moment."""
        with self.app.app_context():
            return transact(use_case, command, clock=(lambda: at) if at else None)

    def communities(self) -> list[int]:
        """Return the codes of the district's communities."""
        with self.app.app_context(), reading() as connection:
            rows = connection.execute(text("SELECT code FROM communities ORDER BY code"))
            return [int(row.code) for row in rows]


def config(folder: Path) -> Config:
    """Return the configuration of a production with everything of its own."""
    return Config(
        environment="production",
        database_url=f"sqlite:///{folder}/linli.sqlite",
        secret_key=secrets.token_urlsafe(48),
        instance=folder,
    )


@contextlib.contextmanager
def embedded() -> Iterator[tuple[Flask, Path]]:
    """Make the application on an embedded database with the places in it; gives its file too."""
    with tempfile.TemporaryDirectory(prefix="linli-") as folder:
        app = create_app(config(Path(folder)))
        with app.app_context():
            base.load(app)
            try:
                yield app, Path(folder) / "linli.sqlite"
            finally:
                db.engine.dispose()


@contextlib.contextmanager
def production_like() -> Iterator[Stage]:
    """Run the stage on a server of its own that writes to the disk before it says so."""
    with (
        postgres.temporary(settings=SERVER) as address,
        tempfile.TemporaryDirectory(prefix="linli-") as folder,
    ):
        stage = Stage(address, config(Path(folder)))
        stage.build()
        with stage.connect() as connection:
            answer = connection.execute("SHOW fsync").fetchone()
        assert answer == ("on",)
        try:
            yield stage
        finally:
            with stage.app.app_context():
                db.engine.dispose()
