"""Tables of the proof: sealed days, chained, and when each invariant was last proven."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class Seal(Base):
    """One block: what became final in a community in one business day, chained to the last one.

    Community 0 is the district: its rows are the communities' blocks of that day, and every
    closed day has one, so that a block that is missing is missed. Digests are SHA-256 in hex.
    """

    __tablename__ = "seals"
    __table_args__ = (CheckConstraint("rows >= 0", name="rows"),)

    community: Mapped[int] = mapped_column(BigInteger(), primary_key=True, autoincrement=False)
    day: Mapped[dt.date] = mapped_column(primary_key=True)
    rows: Mapped[int]
    digest: Mapped[str]
    #: Head of the community's block before this one; zeros for the first.
    previous: Mapped[str]
    head: Mapped[str]
    #: The first four bytes of each row's digest, in order: they tell which row was touched.
    leaves: Mapped[bytes]


class Proof(Base):
    """When an invariant was looked at, on how many rows, and the first row that broke it."""

    __tablename__ = "proofs"
    __table_args__ = (
        CheckConstraint("scope IN ('all', 'changed')", name="scope"),
        CheckConstraint("times >= 0 AND rows >= 0", name="counts"),
        Index(None, "at"),
    )

    check: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[dt.datetime] = mapped_column(primary_key=True)
    #: The whole book, or what changed since the look before.
    scope: Mapped[str]
    rows: Mapped[int] = mapped_column(BigInteger())
    milliseconds: Mapped[int]
    #: How many rows break it, and which one is the first; null where none does.
    times: Mapped[int] = mapped_column(BigInteger())
    table: Mapped[str | None]
    row: Mapped[str | None]
    community: Mapped[int | None] = mapped_column(BigInteger())
    day: Mapped[dt.date | None]
