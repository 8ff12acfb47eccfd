"""Before the first day: places, phones, people, the staff of each community, stations and goods."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from admin.demo.cast import Cast, Home
from admin.demo.examples import HOMES
from admin.demo.town import HOME, NEIGHBOUR, Builder, Citizen, Town
from core.acts import Actor, Role
from core.config import ROOT
from core.work import reading
from exchange.models import ItemTemplate
from exchange.stations import AddItem, OpenStation, add_item, open_station
from exchange.stock import ReceiveStock, receive_stock
from residents.addresses import Address
from residents.grants import (
    Admin,
    Bootstrap,
    ConfirmGrant,
    GrantRole,
    bootstrap,
    confirm_grant,
    grant_role,
)
from residents.lists import ImportResidents, import_residents
from residents.models import Grant
from residents.people import EnterResident
from residents.places import ImportPlaces, SetPhone, import_places, read_rows, set_phone
from residents.queries import places

DISTRICT = 330102000000
LOOKED_AT = {HOME: 96, NEIGHBOUR: 48}
"""Households of the two communities that are looked at most; the others have five or six."""
STATIONS_EVERY = 2
ITEMS = 6
ADMINS = (Admin(name="林海", phone="19200009001"), Admin(name="吴敏", phone="19200009002"))
STAFF: tuple[tuple[str, str, Role], ...] = (
    ("沈晓琳", "19200009003", "staff"),
    ("赵建平", "19200009004", "lead"),
    ("孙莉莉", "19200009005", "keeper"),
)
OTHERS = "陈张王李周何徐高林罗"


def load_places(builder: Builder) -> None:
    """Load Shangcheng and give the district and its communities numbers to call."""
    rows = read_rows(ROOT / "data" / "hangzhou_divisions.csv")
    builder.do(import_places, ImportPlaces(rows=rows, district="330102"))
    builder.do(set_phone, SetPhone(place=DISTRICT, phone="0571-8700 0000"))
    with reading() as connection:
        found = places(connection)
    for index, place in enumerate(found):
        builder.towns[place.code] = Town(
            place.code, place.display_name, place.subdistrict, place.kind == "village"
        )
        if place.code in {HOME, NEIGHBOUR} or index % 10 == 0:
            number = f"0571-8700 {100 + index:04d}"
            builder.do(set_phone, SetPhone(place=place.code, phone=number))


def appoint(builder: Builder) -> None:
    """Make the two admins, who then give every community a staff member and a lead."""
    builder.do(bootstrap, Bootstrap(admins=ADMINS))
    with reading() as connection:
        admins = connection.execute(select(Grant.person, Grant.place)).all()
    first, second = (
        Actor(person=row.person, role="district_admin", scope_kind="district", place=row.place)
        for row in admins
    )
    reader = GrantRole(
        name="钱伟民", phone="19200009006", role="subdistrict_reader", place=HOME // 1000 * 1000
    )
    builder.do(grant_role, reader, first)
    auditor = builder.do(
        grant_role,
        GrantRole(name="郑毅", phone="19200009007", role="auditor", place=DISTRICT),
        first,
    )
    builder.do(confirm_grant, ConfirmGrant(grant=auditor.id), second)
    for index, town in enumerate(builder.towns.values()):
        names = STAFF if town.code == HOME else _names(index)
        for name, phone, role in names:
            granted = builder.do(
                grant_role,
                GrantRole(name=name, phone=phone, role=role, place=town.code),
                first,
            )
            actor = Actor(
                person=granted.person,
                role=role,
                scope_kind="community",
                place=town.code,
                name=name,
            )
            town.staff = actor if role == "staff" else town.staff
            town.lead = actor if role == "lead" else town.lead


def _names(index: int) -> tuple[tuple[str, str, Role], ...]:
    surname, other = OTHERS[index % len(OTHERS)], OTHERS[(index + 3) % len(OTHERS)]
    return (
        (f"{surname}静", f"1920001{index:04d}", "staff"),
        (f"{other}国平", f"1920002{index:04d}", "lead"),
    )


def move_in(builder: Builder) -> None:
    """Let staff import the residents of each community from a list."""
    cast = Cast(builder.dice)
    for index, town in enumerate(builder.towns.values()):
        count = LOOKED_AT.get(town.code, 5 + index % 2)
        homes = list(cast.homes(count, village=town.is_village))
        if town.code == HOME:
            homes = [*HOMES, *homes]
        rows = [
            (home, member.name, member.phone, member.birth_year, member)
            for home in homes
            for member in home.members
        ]
        command = ImportResidents(
            community=town.code,
            rows=tuple(
                EnterResident(
                    community=town.code,
                    name=name,
                    phone=phone,
                    birth_year=year,
                    address=_address(home),
                )
                for home, name, phone, year, _member in rows
            ),
        )
        staff, _lead = town.working()
        done = builder.do(import_residents, command, staff)
        for result, (_home, name, phone, year, member) in zip(done.rows, rows, strict=True):
            if result.resident is None or result.household is None:
                continue
            town.citizens.append(
                Citizen(
                    result.resident,
                    result.household,
                    name,
                    phone,
                    member.is_elder,
                    year > builder.now.year - 14,
                ),
            )


def _address(home: Home) -> Address:
    return Address(estate=home.estate, building=home.building, unit=home.unit, room=home.room)


def open_stations(builder: Builder) -> None:
    """Open a station in every second community, with goods of its choice on the shelf."""
    with reading() as connection:
        templates = connection.execute(
            select(
                ItemTemplate.key, ItemTemplate.name, ItemTemplate.stock_default, ItemTemplate.price
            )
            .where(ItemTemplate.stock_default.is_not(None))
            .order_by(ItemTemplate.position),
        ).all()
    for index, town in enumerate(builder.towns.values()):
        if index % STATIONS_EVERY and town.code not in {HOME, NEIGHBOUR}:
            continue
        staff, _lead = town.working()
        builder.do(
            open_station,
            OpenStation(
                community=town.code,
                name=f"{town.name}积分驿站",
                address=f"{town.name}党群服务中心一楼",
                hours="周一到周六 9:00–17:00",
            ),
            staff,
        )
        count = len(templates) if town.code == HOME else ITEMS
        for template in builder.dice.sample(templates, min(count, 2 * ITEMS)):
            item = builder.do(add_item, AddItem(community=town.code, template=template.key), staff)
            builder.do(
                receive_stock,
                ReceiveStock(
                    key=f"first:{item.id}",
                    item=item.id,
                    quantity=int(template.stock_default),
                ),
                staff,
            )
            town.items.append((item.id, int(template.price)))


def settle_in(builder: Builder) -> None:
    """Do all that comes before the first day."""
    load_places(builder)
    appoint(builder)
    move_in(builder)
    open_stations(builder)
    builder.go(builder.now + dt.timedelta(hours=1))


def admins() -> list[Actor]:
    """Return the two admins of the district, as their sign-ins stand for them."""
    with reading() as connection:
        query = select(Grant.person).where(Grant.role == "district_admin").order_by(Grant.id)
        return [
            Actor(person=person, role="district_admin", scope_kind="district", place=DISTRICT)
            for person in connection.scalars(query)
        ]
