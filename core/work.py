"""The transaction: the only commit, the only clock and the only source of ids."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from flask import current_app, g, has_app_context, has_request_context, request
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from core import audit
from core.acts import SYSTEM, Actor
from core.config import ConfigInvalid
from core.db import db
from core.errors import AppError, Busy
from core.ids import uuid7

if TYPE_CHECKING:
    from sqlalchemy import Connection, RootTransaction

    from core.config import Config

log = logging.getLogger(__name__)
C = TypeVar("C")
R = TypeVar("R")
Clock = Callable[[], dt.datetime]
Subscribers = dict[type[Any], tuple[Callable[["Work", Any], None], ...]]

SHANGHAI = ZoneInfo("Asia/Shanghai")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
ATTEMPTS_MIN = 4
WORK_SECONDS_MAX = 60.0
RETRIED_STATES = frozenset({"23505", "40001", "40P01", "55P03"})


def system_clock() -> dt.datetime:
    """Return the present moment in UTC."""
    return dt.datetime.now(dt.UTC)


def clock_from(setting: str | None) -> Clock:
    """Read LINLI_CLOCK: a fixed instant (ISO 8601 with zone) or an offset in seconds (+86400).

    Raises ConfigInvalid.
    """
    if not setting:
        return system_clock
    try:
        if setting[0] in "+-":
            offset = dt.timedelta(seconds=float(setting))
            return lambda: system_clock() + offset
        fixed = dt.datetime.fromisoformat(setting)
    except (ValueError, OverflowError):
        fixed = None
    if fixed is None or fixed.tzinfo is None:
        message = f"LINLI_CLOCK is a moment with its zone or +seconds, not {setting!r}"
        raise ConfigInvalid(message)
    moment = fixed.astimezone(dt.UTC)
    return lambda: moment


def business_day(moment: dt.datetime) -> dt.date:
    """Return the Shanghai date of a moment."""
    return moment.astimezone(SHANGHAI).date()


@lru_cache(maxsize=512)
def day_start(day: dt.date) -> dt.datetime:
    """Return the first moment of a business day, in UTC."""
    return dt.datetime.combine(day, dt.time(), SHANGHAI).astimezone(dt.UTC)


def noon(day: dt.date) -> dt.datetime:
    """Return the moment that what somebody did on a day stands for, in UTC."""
    return day_start(day) + dt.timedelta(hours=12)


@dataclass(slots=True)
class Runtime:
    """What the composition root hands to the transaction: kept at ``app.extensions["linli"]``."""

    clock: Clock = system_clock
    subscribers: Subscribers = field(default_factory=dict)
    config: Config | None = None
    # Waiting writers of an embedded SQLite sleep in its busy handler; a lock wakes them in turn.
    writer: threading.Lock | None = None
    # Cache of ``core.settings``; here so that it lives and dies with the application.
    settings: object | None = None


def runtime() -> Runtime:
    """Return the running application's runtime."""
    found: Runtime = current_app.extensions["linli"]
    return found


def configuration() -> Config:
    """Return the configuration that the application was made with."""
    config = runtime().config
    if config is None:
        message = "create_app has not run"
        raise RuntimeError(message)
    return config


def present() -> dt.datetime:
    """Return the moment by the application's clock, for pages; use cases have ``work.now``."""
    return runtime().clock()


class Work:
    """One transaction: a Core connection, who acts, and a moment that stands still."""

    def __init__(
        self,
        connection: Connection,
        actor: Actor,
        now: dt.datetime,
        subscribers: Subscribers,
    ) -> None:
        self.connection = connection
        self.actor = actor
        self.now = now
        self.day = business_day(now)
        self.changed = True
        self.after_commit: list[Callable[[], object]] = []
        self._subscribers = subscribers

    @property
    def is_sqlite(self) -> bool:
        """Whether the embedded database is under this work."""
        return self.connection.dialect.name == "sqlite"

    @cached_property
    def session(self) -> Session:
        """An ORM session on the same connection, for use cases that are rare."""
        return Session(bind=self.connection, expire_on_commit=False)

    def new_id(self) -> UUID:
        """Make a random id of this work's moment."""
        return uuid7(self.now)

    def bind(self, **values: object) -> dict[str, object]:
        """Give the parameters of a raw statement the shape that this database stores."""
        if not self.is_sqlite:
            return values
        return {name: sqlite_value(value) for name, value in values.items()}

    def publish(self, event: object) -> None:
        """Tell the subscribers named in ``app.py``, inside this transaction, in order."""
        for subscriber in self._subscribers.get(type(event), ()):
            subscriber(self, event)

    def replayed(self) -> None:
        """Say that everything had been done before: no audit row is written for a mere repeat."""
        self.changed = False

    def flush(self) -> None:
        """Send what the ORM session holds back, if one was made."""
        if "session" in self.__dict__:
            self.session.flush()


