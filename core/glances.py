"""Limits on what anybody may read: a counter in this process, because a GET writes nothing.

It is per process and forgets with it: enough to stop somebody who tries codes by the thousand,
and no row is written for those who look at one paper.
"""

from __future__ import annotations

import math
import threading
import time

from core.errors import TooMany

KEPT = 10_000
"""Addresses that are remembered; when more come in one window, all begin anew."""


class Glances:
    """At most ``limit`` reads in ``seconds`` from one address."""

    def __init__(self, limit: int, seconds: int) -> None:
        self.limit, self.seconds = limit, seconds
        self._began = time.monotonic()
        self._seen: dict[str, int] = {}
        self._lock = threading.Lock()

    def one_more(self, address: str) -> None:
        """Count a read; raises TooMany above the limit."""
        with self._lock:
            now = time.monotonic()
            if now - self._began > self.seconds or len(self._seen) >= KEPT:
                self._began = now
                self._seen.clear()
            self._seen[address] = self._seen.get(address, 0) + 1
            if self._seen[address] > self.limit:
                raise TooMany(seconds=math.ceil(self._began + self.seconds - now))
