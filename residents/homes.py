"""Households as the desk finds them by their address, with nobody known in them, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from residents.models import Dwelling, Household, Resident, ResidentEnd

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Row, Select
    from sqlalchemy.orm import QueryableAttribute

SHOWN_MAX = 50


_member, _later = aliased(Resident), aliased(Resident)
_gone, _lives = aliased(Resident), aliased(Resident)


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A household with its address; "" where no dwelling is known."""

    household: UUID
    community: int
    address: str


def gone_on(household: QueryableAttribute[UUID]) -> ColumnElement[bool]:
    """Tell households that are over: what they had went along, and nobody came since."""
    came = exists().where(
        _later.household == _member.household,
        or_(_later.valid_to.is_(None), _later.created_at > ResidentEnd.recorded_at),
    )
    return exists().where(
        _member.household == household,
        ResidentEnd.resident == _member.id,
        ResidentEnd.household_follows,
        ~came,
    )


def is_over(household: QueryableAttribute[UUID]) -> ColumnElement[bool]:
    """Tell households that whoever comes to their address is none of: gone on, or died out."""
    died = exists().where(
        _gone.household == household,
        ResidentEnd.resident == _gone.id,
        ResidentEnd.reason == "deceased",
    )
    lived_in = exists().where(_lives.household == household, _lives.valid_to.is_(None))
    return or_(gone_on(household), and_(died, ~lived_in))


def _homes() -> Select[UUID, int, str]:
    return select(Household.id, Household.community, Dwelling.address).outerjoin(
        Dwelling, Dwelling.id == Household.dwelling
    )


def _home(row: Row[UUID, int, str]) -> Home:
    return Home(household=row.id, community=row.community, address=row.address or "")


def home(connection: Connection, household: UUID) -> Home | None:
    """Return a household, or None."""
    row = connection.execute(_homes().where(Household.id == household)).first()
    return None if row is None else _home(row)


def unknown_homes(connection: Connection, community: int, words: str) -> list[Home]:
    """Find by a piece of the address (3-2-401) households in which nobody is known."""
    wanted = "".join(words.split())
    if not wanted:
        return []
    lived_in = exists().where(Resident.household == Household.id, Resident.valid_to.is_(None))
    rows = connection.execute(
        _homes()
        .where(
            Household.community == community,
            func.replace(Dwelling.address, " ", "").contains(wanted, autoescape=True),
            ~lived_in,
            ~is_over(Household.id),
        )
        .order_by(func.length(Dwelling.address), Dwelling.address, Household.id)
        .limit(SHOWN_MAX),
    )
    return [_home(row) for row in rows]
