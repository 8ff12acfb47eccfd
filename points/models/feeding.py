"""Tables of feeders: devices and platforms that record by themselves, and hours from elsewhere."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Centipoints, UuidKey


class Feeder(Base):
    """A device, a platform or a city's system that may record acts by some rules at a place."""

    __tablename__ = "feeders"
    __table_args__ = (
        UniqueConstraint("name"),
        CheckConstraint("kind IN ('device', 'platform', 'city')", name="kind"),
        CheckConstraint(
            "scope_kind IN ('community', 'subdistrict', 'district')", name="scope_kind"
        ),
        CheckConstraint("state IN ('waiting', 'active', 'stopped')", name="state"),
        CheckConstraint("state <> 'active' OR confirmed_by IS NOT NULL", name="confirmed"),
        CheckConstraint("confirmed_by <> secret_by", name="two_people"),
    )

    id: Mapped[UuidKey]
    name: Mapped[str]
    kind: Mapped[str]
    scope_kind: Mapped[str]
    #: Code of the district, subdistrict or community of the scope.
    place: Mapped[int] = mapped_column(BigInteger())
    #: Keys of the rules it may record, separated by ``|``.
    rules: Mapped[str]
    #: What it signs with; AES-256-GCM, key id inside.
    secret_cipher: Mapped[str]
    #: Who was shown the secret: somebody else lets it work.
    secret_by: Mapped[UUID]
    secret_at: Mapped[dt.datetime]
    state: Mapped[str]
    made_at: Mapped[dt.datetime]
    confirmed_by: Mapped[UUID | None]
    confirmed_at: Mapped[dt.datetime | None]
    stopped_by: Mapped[UUID | None]
    stopped_at: Mapped[dt.datetime | None]


class FeedItem(Base):
    """What became of an item: a key of a feeder is answered once, for as long as it is kept."""

    __tablename__ = "feed_items"
    __table_args__ = (
        CheckConstraint("state IN ('recorded', 'capped')", name="state"),
        CheckConstraint("(state = 'recorded') = (award IS NOT NULL)", name="award"),
        Index(None, "recorded_at"),
    )

    feeder: Mapped[UUID] = mapped_column(ForeignKey("feeders.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    #: MAC of the content, so that another item under the same key is noticed.
    digest: Mapped[str]
    state: Mapped[str]
    award: Mapped[UUID | None]
    units: Mapped[int]
    amount: Mapped[Centipoints]
    recorded_at: Mapped[dt.datetime]


class FeedBatch(Base):
    """A batch as the console lists it, signed or from a file; the same body is the same batch."""

    __tablename__ = "feed_batches"
    __table_args__ = (
        CheckConstraint(
            "(file IS NULL) = (brought_by IS NULL) AND (file IS NULL) = (total IS NULL)",
            name="file",
        ),
        Index(None, "feeder", "last_at"),
    )

    id: Mapped[UuidKey]
    feeder: Mapped[UUID] = mapped_column(ForeignKey("feeders.id"))
    first_at: Mapped[dt.datetime]
    last_at: Mapped[dt.datetime]
    times: Mapped[int]
    #: Of the first time: what was new then.
    recorded: Mapped[int]
    #: Of the last time.
    existed: Mapped[int]
    capped: Mapped[int]
    refused: Mapped[int]
    #: Of a file: its name, who brought it first, how many rows it has.
    file: Mapped[str | None]
    brought_by: Mapped[UUID | None]
    total: Mapped[int | None]


class FeedRow(Base):
    """What became of a row of a feeder's file, kept as long as its batch."""

    __tablename__ = "feed_rows"
    __table_args__ = (
        CheckConstraint("outcome IN ('recorded', 'existed', 'capped', 'refused')", name="outcome"),
    )

    batch: Mapped[UUID] = mapped_column(ForeignKey("feed_batches.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    #: As it stands in the file: also of a row that could not be read.
    key: Mapped[str]
    outcome: Mapped[str]
    amount: Mapped[Centipoints]
    #: Why it was refused.
    message: Mapped[str]


class ImportedHours(Base):
    """When somebody served elsewhere, so that no two reports of one hour give points twice."""

    __tablename__ = "imported_hours"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="window"),
        Index(None, "resident", "starts_at"),
    )

    award: Mapped[UuidKey]
    resident: Mapped[UUID]
    starts_at: Mapped[dt.datetime]
    #: Hours that came without their times fill the whole day.
    ends_at: Mapped[dt.datetime]
