"""A settlement or an import while residents check in: what either costs the other."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench import check_in
from bench.driving import drive, paced
from bench.feeding import Feed
from bench.harness import LARGE, Row, least, row
from bench.settlement import Night
from bench.stage import Stage
from core.server import collect_seldom
from tests.serving import forked

PER_SECOND = 20
QUIET_SECONDS = 20
WARM = 200
VISITORS = 8_000
"""Enough for the six minutes that a million items take on slow cores."""

ROUNDS = 3
FLOOR, P99 = 0.5, 0.5
"""Asked for: half of the bare statements' speed, and not more than twice the quiet p99."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is done beside check-ins; ``work`` and ``floor`` return what they did in a second."""

    name: str
    #: The database in which it begins.
    kept: str
    work: Callable[[], float]
    floor: Callable[[], float]


class Busy:
    """A task in a process of its own, as the scheduler's."""

    def __init__(self, stage: Stage, work: Callable[[], float]) -> None:
        fork = multiprocessing.get_context("fork")
        self.done = fork.SimpleQueue()
        self.process = fork.Process(target=self._run, args=(stage, work))
        self.process.start()

    def _run(self, stage: Stage, work: Callable[[], float]) -> None:
        collect_seldom()
        with stage.app.app_context():
            self.done.put(work())

    def is_over(self) -> bool:
        """Whether it is done, or broke off."""
        return not self.process.is_alive()

    def speed(self) -> float:
        """Return what it did in a second."""
        self.process.join()
        assert self.process.exitcode == 0, self.process.exitcode
        return float(self.done.get())


def over_in(seconds: float) -> Callable[[], bool]:
    """Return what tells whether so many seconds are over."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() > until


def p99(took: list[float]) -> float:
    """Return the milliseconds that one of a hundred exceeds."""
    return statistics.quantiles(took, n=100)[-1] * 1000


def settling(stage: Stage, size: int) -> Iterator[Row]:
    """Settle so many awards: bare and alone, and by the application beside check-ins."""
    stage.reset()
    arrivals = check_in.arrive(stage, VISITORS)
    night = Night(stage, size)
    night.fall()
    name = f"settlement of {size:,} awards"
    task = Task(name=name, kept="night", work=night.settle, floor=night.floor)
    yield from _beside(stage, arrivals, task, ROUNDS if size < LARGE else 1)


def importing(stage: Stage, size: int) -> Iterator[Row]:
    """Record so many items of a feed: bare and alone, and by the application beside check-ins."""
    stage.reset()
    arrivals = check_in.arrive(stage, VISITORS)
    feed = Feed(stage, size)
    name = f"import of {size:,} items of a feed"
    task = Task(name=name, kept="feed", work=feed.record, floor=feed.floor)
    yield from _beside(stage, arrivals, task, ROUNDS if size < LARGE else 1)


def _beside(
    stage: Stage, arrivals: list[check_in.Arrival], task: Task, rounds: int
) -> Iterator[Row]:
    speeds, floors, quiet, busy = [], [], [], []
    for _ in range(rounds):
        floors.append(task.floor())
        stage.reset(task.kept)
        requests = check_in.requests_of(stage.app, arrivals)
        stage.leave()
        with forked(stage.app, stage.config) as port:
            drive(port, requests[:WARM], check_in.CONNECTIONS, 303)
            left = iter(requests[WARM:])
            quiet.append(p99(paced(port, left, PER_SECOND, 303, over_in(QUIET_SECONDS))))
            meanwhile = Busy(stage, task.work)
            busy.append(p99(paced(port, left, PER_SECOND, 303, meanwhile.is_over)))
            speeds.append(meanwhile.speed())
            if next(left, None) is None:
                print("  nobody was left to check in before it was over")
        print(
            f"  {speeds[-1]:,.0f} beside {floors[-1]:,.0f} /s;"
            f" p99 {busy[-1]:.1f} beside {quiet[-1]:.1f} ms"
        )
    name = f"{task.name} beside {PER_SECOND} check-ins/s"
    yield row(name, statistics.median(speeds), statistics.median(floors), "/s", FLOOR)
    yield least(
        f"{name}, p99 of the check-ins beside quiet ones",
        statistics.median(busy),
        statistics.median(quiet),
        "ms",
        P99,
    )
