"""Who may record an act by a rule for whom, checked before anything is written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from core.acts import Actor, NotInYourScope
from core.directory import Standing, directory, refuse_closed
from core.errors import N_, AppError, NotFound, Rejected
from points.accounts import HolderKind
from points.earning.awards import UNITS_MAX, UnitsOutOfRange
from points.earning.community_rules import BY_HAND
from points.earning.helping import HelpNotYoursToTell
from points.earning.rules import NEIGHBOUR, SCAN, Rule, RuleUnknown, rule_in_force

if TYPE_CHECKING:
    from sqlalchemy import Connection

STAFF = "社工"
WORDS_OF = {
    "staff": STAFF,
    "lead": STAFF,
    "grid_worker": "网格员",
    "building_lead": "楼道长",
    "system": STAFF,
}
"""What the catalogue calls those who record."""

EMERGENCY = "serve.hour.emergency"
BACK_FILLED_DAYS = 7
"""What is recorded later than this waits for a second person."""

OLDEST_DAYS = 366


class RuleNotByHand(Rejected):
    """The rule is recorded by scanning, by a device or by others, or it takes points away."""

    text = N_("这条规则不由您登记。请从您能登记的规则里选一条。")


class HolderUnfit(Rejected):
    """The rule honours residents and the act names a household, or the other way round."""

    text = N_("这条规则记给的对象不对，户的记给户，个人的记给个人。请重新选择。")


class KindUnfit(Rejected):
    """A household has basic points only; service points belong to a person."""

    text = N_("按户的账只有基本积分，服务积分记在个人名下。请选这一户的某位居民，再办一次。")


class HolderUnknown(NotFound):
    """Nobody of this community has this account."""

    text = N_("本社区没有这位居民或这一户。请先查找居民，再登记。")


class DayOutOfRange(Rejected):
    """The act is neither in the future nor more than a year ago."""

    text = N_("日期要在今天以前、一年以内。请改好后再登记。")


class HelpedMissing(Rejected):
    """Help among neighbours is recorded with the one who was helped."""

    text = N_("邻里互助要写明帮了谁，由对方说一声才算。请选好被帮的人。")


class HelpWithinHousehold(Rejected):
    """What members of one household do for each other is not help among neighbours."""

    text = N_("同一户的家人之间不记邻里互助。请核对帮忙的人和被帮的人。")


class Asking(Protocol):
    """A work, or somebody who only looks what would become of it."""

    @property
    def connection(self) -> Connection:
        """Where to ask."""

    @property
    def actor(self) -> Actor:
        """Who asks."""

    @property
    def day(self) -> dt.date:
        """The present day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looker:
    """Somebody who only looks."""

    connection: Connection
    actor: Actor
    day: dt.date


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that a resident or household did, by a rule."""

    rule: str
    holder_kind: HolderKind
    holder_id: UUID
    units: int
    #: None: today.
    day: dt.date | None = None
    note: str = ""
    #: The neighbour who was helped, where the rule is about helping one.
    helped: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """An act that may be recorded."""

    rule: Rule
    day: dt.date
    holder: Standing
    helped: Standing | None
    is_late: bool
    needs_second: bool


@dataclass(slots=True)
class Recorder:
    """Checks the acts of one recorder at one community; asks each thing once."""

    asking: Asking
    community: int
    standings: Mapping[UUID, Standing]
    own: frozenset[UUID]
    #: What the catalogue calls them.
    words: frozenset[str]
    rules: dict[tuple[str, dt.date], Rule | None] = field(default_factory=dict)

    def check(self, act: Act, *, told: bool = True) -> Checked:
        """Return the act with its rule and people; ``told``: the recorder has heard the helped one.

        Raises UnitsOutOfRange, DayOutOfRange, RuleUnknown, RuleNotByHand, HolderUnfit, KindUnfit,
        HolderUnknown, PlaceClosed, NotInYourScope, HelpedMissing, HelpWithinHousehold or
        HelpNotYoursToTell.
        """
        if not 0 < act.units <= UNITS_MAX:
            raise UnitsOutOfRange
        day = act.day or self.asking.day
        age = (self.asking.day - day).days
        if not 0 <= age <= OLDEST_DAYS:
            raise DayOutOfRange
        rule = self._rule(act.rule, day)
        if not self.words & rule.recorders or rule.amount <= 0:
            raise RuleNotByHand
        if rule.holder != act.holder_kind:
            raise _unfit(rule, act.holder_kind)
        holder = self._standing(act.holder_id)
        refuse_closed(self.asking.connection, holder.community, holder.until, day)
        if holder.kind != act.holder_kind:
            raise _unfit(rule, holder.kind)
        _refuse_beyond_scope(self.asking.actor, holder)
        is_own = not self.own.isdisjoint((act.holder_id, holder.household))
        helped = self._helped(act, rule, holder)
        if helped is not None and told and is_own:
            raise HelpNotYoursToTell
        return Checked(
            rule=rule,
            day=day,
            holder=holder,
            helped=helped,
            is_late=age > BACK_FILLED_DAYS,
            needs_second=(
                age > BACK_FILLED_DAYS or rule.key == EMERGENCY or is_own or self._unscanned(rule)
            ),
        )

    def _unscanned(self, rule: Rule) -> bool:
        """Whether somebody's word stands where a scan could have: no session counts its share."""
        return SCAN in rule.recorders and not self.words.isdisjoint(BY_HAND)

    def _rule(self, key: str, day: dt.date) -> Rule:
        if (key, day) not in self.rules:
            self.rules[key, day] = self._ask_rule(key, day)
        rule = self.rules[key, day]
        if rule is None:
            raise RuleUnknown
        return rule

    def _ask_rule(self, key: str, day: dt.date) -> Rule | None:
        try:
            return rule_in_force(self.asking.connection, self.community, key, day)
        except RuleUnknown:
            return None

    def _standing(self, identity: UUID) -> Standing:
        found = self.standings.get(identity)
        if found is None or found.community != self.community:
            raise HolderUnknown
        return found

    def _helped(self, act: Act, rule: Rule, holder: Standing) -> Standing | None:
        if rule.topic != NEIGHBOUR:
            return None
        if act.helped is None:
            raise HelpedMissing
        helped = self._standing(act.helped)
        if helped.kind != "resident":
            raise HelpedMissing
        if helped.household == holder.household:
            raise HelpWithinHousehold
        return helped


def _unfit(rule: Rule, kind: str) -> type[AppError]:
    """Return why a rule honours no holder of this kind."""
    is_service = rule.points_kind == "service"
    return KindUnfit if kind == "household" and is_service else HolderUnfit


def _refuse_beyond_scope(actor: Actor, holder: Standing) -> None:
    """Raise NotInYourScope where a grid worker or building lead reaches beyond the own one."""
    inside = {"grid": holder.grid, "building": holder.building}
    if actor.scope_kind in inside and inside[actor.scope_kind] != actor.scope_id:
        raise NotInYourScope


def recorder(asking: Asking, community: int, *acts: Act) -> Recorder:
    """Return the checker of these acts; raises Forbidden or NotInYourScope for who may not."""
    asking.actor.require("act.record", community)
    wanted = {act.holder_id for act in acts} | {act.helped for act in acts if act.helped}
    known = directory()
    return Recorder(
        asking=asking,
        community=community,
        standings=known.standings(asking.connection, wanted),
        own=known.own(asking.connection, asking.actor.person),
        words=frozenset({WORDS_OF.get(asking.actor.role, "")}),
    )
