"""A use case of these tests alone: it notes a line in a table of ``core`` and knows no subject."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, insert, select

from core.models import AuditEvent, RateLimit
from core.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Note a line under a key."""

    key: str
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What was noted."""

    id: UUID
    state: str
    name: str
    amount: int


def line(work: Work, key: str, used: int = 1) -> None:
    """Insert a row, without asking whether it is there."""
    work.connection.execute(insert(RateLimit).values(key=key, window_end=work.now, used=used))


def has(work: Work, key: str) -> bool:
    """Return whether a line is there."""
    found = select(RateLimit.key).where(RateLimit.key == key)
    return work.connection.scalar(found) is not None


def note(work: Work, command: Note) -> Noted:
    """Note it once; a repeat finds what the first run did."""
    if has(work, command.key):
        work.replayed()
    else:
        line(work, command.key)
    return Noted(id=UUID(int=7), state="noted", name=command.words, amount=30)


class Attempts:
    """A use case that does something else at each attempt, and counts them."""

    def __init__(self, *acts: Callable[[Work], object]) -> None:
        self.acts, self.made = acts, 0
        self.__name__ = "attempts"

    def __call__(self, work: Work, _command: object) -> int:
        """Run this attempt's act: the last one from then on."""
        act = self.acts[min(self.made, len(self.acts) - 1)]
        self.made += 1
        act(work)
        return self.made


def lines(connection: Connection) -> dict[str, int]:
    """Return what was noted."""
    rows = connection.execute(select(RateLimit.key, RateLimit.used)).all()
    return {row.key: row.used for row in rows}


def audit(connection: Connection, use_case: str) -> list[AuditEvent]:
    """Return the audit rows of a use case, oldest first."""
    columns = AuditEvent.__table__.columns
    query = select(*columns).where(AuditEvent.use_case == use_case).order_by(AuditEvent.at)
    return [AuditEvent(**row._mapping) for row in connection.execute(query)]
