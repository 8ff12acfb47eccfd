"""Rounds, medians and rows; clients in processes and threads; requests over kept connections."""

from __future__ import annotations

import gc
import multiprocessing
import os
import selectors
import socket
import statistics
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core.server import THREADS, WORKERS_POSTGRESQL

ROUNDS = 5
SECONDS_MAX = 60.0
"""A burst that takes longer than this is given up."""

Client = Callable[[int, Callable[[], object]], int]
"""client(number, ready): prepare, call ``ready``, work; returns how many operations it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison: speeds in ``unit``, and the least ratio that an issue asked for."""

    name: str
    value: float
    unit: str
    floor: float
    ratio: float
    bar: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is measured, and beside what; both sides return a speed, so higher is better."""

    name: str
    unit: str
    bar: float
    ours: Callable[[], float]
    floor: Callable[[], float]


def compare(comparison: Comparison) -> Row:
    """Measure ours and the floor in turn; the medians of all rounds make the row."""
    ours: list[float] = []
    floor: list[float] = []
    for _ in range(ROUNDS):
        for speeds, measure in ((ours, comparison.ours), (floor, comparison.floor)):
            gc.collect()
            speeds.append(measure())
        print(f"  {comparison.name}: {ours[-1]:,.0f} beside {floor[-1]:,.0f} {comparison.unit}")
    value, base = statistics.median(ours), statistics.median(floor)
    return Row(
        name=comparison.name,
        value=round(value, 1),
        unit=comparison.unit,
        floor=round(base, 1),
        ratio=round(value / base, 3),
        bar=comparison.bar,
    )


def burst(clients: int, client: Client) -> float:
    """Let clients work at the same time, in workers as the server has; operations per second.

    Two processes at least, and no process has more threads than one of gunicorn's.
    """
    fork = multiprocessing.get_context("fork")
    count = max(WORKERS_POSTGRESQL, clients // THREADS)
    start, done = fork.Barrier(clients), fork.SimpleQueue()
    workers = [
        fork.Process(target=_worker, args=(range(first, clients, count), client, start, done))
        for first in range(count)
    ]
    for worker in workers:
        worker.start()
    try:
        spans = [span for _ in workers for span in done.get()]
    finally:
        for worker in workers:
            worker.join(SECONDS_MAX)
            if worker.is_alive():
                worker.kill()
                worker.join()
    failed = [span for span in spans if isinstance(span, str)]
    if failed:
        raise RuntimeError(failed[0])
    seconds = max(end for _, _, end in spans) - min(begin for _, begin, _ in spans)
    return float(sum(operations for operations, _, _ in spans) / seconds)


def _worker(numbers: Sequence[int], client: Client, start: Any, done: Any) -> None:
    """Run one process's clients, each in a thread, and report what they did and when."""
    spans: list[tuple[int, float, float] | str] = []
    begun: dict[int, float] = {}

    def one(number: int) -> None:
        def ready() -> None:
            start.wait(SECONDS_MAX)
            begun[number] = time.monotonic()

        try:
            operations = client(number, ready)
            spans.append((operations, begun[number], time.monotonic()))
        except Exception:  # noqa: BLE001 - the parent raises it
            start.abort()
            spans.append(traceback.format_exc())

    threads = [threading.Thread(target=one, args=(number,), daemon=True) for number in numbers]
    for thread in threads:
        thread.start()
    until = time.monotonic() + SECONDS_MAX
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    if len(spans) < len(threads):
        spans.append("clients did not end in time")
    done.put(list(spans))
    os._exit(0)  # nothing of the parent's is tidied up in a client


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
