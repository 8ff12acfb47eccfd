"""Figures of the district's month, each a count of rows that anybody can look up."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select

from activities.models import Attendance, Session
from core.work import SHANGHAI
from exchange.models import Order
from points.models import Award
from residents.models import Community, Resident, Subdistrict

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

SUBDISTRICT = 1000
PER_MILLE = 1000


def first_day(now: dt.datetime) -> dt.date:
    """Return the first day of the month in Hangzhou."""
    return now.astimezone(SHANGHAI).date().replace(day=1)


def months(now: dt.datetime) -> tuple[dt.datetime, dt.datetime, dt.datetime]:
    """Return when this month began, when last month began, and the same moment of last month."""
    start = dt.datetime.combine(first_day(now), dt.time(), SHANGHAI)
    before = (start - dt.timedelta(days=1)).replace(day=1)
    return start.astimezone(dt.UTC), before.astimezone(dt.UTC), min(before + (now - start), start)


def span_of(month: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """Return when a month begins in Hangzhou, and when the next one does."""
    after = (month.replace(day=1) + dt.timedelta(days=31)).replace(day=1)
    first, last = (dt.datetime.combine(day, dt.time(), SHANGHAI) for day in (month, after))
    return first.astimezone(dt.UTC), last.astimezone(dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The district between two moments; points in centipoints."""

    residents: int
    newcomers: int
    people: int
    attended: int
    sessions: int
    issued: int
    redeemed: int
    orders: int
    crossed: int


def _in(column: Any, subdistrict: int | None) -> list[ColumnElement[bool]]:
    """Return the condition that a community lies in a subdistrict; none for the district."""
    if subdistrict is None:
        return []
    return [column.between(subdistrict, subdistrict + SUBDISTRICT - 1)]


def _earned(start: dt.datetime, end: dt.datetime) -> list[ColumnElement[bool]]:
    """Return the condition of service points that were earned between two moments."""
    return [
        Award.points_kind == "service",
        Award.state != "void",
        Award.event_at >= start,
        Award.event_at < end,
    ]


def totals(
    connection: Connection,
    start: dt.datetime,
    end: dt.datetime,
    *,
    within: int | None = None,
) -> Totals:
    """Count the district, or one subdistrict, between two moments.

    People and what they got and spent count where they live, what took place where it did, an
    order between communities on both sides.
    """
    residents, newcomers = connection.execute(
        select(func.count(), func.count().filter(Resident.created_at >= start)).where(
            Resident.valid_to.is_(None), Resident.created_at < end, *_in(Resident.community, within)
        ),
    ).one()
    came = Attendance.phase == "entry", Attendance.event_at >= start, Attendance.event_at < end
    people = connection.scalar(
        select(func.count(Attendance.resident.distinct()))
        .join(Resident, Resident.id == Attendance.resident)
        .where(*came, *_in(Resident.community, within)),
    )
    attended, sessions = connection.execute(
        select(func.count(), func.count(Attendance.session.distinct()))
        .join(Session, Session.id == Attendance.session)
        .where(*came, *_in(Session.community, within)),
    ).one()
    issued = connection.scalar(
        select(func.coalesce(func.sum(Award.amount), 0)).where(
            *_earned(start, end), *_in(Award.community, within)
        ),
    )
    given = Order.state == "collected", Order.closed_at >= start, Order.closed_at < end
    redeemed, orders = connection.execute(
        select(func.coalesce(func.sum(Order.cost), 0), func.count()).where(
            *given, *_in(Order.home, within)
        ),
    ).one()
    touching = [or_(*_in(Order.home, within), *_in(Order.host, within))] if within else []
    crossed = connection.scalar(
        select(func.count()).where(*given, Order.home != Order.host, *touching),
    )
    return Totals(
        residents=residents,
        newcomers=newcomers,
        people=people or 0,
        attended=attended,
        sessions=sessions,
        issued=int(issued or 0),
        redeemed=int(redeemed),
        orders=orders,
        crossed=crossed or 0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SubdistrictRow:
    """A subdistrict's month; sums in centipoints and hundredths of a standard point."""

    code: int
    name: str
    communities: int
    residents: int
    people: int
    share: int
    share_words: str
    attended: int
    issued: int
    redeemed: int
    went_out: int
    came_in: int


def towns(connection: Connection, start: dt.datetime, end: dt.datetime) -> list[SubdistrictRow]:
    """Return each subdistrict's figures between two moments; they add up to the district's."""
    came = (Attendance.phase == "entry", Attendance.event_at >= start, Attendance.event_at < end)
    given = (Order.state == "collected", Order.closed_at >= start, Order.closed_at < end)
    crossed = (*given, Order.home != Order.host)
    attendance = select(Session.community, func.count()).join(
        Attendance, Attendance.session == Session.id
    )
    participants = select(Resident.community, func.count(Resident.id.distinct())).join(
        Attendance, Attendance.resident == Resident.id
    )
    residents = select(Resident.community, func.count()).where(
        Resident.valid_to.is_(None), Resident.created_at < end
    )
    columns = {
        "communities": select(Community.code, func.count()).group_by(Community.code),
        "residents": residents.group_by(Resident.community),
        "people": participants.where(*came).group_by(Resident.community),
        "attended": attendance.where(*came).group_by(Session.community),
        "issued": select(Award.community, func.sum(Award.amount))
        .where(*_earned(start, end))
        .group_by(Award.community),
        "redeemed": select(Order.home, func.sum(Order.cost)).where(*given).group_by(Order.home),
        "went_out": select(Order.home, func.sum(Order.standard))
        .where(*crossed)
        .group_by(Order.home),
        "came_in": select(Order.host, func.sum(Order.standard))
        .where(*crossed)
        .group_by(Order.host),
    }
    sums: dict[str, dict[int, int]] = {
        name: _by_subdistrict(connection, query) for name, query in columns.items()
    }
    rows = []
    for code, name in connection.execute(select(Subdistrict.code, Subdistrict.name)):
        facts = {column: found[code] for column, found in sums.items()}
        share = facts["people"] * PER_MILLE // facts["residents"] if facts["residents"] else 0
        words = f"{share / 10:.1f} %"
        rows.append(SubdistrictRow(code=code, name=name, share=share, share_words=words, **facts))
    return rows


def _by_subdistrict(connection: Connection, query: Any) -> dict[int, int]:
    """Sum what is counted by community over subdistricts, whose codes end in three zeros."""
    sums: dict[int, int] = defaultdict(int)
    for community, amount in connection.execute(query):
        sums[community // SUBDISTRICT * SUBDISTRICT] += int(amount)
    return sums
