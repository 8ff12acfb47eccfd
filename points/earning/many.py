"""Many awards at once: each is what it would be alone, after those before it.

What was awarded and used before is read once, the rest is arithmetic, and one statement each writes
the counters and the awards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects import sqlite

from core.many import among, as_json, insert_many
from points.earning.awards import (
    Award,
    AwardDiffers,
    Awarded,
    AwardRaced,
    check_units,
    counted_for,
    earlier,
    made,
    nothing,
    row_of,
    wanted_by,
)
from points.earning.caps import Counter, limits_of, periods_of
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


@dataclass(slots=True)
class _Many:
    """What is known before and what becomes of it, award by award."""

    work: Work
    #: The award that a cause has, by the cause.
    earlier: dict[str, Any]
    used: dict[Counter, int]
    raised: dict[Counter, int] = field(default_factory=dict)
    households: set[UUID] = field(default_factory=set)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def award(self, command: Award) -> Awarded:
        """Say what becomes of the next one; raises UnitsOutOfRange or AwardDiffers."""
        check_units(command)
        before = self.earlier.get(command.cause)
        if before is not None:
            return earlier(before, command.holder_id, command.rule.key, command.units)
        wanted = wanted_by(command)
        limits = limits_of(command.rule, wanted)
        units = min(wanted.units, *(cap - self.used.get(key, 0) for key, cap in limits.items()))
        if units <= 0:
            return nothing(command.rule, wanted, self.used)
        row = row_of(self.work, command, units) | {"state": "pending"}
        done = made(command, row, wanted, self.used)
        for key in limits:
            self.used[key] = self.used.get(key, 0) + units
            self.raised[key] = self.raised.get(key, 0) + units
        if wanted.household is not None:
            self.households.add(wanted.household)
        self.rows.append(row)
        self.earlier[command.cause] = SimpleNamespace(**row)
        return done

    def _in_order(self) -> list[tuple[Counter, int]]:
        """Return what is raised as everybody locks it: households before persons, then by key."""

        def place(each: tuple[Counter, int]) -> tuple[bool, int, str, str]:
            holder, rule, period = each[0]
            return holder not in self.households, holder.int, rule, period

        return sorted(self.raised.items(), key=place)

    def write(self) -> None:
        """Write counters and awards; raises AwardRaced."""
        if not self.rows:
            return
        keys = ("holder_id", "rule", "period")
        if self.work.is_sqlite:
            upsert = sqlite.insert(RuleUsage)
            statement = upsert.on_conflict_do_update(
                index_elements=keys, set_={"used": RuleUsage.used + upsert.excluded.used}
            )
            raised = [
                dict(zip(keys, key, strict=True), used=units) for key, units in self._in_order()
            ]
            self.work.connection.execute(statement, raised)
        else:
            rows = [
                dict(zip(keys, key, strict=True), place=place, units=units, after=self.used[key])
                for place, (key, units) in enumerate(self._in_order())
            ]
            if self.work.connection.scalar(RAISE, {"rows": as_json(rows)}):
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


def _earlier(work: Work, commands: Sequence[Award]) -> dict[str, Any]:
    wanted = [command.cause for command in commands]
    columns = (AwardRow.cause, AwardRow.id, AwardRow.amount, AwardRow.units, AwardRow.due)
    rows = work.connection.execute(
        select(*columns, AwardRow.holder_id, AwardRow.rule).where(
            among(work.connection, AwardRow.cause, wanted)
        )
    )
    return {row.cause: row for row in rows}


def _used(work: Work, commands: Sequence[Award]) -> dict[Counter, int]:
    """Return what was used of the counters; of some that nobody asks for, too."""
    holders = {command.holder_id for command in commands}
    households = {counted_for(command) for command in commands} - {None}
    rows = work.connection.execute(
        select(RuleUsage.holder_id, RuleUsage.rule, RuleUsage.period, RuleUsage.used).where(
            among(work.connection, RuleUsage.holder_id, holders | households),
            RuleUsage.rule.in_({command.rule.key for command in commands}),
            RuleUsage.period.in_(
                {period for command in commands for period in periods_of(command.event_at)}
            ),
        )
    )
    return {(row.holder_id, row.rule, row.period): row.used for row in rows}
