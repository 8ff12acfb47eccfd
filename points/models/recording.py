"""Tables of recording by rule: topics, helped neighbours' words, sheets, deductions."""

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
)
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Centipoints, UuidKey


class RuleTopic(Base):
    """What rules are about; it fixes the kind, and what everybody must do is basic."""

    __tablename__ = "rule_topics"
    __table_args__ = (
        UniqueConstraint("key", "points_kind"),
        CheckConstraint("points_kind IN ('basic', 'service')", name="points_kind"),
        CheckConstraint("NOT duty OR points_kind = 'basic'", name="duty_is_basic"),
    )

    key: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    points_kind: Mapped[str]
    #: What everybody ought to do: waste sorting, the covenant.
    duty: Mapped[bool]
    #: The band in centipoints of rules that a community makes on this topic.
    points_min: Mapped[Centipoints]
    points_max: Mapped[Centipoints]
    #: Words that only rules of this topic may have in their names: alternatives by ``|``, parts
    #: that all have to occur by ``+``.
    words: Mapped[str]


class NeighbourHelp(Base):
    """That one neighbour helped another, with the helped one's word."""

    __tablename__ = "neighbour_helps"
    __table_args__ = (
        CheckConstraint("helper <> helped", name="two_people"),
        CheckConstraint("helper_household <> helped_household", name="two_households"),
        CheckConstraint("state IN ('asked', 'confirmed', 'declined')", name="state"),
        CheckConstraint("word IN ('device', 'told')", name="word"),
        CheckConstraint("(state = 'confirmed') = (confirmed_by IS NOT NULL)", name="confirmed"),
        Index(None, "helped", "state"),
        Index(None, "community", "state"),
    )

    id: Mapped[UuidKey]
    community: Mapped[int] = mapped_column(BigInteger())
    rule: Mapped[str] = mapped_column(ForeignKey("catalogue_rules.key"))
    helper: Mapped[UUID]
    helper_household: Mapped[UUID]
    helped: Mapped[UUID]
    helped_household: Mapped[UUID]
    units: Mapped[int]
    day: Mapped[dt.date]
    note: Mapped[str]
    #: ``device``: on the helped one's own phone; ``told``: to the one who recorded it.
    word: Mapped[str]
    state: Mapped[str]
    recorded_by: Mapped[UUID]
    created_at: Mapped[dt.datetime]
    confirmed_by: Mapped[UUID | None]
    answered_at: Mapped[dt.datetime | None]
    #: The award needs a second person's word beside the helped one's.
    needs_second: Mapped[bool]


class ActSheet(Base):
    """A sheet of acts that was recorded at once; the same content is the same sheet."""

    __tablename__ = "act_sheets"
    __table_args__ = (Index(None, "community", "created_at"),)

    id: Mapped[UuidKey]
    community: Mapped[int] = mapped_column(BigInteger(), ForeignKey("communities.code"))
    name: Mapped[str]
    total: Mapped[int]
    recorded_by: Mapped[UUID]
    created_at: Mapped[dt.datetime]


class ActSheetRow(Base):
    """What became of a row of a sheet."""

    __tablename__ = "act_sheet_rows"
    __table_args__ = (
        CheckConstraint("outcome IN ('recorded', 'existed', 'capped', 'refused')", name="outcome"),
    )

    sheet: Mapped[UUID] = mapped_column(ForeignKey("act_sheets.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    outcome: Mapped[str]
    award: Mapped[UUID | None]
    #: Why it was refused, as the one who recorded it read it.
    message: Mapped[str]


class Reminder(Base):
    """That somebody reminded a household of what a deduction would be for."""

    __tablename__ = "reminders"
    __table_args__ = (
        # Twice on one day is one reminder.
        UniqueConstraint("household", "rule", "day"),
        Index(None, "community", "day"),
    )

    id: Mapped[UuidKey]
    community: Mapped[int] = mapped_column(BigInteger())
    household: Mapped[UUID]
    rule: Mapped[str] = mapped_column(ForeignKey("catalogue_rules.key"))
    day: Mapped[dt.date]
    note: Mapped[str]
    noted_by: Mapped[UUID]
    noted_at: Mapped[dt.datetime]
    #: The deduction that followed; a reminder counts for one.
    deduction: Mapped[UUID | None]


class Deduction(Base):
    """Basic points taken from a household's account, with their reason; never below zero."""

    __tablename__ = "deductions"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("points_kind = 'basic'", name="only_basic"),
        CheckConstraint("holder_kind = 'household'", name="only_households"),
        ForeignKeyConstraint(
            ["account", "community", "points_kind"],
            ["accounts.id", "accounts.community", "accounts.points_kind"],
            name="fk_deductions_account",
        ),
        Index(None, "community", "day"),
        Index(None, "household"),
    )

    #: Also the id of the transfer that debits the household.
    id: Mapped[UuidKey]
    community: Mapped[int] = mapped_column(BigInteger())
    household: Mapped[UUID]
    account: Mapped[int] = mapped_column(BigInteger())
    points_kind: Mapped[str]
    holder_kind: Mapped[str]
    rule: Mapped[str] = mapped_column(ForeignKey("catalogue_rules.key"))
    amount: Mapped[Centipoints]
    reason: Mapped[str]
    day: Mapped[dt.date]
    recorded_by: Mapped[UUID]
    created_at: Mapped[dt.datetime]
