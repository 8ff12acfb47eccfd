"""Points follow a person into another account: after moving house, after two records became one.

Service points keep their age, and convert by the communities' face values; basic points go along
one for one and never meet clearing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite

from core.errors import N_, Conflict
from core.ids import uuid8
from core.models import BusinessDay
from points.accounts import (
    FACE_ONE,
    HolderKind,
    PointsKind,
    account_id,
    clearing,
    open_clearing,
)
from points.expiring.lapsing import year_end
from points.ledger import AccountUnknown, Posting, lock_accounts, post
from points.marks import keep_older
from points.models import Account, ExpiryMark, RuleUsage

if TYPE_CHECKING:
    from sqlalchemy import Row

    from core.work import Work

SOURCE = "moving"
DAY_LENGTH = len("2026-11-24")


class PointsHeld(Conflict):
    """What is held belongs to an order: it has to end before the points can go elsewhere."""

    text = N_("还有积分预留着，等兑换单领取或取消以后再来办。")


class YearNotClosed(Conflict):
    """Between midnight and the closing of the year nobody knows yet how old points are."""

    text = N_("年底的账正在结，大约要半小时。请稍后再办。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whose accounts, in which book; ``face`` in ten-thousandths of a standard point."""

    id: UUID
    community: int
    kind: HolderKind = "resident"
    face: int = FACE_ONE

    def account(self, points_kind: PointsKind) -> int:
        """Return the holder's account of a kind."""
        return account_id(
            "holder", self.community, points_kind, holder_kind=self.kind, holder_id=self.id
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Carry:
    """Everything that a holder has goes to another one; ``note`` is what the lines say."""

    source: Holder
    target: Holder
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What arrived, in the target's centipoints."""

    service: int
    basic: int


def carry(work: Work, command: Carry) -> Carried:
    """Post all that is free from one holder's accounts to another's; repeated, nothing is left.

    Raises PointsHeld, YearNotClosed, AccountUnknown or DayClosed.
    """
    refuse_unclosed_year(work)
    source, target = command.source, command.target
    kinds: tuple[PointsKind, ...] = ("basic", "service")
    if source.kind == "household":
        kinds = ("basic",)
    found = _locked(work, [each.account(kind) for kind in kinds for each in (source, target)])
    if any(row.held for row in found.values()):
        raise PointsHeld
    arrived = dict.fromkeys(("basic", "service"), 0)
    for kind in kinds:
        row, taking = found[source.account(kind)], found[target.account(kind)]
        if row.credited > row.debited:
            move = _Move(work, command, kind, row, taking, row.credited - row.debited)
            arrived[kind] = move.post()
    return Carried(**arrived)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """So much is wanted free on the target's account; what is missing there comes along.

    Rounded up to whole centipoints of the source; where ``most`` says how many there are, no more
    arrives than is missing.
    """

    source: Holder
    target: Holder
    points_kind: PointsKind
    wanted: int
    note: str
    #: When what is wanted came; None: the oldest points.
    year: int | None = None
    most: int | None = None


def fetch(work: Work, command: Fetch) -> None:
    """Post what is missing on the target's account, as far as the source has it free.

    Raises YearNotClosed, AccountUnknown or DayClosed.
    """
    refuse_unclosed_year(work)
    source, target = command.source, command.target
    sides = [each.account(command.points_kind) for each in (source, target)]
    found = _locked(work, sides)
    row, taking = (found[side] for side in sides)
    missing = command.wanted - (taking.credited - taking.debited - taking.held)
    amount = -(-missing * target.face // source.face)
    if command.most is None:
        amount = min(row.credited - row.debited - row.held, amount)
    else:
        more = amount * source.face // target.face > missing
        amount = min(command.most, amount - more)
        if amount * source.face < target.face:
            # Too small for a centipoint over there: it may as well stay.
            return
    if amount > 0:
        _Move(work, command, command.points_kind, row, taking, amount).post()


def refuse_unclosed_year(work: Work) -> None:
    """Raise YearNotClosed while the year that is over has no marks yet."""
    last = year_end(work.day.year - 1)
    newest = work.connection.scalar(select(func.max(BusinessDay.day)))
    if newest is not None and newest < last:
        raise YearNotClosed


def year_of(work: Work, day: dt.date) -> int:
    """Return when something came; of this year, the marks of the last one have to be there."""
    if day.year == work.day.year:
        refuse_unclosed_year(work)
    return day.year


def _locked(work: Work, accounts: list[int]) -> dict[int, Row[Any]]:
    lock_accounts(work, *accounts)
    rows = work.connection.execute(select(Account.__table__).where(Account.id.in_(accounts)))
    found = {row.id: row for row in rows}
    if len(found) < len(accounts):
        raise AccountUnknown
    return found


class _Move:
    """Points of one account on their way, all that are free or a part of them."""

    def __init__(
        self,
        work: Work,
        command: Carry | Fetch,
        kind: PointsKind,
        row: Row[Any],
        taking: Row[Any],
        amount: int,
    ) -> None:
        self.work, self.command, self.kind = work, command, kind
        self.row, self.taking = row, taking
        self.amount = amount
        #: When all of it came; None: the oldest points go.
        self.year = command.year if isinstance(command, Fetch) else None
        self.is_here = row.community == taking.community
        # The version tells a first move from what follows later.
        self.journal = self._id("journal")

    def post(self) -> int:
        """Move them; return what arrives."""
        return self._service() if self.kind == "service" else self._basic()

    def _basic(self) -> int:
        """Move basic points: inside a book from account to account, else out of one and in."""
        if self.is_here:
            self._post("own", self.row.community, self.row.id, self.taking.id, self.amount)
        else:
            for leg, book, debit, credit in (
                ("home", self.row.community, self.row.id, None),
                ("host", self.taking.community, None, self.taking.id),
            ):
                issued = account_id("issued", book, "basic")
                self._post(leg, book, debit or issued, credit or issued, self.amount)
        return self.amount

    def _service(self) -> int:
        """Move service points with the age they have."""
        if self.is_here:
            self._mark()
            self._post("own", self.row.community, self.row.id, self.taking.id, self.amount)
            return self.amount
        here, there = self.row.community, self.taking.community
        arriving = self._converted(self.amount)
        if not arriving:
            # Too small for a centipoint over there.
            rounding = account_id("rounding", here, "service")
            self._post("home", here, self.row.id, rounding, self.amount)
            return 0
        open_clearing(self.work, here, there)
        standard = -(-self.amount * self.command.source.face // FACE_ONE)
        self._mark()
        self._post("home", here, self.row.id, clearing(here, there), self.amount, standard)
        self._post("host", there, clearing(there, here), self.taking.id, arriving, standard)
        return arriving

    def _converted(self, amount: int) -> int:
        return amount * self.command.source.face // self.command.target.face

    def _mark(self) -> None:
        """Let the marks of the target take in what comes with an older age."""
        known = self.work.connection.execute(
            select(ExpiryMark.year, ExpiryMark.credited).where(
                ExpiryMark.account == self.taking.id
            ),
        )
        marks = {row.year: row.credited for row in known}
        gone = self.taking.debited + self.taking.held
        insert = sqlite.insert if self.work.is_sqlite else postgresql.insert
        for year, amount in self._older(marks):
            older = self._converted(amount)
            if not older:
                continue
            credited = max(marks.get(year, 0), gone) + older
            statement = insert(ExpiryMark).values(
                account=self.taking.id, year=year, credited=credited
            )
            self.work.connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["account", "year"], set_={"credited": credited}
                ),
            )

    def _older(self, marks: Iterable[int]) -> list[tuple[int, int]]:
        """Return by year how much of what moves had come until its end."""
        if self.year is not None:
            # What came in one year: what is older stays where it is.
            keep_older(self.work, self.row.id, self.year, self.amount)
            return [(year, self.amount) for year in sorted(marks) if year >= self.year]
        rows = self.work.connection.execute(
            select(ExpiryMark.year, ExpiryMark.credited)
            .where(ExpiryMark.account == self.row.id, ExpiryMark.credited > self.row.debited)
            .order_by(ExpiryMark.year),
        )
        return [(row.year, min(row.credited - self.row.debited, self.amount)) for row in rows]

    def _id(self, leg: str) -> UUID:
        moment = dt.datetime.combine(self.work.day, dt.time(), dt.UTC)
        return uuid8(moment, "moving", self.row.id, self.taking.id, self.row.version, leg)

    def _post(
        self,
        leg: str,
        community: int,
        debit: int,
        credit: int,
        amount: int,
        standard: int | None = None,
    ) -> None:
        post(
            self.work,
            Posting(
                id=self._id(leg),
                act="moving",
                points_kind=self.kind,
                community=community,
                debit=debit,
                credit=credit,
                amount=amount,
                event_at=self.work.now,
                source_kind=SOURCE,
                source_id=self.command.source.id,
                journal=self.journal,
                standard=standard,
                note=self.command.note,
            ),
        )


def carry_usage(work: Work, source: UUID, target: UUID, *, back: bool = False) -> None:
    """Let the caps of earning rules count on: what one used, the other has used.

    ``back``: the source once went on from the target and counts the target's use as its own, so
    that only what came since is new there.
    """
    used = _used(work, source)
    if back:
        used = _since(used, _used(work, target))
    insert = sqlite.insert if work.is_sqlite else postgresql.insert
    for (rule, period), units in sorted(used.items()):
        work.connection.execute(
            insert(RuleUsage)
            .values(holder_id=target, rule=rule, period=period, used=units)
            .on_conflict_do_update(
                index_elements=["holder_id", "rule", "period"],
                set_={"used": RuleUsage.used + units},
            ),
        )


def _used(work: Work, holder: UUID) -> dict[tuple[str, str], int]:
    query = select(RuleUsage.rule, RuleUsage.period, RuleUsage.used)
    rows = work.connection.execute(query.where(RuleUsage.holder_id == holder))
    return {(row.rule, row.period): row.used for row in rows}


def _since(
    used: dict[tuple[str, str], int], known: dict[tuple[str, str], int]
) -> dict[tuple[str, str], int]:
    """Return what days have more than was known; months and years are the sums of their days."""
    found: dict[tuple[str, str], int] = {}
    for (rule, day), units in used.items():
        more = units - known.get((rule, day), 0)
        if len(day) == DAY_LENGTH and more > 0:
            for period in (day[:4], day[:7], day):
                found[rule, period] = found.get((rule, period), 0) + more
    return found
