"""Tables of expiry: how far a run has come, and the accounts that end on a day of their own."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Centipoints


class ExpiryRun(Base):
    """One run over all accounts, in their order: what lapses after a day, or who is warned of it.

    ``upto`` moves in the transaction of each chunk, so that a run goes on where it was killed.
    """

    __tablename__ = "expiry_runs"
    __table_args__ = (
        CheckConstraint("stage IN ('lapse', 'first', 'last')", name="stage"),
        UniqueConstraint("id"),
    )

    stage: Mapped[str] = mapped_column(primary_key=True)
    #: The day that has to be closed (lapse), or the last one on which the points can be used.
    day: Mapped[dt.date] = mapped_column(primary_key=True)
    #: What the transfers of the run name as their source.
    id: Mapped[UUID]
    #: The year whose marks lapse.
    marked: Mapped[int]
    #: The last account that is done; ids of holders' accounts are positive.
    upto: Mapped[int] = mapped_column(BigInteger(), server_default=text("0"))
    accounts: Mapped[int] = mapped_column(server_default=text("0"))
    amount: Mapped[Centipoints] = mapped_column(server_default=text("0"))
    begun_at: Mapped[dt.datetime]
    finished_at: Mapped[dt.datetime | None]


class AccountEnd(Base):
    """An account that lapses whole after a day, instead of by the calendar: its holder has died."""

    __tablename__ = "account_ends"

    account: Mapped[int] = mapped_column(
        BigInteger(), ForeignKey("accounts.id"), primary_key=True, autoincrement=False
    )
    #: The last day on which its points can be used.
    lapse_on: Mapped[dt.date]
