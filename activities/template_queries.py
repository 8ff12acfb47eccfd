"""Templates that an activity may be made from: one's own, the district's, other communities'."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import aliased

from activities.models import ActivityTemplate
from residents.models import Community

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

ELSEWHERE_MAX = 24
_origin = aliased(ActivityTemplate)
_whose, _home = aliased(Community), aliased(Community)


def _templates() -> Select[*tuple[Any, ...]]:
    """Whatever is offered, with the names of where it came from (None: the district)."""
    return (
        select(
            ActivityTemplate.__table__,
            _home.short_name.label("place"),
            _origin.name.label("from_name"),
            _whose.short_name.label("from_place"),
        )
        .outerjoin(_home, _home.code == ActivityTemplate.community)
        .outerjoin(_origin, _origin.key == ActivityTemplate.from_template)
        .outerjoin(_whose, _whose.code == ActivityTemplate.from_community)
        .where(ActivityTemplate.retired_at.is_(None))
    )


def offered(connection: Connection, community: int) -> list[Any]:
    """Return a community's own templates by name, then the district's in their order."""
    query = _templates().where(
        ActivityTemplate.community.is_(None) | (ActivityTemplate.community == community),
    )
    by = (ActivityTemplate.community.is_(None), ActivityTemplate.position, ActivityTemplate.name)
    return list(connection.execute(query.order_by(*by)))


def elsewhere(connection: Connection, community: int) -> list[Any]:
    """Return what other communities saved and this one has not taken over, near ones first."""
    taken = select(ActivityTemplate.from_template).where(
        ActivityTemplate.community == community,
        ActivityTemplate.from_template.is_not(None),
        ActivityTemplate.retired_at.is_(None),
    )
    near = ActivityTemplate.community.between(
        community // 1000 * 1000, community // 1000 * 1000 + 999
    )
    query = _templates().where(
        ActivityTemplate.community.is_not(None),
        ActivityTemplate.community != community,
        ActivityTemplate.key.not_in(taken),
    )
    by = (near.desc(), ActivityTemplate.community, ActivityTemplate.name)
    return list(connection.execute(query.order_by(*by).limit(ELSEWHERE_MAX)))


def template(connection: Connection, key: str) -> Any:
    """Return the row of one template, whoever's, or None."""
    query = select(ActivityTemplate.__table__).where(ActivityTemplate.key == key)
    return connection.execute(query).first()
