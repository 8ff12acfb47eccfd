"""Earning rules in force: the district's catalogue, a community's own values, and own rules."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, bindparam, func, or_, select

from core.errors import N_, NotFound
from core.straight import Straight
from points.models import CatalogueRule, CommunityRule

if TYPE_CHECKING:
    from sqlalchemy import BindParameter, Connection, Row

NEIGHBOUR = "neighbour"
"""The topic whose acts ask the helped person's word."""

SCAN = "自助扫码"
MONTHLY = "户月"
HALF_HOUR = "半小时"


class RuleUnknown(NotFound):
    """There is no such rule, or it is switched off here."""

    text = N_("这里没有这条积分规则，或者没有打开。请从积分规则里选一条。")


Caps = tuple[int | None, int | None, int | None]
"""The most units of a year, a month and a day; None is no cap."""
NO_CAPS: Caps = (None, None, None)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule as it holds at a community on a day; ``amount`` in centipoints per unit.

    What follows from it is told once: a chunk of a feed asks for all of its items.
    """

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
    topic: str = ""
    cap_per_act: int | None = None
    #: Of the members of a household together, beside the holder's own.
    household_cap_per_day: int | None = None
    household_cap_per_month: int | None = None
    household_cap_per_year: int | None = None

    @cached_property
    def caps(self) -> Caps:
        """The holder's own caps."""
        return self.cap_per_year, self.cap_per_month, self.cap_per_day

    @cached_property
    def household_caps(self) -> Caps:
        """The caps of the members of a household together."""
        return (
            self.household_cap_per_year,
            self.household_cap_per_month,
            self.household_cap_per_day,
        )

    @cached_property
    def counts_households(self) -> bool:
        """Whether the members of a household have caps together."""
        return self.household_caps != NO_CAPS

    @cached_property
    def recorders(self) -> frozenset[str]:
        """Who may record it: 社工, 网格员, 楼道长, 自助扫码, 设备, 志愿平台."""
        return frozenset(self.recorded_by.split("|"))


def values_of(community: int | BindParameter[int], day: dt.date | BindParameter[dt.date]) -> Any:
    """Return a subquery of a community's rows in force on a day, one for each rule."""
    newest = (
        func.row_number()
        .over(
            partition_by=CommunityRule.rule,
            order_by=(CommunityRule.valid_from.desc(), CommunityRule.revision.desc()),
        )
        .label("newest")
    )
    rows = (
        select(CommunityRule.__table__, newest)
        .where(CommunityRule.community == community, CommunityRule.valid_from <= day)
        .subquery("rows")
    )
    return select(rows).where(rows.c.newest == 1).subquery("own")


def in_force(
    community: int | BindParameter[int], day: dt.date | BindParameter[dt.date]
) -> Select[Any]:
    """Select the rules a community may have with its own row of the day, off ones included."""
    own = values_of(community, day)
    return (
        select(
            CatalogueRule.__table__,
            own.c.rule.is_not(None).label("is_set"),
            own.c.points,
            own.c.valid_from,
            own.c.outside_band,
            own.c.from_community.label("values_from"),
            own.c.cap_per_act.label("own_per_act"),
            own.c.cap_per_day.label("own_per_day"),
            own.c.cap_per_month.label("own_per_month"),
            own.c.cap_per_year.label("own_per_year"),
            own.c.household_cap_per_day.label("own_household_per_day"),
            own.c.household_cap_per_month.label("own_household_per_month"),
            own.c.household_cap_per_year.label("own_household_per_year"),
            own.c.recorded_by.label("own_recorded_by"),
        )
        .outerjoin(own, own.c.rule == CatalogueRule.key)
        .where(or_(CatalogueRule.community.is_(None), CatalogueRule.community == community))
        .order_by(CatalogueRule.points_kind.desc(), CatalogueRule.key)
    )


ONE = Straight(
    in_force(
        bindparam("v_community", type_=CommunityRule.community.type),
        bindparam("v_day", type_=CommunityRule.valid_from.type),
    ).where(CatalogueRule.key == bindparam("v_key"))
)
"""A rule is asked for with every act."""


def rules_in_force(connection: Connection, community: int, day: dt.date) -> list[Rule]:
    """Return the rules that are on at a community on a day."""
    rows = connection.execute(in_force(community, day))
    return [rule_of(row) for row in rows if is_on(row)]


def rule_in_force(connection: Connection, community: int, key: str, day: dt.date) -> Rule:
    """Return one rule; raises RuleUnknown where it does not exist or is off."""
    row = ONE.first(connection, {"v_community": community, "v_day": day, "v_key": key})
    if row is None or not is_on(row):
        raise RuleUnknown
    return rule_of(row)


def is_on(row: Row[Any]) -> bool:
    """Whether a row of ``in_force`` is on: by the community's own word, else by default."""
    return bool(row.points is not None if row.is_set else row.on_by_default)


def rule_of(row: Row[Any]) -> Rule:
    """Return the rule of a row of ``in_force``; off ones show what they would be."""
    own = row.is_set
    return Rule(
        key=row.key,
        name=row.name,
        points_kind=row.points_kind,
        unit=row.unit,
        amount=row.points if own and row.points is not None else row.points_base,
        cap_per_day=row.own_per_day if own else row.cap_per_day,
        cap_per_month=row.own_per_month if own else row.cap_per_month,
        cap_per_year=row.own_per_year if own else row.cap_per_year,
        holder=row.holder,
        recorded_by=row.own_recorded_by if own else row.recorded_by,
        provenance=row.provenance,
        note=row.note,
        topic=row.topic,
        cap_per_act=row.own_per_act if own else row.cap_per_act,
        household_cap_per_day=row.own_household_per_day if own else row.household_cap_per_day,
        household_cap_per_month=row.own_household_per_month if own else row.household_cap_per_month,
        household_cap_per_year=row.own_household_per_year if own else row.household_cap_per_year,
    )


def units_at_most(capped: Any, units: int) -> int:
    """Return what one act can count at the most by the caps of a rule or a session's part."""
    caps: tuple[int | None, ...] = (
        capped.cap_per_act,
        capped.cap_per_day,
        capped.household_cap_per_day,
    )
    return min([units, *(cap for cap in caps if cap is not None)])
