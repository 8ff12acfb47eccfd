"""Tables of the ledger; the constraints refuse by themselves what must never be."""

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

from core.db import Base, BigKey, Centipoints, UuidKey

PURPOSES = (
    "holder",
    "issued",
    "redeemed",
    "expired",
    "adjusted",
    "clearing",
    "retired",
    "rounding",
    "fund",
)
ACTS = (
    "award",
    "redemption",
    "discount",
    "rounding",
    "adjustment",
    "reversal",
    "moving",
    "expiry",
    "donation",
    "discharge",
)
SOURCE_KINDS = (
    "account_end",
    "act",
    "adjustment",
    "award",
    "deduction",
    "expiry",
    "feed",
    "help",
    "import",
    "moving",
    "order",
    "resident",
    "session",
)
"""What transfers, awards and holds come of; higher packages have theirs among them."""

BASIC_ACTS = ("award", "adjustment", "reversal", "moving")


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


class Account(Base):
    """Points of one kind in one community: a holder's with guarded totals, or a system's without.

    Only ``purpose = 'holder'`` carries running totals; a system account's balance is the sum of
    its folds and deltas, because one hot running row costs a factor of 2.5 to 25.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint(_one_of("purpose", PURPOSES), name="purpose"),
        CheckConstraint(_one_of("points_kind", ("basic", "service")), name="points_kind"),
        CheckConstraint(
            _one_of("holder_kind", ("resident", "household", "community", "subdistrict")),
            name="holder_kind",
        ),
        CheckConstraint("(purpose = 'holder') = (id > 0)", name="sign"),
        CheckConstraint("credited - debited - held >= 0", name="covered"),
        CheckConstraint("credited >= 0 AND debited >= 0 AND held >= 0", name="counters"),
        CheckConstraint(
            "purpose = 'holder' OR (credited = 0 AND debited = 0 AND held = 0)",
            name="no_running_balance",
        ),
        CheckConstraint("points_kind = 'service' OR held = 0", name="basic_never_held"),
        CheckConstraint(
            "points_kind = 'service' OR purpose IN ('holder', 'issued', 'adjusted')",
            name="basic_purpose",
        ),
        CheckConstraint(
            "holder_kind <> 'household' OR points_kind = 'basic'",
            name="household_basic",
        ),
        UniqueConstraint(
            "holder_id",
            "holder_kind",
            "purpose",
            "community",
            "counterpart",
            "points_kind",
            name="uq_accounts_identity",
        ),
        UniqueConstraint("id", "community", "points_kind", name="uq_accounts_book"),
        UniqueConstraint("id", "points_kind", name="uq_accounts_kind"),
        Index("ix_accounts_community", "community", "purpose"),
    )

    id: Mapped[BigKey]
    purpose: Mapped[str]
    holder_kind: Mapped[str]
    #: Resident or household; the nil UUID for the community's own accounts.
    holder_id: Mapped[UUID]
    community: Mapped[int] = mapped_column(BigInteger())
    #: The other community of a clearing account, else 0.
    counterpart: Mapped[int] = mapped_column(BigInteger(), server_default=text("0"))
    points_kind: Mapped[str]
    credited: Mapped[Centipoints] = mapped_column(server_default=text("0"))
    debited: Mapped[Centipoints] = mapped_column(server_default=text("0"))
    held: Mapped[Centipoints] = mapped_column(server_default=text("0"))
    #: Counts postings; the order of postings on this account.
    version: Mapped[int] = mapped_column(BigInteger(), server_default=text("0"))


class Transfer(Base):
    """One immutable posting with both sides; the id is the idempotency key."""

    __tablename__ = "transfers"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("debit <> credit", name="two_sides"),
        CheckConstraint(_one_of("act", ACTS), name="act"),
        CheckConstraint(
            f"points_kind = 'service' OR {_one_of('act', BASIC_ACTS)}",
            name="basic_fence",
        ),
        CheckConstraint("standard IS NULL OR standard > 0", name="standard"),
        ForeignKeyConstraint(
            ["debit", "community", "points_kind"],
            ["accounts.id", "accounts.community", "accounts.points_kind"],
            name="fk_transfers_debit",
        ),
        ForeignKeyConstraint(
            ["credit", "community", "points_kind"],
            ["accounts.id", "accounts.community", "accounts.points_kind"],
            name="fk_transfers_credit",
        ),
        Index(
            "ix_transfers_debit",
            "debit",
            "debit_version",
            sqlite_where=text("debit > 0"),
            postgresql_where=text("debit > 0"),
        ),
        Index(
            "ix_transfers_credit",
            "credit",
            "credit_version",
            sqlite_where=text("credit > 0"),
            postgresql_where=text("credit > 0"),
        ),
        Index(
            "ix_transfers_journal",
            "journal",
            sqlite_where=text("journal IS NOT NULL"),
            postgresql_where=text("journal IS NOT NULL"),
        ),
        Index("ix_transfers_day", "day", "community"),
    )

    id: Mapped[UuidKey]
    act: Mapped[str]
    points_kind: Mapped[str]
    community: Mapped[int] = mapped_column(BigInteger())
    debit: Mapped[int] = mapped_column(BigInteger())
    credit: Mapped[int] = mapped_column(BigInteger())
    amount: Mapped[Centipoints]
    #: A holder side's balance (credited - debited) and version right after this posting; null
    #: for a system side. The order of an account's postings is its version, never the ids' order.
    debit_balance: Mapped[int | None] = mapped_column(BigInteger())
    debit_version: Mapped[int | None] = mapped_column(BigInteger())
    credit_balance: Mapped[int | None] = mapped_column(BigInteger())
    credit_version: Mapped[int | None] = mapped_column(BigInteger())
    #: Hundredths of a district standard point, on both transfers to and from clearing.
    standard: Mapped[int | None] = mapped_column(BigInteger())
    event_at: Mapped[dt.datetime]
    posted_at: Mapped[dt.datetime]
    day: Mapped[dt.date]
    #: Groups the transfers of one act.
    journal: Mapped[UUID | None]
    #: ``award``, ``hold``, ``adjustment`` …, and the id of that row: it tells the reason.
    source_kind: Mapped[str]
    source_id: Mapped[UUID]
    actor: Mapped[UUID]
    #: The discount rate row applied, where there is one.
    rate: Mapped[UUID | None]
    note: Mapped[str | None]


class Reversal(Base):
    """Makes a second reversal of the same part of a transfer impossible."""

    __tablename__ = "reversals"

    original: Mapped[UuidKey]
    #: How many parts of it had come back before this one.
    part: Mapped[int] = mapped_column(
        primary_key=True, autoincrement=False, server_default=text("0")
    )
    reversal: Mapped[UUID]


class Hold(Base):
    """Service points set aside for something; inside the account's guard."""

    __tablename__ = "holds"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("captured >= 0 AND captured <= amount", name="captured"),
        CheckConstraint("state IN ('open', 'captured', 'released', 'lapsed')", name="state"),
        CheckConstraint("points_kind = 'service'", name="service_only"),
        ForeignKeyConstraint(
            ["account", "points_kind"],
            ["accounts.id", "accounts.points_kind"],
            name="fk_holds_account",
        ),
        Index(
            "ix_holds_open",
            "account",
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index(
            "ix_holds_lapse",
            "lapse_at",
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        # What became final in a day, for its seal.
        Index(
            "ix_holds_closed",
            "closed_at",
            sqlite_where=text("closed_at IS NOT NULL"),
            postgresql_where=text("closed_at IS NOT NULL"),
        ),
    )

    id: Mapped[UuidKey]
    account: Mapped[int] = mapped_column(BigInteger())
    points_kind: Mapped[str] = mapped_column(server_default="service")
    amount: Mapped[Centipoints]
    captured: Mapped[Centipoints] = mapped_column(server_default=text("0"))
    state: Mapped[str]
    reason: Mapped[str]
    source_kind: Mapped[str]
    source_id: Mapped[UUID]
    created_at: Mapped[dt.datetime]
    #: Null: lapses only with what it is for.
    lapse_at: Mapped[dt.datetime | None]
    closed_at: Mapped[dt.datetime | None]


class AccountDelta(Base):
    """What a posting (or a batch of postings) did to a system account, until it is folded."""

    __tablename__ = "account_deltas"
    __table_args__ = (Index(None, "account"),)

    #: The transfer, or the batch.
    cause: Mapped[UuidKey]
    account: Mapped[int] = mapped_column(
        BigInteger(), ForeignKey("accounts.id"), primary_key=True, autoincrement=False
    )
    day: Mapped[dt.date] = mapped_column(primary_key=True)
    credited: Mapped[Centipoints]
    debited: Mapped[Centipoints]
    #: Signed sum of the ``standard`` column, for clearing accounts.
    standard: Mapped[int] = mapped_column(BigInteger(), server_default=text("0"))


class AccountFold(Base):
    """Sums of a system account's folded deltas of one business day."""

    __tablename__ = "account_folds"

    account: Mapped[int] = mapped_column(
        BigInteger(), ForeignKey("accounts.id"), primary_key=True, autoincrement=False
    )
    day: Mapped[dt.date] = mapped_column(primary_key=True)
    credited: Mapped[Centipoints]
    debited: Mapped[Centipoints]
    standard: Mapped[int] = mapped_column(BigInteger(), server_default=text("0"))


class ExpiryMark(Base):
    """``credited`` of an account when a year closed (research/ledger: expiry without lots)."""

    __tablename__ = "expiry_marks"

    account: Mapped[int] = mapped_column(
        BigInteger(), ForeignKey("accounts.id"), primary_key=True, autoincrement=False
    )
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    credited: Mapped[Centipoints]
