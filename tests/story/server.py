"""The real gunicorn server in a process of its own, on a database that the test has prepared."""

from __future__ import annotations

import datetime as dt
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from core.config import ROOT, Config
from core.work import SHANGHAI
from tests.conftest import Stage
from tests.people import last_code
from tests.story import clock

STARTS_WITHIN = 60.0
STOPS_WITHIN = 30.0


class Server:
    """``flask serve`` with the story's clock, at ``url``."""

    def __init__(self, stage: Stage, log: Path) -> None:
        self.stage, self.log = stage, log
        self.config: Config = stage.config()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = ("127.0.0.1", int(free.getsockname()[1]))
        self.bind = f"{self.address[0]}:{self.address[1]}"
        self.url = f"http://{self.bind}"
        self.environment = {
            **os.environ,
            "LINLI_ENV": "test",
            "LINLI_DATABASE_URL": self.config.database_url,
            "LINLI_SECRET_KEY": self.config.secret_key,
            "LINLI_INSTANCE": str(self.config.instance),
            "LINLI_BASE_URL": self.url,
        }
        self.go_to(stage.clock.now)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def now(self) -> dt.datetime:
        """The server's moment."""
        return clock.read(self.config.instance)

    def go_to(self, moment: dt.datetime) -> None:
        """Move the clock of every process of the story; it goes on from there."""
        clock.move(self.config.instance, moment)
        self.stage.clock.set(moment)

    def at(self, day: dt.date, hour: int, minute: int = 0) -> None:
        """Go to a time of day in Hangzhou."""
        moment = dt.datetime.combine(day, dt.time(hour, minute), SHANGHAI)
        self.go_to(moment.astimezone(dt.UTC))

    def pass_by(self, **span: float) -> None:
        """Let a span of time go by."""
        self.go_to(self.now + dt.timedelta(**span))

    def code_for(self, phone: str) -> str:
        """Read the newest one-time code that was sent to a number."""
        return last_code(self.config.instance, phone)

    def flask(self, *words: str) -> str:
        """Run a ``flask`` command beside the server and return what it says."""
        done = subprocess.run(
            self._command(*words),
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=STARTS_WITHIN,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "flask", "--app", "tests.story.app", *words]

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self._command("serve", "--bind", self.bind),
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + STARTS_WITHIN
        while not self._answers():
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, self.log.read_text(encoding="utf-8")
            time.sleep(0.1)
        return self

    def _answers(self) -> bool:
        try:
            # Whoever is let in here may have to wait for a worker, and is then served.
            with socket.create_connection(self.address, timeout=5):
                return True
        except OSError:
            return False

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        self.process.terminate()
        try:
            self.process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
