"""Checking a paper: what was handed out under this code, and whether the books still say so."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from sqlalchemy import select

from core.errors import N_, NotFound
from points.models import Statement
from points.statements.book import BookRow, book_of, moved
from points.statements.codes import read_code
from points.statements.periods import Period, Subject
from points.statements.sums import Line, Sums, lines, sums_of, version_of

if TYPE_CHECKING:
    from sqlalchemy import Connection


LINES_MAX = 2_000
"""Lines of a paper: more than anybody carries home is not printed, nor compared by eye."""


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
    #: The fingerprint of its name and address, where one was kept.
    heading: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was handed out, and what the books say today."""

    issued: Issued
    now: Sums
    #: The accounts of a community's book in which something moved; none of a holder's statement.
    rows: tuple[BookRow, ...]

    @property
    def is_genuine(self) -> bool:
        """Whether opening, closing, every transfer between and its line's words are the same."""
        return self.now == self.issued.sums


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
        heading=row.heading,
    )


def check(connection: Connection, raw: str) -> Checked:
    """Add the period up again and compare; raises CodeMisspelled or StatementUnknown."""
    found = issued(connection, raw)
    subject, period, version = found.subject, found.period, version_of(found.sums.digest)
    if subject.of == "community":
        # It was given out when its last day was over, though not by the clock of a closing.
        book = book_of(connection, subject, period, period.last + dt.timedelta(days=1), version)
        return Checked(issued=found, now=book.sums, rows=tuple(moved(book.rows)))
    now = sums_of(connection, subject, period, found.sums.through, version)
    return Checked(issued=found, now=now, rows=())


def lines_now(connection: Connection, checked: Checked) -> tuple[Line, ...]:
    """Return the lines of a holder's paper as the books say them today: to be compared by eye.

    Nothing but these tells of a paper on which lines were swapped or reworded: its sums are right.
    """
    subject, period = checked.issued.subject, checked.issued.period
    if subject.of == "community":
        return ()
    with closing(lines(connection, subject, period, checked.now)) as found:
        return tuple(islice(found, LINES_MAX))
