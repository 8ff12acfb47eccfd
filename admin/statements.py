"""Statements at the desk and in the console: any resident's or household's, and the book."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import console, desk
from core.directory import directory
from core.errors import AppError
from core.identity import current_actor
from core.work import reader, transact
from points.accounts import PointsKind
from points.earning.recorders import HolderUnknown
from points.statements import answers_views as answers
from points.statements import words
from points.statements.book import moved
from points.statements.check import issued
from points.statements.issue import IssueStatement, issue_statement, may_see
from points.statements.periods import Of, Subject
from residents import queries

KINDS = ("service", "basic")


def _kind() -> str:
    kind = request.values.get("kind", "service")
    return kind if kind in KINDS else "service"


def _holder(of: Of, holder: UUID) -> Subject:
    """Return the subject of an address; raises HolderUnknown, or Forbidden by its scope."""
    known = directory().holder(reader(), of, holder)
    if known is None:
        raise HolderUnknown
    is_basic = of == "household" or _kind() == "basic"
    subject = Subject(
        of=of,
        community=known.community,
        points_kind="basic" if is_basic else "service",
        holder=holder,
    )
    may_see(reader(), current_actor(), subject)
    return subject


@desk.get("/statements/<any(resident, household):of>/<uuid:holder>")
def statement(of: Of, holder: UUID) -> ResponseReturnValue:
    """Show a period of a resident or a household, or give it as a file."""
    subject, period = _holder(of, holder), answers.asked_period(answers.this_month())
    form = request.args.get("as", "")
    if form in {"csv", "xlsx"}:
        return answers.sheet(subject, period, form)
    found, refusal, status = None, "", 200
    try:
        found = answers.shown(subject, period)
    except AppError as refused:
        refusal, status = refused.sentence(), int(refused.status)
    known = directory().holder(reader(), of, holder)
    who = directory().shown(reader(), [holder])[holder]
    members = queries.members(reader(), known.household) if known else []
    page = render_template(
        "admin/statement.html",
        of=of,
        holder=holder,
        household=known.household if known else holder,
        member=members[0][0] if members else None,
        kind=subject.points_kind,
        name="、".join(who.names) or who.address,
        address=who.address,
        period=period,
        presets=answers.presets(answers.today()),
        found=found,
        refusal=refusal,
        former=answers.former(reader(), subject),
        place_name=answers.place_names(reader()),
        covers=current_actor().covers,
    )
    return page, status


@desk.post("/statements/<any(resident, household):of>/<uuid:holder>")
def issue_holders(of: Of, holder: UUID) -> ResponseReturnValue:
    """Hand out a resident's or household's statement."""
    code = _issue(_holder(of, holder))
    return redirect(url_for("desk.statement_issued", paper=code), code=303)


def _issue(subject: Subject) -> str:
    """Hand a statement out; return its code."""
    period = answers.asked_period(answers.this_month())
    command = IssueStatement(subject=subject, period=period)
    return transact(issue_statement, command, current_actor()).code


def _book_page(community: int, layout: str) -> ResponseReturnValue:
    subject = _book_subject(community)
    may_see(reader(), current_actor(), subject)
    period, form = answers.asked_period(answers.closed_month()), request.args.get("as", "")
    if form in {"csv", "xlsx"}:
        return answers.sheet(subject, period, form)
    found, refusal, status = None, "", 200
    try:
        found = answers.community_book(subject, period)
    except AppError as refused:
        refusal, status = refused.sentence(), int(refused.status)
    name = answers.place_names(reader())
    page = render_template(
        "admin/book.html",
        layout=layout,
        community=community,
        place=name(community),
        kind=subject.points_kind,
        period=period,
        found=found,
        rows=moved(found.rows) if found else [],
        named=lambda row: words.purpose_words(row.purpose, name(row.counterpart)),
        communities=queries.communities_by_subdistrict(reader()) if "console" in layout else {},
        refusal=refusal,
    )
    return page, status


@desk.get("/book")
def book() -> ResponseReturnValue:
    """Show the community's book over a period, or give it as a file."""
    return _book_page(current_actor().place, "_desk.html")


@desk.post("/book")
def issue_book() -> ResponseReturnValue:
    """Hand out the community's book."""
    code = _issue(_book_subject(current_actor().place))
    return redirect(url_for("desk.statement_issued", paper=code), code=303)


@console.get("/book")
def console_book() -> ResponseReturnValue:
    """Show any community's book, or give it as a file."""
    asked = request.args.get("community", default=0, type=int)
    codes = [place.code for place in queries.places(reader()) if current_actor().covers(place.code)]
    if asked in codes or not codes:
        return _book_page(asked, "_console.html")
    return redirect(url_for("console.console_book", community=codes[0]), code=303)


@console.post("/book")
def issue_console_book() -> ResponseReturnValue:
    """Hand out any community's book."""
    community = request.form.get("community", default=0, type=int)
    code = _issue(_book_subject(community))
    return redirect(url_for("console.console_statement_issued", book_paper=code), code=303)


def _book_subject(community: int) -> Subject:
    """Return the book of a community, of the kind that the page shows."""
    is_basic = _kind() == "basic"
    kind: PointsKind = "basic" if is_basic else "service"
    return Subject(of="community", community=community, points_kind=kind)


def _issued_page(code: str, layout: str, pdf: str) -> ResponseReturnValue:
    found = issued(reader(), code)
    may_see(reader(), current_actor(), found.subject)
    return render_template(
        "admin/statement_issued.html",
        layout=layout,
        issued=found,
        heading=answers.heading(reader(), found),
        title=answers.title(found.subject, found.period),
        pdf=pdf,
        words=_("社区积分总账") if found.subject.of == "community" else _("积分明细单"),
    )


@desk.get("/statements/<paper>")
def statement_issued(paper: str) -> ResponseReturnValue:
    """Show what was handed out, and the way to the paper."""
    pdf = url_for("desk.statement_pdf", paper=paper)
    return _issued_page(paper, "_desk.html", pdf)


@console.get("/statements/<book_paper>")
def console_statement_issued(book_paper: str) -> ResponseReturnValue:
    """Show what was handed out, and the way to the paper."""
    pdf = url_for("console.console_statement_pdf", book_paper=book_paper)
    return _issued_page(book_paper, "_console.html", pdf)


@desk.get("/statements/<paper>/pdf")
def statement_pdf(paper: str) -> ResponseReturnValue:
    """Give the paper."""
    may_see(reader(), current_actor(), issued(reader(), paper).subject)
    return answers.pdf(paper)


@console.get("/statements/<book_paper>/pdf")
def console_statement_pdf(book_paper: str) -> ResponseReturnValue:
    """Give the paper."""
    may_see(reader(), current_actor(), issued(reader(), book_paper).subject)
    return answers.pdf(book_paper)
