"""A night's settlement while residents check in: what either costs the other."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator

from bench import check_in
from bench.driving import drive, paced, serving
from bench.harness import LARGE, Row, least, row
from bench.settlement import Night
from bench.stage import Stage
from points.settlement import settle_due

PER_SECOND = 20
QUIET_SECONDS = 20
WARM = 200
VISITORS = 2_400
ROUNDS = 3
FLOOR, P99 = 0.5, 0.5
"""Asked for: half of the bare statements' speed, and not more than twice the quiet p99."""


class Settling:
    """Settlement in a process of its own, as the scheduler's."""

    def __init__(self, stage: Stage) -> None:
        fork = multiprocessing.get_context("fork")
        self.done = fork.SimpleQueue()
        self.process = fork.Process(target=self._run, args=(stage,))
        self.process.start()

    def _run(self, stage: Stage) -> None:
        with stage.app.app_context():
            begun = time.monotonic()
            settled = settle_due()
            self.done.put((settled, time.monotonic() - begun))

    def is_over(self) -> bool:
        """Whether everything is settled, or it broke off."""
        return not self.process.is_alive()

    def speed(self, awards: int) -> float:
        """Return awards per second."""
        self.process.join()
        settled, seconds = self.done.get()
        assert settled == awards, settled
        return float(settled / seconds)


def over_in(seconds: float) -> Callable[[], bool]:
    """Return what tells whether so many seconds are over."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() > until


def p99(took: list[float]) -> float:
    """Return the milliseconds that one of a hundred exceeds."""
    return statistics.quantiles(took, n=100)[-1] * 1000


def rows(stage: Stage, size: int) -> Iterator[Row]:
    """Settle so many awards: bare and alone, and by the application beside check-ins."""
    stage.reset()
    arrivals = check_in.arrive(stage, VISITORS)
    night = Night(stage, size)
    night.fall()
    speeds, floors, quiet, busy = [], [], [], []
    for _ in range(ROUNDS if size < LARGE else 1):
        floors.append(night.floor())
        stage.reset("night")
        requests = check_in.requests_of(stage.app, arrivals)
        stage.leave()
        with serving(stage, stage.app) as port:
            drive(port, requests[:WARM], check_in.CONNECTIONS, 303)
            left = iter(requests[WARM:])
            quiet.append(p99(paced(port, left, PER_SECOND, 303, over_in(QUIET_SECONDS))))
            settling = Settling(stage)
            busy.append(p99(paced(port, left, PER_SECOND, 303, settling.is_over)))
            speeds.append(settling.speed(size))
        print(
            f"  {speeds[-1]:,.0f} beside {floors[-1]:,.0f} awards/s;"
            f" p99 {busy[-1]:.1f} beside {quiet[-1]:.1f} ms"
        )
    name = f"settlement of {size:,} awards beside {PER_SECOND} check-ins/s"
    yield row(name, statistics.median(speeds), statistics.median(floors), "awards/s", FLOOR)
    yield least(
        f"{name}, p99 of the check-ins beside quiet ones",
        statistics.median(busy),
        statistics.median(quiet),
        "ms",
        P99,
    )
