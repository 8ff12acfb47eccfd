"""What the district's admins are told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from core import outbox
from core.errors import N_
from core.formats import date, points
from residents.models import Community, Grant, Person

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Row

    from core.work import Work
    from points.events import ProofFailed, RuleOutsideBand

ITEM_MAX = 10


def tell_district(work: Work, event: RuleOutsideBand) -> None:
    """Tell every district admin that a community's rule lies outside the band."""
    day = event.valid_from
    for admin in _admins(work):
        outbox.send(
            work,
            "district.rule_outside",
            key=f"{event.community}:{event.rule}:{day}:{event.revision}:{admin.id}",
            person=admin.id,
            phone_cipher=admin.phone_cipher,
            community=_named(work, event.community) or event.community,
            item=event.name[:ITEM_MAX],
            points=points(event.points),
            date=date(day, work.day),
        )


def tell_of_broken(work: Work, event: ProofFailed) -> None:
    """Tell every district admin that an invariant does not hold, once a day."""
    for admin in _admins(work):
        outbox.send(
            work,
            "district.check_failed",
            key=f"{event.check}:{work.day}:{admin.id}",
            person=admin.id,
            phone_cipher=admin.phone_cipher,
            community=_named(work, event.community) or N_("全区"),
            count=event.times,
        )


def _named(work: Work, community: int | None) -> str | None:
    return work.connection.scalar(
        select(Community.short_name).where(Community.code == community),
    )


def _admins(work: Work) -> Sequence[Row[UUID, str | None]]:
    return work.connection.execute(
        select(Person.id, Person.phone_cipher)
        .join(Grant, Grant.person == Person.id)
        .where(
            Grant.role == "district_admin",
            Grant.confirmed_by.is_not(None),
            Grant.valid_from <= work.day,
            or_(Grant.valid_to.is_(None), Grant.valid_to >= work.day),
        )
        .distinct(),
    ).all()
