"""What was recorded before of the rows of a sheet or a list of doors, and what of it still stands.

A row's award is known by a cause. Once nothing of it is left, the row can be recorded again, where
somebody says so: each further attempt has a cause of its own, so that a repeat stays a repeat.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from core.errors import N_
from core.work import day_start, noon
from points.earning.caps import periods_of
from points.earning.rules import MONTHLY, Rule
from points.models import Adjustment, Award, RuleUsage
from points.taken_back import LEFT, TAKEN_BACK

if TYPE_CHECKING:
    from sqlalchemy import Connection

CHUNK = 400
UNDONE = N_("后来取消或冲回了")


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What a cause gave when it was last recorded; ``stands``: something of it is left."""

    id: UUID
    units: int
    #: Centipoints.
    amount: int
    stands: bool
    #: The cause that the next attempt has, once this one was undone.
    next_cause: str


def attempt_of(cause: str, attempt: int) -> str:
    """Return the cause of what is recorded again, after ``attempt`` times that were undone."""
    return f"{cause}#{attempt}" if attempt else cause


def last_awards(connection: Connection, causes: Sequence[str]) -> dict[str, Before]:
    """Return what each cause gave when it was last recorded; causes without an award are left out.

    ``causes`` are those of the first attempts.
    """
    found: dict[str, Before] = {}
    attempt, wanted = 0, list(causes)
    while wanted:
        last = _attempts(connection, wanted, attempt)
        found |= last
        wanted = [cause for cause, before in last.items() if not before.stands]
        attempt += 1
    return found


def _attempts(connection: Connection, causes: list[str], attempt: int) -> dict[str, Before]:
    found: dict[str, Before] = {}
    for start in range(0, len(causes), CHUNK):
        tried = {attempt_of(cause, attempt): cause for cause in causes[start : start + CHUNK]}
        rows = connection.execute(
            select(Award.cause, Award.id, Award.units, Award.amount, LEFT.label("stands"))
            .outerjoin(Adjustment, TAKEN_BACK)
            .where(Award.cause.in_(tried)),
        )
        for row in rows:
            cause = tried[row.cause]
            found[cause] = Before(
                id=row.id,
                units=row.units,
                amount=row.amount,
                stands=bool(row.stands),
                next_cause=attempt_of(cause, attempt + 1),
            )
    return found


def _rows_of(community: int, rule: Rule, holder: UUID, day: dt.date) -> str:
    """Return how the causes of a holder's rows of a day begin; of a month, where it is monthly."""
    period = day.isoformat()[: 7 if rule.unit == MONTHLY else None]
    return f"row:{community}:{rule.key}:{holder}:{period}:"


def row_cause(community: int, rule: Rule, holder: UUID, day: dt.date, occurrence: int) -> str:
    """Return the cause of a row's award: the same row has the same, whoever brings it."""
    return f"{_rows_of(community, rule, holder, day)}{occurrence}"


@dataclass(slots=True)
class OnDay:
    """What of a day (a month, where the rule is monthly) stands for a holder."""

    #: How many acts, however they were recorded.
    times: int = 0
    #: Whether nothing more counts.
    is_full: bool = False
    occurrences: set[int] = field(default_factory=set)

    @property
    def next(self) -> int:
        """The first row of the day that does not stand."""
        return next(
            each for each in range(len(self.occurrences) + 1) if each not in self.occurrences
        )


def recorded_on(
    connection: Connection, community: int, rule: Rule, day: dt.date, holders: Sequence[UUID]
) -> dict[UUID, OnDay]:
    """Return what stands of a day by a rule for each of these holders."""
    found = {holder: OnDay() for holder in holders}
    first, until = day, day + dt.timedelta(days=1)
    if rule.unit == MONTHLY:
        first = day.replace(day=1)
        until = (first + dt.timedelta(days=32)).replace(day=1)
    caps = dict(zip(periods_of(noon(day)), rule.caps, strict=True))
    for start in range(0, len(holders), CHUNK):
        some = holders[start : start + CHUNK]
        standing = connection.execute(
            select(Award.holder_id, Award.cause)
            .outerjoin(Adjustment, TAKEN_BACK)
            .where(
                Award.holder_id.in_(some),
                Award.rule == rule.key,
                Award.event_at >= day_start(first),
                Award.event_at < day_start(until),
                LEFT,
            ),
        )
        for row in standing:
            known = found[row.holder_id]
            known.times += 1
            rows = _rows_of(community, rule, row.holder_id, day)
            if row.cause.startswith(rows):
                known.occurrences.add(int(row.cause.removeprefix(rows).partition("#")[0]))
        used = connection.execute(
            select(RuleUsage.holder_id, RuleUsage.period, RuleUsage.used).where(
                RuleUsage.holder_id.in_(some),
                RuleUsage.rule == rule.key,
                RuleUsage.period.in_(caps),
            ),
        )
        for count in used:
            cap = caps[count.period]
            found[count.holder_id].is_full |= cap is not None and count.used >= cap
    for known in found.values():
        known.is_full |= rule.unit == MONTHLY and known.times > 0
    return found
