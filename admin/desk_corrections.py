"""The desk's pages of corrections: what has to be answered, what waits for a second person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin import forms
from admin.blueprints import desk
from core import settings
from core.acts import NotInYourScope
from core.defaults import CENTIPOINTS
from core.directory import directory
from core.errors import AppError
from core.formats import points
from core.http_keys import form_key
from core.identity import current_actor
from core.work import business_day, present, reader, transact
from points.correcting import corrections, deciding, shortages
from points.correcting import queries as adjusting
from points.correcting.adjustments import (
    ProposeAdjustment,
    ProposeReversal,
    WithdrawAdjustment,
    moved,
    propose_adjustment,
    propose_reversal,
    withdraw_adjustment,
)
from points.lines import LineOf, LineUnknown, line_of
from points.stories import Story, story_of
from points.words import number, title_of
from residents import people, queries
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
        rows=[_row(each) for each in found.get(show, [])],
        days=settings.integer(connection, "correction.answer_days", present()),
        refusal=_sentence(refusal),
    )
    return page, int(refusal.status) if refusal else 200


def _sentence(refusal: AppError | None) -> str | None:
    return refusal.sentence(_) if refusal else None


def _asked_row(asked: corrections.Asked) -> AskedRow:
    line = _line(asked.subject)
    name, where = _holder(line.holder_kind, line.holder_id) if line else ("", "")
    days = (asked.answer_by - business_day(present())).days
    return AskedRow(
        id=asked.id,
        name=name or queries.names(reader(), [asked.asked_by]).get(asked.asked_by, ""),
        where=where,
        title=title_of(line.act, line.reason) if line else _("积分公示"),
        amount=line.amount if line else None,
        words=asked.words,
        kind=asked.kind,
        opened_at=asked.opened_at,
        days=days,
        urgent=days <= SOON_DAYS,
    )


def _line(identity: UUID) -> LineOf | None:
    """Return a line; an objection may be about something that is none."""
    try:
        return line_of(reader(), identity)
    except LineUnknown:
        return None


def _holder(kind: str, identity: UUID) -> tuple[str, str]:
    """Return whose points they are: a resident, or the household of somebody."""
    connection = reader()
    if kind == "household":
        members = queries.household(connection, identity)
        first = members[0] if members else None
        return (_("%(name)s家", name=first.name), first.address) if first else (_("本户"), "")
    line = queries.lines(connection, [identity]).get(identity)
    return (line.name, line.address) if line else ("", "")


def _row(each: adjusting.AdjustmentLine) -> dict[str, Any]:
    """Describe a proposal, and what stands in the way of deciding on it."""
    actor, connection = current_actor(), reader()
    name, where = _holder(each.holder_kind, each.holder_id)
    line = _line(each.original) if each.original else None
    persons = [one for one in (each.maker, each.checker) if one is not None]
    names = queries.names(connection, persons)
    mine = directory().own(connection, actor.person)
    limit = settings.integer(connection, "redeem.lead_points", present(), actor.place)
    size = moved(connection, each.original, each.amount)
    large = size >= limit * CENTIPOINTS and not actor.may("points.adjust_large")
    lock = ""
    if each.holder_id in mine or each.household in mine:
        lock = _("您自己或同户的，由别人来定")
    elif each.maker == actor.person:
        lock = _("您提出的，等另一位来定")
    elif each.maker in mine:
        lock = _("同户家人提出的，等另一位来定")
    elif large:
        lock = _("%(limit)s 分起由社区负责人来定", limit=limit)
    return {
        "of": each,
        "name": name,
        "where": where,
        "resident": each.holder_id if each.holder_kind == "resident" else None,
        "what": title_of(line.act, line.reason) if line else "",
        "maker": names.get(each.maker, ""),
        "maker_role": _(ROLES[each.maker_role]),
        "checker": names.get(each.checker, "") if each.checker else "",
        "checker_role": _(ROLES[each.checker_role]) if each.checker_role else "",
        "lock": lock,
        "mine": each.maker == actor.person,
        "key": form_key(),
    }


@desk.get("/correct")
def correct() -> ResponseReturnValue:
    """Correct a line, answer what was said about it, or give and take points of a resident."""
    return _correct()


def _correct(refusal: AppError | None = None) -> ResponseReturnValue:
    actor, connection = current_actor(), reader()
    actor.require("points.adjust")
    asked = _asked()
    line = _line(asked.subject) if asked else None
    wanted = forms.identity(request.values.get("line"))
    if asked is None and wanted is not None:
        line = line_of(connection, wanted)
    kind, holder = _whose(line)
    if line is not None and not (actor.covers(line.place) or actor.covers(line.community)):
        raise NotInYourScope
    story = story_of(connection, line.id) if line else None
    name, where = _holder(kind, holder) if holder else ("", "")
    page = render_template(
        "admin/correct.html",
        line=_shown(line) if line else None,
        holder={"kind": kind, "id": holder, "name": name, "where": where} if holder else None,
        asked=_told(asked) if asked else None,
        earlier=[_told(each) for each in story.corrections if each != asked] if story else [],
        done=[_row(each) for each in story.adjustments] if story else [],
        may_reverse=_may_reverse(line, story),
        may_adjust=_may_adjust(line, holder),
        may_write=asked is None and line is not None and _may_write(line),
        typed=request.form,
        key=form_key(),
        refusal=_sentence(refusal),
    )
    return page, int(refusal.status) if refusal else 200


def _asked() -> corrections.Asked | None:
    """Return the request that the page is about; one of another community is not found."""
    wanted = forms.identity(request.values.get("correction"))
    if wanted is None:
        return None
    found = corrections.correction_of(reader(), wanted)
    if found is None or not current_actor().covers(found.community):
        raise corrections.CorrectionUnknown
    return found


def _whose(line: LineOf | None) -> tuple[str, UUID | None]:
    """Return whose points are corrected: the line's holder, or the resident in the address."""
    if line is not None:
        return line.holder_kind, line.holder_id
    wanted = forms.identity(request.values.get("resident"))
    if wanted is None:
        return "", None
    found = queries.lines(reader(), [wanted]).get(wanted)
    if found is None:
        raise people.ResidentUnknown
    if not current_actor().covers(found.community):
        raise NotInYourScope
    return "resident", wanted


