"""Fixtures that every test may use.

``app``       the application on a fresh database; a test that asks for it runs on SQLite and on
              PostgreSQL. ``@pytest.mark.database("postgresql")`` collects it for one only.
``client``    a browser without cookies. ``clock``: the application's clock; ``clock.set(…)``,
              ``clock.advance(hours=1)``. It begins on Tuesday 2026-11-24 at 10:00 in Hangzhou.
``run``       run(use_case, command, actor=SYSTEM) inside an application context.
``ask``       ask(query, *args): run a query function with a read connection in front.
``statements``  a list that collects every SQL statement of the block: ``with statements() as s``.

``cast``      the people of ``tests/people.py``, made through the use cases.

Shangcheng's places and the defaults are loaded.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event

from app import create_app
from core import settings
from core.acts import SYSTEM, Actor
from core.config import Config
from core.db import db
from core.server import collect_seldom
from core.work import Work, reading, transact
from tests import base, contract, postgres, templates
from tests.people import People, make

DATABASES = ("sqlite", "postgresql")
SERVER = "LINLI_TEST_POSTGRESQL"
START = dt.datetime(2026, 11, 24, 2, 0, tzinfo=dt.UTC)
MEMORY = "/dev/shm"  # noqa: S108 - a folder of our own is made in it
ROOM = 3 * 2**30
C = TypeVar("C")
R = TypeVar("R")


class Clock:
    """A clock that stands still until it is told to move."""

    def __init__(self, now: dt.datetime) -> None:
        self.now = now

    def __call__(self) -> dt.datetime:
        return self.now

    def set(self, now: dt.datetime) -> None:
        """Go to a moment."""
        self.now = now

    def advance(self, **span: float) -> None:
        """Go forward by a span of time."""
        self.now += dt.timedelta(**span)


class Stage:
    """One application on one kind of database, with a template that each test starts from."""

    def __init__(self, kind: str, folder: Path, address: str | None, worker: str) -> None:
        self.kind, self.folder, self.address = kind, folder, address
        self.name = f"linli_{worker}"
        self.file = folder / f"{self.name}.sqlite"
        self.clock = Clock(START)
        self.app = create_app(self.config())
        self.app.extensions["linli"].clock = self.clock
        contract.keep(self.app)
        templates.be_strict(self.app)
        self.people: People | None = None
        self.stands_at = "template"
        self.kept: dict[str, dt.datetime] = {}
        self._make_template()

    def config(self) -> Config:
        """Return the configuration of the application under test."""
        url = f"sqlite:///{self.file}"
        if self.address:
            url = postgres.url_of(self.address, self.name)
        return Config(
            environment="test",
            database_url=url,
            secret_key="a-secret-that-is-only-good-for-tests-0123456789",
            instance=self.folder / "instance",
        )

    def _make_template(self) -> None:
        if self.address:
            postgres.recreate(self.address, self.name)
        with self.app.app_context():
            base.load(self.app)
        self._keep("template")

    def _keep(self, name: str) -> None:
        """Keep the database as it is under a name."""
        with self.app.app_context():
            db.engine.dispose()
        if self.address:
            postgres.recreate(self.address, f"{self.name}_{name}", self.name)
        else:
            shutil.copy(self.file, self.file.with_suffix(f".{name}"))

    def reset(self, name: str = "template") -> None:
        """Go back to what was kept under a name."""
        with self.app.app_context():
            db.engine.dispose()
            settings.forget()
        self.clock.set(START)
        self.stands_at = name
        if self.address:
            postgres.recreate(self.address, self.name, f"{self.name}_{name}")
            return
        for suffix in ("-wal", "-shm"):
            Path(f"{self.file}{suffix}").unlink(missing_ok=True)
        shutil.copy(self.file.with_suffix(f".{name}"), self.file)

    def reset_with_people(self) -> None:
        """Go back to the people of ``tests/people.py``, made once for each kind of database."""
        if self.people is None:
            self.reset()
            self.people = make(self.app)
            self._keep("people")
        self.reset("people")

    def live(self, name: str, lived: Callable[[], None]) -> None:
        """Let time go by from where a test starts; what was lived once is kept under a name."""
        name = f"{self.stands_at}_{name}"
        if name not in self.kept:
            lived()
            self._keep(name)
            self.kept[name] = self.clock.now
        self.reset(name)
        self.clock.set(self.kept[name])


def memory() -> str | None:
    """Return where databases cost no disk, if there is room: tests kill processes, no machine."""
    roomy = Path(MEMORY).is_dir() and shutil.disk_usage(MEMORY).free > ROOM
    return MEMORY if roomy else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run on both databases, unless a mark names one: nothing is ever skipped."""
    if "database" in metafunc.fixturenames:
        named = metafunc.definition.get_closest_marker("database")
        metafunc.parametrize("database", named.args if named else DATABASES, indirect=True)


