"""A community's rules: adopted, adapted inside the band, switched off; never edited.

Every change is a new row that holds from a day on, tomorrow at the earliest: a day has one rule.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from core import settings
from core.errors import N_, Rejected
from points.earning.rules import MONTHLY, RuleUnknown
from points.events import RuleOutsideBand
from points.models import CatalogueRule, CommunityRule

if TYPE_CHECKING:
    from sqlalchemy import Row

    from core.work import Work

BY_HAND = ("社工", "网格员", "楼道长")
"""Who a community may let record a rule, beside whom the catalogue names."""

CAP_MAX = 10_000
AHEAD_DAYS = 366
POINTS_MOST = 1_000_000
"""Centipoints of one unit, above any band."""


class OutsideBand(Rejected):
    """The points lie outside the band of the district's guidance catalogue."""

    text = N_("超出区指导目录的 {low}–{high} 分，不能保存。请改到区间内；确需超出，请向区里提出。")


class PointsWrong(Rejected):
    """The points are no whole number of them, or more than any rule gives."""

    text = N_("一次的分要是整数，最多 {most} 分。请改了再保存。")


class DeductionsOff(Rejected):
    """The community has not switched deductions on."""

    text = N_("本社区没有打开扣分。需要的话，请社区负责人先在设置里打开。")


class RuleDayPast(Rejected):
    """A rule changes from tomorrow on, within a year: a day has one rule."""

    text = N_("生效日期要从明天起、一年以内。请改好日期再保存。")


class CapsWrong(Rejected):
    """Caps are whole numbers that rise from act to day to month to year."""

    text = N_("上限要是正整数，每次、每天、每月、每年依次不变小；每户每月的规则一月一次。请改好。")


class HouseholdCapsWrong(CapsWrong):
    """Those of a household's members together are no whole numbers that rise."""

    text = N_("全户合计的上限要是正整数，每天、每月、每年依次不变小，也不小于每次的。请改好。")


class HouseholdCapLow(CapsWrong):
    """The members of a household have less together than each of them alone."""

    text = N_("全户合计的上限不能比同期的每人上限小，不然每人的用不满。请改好，或只填全户合计。")


class HouseholdCapUnfit(CapsWrong):
    """What is given to a household has no members to count together."""

    text = N_("记给户的规则，上限就是这一户的。请把全户合计的上限留空。")


