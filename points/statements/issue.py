"""Handing out a statement: what it says is kept with its code, so that the paper can be checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from core.errors import N_, Conflict, Forbidden
from points.lines import own_holders
from points.models import Statement
from points.statements.book import book_of
from points.statements.codes import new_code
from points.statements.named import heading_mark
from points.statements.periods import Of, Period, Subject
from points.statements.sums import sums_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.acts import Actor
    from core.work import Work


class NotYourStatement(Forbidden):
    """Residents get their own statement and their household's, and those of before."""

    text = N_("只能看自己和自己家的积分明细单。家人的请家人自己看，或请社区代办。")


class BooksDisagree(Conflict):
    """Transfers and totals say different things; nothing is printed before that is clear."""

    text = N_("这段账目核对不上，先不出单子。请打电话告诉社区，由区里查账。")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueStatement:
    """Hand out a statement. Its identity is what it says: the same figures are the same paper."""

    subject: Subject
    period: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementIssued:
    """The code on the paper, and whether this very paper was handed out before."""

    code: str
    of: Of
    opening: int
    closing: int
    entries: int
    exists: bool


def may_see(connection: Connection, actor: Actor, subject: Subject) -> None:
    """Let pass who may see a statement; raises NotYourStatement, Forbidden or NotInYourScope."""
    if actor.role == "resident":
        resident, household = actor.resident, actor.household
        if (
            resident is None
            or household is None
            or subject.holder not in own_holders(connection, resident, household)
        ):
            raise NotYourStatement
    elif subject.of == "community" and actor.may("console.read"):
        actor.require("console.read", subject.community)
    else:
        actor.require("statement.issue", subject.community)


def issue_statement(work: Work, command: IssueStatement) -> StatementIssued:
    """Add up the period and keep it under a new code; an equal statement keeps its first code.

    Raises NotYourStatement, Forbidden, NotInYourScope, PeriodNotYet, PeriodUpsideDown,
    AccountUnknown, BookStillOpen, BookTooLong or BooksDisagree.
    """
    subject, period = command.subject, command.period.checked(work.day)
    may_see(work.connection, work.actor, subject)
    if subject.of == "community":
        sums = book_of(work.connection, subject, period, work.day).sums
    else:
        sums = sums_of(work.connection, subject, period)
    if not sums.agrees:
        raise BooksDisagree
    insert = sqlite.insert if work.is_sqlite else postgresql.insert
    code: str | None = work.connection.scalar(
        insert(Statement)
        .values(
            code=new_code(),
            holder_kind=subject.of,
            holder_id=subject.holder,
            community=subject.community,
            points_kind=subject.points_kind,
            first_day=period.first,
            last_day=period.last,
            through=sums.through,
            opening=sums.opening,
            added=sums.added,
            taken=sums.taken,
            closing=sums.closing,
            entries=sums.entries,
            digest=sums.digest,
            heading=heading_mark(work.connection, subject, work.now),
            issued_at=work.now,
            issued_by=work.actor.person,
        )
        .on_conflict_do_nothing(index_elements=["digest"])
        .returning(Statement.code)
    )
    exists = code is None
    if exists:
        work.replayed()
        code = work.connection.scalar(select(Statement.code).where(Statement.digest == sums.digest))
    return StatementIssued(
        code=str(code),
        of=subject.of,
        opening=sums.opening,
        closing=sums.closing,
        entries=sums.entries,
        exists=exists,
    )
