"""Tables of correcting: what somebody says is wrong, and how the community answered."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Centipoints, UuidKey

ADJUSTED_MAX = 100_000
"""The most centipoints that one adjustment moves: a thousand points."""
UNDOING = "original IS NOT NULL AND (state = 'proposed' OR state = 'posted' AND amount < 0)"
"""Which proposals stand in the way of another one to undo the same line."""


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


class Adjustment(Base):
    """What one staff member proposes to change and another decides: an adjustment or a reversal.

    ``amount`` is what it does to the holder. Of what was to be taken, ``posted`` was there,
    ``lapsed`` had lapsed before, ``shortage`` was spent: an open item, until it is collected
    or waived. ``voided`` had not arrived yet.
    """

    __tablename__ = "adjustments"
    __table_args__ = (
        UniqueConstraint("key"),
        CheckConstraint("act IN ('adjustment', 'reversal')", name="act"),
        CheckConstraint("state IN ('proposed', 'posted', 'refused', 'withdrawn')", name="state"),
        # What is undone was posted before, and is as large as that.
        CheckConstraint(
            f"amount <> 0 AND (act = 'reversal' OR abs(amount) <= {ADJUSTED_MAX})", name="amount"
        ),
        CheckConstraint(
            "together >= abs(amount) AND (original IS NOT NULL OR together = abs(amount))",
            name="together",
        ),
        CheckConstraint("(act = 'reversal') = (original IS NOT NULL)", name="original"),
        CheckConstraint("length(reason) > 0 AND length(evidence) > 0", name="words"),
        CheckConstraint("(state IN ('posted', 'refused')) = (checker IS NOT NULL)", name="checker"),
        CheckConstraint("(state = 'proposed') = (closed_at IS NULL)", name="closed"),
        CheckConstraint("(state = 'refused') = (refusal IS NOT NULL)", name="refusal"),
        CheckConstraint("checker IS NULL OR checker <> maker", name="two_people"),
        CheckConstraint(
            "person IS NULL OR (maker <> person AND (checker IS NULL OR checker <> person))",
            name="not_own",
        ),
        CheckConstraint(
            "(maker_household IS NULL OR maker_household <> household)"
            " AND (checker_household IS NULL OR checker_household <> household)",
            name="not_own_household",
        ),
        CheckConstraint(
            "posted >= 0 AND lapsed >= 0 AND shortage >= 0 AND voided >= 0", name="parts"
        ),
        CheckConstraint(
            "posted + lapsed + shortage + voided"
            " = CASE WHEN state = 'posted' THEN abs(amount) ELSE 0 END",
            name="whole",
        ),
        CheckConstraint("amount < 0 OR lapsed + shortage + voided = 0", name="given"),
        CheckConstraint("collected >= 0 AND collected <= shortage", name="collected"),
        CheckConstraint(
            "(waived_at IS NULL) = (waiver IS NULL) AND (waived_at IS NULL) = (waived_by IS NULL)",
            name="waived",
        ),
        ForeignKeyConstraint(
            ["account", "book", "points_kind"],
            ["accounts.id", "accounts.community", "accounts.points_kind"],
            name="fk_adjustments_account",
        ),
        # Nothing else is proposed meanwhile; what was given is taken back once only.
        Index(
            "uq_adjustments_original",
            "original",
            unique=True,
            sqlite_where=text(UNDOING),
            postgresql_where=text(UNDOING),
        ),
        Index("ix_adjustments_original", "original"),
        Index(None, "community", "state", "proposed_at"),
        Index(None, "account", "proposed_at"),
        Index(
            "ix_adjustments_short",
            "community",
            sqlite_where=text("shortage > collected AND waived_at IS NULL"),
            postgresql_where=text("shortage > collected AND waived_at IS NULL"),
        ),
    )

    #: Also the cause that the ids of its transfers come from.
    id: Mapped[UuidKey]
    #: The maker's idempotency key.
    key: Mapped[str]
    act: Mapped[str]
    state: Mapped[str]
    #: The community whose staff propose and decide.
    community: Mapped[int] = mapped_column(BigInteger())
    account: Mapped[int] = mapped_column(BigInteger())
    #: The community of the account.
    book: Mapped[int] = mapped_column(BigInteger())
    points_kind: Mapped[str]
    holder_kind: Mapped[str]
    holder_id: Mapped[UUID]
    #: The holder's person (none for a household alone) and household: never maker, never checker.
    person: Mapped[UUID | None]
    household: Mapped[UUID]
    #: Signed centipoints.
    amount: Mapped[int] = mapped_column(BigInteger())
    #: What it moves on the accounts of all who paid the line together, without a sign.
    together: Mapped[Centipoints]
    #: What is reversed: the first transfer of the act, or the award.
    original: Mapped[UUID | None]
    reason: Mapped[str]
    evidence: Mapped[str]
    correction: Mapped[UUID | None] = mapped_column(ForeignKey("corrections.id"))
    maker: Mapped[UUID]
    maker_role: Mapped[str]
    maker_household: Mapped[UUID | None]
    proposed_at: Mapped[dt.datetime]
    checker: Mapped[UUID | None]
    checker_role: Mapped[str | None]
    checker_household: Mapped[UUID | None]
    refusal: Mapped[str | None]
    closed_at: Mapped[dt.datetime | None]
    posted: Mapped[Centipoints] = mapped_column(server_default=text("0"))
    lapsed: Mapped[Centipoints] = mapped_column(server_default=text("0"))
    shortage: Mapped[Centipoints] = mapped_column(server_default=text("0"))
    voided: Mapped[Centipoints] = mapped_column(server_default=text("0"))
    collected: Mapped[Centipoints] = mapped_column(server_default=text("0"))
    waiver: Mapped[str | None]
    waived_by: Mapped[UUID | None]
    waived_at: Mapped[dt.datetime | None]
