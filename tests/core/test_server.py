"""The server's workers, as a proxy meets them that keeps its connections."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
from flask import Flask

from core.db import init_app
from core.server import WORKERS_POSTGRESQL
from tests.conftest import Stage
from tests.serving import forked

pytestmark = pytest.mark.database("postgresql")
WITHIN = 30.0
HELD, NEXT = 16, 20


@pytest.fixture
def port(stage: Stage) -> Iterator[int]:
    """Serve an application that says which process answers."""
    config, app = stage.config(), Flask("who")
    init_app(app, config.database_url)
    app.add_url_rule("/", view_func=lambda: str(os.getpid()))
    with forked(app, config) as found:
        yield found


def line(port: int) -> HTTPConnection:
    """Open a connection."""
    return HTTPConnection("127.0.0.1", port, timeout=WITHIN)


def who(opened: HTTPConnection) -> bytes:
    """Return which process answers."""
    opened.request("GET", "/")
    return opened.getresponse().read()


def test_who_holds_few_connections_takes_the_next_ones(port: int) -> None:
    held: defaultdict[bytes, list[HTTPConnection]] = defaultdict(list)
    deadline, next_ones = time.monotonic() + WITHIN, Counter[bytes]()
    with contextlib.ExitStack() as opened:
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
