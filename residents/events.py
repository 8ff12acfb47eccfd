"""What happens to places and people; subscribers are named in ``app.py``."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class PlacesLoaded:
    """A district's communities were loaded; a repeat names those that are there already, too."""

    district: int
    communities: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ResidentsAdded:
    """Residents came into a community, with the households that were made for them."""

    residents: tuple[tuple[UUID, int], ...]
    """Resident and home community."""

    households: tuple[tuple[UUID, int], ...]
    """Household and community."""


@dataclass(frozen=True, slots=True)
class ResidentConfirmed:
    """Staff confirmed that a resident is who they say."""

    resident: UUID
    community: int


@dataclass(frozen=True, slots=True)
class PlaceEnded:
    """A resident's place has ended; ``successor`` goes on in their stead, nobody after a death."""

    resident: UUID
    successor: UUID | None


@dataclass(frozen=True, slots=True)
class ResidentDied:
    """Staff recorded that a resident has died; the household may spend what is left until a day."""

    resident: UUID
    community: int
    keeps_until: dt.date


@dataclass(frozen=True, slots=True)
class ResidentLives:
    """A death was recorded by mistake: the resident's points are their own as before."""

    resident: UUID
    community: int
