"""The desk's pages of corrections: what has to be answered, what waits for a second person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import desk
from core import settings
from core.defaults import CENTIPOINTS
from core.directory import directory
from core.errors import AppError
from core.formats import points
from core.http_keys import form_key
from core.identity import current_actor
from core.work import business_day, present, reader, transact
from points.correcting import corrections, deciding, shortages
from points.correcting import queries as adjusting
from points.correcting.adjustments import WithdrawAdjustment, withdraw_adjustment
from points.lines import LineOf, LineUnknown, line_of
from points.words import title_of
from residents import homes, queries
from residents.labels import ROLES

SOON_DAYS = 2
SHOWN = ("asked", "waiting", "short", "done")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRow:
    """Something to be answered."""

    id: UUID
    name: str
    where: str
    title: str
    amount: int | None
    words: str
    kind: str
    opened_at: dt.datetime
    days: int
    urgent: bool


@desk.get("/corrections")
def corrections_page() -> ResponseReturnValue:
    """List what somebody says is wrong, what waits for a second person, and what is missing."""
    return _corrections()


def _corrections(refusal: AppError | None = None) -> ResponseReturnValue:
    actor, connection = current_actor(), reader()
    actor.require("points.adjust")
    show = request.values.get("show", "asked")
    show = show if show in SHOWN else "asked"
    asked = corrections.corrections_open(connection, actor.place)
    found = {
        "waiting": adjusting.adjustments_waiting(connection, actor.place),
        "short": adjusting.adjustments_short(connection, actor.place),
        "done": adjusting.adjustments_done(connection, actor.place) if show == "done" else [],
    }
    page = render_template(
        "admin/corrections.html",
        show=show,
        counts={
            "asked": len(asked),
            "waiting": len(found["waiting"]),
            "short": len(found["short"]),
        },
        asked=[_asked_row(each) for each in asked] if show == "asked" else [],
        rows=rows_of(found.get(show, [])),
        days=settings.integer(connection, "correction.answer_days", present()),
        refusal=sentence(refusal),
    )
    return page, int(refusal.status) if refusal else 200


def sentence(refusal: AppError | None) -> str | None:
    """Say a refusal, if there is one."""
    return refusal.sentence(_) if refusal else None


def _asked_row(asked: corrections.Asked) -> AskedRow:
    line = line_or_none(asked.subject)
    name, where = holder_words(line.holder_kind, line.holder_id) if line else ("", "")
    gone = _("积分公示") if asked.kind == "objection" else _("已取消的一笔")
    days = (asked.answer_by - business_day(present())).days
    return AskedRow(
        id=asked.id,
        name=name or queries.names(reader(), [asked.asked_by]).get(asked.asked_by, ""),
        where=where,
        title=title_of(line.act, line.reason) if line else gone,
        amount=line.amount if line else None,
        words=asked.words,
        kind=asked.kind,
        opened_at=asked.opened_at,
        days=days,
        urgent=days <= SOON_DAYS,
    )


def line_or_none(identity: UUID) -> LineOf | None:
    """Return a line; an objection may be about something that is none."""
    try:
        return line_of(reader(), identity)
    except LineUnknown:
        return None


def holder_words(kind: str, identity: UUID) -> tuple[str, str]:
    """Return whose points they are: a resident, a household by somebody's name or its address."""
    connection = reader()
    if kind == "household":
        members = queries.household(connection, identity)
        if members:
            return _("%(name)s家", name=members[0].name), members[0].address
        home = homes.home(connection, identity)
        return home.address if home and home.address else _("本户"), _("还没有登记的人")
    line = queries.ever(connection, [identity]).get(identity)
    return (line.name, line.address) if line else ("", "")


def rows_of(found: Sequence[adjusting.AdjustmentLine]) -> list[dict[str, Any]]:
    """Describe proposals, and what stands in the way of deciding on each."""
    actor, connection = current_actor(), reader()
    persons = {one for each in found for one in (each.maker, each.checker) if one is not None}
    names = queries.names(connection, persons)
    mine = directory().own(connection, actor.person) if found else frozenset()
    return [_row(each, names, _lock(each, mine)) for each in found]


