"""Tables of the public list: what was posted for a month, and each of its lines."""

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


class Bulletin(Base):
    """The public list (积分公示) of a community's month; posted once and never edited."""

    __tablename__ = "bulletins"
    __table_args__ = (
        CheckConstraint("lines >= 0 AND service >= 0 AND basic >= 0", name="sums"),
        CheckConstraint("posted_on <= objections_until", name="window"),
    )

    community: Mapped[int] = mapped_column(
        BigInteger(), ForeignKey("communities.code"), primary_key=True, autoincrement=False
    )
    #: The first day of the month that it is of.
    month: Mapped[dt.date] = mapped_column(primary_key=True)
    #: What had arrived before this moment is on it; the rest comes with the next one.
    cut_at: Mapped[dt.datetime]
    posted_at: Mapped[dt.datetime]
    posted_on: Mapped[dt.date]
    #: The last day on which somebody may object.
    objections_until: Mapped[dt.date]
    lines: Mapped[int]
    #: Centipoints awarded, of each kind.
    service: Mapped[Centipoints]
    basic: Mapped[Centipoints]
    #: What corrections of the month gave and took, whatever month they were about.
    corrected_up: Mapped[Centipoints]
    corrected_down: Mapped[Centipoints]


class BulletinLine(Base):
    """A line: what one resident or household got by one rule, all together."""

    __tablename__ = "bulletin_lines"
    __table_args__ = (
        ForeignKeyConstraint(
            ["community", "month"],
            ["bulletins.community", "bulletins.month"],
            name="fk_bulletin_lines_bulletin",
        ),
        UniqueConstraint("community", "month", "position", name="uq_bulletin_lines_position"),
        CheckConstraint("amount > 0 AND times > 0", name="amount"),
        CheckConstraint("points_kind IN ('basic', 'service')", name="points_kind"),
        Index(None, "holder_id", "month"),
    )

    #: What an objection is about.
    id: Mapped[UuidKey]
    community: Mapped[int] = mapped_column(BigInteger())
    month: Mapped[dt.date]
    position: Mapped[int]
    holder_id: Mapped[UUID]
    points_kind: Mapped[str]
    #: The rule's name on the day of posting.
    what: Mapped[str]
    times: Mapped[int]
    amount: Mapped[Centipoints]
