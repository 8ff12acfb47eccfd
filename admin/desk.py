"""The desk's frame and its first page: what waits, today's sessions, three figures of the week."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin import figures
from admin.blueprints import desk
from core import settings
from core.directory import directory
from core.identity import current_actor
from core.work import business_day, present, reader
from exchange.desk import ApprovalRow, approvals
from exchange.desk_counter import ReadyOrder, ready_orders
from exchange.desk_station import station_items
from points.correcting.corrections import REMIND_DAYS, corrections_open
from points.correcting.deciding import to_decide
from points.earning.helping import asked_at
from points.expiring.rush import Rush, rush
from points.expiring.warning import stage_of
from points.queries import awards_to_confirm
from residents import queries as people
from residents.labels import ROLES


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskShell:
    """What the desk's frame shows on every page."""

    community: int
    community_name: str
    subdistrict_name: str
    person_name: str
    role_words: str
    approvals: int
    pickups: int
    unconfirmed: int
    corrections: int
    phone: str | None


@desk.app_context_processor
def _frame() -> dict[str, Any]:
    """Give refusals anywhere the frame of the desk."""
    return {"desk_shell": _shell}


@desk.context_processor
def _framed() -> dict[str, Any]:
    """Give every page of the desk its frame."""
    return {"shell": _shell()}


