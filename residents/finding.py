"""Whom a device or a list from elsewhere means: by a whole address, or by name and whole number."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ARRAY, and_, bindparam, func, join, literal, or_, select, tuple_
from sqlalchemy.orm import aliased

from core.crypto import PhoneMalformed, normal_phone, phone_index
from core.many import among, among_given
from residents.homes import gone_on, is_over
from residents.models import Dwelling, Household, Person, Resident, ResidentEnd
from residents.people import NameMissing, checked_name

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Row, Select
    from sqlalchemy.orm import InstrumentedAttribute

CHUNK = 100

_before, _after = aliased(Resident), aliased(Resident)
_LED_TO = (
    select(_before.household, func.max(ResidentEnd.recorded_at).label("left"))
    .select_from(join(ResidentEnd, _before, _before.id == ResidentEnd.resident))
    .join(_after, _after.id == ResidentEnd.successor)
    .where(
        _after.household.in_(bindparam("v_households", expanding=True)),
        ResidentEnd.household_follows,
    )
    .group_by(_before.household)
)


def following(
    connection: Connection, kind: str, holder: UUID, since: dt.datetime | None = None
) -> list[UUID]:
    """Return where a resident's or a household's points and counts went, and went on, in order.

    A household is asked about as it was at a moment: those who lived in it again went their own
    way. Without a moment they are asked about who left it last.
    """
    found: list[UUID] = []
    place, moment = holder, since
    while (step := _step(connection, kind, place, moment)) is not None:
        place = step.place
        if kind == "household":
            moment = step.recorded_at + dt.timedelta.resolution
        found.append(place)
    return found


def went_with(connection: Connection, kind: str, holder: UUID, since: dt.datetime) -> list[UUID]:
    """Return where the points went that were a resident's, or a household's at a moment.

    What comes to a household that has gone on, and that nobody came to since, follows it.
    """
    if kind != "household":
        return following(connection, kind, holder)
    went = following(connection, kind, holder, since)
    left = select(Household.id).where(Household.id == holder, gone_on(Household.id))
    if went or connection.execute(left).first() is None:
        return went
    return following(connection, kind, holder)


def _step(
    connection: Connection, kind: str, holder: UUID, since: dt.datetime | None
) -> Row[UUID, dt.datetime] | None:
    """Return where they went next after a moment, or where the last of them went."""
    query = _next(of_household=kind == "household", last=since is None)
    return connection.execute(query, {"v_holder": holder, "v_since": since}).first()


@lru_cache
def _next(*, of_household: bool, last: bool) -> Select[UUID, dt.datetime]:
    when = ResidentEnd.recorded_at
    query = (
        select((_after.household if of_household else _after.id).label("place"), when)
        .select_from(join(ResidentEnd, _before, _before.id == ResidentEnd.resident))
        .join(_after, _after.id == ResidentEnd.successor)
    )
    if of_household:
        query = query.where(
            _before.household == bindparam("v_holder"), ResidentEnd.household_follows
        )
    else:
        query = query.where(_before.id == bindparam("v_holder"))
    if not last:
        query = query.where(when >= bindparam("v_since"))
    elif of_household:
        query = query.order_by(when.desc())
    return query.order_by(when).limit(1)


def kin(connection: Connection, residents: Iterable[UUID]) -> dict[UUID, set[UUID]]:
    """Return all places whose points go where these residents' points go, their own among them.

    A question for each step of all: first on to where they end, then back to all that lead there.
    """
    last = {resident: resident for resident in residents}
    going = last
    while going:
        steps = dict(_steps(connection, ResidentEnd.resident, set(going.values())))
        going = {who: steps[place] for who, place in going.items() if place in steps}
        last = last | going
    goes = {place: place for place in last.values()}
    later: Collection[UUID] = goes
    while later:
        led = _steps(connection, ResidentEnd.successor, later)
        before = {place: goes[successor] for place, successor in led}
        goes |= before
        later = before
    places: dict[UUID, set[UUID]] = {}
    for place, end in goes.items():
        places.setdefault(end, set()).add(place)
    return {resident: places[place] for resident, place in last.items()}


@lru_cache
def _stepping(column: InstrumentedAttribute[Any], *, is_sqlite: bool) -> Select[UUID, UUID | None]:
    return select(ResidentEnd.resident, ResidentEnd.successor).where(
        among_given(column, "v_places", is_sqlite=is_sqlite), ResidentEnd.successor.is_not(None)
    )


def _steps(
    connection: Connection, column: InstrumentedAttribute[Any], places: Collection[UUID]
) -> list[tuple[UUID, UUID]]:
    """Return places with those that follow them, where one of these is in the column."""
    wanted = sorted(places)
    found: list[tuple[UUID, UUID]] = []
    for start in range(0, len(wanted), CHUNK):
        rows = connection.execute(
            _stepping(column, is_sqlite=connection.dialect.name == "sqlite"),
            {"v_places": wanted[start : start + CHUNK]},
        )
        found += [(row.resident, row.successor) for row in rows]
    return found


def leading(connection: Connection, households: Collection[UUID]) -> dict[UUID, dt.datetime]:
    """Return the households that went on into these, and when each of them did."""
    found: dict[UUID, dt.datetime] = {}
    later = set(households)
    while later:
        rows = connection.execute(_LED_TO, {"v_households": later})
        known = {*households, *found}
        new = {row.household: row.left for row in rows if row.household not in known}
        found |= new
        later = set(new)
    return found


def households_at(
    connection: Connection, homes: Iterable[tuple[int, str]]
) -> dict[tuple[int, str], tuple[UUID, ...]]:
    """Return the households at each (community, address): one dwelling may hold several."""
    asked = {home: (home[0], plain_address(home[1])) for home in homes}
    wanted = sorted(set(asked.values()))
    found: dict[tuple[int, str], list[UUID]] = {}
    for start in range(0, len(wanted), CHUNK):
        rows = connection.execute(
            select(Household.id, Dwelling.community, Dwelling.address)
            .join(Dwelling, Dwelling.id == Household.dwelling)
            .where(~is_over(Household.id), _at(connection, wanted[start : start + CHUNK])),
        )
        for row in rows:
            found.setdefault((row.community, row.address), []).append(row.id)
    return {home: tuple(found.get(plain, ())) for home, plain in asked.items()}


def _at(connection: Connection, homes: Sequence[tuple[int, str]]) -> ColumnElement[bool]:
    """Tell the dwellings at these addresses; PostgreSQL takes them as two arrays."""
    if connection.dialect.name == "sqlite":
        return or_(
            *(
                and_(Dwelling.community == community, Dwelling.address == address)
                for community, address in homes
            ),
        )
    codes, words = zip(*homes, strict=True)
    pairs = func.unnest(
        literal(list(codes), ARRAY(Dwelling.community.type)),
        literal(list(words), ARRAY(Dwelling.address.type)),
    ).table_valued("community", "address")
    return tuple_(Dwelling.community, Dwelling.address).in_(select(pairs.render_derived()))


def plain_address(words: str) -> str:
    """Return an address in the one spelling: half-width, one space before the numbers."""
    return " ".join(unicodedata.normalize("NFKC", words).split())


def residents_named(
    connection: Connection, people: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], UUID]:
    """Return who lives here today, by (name, number) as typed; a part of a number finds nobody."""
    asked: dict[tuple[str, str], tuple[str, str]] = {}
    for name, phone in people:
        try:
            asked[name, phone] = (checked_name(name), phone_index(normal_phone(phone)))
        except (NameMissing, PhoneMalformed):
            continue
    wanted = sorted(set(asked.values()))
    found: dict[tuple[str, str], UUID] = {}
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        rows = connection.execute(
            select(Resident.id, Person.name, Person.phone_index)
            .join(Person, Person.id == Resident.person)
            .where(
                Resident.valid_to.is_(None),
                among(connection, Person.phone_index, [index for _name, index in chunk]),
            ),
        )
        found |= {(row.name, row.phone_index): row.id for row in rows}
    return {pair: found[plain] for pair, plain in asked.items() if plain in found}
