"""Telling who works at a community's desk of something that is due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core import outbox
from core.directory import directory

if TYPE_CHECKING:
    from core.work import Work


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
