"""When residents served here, for packages that know nothing of sessions: asked through ``app``.

``points`` imports nothing from ``activities``; ``app.py`` hands over who answers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from flask import current_app

if TYPE_CHECKING:
    from sqlalchemy import Connection

HALF_HOUR = dt.timedelta(minutes=30)
"""What service counts by."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A time from one moment to another."""

    starts_at: dt.datetime
    ends_at: dt.datetime


def covered(span: Span, known: Iterable[Span]) -> dt.timedelta:
    """Return how much of a span the known ones cover, overlaps counted once."""
    total, upto = dt.timedelta(0), span.starts_at
    for each in sorted(known):
        begin, end = max(each.starts_at, upto), min(each.ends_at, span.ends_at)
        if begin < end:
            total += end - begin
            upto = end
    return total


class Served(Protocol):
    """When somebody served at a session of this district."""

    def spans(
        self, connection: Connection, residents: Iterable[UUID], within: Span
    ) -> dict[UUID, list[Span]]:
        """Return what residents served that touches a span; who has no exit served to the end."""


def served() -> Served:
    """Return who answers, as ``app.py`` named them."""
    found: Served = current_app.extensions["linli.served"]
    return found
