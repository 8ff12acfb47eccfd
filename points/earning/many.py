"""Many awards at once: each is what it would be alone, after those before it.

What was awarded and used before is read once, the rest is arithmetic, and one statement each writes
the counters and the awards.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, select, text

from core.many import among, as_json, insert_many
from points.earning.awards import (
    Award,
    AwardDiffers,
    Awarded,
    AwardRaced,
    check_units,
    counted_for,
    due_of,
    earlier,
    made,
    nothing,
    row_of,
    wanted_by,
)
from points.earning.caps import Counter, Wanted, caps_of, limits_of, periods_of
from points.earning.rules import Rule
from points.models import Award as AwardRow
from points.models import RuleUsage

if TYPE_CHECKING:
    from core.work import Work

# In their order, as single awards lock them; a counter that another one raised since it was read
# does not come out as expected.
RAISE = text(
    "WITH asked AS (SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS asked"
    " (place integer, holder_id uuid, rule text, period text, units integer, after integer)),"
    " raised AS (INSERT INTO rule_usage (holder_id, rule, period, used)"
    " SELECT holder_id, rule, period, units FROM asked ORDER BY place"
    " ON CONFLICT (holder_id, rule, period) DO UPDATE SET used = rule_usage.used + excluded.used"
    " RETURNING holder_id, rule, period, used)"
    " SELECT count(*) FROM raised JOIN asked USING (holder_id, rule, period)"
    " WHERE raised.used <> asked.after",
)
# It has one writer: nobody raises a counter between the reading and the writing.
RAISE_EMBEDDED = text(
    "INSERT INTO rule_usage (holder_id, rule, period, used)"
    " VALUES (:holder_id, :rule, :period, :units)"
    " ON CONFLICT (holder_id, rule, period) DO UPDATE SET used = rule_usage.used + excluded.used",
).bindparams(bindparam("holder_id", type_=Uuid()))


@dataclass(slots=True)
class _Count:
    """Units of a counter: what was used when it was read, and with what has been added since."""

    before: int = 0
    used: int = 0


Counts = dict[tuple[UUID, str], dict[str, _Count]]
"""Counters by whose they are and by which rule, and then by their period."""


@dataclass(slots=True)
class _Many:
    """What is known before and what becomes of it, award by award."""

    work: Work
    #: The award that a cause has, by the cause.
    earlier: dict[str, Mapping[Any, Any]]
    counts: Counts
    households: set[UUID] = field(default_factory=set)
    rows: list[dict[str, Any]] = field(default_factory=list)
    #: When awards arrive that are alike in all that tells.
    dues: dict[tuple[object, ...], dt.datetime | None] = field(default_factory=dict)

    def award(self, command: Award) -> Awarded:
        """Say what becomes of the next one; raises UnitsOutOfRange or AwardDiffers."""
        check_units(command)
        before = self.earlier.get(command.cause)
        if before is not None:
            return earlier(before, command.holder_id, command.rule.key, command.units)
        wanted = wanted_by(command)
        limits = self._limits(command.rule, wanted)
        units = min([wanted.units, *(cap - count.used for count, cap in limits if cap is not None)])
        used = {}
        if units < command.units:
            counters = zip(limits_of(command.rule, wanted), limits, strict=True)
            used = {counter: count.used for (counter, _), (count, _) in counters}
        if units <= 0:
            return nothing(command.rule, wanted, used)
        row = row_of(self.work, command, units, self._due(command))
        row["state"] = "pending"
        done = made(command, row, wanted, used)
        for count, _ in limits:
            count.used += units
        if wanted.household is not None:
            self.households.add(wanted.household)
        self.rows.append(row)
        self.earlier[command.cause] = row
        return done

    def _due(self, command: Award) -> dt.datetime | None:
        alike = command.community, command.rule.unit, command.provenance, command.needs_second
        if alike not in self.dues:
            self.dues[alike] = due_of(self.work, command)
        return self.dues[alike]

    def _limits(self, rule: Rule, wanted: Wanted) -> list[tuple[_Count, int | None]]:
        """Return the counters that an award uses, as ``limits_of`` does, each with its cap."""
        periods = periods_of(wanted.at)
        found = []
        for whose, caps in caps_of(rule, wanted):
            counts = self.counts.setdefault((whose, rule.key), {})
            for period, cap in zip(periods, caps, strict=True):
                found.append((counts.setdefault(period, _Count()), cap))
        return found

    def _raised(self) -> Iterator[tuple[Counter, _Count]]:
        """Yield what is raised as everybody locks it: households before persons, then by key."""

        def place(key: tuple[UUID, str]) -> tuple[bool, int, str]:
            holder, rule = key
            return holder not in self.households, holder.int, rule

        for holder, rule in sorted(self.counts, key=place):
            for period, count in sorted(self.counts[holder, rule].items(), key=itemgetter(0)):
                if count.used > count.before:
                    yield (holder, rule, period), count

    def write(self) -> None:
        """Write counters and awards; raises AwardRaced."""
        if not self.rows:
            return
        rows = [
            {
                "place": place,
                "holder_id": holder,
                "rule": rule,
                "period": period,
                "units": count.used - count.before,
                "after": count.used,
            }
            for place, ((holder, rule, period), count) in enumerate(self._raised())
        ]
        if self.work.is_sqlite:
            self.work.connection.execute(RAISE_EMBEDDED, rows)
        elif self.work.connection.scalar(RAISE, {"rows": as_json(rows)}):
            raise AwardRaced
        insert_many(self.work, AwardRow.__table__, self.rows)  # type: ignore[arg-type]


def award_many(work: Work, commands: Sequence[Award]) -> list[Awarded | AwardDiffers]:
    """Award all, in their order; one whose cause gave something else is refused by itself.

    Raises UnitsOutOfRange or AwardRaced.
    """
    many = _Many(work, _earlier(work, commands), _used(work, commands))
    results: list[Awarded | AwardDiffers] = []
    for command in commands:
        try:
            results.append(many.award(command))
        except AwardDiffers as refusal:
            results.append(refusal)
    many.write()
    return results


def _earlier(work: Work, commands: Sequence[Award]) -> dict[str, Mapping[Any, Any]]:
    wanted = [command.cause for command in commands]
    columns = (AwardRow.cause, AwardRow.id, AwardRow.amount, AwardRow.units, AwardRow.due)
    rows = work.connection.execute(
        select(*columns, AwardRow.holder_id, AwardRow.rule).where(
            among(work.connection, AwardRow.cause, wanted)
        )
    ).mappings()
    return {row["cause"]: row for row in rows}


def _used(work: Work, commands: Sequence[Award]) -> Counts:
    """Return what was used of the counters; of some that nobody asks for, too."""
    holders = {command.holder_id for command in commands}
    households = {counted_for(command) for command in commands} - {None}
    rows = work.connection.execute(
        select(RuleUsage.holder_id, RuleUsage.rule, RuleUsage.period, RuleUsage.used).where(
            among(work.connection, RuleUsage.holder_id, holders | households),
            RuleUsage.rule.in_({command.rule.key for command in commands}),
            RuleUsage.period.in_(
                {period for at in {each.event_at for each in commands} for period in periods_of(at)}
            ),
        )
    ).all()
    found: Counts = {}
    for row in rows:
        found.setdefault((row.holder_id, row.rule), {})[row.period] = _Count(row.used, row.used)
    return found
