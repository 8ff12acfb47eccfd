"""Who holds which role where, as the console lists it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import aliased

from core.acts import Role
from core.formats import masked_phone
from residents.grants import POWERFUL
from residents.models import Community, District, Grant, Person, Subdistrict

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Select

PER_PAGE = 40
SUBDISTRICT = 1000
WAITING = and_(Grant.role.in_(POWERFUL), Grant.confirmed_by.is_(None))
COMMUNITY_OF = aliased(Subdistrict)
"""The subdistrict that a grant's community lies in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantLine:
    """A grant with its names; ``subdistrict`` is "" unless the place is a community."""

    id: UUID
    person: UUID
    name: str
    phone_masked: str
    role: Role
    place: int
    place_name: str
    subdistrict: str
    valid_from: dt.date
    valid_to: dt.date | None
    granted_by: UUID
    confirmed_by: UUID | None
    is_ended: bool
    #: A powerful role that the second person has not confirmed: it does not hold yet.
    is_waiting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """A page of grants, and how many are in force in all, whatever was searched for."""

    rows: tuple[GrantLine, ...]
    in_force: int
    has_more: bool


def list_grants(
    connection: Connection,
    day: dt.date,
    words: str = "",
    page: int = 1,
    *,
    within: int | None = None,
) -> Grants:
    """Return grants by name or place: those that wait first, then in force, then ended.

    ``within`` is a subdistrict's code: its own grants and those of its communities.
    """
    ended = and_(Grant.valid_to.is_not(None), Grant.valid_to < day)
    scope = [Grant.place.between(within, within + SUBDISTRICT - 1)] if within else []
    rows = connection.execute(
        _grants()
        .where(*scope, *_found(words))
        .order_by(
            case((ended, 2), (WAITING, 0), else_=1),
            Grant.place,
            Grant.role,
            Person.name,
            Grant.id,
        )
        .offset((page - 1) * PER_PAGE)
        .limit(PER_PAGE + 1),
    ).all()
    in_force = connection.scalar(
        select(func.count())
        .select_from(Grant)
        .where(~ended, Grant.valid_from <= day, ~WAITING, *scope),
    )
    return Grants(
        rows=tuple(_line(row, day) for row in rows[:PER_PAGE]),
        in_force=in_force or 0,
        has_more=len(rows) > PER_PAGE,
    )


def _grants() -> Select[Any]:
    return (
        select(
            Grant.__table__,
            Person.name,
            Person.phone_tail,
            func.coalesce(Community.short_name, Subdistrict.name, District.name).label("where"),
            func.coalesce(COMMUNITY_OF.name, "").label("subdistrict"),
        )
        .join(Person, Person.id == Grant.person)
        .outerjoin(Community, Community.code == Grant.place)
        .outerjoin(COMMUNITY_OF, COMMUNITY_OF.code == Community.subdistrict)
        .outerjoin(Subdistrict, Subdistrict.code == Grant.place)
        .outerjoin(District, District.code == Grant.place)
    )


def _found(words: str) -> list[ColumnElement[bool]]:
    wanted = words.strip()
    if not wanted:
        return []
    columns = (Person.name, Community.short_name, COMMUNITY_OF.name, Subdistrict.name)
    return [or_(*(column.contains(wanted, autoescape=True) for column in columns))]


def _line(row: Any, day: dt.date) -> GrantLine:
    ended = row.valid_to is not None and row.valid_to < day
    return GrantLine(
        id=row.id,
        person=row.person,
        name=row.name,
        phone_masked=masked_phone(row.phone_tail) if row.phone_tail else "",
        role=row.role,
        place=row.place,
        place_name=row.where or "",
        subdistrict=row.subdistrict,
        valid_from=row.valid_from,
        # What ended on the day that it began has the day before as its last.
        valid_to=max(row.valid_to, row.valid_from) if ended else row.valid_to,
        granted_by=row.granted_by,
        confirmed_by=row.confirmed_by,
        is_ended=ended,
        is_waiting=row.role in POWERFUL and row.confirmed_by is None and not ended,
    )
