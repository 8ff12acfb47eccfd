"""The desk's page on which one line, or somebody's points, are corrected."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin import forms
from admin.blueprints import desk
from admin.desk_corrections import do, holder_words, line_or_none, rows_of, sentence
from core.acts import NotInYourScope
from core.directory import directory
from core.errors import N_, AppError, Rejected
from core.http_keys import form_key
from core.identity import current_actor
from core.work import business_day, present, reader
from points.correcting import corrections
from points.correcting.adjustments import (
    ProposeAdjustment,
    ProposeReversal,
    propose_adjustment,
    propose_reversal,
)
from points.lines import LineOf, line_of
from points.stories import Story, story_of
from points.words import number, title_of
from residents import people, queries


class PointsUnreadable(Rejected):
    """Points are typed as a number, to a hundredth."""

    text = N_("分数没有看懂。请只写数字，最多两位小数，比如 12 或 4.5。")


@desk.get("/correct")
def correct() -> ResponseReturnValue:
    """Correct a line, answer what was said about it, or give and take somebody's points."""
    return _correct()


def _correct(refusal: AppError | None = None) -> ResponseReturnValue:
    actor, connection = current_actor(), reader()
    actor.require("points.adjust")
    asked = _asked()
    line = line_or_none(asked.subject) if asked else None
    wanted = forms.identity(request.values.get("line"))
    if asked is None and wanted is not None:
        line = line_of(connection, wanted)
    kind, holder = _whose(line, asked)
    if line is not None and not (actor.covers(line.place) or actor.covers(line.community)):
        raise NotInYourScope
    story = story_of(connection, line.id) if line else None
    name, where = holder_words(kind, holder) if holder else ("", "")
    askers = [] if asked else _may_ask(line)
    page = render_template(
        "admin/correct.html",
        line=_shown(line, story) if line and story else None,
        holder={"kind": kind, "id": holder, "name": name, "where": where} if holder else None,
        asked=_told(asked) if asked else None,
        earlier=[_told(each) for each in story.corrections if each != asked] if story else [],
        done=rows_of(story.adjustments) if story else [],
        may_reverse=_may_reverse(line, story),
        may_adjust=_may_adjust(line, holder),
        askers=askers,
        nobody=not askers and asked is None and line is not None and kind == "household",
        typed=request.form,
        key=form_key(),
        refusal=sentence(refusal),
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


def _whose(line: LineOf | None, asked: corrections.Asked | None) -> tuple[str, UUID | None]:
    """Return whose points are corrected: what the line or the request says, or the address."""
    if line is not None:
        return line.holder_kind, line.holder_id
    if asked is not None:
        return _about(asked)
    household = forms.identity(request.values.get("household"))
    wanted = household or forms.identity(request.values.get("resident"))
    if wanted is None:
        return "", None
    found = directory().standings(reader(), [wanted]).get(wanted)
    if found is None:
        raise people.HouseholdUnknown if household else people.ResidentUnknown
    if not current_actor().covers(found.community):
        raise NotInYourScope
    return found.kind, wanted


def _about(asked: corrections.Asked) -> tuple[str, UUID | None]:
    """Return whose points a request is about, also where they have gone on since: those follow."""
    holder = corrections.holder_about(reader(), asked)
    for kind in ("resident", "household"):
        found = directory().holder(reader(), kind, holder) if holder else None
        if found is not None and current_actor().covers(found.community):
            return kind, holder
    return "", None


def _may_ask(line: LineOf | None) -> list[queries.ResidentLine]:
    """Return who may say that a line is wrong: its resident, or anybody of its household."""
    if line is None or not current_actor().covers(line.community):
        return []
    if line.holder_kind == "household":
        return queries.household(reader(), line.holder_id)
    found = queries.lines(reader(), [line.holder_id]).get(line.holder_id)
    return [found] if found else []


def _shown(line: LineOf, story: Story) -> dict[str, Any]:
    return {
        "id": line.id,
        "title": title_of(line.act, line.reason),
        "amount": line.amount,
        "points_kind": line.points_kind,
        "number": number(str(line.id)),
        "waits": line.waits,
        "together": line.together if line.together > abs(line.amount) else 0,
        "left": story.left,
        "made": story.made,
    }


def _may_reverse(line: LineOf | None, story: Story | None) -> bool:
    if line is None or story is None:
        return False
    return line.reversible and current_actor().covers(line.place) and story.left > 0


def _may_adjust(line: LineOf | None, holder: UUID | None) -> bool:
    if holder is None:
        return False
    return line is None or current_actor().covers(line.community)


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


@desk.post("/correct/answer")
def answer_asked() -> ResponseReturnValue:
    """Answer by an explanation."""
    command = corrections.AnswerCorrection(
        correction=forms.identity(request.form.get("correction")) or UUID(int=0),
        answer=request.form.get("answer", ""),
    )
    said = _("已答复，居民收到消息了")
    return do(corrections.answer_correction, command, said, _correct, "asked")


@desk.post("/correct/say")
def say_for_resident() -> ResponseReturnValue:
    """Write down what somebody without a phone says is wrong."""
    line = line_of(reader(), forms.identity(request.form.get("line")) or UUID(int=0))
    resident = forms.identity(request.form.get("resident")) or line.holder_id
    command = corrections.OpenCorrection(
        subject=line.id, words=request.form.get("words", ""), resident=resident
    )
    said = _("已写下，等社区核对")
    return do(corrections.open_correction, command, said, _correct, "asked")


@desk.post("/correct/adjust")
def propose_points() -> ResponseReturnValue:
    """Propose to give or to take points."""
    form = request.form
    amount = forms.exact_centipoints(form.get("points"))
    if amount is None:
        return _correct(PointsUnreadable())
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
    return do(propose_adjustment, command, said, _correct, "waiting")


@desk.post("/correct/reverse")
def propose_undoing() -> ResponseReturnValue:
    """Propose to undo a line, or a part of it."""
    form = request.form
    typed = form.get("points", "").strip()
    part = forms.exact_centipoints(typed)
    if typed and part is None:
        return _correct(PointsUnreadable())
    command = ProposeReversal(
        key=form.get("key", ""),
        line=forms.identity(form.get("line")) or UUID(int=0),
        amount=part,
        reason=form.get("reason", ""),
        evidence=form.get("evidence", ""),
        correction=forms.identity(form.get("correction")),
    )
    said = _("已提出，等另一位工作人员来定")
    return do(propose_reversal, command, said, _correct, "waiting")
