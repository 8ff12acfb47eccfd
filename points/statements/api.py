"""API of statements: a period's lines, handing a paper out, and checking one."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask_smorest import Blueprint

from core.acts import Actor
from core.directory import directory
from core.identity import current_actor, public, signed_in_only
from core.work import reader, transact
from points.accounts import PointsKind
from points.earning.recorders import HolderUnknown
from points.statements import answers_views as answers
from points.statements import schemas
from points.statements.check import check, issued
from points.statements.issue import (
    IssueStatement,
    StatementIssued,
    issue_statement,
    may_see,
)
from points.statements.periods import Period, Subject

bp = Blueprint("statements_api", __name__, description="statements")
bp.before_request(signed_in_only)
public_bp = Blueprint("statements_public_api", __name__, description="checking statements")
public_bp.before_request(public)


def _subject(asked: dict[str, Any], actor: Actor) -> Subject:
    """Return whose statement is meant: a resident's own, or whomever staff name."""
    of, holder = asked["of"], asked["holder"]
    is_basic = of == "household" or asked["kind"] == "basic"
    kind: PointsKind = "basic" if is_basic else "service"
    if of == "community":
        place = asked["community"] or actor.place
        return Subject(of=of, community=place, points_kind=kind)
    if holder is None:
        holder = actor.resident if of == "resident" else actor.household
    known = directory().holder(reader(), of, holder) if holder else None
    if known is None or holder is None:
        raise HolderUnknown
    return Subject(of=of, community=known.community, points_kind=kind, holder=holder)


def _asked(data: dict[str, Any]) -> tuple[Subject, Period]:
    actor = current_actor()
    subject = _subject(data, actor)
    may_see(reader(), actor, subject)
    return subject, Period(first=data["first"], last=data["last"])


@bp.get("/statement")
@bp.arguments(schemas.SubjectSchema, location="query")
@bp.response(200, schemas.StatementSchema)
def show(query: dict[str, Any]) -> dict[str, Any]:
    """Show a period: opening + lines = closing; of a community its accounts."""
    subject, period = _asked(query)
    if subject.of == "community":
        book = answers.community_book(subject, period)
        return {"sums": book.sums, "lines": [], "more": 0, "accounts": book.rows}
    found = answers.shown(subject, period)
    return {"sums": found.sums, "lines": found.lines, "more": found.more, "accounts": []}


@bp.post("/statements")
@bp.arguments(schemas.IssueSchema)
@bp.response(201, schemas.IssuedSchema)
def issue(data: dict[str, Any]) -> StatementIssued:
    """Hand out a statement; the same figures of the same period are the same paper."""
    subject, period = _asked(data)
    command = IssueStatement(subject=subject, period=period)
    return transact(issue_statement, command, current_actor())


@bp.get("/statements/<paper>/pdf")
@bp.response(200, {"type": "string", "format": "binary"}, content_type="application/pdf")
def pdf(paper: str) -> Response:
    """Give the paper."""
    may_see(reader(), current_actor(), issued(reader(), paper).subject)
    return answers.pdf(paper)


@public_bp.post("/checks/<paper>")
@public_bp.arguments(schemas.HeadingSchema)
@public_bp.response(200, schemas.HeadingAgreesSchema)
def heading(data: dict[str, Any], paper: str) -> dict[str, Any]:
    """Say whether a paper was given out to the name and the address that stand on it."""
    answers.count_typed()
    return {"name_agrees": answers.named(issued(reader(), paper), **data)}


@public_bp.get("/checks/<paper>")
@public_bp.response(200, schemas.CheckedSchema)
def checked(paper: str) -> dict[str, Any]:
    """Say what was handed out under a code, line by line, and whether the books still say so."""
    answers.GLANCES.one_more(request.remote_addr or "")
    with answers.books() as connection:
        found = check(connection, paper)
        lines = answers.said_now(connection, found)
    one = found.issued
    return {
        "code": one.code,
        "genuine": found.is_genuine,
        "name": answers.masked(one),
        "of": one.subject.of,
        "kind": one.subject.points_kind,
        "community": one.subject.community,
        "first": one.period.first,
        "last": one.period.last,
        "opening": one.sums.opening,
        "closing": one.sums.closing,
        "entries": one.sums.entries,
        "issued_at": one.issued_at,
        "lines": lines,
        "more": found.now.entries - len(lines) if one.subject.of != "community" else 0,
        "accounts": found.rows,
    }
