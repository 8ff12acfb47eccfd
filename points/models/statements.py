"""Statements that were handed out: what each said, so that its paper can be checked."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Centipoints


class Statement(Base):
    """An issued statement (积分明细单); the same figures of the same period are issued once."""

    __tablename__ = "statements"
    __table_args__ = (
        # The digest covers whose it is and which period; equal ones are the same paper.
        UniqueConstraint("digest"),
        CheckConstraint("holder_kind IN ('resident', 'household', 'community')", name="of"),
        CheckConstraint("points_kind IN ('basic', 'service')", name="points_kind"),
        CheckConstraint("first_day <= last_day", name="period"),
        CheckConstraint("opening + added - taken = closing", name="balanced"),
        CheckConstraint("added >= 0 AND taken >= 0 AND entries >= 0", name="sums"),
        Index(None, "holder_id", "issued_at"),
        Index(None, "community", "issued_at"),
    )

    #: Twelve characters, the last two of them check digits.
    code: Mapped[str] = mapped_column(primary_key=True)
    holder_kind: Mapped[str]
    #: Resident or household; the nil UUID for a community's book.
    holder_id: Mapped[UUID]
    community: Mapped[int] = mapped_column(BigInteger(), ForeignKey("communities.code"))
    points_kind: Mapped[str]
    first_day: Mapped[dt.date]
    last_day: Mapped[dt.date]
    #: The account's version when it was issued: what is posted later the same day is not on it.
    through: Mapped[int] = mapped_column(BigInteger())
    opening: Mapped[Centipoints]
    added: Mapped[Centipoints]
    taken: Mapped[Centipoints]
    closing: Mapped[Centipoints]
    #: Lines on the paper.
    entries: Mapped[int]
    #: BLAKE2b over the opening, every transfer with its words, and the closing; led by its version.
    digest: Mapped[str]
    #: HMAC of the name and the address it was first given out with; null for a community's book,
    #: and for what was given out before these could be checked.
    heading: Mapped[str | None]
    issued_at: Mapped[dt.datetime]
    issued_by: Mapped[UUID]
