"""What happened to a line since: requests about it with their answers, and what two people did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from points.correcting.corrections import Asked, corrections_about
from points.correcting.queries import AdjustmentLine, adjustments_about
from points.lines import LineOf, line_of

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A line, what somebody said about it, and what made or changed it, the oldest first."""

    line: LineOf
    corrections: tuple[Asked, ...]
    adjustments: tuple[AdjustmentLine, ...]

    @property
    def is_open(self) -> bool:
        """Whether a request waits for its answer."""
        return any(asked.state == "open" for asked in self.corrections)


def story_of(connection: Connection, identity: UUID) -> Story:
    """Return the story of a line; raises LineUnknown."""
    line = line_of(connection, identity)
    return Story(
        line=line,
        corrections=tuple(corrections_about(connection, line.id)),
        adjustments=tuple(adjustments_about(connection, line.id, line.source_kind, line.source_id)),
    )
