"""The months before today, day by day: activities, sheets, nights, orders, pick-ups."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import select

from activities.entries import EnterSheet, SheetRow, enter_sheet
from activities.jobs import close_sessions
from activities.models import ActivityTemplate
from activities.publish import PartOffered, PublishActivity, publish_activity
from admin.demo.correcting import post_lists
from admin.demo.redeeming import collect, redeem, restock
from admin.demo.town import HOME, NEIGHBOUR, Builder, Citizen, Planned, Story, Town
from core import outbox
from core.work import SHANGHAI, reading
from exchange.orders import lapse_orders
from points.closing import close_days, fold_deltas
from points.earning.acts import RecordAct, record_act
from points.earning.awards import ConfirmAwards, confirm_awards
from points.proof.sealing import seal_days
from points.settlement import settle_due
from residents.models import Resident

if TYPE_CHECKING:
    from sqlalchemy import Row

DAYS = 91
AHEAD = 10
HOURS = ((9, 2), (14, 2), (9, 3), (15, 1), (18, 2))
SESSIONS_A_DAY = 5
TAKERS = 9
RESTOCKED_ON = 2
"""Wednesdays."""

CROWD = 40
"""Communities with more residents than this have fuller sessions."""

VISITS = {20: ("safety.home_check", 0.7), 60: ("survey.answer", 0.5)}
"""Days on which staff go from door to door, what for, and the share that is at home."""


def tell(builder: Builder, today: dt.date, now: dt.datetime) -> Iterator[dt.date]:
    """Live through the days before today, and today so far; yields each day as it passes."""
    story = Story(today=today)
    with reading() as connection:
        story.templates = list(
            connection.execute(
                select(ActivityTemplate.__table__).order_by(ActivityTemplate.position),
            ),
        )
        story.persons = {
            row.id: row.person for row in connection.execute(select(Resident.id, Resident.person))
        }
    first = today - dt.timedelta(days=DAYS)
    for ahead in range(2, AHEAD):
        _publish(builder, story, first + dt.timedelta(days=ahead))
    for number in range(DAYS):
        day = first + dt.timedelta(days=number)
        _night(builder, day)
        builder.at(day, 8, 30)
        _publish(builder, story, day + dt.timedelta(days=AHEAD))
        post_lists(builder, day)
        collect(builder, story, day)
        redeem(builder, story, day)
        _hold_sessions(builder, story, day)
        if day.weekday() == RESTOCKED_ON:
            restock(builder, day)
        if number in VISITS:
            _visit(builder, day, *VISITS[number])
        yield day
    _night(builder, today)
    over = now - dt.timedelta(minutes=20)
    story.planned[today] = [each for each in story.planned.get(today, []) if each.ends_at < over]
    _hold_sessions(builder, story, today)


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
    builder.at(day, 17)
    for code in (HOME, NEIGHBOUR):
        town = builder.towns[code]
        staff, _lead = town.working()
        for household in dict.fromkeys(citizen.household for citizen in town.citizens):
            if builder.dice.random() > share:
                continue
            act = RecordAct(
                key=f"{rule}:{household}",
                community=code,
                rule=rule,
                holder_kind="household",
                holder_id=household,
                units=1,
                day=day,
            )
            builder.do(record_act, act, staff)


def _pick(builder: Builder, count: int) -> list[Town]:
    """Choose communities; the two that are looked at most come up often."""
    towns = list(builder.towns.values())
    chosen = builder.dice.sample(towns, count)
    for code, share in ((HOME, 0.8), (NEIGHBOUR, 0.5)):
        if builder.dice.random() < share and builder.towns[code] not in chosen:
            chosen.append(builder.towns[code])
    return chosen


def _publish(builder: Builder, story: Story, day: dt.date) -> None:
    for town in _pick(builder, SESSIONS_A_DAY):
        staff, _lead = town.working()
        template = builder.dice.choice(story.templates)
        hour, length = builder.dice.choice(HOURS)
        length = max(length, -(-template.duration_minutes // 60))
        start = dt.datetime.combine(day, dt.time(hour), SHANGHAI).astimezone(dt.UTC)
        end = start + dt.timedelta(hours=length)
        parts = _parts(template)
        done = builder.do(
            publish_activity,
            PublishActivity(
                key=f"{town.code}:{day}:{hour}:{template.key}",
                community=town.code,
                template=template.key,
                title=template.name,
                kind=template.kind,
                scene=template.scene,
                summary=template.summary,
                bring=template.bring,
                place=f"{town.name.removesuffix('社区')}文化家园"[:20],
                open_to=template.open_to,
                sessions=((start, end),),
                parts=parts,
            ),
            staff,
        )
        names = {part.part for part in parts}
        planned = Planned(
            town,
            done.sessions[0],
            start,
            end,
            "serve" in names,
            "take_part" in names,
            template.open_to,
        )
        story.planned.setdefault(day, []).append(planned)


def _parts(template: Row[ActivityTemplate]) -> tuple[PartOffered, ...]:
    parts = []
    if template.take_part_places != 0 and (template.take_part_rule or template.take_part_places):
        parts.append(
            PartOffered(
                part="take_part",
                places=template.take_part_places,
                rule=template.take_part_rule,
            ),
        )
    if template.serve_places != 0 and template.serve_rule:
        parts.append(
            PartOffered(part="serve", places=template.serve_places, rule=template.serve_rule),
        )
    return tuple(parts)


def _guests(builder: Builder, planned: Planned) -> list[tuple[Town, Citizen]]:
    """Choose who comes: mostly people from here, a few from elsewhere where it is open."""
    here = [(planned.town, citizen) for citizen in planned.town.citizens]
    many = TAKERS if len(here) < CROWD else builder.dice.randrange(TAKERS, 3 * TAKERS)
    guests = builder.dice.sample(here, min(len(here), many))
    if planned.open_to == "district":
        other = builder.towns[builder.dice.choice((HOME, NEIGHBOUR, *builder.towns))]
        if other is not planned.town and other.citizens:
            guests.append((other, builder.dice.choice(other.citizens)))
    return guests


def _hold_sessions(builder: Builder, story: Story, day: dt.date) -> None:
    """Let the day's sessions take place; staff enter the sheet, the lead confirms the hours."""
    for planned in sorted(story.planned.pop(day, []), key=lambda each: each.ends_at):
        builder.go(planned.ends_at + dt.timedelta(minutes=8))
        staff, lead = planned.town.working()
        rows = []
        for index, (_town, citizen) in enumerate(_guests(builder, planned)):
            serves = (
                planned.serves
                and not citizen.is_child
                and (not planned.takes_part or index % 2 == 0)
            )
            if not serves and not planned.takes_part:
                continue
            entry = planned.starts_at + dt.timedelta(minutes=builder.dice.randrange(-10, 8))
            rows.append(
                SheetRow(
                    resident=citizen.resident,
                    part="serve" if serves else "take_part",
                    entry=entry,
                    exit=planned.ends_at if serves else None,
                ),
            )
        if not rows:
            continue
        done = builder.do(enter_sheet, EnterSheet(session=planned.session, rows=tuple(rows)), staff)
        awards = tuple(line.award for line in done.lines if line.award is not None)
        waits = planned.town.code == HOME and day == story.today
        if awards and not waits:
            builder.do(confirm_awards, ConfirmAwards(awards=awards), lead)
