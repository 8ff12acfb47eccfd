"""What the ledger does when places and people come: it opens their accounts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from points.accounts import household_key, open_accounts, open_books, resident_keys

if TYPE_CHECKING:
    from core.work import Work


class Places(Protocol):
    """An event that names communities; the ledger need not know whose it is."""

    @property
    def communities(self) -> Iterable[int]:
        """Codes of communities."""


class People(Protocol):
    """An event that names residents and households with their communities."""

    @property
    def residents(self) -> Iterable[tuple[UUID, int]]:
        """Residents and home communities."""

    @property
    def households(self) -> Iterable[tuple[UUID, int]]:
        """Households and communities."""


def open_system_accounts(work: Work, event: Places) -> None:
    """Open the books of communities that were loaded."""
    open_books(work, *event.communities)


def open_holders(work: Work, event: People) -> None:
    """Open the accounts of residents and households that were added."""
    keys = [key for resident, place in event.residents for key in resident_keys(resident, place)]
    keys += [household_key(household, place) for household, place in event.households]
    open_accounts(work, keys)
