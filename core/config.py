"""Configuration of one process, read once from the environment and never changed."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Environment = Literal["development", "production", "test"]
ROOT = Path(__file__).resolve().parent.parent
SECRET_BYTES_MIN = 32
BASE_URL = "http://127.0.0.1:8000"


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

    @classmethod
    def from_environment(cls) -> Config:
        """Read LINLI_* variables.

        Raises ConfigInvalid when production lacks a secret or a clock is set.
        """
        environment = _environment(os.environ.get("LINLI_ENV", "development"))
        instance = Path(os.environ.get("LINLI_INSTANCE", str(ROOT / "instance"))).resolve()
        clock = os.environ.get("LINLI_CLOCK") or None
        if environment == "production" and clock:
            message = "LINLI_CLOCK is for tests and demonstrations: unset it in production"
            raise ConfigInvalid(message)
        return cls(
            environment=environment,
            database_url=os.environ.get("LINLI_DATABASE_URL", f"sqlite:///{instance}/linli.sqlite"),
            secret_key=_secret(environment, instance),
            instance=instance,
            base_url=os.environ.get("LINLI_BASE_URL", BASE_URL).rstrip("/"),
            clock=clock,
            proxies=int(os.environ.get("LINLI_PROXIES", "0")),
            sms_url=os.environ.get("LINLI_SMS_URL") or None,
            sms_token=os.environ.get("LINLI_SMS_TOKEN") or None,
            scheduler_inside=os.environ.get("LINLI_SCHEDULER") == "inside",
        )


def _environment(value: str) -> Environment:
    for known in get_args(Environment):
        if value == known:
            return known  # type: ignore[no-any-return]
    message = f"LINLI_ENV must be development, production or test, not {value!r}"
    raise ConfigInvalid(message)


def _secret(environment: Environment, instance: Path) -> str:
    """Take the key from the environment; outside production, make one and keep it."""
    given = os.environ.get("LINLI_SECRET_KEY")
    if given:
        if environment == "production" and len(given.encode()) < SECRET_BYTES_MIN:
            message = f"LINLI_SECRET_KEY must have at least {SECRET_BYTES_MIN} bytes"
            raise ConfigInvalid(message)
        return given
    if environment == "production":
        message = "Set LINLI_SECRET_KEY: production starts with no secret made by itself"
        raise ConfigInvalid(message)
    instance.mkdir(parents=True, exist_ok=True)
    file = instance / "secret.key"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(48), encoding="ascii")
    return file.read_text(encoding="ascii").strip()
