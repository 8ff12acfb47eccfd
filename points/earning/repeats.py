"""What was recorded before of the rows of a sheet or a list of doors, and what of it still stands.

A row's award is known by a cause. Once nothing of it is left, the row can be recorded again, where
somebody says so: each further attempt has a cause of its own, so that a repeat stays a repeat.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from core.errors import N_
from core.work import day_start, noon
from points.earning.caps import periods_of
from points.earning.rules import MONTHLY, Rule
from points.models import Adjustment, Award, RuleUsage
from points.taken_back import LEFT, TAKEN_BACK

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

CHUNK = 400
UNDONE = N_("后来取消或冲回了")


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What a cause gave when it was last recorded."""

    id: UUID
    units: int
    #: Centipoints.
    amount: int
    #: When the last of it was cancelled or taken back; None: something of it stands.
    undone_at: dt.datetime | None
    #: Whether a part of it was taken back.
    is_part: bool
    #: The cause that the next attempt has, once this one was undone.
    next_cause: str

    @property
    def stands(self) -> bool:
        """Whether anything of it is left."""
        return self.undone_at is None

    def is_free(self, again: dt.datetime | None) -> bool:
        """Whether it is recorded anew by a word that knew of all that was undone until then.

        What was undone later was not meant: a repeat of the same request finds its own award.
        """
        return self.undone_at is not None and again is not None and self.undone_at <= again


def attempt_of(cause: str, attempt: int) -> str:
    """Return the cause of what is recorded again, after ``attempt`` times that were undone."""
    return f"{cause}#{attempt}" if attempt else cause


def _split(cause: str) -> tuple[str, int]:
    first, _mark, attempt = cause.partition("#")
    return first, int(attempt or 0)


KNOWN = (
    select(Award.cause, Award.holder_id, Award.id, Award.units, Award.amount, Award.void_at)
    .add_columns(Adjustment.closed_at, LEFT.label("stands"))
    .outerjoin(Adjustment, TAKEN_BACK)
)


def _before(row: Any) -> Before:
    first, attempt = _split(row.cause)
    return Before(
        id=row.id,
        units=row.units,
        amount=row.amount,
        undone_at=None if row.stands else row.void_at or row.closed_at,
        is_part=bool(row.stands) and row.closed_at is not None,
        next_cause=attempt_of(first, attempt + 1),
    )


def last_awards(connection: Connection, causes: Sequence[str]) -> dict[str, Before]:
    """Return what each cause gave when it was last recorded; causes without an award are left out.

    ``causes`` are those of the first attempts.
    """
    found: dict[str, Before] = {}
    attempt, wanted = 0, list(causes)
    while wanted:
        last: dict[str, Before] = {}
        for start in range(0, len(wanted), CHUNK):
            tried = [attempt_of(cause, attempt) for cause in wanted[start : start + CHUNK]]
            rows = connection.execute(KNOWN.where(Award.cause.in_(tried)))
            last |= {_split(row.cause)[0]: _before(row) for row in rows}
        found |= last
        wanted = [cause for cause, before in last.items() if not before.stands]
        attempt += 1
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOf:
    """Which row of a sheet or a list it is: the same row is the same, whoever brings it.

    ``equals``: how many rows of the sheet say the same; None where the row itself was chosen.
    """

    community: int
    rule: Rule
    holder: UUID
    day: dt.date
    occurrence: int = 0
    equals: int | None = None

    @property
    def start(self) -> str:
        """How the causes of a holder's rows of a day begin; of a month, where it is monthly."""
        period = self.day.isoformat()[: 7 if self.rule.unit == MONTHLY else None]
        return f"row:{self.community}:{self.rule.key}:{self.holder}:{period}:"

    @property
    def cause(self) -> str:
        """The cause of the row's award."""
        return f"{self.start}{self.occurrence}"

    def place_of(self, cause: str) -> int | None:
        """Return which of these rows an award's cause is of; None: it was recorded otherwise."""
        if not cause.startswith(self.start):
            return None
        return int(_split(cause)[0].removeprefix(self.start))


def meant(connection: Connection, row: RowOf, before: Before) -> Before:
    """Return the award that a row of a sheet has; ``before``: the one by its own cause.

    Of two equal rows one was wrong, and is no longer on the sheet: the one that is left is the one
    that stands, though it came second.
    """
    if before.stands or row.equals is None:
        return before
    rows: dict[int, Before] = {}
    for found in connection.execute(_within(row.rule, [row.holder], row.day)):
        place, known = row.place_of(found.cause), _before(found)
        # Of several attempts the one that stands, if any, was the last.
        if place is not None and (known.stands or place not in rows):
            rows[place] = known
    beyond = [rows[each] for each in sorted(rows) if each >= row.equals and rows[each].stands]
    taken = sum(not known.stands for place, known in rows.items() if place < row.occurrence)
    return beyond[taken] if taken < len(beyond) else before


def _within(rule: Rule, holders: Sequence[UUID], day: dt.date) -> Select[Any]:
    """Select what holders were given by a rule on a day; in its month, where it is monthly."""
    first, until = day, day + dt.timedelta(days=1)
    if rule.unit == MONTHLY:
        first = day.replace(day=1)
        until = (first + dt.timedelta(days=32)).replace(day=1)
    return KNOWN.where(
        Award.holder_id.in_(holders),
        Award.rule == rule.key,
        Award.event_at >= day_start(first),
        Award.event_at < day_start(until),
    )


@dataclass(slots=True)
class OnDay:
    """What of a day (a month, where the rule is monthly) stands for a holder."""

    #: How many acts stand, however they were recorded.
    times: int = 0
    #: Whether nothing more counts.
    is_full: bool = False
    #: The rows of lists that there ever were, and those of them that stand.
    rows: set[int] = field(default_factory=set)
    standing: set[int] = field(default_factory=set)

    @property
    def next(self) -> int:
        """The first row of the day that does not stand."""
        return min(set(range(len(self.standing) + 1)) - self.standing)

    @property
    def was_undone(self) -> bool:
        """Whether the next row is one that was cancelled or taken back."""
        return self.next in self.rows


def recorded_on(
    connection: Connection, community: int, rule: Rule, day: dt.date, holders: Sequence[UUID]
) -> dict[UUID, OnDay]:
    """Return what stands of a day by a rule, as it was on that day, for each of these holders."""
    found = {holder: OnDay() for holder in holders}
    caps = dict(zip(periods_of(noon(day)), rule.caps, strict=True))
    for start in range(0, len(holders), CHUNK):
        some = holders[start : start + CHUNK]
        for row in connection.execute(_within(rule, some, day)):
            known = found[row.holder_id]
            known.times += bool(row.stands)
            of = RowOf(community=community, rule=rule, holder=row.holder_id, day=day)
            place = of.place_of(row.cause)
            if place is not None:
                known.rows.add(place)
                known.standing |= {place} if row.stands else set()
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
