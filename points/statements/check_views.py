"""The public page of checking: anybody who holds a statement sees whether it is genuine."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from core.directory import directory
from core.errors import AppError
from core.identity import public
from core.work import reader
from points.statements import words
from points.statements.answers_views import (
    GLANCES,
    Said,
    books,
    count_typed,
    masked,
    named,
    place_names,
    said_now,
    title,
)
from points.statements.check import Checked, StatementUnknown, check
from points.statements.codes import CodeMisspelled, read_code
from points.statements.named import whose

bp = Blueprint("check", __name__, url_prefix="/check")
bp.before_request(public)


@bp.get("/")
def form() -> ResponseReturnValue:
    """Ask for the code of a paper."""
    return _page()


@bp.post("/")
def typed() -> ResponseReturnValue:
    """Take a code that was typed, and go to its page; a slip is said at once."""
    count_typed()
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
    return _one(paper)


@bp.post("/<paper>")
def heading(paper: str) -> ResponseReturnValue:
    """Say whether the name and the address that were read off a paper are those given out."""
    count_typed()
    return _one(paper, (request.form.get("name", ""), request.form.get("address", "")))


def _one(paper: str, read: tuple[str, str] | None = None) -> ResponseReturnValue:
    try:
        with books() as connection:
            checked = check(connection, paper)
            said = said_now(connection, checked)
    except (CodeMisspelled, StatementUnknown) as refusal:
        return _page(refusal=refusal, typed=paper)
    agrees = named(checked.issued, *read) if read else None
    return _page(checked=checked, said=said, agrees=agrees)


def _page(
    checked: Checked | None = None,
    refusal: AppError | None = None,
    typed: str = "",
    said: Sequence[Said] = (),
    *,
    agrees: bool | None = None,
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
        whose=whose(reader(), issued.subject, issued.issued_at) if issued else None,
        agrees=agrees,
        title=title(issued.subject, issued.period) if issued else "",
        period=words.period_words(issued.period) if issued else "",
        place=directory().places(reader(), [place]).get(place, "") if issued else "",
        phone=directory().number(reader(), place) if issued else "",
        refusal=refusal.sentence() if refusal else "",
        typed=typed,
    )
    return page, int(refusal.status) if refusal else 200
