"""Moving to another community and merging two records: the points follow the person.

It stands here because face values convert what moves, and open orders hold it back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from sqlalchemy import select

from core import outbox
from core.directory import refuse_closed
from core.errors import N_, Conflict
from core.formats import points
from core.ids import NIL
from core.work import reading, transact
from exchange.basket import faces
from exchange.models import Order
from exchange.reserve import carry_quotas
from points.accounts import HolderKind, PointsKind
from points.carrying import Carried, Carry, Fetch, Holder, PointsHeld, carry, carry_usage, fetch
from points.models import Account
from residents import endings
from residents.addresses import Address
from residents.finding import following, went_with
from residents.homes import gone_on
from residents.models import Community, Household, Person, Resident, ResidentEnd

if TYPE_CHECKING:
    import datetime as dt

    from sqlalchemy import Connection

    from core.work import Work

OPEN = ("asked", "submitted", "ready")
CHUNK = 500
"""Whose points follow are looked up so many at a time."""

MOVED, MERGED = N_("搬家转分"), N_("合并登记")


class OrderOpen(Conflict):
    """An order that is not finished is paid from the old account."""

    text = N_("还有没办完的兑换单。请等领取以后，或取消以后再来办。")


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveHousehold:
    """Members of a household elsewhere who live here now; without a household it is a new one."""

    key: str
    community: int
    residents: tuple[UUID, ...]
    household: UUID | None = None
    address: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The household here, its new residents, and what came along in centipoints."""

    household: UUID
    residents: tuple[UUID, ...]
    service: int
    basic: int
    exists: bool


def move_household(work: Work, command: MoveHousehold) -> Moved:
    """Let people live here from today on, with all their points; once, whatever the key.

    Raises what ``endings.move_in`` and ``carry`` raise, ResidentUnknown, OrderOpen, PlaceClosed,
    Forbidden and NotInYourScope.
    """
    work.actor.require("resident.enter", command.community)
    done = _moved_before(work, command)
    if done is not None:
        work.replayed()
        return done
    members = endings.current(work, command.residents)
    _refuse_open_orders(work, [row.id for row in members])
    until = select(Community.valid_to).where(Community.code == command.community)
    refuse_closed(work.connection, command.community, work.connection.scalar(until), work.day)
    here = endings.move_in(work, members, command.community, command.household, command.address)
    before = members[0].community
    face = faces(work.connection, work.day, before, command.community)
    dead = []
    if here.emptied is not None:
        leaving = [old for old, _ in here.residents]
        dead = endings.dead_follow(work, here.emptied, here.household, leaving)
    followed = [*here.residents, *dead]
    service = basic = 0
    for old, new in [*here.residents, *dead]:
        source = Holder(id=old, community=before, face=face[before])
        target = Holder(id=new, community=command.community, face=face[command.community])
        carried = carry(work, Carry(source=source, target=target, note=MOVED))
        service, basic = service + carried.service, basic + carried.basic
        if (old, new) not in dead:
            _tell(work, new, command.community, carried.service)
    if here.emptied is not None:
        basic += _carry_household(
            work, (here.emptied, before), (here.household, command.community), MOVED
        )
        followed.append((here.emptied, here.household))
    _count_on(work, followed)
    return Moved(
        household=here.household,
        residents=tuple(new for _, new in here.residents),
        service=service,
        basic=basic,
        exists=False,
    )


def _moved_before(work: Work, command: MoveHousehold) -> Moved | None:
    """Return what an equal act did: all of them live here now."""
    rows = work.connection.execute(
        select(Resident.id, Resident.household)
        .join(ResidentEnd, ResidentEnd.successor == Resident.id)
        .where(
            ResidentEnd.resident.in_(command.residents),
            ResidentEnd.reason == "moved",
            Resident.community == command.community,
        )
        .order_by(Resident.id),
    ).all()
    if not rows or len(rows) != len(set(command.residents)):
        return None
    residents = tuple(row.id for row in rows)
    return Moved(household=rows[0].household, residents=residents, service=0, basic=0, exists=True)


