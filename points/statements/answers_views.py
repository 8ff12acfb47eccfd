"""What the pages of residents, desk and console have in common: files, and what a page shows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from flask import Response, request, send_file
from flask_babel import gettext as _

from core.directory import Former, directory
from core.formats import mask_name
from core.glances import Glances
from core.limits import DAY, Hit, hit
from core.sheets import Rows, csv_file, excel_file
from core.work import (
    business_day,
    configuration,
    end_reading,
    present,
    reader,
    reading,
    transact,
)
from points.proof.sealing import head_of
from points.statements import paper, tables, words
from points.statements.book import CommunityBook, book_of, last_closed, transfers
from points.statements.check import Checked, Issued, check, lines_now
from points.statements.issue import BooksDisagree
from points.statements.named import agrees, whose
from points.statements.periods import Period, Subject, month_before, month_of
from points.statements.sums import Line, Sums, lines, sums_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

SCREEN_MAX = 500
"""Lines that a page shows; files and paper have all of them."""

GLANCES = Glances(limit=60, seconds=60)
"""At papers of others by their codes, from one address: the page and the API count together."""

TYPED_PER_ADDRESS, HOUR = 60, 3600
NAMED_PER_PAPER = 10
"""Names typed for one paper in a day, from wherever: a mask leaves few enough to try them all."""

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A holder's statement as a page shows it."""

    period: Period
    sums: Sums
    lines: tuple[Line, ...]
    places: dict[int, str]
    #: Lines that the page leaves out.
    more: int


@contextmanager
def books() -> Iterator[Connection]:
    """Open a transaction of its own to read in: long lists are fetched piece by piece.

    The request's reader is put back first, so that no request holds two connections.
    """
    end_reading()
    with reading() as connection:
        yield connection


def today() -> dt.date:
    """Return the business day that it is."""
    return business_day(present())


def asked_period(default: Period) -> Period:
    """Return the period of the address (``first``, ``last``), or the default."""
    return Period(first=_day("first") or default.first, last=_day("last") or default.last)


