"""The desk's pages of the public list: months and their state, objections and answers, paper."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import desk
from admin.forms import identity
from core.directory import directory
from core.errors import AppError
from core.identity import current_actor
from core.work import business_day, present, reader, transact
from points.bulletins import lists, paper
from points.bulletins.objecting import Object, object_to_line
from points.correcting.corrections import AnswerCorrection, CorrectionUnknown, answer_correction
from points.proof.sealing import head_of
from points.statements.answers_views import saved
from residents import queries

FOUND = 20


@desk.get("/bulletins")
def bulletins() -> ResponseReturnValue:
    """List the months that were posted, with what waits for an answer."""
    actor, connection = current_actor(), reader()
    return render_template(
        "admin/bulletins.html",
        months=lists.lists(connection, actor.place),
        waiting=lists.open_objections(connection, actor.place),
        today=business_day(present()),
    )


@desk.get("/bulletins/<month>")
def bulletin(month: str) -> ResponseReturnValue:
    """Show a month's lines and what was said against them, or give all lines as a file."""
    form = request.args.get("as", "")
    if form not in {"csv", "xlsx"}:
        return _page(month)
    posted = lists.list_of(reader(), current_actor().place, lists.month_named(month))
    rows = paper.table(lists.every_line(reader(), posted))
    return saved(rows, form, _("积分公示"), month)


def _page(month: str, refusal: AppError | None = None) -> ResponseReturnValue:
    actor, connection = current_actor(), reader()
    posted = lists.list_of(connection, actor.place, lists.month_named(month))
    after = lists.position_named(request.args.get("after", ""))
    found = lists.lines(connection, posted, after=after)
    # Who only hands goods over reads the list as it hangs on the board.
    answers = actor.may("points.adjust")
    q = request.values.get("q", "").strip() if answers else ""
    page = render_template(
        "admin/bulletin.html",
        posted=posted,
        month=month,
        is_open=posted.is_open(business_day(present())),
        lines=found,
        after=lists.next_of(posted, found),
        seal=head_of(connection, actor.place),
        line=_line(posted, identity(request.values.get("line"))) if answers else None,
        q=q,
        found=queries.search(connection, actor.place, q)[:FOUND] if q else [],
        objections=_objections(lists.objections(connection, posted)) if answers else [],
        typed=request.form,
        refusal=refusal.sentence() if refusal else None,
    )
    return page, int(refusal.status) if refusal else 200


def _line(posted: lists.Posted, wanted: UUID | None) -> lists.ListLine | None:
    """Return the line of a list that somebody objects to."""
    if wanted is None:
        return None
    stands_on, found = lists.line(reader(), wanted)
    return found if stands_on == posted else None


def _objections(found: list[lists.Objection]) -> list[dict[str, Any]]:
    """Name the people of objections: at the desk they are not masked."""
    connection = reader()
    shown = directory().shown(connection, [each.holder for each in found])
    names = queries.names(connection, [each.asked_by for each in found])
    whose = [(each, shown.get(each.holder)) for each in found]
    return [
        {
            "row": each,
            "holder": each.holder,
            "is_household": bool(who and who.is_household),
            "name": "、".join(who.names) if who else _("已注销"),
            "asked_by": names.get(each.asked_by, ""),
        }
        for each, who in whose
    ]


@desk.post("/bulletins/<month>/answer")
def answer_objection(month: str) -> ResponseReturnValue:
    """Answer an objection in words."""
    wanted = identity(request.form.get("correction"))
    if wanted is None:
        raise CorrectionUnknown
    command = AnswerCorrection(correction=wanted, answer=request.form.get("answer", ""))
    try:
        transact(answer_correction, command, current_actor())
    except AppError as refusal:
        return _page(month, refusal)
    flash(_("已答复，提出的人会收到。"), "done")
    return redirect(url_for("desk.bulletin", month=month), code=303)


@desk.post("/bulletins/<month>/object")
def write_objection(month: str) -> ResponseReturnValue:
    """Write an objection down for somebody who came to the counter."""
    line, resident = identity(request.form.get("line")), identity(request.form.get("resident"))
    if line is None or resident is None:
        raise lists.BulletinUnknown
    command = Object(line=line, words=request.form.get("words", ""), resident=resident)
    try:
        transact(object_to_line, command, current_actor())
    except AppError as refusal:
        return _page(month, refusal)
    flash(_("已写下，等社区核对"), "done")
    return redirect(url_for("desk.bulletin", month=month), code=303)


@desk.get("/bulletins/<month>/pdf")
def bulletin_pdf(month: str) -> ResponseReturnValue:
    """Give the list for the notice board."""
    answer = Response(printed(month), mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="{month}.pdf"'
    return answer


def printed(month: str) -> bytes:
    """Return the month's list of the actor's community as a PDF."""
    community, connection = current_actor().place, reader()
    posted = lists.list_of(connection, community, lists.month_named(month))
    place = directory().places(connection, [community]).get(community, "")
    found = lists.lines(connection, posted, limit=paper.LINES_MAX)
    phone, seal = directory().number(connection, community), head_of(connection, community)
    return paper.printed(posted, found, place, phone, seal)
