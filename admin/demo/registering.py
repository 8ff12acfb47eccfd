"""Who comes in over the months: newcomers, households nobody knows, and who acts for whom."""

from __future__ import annotations

import datetime as dt
from functools import partial

from admin.demo.examples import CHILD, DAUGHTER, ESTATE, FATHER, GRANDMOTHER, NEWCOMER
from admin.demo.town import HOME, NEIGHBOUR, Builder, Citizen, Story, Town
from residents.addresses import Address
from residents.people import (
    ConfirmResident,
    EnterHousehold,
    Register,
    confirm_resident,
    enter_household,
    register,
)
from residents.representations import Represent, represent

CONFIRMED = (("范文斌", 52), ("陆佩佩", 38), ("崔浩然", 24), ("石颖", 11))
"""Who registered by themselves, and how many days ago; staff met them the day after."""

UNCONFIRMED = (NEWCOMER.name, "吴思远", "孙玉兰")
"""Who registered today, and whom nobody has met."""

UNKNOWN = (("3", "2", "402"), ("3", "3", "101"), ("5", "1", "301"))
"""Doors at which nobody has told a name: their waste is looked at all the same."""

ACTED_FOR = ((GRANDMOTHER, DAUGHTER, "family"), (CHILD, FATHER, "guardian"))


def plan_people(builder: Builder, story: Story, awake: dt.datetime) -> None:
    """Put on the agenda who registers, whom staff enter, and who comes to act for somebody."""
    town = builder.towns[HOME]
    for days, deed in ((88, _enter_unknown), (45, _let_act)):
        builder.plan(awake - dt.timedelta(days=days), partial(deed, builder, story))
    for index, (name, days) in enumerate(CONFIRMED):
        phone = f"1920000{9110 + index}"
        at = awake - dt.timedelta(days=days)
        builder.plan(at, partial(_register_and_confirm, builder, story, town, name, phone))
    for index, name in enumerate(UNCONFIRMED):
        phone = f"1920000{9100 + index}"
        # The first comes to the session that goes on, and is told there.
        at = awake - dt.timedelta(hours=4, minutes=-25 * index)
        if name != NEWCOMER.name:
            builder.plan(at, partial(come_in, builder, story, town, name, phone))


def come_in(builder: Builder, story: Story, town: Town, name: str, phone: str) -> Citizen:
    """Register by oneself, as from a scanned code or the sign-in page."""
    command = Register(phone=phone, name=name, community=town.code, consent=True, is_fourteen=True)
    done = builder.do(register, command)
    story.persons[done.resident] = done.person
    return Citizen(done.resident, done.household, name, phone, is_elder=False, is_child=False)


def _register_and_confirm(
    builder: Builder, story: Story, town: Town, name: str, phone: str
) -> None:
    citizen = come_in(builder, story, town, name, phone)
    staff, _lead = town.working()

    def confirm() -> None:
        builder.do(confirm_resident, ConfirmResident(resident=citizen.resident), staff)
        town.citizens.append(citizen)

    builder.plan(builder.now + dt.timedelta(hours=20), confirm)


def _enter_unknown(builder: Builder, _story: Story) -> None:
    for code in (HOME, NEIGHBOUR):
        town = builder.towns[code]
        staff, _lead = town.working()
        for building, unit, room in UNKNOWN:
            estate = ESTATE if code == HOME else f"{town.name.removesuffix('社区')}新村"
            address = Address(estate=estate, building=building, unit=unit, room=room)
            done = builder.do(
                enter_household, EnterHousehold(community=code, address=address), staff
            )
            town.unknown.append(done.household)


def _let_act(builder: Builder, story: Story) -> None:
    """Write down who acts for whom: what they signed was seen at the desk."""
    town = builder.towns[HOME]
    staff, _lead = town.working()
    pairs = [(town.named(one), town.named(other), kind) for one, other, kind in ACTED_FOR]
    pairs += [(child, adult, "guardian") for child, adult in _families(town)[:4]]
    for principal, agent, kind in pairs:
        people = story.persons[principal.resident], story.persons[agent.resident]
        builder.do(represent, Represent(principal=people[0], agent=people[1], kind=kind), staff)


def _families(town: Town) -> list[tuple[Citizen, Citizen]]:
    """Return children with a parent who has a phone, those of the examples excepted."""
    return [
        (child, adult)
        for child in town.citizens
        if child.is_child and child.name != CHILD
        for adult in [_parent(town, child)]
        if adult is not None
    ]


def _parent(town: Town, child: Citizen) -> Citizen | None:
    family = (each for each in town.citizens if each.household == child.household)
    return next((each for each in family if each.phone and not each.is_child), None)
