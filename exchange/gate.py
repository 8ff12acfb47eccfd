"""The door that basic points open: from so many of a family's in a year on, it may redeem."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from core import settings
from core.defaults import CENTIPOINTS
from core.errors import N_, Conflict
from core.formats import points
from core.work import business_day
from points.earning.honour import of_the_year
from points.queries import family_accounts
from residents.models import Resident

if TYPE_CHECKING:
    from sqlalchemy import Connection


class BasicPointsMissing(Conflict):
    """The family has fewer basic points of this year than ``redeem.gate_basic_points`` asks for."""

    text = N_(
        "全家今年的基本积分满 {limit} 分就能兑换，还差 {missing} 分。"
        "分好垃圾、守好公约、参加活动都能得基本积分。"
    )


def refuse_gate(connection: Connection, community: int, household: UUID, now: dt.datetime) -> None:
    """Raise BasicPointsMissing if the household and its members have too few; 0 asks for none."""
    gate = settings.integer(connection, "redeem.gate_basic_points", now, community)
    if not gate:
        return
    members = connection.scalars(
        select(Resident.id).where(Resident.household == household, Resident.valid_to.is_(None)),
    ).all()
    family = family_accounts(community, household, members)
    missing = gate * CENTIPOINTS - of_the_year(connection, family, business_day(now))
    if missing > 0:
        raise BasicPointsMissing(limit=gate, missing=points(missing))
