"""Rules that a community makes for itself (单点自建), or takes over from another one."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from core.errors import N_, Conflict, Rejected
from points.earning.community_rules import (
    BY_HAND,
    Caps,
    RuleSet,
    SetRule,
    known,
    put_row,
    set_rule,
)
from points.earning.rules import HALF_HOUR, MONTHLY, SCAN, RuleUnknown, in_force, is_on, rule_of
from points.models import CatalogueRule, CommunityRule, RuleTopic

if TYPE_CHECKING:
    from sqlalchemy import Row

    from core.work import Work

UNITS = ("次", "半小时", "月", MONTHLY)
HALF_HOUR_BAND = (400, 800)
NAME_MAX = 16
NOTE_MAX = 200


class RuleNameWrong(Rejected):
    """A rule of one's own has a short name, a topic and a unit of the list."""

    text = N_("请写好规则的名称（16 个字以内），选好主题、单位和记给谁。")


class DutyIsBasic(Rejected):
    """What everybody ought to do earns basic points, by the district's catalogue."""

    text = N_("「{topic}」是人人该做的，按区指导目录只记基本积分，不能用来兑换。请选这个主题。")


class ServiceIsPersonal(Rejected):
    """Service points belong to a person; a household has basic points only."""

    text = N_("服务积分只记给个人，每户每月的规则只记给户。请改好再保存。")


class RuleNameTaken(Conflict):
    """The community has another rule by this name, its own or the district's."""

    text = N_("已经有同名的规则了，内容和这次不一样。请换个名字，或去改原来那条。")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddRule:
    """A rule that a community makes for itself (单点自建), known by its name."""

    community: int
    name: str
    topic: str
    points_kind: str
    unit: str
    holder: str
    points: int
    caps: Caps
    recorded_by: tuple[str, ...]
    note: str = ""
    #: Today at the earliest: before it, there was none.
    valid_from: dt.date | None = None
    from_community: int | None = None
    from_rule: str | None = None


def own_key(community: int, name: str) -> str:
    """Return the key of a community's own rule: the same name is the same rule."""
    return f"own.{community}.{blake2b(name.encode(), digest_size=6).hexdigest()}"


def add_rule(work: Work, command: AddRule) -> RuleSet:
    """Make a rule of one's own, once per name; its topic fixes the kind and the band.

    Raises RuleNameWrong, RuleNameTaken, DutyIsBasic, ServiceIsPersonal, RuleDayPast, OutsideBand,
    CapsWrong, RecordersWrong, Forbidden, NotInYourScope.
    """
    work.actor.require("rule.change", command.community)
    command = replace(command, name=command.name.strip())
    topic = _topic(work, command)
    key = own_key(command.community, command.name)
    before = _first(work, key)
    if before is not None:
        if not _is_same(before, command):
            raise RuleNameTaken
        work.replayed()
        return RuleSet(
            rule=key,
            valid_from=before.valid_from,
            revision=before.revision,
            outside_band=before.outside_band,
            exists=True,
        )
    if _is_the_districts(work, command.name):
        raise RuleNameTaken
    valid_from = command.valid_from or work.day
    low, high = (
        HALF_HOUR_BAND if command.unit == HALF_HOUR else (topic.points_min, topic.points_max)
    )
    work.connection.execute(
        insert(CatalogueRule).values(
            key=key,
            name=command.name,
            topic=topic.key,
            points_kind=topic.points_kind,
            community=command.community,
            from_community=command.from_community,
            from_rule=command.from_rule,
            unit=command.unit,
            points_base=min(max(command.points, low), high),
            points_min=low,
            points_max=high,
            **command.caps.columns(),
            holder=command.holder,
            recorded_by="|".join((SCAN, *BY_HAND)),
            provenance="recorded",
            on_by_default=False,
            note=command.note.strip()[:NOTE_MAX],
        ),
    )
    first = SetRule(
        community=command.community,
        rule=key,
        valid_from=valid_from,
        points=command.points,
        caps=command.caps,
        recorded_by=command.recorded_by,
        from_community=command.from_community,
    )
    return put_row(work, first, known(work, command.community, key), first=work.day)


def _first(work: Work, key: str) -> Row[Any] | None:
    """Return a rule of one's own as it was made: what holds now may have been changed since."""
    return work.connection.execute(
        select(
            CatalogueRule.__table__,
            CommunityRule.valid_from,
            CommunityRule.revision,
            CommunityRule.points,
            CommunityRule.outside_band,
            CommunityRule.recorded_by.label("chosen"),
        )
        .join(CommunityRule, CommunityRule.rule == CatalogueRule.key)
        .where(CatalogueRule.key == key)
        .order_by(CommunityRule.set_at, CommunityRule.valid_from, CommunityRule.revision)
        .limit(1),
    ).first()