def transact(
    use_case: Callable[[Work, C], R],
    command: C,
    actor: Actor = SYSTEM,
    *,
    attempts: int = ATTEMPTS_MIN,
    clock: Clock | None = None,
) -> R:
    """Run a use case in one transaction, write its audit row, commit, return its result.

    Retries on a lost race (unique key, serialization, deadlock, lock timeout, lost connection):
    use cases carry a key, so a repeat finds what the first run did. ``attempts`` is the number of
    unique keys that can race on the path, plus one. A refusal rolls everything back; what its
    class says must survive is written afterwards in a transaction of its own.

    Raises the use case's own refusals, KeyReused, and Busy when no attempt came through.
    """
    attempt, last = 0, max(attempts, ATTEMPTS_MIN) - 1
    while True:
        try:
            return _once(use_case, command, actor, clock)
        except AppError as refusal:
            if not refusal.retried or attempt == last:
                if refusal.leaves_trace:
                    transact(_trace, refusal, actor, clock=clock)
                raise
        except (DBAPIError, psycopg.Error) as error:
            if not _lost_a_race(error):
                raise
            if attempt == last:
                log.warning("%s gave up", use_case.__name__, exc_info=error)
                raise Busy from error
            time.sleep(random.uniform(0, 0.01 * (attempt + 1)))  # noqa: S311 - jitter, no secret
        attempt += 1


def _once(
    use_case: Callable[[Work, C], R],
    command: C,
    actor: Actor,
    clock: Clock | None,
) -> R:
    current = runtime()
    started = time.monotonic()
    with (
        current.writer or contextlib.nullcontext(),
        _writing() as connection,
        _begun(connection) as transaction,
    ):
        work = Work(connection, actor, (clock or current.clock)(), current.subscribers)
        result = use_case(work, command)
        work.flush()
        trip = _audited(work, use_case.__name__, command, result)
        if time.monotonic() - started > WORK_SECONDS_MAX:
            # The day may have been closed behind its back: see design.md section 5, sealing.
            transaction.rollback()
            raise Busy
        with trip:
            transaction.commit()
    for call in work.after_commit:
        try:
            call()
        except Exception:
            # What was committed is done: a message that fails now is sent by the next run.
            log.exception("after %s", use_case.__name__)
    return result


def _writing() -> Connection:
    """Take over the connection that the request has read through, or take one from the pool."""
    read: Connection | None = g.get("reader") if has_app_context() else None
    if read is None or not _goes_on_writing(read.dialect.name):
        end_reading()
        return db.engine.connect().execution_options(writes=True)
    del g.reader
    g.pop("reading").pop_all()
    return read


def _begun(connection: Connection) -> RootTransaction:
    return connection.get_transaction() or connection.begin()


def _audited(
    work: Work, name: str, command: object, result: object
) -> contextlib.AbstractContextManager[object]:
    """Write the audit row, or give a block that sends it in one trip together with its COMMIT.

    A row with an explicit key is read back first; an embedded database is no trip away.
    """
    has_key = audit.given_key(command) is not None
    if not has_key and not work.changed:
        return contextlib.nullcontext()
    row = audit.entry(work, name, command, result, configuration().secret_key.encode())
    if has_key or work.is_sqlite:
        audit.write(work, row)
        return contextlib.nullcontext()
    return _in_one_trip(work, row)


@contextlib.contextmanager
def _in_one_trip(work: Work, row: dict[str, object]) -> Iterator[None]:
    line: Any = work.connection.connection.driver_connection
    with line.pipeline():
        line.execute(audit.PLAIN, row)
        # psycopg's own commit() would wait for an answer once more, within and behind the block.
        line.execute("COMMIT")
    yield


def _trace(work: Work, refusal: AppError) -> None:
    refusal.leave_trace(work)


def sqlite_value(value: object) -> object:
    """Store as the column types do: ids in hex, moments as naive UTC, days in ISO form."""
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return value.isoformat() if isinstance(value, dt.date) else value


def _lost_a_race(error: DBAPIError | psycopg.Error) -> bool:
    """Whether a repeat can succeed; CHECK and foreign-key refusals are our bugs and cannot."""
    cause: object = error
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        cause = error.orig
    state = getattr(cause, "sqlstate", None)
    if state is not None:
        return state in RETRIED_STATES or state.startswith(("08", "57P"))
    if isinstance(error, psycopg.OperationalError):
        # The line was cut while COMMIT was on its way; the key finds what was done.
        return True
    words = str(cause)
    if isinstance(error, IntegrityError):
        return "UNIQUE constraint failed" in words
    return "locked" in words or "busy" in words or "connection" in words


@contextlib.contextmanager
def reading() -> Iterator[Connection]:
    """Open a read transaction of its own, for jobs, tests and the command line."""
    with db.engine.connect() as connection, connection.begin():
        yield connection


def reader() -> Connection:
    """Return the request's read connection; writes through it are refused on SQLite."""
    if "reader" not in g:
        g.reading = contextlib.ExitStack()
        connection = g.reading.enter_context(db.engine.connect())
        if connection.dialect.name == "sqlite":
            g.reading.enter_context(connection.begin())
        elif not _goes_on_writing(connection.dialect.name):
            # Each question looks at its own moment, as in READ COMMITTED, without two more trips.
            connection.execution_options(isolation_level="AUTOCOMMIT")
        g.reader = connection
    found: Connection = g.reader
    return found


def may_change() -> bool:
    """Whether the request is one of those that may change something."""
    return request.method not in SAFE


def _goes_on_writing(dialect: str) -> bool:
    """Whether what the request reads is read in the transaction that it will write in.

    Under READ COMMITTED that is as good as a new one, and spares beginning one. An embedded
    database has one writer at a time, who should wait for nobody's reading.
    """
    return dialect == "postgresql" and has_request_context() and may_change()


def end_reading() -> None:
    """End the request's read, so that a write begins on a fresh snapshot with nothing held."""
    if has_app_context() and "reader" in g:
        g.pop("reader")
        # A read has nothing to lose: if its line was cut, what comes next dials anew.
        with contextlib.suppress(SQLAlchemyError):
            g.pop("reading").close()
