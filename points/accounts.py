"""Accounts: their ids, and opening them before anything is posted to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from sqlalchemy.dialects import postgresql, sqlite

from core.ids import NIL
from points.models import Account

if TYPE_CHECKING:
    from core.work import Work

PointsKind = Literal["basic", "service"]
HolderKind = Literal["resident", "household", "community", "subdistrict"]

FACE_ONE = 10_000
"""A face value of 1, in ten-thousandths of a district standard point."""

SYSTEM_ACCOUNTS: tuple[tuple[str, PointsKind], ...] = (
    ("issued", "basic"),
    ("adjusted", "basic"),
    ("issued", "service"),
    ("redeemed", "service"),
    ("expired", "service"),
    ("adjusted", "service"),
    ("retired", "service"),
    ("rounding", "service"),
    ("fund", "service"),
)
INSERT_ROWS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountKey:
    """What an account is, apart from its totals."""

    purpose: str
    community: int
    points_kind: PointsKind
    holder_kind: HolderKind = "community"
    holder_id: UUID = NIL
    counterpart: int = 0

    @property
    def id(self) -> int:
        """The account's id, derived from what it is: no posting has to look it up.

        62 bits of BLAKE2b, positive for holders and negative for the system. Two accounts of a
        district of 1.33 million residents share one with a chance of one in a million; opening
        the second would then fail on the primary key, loudly.
        """
        return account_id(
            self.purpose,
            self.community,
            self.points_kind,
            holder_kind=self.holder_kind,
            holder_id=self.holder_id,
            counterpart=self.counterpart,
        )


@lru_cache(maxsize=4_096)
def account_id(
    purpose: str,
    community: int,
    points_kind: PointsKind,
    *,
    holder_kind: HolderKind = "community",
    holder_id: UUID = NIL,
    counterpart: int = 0,
) -> int:
    """Return the id of the account with these properties, as ``AccountKey.id`` says."""
    text = f"{purpose}|{holder_kind}|{holder_id}|{community}|{counterpart}|{points_kind}"
    number = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 2 | 1
    return number if purpose == "holder" else -number


def clearing(book: int, counterpart: int) -> int:
    """Return the id of a community's clearing account with another one."""
    return account_id("clearing", book, "service", counterpart=counterpart)


def resident_account(resident: UUID, community: int, points_kind: PointsKind) -> int:
    """Return the id of a resident's account in the home community."""
    return account_id("holder", community, points_kind, holder_kind="resident", holder_id=resident)


def household_account(household: UUID, community: int) -> int:
    """Return the id of a household's account of basic points."""
    return account_id("holder", community, "basic", holder_kind="household", holder_id=household)


def open_accounts(work: Work, keys: Iterable[AccountKey]) -> None:
    """Open what is not open yet, in id order, so that two openers never wait for each other."""
    rows = [
        {
            "id": key.id,
            "purpose": key.purpose,
            "holder_kind": key.holder_kind,
            "holder_id": key.holder_id,
            "community": key.community,
            "counterpart": key.counterpart,
            "points_kind": key.points_kind,
        }
        for key in sorted(keys, key=lambda key: key.id)
    ]
    insert = sqlite.insert if work.is_sqlite else postgresql.insert
    # The conflict is named: an id that two different accounts share must not pass in silence.
    statement = insert(Account).on_conflict_do_nothing(
        index_elements=[
            "holder_id",
            "holder_kind",
            "purpose",
            "community",
            "counterpart",
            "points_kind",
        ],
    )
    for start in range(0, len(rows), INSERT_ROWS):
        work.connection.execute(statement, rows[start : start + INSERT_ROWS])


def resident_keys(resident: UUID, community: int) -> tuple[AccountKey, AccountKey]:
    """Return the two accounts of a resident."""
    return (
        _resident_key(resident, community, "basic"),
        _resident_key(resident, community, "service"),
    )


def _resident_key(resident: UUID, community: int, points_kind: PointsKind) -> AccountKey:
    return AccountKey(
        purpose="holder",
        community=community,
        points_kind=points_kind,
        holder_kind="resident",
        holder_id=resident,
    )


def household_key(household: UUID, community: int) -> AccountKey:
    """Return the one account of a household: basic points."""
    return AccountKey(
        purpose="holder",
        community=community,
        points_kind="basic",
        holder_kind="household",
        holder_id=household,
    )


def open_books(work: Work, *communities: int) -> None:
    """Open the system accounts of communities; clearing accounts come when two of them meet."""
    open_accounts(
        work,
        [
            AccountKey(purpose=purpose, community=community, points_kind=points_kind)
            for community in communities
            for purpose, points_kind in SYSTEM_ACCOUNTS
        ],
    )


def open_clearing(work: Work, one: int, other: int) -> None:
    """Open both communities' clearing accounts with each other."""
    open_accounts(
        work,
        [
            AccountKey(
                purpose="clearing",
                community=book,
                points_kind="service",
                counterpart=counterpart,
            )
            for book, counterpart in ((one, other), (other, one))
        ],
    )
