"""Whom a feeder means: a home by its address, a person by name and number, or an id."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from core.acts import Actor, NotInYourScope
from core.directory import directory
from core.errors import N_, AppError, Conflict
from points.earning.recorders import HolderUnknown

if TYPE_CHECKING:
    from sqlalchemy import Connection


class HolderAmbiguous(Conflict):
    """Several households live at the address."""

    text = N_("这个住址有几户，不知道记给哪一户。请改用户的编号。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """Whom a feeder means: a home by its address, a person by name and number, or an id."""

    community: int | None = None
    address: str | None = None
    name: str | None = None
    phone: str | None = None
    id: UUID | None = None


def find(
    connection: Connection, feeder: Actor, holders: Collection[Meant]
) -> dict[Meant, UUID | AppError]:
    """Find whom each of a feeder's items means, in three questions for all."""
    homes = {
        (community_of(feeder, holder), holder.address)
        for holder in holders
        if holder.address is not None
    }
    people = {
        (holder.name, holder.phone)
        for holder in holders
        if holder.name is not None and holder.phone is not None
    }
    known = directory()
    at_home = known.households_at(
        connection, [(code, home) for code, home in homes if code and home]
    )
    named = known.residents_named(connection, people)
    return {holder: _found(feeder, holder, at_home, named) for holder in holders}


def community_of(feeder: Actor, holder: Meant) -> int | None:
    """Return where the home is: where the feeder stands, unless it says so."""
    if holder.community is None and feeder.scope_kind == "community":
        return feeder.place
    return holder.community


def _found(
    feeder: Actor,
    holder: Meant,
    at_home: Mapping[tuple[int, str], tuple[UUID, ...]],
    named: Mapping[tuple[str, str], UUID],
) -> UUID | AppError:
    community = community_of(feeder, holder)
    if community is not None and not feeder.covers(community):
        return NotInYourScope()
    if holder.id is not None:
        return holder.id
    if holder.name is not None and holder.phone is not None:
        return named.get((holder.name, holder.phone)) or HolderUnknown()
    if community is None or holder.address is None:
        return HolderUnknown()
    found = at_home.get((community, holder.address), ())
    if len(found) > 1:
        return HolderAmbiguous()
    return found[0] if found else HolderUnknown()
