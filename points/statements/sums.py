"""A holder's statement: its lines one by one, and its sums, proven against the account's totals.

Everything comes from the transfers themselves, in the order of business day and version; nothing
is taken from a running figure. That the sum over all of them is what the account says it has is
checked each time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Executable, Select, and_, case, func, select, union_all

from points.ledger import AccountUnknown
from points.models import Account, Award, Hold, Transfer

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from points.statements.periods import Period, Subject

STREAMED = 1_000
"""Rows that are fetched at a time; no statement is held in memory as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one act did to the account: its legs together; amounts in centipoints."""

    #: The first transfer of it.
    id: UUID
    day: dt.date
    at: dt.datetime
    act: str
    reason: str
    #: The community where it was earned.
    place: int
    amount: int
    #: What there was after it.
    balance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """opening + added - taken = closing."""

    opening: int
    added: int
    taken: int
    closing: int
    entries: int
    digest: str
    #: The version up to which the account was read; 0 for a community.
    through: int
    #: Whether the books agree with themselves about all of this.
    agrees: bool


VERSION = 2
"""Of fingerprints: the first one left out what the lines say; its papers can still be checked."""


def version_of(digest: str) -> int:
    """Return by which version a statement that was handed out has its fingerprint."""
    return VERSION if digest.startswith(f"{VERSION}-") else 1


class Digest:
    """A fingerprint of a statement: whose, when, from what, every transfer and word, to what."""

    def __init__(self, subject: Subject, period: Period, opening: int, version: int) -> None:
        self._hash = blake2b(digest_size=24)
        self._version = version
        self._add(
            f"statement-{version}",
            subject.of,
            subject.holder.hex,
            subject.community,
            subject.points_kind,
            period.first.isoformat(),
            period.last.isoformat(),
            opening,
        )

    def _add(self, *parts: object) -> None:
        self._hash.update(("|".join(str(part) for part in parts) + "\n").encode())

    def transfer(self, row: Any, place: int, words: str) -> None:
        """Take in one transfer: everything about it that moves points, and what its line says."""
        said = () if self._version == 1 else (place, len(words), words)
        self._add(
            row.id.hex,
            row.act,
            row.debit,
            row.credit,
            row.amount,
            row.day.isoformat(),
            row.source_kind,
            row.source_id.hex,
            *said,
        )

    def closed(self, closing: int) -> str:
        """Take in the closing figure and return the fingerprint."""
        self._add(closing)
        found = self._hash.hexdigest()
        return found if self._version == 1 else f"{self._version}-{found}"


def place_of(row: Any) -> int:
    """Return the community where a line of a holder's was earned or spent."""
    return int(row.bearing or row.community)


def words_of(row: Any) -> str:
    """Return what a line of a holder's was for."""
    return str(row.note or row.award_reason or row.hold_reason or "")


def _sides(account: int, through: int) -> Any:
    """Return an account's transfers up to a version, both sides, with sign and version."""
    return union_all(
        *(
            select(
                Transfer.id,
                Transfer.act,
                Transfer.debit,
                Transfer.credit,
                Transfer.amount,
                (sign * Transfer.amount).label("moved"),
                Transfer.day,
                Transfer.posted_at,
                Transfer.journal,
                Transfer.community,
                Transfer.source_kind,
                Transfer.source_id,
                Transfer.note,
                version.label("version"),
            ).where(side == account, version <= through)
            for sign, side, version in (
                (1, Transfer.credit, Transfer.credit_version),
                (-1, Transfer.debit, Transfer.debit_version),
            )
        ),
    ).subquery()


def _rows(account: int, period: Period, through: int) -> Select[Any]:
    sides = _sides(account, through)
    return (
        select(
            sides,
            Award.reason.label("award_reason"),
            Award.bearing,
            Hold.reason.label("hold_reason"),
        )
        .outerjoin(Award, and_(sides.c.source_kind == "award", Award.id == sides.c.source_id))
        .outerjoin(Hold, Hold.id == sides.c.source_id)
        .where(sides.c.day >= period.first, sides.c.day <= period.last)
        .order_by(sides.c.day, sides.c.version)
    )


def streamed(connection: Connection, query: Executable) -> Iterator[Any]:
    """Yield rows a thousand at a time; the cursor is closed also where nobody reads to the end."""
    with connection.execute(query, execution_options={"yield_per": STREAMED}) as rows:
        yield from rows


def _acts(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """Put the legs of one act together: neighbours of one journal that go the same way."""

    def act(row: Any) -> tuple[object, ...]:
        if row.journal is None:
            return (row.id,)
        return (row.journal, row.day, row.moved > 0)

    return (list(legs) for _key, legs in groupby(rows, key=act))


def lines(
    connection: Connection, subject: Subject, period: Period, sums: Sums
) -> Generator[Line, None, None]:
    """Return the lines that the sums are of, the oldest first, each with the balance after it."""
    balance = sums.opening
    for legs in _acts(streamed(connection, _rows(subject.account, period, sums.through))):
        row = legs[0]
        moved = sum(int(leg.moved) for leg in legs)
        balance += moved
        yield Line(
            id=row.id,
            day=row.day,
            at=row.posted_at,
            act=row.act,
            reason=words_of(row),
            place=place_of(row),
            amount=moved,
            balance=balance,
        )


def sums_of(
    connection: Connection,
    subject: Subject,
    period: Period,
    through: int | None = None,
    version: int = VERSION,
) -> Sums:
    """Add up a holder's period; ``through`` leaves out what was posted after that line.

    ``version`` is that of the fingerprint. Raises AccountUnknown.
    """
    account = connection.execute(
        select(Account.credited, Account.debited, Account.version).where(
            Account.id == subject.account
        )
    ).first()
    if account is None:
        raise AccountUnknown
    until = account.version if through is None else through
    opening, whole = _totals(connection, subject.account, period.first, until, account.version)
    digest = Digest(subject, period, opening, version)
    added = taken = entries = 0
    for legs in _acts(streamed(connection, _rows(subject.account, period, until))):
        moved = sum(int(leg.moved) for leg in legs)
        added, taken = (added + moved, taken) if moved > 0 else (added, taken - moved)
        entries += 1
        for leg in legs:
            digest.transfer(leg, place_of(leg), words_of(leg))
    closing = opening + added - taken
    return Sums(
        opening=opening,
        added=added,
        taken=taken,
        closing=closing,
        entries=entries,
        digest=digest.closed(closing),
        through=until,
        agrees=whole == account.credited - account.debited,
    )


def _totals(
    connection: Connection, account: int, first: dt.date, until: int, version: int
) -> tuple[int, int]:
    """Return what was there before a day, and what all transfers up to a version come to."""
    sides = _sides(account, version)
    before = and_(sides.c.day < first, sides.c.version <= until)
    row = connection.execute(
        select(func.sum(case((before, sides.c.moved), else_=0)), func.sum(sides.c.moved))
    ).one()
    return int(row[0] or 0), int(row[1] or 0)