def _day(name: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(request.values.get(name, ""))
    except ValueError:
        return None


def this_month() -> Period:
    """Return this month up to today."""
    return Period(first=today().replace(day=1), last=today())


def closed_month() -> Period:
    """Return the last month whose days are all closed, or what of this one is."""
    last = last_closed(reader(), today())
    whole = month_of(last)
    before = month_before(last)
    return whole if whole.last == last else before


def presets(day: dt.date) -> list[tuple[str, Period]]:
    """Return the periods that people ask for most, with their names."""
    year = dt.date(day.year, 1, 1)
    return [
        (_("本月"), Period(first=day.replace(day=1), last=day)),
        (_("上月"), month_before(day)),
        (_("今年"), Period(first=year, last=day)),
        (
            _("去年"),
            Period(first=year.replace(year=day.year - 1), last=year - dt.timedelta(days=1)),
        ),
    ]


def place_names(connection: Connection) -> Callable[[int], str]:
    """Return a function that names communities and asks for each of them once."""
    known: dict[int, str] = {}

    def name(code: int) -> str:
        if code not in known:
            known.update(directory().places(connection, [code]) or {code: ""})
        return known[code]

    return name


def shown(subject: Subject, period: Period) -> Shown:
    """Return a holder's statement for a page; raises what sums_of and the period raise."""
    period.checked(today())
    with books() as connection:
        sums = sums_of(connection, subject, period)
        with closing(lines(connection, subject, period, sums)) as found:
            first = tuple(islice(found, SCREEN_MAX))
        return Shown(
            period=period,
            sums=sums,
            lines=first,
            places=directory().places(connection, {line.place for line in first}),
            more=max(0, sums.entries - len(first)),
        )


def community_book(subject: Subject, period: Period) -> CommunityBook:
    """Return a community's book for a page."""
    with books() as connection:
        return book_of(connection, subject, period.checked(today()), today())


def sheet(subject: Subject, period: Period, form: str) -> Response:
    """Answer with the whole statement as ``csv`` or ``xlsx``."""
    period.checked(today())
    title = _("积分明细单")
    with books() as connection:
        rows = _table(connection, subject, period)
        return saved(rows, form, title, f"{period.first}–{period.last}")


def saved(rows: Rows, form: str, title: str, what: str) -> Response:
    """Answer with rows as a file, ``csv`` or ``xlsx``, that is called by title and contents."""
    return send_file(
        csv_file(rows) if form == "csv" else excel_file(title, rows),
        mimetype="text/csv" if form == "csv" else EXCEL,
        as_attachment=True,
        download_name=f"{title} {what}.{form}",
    )


def _table(connection: Connection, subject: Subject, period: Period) -> Rows:
    name = place_names(connection)
    if subject.of == "community":
        book = book_of(connection, subject, period, today())
        moved = transfers(connection, subject, period)
        return tables.of_community(book.sums, book.rows, moved, name)
    sums = sums_of(connection, subject, period)
    found = lines(connection, subject, period, sums)
    return tables.of_holder(period, sums, found, name)


def heading(connection: Connection, issued: Issued) -> paper.Heading:
    """Return whose statement it is, and who gives it out."""
    subject, name = issued.subject, place_names(connection)
    place = name(subject.community)
    who = whose(connection, subject, issued.issued_at)
    return paper.Heading(
        # Of a household with nobody known the address is all the name there is.
        name=(who.name or who.address) if who else place,
        address=who.address if who and who.names else "",
        place=place,
        phone=directory().number(connection, subject.community),
        check_url=f"{configuration().base_url}/check/",
        seal=head_of(connection, subject.community),
        before=tuple(
            (name(each.community), each.until)
            for each in former(connection, subject)
            if each.until >= issued.period.first
        ),
    )


def former(connection: Connection, subject: Subject) -> list[Former]:
    """Return the places that a resident had before, whose lines are on statements of their own."""
    if subject.of != "resident":
        return []
    return directory().former(connection, subject.holder)


def pdf(code: str) -> Response:
    """Answer with the paper; raises BooksDisagree where the books no longer say what it says."""
    with books() as connection:
        checked = check(connection, code)
        if not checked.is_genuine:
            raise BooksDisagree
        issued = checked.issued
        made = _printed(connection, issued)
    answer = Response(made, mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="{issued.code}.pdf"'
    return answer


def _printed(connection: Connection, issued: Issued) -> bytes:
    subject, period, name = issued.subject, issued.period, place_names(connection)
    head = heading(connection, issued)
    if subject.of == "community":
        rows = book_of(connection, subject, period, today()).rows
        return paper.book(issued, head, rows, name)
    found = lines(connection, subject, period, issued.sums)
    return paper.statement(issued, head, found, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A line of a paper as the books word it today; amounts in centipoints."""

    day: dt.date
    reason: str
    amount: int
    balance: int


def said_now(connection: Connection, checked: Checked) -> list[Said]:
    """Return what has to stand on a holder's paper, line by line."""
    name = place_names(connection)
    return [
        Said(
            day=line.day,
            reason=paper.reason_of(line, checked.issued.subject.community, name),
            amount=line.amount,
            balance=line.balance,
        )
        for line in lines_now(connection, checked)
    ]


def title(subject: Subject, period: Period) -> str:
    """Name a statement in a line."""
    kind = words.kind_words(subject.of, subject.points_kind)
    return f"{kind}　{words.period_words(period)}"


def masked(issued: Issued) -> str:
    """Return whose statement it is, so that only who knows them recognises them."""
    subject = issued.subject
    if subject.of == "community":
        return directory().places(reader(), [subject.community]).get(subject.community, "")
    who = whose(reader(), subject, issued.issued_at)
    return "、".join(mask_name(name) for name in who.names) if who else ""


def count_typed() -> None:
    """Count what somebody types to check a paper, a code or a name; raises TooMany."""
    name = f"check:{request.remote_addr or ''}"
    transact(hit, Hit(name=name, limit=TYPED_PER_ADDRESS, seconds=HOUR))


def named(issued: Issued, name: str, address: str) -> bool | None:
    """Tell whether a paper was given out to this name and this address; None: to a community.

    What was typed is compared and forgotten. Raises TooManyToday, by the paper.
    """
    transact(hit, Hit(name=f"named:{issued.code}", limit=NAMED_PER_PAPER, seconds=DAY))
    return agrees(reader(), issued, name, address)
