"""Pages of a resident's statements: one's own and one's household's, on screen and on paper."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from core.directory import Former, directory, former_of
from core.errors import AppError
from core.identity import current_actor, residents_only
from core.work import present, reader, transact
from points.statements import answers_views as answers
from points.statements.check import issued
from points.statements.codes import spaced
from points.statements.issue import IssueStatement, issue_statement, may_see
from points.statements.periods import Subject
from points.words import title_of

bp = Blueprint("statements", __name__, url_prefix="/points/statements")
bp.before_request(residents_only)
bp.add_app_template_filter(spaced, "spaced")
bp.add_app_template_filter(lambda line: title_of(line.act, line.reason), "line_title")
KINDS = ("service", "basic", "household")


def _subject(kind: str, before: Former | None) -> Subject:
    place = before or directory().viewer(reader(), current_actor(), present())
    if kind == "household":
        return Subject(
            of="household",
            community=place.community,
            points_kind="basic",
            holder=place.household,
        )
    return Subject(
        of="resident",
        community=place.community,
        points_kind="basic" if kind == "basic" else "service",
        holder=place.resident,
    )


def _former(kind: str) -> list[Former]:
    """Return the places of before that have a statement of a kind: households that went along."""
    actor = current_actor()
    former = former_of(reader(), actor)
    if kind != "household" or actor.household is None:
        return former
    homes = directory().leading(reader(), actor.household)
    return [each for each in former if each.household in homes]


def _before(places: list[Former]) -> Former | None:
    """Return the earlier place whose statement is asked for; None: that of today."""
    asked = request.values.get("before", "")
    return next((each for each in places if str(each.resident) == asked), None)


def _kind() -> str:
    kind = request.values.get("kind", "service")
    return kind if kind in KINDS else "service"


@bp.get("/")
def index() -> ResponseReturnValue:
    """Show a period's lines between its opening and its closing, or give them as a file."""
    kind, period = _kind(), answers.asked_period(answers.this_month())
    former = _former(kind)
    before = _before(former)
    subject, form = _subject(kind, before), request.args.get("as", "")
    if form in {"csv", "xlsx"}:
        return answers.sheet(subject, period, form)
    found, refusal, status = None, "", 200
    try:
        found = answers.shown(subject, period)
    except AppError as refused:
        refusal, status = refused.sentence(), int(refused.status)
    page = render_template(
        "points/statement.html",
        kind=kind,
        period=period,
        presets=answers.presets(answers.today()),
        found=found,
        refusal=refusal,
        before=before,
        with_household=before is None or before in _former("household"),
        former=former,
        place_name=answers.place_names(reader()),
    )
    return page, status


@bp.post("/")
def issue() -> ResponseReturnValue:
    """Hand the statement out under a code."""
    kind, period = _kind(), answers.asked_period(answers.this_month())
    command = IssueStatement(subject=_subject(kind, _before(_former(kind))), period=period)
    made = transact(issue_statement, command, current_actor())
    return redirect(url_for("statements.one", paper=made.code), code=303)


@bp.get("/<paper>")
def one(paper: str) -> ResponseReturnValue:
    """Show what was handed out, with its code and the way to the paper."""
    found = issued(reader(), paper)
    may_see(reader(), current_actor(), found.subject)
    return render_template(
        "points/statement_issued.html",
        issued=found,
        heading=answers.heading(reader(), found),
        title=answers.title(found.subject, found.period),
        before=_before_of(found.subject),
        kind="household" if found.subject.of == "household" else found.subject.points_kind,
    )


def _before_of(subject: Subject) -> str | None:
    """Return the earlier place that a statement is of, as the address names it."""
    earlier = {getattr(each, subject.of): each.resident for each in _former(subject.of)}
    before = earlier.get(subject.holder)
    return str(before) if before else None


@bp.get("/<paper>/pdf")
def pdf(paper: str) -> ResponseReturnValue:
    """Give the paper."""
    may_see(reader(), current_actor(), issued(reader(), paper).subject)
    return answers.pdf(paper)
