"""Processes that are made to be killed: forks of one that has loaded the application before.

``python -m tests.points.killed`` reads lines of a moment and the words of a ``flask`` command. For
each it forks a process that runs the command by a clock that stands there, and answers its id.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Self

from flask import Flask
from flask.cli import ScriptInfo

from app import create_app
from core.config import ROOT, Config
from core.work import clock_from
from tests.conftest import Stage

GONE_WITHIN = 10.0
STEP_SECONDS = 0.001
DICE = Random()  # noqa: S311 - any moment will do


class Patience:
    """How long those live who were seen to have begun: by chance, less after a late kill."""

    def __init__(self, longest: float) -> None:
        self.longest = longest

    def last(self) -> None:
        """Let them live on for a while."""
        time.sleep(DICE.uniform(0, self.longest))

    def learn(self, *, counted: bool) -> bool:
        """Take in whether a kill came in the middle of the work; returns it."""
        self.longest *= 1.2 if counted else 0.5
        return counted


class Nursery:
    """The process that has loaded the application on a stage's database, and forks others."""

    def __init__(self, stage: Stage, log: Path) -> None:
        config = stage.config()
        self.log = log
        self.environment = {
            **os.environ,
            "LINLI_ENV": "test",
            "LINLI_DATABASE_URL": config.database_url,
            "LINLI_SECRET_KEY": config.secret_key,
            "LINLI_INSTANCE": str(config.instance),
        }

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", __name__],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def fork(self, moment: dt.datetime, *words: str) -> int:
        """Let a process run a command; returns its id."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(" ".join((moment.isoformat(), *words)) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def said(self) -> str:
        """Return what its processes complained of."""
        return self.log.read_text(encoding="utf-8")


class Crew:
    """A number of processes that do the same; those that die are replaced, a while later."""

    def __init__(
        self,
        nursery: Nursery,
        command: tuple[str, ...],
        count: int,
        now: dt.datetime,
        step: dt.timedelta,
    ) -> None:
        self.nursery, self.command, self.count = nursery, command, count
        self.now, self.step = now, step
        self.pids: list[int] = []

    def start(self) -> None:
        """Bring the number of living processes up to what it should be."""
        self.pids = [pid for pid in self.pids if _signal(pid, 0)]
        for _ in range(self.count - len(self.pids)):
            self.pids.append(self.nursery.fork(self.now, *self.command))
        # A later moment has a new slot: nobody waits for the lease of the dead.
        self.now += self.step

    def works(self) -> bool:
        """Whether any of them lives."""
        return any(_signal(pid, 0) for pid in self.pids)

    def kill(self, how_many: int | None = None) -> int:
        """Kill without warning; returns how many were alive until then."""
        victims = self.pids[:how_many]
        killed = sum(_signal(pid, signal.SIGKILL) for pid in victims)
        until = time.monotonic() + GONE_WITHIN
        while any(_signal(pid, 0) for pid in victims):
            assert time.monotonic() < until, "a process does not end"
            time.sleep(STEP_SECONDS)
        return killed


def _signal(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def _live(app: Flask, moment: str, words: list[str]) -> None:
    """Be a process of its own: run the command, and end."""
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    app.extensions["linli"].clock = clock_from(moment)
    with contextlib.suppress(SystemExit):
        app.cli.main(args=words, obj=ScriptInfo(create_app=lambda: app), standalone_mode=False)


def main() -> None:
    """Fork a process for each line; what ends is forgotten at once."""
    app = create_app(Config.from_environment())
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        moment, *words = line.split()
        pid = os.fork()
        if pid == 0:
            try:
                _live(app, moment, words)
            finally:
                sys.stderr.flush()
                os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
