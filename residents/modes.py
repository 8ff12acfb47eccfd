"""How pages look for a person: standard, or the elder version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from residents.models import Person, Resident

if TYPE_CHECKING:
    from core.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeMode:
    """The mode wanted: ``standard`` or ``elder``."""

    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeChanged:
    """The mode that holds now."""

    state: str


def change_mode(work: Work, command: ChangeMode) -> ModeChanged:
    """Set the mode of the resident acted as; a parent's pages keep the parent's mode."""
    mode = "elder" if command.mode == "elder" else "standard"
    person = select(Resident.person).where(Resident.id == work.actor.resident).scalar_subquery()
    changed = work.connection.execute(
        update(Person).where(Person.id == person, Person.mode != mode).values(mode=mode),
    )
    if not changed.rowcount:
        work.replayed()
    return ModeChanged(state=mode)
