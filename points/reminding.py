"""Telling a desk of something that is due, and a household of what became of its points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core import outbox
from core.directory import directory

if TYPE_CHECKING:
    from uuid import UUID

    from core.work import Work


ADJUSTED = "points.adjusted"
"""What somebody is told of a change of their points; ``_home``: a household, ``_left``: heirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminded:
    """How many people were told."""

    people: int


def remind_desk(work: Work, community: int, template: str, key: str, **params: Any) -> Reminded:
    """Write a message to each who works at the desk, once per key."""
    people = directory().staff(work.connection, community)
    for person in people:
        outbox.send(work, template, key=f"{community}:{person}:{key}", person=person, **params)
    return Reminded(people=len(people))


def tell_household(
    work: Work,
    home: tuple[int, UUID],
    key: str,
    moved: str,
    reason: str,
    template: str = ADJUSTED,
) -> None:
    """Tell each who lives in a community's household of a change of their basic points."""
    community, household = home
    place = directory().places(work.connection, [community]).get(community, "")
    for person in directory().living(work.connection, household):
        outbox.send(
            work,
            f"{template}_home",
            key=f"{key}:{person}",
            person=person,
            community=place,
            points=moved,
            reason=reason,
        )