class RecordersWrong(Rejected):
    """Nobody may record the rule, or somebody who cannot."""

    text = N_("请选好谁来记，至少一种，而且是这条规则能选的。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Caps in units; None is no cap."""

    per_act: int | None = None
    per_day: int | None = None
    per_month: int | None = None
    per_year: int | None = None
    #: Of the members of a household together, beside those of each.
    household_per_day: int | None = None
    household_per_month: int | None = None
    household_per_year: int | None = None

    @property
    def own(self) -> tuple[int | None, int | None, int | None]:
        """The most units of each in a day, a month and a year."""
        return self.per_day, self.per_month, self.per_year

    @property
    def together(self) -> tuple[int | None, int | None, int | None]:
        """The most units of the members of a household in a day, a month and a year."""
        return self.household_per_day, self.household_per_month, self.household_per_year

    def columns(self) -> dict[str, int | None]:
        """Return them by the names of a rule's columns."""
        return {
            "cap_per_act": self.per_act,
            "cap_per_day": self.per_day,
            "cap_per_month": self.per_month,
            "cap_per_year": self.per_year,
            "household_cap_per_day": self.household_per_day,
            "household_cap_per_month": self.household_per_month,
            "household_cap_per_year": self.household_per_year,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRule:
    """How a rule holds at a community from a day on; ``points`` None switches it off."""

    community: int
    rule: str
    valid_from: dt.date
    points: int | None
    caps: Caps
    recorded_by: tuple[str, ...]
    #: The community whose values these are.
    from_community: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """What holds from when; ``revision`` above 1 corrects a day that has not come."""

    rule: str
    valid_from: dt.date
    revision: int
    outside_band: bool
    exists: bool


def set_rule(work: Work, command: SetRule) -> RuleSet:
    """Adopt, adapt or switch off a rule from a day on; the same again changes nothing, ever.

    Raises RuleUnknown, RuleDayPast, PointsWrong, OutsideBand, CapsWrong, RecordersWrong,
    Forbidden, NotInYourScope.
    """
    work.actor.require("rule.change", command.community)
    rule = known(work, command.community, command.rule)
    return put_row(work, command, rule, first=work.day + dt.timedelta(days=1))


def known(work: Work, community: int, key: str) -> Row[Any]:
    """Return a rule that the community may have; raises RuleUnknown."""
    row = work.connection.execute(
        select(CatalogueRule.__table__).where(CatalogueRule.key == key),
    ).first()
    if row is None or row.community not in {None, community}:
        raise RuleUnknown
    return row


def put_row(work: Work, command: SetRule, rule: Row[Any], *, first: dt.date) -> RuleSet:
    """Write a checked row, unless what it says holds on its day already; ``first``: the earliest.

    Raises RuleDayPast, PointsWrong, OutsideBand, DeductionsOff, CapsWrong, RecordersWrong.
    """
    outside = _outside(work, command, rule)
    if abs(command.points or 0) > POINTS_MOST or (command.points or 0) % 100:
        raise PointsWrong(most=POINTS_MOST // 100)
    if (command.points or 0) < 0 and not settings.flag(
        work.connection, "points.deductions", work.now, command.community
    ):
        raise DeductionsOff
    check_caps(command.caps, rule)
    recorded_by = _recorders(command.recorded_by, rule)
    values = {
        # What gives nothing is off.
        "points": command.points or None,
        **command.caps.columns(),
        "recorded_by": recorded_by,
        "outside_band": outside,
        "from_community": command.from_community,
    }
    latest = _latest(work, command)
    if latest is not None and all(getattr(latest, name) == each for name, each in values.items()):
        work.replayed()
        return RuleSet(
            rule=command.rule,
            valid_from=latest.valid_from,
            revision=latest.revision,
            outside_band=outside,
            exists=True,
        )
    if not first <= command.valid_from <= work.day + dt.timedelta(days=AHEAD_DAYS):
        raise RuleDayPast
    revision = 1
    if latest is not None and latest.valid_from == command.valid_from:
        revision = latest.revision + 1
    work.connection.execute(
        insert(CommunityRule).values(
            community=command.community,
            rule=command.rule,
            valid_from=command.valid_from,
            revision=revision,
            set_by=work.actor.person,
            set_at=work.now,
            **values,
        ),
    )
    if outside and command.points is not None:
        work.publish(
            RuleOutsideBand(
                community=command.community,
                rule=command.rule,
                name=rule.name,
                points=command.points,
                valid_from=command.valid_from,
                revision=revision,
            ),
        )
    return RuleSet(
        rule=command.rule,
        valid_from=command.valid_from,
        revision=revision,
        outside_band=outside,
        exists=False,
    )


def _latest(work: Work, command: SetRule) -> Row[Any] | None:
    """Return the row that would hold on the day without this command."""
    return work.connection.execute(
        select(CommunityRule.__table__)
        .where(
            CommunityRule.community == command.community,
            CommunityRule.rule == command.rule,
            CommunityRule.valid_from <= command.valid_from,
        )
        .order_by(CommunityRule.valid_from.desc(), CommunityRule.revision.desc())
        .limit(1),
    ).first()


def _outside(work: Work, command: SetRule, rule: Row[Any]) -> bool:
    """Whether the points leave the band, which they may where the district uses face values."""
    points = command.points
    if points is None or rule.points_min <= points <= rule.points_max:
        return False
    same_sign = points > 0 if rule.points_base >= 0 else points < 0
    allowed = settings.flag(work.connection, "exchange.face_value", work.now)
    # A deduction stays in its band: there is no face value of what is taken away.
    if not (allowed and same_sign and rule.points_base >= 0):
        # As it is typed: a deduction of 1 to 3 points, not of −3 to −1.
        low, high = sorted((abs(rule.points_min), abs(rule.points_max)))
        raise OutsideBand(low=_whole(low), high=_whole(high))
    return True


def _whole(centipoints: int) -> str:
    return str(centipoints // 100 if centipoints % 100 == 0 else centipoints / 100)


def check_caps(caps: Caps, rule: Row[Any]) -> None:
    """Raise CapsWrong where caps are no positive numbers that rise, of a person or together."""
    for refusal, periods in ((CapsWrong, caps.own), (HouseholdCapsWrong, caps.together)):
        known = [cap for cap in (caps.per_act, *periods) if cap is not None]
        if known != sorted(known) or any(not 0 < cap <= CAP_MAX for cap in known):
            raise refusal
    if rule.unit == MONTHLY and caps.per_month != 1:
        raise CapsWrong
    if rule.holder == "household" and any(cap is not None for cap in caps.together):
        raise HouseholdCapUnfit
    for each, together in zip(caps.own, caps.together, strict=True):
        if each is not None and together is not None and together < each:
            raise HouseholdCapLow


def _recorders(chosen: tuple[str, ...], rule: Row[Any]) -> str:
    """Return who may record, in a fixed order; scanning and devices stay with the catalogue."""
    named = rule.recorded_by.split("|")
    possible = [*named, *(each for each in BY_HAND if each not in named)]
    kept = [each for each in possible if each in chosen]
    if not kept or set(chosen) - set(possible):
        raise RecordersWrong
    return "|".join(kept)
