"""Figures of the district's month, each a count of rows that anybody can look up."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from activities.models import Attendance, Session
from core.work import SHANGHAI
from exchange.models import Order
from points.models import Award
from residents.models import Community, Resident, Subdistrict

if TYPE_CHECKING:
    from sqlalchemy import Connection

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


def totals(connection: Connection, start: dt.datetime, end: dt.datetime) -> Totals:
    """Count the district between two moments."""
    residents, newcomers = connection.execute(
        select(
            func.count(),
            func.count().filter(Resident.created_at >= start),
        ).where(Resident.valid_to.is_(None), Resident.created_at < end),
    ).one()
    came = connection.execute(
        select(
            func.count(Attendance.resident.distinct()),
            func.count(),
            func.count(Attendance.session.distinct()),
        ).where(
            Attendance.phase == "entry", Attendance.event_at >= start, Attendance.event_at < end
        ),
    ).one()
    issued = connection.scalar(
        select(func.sum(Award.amount)).where(
            Award.points_kind == "service",
            Award.state != "void",
            Award.event_at >= start,
            Award.event_at < end,
        ),
    )
    given = connection.execute(
        select(
            func.coalesce(func.sum(Order.cost), 0),
            func.count(),
            func.count().filter(Order.home != Order.host),
        ).where(Order.state == "collected", Order.closed_at >= start, Order.closed_at < end),
    ).one()
    return Totals(
        residents=residents,
        newcomers=newcomers,
        people=came[0],
        attended=came[1],
        sessions=came[2],
        issued=int(issued or 0),
        redeemed=int(given[0]),
        orders=given[1],
        crossed=given[2],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SubdistrictRow:
    """A subdistrict's month; sums in centipoints and hundredths of a standard point."""

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
    """Return each subdistrict's figures between two moments."""
    came = (Attendance.phase == "entry", Attendance.event_at >= start, Attendance.event_at < end)
    given = (Order.state == "collected", Order.closed_at >= start, Order.closed_at < end)
    crossed = (*given, Order.home != Order.host)
    earned = (
        Award.points_kind == "service",
        Award.state != "void",
        Award.event_at >= start,
        Award.event_at < end,
    )
    attendance = select(Session.community, func.count()).join(
        Attendance, Attendance.session == Session.id
    )
    participants = select(Resident.community, func.count(Resident.id.distinct())).join(
        Attendance, Attendance.resident == Resident.id
    )
    residents = select(Resident.community, func.count()).where(Resident.valid_to.is_(None))
    columns = {
        "communities": select(Community.code, func.count()).group_by(Community.code),
        "residents": residents.group_by(Resident.community),
        "people": participants.where(*came).group_by(Resident.community),
        "attended": attendance.where(*came).group_by(Session.community),
        "issued": select(Award.bearing, func.sum(Award.amount))
        .where(*earned)
        .group_by(Award.bearing),
        "redeemed": select(Order.host, func.sum(Order.price)).where(*given).group_by(Order.host),
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
        rows.append(SubdistrictRow(name=name, share=share, share_words=words, **facts))
    return rows


def _by_subdistrict(connection: Connection, query: Any) -> dict[int, int]:
    """Sum what is counted by community over subdistricts, whose codes end in three zeros."""
    sums: dict[int, int] = defaultdict(int)
    for community, amount in connection.execute(query):
        sums[community // SUBDISTRICT * SUBDISTRICT] += int(amount)
    return sums
