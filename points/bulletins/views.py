"""Pages of the public list for residents: the months, the lines, and saying that one is wrong."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.directory import Former, directory, former_of
from core.errors import AppError
from core.formats import date
from core.identity import current_actor, residents_only
from core.work import business_day, present, reader, transact
from points.bulletins import lists, paper
from points.bulletins.objecting import Object, object_to_line
from points.lines import own_holders
from points.proof.sealing import head_of
from points.words import seal_words

bp = Blueprint("bulletins", __name__, url_prefix="/points/bulletins")
bp.before_request(residents_only)
bp.add_app_template_filter(lists.objection_words, "objection_words")
bp.add_app_template_filter(lists.month_key, "month_key")
bp.add_app_template_filter(paper.correction_words, "correction_words")
bp.add_app_template_filter(seal_words, "seal_words")


@bp.get("/")
def index() -> ResponseReturnValue:
    """List the months that were posted at home, or where one lived before."""
    lived = _lived(former_of(reader(), current_actor()))
    place = _place(lived)
    return render_template(
        "points/bulletins.html",
        months=lists.lists(reader(), place),
        former=directory().places(reader(), lived),
        place=place,
        today=business_day(present()),
    )


def _lived(former: list[Former]) -> set[int]:
    """Return the other communities among them."""
    return {each.community for each in former} - {current_actor().place}


def _place(lived: set[int]) -> int:
    """Return whose lists are asked for: one's own community's, or one's of before."""
    asked = request.args.get("place", type=int)
    return asked if asked in lived else current_actor().place


@bp.get("/<month>")
def one(month: str) -> ResponseReturnValue:
    """Show a month: one's own lines first, then everybody's."""
    actor, connection = current_actor(), reader()
    place = _place(_lived(former_of(connection, actor)))
    posted = lists.list_of(connection, place, lists.month_named(month))
    after = lists.position_named(request.args.get("after", ""))
    found = lists.lines(connection, posted, after=after)
    seen = directory().viewer(connection, actor, present())
    holders = [*seen.members, *own_holders(connection, seen.resident, seen.household)]
    me = directory().shown(connection, [seen.resident]).get(seen.resident)
    return render_template(
        "points/bulletin.html",
        posted=posted,
        is_open=posted.is_open(business_day(present())),
        own=lists.lines_of(connection, posted, holders) if not after else [],
        lines=found,
        after=lists.next_of(posted, found),
        is_named=bool(me and me.is_named),
        seal=head_of(connection, place),
        place_name=directory().places(connection, [place])[place],
    )


@bp.get("/lines/<uuid:line_id>")
def line(line_id: UUID) -> ResponseReturnValue:
    """Show a line, and the form of an objection."""
    return _line(line_id)


def _line(line_id: UUID, refusal: AppError | None = None, words: str = "") -> ResponseReturnValue:
    posted, found = lists.line(reader(), line_id)
    page = render_template(
        "points/bulletin_line.html",
        posted=posted,
        line=found,
        is_open=posted.is_open(business_day(present())),
        refusal=refusal.sentence() if refusal else "",
        typed=words,
    )
    return page, int(refusal.status) if refusal else 200


@bp.post("/lines/<uuid:line_id>")
def object_now(line_id: UUID) -> ResponseReturnValue:
    """Say that a line is wrong."""
    words = request.form.get("words", "")
    try:
        made = transact(object_to_line, Object(line=line_id, words=words), current_actor())
    except AppError as refusal:
        return _line(line_id, refusal, words)
    day = date(made.answer_by, present())
    flash(_("社区收到了，%(day)s前答复您。", day=day), "success")
    return redirect(url_for("bulletins.line", line_id=line_id), code=303)
