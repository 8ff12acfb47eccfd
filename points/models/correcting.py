"""Tables of correcting: what somebody says is wrong, and how the community answered."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, UuidKey


class Correction(Base):
    """Somebody says that a line, or a line of the public list, is wrong; the community answers."""

    __tablename__ = "corrections"
    __table_args__ = (
        CheckConstraint("kind IN ('line', 'objection')", name="kind"),
        CheckConstraint("state IN ('open', 'answered', 'withdrawn')", name="state"),
        CheckConstraint(
            "outcome IS NULL OR outcome IN ('explained', 'adjusted', 'reversed')",
            name="outcome",
        ),
        CheckConstraint(
            "(state = 'answered') = (outcome IS NOT NULL AND answer IS NOT NULL"
            " AND answered_by IS NOT NULL)",
            name="answered",
        ),
        CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed"),
        CheckConstraint("answered_by IS NULL OR answered_by <> asked_by", name="not_own"),
        CheckConstraint(
            "answerer_household IS NULL OR household IS NULL OR answerer_household <> household",
            name="not_own_household",
        ),
        # One thing at a time: whoever has asked waits for the answer.
        Index(
            "uq_corrections_open",
            "subject",
            "asked_by",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index(None, "community", "state", "answer_by"),
        Index(None, "subject"),
        Index(None, "asked_by", "opened_at"),
    )

    id: Mapped[UuidKey]
    kind: Mapped[str]
    state: Mapped[str]
    #: The community that answers.
    community: Mapped[int] = mapped_column(BigInteger())
    #: The transfer, the award that waits, or the line of a public list.
    subject: Mapped[UUID]
    #: The person who asks, and the household whose points they are (or who asks).
    asked_by: Mapped[UUID]
    household: Mapped[UUID | None]
    #: Staff who wrote it down for somebody without a phone.
    entered_by: Mapped[UUID | None]
    words: Mapped[str]
    opened_at: Mapped[dt.datetime]
    #: The last day on which the answer is in time.
    answer_by: Mapped[dt.date]
    outcome: Mapped[str | None]
    answer: Mapped[str | None]
    answered_by: Mapped[UUID | None]
    answerer_household: Mapped[UUID | None]
    #: The adjustment or reversal that answered it.
    effect: Mapped[UUID | None]
    closed_at: Mapped[dt.datetime | None]
