"""Tables of activities, sign-up and attendance."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, UuidKey

KINDS = ("志愿服务", "公益集市", "学习课堂", "运动健康", "邻里活动", "议事协商")
PART = "part IN ('take_part', 'serve')"


class ActivityTemplate(Base):
    """A ready-made activity; what is made from it is a copy that remembers it."""

    __tablename__ = "activity_templates"

    key: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    kind: Mapped[str]
    scene: Mapped[str]
    summary: Mapped[str]
    take_part_rule: Mapped[str | None]
    #: Null: no limit; 0: the part is not offered.
    take_part_places: Mapped[int | None]
    serve_rule: Mapped[str | None]
    serve_places: Mapped[int | None]
    duration_minutes: Mapped[int]
    place_hint: Mapped[str]
    season: Mapped[str]
    bring: Mapped[str]
    #: ``community`` or ``district``.
    open_to: Mapped[str]
    position: Mapped[int]
    #: Null: the district's; else the community that saved it as its own.
    community: Mapped[int | None] = mapped_column(BigInteger())
    #: The template that an own one was made from, and whose that was; null: the district's.
    from_template: Mapped[str | None]
    from_community: Mapped[int | None] = mapped_column(BigInteger())
    #: No longer offered; what was made from it still names it.
    retired_at: Mapped[dt.datetime | None]


class Activity(Base):
    """Something that a community does with its residents, in one or more sessions."""

    __tablename__ = "activities"
    __table_args__ = (
        CheckConstraint("open_to IN ('community', 'district')", name="open_to"),
        CheckConstraint("state IN ('published', 'cancelled')", name="state"),
        Index(None, "community"),
    )

    id: Mapped[UuidKey]
    community: Mapped[int] = mapped_column(BigInteger(), ForeignKey("communities.code"))
    #: The template that it was made from.
    template: Mapped[str | None] = mapped_column(ForeignKey("activity_templates.key"))
    #: The activity, mostly of another community, that it was copied from.
    copied_from: Mapped[UUID | None]
    title: Mapped[str]
    kind: Mapped[str]
    scene: Mapped[str]
    summary: Mapped[str]
    bring: Mapped[str]
    open_to: Mapped[str]
    state: Mapped[str]
    created_by: Mapped[UUID]
    created_at: Mapped[dt.datetime]


class Session(Base):
    """One date of an activity (场次)."""

    __tablename__ = "sessions"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="window"),
        CheckConstraint("state IN ('open', 'closed', 'cancelled')", name="state"),
        UniqueConstraint("short_code"),
        Index(None, "community", "starts_at"),
        Index(None, "starts_at"),
        Index(None, "activity"),
    )

    id: Mapped[UuidKey]
    activity: Mapped[UUID] = mapped_column(ForeignKey("activities.id"))
    community: Mapped[int] = mapped_column(BigInteger(), ForeignKey("communities.code"))
    starts_at: Mapped[dt.datetime]
    ends_at: Mapped[dt.datetime]
    place: Mapped[str]
    #: Eight characters of Crockford base32: names the session inside a venue code.
    short_code: Mapped[str]
    #: Raised to void every code shown before.
    epoch: Mapped[int] = mapped_column(server_default=text("0"))
    #: Set by the screen's key to turn to the exit before its time.
    exit_from: Mapped[dt.datetime | None]
    state: Mapped[str]
    #: When staff ended it before its time: whoever is left without an exit served up to then.
    closed_at: Mapped[dt.datetime | None]
    #: Why it does not take place, as those who had signed up are told.
    cancel_reason: Mapped[str | None]


class SessionPart(Base):
    """One of the two parts of a session, with its places and what it earns."""

    __tablename__ = "session_parts"
    __table_args__ = (
        CheckConstraint(PART, name="part"),
        CheckConstraint("taken >= 0", name="taken"),
        CheckConstraint("places IS NULL OR places > 0", name="places"),
        CheckConstraint("places IS NULL OR taken <= places", name="not_overbooked"),
        CheckConstraint("(rule IS NULL) = (amount IS NULL)", name="rule_amount"),
    )

    session: Mapped[UUID] = mapped_column(ForeignKey("sessions.id"), primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True)
    #: Null: no limit.
    places: Mapped[int | None]
    taken: Mapped[int] = mapped_column(server_default=text("0"))
    rule: Mapped[str | None] = mapped_column(ForeignKey("catalogue_rules.key"))
    #: Centipoints per unit, as published: the promise on the card.
    amount: Mapped[int | None] = mapped_column(BigInteger())
    #: The rule's caps in units, as the host had them on that day.
    cap_per_act: Mapped[int | None]
    cap_per_day: Mapped[int | None]
    cap_per_month: Mapped[int | None]
    cap_per_year: Mapped[int | None]
    household_cap_per_day: Mapped[int | None]
    household_cap_per_month: Mapped[int | None]
    household_cap_per_year: Mapped[int | None]


class SignUp(Base):
    """A resident's place (or place in the queue) in a part of a session."""

    __tablename__ = "sign_ups"
    __table_args__ = (
        CheckConstraint(PART, name="part"),
        CheckConstraint("state IN ('signed_up', 'waiting', 'cancelled')", name="state"),
        Index(None, "session", "part", "state", "queued_at"),
        Index(None, "resident"),
    )

    session: Mapped[UUID] = mapped_column(ForeignKey("sessions.id"), primary_key=True)
    resident: Mapped[UUID] = mapped_column(ForeignKey("residents.id"), primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    queued_at: Mapped[dt.datetime]
    created_by: Mapped[UUID]


class Attendance(Base):
    """The one record that every way in ends in."""

    __tablename__ = "attendances"
    __table_args__ = (
        UniqueConstraint("session", "resident", "part", "phase", name="uq_attendances_once"),
        UniqueConstraint("nonce"),
        CheckConstraint(PART, name="part"),
        CheckConstraint("phase IN ('entry', 'exit')", name="phase"),
        CheckConstraint("method IN ('venue', 'hand', 'sheet', 'automatic')", name="method"),
        CheckConstraint(
            "provenance IN ('verified', 'recorded', 'back_filled')",
            name="provenance",
        ),
        Index(None, "resident", "event_at"),
    )

    id: Mapped[UuidKey]
    session: Mapped[UUID] = mapped_column(ForeignKey("sessions.id"))
    resident: Mapped[UUID] = mapped_column(ForeignKey("residents.id"))
    part: Mapped[str]
    phase: Mapped[str]
    method: Mapped[str]
    provenance: Mapped[str]
    #: When it happened: for a scan, the step of the first GET.
    event_at: Mapped[dt.datetime]
    recorded_at: Mapped[dt.datetime]
    recorded_by: Mapped[UUID]
    #: Of the presence grant: one grant, one attendance.
    nonce: Mapped[str | None]
    reason: Mapped[str | None]
    confirmed_by: Mapped[UUID | None]


class RefusedScan(Base):
    """A check-in that was asked for by POST and refused, kept apart with its reason."""

    __tablename__ = "refused_scans"
    __table_args__ = (Index(None, "session", "at"),)

    id: Mapped[UuidKey]
    session: Mapped[UUID | None]
    resident: Mapped[UUID | None]
    reason: Mapped[str]
    at: Mapped[dt.datetime]
    actor: Mapped[UUID]
