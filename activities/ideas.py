"""Activities of other communities, for one that would like to do the same."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select

from activities.models import Activity, Attendance, Session
from residents.models import Community

if TYPE_CHECKING:
    from sqlalchemy import Connection

DAYS = 90
IDEAS_MAX = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Idea:
    """An activity that took place elsewhere; ``came``: how many came in all."""

    id: UUID
    title: str
    kind: str
    summary: str
    bring: str
    open_to: str
    template: str
    community: int
    place: str
    came: int


def ideas(connection: Connection, community: int, now: dt.datetime) -> list[Idea]:
    """Return what other communities did lately from a template, the best attended first."""
    came = func.count(Attendance.id).label("came")
    rows = connection.execute(
        select(Activity.__table__, Community.short_name, came)
        .join(Session, Session.activity == Activity.id)
        .join(Attendance, (Attendance.session == Session.id) & (Attendance.phase == "entry"))
        .join(Community, Community.code == Activity.community)
        .where(
            Activity.community != community,
            Activity.template.is_not(None),
            Activity.state == "published",
            Session.ends_at < now,
            Session.ends_at > now - dt.timedelta(days=DAYS),
        )
        .group_by(Activity.id, Community.short_name)
        .order_by(came.desc(), Activity.id)
        .limit(IDEAS_MAX),
    )
    return [_idea(row, row.came) for row in rows]


def idea(connection: Connection, identity: UUID) -> Idea | None:
    """Return one activity to copy, or None."""
    row = connection.execute(
        select(Activity.__table__, Community.short_name)
        .join(Community, Community.code == Activity.community)
        .where(Activity.id == identity, Activity.template.is_not(None)),
    ).first()
    return None if row is None else _idea(row, 0)


def _idea(row: Any, came: int) -> Idea:
    names = ("id", "title", "kind", "summary", "bring", "open_to", "template", "community")
    known = {name: getattr(row, name) for name in names}
    return Idea(**known, place=row.short_name, came=came)
