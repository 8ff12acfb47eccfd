"""A community's rules beside the district's catalogue, and what other communities made of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import aliased

from points.earning.rules import Rule, RuleUnknown, in_force, is_on, rule_of
from points.models import CatalogueRule, CommunityRule, RuleTopic

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

ELSEWHERE_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A change that has been written and whose day has not come; ``points`` None: off."""

    valid_from: dt.date
    points: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLine:
    """A rule as it holds at a community, with the district's base and band in centipoints."""

    rule: Rule
    topic: str
    is_duty: bool
    is_on: bool
    #: The community has a row of its own; ``since`` is its day.
    is_set: bool
    since: dt.date | None
    #: Made by the community itself (单点自建); then there is no base to compare with.
    is_own: bool
    base: int
    low: int
    high: int
    outside_band: bool
    #: The community whose values or whose rule these were.
    from_community: int | None
    planned: Planned | None


def rule_table(connection: Connection, community: int, day: dt.date) -> list[RuleLine]:
    """Return every rule that a community has or could switch on."""
    topics = _topics(connection)
    planned = _planned(connection, community, day)
    rows = connection.execute(in_force(community, day))
    return [_line(row, topics, planned) for row in rows]


def rule_line(connection: Connection, community: int, key: str, day: dt.date) -> RuleLine:
    """Return one rule of a community; raises RuleUnknown."""
    row = connection.execute(in_force(community, day).where(CatalogueRule.key == key)).first()
    if row is None:
        raise RuleUnknown
    return _line(row, _topics(connection), _planned(connection, community, day))


def _topics(connection: Connection) -> dict[str, Row[Any]]:
    return {row.key: row for row in connection.execute(select(RuleTopic.__table__))}


def topics(connection: Connection) -> list[Row[Any]]:
    """Return the topics that rules may have, those for service first."""
    query = select(RuleTopic.__table__)
    return list(connection.execute(query.order_by(RuleTopic.points_kind.desc(), RuleTopic.name)))


def _planned(connection: Connection, community: int, day: dt.date) -> dict[str, Planned]:
    rows = connection.execute(
        select(CommunityRule.rule, CommunityRule.valid_from, CommunityRule.points)
        .where(CommunityRule.community == community, CommunityRule.valid_from > day)
        .order_by(CommunityRule.valid_from.desc(), CommunityRule.revision),
    )
    return {row.rule: Planned(valid_from=row.valid_from, points=row.points) for row in rows}


def _line(row: Row[Any], known: dict[str, Row[Any]], planned: dict[str, Planned]) -> RuleLine:
    topic = known[row.topic]
    return RuleLine(
        rule=rule_of(row),
        topic=topic.name,
        is_duty=topic.duty,
        is_on=is_on(row),
        is_set=bool(row.is_set),
        since=row.valid_from,
        is_own=row.community is not None,
        base=row.points_base,
        low=row.points_min,
        high=row.points_max,
        outside_band=bool(row.outside_band),
        from_community=row.values_from or row.from_community,
        planned=planned.get(row.key),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ElsewhereRule:
    """A rule that another community made or set for itself; ``points`` per unit."""

    community: int
    rule: str
    name: str
    unit: str
    points_kind: str
    points: int
    is_own: bool
    note: str
    valid_from: dt.date
    low: int
    high: int
    set_by: UUID


def _newest(day: dt.date, *conditions: Any) -> Any:
    """Select the rows of every community that are on: those in force, and those to come."""
    later = aliased(CommunityRule)
    replaced = (
        select(later.rule)
        .where(
            later.community == CommunityRule.community,
            later.rule == CommunityRule.rule,
            or_(
                and_(later.valid_from > CommunityRule.valid_from, later.valid_from <= day),
                and_(
                    later.valid_from == CommunityRule.valid_from,
                    later.revision > CommunityRule.revision,
                ),
            ),
        )
        .exists()
    )
    return (
        select(
            CommunityRule.community,
            CommunityRule.rule,
            CommunityRule.points,
            CommunityRule.valid_from,
            CommunityRule.set_by,
            CatalogueRule.name,
            CatalogueRule.unit,
            CatalogueRule.points_kind,
            CatalogueRule.community.is_not(None).label("is_own"),
            CatalogueRule.note,
            CatalogueRule.points_min.label("low"),
            CatalogueRule.points_max.label("high"),
        )
        .join(CatalogueRule, CatalogueRule.key == CommunityRule.rule)
        .where(
            CommunityRule.points.is_not(None),
            ~replaced,
            *conditions,
        )
    )


def elsewhere(connection: Connection, community: int, day: dt.date) -> list[ElsewhereRule]:
    """Return what other communities made themselves or set otherwise, the newest first."""
    others = (CommunityRule.community != community, CommunityRule.points > 0)
    rows = connection.execute(
        _newest(day, CommunityRule.valid_from <= day, *others)
        .order_by(CommunityRule.valid_from.desc(), CatalogueRule.name)
        .limit(ELSEWHERE_MAX),
    )
    return [_elsewhere(row) for row in rows]


def outside_band(connection: Connection, day: dt.date) -> list[ElsewhereRule]:
    """Return the rules in force, or to come, that lie outside the district's band."""
    query = _newest(day, CommunityRule.outside_band.is_(True))
    order = (CommunityRule.community, CatalogueRule.name, CommunityRule.valid_from)
    rows = connection.execute(query.order_by(*order))
    return [_elsewhere(row) for row in rows]


def _elsewhere(row: Row[Any]) -> ElsewhereRule:
    return ElsewhereRule(
        community=row.community,
        rule=row.rule,
        name=row.name,
        unit=row.unit,
        points_kind=row.points_kind,
        points=row.points,
        is_own=row.is_own,
        note=row.note,
        valid_from=row.valid_from,
        low=row.low,
        high=row.high,
        set_by=row.set_by,
    )
