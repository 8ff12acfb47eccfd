"""What happens in the ledger that others tell people of; subscribers are named in ``app.py``."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


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
