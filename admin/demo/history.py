"""The months before today, day by day: activities, sheets, nights, orders, pick-ups."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from activities.entries import EnterSheet, SheetRow, enter_sheet
from activities.jobs import close_sessions
from activities.models import ActivityTemplate
from activities.publish import PartOffered, PublishActivity, publish_activity
from admin.demo.town import HOME, NEIGHBOUR, Builder, Citizen, Town, citizen_actor
from core import outbox
from core.errors import AppError
from core.work import SHANGHAI, reading
from exchange import quote as quotes
from exchange.basket import Wanted
from exchange.counter import CounterRedemption, redeem_at_counter
from exchange.models import Order
from exchange.orders import (
    ApproveOrders,
    HandOver,
    RefuseOrder,
    SubmitOrder,
    approve_orders,
    hand_over,
    lapse_orders,
    refuse_order,
    submit_order,
)
from points.accounts import resident_account
from points.awards import ConfirmAwards, confirm_awards
from points.closing import close_days, fold_deltas
from points.models import Account
from points.settlement import settle_due
from residents.models import Resident

if TYPE_CHECKING:
    from sqlalchemy import Row

DAYS = 91
AHEAD = 10
HOURS = ((9, 2), (14, 2), (9, 3), (15, 1), (18, 2))
SESSIONS_A_DAY = 5
ORDERS_A_DAY = 5
COUNTERS_A_DAY = 4
TAKERS = 9
POINT = 100


@dataclass(frozen=True, slots=True)
class Planned:
    """A session that was published and will take place."""

    town: Town
    session: UUID
    starts_at: dt.datetime
    ends_at: dt.datetime
    serves: bool
    takes_part: bool
    open_to: str


@dataclass(slots=True)
class Story:
    """What goes on from one day to the next."""

    planned: dict[dt.date, list[Planned]] = field(default_factory=dict)
    persons: dict[UUID, UUID] = field(default_factory=dict)
    to_collect: list[tuple[dt.date, Town, UUID]] = field(default_factory=list)
    templates: list[Row[ActivityTemplate]] = field(default_factory=list)


def tell(builder: Builder, today: dt.date) -> Iterator[dt.date]:
    """Live through the days before today; yields each day as it passes."""
    story = Story()
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
        _publish(builder, story, first + dt.timedelta(days=ahead), builder.now)
    for number in range(DAYS):
        day = first + dt.timedelta(days=number)
        _night(builder, day)
        _publish(builder, story, day + dt.timedelta(days=AHEAD), builder.at(day, 8, 30))
        _collect(builder, story, day)
        _redeem(builder, story, day)
        _hold_sessions(builder, story, day)
        yield day
    _night(builder, today)


def _night(builder: Builder, day: dt.date) -> None:
    """Close the day before, settle what is due, fold, and send what waits."""
    builder.at(day, 0, 35)
    close_days()
    builder.at(day, 2, 1)
    settle_due()
    fold_deltas()
    lapse_orders()
    close_sessions()
    outbox.deliver_due()
    builder.calls += 6


def _pick(builder: Builder, count: int) -> list[Town]:
    """Choose communities; the two that are looked at most come up often."""
    towns = list(builder.towns.values())
    chosen = builder.dice.sample(towns, count)
    for code, share in ((HOME, 0.5), (NEIGHBOUR, 0.3)):
        if builder.dice.random() < share and builder.towns[code] not in chosen:
            chosen.append(builder.towns[code])
    return chosen


def _publish(builder: Builder, story: Story, day: dt.date, _now: dt.datetime) -> None:
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
    guests = builder.dice.sample(here, min(len(here), TAKERS))
    if planned.open_to == "district":
        other = builder.towns[builder.dice.choice((HOME, NEIGHBOUR, *builder.towns))]
        if other is not planned.town and other.citizens:
            guests.append((other, builder.dice.choice(other.citizens)))
    return guests


def _hold_sessions(builder: Builder, story: Story, day: dt.date) -> None:
    """Let the day's sessions take place; staff enter the sheet, the lead confirms the hours."""
    for planned in sorted(story.planned.pop(day, []), key=lambda each: each.ends_at):
        builder.now = max(builder.now, planned.ends_at + dt.timedelta(minutes=8))
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
        if awards:
            builder.do(confirm_awards, ConfirmAwards(awards=awards), lead)


def _rich(builder: Builder, least: int) -> list[tuple[Town, Citizen, int]]:
    """Return some of those who could spend this much, with what they have."""
    everybody = [
        (town, citizen)
        for town in builder.towns.values()
        for citizen in town.citizens
        if not citizen.is_child
    ]
    asked = builder.dice.sample(everybody, 400)
    home = [(builder.towns[HOME], citizen) for citizen in builder.towns[HOME].citizens]
    accounts = {
        resident_account(citizen.resident, town.code, "service"): (town, citizen)
        for town, citizen in [*home, *asked]
    }
    with reading() as connection:
        rows = connection.execute(
            select(Account.id, Account.credited - Account.debited - Account.held).where(
                Account.id.in_(list(accounts)),
                Account.credited - Account.debited - Account.held >= least,
            ),
        ).all()
    found = [(*accounts[row[0]], int(row[1])) for row in rows]
    builder.dice.shuffle(found)
    return found


