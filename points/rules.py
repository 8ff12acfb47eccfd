"""Earning rules in force: the district's catalogue, and a community's own values."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select

from core.errors import N_, NotFound
from points.models import CatalogueRule, CommunityRule

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row, Select


class RuleUnknown(NotFound):
    """There is no such rule, or it is switched off here."""

    text = N_("这里没有这条积分规则，或者没有打开。请从积分规则里选一条。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule as it holds at a community on a day; ``amount`` in centipoints per unit."""

    key: str
    name: str
    points_kind: str
    unit: str
    amount: int
    cap_per_day: int | None
    cap_per_month: int | None
    cap_per_year: int | None
    holder: str
    recorded_by: str
    provenance: str
    note: str

    @property
    def most(self) -> int | None:
        """The most centipoints of a day, or None without a cap."""
        return None if self.cap_per_day is None else self.cap_per_day * self.amount


def _in_force(community: int, day: dt.date) -> Select[CatalogueRule, int | None, bool]:
    """The catalogue with the latest own value of the community, where it has one."""
    latest = (
        select(CommunityRule.rule, func.max(CommunityRule.valid_from).label("since"))
        .where(CommunityRule.community == community, CommunityRule.valid_from <= day)
        .group_by(CommunityRule.rule)
        .subquery()
    )
    return (
        select(
            CatalogueRule.__table__,
            CommunityRule.points,
            CommunityRule.rule.is_not(None).label("is_own"),
        )
        .outerjoin(latest, latest.c.rule == CatalogueRule.key)
        .outerjoin(
            CommunityRule,
            and_(
                CommunityRule.community == community,
                CommunityRule.rule == latest.c.rule,
                CommunityRule.valid_from == latest.c.since,
            ),
        )
        .order_by(CatalogueRule.points_kind.desc(), CatalogueRule.key)
    )


def rules_in_force(connection: Connection, community: int, day: dt.date) -> list[Rule]:
    """Return the rules that are on at a community on a day."""
    rows = connection.execute(_in_force(community, day))
    return [_rule(row) for row in rows if _is_on(row)]


def rule_in_force(connection: Connection, community: int, key: str, day: dt.date) -> Rule:
    """Return one rule; raises RuleUnknown where it does not exist or is off."""
    query = _in_force(community, day).where(CatalogueRule.key == key)
    row = connection.execute(query).first()
    if row is None or not _is_on(row):
        raise RuleUnknown
    return _rule(row)


def _is_on(row: Row[CatalogueRule, int | None, bool]) -> bool:
    return row.points is not None if row.is_own else row.on_by_default


def _rule(row: Row[CatalogueRule, int | None, bool]) -> Rule:
    return Rule(
        key=row.key,
        name=row.name,
        points_kind=row.points_kind,
        unit=row.unit,
        amount=row.points if row.is_own else row.points_base,
        cap_per_day=row.cap_per_day,
        cap_per_month=row.cap_per_month,
        cap_per_year=row.cap_per_year,
        holder=row.holder,
        recorded_by=row.recorded_by,
        provenance=row.provenance,
        note=row.note,
    )
