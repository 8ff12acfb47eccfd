"""Tables that belong to no subject: audit, settings, outbox, jobs, business days, limits."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, UuidKey


class AuditEvent(Base):
    """One row per executed use case: who did what, where, under which key, with what result."""

    __tablename__ = "audit_events"
    __table_args__ = (
        UniqueConstraint("use_case", "actor", "key"),
        Index(None, "at"),
    )

    id: Mapped[UuidKey]
    at: Mapped[dt.datetime]
    use_case: Mapped[str]
    #: Person who acted; the nil UUID for the system itself.
    actor: Mapped[UUID]
    #: Scope acted in: ``district``, ``community:330102001051``, ``resident``, ``system``.
    scope: Mapped[str]
    key: Mapped[str]
    #: BLAKE2b of the command, so that another body under the same key is noticed.
    digest: Mapped[str]
    result: Mapped[str]


class SettingValue(Base):
    """A value of a setting at a place from a moment on; rows are added, never edited."""

    __tablename__ = "setting_values"

    key: Mapped[str] = mapped_column(primary_key=True)
    #: 0 for the district, otherwise the code of a community.
    place: Mapped[int] = mapped_column(BigInteger(), primary_key=True, autoincrement=False)
    valid_from: Mapped[dt.datetime] = mapped_column(primary_key=True)
    value: Mapped[str]
    set_by: Mapped[UUID]


class OutboxMessage(Base):
    """A message written with its cause and delivered after the commit, at least once."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("key"),
        CheckConstraint("state IN ('waiting', 'sent', 'failed', 'cancelled')", name="state"),
        Index(
            "ix_outbox_due",
            "send_after",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(None, "person", "created_at"),
    )

    id: Mapped[UuidKey]
    key: Mapped[str]
    template: Mapped[str]
    #: Receiver; null for a number that belongs to nobody yet (a first sign-in code).
    person: Mapped[UUID | None]
    phone_cipher: Mapped[str | None]
    channel: Mapped[str]
    #: JSON of the placeholders; encrypted where the template is a sign-in code, erased on delivery.
    params: Mapped[str]
    created_at: Mapped[dt.datetime]
    send_after: Mapped[dt.datetime]
    state: Mapped[str] = mapped_column(server_default="waiting")
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    lease_until: Mapped[dt.datetime | None]
    sent_at: Mapped[dt.datetime | None]
    #: When its receiver said that they have seen what 通知 shows.
    seen_at: Mapped[dt.datetime | None]


class JobRun(Base):
    """A claim on one slot of one job; the unique key is what keeps two schedulers apart."""

    __tablename__ = "job_runs"
    __table_args__ = (CheckConstraint("state IN ('running', 'done', 'failed')", name="state"),)

    job: Mapped[str] = mapped_column(primary_key=True)
    slot: Mapped[dt.datetime] = mapped_column(primary_key=True)
    state: Mapped[str]
    #: Which claim this is, so that a claimant that lost its lease cannot close the slot.
    claim: Mapped[UUID]
    lease_until: Mapped[dt.datetime]
    started_at: Mapped[dt.datetime]
    finished_at: Mapped[dt.datetime | None]
    attempts: Mapped[int]
    report: Mapped[str | None]


class BusinessDay(Base):
    """A closed business day: nothing is posted into it any more."""

    __tablename__ = "business_days"

    day: Mapped[dt.date] = mapped_column(primary_key=True)
    closed_at: Mapped[dt.datetime]


class RateLimit(Base):
    """A counter of unsafe requests within one window."""

    __tablename__ = "rate_limits"

    key: Mapped[str] = mapped_column(primary_key=True)
    window_end: Mapped[dt.datetime]
    used: Mapped[int]
