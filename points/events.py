"""What happens in the ledger that others follow; subscribers are named in ``app.py``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from points.accounts import PointsKind


@dataclass(frozen=True, slots=True)
class RuleOutsideBand:
    """A community gave a rule points outside the district's band, as the district allows."""

    community: int
    rule: str
    name: str
    #: Centipoints per unit.
    points: int
    valid_from: dt.date
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LineReversed:
    """What a source posted was undone by two people's word, a part of it or all that was left.

    ``back``: how much of it each account has again, in centipoints.
    """

    source_kind: str
    source_id: UUID
    whole: bool
    back: Mapping[int, int]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsWanted:
    """Two people's word takes points of an account, whose holder may have gone on with them."""

    holder_kind: str
    holder_id: UUID
    points_kind: PointsKind
    #: Centipoints of the account's own book.
    amount: int
    #: When what is to be taken came; None: the oldest points.
    year: int | None
    #: When they were the holder's: whoever lives in a household later is somebody else.
    since: dt.datetime
    note: str
    #: Whose they are now; None: who the holder went on as.
    place: UUID | None = None
    #: At most so many centipoints of that place; None: whatever is free there.
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsLapse:
    """Next in this transaction what is due of some accounts lapses, but for what is held."""

    #: Those with a larger id than this, up to the last.
    after: int
    upto: int
    #: The last year of which it is; None: they lapse whole, as their holders have died.
    marked: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofFailed:
    """An invariant did not hold when it was looked at."""

    check: str
    #: Code of the community of the first broken row; 0 or None: the district.
    community: int | None
    times: int
