"""What the district's admins are told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from core import outbox
from core.formats import date, points
from residents.models import Community, Grant, Person

if TYPE_CHECKING:
    from core.work import Work
    from points.events import RuleOutsideBand

ITEM_MAX = 10


def tell_district(work: Work, event: RuleOutsideBand) -> None:
    """Tell every district admin that a community's rule lies outside the band."""
    community = work.connection.scalar(
        select(Community.short_name).where(Community.code == event.community),
    )
    admins = work.connection.execute(
        select(Person.id, Person.phone_cipher)
        .join(Grant, Grant.person == Person.id)
        .where(
            Grant.role == "district_admin",
            Grant.confirmed_by.is_not(None),
            Grant.valid_from <= work.day,
            or_(Grant.valid_to.is_(None), Grant.valid_to >= work.day),
        )
        .distinct(),
    )
    day = event.valid_from
    for admin in admins:
        outbox.send(
            work,
            "district.rule_outside",
            key=f"{event.community}:{event.rule}:{day}:{event.revision}:{admin.id}",
            person=admin.id,
            phone_cipher=admin.phone_cipher,
            community=community or event.community,
            item=event.name[:ITEM_MAX],
            points=points(event.points),
            date=date(day, work.day),
        )
