"""Whose statement, and over which days."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from core.errors import N_, Rejected
from core.ids import NIL
from points.accounts import PointsKind, household_account, resident_account

Of = Literal["resident", "household", "community"]
LAST_MONTH = 12


class PeriodUpsideDown(Rejected):
    """It ends before it begins."""

    text = N_("截止日早于起始日。请把两个日期改好再看。")


class PeriodNotYet(Rejected):
    """It ends after today."""

    text = N_("截止日还没有到。请选今天或更早的日子。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Business days, both ends included."""

    first: dt.date
    last: dt.date

    def checked(self, today: dt.date) -> Period:
        """Return it as it is; raises PeriodUpsideDown or PeriodNotYet."""
        if self.last > today:
            raise PeriodNotYet
        if self.first > self.last:
            raise PeriodUpsideDown
        return self


def month_of(day: dt.date) -> Period:
    """Return the whole month that a day lies in."""
    first = day.replace(day=1)
    return Period(first=first, last=next_month(first) - dt.timedelta(days=1))


def next_month(first: dt.date) -> dt.date:
    """Return the first day of the month after."""
    years, month = divmod(first.year * LAST_MONTH + first.month, LAST_MONTH)
    return dt.date(years, month + 1, 1)


def month_before(day: dt.date) -> Period:
    """Return the whole month before the one that a day lies in."""
    return month_of(day.replace(day=1) - dt.timedelta(days=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose points of one kind: a resident's, a household's, or all of a community's."""

    of: Of
    community: int
    points_kind: PointsKind
    holder: UUID = NIL

    @property
    def account(self) -> int:
        """The holder's account; a community's statement is over all of them and has none: 0."""
        if self.of == "resident":
            return resident_account(self.holder, self.community, self.points_kind)
        return household_account(self.holder, self.community) if self.of == "household" else 0
