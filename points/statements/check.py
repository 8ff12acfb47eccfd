"""Checking a paper: what was handed out under this code, and whether the books still say so."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from core.errors import N_, NotFound
from points.models import Statement
from points.statements.book import book_of
from points.statements.codes import read_code
from points.statements.periods import Period, Subject
from points.statements.sums import Sums, sums_of, version_of

if TYPE_CHECKING:
    from sqlalchemy import Connection


class StatementUnknown(NotFound):
    """Nothing was ever handed out under this code."""

    text = N_("没有发出过这个核对码的明细单，这张单子可能是假的。请向上面写的社区打电话问。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A statement that was handed out, as its row has it."""

    code: str
    subject: Subject
    period: Period
    #: What was handed out; ``agrees`` has no meaning here and is true.
    sums: Sums
    issued_at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was handed out, and whether the books still give exactly this."""

    issued: Issued
    #: Opening, closing, every transfer between, and what its line says are the same today.
    is_genuine: bool


def issued(connection: Connection, raw: str) -> Issued:
    """Return what was handed out under a code; raises CodeMisspelled or StatementUnknown."""
    row = connection.execute(
        select(Statement.__table__).where(Statement.code == read_code(raw))
    ).first()
    if row is None:
        raise StatementUnknown
    return Issued(
        code=row.code,
        subject=Subject(
            of=row.holder_kind,
            community=row.community,
            points_kind=row.points_kind,
            holder=row.holder_id,
        ),
        period=Period(first=row.first_day, last=row.last_day),
        sums=Sums(
            opening=row.opening,
            added=row.added,
            taken=row.taken,
            closing=row.closing,
            entries=row.entries,
            digest=row.digest,
            through=row.through,
            agrees=True,
        ),
        issued_at=row.issued_at,
    )


def check(connection: Connection, raw: str) -> Checked:
    """Add the period up again and compare; raises CodeMisspelled or StatementUnknown."""
    found = issued(connection, raw)
    return Checked(issued=found, is_genuine=_again(connection, found) == found.sums)


def _again(connection: Connection, found: Issued) -> Sums:
    subject, period, version = found.subject, found.period, version_of(found.sums.digest)
    if subject.of == "community":
        return book_of(connection, subject, period, period.last, version).sums
    return sums_of(connection, subject, period, found.sums.through, version)
