"""Configuration of one process, read once from the environment and never changed."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

Environment = Literal["development", "production", "test"]
ROOT = Path(__file__).resolve().parent.parent
INSTANCE = ROOT / "instance"
"""Where a process keeps its own files, unless LINLI_INSTANCE names a folder."""
SECRET_BYTES_MIN = 32
BASE_URL = "http://127.0.0.1:8000"
EVERYWHERE = ("", "0.0.0.0", "[::]")  # noqa: S104 - compared with, not bound to


class ConfigInvalid(RuntimeError):
    """The process must not start like this; the message says what to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What a process needs to know before it can look into the database."""

    environment: Environment = "development"
    database_url: str
    secret_key: str
    instance: Path
    base_url: str = BASE_URL
    clock: str | None = None
    proxies: int = 0
    sms_url: str | None = None
    sms_token: str | None = None
    scheduler_inside: bool = False

    @property
    def is_production(self) -> bool:
        """Whether the guards that only annoy developers are up."""
        return self.environment == "production"

    @property
    def is_sqlite(self) -> bool:
        """Whether the embedded database is in use."""
        return self.database_url.startswith("sqlite")

    def listening_at(self, bind: str) -> Config:
        """Return what holds for a server at an address (HOST:PORT), which is ours unless named."""
        host, colon, port = bind.rpartition(":")
        if (
            self.is_production
            or os.environ.get("LINLI_BASE_URL")
            or not (colon and port.isdecimal())
        ):
            return self
        return replace(
            self, base_url=f"http://{_own_address() if host in EVERYWHERE else host}:{port}"
        )

    @classmethod
    def from_environment(cls) -> Config:
        """Read LINLI_* variables.

        Raises ConfigInvalid where a value means nothing, where production lacks what nobody may
        make up for it (secret, database, address, messages), or where it is given a clock, the
        embedded database, or an address that sends secrets in the clear.
        """
        environment = _environment(os.environ.get("LINLI_ENV", "development"))
        instance = Path(os.environ.get("LINLI_INSTANCE", str(INSTANCE))).resolve()
        clock = os.environ.get("LINLI_CLOCK") or None
        if environment == "production" and clock:
            message = "LINLI_CLOCK is for tests and demonstrations: unset it in production"
            raise ConfigInvalid(message)
        return cls(
            environment=environment,
            secret_key=_secret(environment, instance),
            database_url=_database(environment, instance),
            instance=instance,
            base_url=(_web("LINLI_BASE_URL", environment) or BASE_URL).rstrip("/"),
            clock=clock,
            proxies=_count("LINLI_PROXIES"),
            sms_url=_web("LINLI_SMS_URL", environment),
            sms_token=os.environ.get("LINLI_SMS_TOKEN") or None,
            scheduler_inside=os.environ.get("LINLI_SCHEDULER") == "inside",
        )


def _own_address() -> str:
    """Return the address by which the neighbourhood's network reaches this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked, contextlib.suppress(OSError):
        # Nothing is sent: the system only looks up the way to an address that is nobody's.
        asked.connect(("192.0.2.1", 9))
        return str(asked.getsockname()[0])
    return "127.0.0.1"


def _environment(value: str) -> Environment:
    for known in get_args(Environment):
        if value == known:
            return known  # type: ignore[no-any-return]
    message = f"LINLI_ENV must be development, production or test, not {value!r}"
    raise ConfigInvalid(message)


def _given(name: str, environment: Environment) -> str | None:
    """Return what the environment gives; production makes nothing up."""
    value = os.environ.get(name)
    if not value and environment == "production":
        message = f"Set {name}: production starts with nothing made up"
        raise ConfigInvalid(message)
    return value or None


def _web(name: str, environment: Environment) -> str | None:
    """Return an address; in production nothing goes in the clear, and codes go to no log."""
    value = _given(name, environment)
    allowed = ("https://",) if environment == "production" else ("https://", "http://")
    if value and not value.startswith(allowed):
        message = f"{name} must begin with {' or '.join(allowed)}, not {value!r}"
        raise ConfigInvalid(message)
    return value


def _database(environment: Environment, instance: Path) -> str:
    given = _given("LINLI_DATABASE_URL", environment)
    if given and environment == "production" and not given.startswith("postgresql"):
        message = (
            "LINLI_DATABASE_URL must begin with postgresql+psycopg:// in production: the embedded"
            " SQLite serves one process on one machine, for trials"
        )
        raise ConfigInvalid(message)
    return given or f"sqlite:///{instance}/linli.sqlite"


def _count(name: str) -> int:
    value = os.environ.get(name) or "0"
    if not value.isdecimal():
        message = f"{name} must be a number, not {value!r}"
        raise ConfigInvalid(message)
    return int(value)


def _secret(environment: Environment, instance: Path) -> str:
    """Take the key from the environment; outside production, make one and keep it."""
    given = _given("LINLI_SECRET_KEY", environment)
    if given is None:
        return _own_secret(instance)
    if environment == "production" and len(given.encode()) < SECRET_BYTES_MIN:
        message = f"LINLI_SECRET_KEY must have at least {SECRET_BYTES_MIN} bytes"
        raise ConfigInvalid(message)
    return given


def _own_secret(instance: Path) -> str:
    """Make a key once, also for processes that start together: a link appears whole."""
    instance.mkdir(parents=True, exist_ok=True)
    file = instance / "secret.key"
    if not file.exists():
        with tempfile.NamedTemporaryFile("w", dir=instance, encoding="ascii") as made:
            made.write(secrets.token_urlsafe(48))
            made.flush()
            with contextlib.suppress(FileExistsError):
                os.link(made.name, file)
    secret = file.read_text(encoding="ascii").strip()
    if len(secret) < SECRET_BYTES_MIN:
        message = f"{file} is cut short: restore it, or remove it where nothing depends on it"
        raise ConfigInvalid(message)
    return secret
