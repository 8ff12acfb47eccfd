"""Requests over kept connections: as many as go, or so many a second."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from bench.harness import SECONDS_MAX
from core.server import THREADS


def drive(port: int, requests: Sequence[bytes], connections: int, status: int) -> float:
    """Send each request once over kept connections; answers per second.

    Raises RuntimeError where an answer has another status.
    """
    waiting = iter(requests)
    selector = selectors.DefaultSelector()
    lines = [_connect(port) for _ in range(connections)]
    expected = f"HTTP/1.1 {status} ".encode()
    begun = time.monotonic()
    for line in lines:
        line.sendall(next(waiting))
        selector.register(line, selectors.EVENT_READ)
    while selector.get_map():
        answered = selector.select(SECONDS_MAX)
        if not answered or time.monotonic() - begun > SECONDS_MAX:
            message = "the server did not answer in time"
            raise RuntimeError(message)
        for key, _ in answered:
            assert isinstance(key.fileobj, socket.socket)
            _answer(key.fileobj, expected)
            _send_next(selector, key.fileobj, waiting)
    for line in lines:
        line.close()
    return len(requests) / (time.monotonic() - begun)


def _connect(port: int) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", port), SECONDS_MAX)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def _send_next(
    selector: selectors.BaseSelector,
    line: socket.socket,
    waiting: Iterator[bytes],
) -> None:
    request = next(waiting, None)
    if request is None:
        selector.unregister(line)
    else:
        line.sendall(request)


def _answer(line: socket.socket, expected: bytes) -> None:
    """Read one whole answer; servers here always say how long it is."""
    received = line.recv(65536)
    while b"\r\n\r\n" not in received:
        received += _more(line)
    head, _, body = received.partition(b"\r\n\r\n")
    if not head.startswith(expected):
        message = f"an answer was not as expected: {received[:1000]!r}"
        raise RuntimeError(message)
    length = int(head.lower().partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0])
    left = length - len(body)
    while left > 0:
        left -= len(_more(line))


def _more(line: socket.socket) -> bytes:
    received = line.recv(65536)
    if not received:
        message = "the server closed a connection"
        raise RuntimeError(message)
    return received


def paced(
    port: int, requests: Iterator[bytes], per_second: int, status: int, over: Callable[[], bool]
) -> list[float]:
    """Send so many requests a second until it is over; how long each took, in seconds.

    Time counts from the moment at which a request was due, so that one that had to wait for the
    one before it is not flattered. Raises RuntimeError where an answer has another status.
    """
    begun, number, lock = time.monotonic(), count(), threading.Lock()
    expected = f"HTTP/1.1 {status} ".encode()

    def line() -> list[float]:
        took: list[float] = []
        with _connect(port) as connection:
            while True:
                with lock:
                    due, request = begun + next(number) / per_second, next(requests, None)
                time.sleep(max(0.0, due - time.monotonic()))
                if request is None or over():
                    return took
                connection.sendall(request)
                _answer(connection, expected)
                took.append(time.monotonic() - due)

    with ThreadPoolExecutor(THREADS) as lines:
        return [
            each for part in [lines.submit(line) for _ in range(THREADS)] for each in part.result()
        ]
