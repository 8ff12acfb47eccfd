"""What a process needs to know before it starts, and what it refuses to start with."""

from __future__ import annotations

import os
import re
import stat
import threading
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from flask import Flask

from core.config import BASE_URL, ROOT, SECRET_BYTES_MIN, Config, ConfigInvalid
from core.server import Server
from core.work import Runtime, configuration

SECRET = "0123456789abcdef0123456789abcdef"
PRODUCTION = {
    "LINLI_ENV": "production",
    "LINLI_SECRET_KEY": SECRET,
    "LINLI_DATABASE_URL": "postgresql+psycopg://linli@db/linli",
    "LINLI_BASE_URL": "https://linli.example",
    "LINLI_SMS_URL": "https://sms.example/send",
}


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's environment, and a folder of the test's own."""
    for name in list(os.environ):
        if name.startswith("LINLI_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LINLI_INSTANCE", str(tmp_path / "instance"))


def start(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Config:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Config.from_environment()


# --- day one ---------------------------------------------------------------------------------


def test_day_one_needs_no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = start(monkeypatch)

    assert config.environment == "development"
    assert config.is_sqlite
    assert config.database_url == f"sqlite:///{tmp_path}/instance/linli.sqlite"
    assert config.base_url == "http://127.0.0.1:8000"
    assert (config.clock, config.proxies, config.sms_url, config.scheduler_inside) == (
        None,
        0,
        None,
        False,
    )
    monkeypatch.delenv("LINLI_INSTANCE")
    monkeypatch.setenv("LINLI_SECRET_KEY", SECRET)
    assert Config.from_environment().instance == ROOT / "instance"


def test_codes_lead_to_where_the_server_listens_unless_an_address_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = start(monkeypatch)

    assert config.listening_at("192.168.1.7:8766").base_url == "http://192.168.1.7:8766"
    assert config.listening_at("unix:/run/linli.sock").base_url == BASE_URL
    for everywhere in ("0.0.0.0:8766", ":8766"):
        address = config.listening_at(everywhere).base_url
        assert re.fullmatch(r"http://(?!0\.)\d+\.\d+\.\d+\.\d+:8766", address)
    app = Flask("app")
    app.extensions["linli"] = Runtime(config=config)
    Server(app, config, "127.0.0.1:8766")
    with app.app_context():
        assert configuration().base_url == "http://127.0.0.1:8766"
    monkeypatch.setenv("LINLI_BASE_URL", "https://linli.example")
    named = Config.from_environment()
    assert named.listening_at("127.0.0.1:8766").base_url == "https://linli.example"


def test_every_variable_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    config = start(
        monkeypatch,
        LINLI_ENV="test",
        LINLI_SECRET_KEY="short",
        LINLI_DATABASE_URL="postgresql+psycopg://linli@db/linli",
        LINLI_BASE_URL="https://linli.example/",
        LINLI_CLOCK="+86400",
        LINLI_PROXIES="2",
        LINLI_SMS_URL="https://sms.example/send",
        LINLI_SMS_TOKEN="token",
        LINLI_SCHEDULER="inside",
    )

    assert (config.environment, config.secret_key, config.is_sqlite) == ("test", "short", False)
    assert config.base_url == "https://linli.example"
    assert (config.clock, config.proxies, config.scheduler_inside) == ("+86400", 2, True)
    assert (config.sms_url, config.sms_token) == ("https://sms.example/send", "token")


def test_nothing_of_it_changes_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    config = start(monkeypatch)

    with pytest.raises(FrozenInstanceError):
        config.environment = "production"  # type: ignore[misc]


# --- production ------------------------------------------------------------------------------


def test_production_starts_with_what_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    config = start(monkeypatch, **PRODUCTION)

    assert config.is_production
    assert config.secret_key == SECRET
    assert not config.instance.exists(), "nothing is made by itself"


@pytest.mark.parametrize("missing", [name for name in PRODUCTION if name != "LINLI_ENV"])
@pytest.mark.parametrize("empty", [True, False])
def test_production_makes_up_nothing(
    monkeypatch: pytest.MonkeyPatch, missing: str, *, empty: bool
) -> None:
    variables = {name: value for name, value in PRODUCTION.items() if name != missing}
    if empty:
        variables[missing] = ""

    with pytest.raises(ConfigInvalid, match=missing):
        start(monkeypatch, **variables)


def test_production_takes_no_short_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigInvalid, match=str(SECRET_BYTES_MIN)):
        start(monkeypatch, **PRODUCTION | {"LINLI_SECRET_KEY": SECRET[:-1]})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LINLI_SMS_URL", "http://sms.example/send"),
        ("LINLI_BASE_URL", "http://linli.example"),
        ("LINLI_DATABASE_URL", "sqlite:////var/lib/linli.sqlite"),
    ],
)
def test_production_takes_nothing_in_the_clear_and_no_embedded_database(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(ConfigInvalid, match=f"{name} must begin with"):
        start(monkeypatch, **PRODUCTION | {name: value})


def test_production_keeps_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigInvalid, match="LINLI_CLOCK"):
        start(monkeypatch, **PRODUCTION, LINLI_CLOCK="+1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LINLI_ENV", "prod"),
        ("LINLI_ENV", ""),
        ("LINLI_PROXIES", "one"),
        ("LINLI_PROXIES", "-1"),
        ("LINLI_SMS_URL", "file:///tmp/sent"),
        ("LINLI_BASE_URL", "linli.example"),
    ],
)
def test_what_nobody_can_mean_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(ConfigInvalid, match=name):
        start(monkeypatch, **{name: value})


# --- the secret that is made ----------------------------------------------------------------


def test_outside_production_a_secret_is_made_once_for_its_owner_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, again = start(monkeypatch).secret_key, start(monkeypatch).secret_key

    assert first == again
    assert len(first) >= SECRET_BYTES_MIN
    file = tmp_path / "instance" / "secret.key"
    assert file.read_text(encoding="ascii") == first
    assert oct(stat.S_IMODE(file.stat().st_mode)) == "0o600"
    assert [other.name for other in file.parent.iterdir()] == ["secret.key"]


def test_two_installations_have_two_secrets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = start(monkeypatch)
    second = start(monkeypatch, LINLI_INSTANCE=str(tmp_path / "other"))

    assert first.secret_key != second.secret_key


def test_processes_that_start_together_have_one_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for round_ in range(20):
        monkeypatch.setenv("LINLI_INSTANCE", str(tmp_path / str(round_)))
        ready = threading.Barrier(8)
        found: list[str] = []

        def begin(ready: threading.Barrier = ready, found: list[str] = found) -> None:
            ready.wait()
            found.append(Config.from_environment().secret_key)

        threads = [threading.Thread(target=begin) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(found) == 8
        assert len(set(found)) == 1, round_
        assert len(found[0]) >= SECRET_BYTES_MIN


def test_a_secret_that_was_cut_short_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "instance").mkdir()
    (tmp_path / "instance" / "secret.key").touch()

    with pytest.raises(ConfigInvalid, match=r"secret\.key"):
        start(monkeypatch)