def _shell() -> DeskShell:
    actor, connection = current_actor(), reader()
    place = people.place(connection, actor.place)
    counted = figures.desk_counts(connection, actor, present())
    return DeskShell(
        community=actor.place,
        community_name=place.display_name if place else "",
        subdistrict_name=place.subdistrict if place else "",
        person_name=actor.name,
        role_words=_(ROLES[actor.role]),
        approvals=counted.submitted,
        pickups=counted.ready,
        unconfirmed=counted.unconfirmed,
        corrections=counted.corrections,
        phone=figures.district_phone(connection),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A kind of work that waits, with its one act."""

    kind: str
    title: str
    note: str
    since: dt.datetime
    limit: str | None
    urgent: bool
    url: str
    act: str


@desk.get("/")
def today() -> ResponseReturnValue:
    """Show what waits, oldest first, and what goes on today."""
    actor, connection, now = current_actor(), reader(), present()
    own = directory().own(connection, actor.person)
    waiting = [
        *_orders(approvals(connection, actor, now).rows),
        *_pickups(ready_orders(connection, actor, now)),
        *_unconfirmed(actor.place),
        *_second(actor.place, own),
        *_acts(actor.place, own),
        *_corrections(actor.place),
    ]
    low = [item for item in station_items(connection, actor.place, now) if item.low]
    return render_template(
        "admin/today.html",
        waiting=tuple(sorted(waiting, key=lambda row: row.since)),
        sessions=figures.sessions_today(connection, actor.place, now),
        low=tuple(low[:6]),
        week=figures.week(connection, actor.place, now),
        lapsing=_lapsing(actor.place),
        number_missing=actor.may("setting.community") and not _number(actor.place),
    )


def _number(community: int) -> str:
    """Return the number that residents see; "" where neither community nor district has one."""
    place = people.place(reader(), community)
    return place.phone if place else ""


def _orders(rows: tuple[ApprovalRow, ...]) -> list[Waiting]:
    if not rows or not current_actor().may("order.approve"):
        return []
    clean = sum(1 for row in rows if not row.flag and not row.lock)
    return [
        Waiting(
            kind=_("兑换审核"),
            title=_("%(count)s 单等审核", count=len(rows)),
            note=_("%(clean)s 单无异常，%(look)s 单要看一眼", clean=clean, look=len(rows) - clean),
            since=min(row.submitted_at for row in rows),
            limit=None,
            urgent=False,
            url=url_for("desk.approvals"),
            act=_("去审核"),
        ),
    ]


def _pickups(rows: tuple[ReadyOrder, ...]) -> list[Waiting]:
    """Orders to hand over: those that lapse today before all others."""
    if not rows or not current_actor().may("order.hand_over"):
        return []
    last = [row for row in rows if row.days_left <= 0]
    shown = last or rows
    days = settings.integer(reader(), "redeem.pickup_days", present(), current_actor().place)
    title = _("%(count)s 单等居民来领", count=len(rows))
    note = _("通过后留 %(days)s 天，没来领就退回积分和库存", days=days)
    if last:
        title = _("%(count)s 单今天是最后一天", count=len(last))
        note = _("过了今天就退回积分和库存")
    return [
        Waiting(
            kind=_("领取"),
            title=title,
            note=note,
            since=shown[0].pickup_until - dt.timedelta(days=days),
            limit=_("今天") if last else _("还有 %(days)s 天", days=rows[0].days_left),
            urgent=bool(last),
            url=url_for("desk.pickup"),
            act=_("去看看"),
        ),
    ]


def _unconfirmed(community: int) -> list[Waiting]:
    if not current_actor().may("resident.enter"):
        return []
    rows = people.waiting(reader(), community)
    if not rows:
        return []
    names = "、".join(row.name for row in rows[:3])
    return [
        Waiting(
            kind=_("待核实"),
            title=_("%(count)s 位居民等核实", count=len(rows)),
            note=names,
            since=rows[0].created_at,
            limit=None,
            urgent=False,
            url=url_for("desk.residents"),
            act=_("核实"),
        ),
    ]


def _second(community: int, own: frozenset[UUID]) -> list[Waiting]:
    """Hours that wait for a second person, whom the actor can be: one row per session."""
    if not current_actor().may("attendance.confirm"):
        return []
    return [
        Waiting(
            kind=_("第二人确认"),
            title=row.title,
            note=_("%(count)s 条登记的工时等另一位确认", count=row.count),
            since=row.since,
            limit=None,
            urgent=False,
            url=url_for("desk.session", session_id=row.session),
            act=_("去看看"),
        )
        for row in figures.waiting_for_second(reader(), community, own)
    ]


def _acts(community: int, own: frozenset[UUID]) -> list[Waiting]:
    """Acts that wait for a second person, and helps that wait for the helped one's word."""
    if not current_actor().may("attendance.confirm"):
        return []
    second = [
        row
        for row in awards_to_confirm(reader(), community, ("act", "help"))
        if own.isdisjoint({row.recorded_by, row.holder_id})
    ]
    asked = asked_at(reader(), community, present())
    found = []
    if second:
        title = _("%(count)s 笔登记等另一位确认", count=len(second))
        since = min(row.event_at for row in second)
        found.append((_("第二人确认"), title, _("自家的、补记的、没有扫码的"), since))
    if asked:
        title = _("%(count)s 件互助等对方说一声", count=len(asked))
        found.append((_("邻里互助"), title, _("也可以打电话问本人"), asked[0].created_at))
    return [
        Waiting(
            kind=kind,
            title=title,
            note=note,
            since=since,
            limit=None,
            urgent=False,
            url=url_for("desk.acts"),
            act=_("去看看"),
        )
        for kind, title, note, since in found
    ]


def _corrections(community: int) -> list[Waiting]:
    """What somebody says is wrong, and what another has proposed."""
    actor, connection = current_actor(), reader()
    if not actor.may("points.adjust"):
        return []
    asked = corrections_open(connection, community)
    rows = []
    if asked:
        days = (asked[0].answer_by - business_day(present())).days
        rows.append(
            Waiting(
                kind=_("分数反映"),
                title=_("%(count)s 条等答复", count=len(asked)),
                note=asked[0].words,
                since=asked[0].opened_at,
                limit=_("还有 %(days)s 天", days=days) if days >= 0 else _("过期了"),
                urgent=days <= REMIND_DAYS,
                url=url_for("desk.corrections_page"),
                act=_("去答复"),
            ),
        )
    others = to_decide(connection, actor, present())
    if others:
        rows.append(
            Waiting(
                kind=_("更正"),
                title=_("%(count)s 笔等另一位来定", count=len(others)),
                note=others[0].reason,
                since=others[0].proposed_at,
                limit=None,
                urgent=False,
                url=url_for("desk.corrections_page", show="waiting"),
                act=_("去看看"),
            ),
        )
    return rows


def _lapsing(community: int) -> Rush | None:
    """Return what lapses here at the year's end, from the first warning on."""
    connection, now = reader(), present()
    if stage_of(connection, now) is None:
        return None
    return next(iter(rush(connection, now, community)), None)
