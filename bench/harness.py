"""Rounds, medians and rows; clients in processes and threads."""

from __future__ import annotations

import multiprocessing
import os
import statistics
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.server import THREADS, WORKERS_POSTGRESQL, collect_seldom

ROUNDS = 5
LARGE = 1_000_000
"""From so many rows on, one round: it takes minutes."""

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
    rounds: int = ROUNDS


def compare(comparison: Comparison) -> Row:
    """Measure ours and the floor in turn; the medians of all rounds make the row.

    Garbage is collected as in a worker of the server.
    """
    ours: list[float] = []
    floor: list[float] = []
    for _ in range(comparison.rounds):
        for speeds, measure in ((ours, comparison.ours), (floor, comparison.floor)):
            collect_seldom()
            speeds.append(measure())
        print(f"  {comparison.name}: {ours[-1]:,.0f} beside {floor[-1]:,.0f} {comparison.unit}")
    value, base = statistics.median(ours), statistics.median(floor)
    return row(comparison.name, value, base, comparison.unit, comparison.bar)


def row(name: str, value: float, floor: float, unit: str, bar: float = 0) -> Row:
    """Return the row of two speeds; without a bar it is only reported."""
    return Row(
        name=name,
        value=round(value, 1),
        unit=unit,
        floor=round(floor, 1),
        ratio=round(value / floor, 3),
        bar=bar,
    )


def least(name: str, value: float, floor: float, unit: str, bar: float = 0) -> Row:
    """Return the row of two costs, of which the smaller is the better."""
    return replace(row(name, value, floor, unit, bar), ratio=round(floor / value, 3))


def burst(clients: int, client: Client, processes: int = 0) -> float:
    """Let clients work at the same time, in workers as the server has; operations per second.

    Two processes at least, and no process has more threads than one of gunicorn's; an embedded
    database has one process for all of them.
    """
    fork = multiprocessing.get_context("fork")
    count = processes or max(WORKERS_POSTGRESQL, clients // THREADS)
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