def _lock(each: adjusting.AdjustmentLine, mine: frozenset[UUID]) -> str:
    """Say why somebody else has to decide on a proposal; "": nothing stands in the way."""
    actor, connection = current_actor(), reader()
    if each.holder_id in mine or each.household in mine:
        return _("您自己或同户的，由别人来定")
    if each.maker == actor.person:
        return _("您提出的，等另一位来定")
    if each.maker in mine:
        return _("同户家人提出的，等另一位来定")
    limit = settings.integer(connection, "redeem.lead_points", present(), actor.place)
    is_large = each.together >= limit * CENTIPOINTS
    if is_large and not actor.may("points.adjust_large"):
        return _("%(limit)s 分起由社区负责人来定", limit=limit)
    return ""


def _row(each: adjusting.AdjustmentLine, names: dict[UUID, str], lock: str) -> dict[str, Any]:
    name, where = holder_words(each.holder_kind, each.holder_id)
    line = line_or_none(each.original) if each.original else None
    return {
        "of": each,
        "name": name,
        "where": where,
        "resident": each.holder_id if each.holder_kind == "resident" else None,
        "household": each.holder_id if each.holder_kind == "household" else None,
        "what": title_of(line.act, line.reason) if line else "",
        "maker": names.get(each.maker, ""),
        "maker_role": _(ROLES[each.maker_role]),
        "checker": names.get(each.checker, "") if each.checker else "",
        "checker_role": _(ROLES[each.checker_role]) if each.checker_role else "",
        "lock": lock,
        "mine": each.maker == current_actor().person,
        "key": form_key(),
    }


def do(
    use_case: Callable[..., Any],
    command: object,
    done: str,
    again: Callable[[AppError], ResponseReturnValue],
    show: str,
) -> ResponseReturnValue:
    """Run a use case and go to the list, or show the form again with the refusal."""
    try:
        transact(use_case, command, current_actor())
    except AppError as refusal:
        return again(refusal)
    flash(done, "done")
    return redirect(url_for("desk.corrections_page", show=show), code=303)


@desk.post("/adjustments/<uuid:adjustment_id>/decide")
def decide_points(adjustment_id: UUID) -> ResponseReturnValue:
    """Post what somebody else proposed, or refuse it."""
    approve = request.form.get("approve") == "1"
    command = deciding.DecideAdjustment(
        adjustment=adjustment_id,
        approve=approve,
        refusal="" if approve else request.form.get("refusal", ""),
    )
    try:
        done = transact(deciding.decide_adjustment, command, current_actor())
    except AppError as refusal:
        return _corrections(refusal)
    if done.shortage:
        flash(_("已办，居民的分不够，还差 %(points)s 分", points=points(done.shortage)), "note")
    else:
        flash(_("已办") if approve else _("没有同意，什么也没有改"), "done" if approve else "note")
    return redirect(url_for("desk.corrections_page", show="waiting"), code=303)


@desk.post("/adjustments/<uuid:adjustment_id>/withdraw")
def withdraw_points(adjustment_id: UUID) -> ResponseReturnValue:
    """Take back what one has proposed oneself."""
    command = WithdrawAdjustment(adjustment=adjustment_id)
    return do(withdraw_adjustment, command, _("已撤回"), _corrections, "waiting")


@desk.post("/adjustments/<uuid:adjustment_id>/collect")
def collect_points(adjustment_id: UUID) -> ResponseReturnValue:
    """Take of what is missing what is there by now."""
    command = shortages.CollectShortage(key=request.form.get("key", ""), adjustment=adjustment_id)
    return do(shortages.collect_shortage, command, _("已收"), _corrections, "short")


@desk.post("/adjustments/<uuid:adjustment_id>/waive")
def waive_points(adjustment_id: UUID) -> ResponseReturnValue:
    """Let go what is missing."""
    command = shortages.WaiveShortage(
        adjustment=adjustment_id, reason=request.form.get("reason", "")
    )
    said = _("不再收了，原因记在这一条里")
    return do(shortages.waive_shortage, command, said, _corrections, "short")
