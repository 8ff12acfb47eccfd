"""Serving: gunicorn with threads, and the scheduler inside it where one process has to do all."""

from __future__ import annotations

import gc
import socket
import time
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.workers.gthread import ThreadWorker

from core.config import Config
from core.db import db
from core.jobs import start_scheduler

THREADS = 8
WORKERS_POSTGRESQL = 2
GARBAGE = 50_000
"""Objects made and not dropped before the collector looks for circles among them: what a request
makes, a chunk of a feed too, is gone by then without it."""

TURN = 0.0002
"""Seconds that a worker waits with a new connection, for each that it holds."""
TURNS_MAX = 2 * THREADS


def collect_seldom() -> None:
    """Let the collector leave alone what was loaded, and look at the rest seldom.

    Pages of memory that it marks are shared no more.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE)


class Worker(ThreadWorker):
    """A worker that lets one with fewer connections come first.

    All wake up for a new connection. Where a proxy opens many and keeps them, the first to wake up
    took them all, and the others' processors stood idle.
    """

    def accept(self, listener: socket.socket) -> None:
        """Take a connection that is still there after a moment for each that is held."""
        time.sleep(min(self.nr_conns, TURNS_MAX) * TURN)
        super().accept(listener)


class Server(BaseApplication):
    """One preloaded application behind gunicorn's threaded workers.

    An embedded SQLite is served by one process, because its writers queue at a lock in the
    process; PostgreSQL by two, which share the memory of what was loaded before the fork.
    """

    def __init__(self, app: Flask, config: Config, bind: str, *, quiet: bool = False) -> None:
        self.app = app
        # Codes lead to where this server is, unless it stands behind an address with a name;
        # the bench serves a bare application, too, which has no codes.
        if linli := app.extensions.get("linli"):
            linli.config = config.listening_at(bind)
        self.options: dict[str, Any] = {
            "bind": bind,
            "worker_class": Worker,
            "workers": 1 if config.is_sqlite else WORKERS_POSTGRESQL,
            "threads": THREADS,
            "preload_app": True,
            "keepalive": 5,
            "timeout": 60,
            "graceful_timeout": 10,
            "loglevel": "warning" if quiet else "info",
            "when_ready": self._settled,
            "post_fork": self._forked,
        }
        if config.scheduler_inside:
            self.options["post_worker_init"] = self._ready
        super().__init__()

    def load_config(self) -> None:
        """Hand our options to gunicorn."""
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Return the application."""
        return self.app

    def _settled(self, _arbiter: object) -> None:
        collect_seldom()

    def _forked(self, _arbiter: object, _worker: object) -> None:
        """Never share a connection with the parent."""
        with self.app.app_context():
            db.engine.dispose(close=False)

    def _ready(self, _worker: object) -> None:
        start_scheduler(self.app)
