"""What happened to a line since: requests about it with their answers, and what two people did."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select
from sqlalchemy.orm import aliased

from points.correcting.corrections import Asked, corrections_about
from points.correcting.queries import AdjustmentLine, adjustments_about
from points.lines import LineOf, line_of
from points.models import Transfer
from points.reversal import came_back, left_of, legs_of

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection


_came, _taken = aliased(Transfer), aliased(Transfer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A line, what somebody said about it, and what made or changed it, the oldest first.

    ``made``: what made it, or the decision that it was brought back for. ``left``: how much of it,
    to all who paid it, can be undone, in centipoints.
    """

    line: LineOf
    made: UUID
    corrections: tuple[Asked, ...]
    adjustments: tuple[AdjustmentLine, ...]
    left: int

    @property
    def is_open(self) -> bool:
        """Whether a request waits for its answer."""
        return any(asked.state == "open" for asked in self.corrections)


def story_of(connection: Connection, identity: UUID) -> Story:
    """Return the story of a line; raises LineUnknown."""
    line = line_of(connection, identity)
    kind, made = line.source_kind, line.source_id
    if line.act == "moving":
        kind, made = _brought_for(connection, line) or (kind, made)
    changes = adjustments_about(connection, line.first, kind, made)
    if line.act != "moving" and line.together > abs(line.amount):
        changes = _own(connection, line, changes)
    left = line.together
    if not line.waits:
        legs = legs_of(connection, line.id, line.journal)
        left = left_of(legs, came_back(connection, legs))
    if line.amount > 0 and any(each.original == line.first for each in changes):
        left = 0
    return Story(
        line=line,
        made=made,
        corrections=tuple(corrections_about(connection, line.id)),
        adjustments=tuple(changes),
        left=left,
    )


def _brought_for(connection: Connection, line: LineOf) -> tuple[str, UUID] | None:
    """Return the decision that took at once what this line had brought; None: it just moved."""
    row = connection.execute(
        select(_taken.source_kind, _taken.source_id)
        .join(
            _came,
            and_(
                _taken.debit == _came.credit,
                _taken.debit_version == _came.credit_version + 1,
                _taken.posted_at == _came.posted_at,
            ),
        )
        .where(
            _came.journal == line.journal,
            _came.credit > 0,
            _taken.debit > 0,
            _taken.source_kind == "adjustment",
        ),
    ).first()
    return None if row is None else (row.source_kind, row.source_id)


def _own(
    connection: Connection, line: LineOf, changes: list[AdjustmentLine]
) -> list[AdjustmentLine]:
    """Return the changes with what each gave back to this holder, of all who paid."""
    query = (
        select(Transfer.source_id, func.sum(Transfer.amount).label("amount"))
        .where(
            Transfer.source_id.in_([each.id for each in changes]), Transfer.credit == line.account
        )
        .group_by(Transfer.source_id)
    )
    back = {row.source_id: int(row.amount) for row in connection.execute(query)}
    return [
        replace(each, amount=back[each.id], posted=back[each.id])
        for each in changes
        if each.id in back
    ]
