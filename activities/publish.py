"""Publishing activities and steering their sessions."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from sqlalchemy import case, insert, select, update

from activities.codes import new_short_code
from activities.models import KINDS, Activity, ActivityTemplate, Session, SessionPart
from core.directory import refuse_closed
from core.errors import N_, Conflict, NotFound, Rejected
from core.ids import uuid8
from core.work import business_day
from points.earning.rules import SCAN, Rule, RuleUnknown, rule_in_force
from residents.models import Community

if TYPE_CHECKING:
    from core.work import Work

Part = Literal["take_part", "serve"]
PARTS: tuple[Part, Part] = ("take_part", "serve")
HOURS_MAX = 12
SESSIONS_MAX = 60
TITLE_MAX = 40
PLACE_MAX = 40
TEXT_MAX = 500
PLACES_MAX = 10_000
NEEDED: dict[Part, tuple[str, str]] = {"take_part": ("basic", "次"), "serve": ("service", "半小时")}


class ActivityIncomplete(Rejected):
    """An activity has a title and a place of sensible length, and is of a kind people look for."""

    text = N_("活动要有名称、地点和类别，名称和地点最多各 40 个字。请改好后再发布。")


class WindowWrong(Rejected):
    """A session ends after it starts, within twelve hours."""

    text = N_("场次的结束要晚于开始，最长 12 小时。请改好时间再发布。")


class SessionPast(Rejected):
    """A session that is published has not ended yet: nobody could come to it."""

    text = N_("这个时间已经过了，请看看日期。已经办过的，到「记一笔」或「导入时长」补录。")


class PartsMissing(Rejected):
    """At least one part is offered, each with no limit or a positive number of places."""

    text = N_("来参加和来帮忙至少要有一种，名额要是正整数，不限就留空。")


class RuleUnfit(Rejected):
    """Taking part is rewarded by the act and in basic points, serving by the half hour."""

    text = N_("这条规则不能用在这里：来参加按次记基本积分，来帮忙按半小时记服务积分。")


class TemplateUnknown(NotFound):
    """There is no such template."""

    text = N_("没有这个活动模板。请从列表里选一个。")


class SessionUnknown(NotFound):
    """There is no such session."""

    text = N_("没有找到这一场，可能已经取消了。请看看活动列表。")


class SessionOver(Conflict):
    """The session was cancelled or closed."""

    text = N_("这一场已经结束或取消，不能再改。来过的人可以照签到表补录；要再办，请另发一场。")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartOffered:
    """A part of each session: its places (None: no limit) and the rule that rewards it."""

    part: Part
    places: int | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishActivity:
    """An activity with its sessions; ``key`` makes a repeat harmless."""

    key: str
    community: int
    template: str | None
    title: str
    kind: str
    scene: str
    summary: str
    bring: str
    place: str
    open_to: Literal["community", "district"]
    sessions: tuple[tuple[dt.datetime, dt.datetime], ...]
    parts: tuple[PartOffered, ...]
    #: The activity whose idea it was: it is remembered with its community.
    copied_from: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The activity and its sessions, by time."""

    activity: UUID
    sessions: tuple[UUID, ...]
    exists: bool


def publish_activity(work: Work, command: PublishActivity) -> Published:
    """Publish an activity; the promise of its points is kept as it is on this day.

    Raises ActivityIncomplete, WindowWrong, SessionPast, PartsMissing, RuleUnknown, RuleUnfit,
    TemplateUnknown, PlaceClosed, Forbidden, NotInYourScope.
    """
    work.actor.require("activity.publish", command.community)
    identity = UUID(int=uuid8(_EPOCH, "activity", work.actor.person, command.key).int)
    sessions = tuple(
        uuid8(_EPOCH, "session", identity, index) for index in range(len(command.sessions))
    )
    known = select(Activity.id).where(Activity.id == identity)
    if work.connection.execute(known).first() is not None:
        return Published(activity=identity, sessions=sessions, exists=True)
    _check(work, command)
    rules = {offered.part: _rule(work, command, offered) for offered in command.parts}
    work.connection.execute(
        insert(Activity).values(
            id=identity,
            community=command.community,
            template=command.template,
            copied_from=command.copied_from,
            title=command.title.strip(),
            kind=command.kind,
            scene=command.scene,
            summary=command.summary.strip()[:TEXT_MAX],
            bring=command.bring.strip()[:TEXT_MAX],
            open_to=command.open_to,
            state="published",
            created_by=work.actor.person,
            created_at=work.now,
        ),
    )
    work.connection.execute(
        insert(Session),
        [
            {
                "id": session,
                "activity": identity,
                "community": command.community,
                "starts_at": starts_at,
                "ends_at": ends_at,
                "place": command.place.strip(),
                "short_code": new_short_code(),
                "epoch": 0,
                "state": "open",
            }
            for session, (starts_at, ends_at) in zip(sessions, command.sessions, strict=True)
        ],
    )
    work.connection.execute(
        insert(SessionPart),
        [
            _part_row(session, offered, rules[offered.part])
            for session in sessions
            for offered in command.parts
        ],
    )
    return Published(activity=identity, sessions=sessions, exists=False)


_EPOCH = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
"""Ids of activities come from their key alone, so their time part says nothing."""