def pytest_configure(config: pytest.Config) -> None:
    """Start the run's PostgreSQL once; workers get its address from the environment."""
    if SERVER in os.environ:
        return
    running = contextlib.ExitStack()
    os.environ[SERVER] = running.enter_context(postgres.temporary(memory()))
    config.add_cleanup(running.close)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long tests on both workers: one that began last would leave the other idle.

    Each worker gets one half of the list, and steals from the end of the other's.
    """
    long = [item for item in items if item.get_closest_marker("long")]
    short = [item for item in items if not item.get_closest_marker("long")]
    first, second = long[::2], long[1::2]
    half = max(0, len(items) // 2 - len(first))
    items[:] = [*first, *short[:half], *second, *short[half:]]


def pytest_collection_finish() -> None:
    """Let Python's collector leave alone what was loaded: it took an eighth of the time."""
    collect_seldom()


@pytest.fixture(scope="session")
def stages() -> Iterator[dict[str, Stage]]:
    """The applications made so far, by kind of database."""
    made: dict[str, Stage] = {}
    yield made
    for stage in made.values():
        with stage.app.app_context():
            db.engine.dispose()


@pytest.fixture(scope="session")
def room() -> Iterator[Path]:
    """Where this process keeps its applications' files."""
    with tempfile.TemporaryDirectory(prefix="linli-", dir=memory()) as made:
        yield Path(made)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """Which database this test runs on."""
    return str(request.param)


@pytest.fixture
def stage(
    request: pytest.FixtureRequest,
    database: str,
    stages: dict[str, Stage],
    room: Path,
) -> Stage:
    """The application's stage, reset to its template, with people where the test has a cast."""
    if database not in stages:
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        found = os.environ[SERVER] if database == "postgresql" else None
        own = room / database
        own.mkdir()
        stages[database] = Stage(database, own, found, worker)
    if "cast" in request.fixturenames:
        stages[database].reset_with_people()
    else:
        stages[database].reset()
    return stages[database]


@pytest.fixture
def cast(stage: Stage) -> People:
    """Everybody of ``tests/people.py``, already in the database."""
    assert stage.people is not None
    return stage.people.again()


@pytest.fixture
def app(stage: Stage) -> Flask:
    """The application on a fresh database."""
    return stage.app


@pytest.fixture
def clock(stage: Stage) -> Clock:
    """The application's clock."""
    return stage.clock


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without cookies."""
    return app.test_client()


@pytest.fixture
def run(app: Flask) -> Callable[..., Any]:
    """Run a use case as an actor (default: the system)."""

    def call(use_case: Callable[[Work, C], R], command: C, actor: Actor = SYSTEM) -> R:
        with app.app_context():
            return transact(use_case, command, actor)

    return call


@pytest.fixture
def ask(app: Flask) -> Callable[..., Any]:
    """Ask a query function, whose first argument is a read connection."""

    def call(query: Callable[..., R], *args: object, **named: object) -> R:
        with app.app_context(), reading() as connection:
            return query(connection, *args, **named)

    return call


@pytest.fixture
def statements(app: Flask) -> Callable[[], contextlib.AbstractContextManager[list[str]]]:
    """Collect the SQL statements of a block."""

    @contextlib.contextmanager
    def collect() -> Iterator[list[str]]:
        seen: list[str] = []

        def note(*args: Any) -> None:
            seen.append(str(args[2]))

        event.listen(Engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(Engine, "before_cursor_execute", note)

    return collect
