"""Today: what is going on right now, so that every page has something to do."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from sqlalchemy import select

from activities.publish import Part
from activities.signup import ForResident, sign_up
from admin.demo.examples import (
    DAUGHTER,
    GRANDMOTHER,
    HUSBAND,
    MOTHER,
    NEWCOMER,
    WIFE,
    plan_examples,
)
from admin.demo.feeding import plan_feeds
from admin.demo.neighbours import help_each_other
from admin.demo.rating import plan_rates
from admin.demo.redeeming import order
from admin.demo.registering import come_in, plan_people
from admin.demo.sessions import Guest, Wording, announce, scan
from admin.demo.town import HOME, NEIGHBOUR, Builder, Citizen, Planned, Story, Town, moment
from core.errors import AppError
from core.work import SHANGHAI, reading
from exchange.orders import ApproveOrders, approve_orders
from points.accounts import resident_account
from points.models import Account

WAITING = 12
READY = 4
ORDERED_IN = dt.timedelta(hours=5)

WAKING = range(8, 21)
"""Hours of Hangzhou in which people and staff are about."""

STAYED_AWAY = 4


@dataclass(frozen=True, slots=True)
class Show:
    """A session that is there to be looked at, from a template; ``signed_up``: by part."""

    template: str
    wording: Wording
    signed_up: tuple[tuple[Part, int], ...]


FAIR = Show("service_fair", Wording("", "文化家园", 20), (("take_part", 10), ("serve", 8)))
NIGHT = Show(
    "book_swap", Wording("图书漂流夜场", "书房（24 小时）", 6), (("take_part", 7), ("serve", 2))
)
"""Of what the templates offer, only books are swapped all through the night."""

TO_COME = (
    (1, 14, Show("phone_class", Wording("", "文化家园", 6), (("take_part", 3), ("serve", 1)))),
    (2, 19, Show("round_table", Wording("", "议事厅", 2), (("take_part", 6), ("serve", 1)))),
    (3, 11, Show("elder_meal", Wording("", "老年食堂", 6), (("serve", 4),))),
)
"""Days ahead, hour, and what there will be."""


def going_on(hour: int) -> Show:
    """Return what goes on at an hour: by day a fair, else the room of books that never closes."""
    return FAIR if hour in WAKING[:-1] else NIGHT


def last_awake(now: dt.datetime) -> dt.datetime:
    """Return the last moment at which people were about."""
    local = now.astimezone(SHANGHAI)
    if local.hour in WAKING:
        return now
    day = local.date() - dt.timedelta(days=int(local.hour < WAKING.start))
    return moment(day, 20, 30)


def plan_today(builder: Builder, story: Story) -> None:
    """Put on the agenda what brings the two communities to this very moment."""
    awake = last_awake(story.now)
    plan_people(builder, story, awake)
    plan_examples(builder, story, awake)
    plan_rates(builder, awake)
    plan_feeds(builder, awake)
    for code in (HOME, NEIGHBOUR):
        town = builder.towns[code]
        _plan_orders(builder, story, town, WAITING if code == HOME else READY, awake)
        at = moment(story.today - dt.timedelta(days=3), 9)
        builder.plan(at, partial(_announce, builder, story, town))
    builder.plan(awake - dt.timedelta(hours=3), partial(help_each_other, builder))


def _plan_orders(
    builder: Builder, story: Story, town: Town, waiting: int, awake: dt.datetime
) -> None:
    """Let orders wait for approval, and some for being fetched."""
    made: list[UUID] = []
    orders = _orders(builder, story, town)
    for number in range(READY + waiting):
        at = awake - ORDERED_IN + ORDERED_IN * number / (READY + waiting)
        builder.plan(at, lambda: made.extend(next(orders, ())))

    def approve() -> None:
        _staff, lead = town.working()
        if made:
            builder.do(approve_orders, ApproveOrders(orders=tuple(made[:READY])), lead)

    builder.plan(awake - dt.timedelta(minutes=15), approve)


def _orders(builder: Builder, story: Story, town: Town) -> Iterator[tuple[UUID]]:
    """Order one thing after the other; two of three buyers are neighbours of the station."""
    candidates = [
        (home, citizen)
        for home in builder.towns.values()
        for citizen in home.citizens
        if citizen.phone is not None and citizen.resident not in story.saving
    ]
    builder.dice.shuffle(candidates)
    candidates.sort(key=lambda each: each[0] is not town and builder.dice.random() < 0.98)  # noqa: PLR2004
    balances = _balances(candidates)
    for home, citizen in candidates:
        has = balances.get(citizen.resident, 0)
        items = [item for item, price in town.items if price * 5 // 4 <= has]
        if items:
            actor = story.actor(home, citizen)
            made = order(builder, actor, citizen, builder.dice.choice(items))
            if made is not None:
                yield (made,)


def _balances(people: list[tuple[Town, Citizen]]) -> dict[UUID, int]:
    accounts = {
        resident_account(citizen.resident, home.code, "service"): citizen.resident
        for home, citizen in people
    }
    found: dict[UUID, int] = {}
    keys = list(accounts)
    with reading() as connection:
        for start in range(0, len(keys), 500):
            rows = connection.execute(
                select(Account.id, Account.credited - Account.debited - Account.held).where(
                    Account.id.in_(keys[start : start + 500]),
                ),
            )
            found |= {accounts[row[0]]: int(row[1]) for row in rows}
    return found


def _announce(builder: Builder, story: Story, town: Town) -> None:
    """Publish the session that goes on at the moment of building, and those of the coming days."""
    local = story.now.astimezone(SHANGHAI).replace(minute=0, second=0, microsecond=0)
    start = (local - dt.timedelta(minutes=30)).astimezone(dt.UTC)
    now_on = going_on(local.hour)
    current = announce(builder, town, story.templates[now_on.template], start, 3, now_on.wording)
    guests = _sign_up(builder, story, current, now_on)
    for number, guest in enumerate(guests[STAYED_AWAY:]):
        arrival = start + dt.timedelta(minutes=number % 20 - 8)
        builder.plan(arrival, partial(scan, builder, current, guest, "entry"))
    if town.code == HOME:
        builder.plan(start + dt.timedelta(minutes=14), partial(_newcomer, builder, story, current))
    for days, hour, show in TO_COME:
        at = moment(story.today + dt.timedelta(days=days), hour)
        planned = announce(builder, town, story.templates[show.template], at, 2, show.wording)
        _sign_up(builder, story, planned, show)
        if town.code == HOME and days == 1:
            _examples_sign_up(builder, story, planned)


def _sign_up(builder: Builder, story: Story, planned: Planned, show: Show) -> list[Guest]:
    """Let people sign up for the parts, a few each hour; return them, helpers in between."""
    town = planned.town
    parts = [part for part, many in show.signed_up for _each in range(many)]
    builder.dice.shuffle(parts)
    people = [each for each in town.citizens if each.phone and each.resident not in story.saving]
    guests = [
        Guest(story.actor(town, citizen), citizen, part, planned.starts_at)
        for part, citizen in zip(parts, builder.dice.sample(people, len(parts)), strict=True)
    ]
    for number, guest in enumerate(guests, start=1):
        _ask(builder, planned, guest, builder.now + dt.timedelta(hours=1.5 * number))
    return guests


def _ask(builder: Builder, planned: Planned, guest: Guest, at: dt.datetime) -> None:
    wanted = ForResident(session=planned.session, part=guest.part, resident=guest.citizen.resident)

    def ask() -> None:
        with contextlib.suppress(AppError):
            builder.do(sign_up, wanted, guest.actor)

    builder.plan(at, ask)


def _examples_sign_up(builder: Builder, story: Story, planned: Planned) -> None:
    """Let those whose sign-ins are printed come tomorrow; a daughter asks for her mother."""
    town = planned.town
    by = {GRANDMOTHER: town.named(DAUGHTER)}
    parts: dict[str, Part] = {MOTHER.name: "serve", GRANDMOTHER: "take_part"}
    for name in (MOTHER.name, HUSBAND.name, WIFE, GRANDMOTHER):
        citizen = town.named(name)
        actor = story.actor(town, citizen, by.get(name))
        guest = Guest(actor, citizen, parts.get(name, "take_part"), planned.starts_at)
        _ask(builder, planned, guest, builder.now + dt.timedelta(hours=11))


def _newcomer(builder: Builder, story: Story, current: Planned) -> None:
    """Register on the way in, from the code of the screen, and be checked in."""
    town = current.town
    citizen = come_in(builder, story, town, NEWCOMER.name, NEWCOMER.phone)
    guest = Guest(story.actor(town, citizen), citizen, "take_part", builder.now)
    scan(builder, current, guest, "entry")
