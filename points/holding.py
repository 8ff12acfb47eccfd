"""What is set aside of somebody's points, and for what: for the page and the API."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from points.models import Hold

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOf:
    """Points set aside, in centipoints; ``until`` None: as long as what they are for."""

    id: UUID
    reason: str
    amount: int
    source_kind: str
    source_id: UUID
    since: dt.datetime
    until: dt.datetime | None


def holds_of(connection: Connection, accounts: Sequence[int]) -> list[HoldOf]:
    """Return the open holds of these accounts, the oldest first."""
    query = (
        select(
            Hold.id,
            Hold.reason,
            Hold.amount,
            Hold.source_kind,
            Hold.source_id,
            Hold.created_at.label("since"),
            Hold.lapse_at.label("until"),
        )
        .where(Hold.account.in_(accounts), Hold.state == "open")
        .order_by(Hold.created_at, Hold.id)
    )
    return [HoldOf(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - documented