def _shown(line: LineOf) -> dict[str, Any]:
    return {
        "id": line.id,
        "title": title_of(line.act, line.reason),
        "amount": line.amount,
        "points_kind": line.points_kind,
        "number": number(str(line.id)),
        "waits": line.waits,
    }


def _may_reverse(line: LineOf | None, story: Story | None) -> bool:
    if line is None or story is None:
        return False
    undone = any(each.original == line.id for each in story.adjustments)
    return line.reversible and current_actor().covers(line.place) and not undone


def _may_adjust(line: LineOf | None, holder: UUID | None) -> bool:
    if holder is None:
        return False
    return line is None or current_actor().covers(line.community)


def _may_write(line: LineOf) -> bool:
    return line.holder_kind == "resident" and current_actor().covers(line.community)


def _told(asked: corrections.Asked) -> dict[str, Any]:
    persons = [one for one in (asked.asked_by, asked.entered_by, asked.answered_by) if one]
    names = queries.names(reader(), persons)
    return {
        "of": asked,
        "by": names.get(asked.asked_by, ""),
        "entered_by": names.get(asked.entered_by, "") if asked.entered_by else "",
        "answered_by": names.get(asked.answered_by, "") if asked.answered_by else "",
        "days": (asked.answer_by - business_day(present())).days,
    }


def _do(
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


@desk.post("/correct/answer")
def answer_asked() -> ResponseReturnValue:
    """Answer by an explanation."""
    command = corrections.AnswerCorrection(
        correction=forms.identity(request.form.get("correction")) or UUID(int=0),
        answer=request.form.get("answer", ""),
    )
    said = _("已答复，居民收到消息了")
    return _do(corrections.answer_correction, command, said, _correct, "asked")


@desk.post("/correct/say")
def say_for_resident() -> ResponseReturnValue:
    """Write down what somebody without a phone says is wrong."""
    line = line_of(reader(), forms.identity(request.form.get("line")) or UUID(int=0))
    resident = forms.identity(request.form.get("resident")) or line.holder_id
    command = corrections.OpenCorrection(
        subject=line.id, words=request.form.get("words", ""), resident=resident
    )
    said = _("已写下，等社区核对")
    return _do(corrections.open_correction, command, said, _correct, "asked")


@desk.post("/correct/adjust")
def propose_points() -> ResponseReturnValue:
    """Propose to give or to take points."""
    form = request.form
    amount = forms.centipoints(form.get("points")) or 0
    command = ProposeAdjustment(
        key=form.get("key", ""),
        holder_kind="household" if form.get("holder_kind") == "household" else "resident",
        holder_id=forms.identity(form.get("holder_id")) or UUID(int=0),
        points_kind="basic" if form.get("points_kind") == "basic" else "service",
        amount=-amount if form.get("sign") == "less" else amount,
        reason=form.get("reason", ""),
        evidence=form.get("evidence", ""),
        correction=forms.identity(form.get("correction")),
    )
    said = _("已提出，等另一位工作人员来定")
    return _do(propose_adjustment, command, said, _correct, "waiting")


@desk.post("/correct/reverse")
def propose_undoing() -> ResponseReturnValue:
    """Propose to undo a line, or a part of it."""
    form = request.form
    part = forms.centipoints(form.get("points")) if form.get("points", "").strip() else None
    command = ProposeReversal(
        key=form.get("key", ""),
        line=forms.identity(form.get("line")) or UUID(int=0),
        amount=(part or 0) if form.get("points", "").strip() else None,
        reason=form.get("reason", ""),
        evidence=form.get("evidence", ""),
        correction=forms.identity(form.get("correction")),
    )
    said = _("已提出，等另一位工作人员来定")
    return _do(propose_reversal, command, said, _correct, "waiting")


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
    return _do(withdraw_adjustment, command, _("已撤回"), _corrections, "waiting")


@desk.post("/adjustments/<uuid:adjustment_id>/collect")
def collect_points(adjustment_id: UUID) -> ResponseReturnValue:
    """Take of what is missing what is there by now."""
    command = shortages.CollectShortage(key=request.form.get("key", ""), adjustment=adjustment_id)
    return _do(shortages.collect_shortage, command, _("已收"), _corrections, "short")


@desk.post("/adjustments/<uuid:adjustment_id>/waive")
def waive_points(adjustment_id: UUID) -> ResponseReturnValue:
    """Let go what is missing."""
    command = shortages.WaiveShortage(
        adjustment=adjustment_id, reason=request.form.get("reason", "")
    )
    said = _("不再收了，原因记在这一条里")
    return _do(shortages.waive_shortage, command, said, _corrections, "short")
