"""The story's server: the real one, on a database that the test has prepared, by its clock."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

from flask.cli import cli

from core.work import SHANGHAI
from tests.conftest import Stage
from tests.people import last_code
from tests.serving import STARTS_WITHIN, STOPS_WITHIN, Serving
from tests.story import clock

APP = "tests.story.app"
FORKS = multiprocessing.get_context("forkserver")
"""Starts a process that has loaded the product and made no application of it, and forks it for
each server: loading took most of a server's start."""
FORKS.set_forkserver_preload(["app", __name__])


def flask(words: tuple[str, ...], environment: dict[str, str], log: Path) -> None:
    """Be a process of ``flask`` in this environment; what it says goes to a file."""
    with log.open("wb") as said:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(said.fileno(), stream.fileno())
    os.environ.clear()
    os.environ.update(environment)
    cli.main(args=["--app", APP, *words], prog_name="flask")


class Server(Serving):
    """The server of one test, whose clock the test moves."""

    def __init__(self, stage: Stage, log: Path) -> None:
        config = stage.config()
        environment = {
            "LINLI_ENV": "test",
            "LINLI_DATABASE_URL": config.database_url,
            "LINLI_SECRET_KEY": config.secret_key,
            "LINLI_INSTANCE": str(config.instance),
        }
        super().__init__(APP, log, environment)
        self.forked: BaseProcess | None = None
        self.stage, self.instance = stage, config.instance
        self.go_to(stage.clock.now)

    def begin(self, *words: str) -> None:
        """Start the server's process."""
        self.forked = self._fork(words, self.log)

    def has_ended(self) -> bool:
        """Whether the server's process is no more."""
        return self.forked is None or not self.forked.is_alive()

    def end(self) -> None:
        """Stop the server's process."""
        assert self.forked is not None
        self.forked.terminate()
        self.forked.join(STOPS_WITHIN)
        if self.forked.is_alive():
            self.forked.kill()
            self.forked.join()

    def flask(self, *words: str, seconds: float = STARTS_WITHIN) -> str:
        """Run a ``flask`` command beside the server and return what it says."""
        log = self.log.with_name("command.log")
        process = self._fork(words, log)
        process.join(seconds)
        said = log.read_text(encoding="utf-8")
        assert process.exitcode == 0, said
        return said

    def _fork(self, words: tuple[str, ...], log: Path) -> BaseProcess:
        process = FORKS.Process(target=flask, args=(words, self.environment, log))
        process.start()
        return process

    @property
    def now(self) -> dt.datetime:
        """The server's moment."""
        return clock.read(self.instance)

    def go_to(self, moment: dt.datetime) -> None:
        """Move the clock of every process of the story; it goes on from there."""
        clock.move(self.instance, moment)
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
        return last_code(self.instance, phone)