def _is_the_districts(work: Work, name: str) -> bool:
    """Whether a sheet that says this name means a rule of the catalogue."""
    theirs = select(CatalogueRule.key).where(
        CatalogueRule.community.is_(None), CatalogueRule.name == name
    )
    return work.connection.execute(theirs).first() is not None


def _is_same(made: Row[Any], command: AddRule) -> bool:
    """Whether a rule was made by this command, or taken over from the same one."""
    if command.from_rule is not None:
        source = (command.from_community, command.from_rule)
        return (made.from_community, made.from_rule) == source
    return (
        made.from_rule is None
        and set(made.chosen.split("|")) == set(command.recorded_by)
        and command.valid_from in {None, made.valid_from}
        and (made.topic, made.unit, made.holder) == (command.topic, command.unit, command.holder)
        and (made.points, made.note) == (command.points, command.note.strip()[:NOTE_MAX])
        and all(getattr(made, name) == cap for name, cap in command.caps.columns().items())
    )


def _topic(work: Work, command: AddRule) -> Row[Any]:
    """Return the topic of an own rule whose name and kind fit it."""
    topics = work.connection.execute(select(RuleTopic.__table__)).all()
    chosen = next((topic for topic in topics if topic.key == command.topic), None)
    fits = chosen is not None and 0 < len(command.name) <= NAME_MAX and command.unit in UNITS
    if chosen is None or not fits or command.holder not in {"resident", "household"}:
        raise RuleNameWrong
    for duty in topics:
        if duty.duty and not chosen.duty and _named(duty, command.name):
            raise DutyIsBasic(topic=duty.name)
    if command.points_kind != chosen.points_kind:
        if chosen.duty:
            raise DutyIsBasic(topic=chosen.name)
        raise RuleNameWrong
    belongs_to_household = command.holder == "household"
    if belongs_to_household and chosen.points_kind == "service":
        raise ServiceIsPersonal
    if command.unit == MONTHLY and not belongs_to_household:
        raise ServiceIsPersonal
    return chosen


def _named(topic: Row[Any], name: str) -> bool:
    """Tell whether a name says what a topic is about: every part of one of its words, anyhow."""
    plain = "".join(filter(str.isalnum, name))
    words = (word.split("+") for word in topic.words.split("|") if word)
    return any(all(part in plain for part in parts) for parts in words)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOver:
    """Another community's rule, taken over as it is there on this day."""

    community: int
    rule: str
    from_community: int
    valid_from: dt.date | None = None


def take_over(work: Work, command: TakeOver) -> RuleSet:
    """Copy a rule of another community and remember whose it was; again changes nothing.

    Raises RuleUnknown and what setting or adding a rule raises.
    """
    work.actor.require("rule.change", command.community)
    if command.from_community == command.community:
        raise RuleUnknown
    query = in_force(command.from_community, work.day).where(CatalogueRule.key == command.rule)
    row = work.connection.execute(query).first()
    if row is None or not is_on(row):
        raise RuleUnknown
    theirs = rule_of(row)
    caps = Caps(
        per_act=theirs.cap_per_act,
        per_day=theirs.cap_per_day,
        per_month=theirs.cap_per_month,
        per_year=theirs.cap_per_year,
        household_per_day=theirs.household_cap_per_day,
        household_per_month=theirs.household_cap_per_month,
        household_per_year=theirs.household_cap_per_year,
    )
    recorded_by = tuple(theirs.recorded_by.split("|"))
    if row.community is None:
        same = SetRule(
            community=command.community,
            rule=command.rule,
            valid_from=command.valid_from or work.day + dt.timedelta(days=1),
            points=theirs.amount,
            caps=caps,
            recorded_by=recorded_by,
            from_community=command.from_community,
        )
        return set_rule(work, same)
    copy = AddRule(
        community=command.community,
        name=row.name,
        topic=row.topic,
        points_kind=row.points_kind,
        unit=row.unit,
        holder=row.holder,
        points=theirs.amount,
        caps=caps,
        recorded_by=recorded_by,
        note=row.note,
        valid_from=command.valid_from,
        from_community=command.from_community,
        from_rule=row.key,
    )
    return add_rule(work, copy)
