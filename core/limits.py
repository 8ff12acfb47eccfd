"""Limits on unsafe requests: a guarded counter per key and window, exact over all processes."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, case, delete
from sqlalchemy.dialects import postgresql, sqlite

from core.errors import TooMany, TooManyToday
from core.models import RateLimit

if TYPE_CHECKING:
    from core.work import Work

DAY = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One more of something that may happen ``limit`` times in ``seconds``."""

    name: str
    limit: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How often it has happened in this window."""

    used: int


def _counting(made: sqlite.Insert | postgresql.Insert) -> sqlite.Insert | postgresql.Insert:
    expired = RateLimit.window_end <= bindparam("v_now")
    return made.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "used": case((expired, made.excluded.used), else_=RateLimit.used + 1),
            "window_end": case((expired, made.excluded.window_end), else_=RateLimit.window_end),
        },
    )


COUNT = {
    is_sqlite: _counting(made).returning(RateLimit.used, RateLimit.window_end)
    for is_sqlite, made in (
        (True, sqlite.insert(RateLimit)),
        (False, postgresql.insert(RateLimit)),
    )
}
"""By whether the database is embedded."""


def hit(work: Work, command: Hit) -> Counted:
    """Count it; raises TooMany above the limit, TooManyToday where it is a day's.

    The edge calls this in a transaction before the use case, because a refusal of the use case
    would roll the count back with it.
    """
    end = work.now + dt.timedelta(seconds=command.seconds)
    row = {"key": command.name, "window_end": end, "used": 1, "v_now": work.now}
    used, until = work.connection.execute(COUNT[work.is_sqlite], row).one()
    work.replayed()
    if used > command.limit:
        refusal = TooManyToday if command.seconds >= DAY else TooMany
        raise refusal(seconds=math.ceil((until - work.now).total_seconds()))
    return Counted(used=used)


def clean(work: Work, _command: None) -> Counted:
    """Forget windows that ended; a job calls it."""
    gone = work.connection.execute(delete(RateLimit).where(RateLimit.window_end <= work.now))
    work.replayed()
    return Counted(used=gone.rowcount)
