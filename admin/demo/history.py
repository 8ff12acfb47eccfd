"""The months before today, day by day: activities, sheets, nights, orders, pick-ups."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from functools import partial

from sqlalchemy import select

from activities.jobs import close_sessions
from activities.models import ActivityTemplate
from admin.demo.correcting import post_lists
from admin.demo.redeeming import collect, redeem, restock
from admin.demo.sessions import announce, take_place
from admin.demo.town import HOME, NEIGHBOUR, Builder, Story, Town, moment
from core import outbox
from core.work import business_day, reading
from exchange.orders import lapse_orders
from points.closing import close_days, fold_deltas
from points.earning.acts import RecordAct, record_act
from points.earning.awards import ConfirmAwards, confirm_awards
from points.proof.sealing import seal_days
from points.settlement import settle_due
from residents.models import Resident

DAYS = 91
AHEAD = 10
HOURS = ((9, 2), (14, 2), (9, 3), (15, 1), (18, 2))
SESSIONS_A_DAY = 5
RESTOCKED_ON = 2
"""Wednesdays."""

VISITS = {20: ("safety.home_check", 0.7), 60: ("survey.answer", 0.5)}
"""Days on which staff go from door to door, what for, and the share that is at home."""


def begin(builder: Builder, now: dt.datetime) -> Story:
    """Read what the story needs to know of templates and people."""
    story = Story(today=business_day(now), now=now)
    with reading() as connection:
        templates = select(ActivityTemplate.__table__).order_by(ActivityTemplate.position)
        story.templates = {row.key: row for row in connection.execute(templates)}
        people = select(Resident.id, Resident.person)
        story.persons = {row.id: row.person for row in connection.execute(people)}
    for ahead in range(2, AHEAD):
        _publish(builder, story, story.today - dt.timedelta(days=DAYS - ahead))
    return story


def tell(builder: Builder, story: Story) -> Iterator[dt.date]:
    """Live through the days before today, and today so far; yields each day as it passes."""
    for number in range(DAYS + 1):
        day = story.today - dt.timedelta(days=DAYS - number)
        _night(builder, day)
        for planned in story.planned.pop(day, []):
            take_place(builder, story, planned)
        if day < story.today:
            _plan(builder, story, day)
        if number in VISITS:
            builder.plan(moment(day, 17), partial(_visit, builder, day, *VISITS[number]))
        builder.live(moment(day + dt.timedelta(days=1), 0))
        yield day


def _plan(builder: Builder, story: Story, day: dt.date) -> None:
    """Put on the agenda what staff and residents do on any day."""
    later = day + dt.timedelta(days=AHEAD)
    builder.plan(moment(day, 8, 30), partial(_publish, builder, story, later))
    builder.plan(moment(day, 9), partial(post_lists, builder, day))
    builder.plan(moment(day, 10), partial(collect, builder, story, day))
    builder.plan(moment(day, 10, 20), partial(redeem, builder, story, day))
    if day.weekday() == RESTOCKED_ON:
        builder.plan(moment(day, 16), partial(restock, builder, day))


def _night(builder: Builder, day: dt.date) -> None:
    """Close the day before, settle what is due, fold, and send what waits."""
    builder.at(day, 0, 35)
    close_days()
    seal_days()
    builder.at(day, 2, 1)
    settle_due()
    fold_deltas()
    lapse_orders()
    close_sessions()
    outbox.deliver_due()
    builder.calls += 6


def _visit(builder: Builder, day: dt.date, rule: str, share: float) -> None:
    """Let staff of the two communities record an act of each household that they find at home."""
    for code in (HOME, NEIGHBOUR):
        town = builder.towns[code]
        staff, lead = town.working()
        known = dict.fromkeys(citizen.household for citizen in town.citizens)
        found = [household for household in known if builder.dice.random() <= share]
        # Behind the doors that nobody knows somebody always opens: they are an example.
        for household in [*found, *town.unknown]:
            act = RecordAct(
                key=f"{rule}:{household}",
                community=code,
                rule=rule,
                holder_kind="household",
                holder_id=household,
                units=1,
                day=day,
            )
            made = builder.do(record_act, act, staff)
            if made.id is not None and made.due is None:
                builder.do(confirm_awards, ConfirmAwards(awards=(made.id,)), lead)


def _pick(builder: Builder, count: int) -> list[Town]:
    """Choose communities; the two that are looked at most come up often."""
    towns = list(builder.towns.values())
    chosen = builder.dice.sample(towns, count)
    for code, share in ((HOME, 0.8), (NEIGHBOUR, 0.5)):
        if builder.dice.random() < share and builder.towns[code] not in chosen:
            chosen.append(builder.towns[code])
    return chosen


def _publish(builder: Builder, story: Story, day: dt.date) -> None:
    templates = list(story.templates.values())
    for town in _pick(builder, SESSIONS_A_DAY):
        template = builder.dice.choice(templates)
        hour, length = builder.dice.choice(HOURS)
        length = max(length, -(-template.duration_minutes // 60))
        planned = announce(builder, town, template, moment(day, hour), length)
        story.planned.setdefault(day, []).append(planned)
