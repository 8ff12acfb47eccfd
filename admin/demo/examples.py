"""The residents whose sign-ins are printed, their families, and what waits for each of them."""

from __future__ import annotations

import contextlib
import datetime as dt
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from sqlalchemy import Connection, select

from activities.entries import EnterByHand, enter_by_hand
from admin.demo.cast import Home, Member
from admin.demo.redeeming import fetch, order
from admin.demo.sessions import Wording, announce
from admin.demo.town import HOME, NEIGHBOUR, Builder, Citizen, Planned, Story, moment
from core.crypto import phone_index
from core.errors import AppError
from core.work import SHANGHAI
from exchange.orders import ApproveOrders, approve_orders
from residents.models import Person
from residents.modes import ChangeMode, change_mode


@dataclass(frozen=True, slots=True)
class Example:
    """Somebody to sign in as, and what there is to see then."""

    name: str
    phone: str
    note: str


MOTHER = Example(
    "陈丽娜", "19200009021", "one order to collect, one waiting, points on the way, a sign-up"
)
HUSBAND = Example("周建国", "19200009023", "one phone for two, so choose who")
ELDER = Example("张玉珍", "19200009024", "长辈版")
NEWCOMER = Example("周晓燕", "19200009100", "待核实")
EXAMPLES = (MOTHER, HUSBAND, ELDER, NEWCOMER)

WIFE, GRANDMOTHER, DAUGHTER, CHILD, FATHER = "吴美华", "林素珍", "林慧敏", "王子涵", "王志远"
ESTATE = "小营公寓"


def _lives(at: str, *members: tuple[str, str | None, int]) -> Home:
    building, unit, room = at.split("-")
    people = tuple(
        Member(name, phone, born, is_elder=born < 1966)  # noqa: PLR2004 - as of the others
        for name, phone, born in members
    )
    return Home(ESTATE, building, unit, room, people)


HOMES = (
    _lives(
        "3-2-401",
        (MOTHER.name, MOTHER.phone, 1986),
        (FATHER, "19200009022", 1984),
        (CHILD, None, 2015),
    ),
    _lives("3-1-102", (HUSBAND.name, HUSBAND.phone, 1952), (WIFE, HUSBAND.phone, 1954)),
    _lives("5-1-201", (ELDER.name, ELDER.phone, 1944)),
    _lives("5-2-302", (GRANDMOTHER, None, 1941), (DAUGHTER, "19200009025", 1969)),
)
"""Households of HOME that are written by hand."""

HABITS = {MOTHER.name: 0.3, HUSBAND.name: 0.2, WIFE: 0.2, ELDER.name: 0.2, GRANDMOTHER: 0.2}
SAVES = dt.timedelta(days=21)


def plan_examples(builder: Builder, story: Story, awake: dt.datetime) -> None:
    """Put on the agenda what the examples live through; ``awake``: when they were last up."""
    town = builder.towns[HOME]
    story.regulars |= {town.named(name).resident: share for name, share in HABITS.items()}
    mother, elder = town.named(MOTHER.name), town.named(ELDER.name)
    # What somebody is to order today they do not spend before.
    builder.plan(story.now - SAVES, partial(story.saving.add, mother.resident))
    builder.plan(
        story.now - dt.timedelta(days=40),
        lambda: builder.do(change_mode, ChangeMode(mode="elder"), story.actor(town, elder)),
    )
    builder.plan(awake - dt.timedelta(days=12), partial(_for_grandmother, builder, story))
    builder.plan(awake - dt.timedelta(hours=6), partial(_to_collect, builder, story, mother))
    builder.plan(
        awake - dt.timedelta(hours=1),
        partial(_cheapest, builder, story, mother, station=NEIGHBOUR),
    )
    day = awake.astimezone(SHANGHAI).date()
    builder.plan(
        moment(day - dt.timedelta(days=4), 9),
        partial(_garden, builder, story, (mother, elder), day),
    )


def _cheapest(
    builder: Builder, story: Story, citizen: Citizen, station: int, by: Citizen | None = None
) -> UUID | None:
    """Order the cheapest thing of a station that shelf and limits allow."""
    actor = story.actor(builder.towns[HOME], citizen, by)
    for item, _price in sorted(builder.towns[station].items, key=lambda each: each[1]):
        made = order(builder, actor, citizen, item)
        if made is not None:
            return made
    return None


def _to_collect(
    builder: Builder, story: Story, citizen: Citizen, by: Citizen | None = None
) -> UUID | None:
    """Order at home; the lead approves it within the hour, and it waits to be fetched."""
    made = _cheapest(builder, story, citizen, HOME, by)
    _staff, lead = builder.towns[HOME].working()
    if made is not None:
        later = builder.now + dt.timedelta(minutes=40)
        approve = ApproveOrders(orders=(made,))
        builder.plan(later, partial(builder.do, approve_orders, approve, lead))
    return made


def _for_grandmother(builder: Builder, story: Story) -> None:
    """Let the daughter order for her mother, who has no phone, and fetch it two days later."""
    town = builder.towns[HOME]
    made = _to_collect(builder, story, town.named(GRANDMOTHER), by=town.named(DAUGHTER))
    if made is not None:
        builder.plan(builder.now + dt.timedelta(days=2), partial(fetch, builder, town, made))


def _garden(builder: Builder, story: Story, helpers: tuple[Citizen, ...], day: dt.date) -> None:
    """Hold a session the day before, at which people helped whom staff wrote down late."""
    start = moment(day - dt.timedelta(days=1), 14)
    planned = announce(
        builder,
        builder.towns[HOME],
        story.templates["shared_garden"],
        start,
        2,
        Wording(place="屋顶菜园"),
    )
    late = planned.ends_at + dt.timedelta(minutes=50)
    for citizen in helpers:
        builder.plan(late, partial(_write_down_late, builder, planned, citizen))


def _write_down_late(builder: Builder, planned: Planned, citizen: Citizen) -> None:
    """Enter hours when it is long over: they are on the way until a second person confirms."""
    staff, _lead = planned.town.working()
    command = EnterByHand(
        session=planned.session,
        resident=citizen.resident,
        part="serve",
        entry=planned.starts_at,
        exit=planned.ends_at,
        reason="手机没电，同组的人可以证明",
    )
    with contextlib.suppress(AppError):
        builder.do(enter_by_hand, command, staff)


def example_residents(connection: Connection) -> list[tuple[str, str]]:
    """Return name and number of the examples; a demonstration of an older version has others."""
    indexes = {phone_index(each.phone): each for each in EXAMPLES}
    query = select(Person.name, Person.phone_index).where(Person.phone_index.in_(list(indexes)))
    known = {(row.name, row.phone_index) for row in connection.execute(query)}
    return [
        (each.name, each.phone) for index, each in indexes.items() if (each.name, index) in known
    ]