def _part_row(session: UUID, offered: PartOffered, rule: Rule | None) -> dict[str, object]:
    return {
        "session": session,
        "part": offered.part,
        "places": offered.places,
        "taken": 0,
        "rule": rule.key if rule else None,
        "amount": rule.amount if rule else None,
        "cap_per_act": rule.cap_per_act if rule else None,
        "cap_per_day": rule.cap_per_day if rule else None,
        "cap_per_month": rule.cap_per_month if rule else None,
        "cap_per_year": rule.cap_per_year if rule else None,
        "household_cap_per_day": rule.household_cap_per_day if rule else None,
        "household_cap_per_month": rule.household_cap_per_month if rule else None,
        "household_cap_per_year": rule.household_cap_per_year if rule else None,
    }


def _check(work: Work, command: PublishActivity) -> None:
    lengths = ((command.title, TITLE_MAX), (command.place, PLACE_MAX))
    fits = all(0 < len(words.strip()) <= most for words, most in lengths)
    if not fits or command.kind not in KINDS:
        raise ActivityIncomplete
    if not 0 < len(command.sessions) <= SESSIONS_MAX:
        raise WindowWrong
    for window in command.sessions:
        check_window(*window, work.now)
    offered = [part.part for part in command.parts]
    if not offered or len(set(offered)) < len(offered):
        raise PartsMissing
    if any(part.places is not None and not 0 < part.places <= PLACES_MAX for part in command.parts):
        raise PartsMissing
    _check_origin(work, command)
    host = select(Community.code, Community.valid_to).where(Community.code == command.community)
    row = work.connection.execute(host).first()
    if row is None:
        raise SessionUnknown
    last = business_day(max(starts_at for starts_at, _ in command.sessions))
    refuse_closed(work.connection, command.community, row.valid_to, last)


def check_window(starts_at: dt.datetime, ends_at: dt.datetime, now: dt.datetime) -> None:
    """Raise WindowWrong or SessionPast where no session can be then."""
    if not dt.timedelta(0) < ends_at - starts_at <= dt.timedelta(hours=HOURS_MAX):
        raise WindowWrong
    if ends_at <= now:
        raise SessionPast


def _check_origin(work: Work, command: PublishActivity) -> None:
    """Raise TemplateUnknown where the template, or the activity that was copied, never was."""
    if command.template is not None:
        known = select(ActivityTemplate.key).where(ActivityTemplate.key == command.template)
        if work.connection.execute(known).first() is None:
            raise TemplateUnknown
    if command.copied_from is not None:
        shown = select(Activity.id).where(Activity.id == command.copied_from)
        if work.connection.execute(shown).first() is None:
            raise TemplateUnknown


def _rule(work: Work, command: PublishActivity, offered: PartOffered) -> Rule | None:
    if offered.rule is None:
        return None
    rule = rule_in_force(work.connection, command.community, offered.rule, work.day)
    if (rule.points_kind, rule.unit) != NEEDED[offered.part] or rule.holder != "resident":
        raise RuleUnfit
    if SCAN not in rule.recorded_by and "社工" not in rule.recorded_by:
        raise RuleUnknown
    return rule


@dataclass(frozen=True, slots=True, kw_only=True)
class SteerSession:
    """An act on a session as a whole."""

    session: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Steered:
    """The session's state now."""

    session: UUID
    state: str
    epoch: int


def _open_session(work: Work, session: UUID) -> tuple[int, str, int]:
    row = work.connection.execute(
        select(Session.community, Session.state, Session.epoch).where(Session.id == session),
    ).first()
    if row is None:
        raise SessionUnknown
    work.actor.require("activity.publish", row.community)
    return row.community, row.state, row.epoch


def close_session(work: Work, command: SteerSession) -> Steered:
    """End a session before its time: no scan counts any more, and it is known when that was.

    Raises SessionUnknown, SessionOver.
    """
    _community, before, epoch = _open_session(work, command.session)
    if before == "cancelled":
        raise SessionOver
    closed = work.connection.execute(
        update(Session)
        .where(Session.id == command.session, Session.state == "open")
        .values(
            state="closed",
            closed_at=case((Session.ends_at > work.now, work.now), else_=Session.ends_at),
        )
        .returning(Session.id),
    ).first()
    if closed is None:
        work.replayed()
    return Steered(session=command.session, state="closed", epoch=epoch)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidCodes:
    """Void the codes shown so far; ``epoch`` is the one seen: a repeat voids nothing more."""

    session: UUID
    epoch: int


def void_codes(work: Work, command: VoidCodes) -> Steered:
    """Make every code of this epoch dead at once; one that is not the present one voids nothing.

    Raises SessionUnknown, SessionOver.
    """
    _community, state, epoch = _open_session(work, command.session)
    if state != "open":
        raise SessionOver
    if epoch != command.epoch:
        work.replayed()
        return Steered(session=command.session, state=state, epoch=epoch)
    work.connection.execute(
        update(Session)
        .where(Session.id == command.session, Session.epoch == command.epoch)
        .values(epoch=command.epoch + 1),
    )
    return Steered(session=command.session, state=state, epoch=command.epoch + 1)


def turn_to_exit(work: Work, command: SteerSession) -> Steered:
    """Turn the screen to the exit before its time; again changes nothing."""
    _community, state, epoch = _open_session(work, command.session)
    if state != "open":
        raise SessionOver
    turned = work.connection.execute(
        update(Session)
        .where(Session.id == command.session, Session.exit_from.is_(None))
        .values(exit_from=work.now)
        .returning(Session.id),
    ).first()
    if turned is None:
        work.replayed()
    return Steered(session=command.session, state=state, epoch=epoch)