def _refuse_open_orders(work: Work, residents: Sequence[UUID]) -> None:
    waiting = select(Order.id).where(Order.resident.in_(residents), Order.state.in_(OPEN))
    if work.connection.execute(waiting.limit(1)).first() is not None:
        raise OrderOpen


def _count_on(work: Work, followed: Sequence[tuple[UUID, UUID]]) -> None:
    """Let caps and quotas count on for who follows whom; after the accounts (the lock order)."""
    # The household's first, as awards lock them.
    for source, target in reversed(followed):
        back = source in following(work.connection, "household", target)
        carry_usage(work, source, target, back=back)
        carry_quotas(work, source, target)


def _carry_household(
    work: Work, source: tuple[UUID, int], target: tuple[UUID, int], note: str
) -> int:
    """Carry the basic points that a household had together."""
    holders = [
        Holder(id=each, community=place, kind="household") for each, place in (source, target)
    ]
    return carry(work, Carry(source=holders[0], target=holders[1], note=note)).basic


def _tell(work: Work, resident: UUID, community: int, service: int) -> None:
    """Welcome somebody whose points came along."""
    if not service:
        return
    row = work.connection.execute(
        select(Person.id, Person.phone_cipher, Community.short_name)
        .join(Resident, Resident.person == Person.id)
        .join(Community, Community.code == Resident.community)
        .where(Resident.id == resident, Community.code == community),
    ).one()
    outbox.send(
        work,
        "move.done",
        key=str(resident),
        person=row.id,
        phone_cipher=row.phone_cipher,
        community=row.short_name,
        points=points(service),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRecords:
    """Two records of one person in one community: which one stays, and which one ends."""

    key: str
    keep: UUID
    drop: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The record that stays, and what it took over in centipoints."""

    resident: UUID
    service: int
    basic: int
    exists: bool


def merge_records(work: Work, command: MergeRecords) -> Merged:
    """Make one record of two: the points move, what was done stays with the record that ends.

    Raises what ``endings.merge`` and ``carry`` raise, ResidentUnknown, OrderOpen, Forbidden and
    NotInYourScope.
    """
    work.actor.require("resident.enter")
    end = work.connection.execute(
        select(ResidentEnd.successor, Resident.community)
        .join(Resident, Resident.id == ResidentEnd.resident)
        .where(ResidentEnd.resident == command.drop, ResidentEnd.successor == command.keep),
    ).first()
    if end is not None:
        work.actor.require("resident.enter", end.community)
        work.replayed()
        return Merged(resident=command.keep, service=0, basic=0, exists=True)
    if command.keep == command.drop:
        raise endings.SamePerson
    rows = {row.id: row for row in endings.current(work, [command.keep, command.drop])}
    keep, drop = rows[command.keep], rows[command.drop]
    work.actor.require("resident.enter", keep.community)
    work.actor.require("resident.enter", drop.community)
    _refuse_open_orders(work, [command.drop])
    emptied = endings.merge(work, keep, drop)
    source, target = (Holder(id=row.id, community=row.community) for row in (drop, keep))
    carried = carry(work, Carry(source=source, target=target, note=MERGED))
    basic, followed = carried.basic, [(drop.id, keep.id)]
    if emptied is not None:
        place = keep.community
        for old, new in endings.dead_follow(work, emptied, keep.household, [drop.id]):
            gone, there = (Holder(id=each, community=place) for each in (old, new))
            carry(work, Carry(source=gone, target=there, note=MERGED))
            followed.append((old, new))
        basic += _carry_household(work, (emptied, place), (keep.household, place), MERGED)
        followed.append((emptied, keep.household))
    _count_on(work, followed)
    return Merged(resident=keep.id, service=carried.service, basic=basic, exists=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """Carry what arrived in an account after its holder had gone on."""

    kind: HolderKind
    holder: UUID


def follow(work: Work, command: Follow) -> Carried:
    """Carry what is in the old account to the place that the person or the household has now."""
    kind, holder = command.kind, command.holder
    last = [holder, *following(work.connection, kind, holder)][-1]
    old, new = _way(work, kind, holder, last)
    return carry(work, Carry(source=old, target=new, note=MOVED))


class Wanted(Protocol):
    """An event that says what is to be taken of an account that may have been left."""

    @property
    def holder_kind(self) -> HolderKind:
        """Whose account: a resident's or a household's."""

    @property
    def holder_id(self) -> UUID:
        """The resident or the household as they were when the points came."""

    @property
    def points_kind(self) -> PointsKind:
        """Which account."""

    @property
    def amount(self) -> int:
        """Centipoints of the account's book."""

    @property
    def year(self) -> int | None:
        """When what is to be taken came; None: the oldest points."""

    @property
    def since(self) -> dt.datetime:
        """When they were the holder's: whoever lives in a household later is somebody else."""

    @property
    def note(self) -> str:
        """What the lines say."""

    @property
    def place(self) -> UUID | None:
        """Whose they are now; None: who the holder went on as."""

    @property
    def most(self) -> int | None:
        """At most so many centipoints of that place; None: whatever is free there."""


def bring_back(work: Work, event: Wanted) -> None:
    """Carry what is to be taken back to the account that it is taken from.

    Raises YearNotClosed or DayClosed.
    """
    kind, holder = event.holder_kind, event.holder_id
    went = went_with(work.connection, kind, holder, event.since)
    old, now = _way(work, kind, holder, event.place or [holder, *went][-1])
    if now.id == old.id:
        return
    fetch(
        work,
        Fetch(
            source=now,
            target=old,
            points_kind=event.points_kind,
            wanted=event.amount,
            year=event.year,
            note=event.note,
            most=event.most,
        ),
    )


def _way(work: Work, kind: HolderKind, holder: UUID, last: UUID) -> tuple[Holder, Holder]:
    """Return whose account was left, and another one of theirs."""
    table = Household if kind == "household" else Resident
    rows = work.connection.execute(
        select(table.id, table.community).where(table.id.in_([holder, last])),
    )
    places = {row.id: row.community for row in rows}
    face = faces(work.connection, work.day, places[holder], places[last])
    old, new = (
        Holder(id=each, community=places[each], kind=kind, face=face[places[each]])
        for each in (holder, last)
    )
    return old, new


def stranded(connection: Connection, kind: HolderKind, after: UUID, limit: int) -> Sequence[UUID]:
    """Return the next whose old accounts hold something that has not followed them.

    In a household that is lived in again it is theirs who live there now.
    """
    arrived = (
        select(Account.holder_id)
        .distinct()
        .where(
            Account.purpose == "holder",
            Account.credited > Account.debited,
            Account.holder_kind == kind,
            Account.holder_id > after,
        )
    )
    if kind == "household":
        left = arrived.where(gone_on(Account.holder_id))
    else:
        left = arrived.join(ResidentEnd, ResidentEnd.resident == Account.holder_id).where(
            ResidentEnd.successor.is_not(None)
        )
    return connection.scalars(left.order_by(Account.holder_id).limit(limit)).all()


def follow_residents(chunk: int = CHUNK) -> str:
    """Carry what was settled late or came back; what waits for a hold waits for another night."""
    followed = _follow("resident", chunk) + _follow("household", chunk)
    return f"followed {followed}"


def _follow(kind: HolderKind, chunk: int) -> int:
    followed, after = 0, NIL
    while True:
        with reading() as connection:
            waiting = stranded(connection, kind, after, chunk)
        for holder in waiting:
            with contextlib.suppress(PointsHeld):
                transact(follow, Follow(kind=kind, holder=holder))
                followed += 1
        if len(waiting) < chunk:
            return followed
        after = waiting[-1]