def _station_for(builder: Builder, town: Town) -> Town:
    """Choose where somebody redeems: at home where there is a station, else or sometimes near."""
    if town.items and builder.dice.random() < 0.6:  # noqa: PLR2004 - most redeem at home
        return town
    near = [
        other
        for other in builder.towns.values()
        if other.items and other is not town and other.subdistrict == town.subdistrict
    ]
    far = [builder.towns[NEIGHBOUR], builder.towns[HOME]]
    return builder.dice.choice([*near, *far])


def _redeem(builder: Builder, story: Story, day: dt.date) -> None:
    """Let people order on the phone and at the counter; staff approve before noon."""
    builder.at(day, 10, 20)
    rich = _rich(builder, 6 * POINT)
    submitted: dict[int, list[tuple[UUID, dt.date]]] = {}
    for town, citizen, has in rich[:ORDERS_A_DAY]:
        if citizen.phone is None:
            continue
        host = _station_for(builder, town)
        made = _order(builder, story, town, citizen, host, has)
        if made is not None:
            wait = day + dt.timedelta(days=1 + builder.dice.randrange(4))
            submitted.setdefault(host.code, []).append((made, wait))
    for town, citizen, has in rich[ORDERS_A_DAY : ORDERS_A_DAY + COUNTERS_A_DAY]:
        _at_counter(builder, town, citizen, has)
    builder.at(day, 10, 50)
    for code, orders in submitted.items():
        _decide(builder, story, builder.towns[code], orders)


def _affordable(builder: Builder, host: Town, most: int) -> UUID | None:
    items = [item for item, price in host.items if price * 5 // 4 <= most]
    return builder.dice.choice(items) if items else None


def _order(
    builder: Builder,
    story: Story,
    town: Town,
    citizen: Citizen,
    host: Town,
    has: int,
) -> UUID | None:
    item = _affordable(builder, host, has)
    if item is None:
        return None
    actor = citizen_actor(town, citizen, story.persons[citizen.resident])
    with contextlib.suppress(AppError):
        with reading() as connection:
            wanted = (Wanted(item=item, quantity=1),)
            offer = quotes.quote(connection, citizen.resident, wanted, builder.now)
        command = SubmitOrder(
            key=f"demo:{builder.calls}",
            resident=citizen.resident,
            quote=offer.token,
        )
        return builder.do(submit_order, command, actor).id
    return None


def _at_counter(builder: Builder, town: Town, citizen: Citizen, has: int) -> None:
    """Redeem at the counter on a staff member's word, as old people like to."""
    host = town if town.items else builder.towns[HOME]
    item = _affordable(builder, host, min(has, 24 * POINT))
    if item is None:
        return
    staff, _lead = host.working()
    with contextlib.suppress(AppError):
        builder.do(
            redeem_at_counter,
            CounterRedemption(
                key=f"demo:{builder.calls}",
                resident=citizen.resident,
                lines=(Wanted(item=item, quantity=1),),
                confirmation="known",
            ),
            staff,
        )


def _decide(
    builder: Builder,
    story: Story,
    host: Town,
    orders: list[tuple[UUID, dt.date]],
) -> None:
    """Approve what was ordered; now and then one is refused with a reason."""
    _staff, lead = host.working()
    if builder.dice.random() < 0.04:  # noqa: PLR2004 - one in twenty-five
        order, _wait = orders.pop()
        builder.do(refuse_order, RefuseOrder(order=order, reason="这一批已经领完，月底补货"), lead)
    if not orders:
        return
    ids = tuple(order for order, _wait in orders)
    done = builder.do(approve_orders, ApproveOrders(orders=ids), lead)
    ready = {decision.order for decision in done.decisions if decision.state == "ready"}
    story.to_collect += [(wait, host, order) for order, wait in orders if order in ready]


def _collect(builder: Builder, story: Story, day: dt.date) -> None:
    """Hand over what is fetched this morning."""
    builder.at(day, 10, 0)
    due = [entry for entry in story.to_collect if entry[0] <= day]
    story.to_collect = [entry for entry in story.to_collect if entry[0] > day]
    if not due:
        return
    with reading() as connection:
        codes = {
            row.id: row.pickup_code
            for row in connection.execute(
                select(Order.id, Order.pickup_code).where(
                    Order.id.in_([order for _day, _town, order in due]),
                    Order.state == "ready",
                ),
            )
        }
    for _day, town, order in due:
        if order in codes and builder.dice.random() < 0.95:  # noqa: PLR2004 - some forget
            staff, _lead = town.working()
            with contextlib.suppress(AppError):
                command = HandOver(code=codes[order], order=order, confirm_resident=True)
                builder.do(hand_over, command, staff)
