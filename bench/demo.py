"""The demonstration: from installed to its first page, started again, and what it weighs.

One round and no more, as one who tries it waits for it; the floors are the issue's own figures.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.harness import Row, least
from bench.stage import Stage
from tests.demonstration import Demonstration

BUILT_WITHIN = 90.0
STARTED_WITHIN = 5.0
MEGABYTES = 250.0


def rows(_stage: Stage, size: int) -> Iterator[Row]:
    """Build it, look around by so many requests, weigh it, stop it, and start it again."""
    with TemporaryDirectory(prefix="linli-") as folder:
        demo = Demonstration(Path(folder))
        begun = time.monotonic()
        with demo:
            demo.get("/sign-in", {})
            yield _row("demo, from installed to the first page", begun, BUILT_WITHIN)
            accounts = json.loads(demo.flask("demo", "accounts", "--json"))
            demo.look_around(accounts, size)
            name = f"demo, memory after {size} requests"
            yield least(name, demo.megabytes(), MEGABYTES, "MB", 1.0)
        begun = time.monotonic()
        with demo:
            demo.get("/sign-in", {})
            yield _row("demo, started again", begun, STARTED_WITHIN)


def _row(name: str, begun: float, within: float) -> Row:
    seconds = time.monotonic() - begun
    print(f"  {name}: {seconds:.1f} s")
    return least(name, seconds, within, "s", 1.0)
