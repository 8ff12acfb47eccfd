"""Awards that somebody took back: in part, or so that nothing of them is left."""

from __future__ import annotations

from sqlalchemy import and_, or_

from points.models import Adjustment, Award

# The line of an award that has arrived has its id, and is taken back once.
TAKEN_BACK = and_(Adjustment.original == Award.id, Adjustment.state == "posted")
"""How an award's query finds what was taken back of it, by an outer join."""

LEFT = and_(
    Award.state != "void",
    or_(Adjustment.id.is_(None), -Adjustment.amount < Award.amount),
)
"""Whether anything of the award is left."""
