"""What the ledger does when places and people come: it opens accounts, it honours 信息核实."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import aliased

from core.directory import directory
from points.accounts import (
    household_key,
    open_accounts,
    open_books,
    resident_account,
    resident_keys,
)
from points.earning.awards import Award, award
from points.earning.rules import RuleUnknown, rule_in_force
from points.models import AccountEnd, Correction, NeighbourHelp
from points.models import Award as AwardRow

if TYPE_CHECKING:
    from core.work import Work

VERIFIED = "resident.verified"
"""The key of the catalogue's rule for 信息核实."""


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


class Verified(Protocol):
    """An event that says whom the community verified."""

    @property
    def resident(self) -> UUID:
        """The resident."""

    @property
    def community(self) -> int:
        """The home community."""


def award_verified(work: Work, event: Verified) -> None:
    """Give the points of 信息核实, once in a life; where the rule is off, none."""
    try:
        rule = rule_in_force(work.connection, event.community, VERIFIED, work.day)
    except RuleUnknown:
        return
    places = directory().former(work.connection, event.resident)
    causes = [f"verified:{place.resident}" for place in places]
    if work.connection.execute(select(AwardRow.id).where(AwardRow.cause.in_(causes))).first():
        return
    standing = directory().standings(work.connection, [event.resident])[event.resident]
    award(
        work,
        Award(
            cause=f"verified:{event.resident}",
            holder_kind="resident",
            holder_id=event.resident,
            community=event.community,
            bearing=event.community,
            rule=rule,
            units=1,
            amount_per_unit=rule.amount,
            provenance="recorded",
            reason=rule.name,
            source_kind="resident",
            source_id=event.resident,
            event_at=work.now,
            household=standing.household,
        ),
    )


class Ended(Protocol):
    """An event that says whose place ended, and who goes on in their stead, if anybody."""

    @property
    def resident(self) -> UUID:
        """The resident as they were."""

    @property
    def successor(self) -> UUID | None:
        """The resident as they are now."""


def hand_on(work: Work, event: Ended) -> None:
    """Let whoever goes on give the words that are asked for, and get the answers still to come."""
    if event.successor is None:
        return
    work.connection.execute(
        update(NeighbourHelp)
        .where(
            NeighbourHelp.helped == event.resident,
            NeighbourHelp.helper != event.successor,
            NeighbourHelp.state == "asked",
        )
        .values(helped=event.successor),
    )
    before, now = (
        directory().holder(work.connection, "resident", each)
        for each in (event.resident, event.successor)
    )
    if before is None or now is None or before.person == now.person:
        return
    other = aliased(Correction)
    # Two records have asked about the same: the answer to one of them is enough.
    twice = exists().where(
        other.subject == Correction.subject,
        other.asked_by == now.person,
        other.state == "open",
    )
    work.connection.execute(
        update(Correction)
        .where(Correction.asked_by == before.person, Correction.state == "open", ~twice)
        .values(asked_by=now.person),
    )


class Died(Protocol):
    """An event that says whose points the household may spend, and until when."""

    @property
    def resident(self) -> UUID:
        """The resident who died."""

    @property
    def community(self) -> int:
        """The home community."""

    @property
    def keeps_until(self) -> dt.date:
        """The last day."""


def end_account(work: Work, event: Died) -> None:
    """Let the service points of somebody who died lapse on their own day, not by the calendar."""
    account = resident_account(event.resident, event.community, "service")
    work.session.add(AccountEnd(account=account, lapse_on=event.keeps_until))


class Lives(Protocol):
    """An event that says whose death was recorded by mistake."""

    @property
    def resident(self) -> UUID:
        """The resident who lives."""

    @property
    def community(self) -> int:
        """The home community."""


def reopen_account(work: Work, event: Lives) -> None:
    """Let service points lapse by the calendar again, where they went with the family, too."""
    former = directory().former(work.connection, event.resident)
    places = [
        (event.resident, event.community),
        *((each.resident, each.community) for each in former),
    ]
    accounts = [resident_account(resident, place, "service") for resident, place in places]
    work.connection.execute(delete(AccountEnd).where(AccountEnd.account.in_(accounts)))
