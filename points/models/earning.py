"""Tables of earning: the district's catalogue, a community's own values, caps, awards."""

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


class CatalogueRule(Base):
    """An earning rule of the district's guidance catalogue, with its base and band."""

    __tablename__ = "catalogue_rules"
    __table_args__ = (
        CheckConstraint("points_min <= points_base AND points_base <= points_max", name="band"),
        CheckConstraint("points_kind IN ('basic', 'service')", name="points_kind"),
        CheckConstraint("holder IN ('resident', 'household')", name="holder"),
        CheckConstraint("holder <> 'household' OR points_kind = 'basic'", name="household_basic"),
        CheckConstraint("community IS NULL OR points_min > 0", name="own_gives"),
        # The topic fixes the kind: what everybody must do is basic, whoever writes the row.
        ForeignKeyConstraint(
            ["topic", "points_kind"],
            ["rule_topics.key", "rule_topics.points_kind"],
            name="fk_catalogue_rules_topic",
        ),
        UniqueConstraint("community", "name", name="uq_catalogue_rules_own_name"),
    )

    key: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    topic: Mapped[str]
    points_kind: Mapped[str]
    #: Null: the district's (统建共性); else the community that made it (单点自建).
    community: Mapped[int | None] = mapped_column(BigInteger(), ForeignKey("communities.code"))
    #: The community and its rule that this one was taken over from.
    from_community: Mapped[int | None] = mapped_column(BigInteger())
    from_rule: Mapped[str | None]
    #: 半小时, 次, 户月, 月: what one unit is.
    unit: Mapped[str]
    #: Centipoints per unit.
    points_base: Mapped[Centipoints]
    points_min: Mapped[Centipoints]
    points_max: Mapped[Centipoints]
    #: Caps count units, not points; null is no cap.
    cap_per_act: Mapped[int | None]
    cap_per_day: Mapped[int | None]
    cap_per_month: Mapped[int | None]
    cap_per_year: Mapped[int | None]
    #: Of the members of a household together, beside those of each.
    household_cap_per_day: Mapped[int | None]
    household_cap_per_month: Mapped[int | None]
    household_cap_per_year: Mapped[int | None]
    holder: Mapped[str]
    recorded_by: Mapped[str]
    provenance: Mapped[str]
    on_by_default: Mapped[bool]
    note: Mapped[str]


class CommunityRule(Base):
    """How a rule holds at a community from a day on: all of it, and never edited.

    A row replaces the one before as a whole; a later revision corrects a day that has not come.
    """

    __tablename__ = "community_rules"
    __table_args__ = (
        CheckConstraint("points <> 0", name="points"),
        CheckConstraint("revision > 0", name="revision"),
    )

    community: Mapped[int] = mapped_column(
        BigInteger(), ForeignKey("communities.code"), primary_key=True, autoincrement=False
    )
    rule: Mapped[str] = mapped_column(ForeignKey("catalogue_rules.key"), primary_key=True)
    valid_from: Mapped[dt.date] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    #: Centipoints per unit; null switches the rule off.
    points: Mapped[int | None] = mapped_column(BigInteger())
    cap_per_act: Mapped[int | None]
    cap_per_day: Mapped[int | None]
    cap_per_month: Mapped[int | None]
    cap_per_year: Mapped[int | None]
    household_cap_per_day: Mapped[int | None]
    household_cap_per_month: Mapped[int | None]
    household_cap_per_year: Mapped[int | None]
    recorded_by: Mapped[str]
    #: Outside the district's band, which only ``exchange.face_value`` allows.
    outside_band: Mapped[bool]
    #: The community whose values these were; null: the district's, or set here.
    from_community: Mapped[int | None] = mapped_column(BigInteger())
    set_by: Mapped[UUID]
    set_at: Mapped[dt.datetime]


class RuleUsage(Base):
    """Units that a holder got by a rule in a period; guarded, raised with the award.

    The holder is a resident or household; a household for its members together, too, where the
    rule has caps for them.
    """

    __tablename__ = "rule_usage"

    holder_id: Mapped[UuidKey]
    rule: Mapped[str] = mapped_column(primary_key=True)
    #: ``2026-11-24``, ``2026-11`` or ``2026``.
    period: Mapped[str] = mapped_column(primary_key=True)
    used: Mapped[int]


class Award(Base):
    """The pending side of earning: what a cause gave whom, until settlement posts it."""

    __tablename__ = "awards"
    __table_args__ = (
        UniqueConstraint("cause"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("host_amount IS NULL OR host_amount > 0", name="host_amount"),
        CheckConstraint("state IN ('pending', 'done', 'void')", name="state"),
        CheckConstraint(
            "provenance IN ('verified', 'recorded', 'back_filled')",
            name="provenance",
        ),
        CheckConstraint("(state = 'done') = (done_at IS NOT NULL)", name="done"),
        CheckConstraint("(state = 'void') = (void_at IS NOT NULL)", name="void"),
        CheckConstraint("points_kind = 'service' OR bearing = community", name="basic_at_home"),
        ForeignKeyConstraint(
            ["account", "community", "points_kind"],
            ["accounts.id", "accounts.community", "accounts.points_kind"],
            name="fk_awards_account",
        ),
        Index(
            "ix_awards_due",
            "due",
            "account",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        Index("ix_awards_account", "account", "event_at"),
        Index(
            "ix_awards_batch",
            "batch",
            sqlite_where=text("batch IS NOT NULL"),
            postgresql_where=text("batch IS NOT NULL"),
        ),
        Index("ix_awards_bearing", "bearing", "event_at"),
        # What became final in a day, for its seal.
        Index(
            "ix_awards_done",
            "done_at",
            sqlite_where=text("done_at IS NOT NULL"),
            postgresql_where=text("done_at IS NOT NULL"),
        ),
        Index(
            "ix_awards_void",
            "void_at",
            sqlite_where=text("void_at IS NOT NULL"),
            postgresql_where=text("void_at IS NOT NULL"),
        ),
    )

    #: Also the id of the transfer that credits the holder.
    id: Mapped[UuidKey]
    cause: Mapped[str]
    account: Mapped[int] = mapped_column(BigInteger())
    holder_id: Mapped[UUID]
    points_kind: Mapped[str]
    #: Home community: the book that the holder's account is in.
    community: Mapped[int] = mapped_column(BigInteger())
    #: The community that bears it: where the service was done.
    bearing: Mapped[int] = mapped_column(BigInteger())
    amount: Mapped[Centipoints]
    #: The transfer in the bearing community's own book, and its amount there; null at home.
    host_transfer: Mapped[UUID | None]
    host_amount: Mapped[int | None] = mapped_column(BigInteger())
    #: Hundredths of a standard point on both legs to and from clearing; null at home.
    standard: Mapped[int | None] = mapped_column(BigInteger())
    rule: Mapped[str]
    units: Mapped[int]
    #: The household whose counters it used beside the holder's own; null: none.
    counted_for: Mapped[UUID | None]
    provenance: Mapped[str]
    reason: Mapped[str]
    source_kind: Mapped[str]
    source_id: Mapped[UUID]
    recorded_by: Mapped[UUID]
    event_at: Mapped[dt.datetime]
    created_at: Mapped[dt.datetime]
    #: When it may be posted; null while a second person has to confirm it.
    due: Mapped[dt.datetime | None]
    confirmed_by: Mapped[UUID | None]
    state: Mapped[str]
    done_at: Mapped[dt.datetime | None]
    void_at: Mapped[dt.datetime | None]
    batch: Mapped[UUID | None]
