"""试算: what a rule would have given last month, had it been as somebody wants it from now on."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select

from core.directory import directory
from core.work import day_start
from points.earning.caps import periods_of
from points.earning.community_rules import Caps
from points.models import Adjustment, Award
from points.taken_back import LEFT, TAKEN_BACK

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, SQLColumnExpression


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """How a rule might be: centipoints per unit (None: off) and caps."""

    community: int
    rule: str
    points: int | None
    caps: Caps


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """Last month as it was and as it would have been; points in centipoints.

    Units that a cap of then had left out are not known, so a wider cap shows too little.
    """

    month: dt.date
    units: int
    awards: int
    awards_then: int
    holders: int
    holders_then: int
    points: int
    points_then: int


def simulate(connection: Connection, proposal: Proposal, day: dt.date) -> Simulation:
    """Reckon the month before ``day`` anew; nothing is written."""
    last = day.replace(day=1) - dt.timedelta(days=1)
    first = last.replace(day=1)
    rows = _awards(connection, proposal, first, day.replace(day=1))
    before = _before(connection, proposal, first)
    homes = _homes(connection, proposal, {row.holder_id for row in (*rows, *before)})
    used: Counter[tuple[UUID, str]] = Counter()
    for row in before:
        for counter in _counted(homes.get(row.holder_id), row.holder_id):
            used[counter, f"{first.year}"] += int(row.units)
    given: list[tuple[UUID, int]] = []
    for row in rows:
        household = homes.get(row.holder_id)
        units = 0 if proposal.points is None else _fits(proposal.caps, row, household, used)
        if units:
            given.append((row.holder_id, units * (proposal.points or 0)))
    return Simulation(
        month=first,
        units=sum(row.units for row in rows),
        awards=len(rows),
        awards_then=len(given),
        holders=len({row.holder_id for row in rows}),
        holders_then=len({holder for holder, _amount in given}),
        points=sum(row.borne for row in rows),
        points_then=sum(amount for _holder, amount in given),
    )


def _left(of: SQLColumnExpression[int]) -> ColumnElement[int]:
    """Return what is left of an award's units or amount, as caps count it."""
    return of - func.coalesce(of * -Adjustment.amount // Award.amount, 0)


def _awards(
    connection: Connection, proposal: Proposal, first: dt.date, until: dt.date
) -> list[Any]:
    return list(
        connection.execute(
            select(
                Award.holder_id,
                _left(Award.units).label("units"),
                Award.event_at,
                _left(func.coalesce(Award.host_amount, Award.amount)).label("borne"),
            )
            .outerjoin(Adjustment, TAKEN_BACK)
            .where(
                LEFT,
                Award.bearing == proposal.community,
                Award.rule == proposal.rule,
                Award.event_at >= day_start(first),
                Award.event_at < day_start(until),
            )
            .order_by(Award.event_at, Award.id),
        ),
    )


def _homes(connection: Connection, proposal: Proposal, holders: set[UUID]) -> dict[UUID, UUID]:
    """Return the household of each holder whose caps are used as well."""
    if not any(proposal.caps.together):
        return {}
    found = directory().standings(connection, holders)
    return {holder: standing.household for holder, standing in found.items()}


def _counted(household: UUID | None, holder: UUID) -> Iterable[UUID]:
    """Return whose counters a holder's units are counted in."""
    return (holder,) if household is None else (holder, household)


def _before(connection: Connection, proposal: Proposal, first: dt.date) -> list[Any]:
    """Return each one's units of the year before the month: they count for the year's cap."""
    return list(
        connection.execute(
            select(Award.holder_id, func.sum(_left(Award.units)).label("units"))
            .outerjoin(Adjustment, TAKEN_BACK)
            .where(
                LEFT,
                Award.bearing == proposal.community,
                Award.rule == proposal.rule,
                Award.event_at >= day_start(first.replace(month=1, day=1)),
                Award.event_at < day_start(first),
            )
            .group_by(Award.holder_id),
        ),
    )


def _fits(caps: Caps, row: Any, household: UUID | None, used: Counter[tuple[UUID, str]]) -> int:
    """Use the caps as recording would; return the units that fit in all of them."""
    units: int = row.units if caps.per_act is None else min(row.units, caps.per_act)
    counters = _counted(household, row.holder_id)
    day, month, year = reversed(periods_of(row.event_at))
    for counter, limits in zip(counters, (caps.own, caps.together), strict=False):
        for period, cap in zip((day, month, year), limits, strict=True):
            if cap is not None:
                units = min(units, cap - used[counter, period])
    units = max(0, units)
    for counter in counters:
        for period in (day, month, year):
            used[counter, period] += units
    return units
