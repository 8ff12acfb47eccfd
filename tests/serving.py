"""The real server in a process of its own, on a free port of this machine."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from flask import Flask

from core.config import ROOT, Config
from core.server import Server

STARTS_WITHIN = 60.0
STOPS_WITHIN = 30.0


def free_port() -> int:
    """Return a port of this machine that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def forked(app: Flask, config: Config) -> Iterator[int]:
    """Serve an application of this process with the product's server; gives the port."""
    port = free_port()
    server = Server(app, config, f"127.0.0.1:{port}", quiet=True)
    process = multiprocessing.get_context("fork").Process(target=server.run)
    process.start()
    try:
        _await(port)
        yield port
    finally:
        process.terminate()
        process.join(STOPS_WITHIN)
        if process.is_alive():
            process.kill()
            process.join()


def _await(port: int) -> None:
    until = time.monotonic() + STOPS_WITHIN
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


class Serving:
    """``flask serve`` at ``url`` while the block lasts; what it says goes to ``log``."""

    words: tuple[str, ...] = ("serve",)
    starts_within = STARTS_WITHIN

    def __init__(self, app: str, log: Path, environment: dict[str, str]) -> None:
        self.app, self.log = app, log
        self.address = ("127.0.0.1", free_port())
        self.bind = f"{self.address[0]}:{self.address[1]}"
        self.url = f"http://{self.bind}"
        self.environment = {
            **os.environ,
            # What one start has compiled spares each later one a fifth of its time.
            "PYTHONDONTWRITEBYTECODE": "",
            "LINLI_BASE_URL": self.url,
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def flask(self, *words: str, seconds: float = STARTS_WITHIN) -> str:
        """Run a ``flask`` command beside the server and return what it says."""
        done = subprocess.run(
            self._command(*words),
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "flask", "--app", self.app, *words]

    def __enter__(self) -> Self:
        self.begin(*self.words, "--bind", self.bind)
        try:
            self._await()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def begin(self, *words: str) -> None:
        """Start the server's process."""
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self._command(*words),
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def has_ended(self) -> bool:
        """Whether the server's process is no more."""
        return self.process is None or self.process.poll() is not None

    def _await(self) -> None:
        deadline = time.monotonic() + self.starts_within
        while not self._answers():
            assert not self.has_ended(), self.log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, self.log.read_text(encoding="utf-8")
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            # Whoever is let in here may have to wait for a worker, and is then served.
            with socket.create_connection(self.address, timeout=5):
                return True
        except OSError:
            return False

    def end(self) -> None:
        """Stop the server's process."""
        assert self.process is not None
        self.process.terminate()
        try:
            self.process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
