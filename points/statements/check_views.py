"""The public page of checking: anybody who holds a statement sees whether it is genuine."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from core.directory import directory
from core.errors import AppError
from core.identity import public
from core.limits import Hit, hit
from core.work import reader, transact
from points.statements import words
from points.statements.answers_views import (
    GLANCES,
    Said,
    books,
    masked,
    place_names,
    said_now,
    title,
)
from points.statements.check import Checked, StatementUnknown, check
from points.statements.codes import CodeMisspelled, read_code

bp = Blueprint("check", __name__, url_prefix="/check")
bp.before_request(public)
TYPED_PER_ADDRESS = 60
HOUR = 3600


@bp.get("/")
def form() -> ResponseReturnValue:
    """Ask for the code of a paper."""
    return _page()


@bp.post("/")
def typed() -> ResponseReturnValue:
    """Take a code that was typed, and go to its page; a slip is said at once."""
    address = request.remote_addr or ""
    transact(hit, Hit(name=f"check:{address}", limit=TYPED_PER_ADDRESS, seconds=HOUR))
    raw = request.form.get("code", "")
    try:
        code = read_code(raw)
    except CodeMisspelled as refusal:
        return _page(refusal=refusal, typed=raw)
    return redirect(url_for("check.one", paper=code), code=303)


@bp.get("/<paper>")
def one(paper: str) -> ResponseReturnValue:
    """Say what was handed out under this code, line by line, and whether the books still say so."""
    GLANCES.one_more(request.remote_addr or "")
    try:
        with books() as connection:
            checked = check(connection, paper)
            said = said_now(connection, checked)
    except (CodeMisspelled, StatementUnknown) as refusal:
        return _page(refusal=refusal, typed=paper)
    return _page(checked=checked, said=said)


def _page(
    checked: Checked | None = None,
    refusal: AppError | None = None,
    typed: str = "",
    said: Sequence[Said] = (),
) -> ResponseReturnValue:
    issued = checked.issued if checked else None
    place = issued.subject.community if issued else 0
    page = render_template(
        "points/check.html",
        checked=checked,
        issued=issued,
        lines=said,
        place_name=place_names(reader()),
        purpose=words.purpose_words,
        name=masked(issued) if issued else "",
        title=title(issued.subject, issued.period) if issued else "",
        period=words.period_words(issued.period) if issued else "",
        place=directory().places(reader(), [place]).get(place, "") if issued else "",
        phone=directory().number(reader(), place) if issued else "",
        refusal=refusal.sentence() if refusal else "",
        typed=typed,
    )
    return page, int(refusal.status) if refusal else 200
