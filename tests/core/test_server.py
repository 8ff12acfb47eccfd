"""The server's workers, as a proxy meets them that keeps its connections."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import socket
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
from flask import Flask

from core.db import init_app
from core.server import WORKERS_POSTGRESQL, Server
from tests.conftest import Stage

pytestmark = pytest.mark.database("postgresql")
WITHIN = 30.0
HELD, NEXT = 16, 20


@contextlib.contextmanager
def serving(stage: Stage) -> Iterator[int]:
    """Serve an application that says which process answers; gives the port."""
    app = Flask("who")
    init_app(app, stage.config().database_url)
    app.add_url_rule("/", view_func=lambda: str(os.getpid()))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    server = Server(app, stage.config(), f"127.0.0.1:{port}", quiet=True)
    process = multiprocessing.get_context("fork").Process(target=server.run)
    process.start()
    try:
        yield port
    finally:
        process.terminate()
        process.join(WITHIN)
        process.kill()


def line(port: int) -> HTTPConnection:
    """Open a connection as soon as the server listens."""
    deadline = time.monotonic() + WITHIN
    while True:
        opened = HTTPConnection("127.0.0.1", port, timeout=WITHIN)
        with contextlib.suppress(ConnectionRefusedError):
            opened.connect()
            return opened
        assert time.monotonic() < deadline
        time.sleep(0.05)


def who(opened: HTTPConnection) -> bytes:
    """Return which process answers."""
    opened.request("GET", "/")
    return opened.getresponse().read()


def test_who_holds_few_connections_takes_the_next_ones(stage: Stage) -> None:
    held: defaultdict[bytes, list[HTTPConnection]] = defaultdict(list)
    deadline, next_ones = time.monotonic() + WITHIN, Counter[bytes]()
    with serving(stage) as port, contextlib.ExitStack() as opened:
        while len(held) < WORKERS_POSTGRESQL or max(map(len, held.values())) < HELD:
            assert time.monotonic() < deadline
            each = opened.enter_context(contextlib.closing(line(port)))
            held[who(each)].append(each)
        idle, busy = sorted(held, key=lambda worker: len(held[worker]))
        for each in held[idle]:
            each.close()
        for _ in range(NEXT):
            with contextlib.closing(line(port)) as each:
                next_ones[who(each)] += 1

    assert next_ones[idle] >= NEXT * 3 // 4, (busy, next_ones)
