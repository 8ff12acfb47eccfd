"""What lapses when: the district's policy, the marks of the years, and one account's share."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from core import settings
from core.work import SHANGHAI, business_day
from points.models import ExpiryMark, ExpiryRun

if TYPE_CHECKING:
    from sqlalchemy import Connection

POLICY = "points.expiry.service"
STRICTEST_FIRST = ("end_of_year", "end_of_next_year", "never")
MONTHS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapsing:
    """What of an account lapses when, in centipoints; what is held lapses with none of it."""

    #: Came back after its year had ended (a hold released, a spend reversed).
    overdue: int
    overdue_on: dt.date
    this_year: int
    this_year_on: dt.date
    next_year: int
    next_year_on: dt.date
    #: When what arrives now lapses; None: never.
    new_on: dt.date | None

    @property
    def by_year_end(self) -> int:
        """What lapses until this year's end, what came back late among it."""
        return self.overdue + self.this_year


def month_end(day: dt.date) -> dt.date:
    """Return the last day of a day's month."""
    following = day.replace(day=28) + dt.timedelta(days=4)
    return following - dt.timedelta(days=following.day)


def year_end(year: int) -> dt.date:
    """Return the last day of a year."""
    return dt.date(year, MONTHS, 31)


def end_of(day: dt.date) -> dt.datetime:
    """Return the last second of a business day."""
    return dt.datetime.combine(day, dt.time(23, 59, 59), SHANGHAI).astimezone(dt.UTC)


def marked_year(connection: Connection, year: int, now: dt.datetime) -> int | None:
    """Return the year whose marks lapse when ``year`` ends; None: nothing lapses.

    The milder counts of the policy that the year began with and the one that it ends with: what
    residents were promised is never shortened in the course of a year, and may be lengthened.
    """
    begins = end_of(year_end(year - 1)) + dt.timedelta(seconds=1)
    policies = [
        settings.choice(connection, POLICY, min(moment, now))
        for moment in (begins, end_of(year_end(year)))
    ]
    mildest = max(policies, key=STRICTEST_FIRST.index)
    if mildest == "never":
        return None
    return year if mildest == "end_of_year" else year - 1


def ended_year(day: dt.date) -> int:
    """Return the last year that was over when this month end was."""
    return day.year if day.month == MONTHS else day.year - 1


def lapsing(
    connection: Connection, account: int, credited: int, gone: int, now: dt.datetime
) -> Lapsing:
    """Return what of an account lapses when; ``gone`` is what was debited or is held."""
    today = business_day(now)
    found = connection.execute(
        select(ExpiryMark.year, ExpiryMark.credited).where(
            ExpiryMark.account == account, ExpiryMark.year >= today.year - 2
        ),
    )
    marks = {row.year: row.credited for row in found} | {today.year: credited}

    def upto(year: int) -> int:
        marked = marked_year(connection, year, now)
        return 0 if marked is None else max(0, marks.get(marked, 0) - gone)

    overdue = upto(today.year - 1)
    this_year = max(overdue, upto(today.year))
    # By the policy of today, all that is left lapses a year later or never.
    new_on = _new_on(connection, today.year, now)
    left = this_year if new_on is None else max(this_year, credited - gone)
    return Lapsing(
        overdue=overdue,
        overdue_on=_overdue_on(connection, today) if overdue else month_end(today),
        this_year=this_year - overdue,
        this_year_on=year_end(today.year),
        next_year=left - this_year,
        next_year_on=year_end(today.year + 1),
        new_on=new_on,
    )


def _new_on(connection: Connection, year: int, now: dt.datetime) -> dt.date | None:
    """Return the end of the first year that takes what arrives in this one."""
    for end in (year, year + 1):
        marked = marked_year(connection, end, now)
        if marked is not None and marked >= year:
            return year_end(end)
    return None


def _overdue_on(connection: Connection, today: dt.date) -> dt.date:
    """Return the day after which it lapses: until its run, the year's end itself."""
    last = year_end(today.year - 1)
    run = select(ExpiryRun.finished_at).where(ExpiryRun.stage == "lapse", ExpiryRun.day == last)
    return month_end(today) if connection.scalar(run) else last
