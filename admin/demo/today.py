"""Today: what is going on right now, so that every page has something to do."""

from __future__ import annotations

import contextlib
import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from activities.attendance import CheckIn, check_in
from activities.models import ActivityTemplate
from activities.publish import PartOffered, PublishActivity, publish_activity
from activities.signup import ForResident, sign_up
from admin.demo.neighbours import help_each_other
from admin.demo.settling import DISTRICT
from admin.demo.town import HOME, NEIGHBOUR, Builder, Citizen, Town, citizen_actor
from core.acts import Actor
from core.errors import AppError
from core.work import SHANGHAI, reading
from exchange import quote as quotes
from exchange.basket import Wanted
from exchange.orders import ApproveOrders, SubmitOrder, approve_orders, submit_order
from exchange.rates import ProposeRate, propose_rate
from points.accounts import resident_account
from points.models import Account
from residents.models import Grant, Resident
from residents.people import Register, register

WAITING = 12
READY = 4
SIGN_UPS = (18, 5, 8, 4)
"""How many sign up for the session that goes on, and for the three that come."""

ORDERS_FIT = 100
"""Orders that fit in before the moment of building, so that none is of the future."""

WAKING = range(8, 21)
"""Hours in which a fair may go on; in the others somebody patrols."""

STAYED_AWAY = 4
NEWCOMERS = ("周晓燕", "吴思远", "孙玉兰")


@dataclass(frozen=True, slots=True)
class _Coming:
    """Somebody on the way to the session that goes on."""

    actor: Actor
    wanted: ForResident
    start: dt.datetime


def go_on(builder: Builder, now: dt.datetime) -> None:
    """Bring the two communities that are looked at most to this very moment."""
    with reading() as connection:
        persons = {
            row.id: row.person for row in connection.execute(select(Resident.id, Resident.person))
        }
    builder.go(now - dt.timedelta(hours=5))
    for index, name in enumerate(NEWCOMERS):
        command = Register(
            phone=f"1920000{9100 + index}",
            name=name,
            community=HOME,
            consent=True,
            is_fourteen=True,
        )
        builder.do(register, command)
    going_on: list[_Coming] = []
    for code in (HOME, NEIGHBOUR):
        town = builder.towns[code]
        _order(builder, town, persons, WAITING if code == HOME else READY)
        going_on += _sessions(builder, town, persons, now)
    _arrive(builder, going_on)
    _propose(builder, now)
    help_each_other(builder, now)


def _order(builder: Builder, town: Town, persons: dict[UUID, UUID], count: int) -> None:
    """Let orders wait for approval, and some for being fetched."""
    candidates = [
        (home, citizen)
        for home in builder.towns.values()
        for citizen in home.citizens
        if citizen.phone is not None
    ]
    builder.dice.shuffle(candidates)
    # Two of three are neighbours of the station, the others come from anywhere.
    candidates.sort(key=lambda each: each[0] is not town and builder.dice.random() < 0.98)  # noqa: PLR2004
    balances = _balances([(home, citizen) for home, citizen in candidates])
    made: list[UUID] = []
    pause = (builder.until - builder.now) / ORDERS_FIT
    for home, citizen in candidates:
        has = balances.get(citizen.resident, 0)
        items = [item for item, price in town.items if price * 5 // 4 <= has]
        if not items:
            continue
        actor = citizen_actor(home, citizen, persons[citizen.resident])
        builder.go(builder.now + pause)
        with contextlib.suppress(AppError):
            with reading() as connection:
                wanted = (Wanted(item=builder.dice.choice(items), quantity=1),)
                offer = quotes.quote(connection, citizen.resident, wanted, builder.now)
            order = SubmitOrder(
                key=f"today:{builder.calls}", resident=citizen.resident, quote=offer.token
            )
            made.append(builder.do(submit_order, order, actor).id)
        if len(made) == count + READY:
            break
    _staff, lead = town.working()
    if made[:READY]:
        builder.do(approve_orders, ApproveOrders(orders=tuple(made[:READY])), lead)


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


def _sessions(
    builder: Builder,
    town: Town,
    persons: dict[UUID, UUID],
    now: dt.datetime,
) -> list[_Coming]:
    """Publish sessions of now and of the coming days; return who comes to the one of now."""
    with reading() as connection:
        templates = {row.key: row for row in connection.execute(select(ActivityTemplate.__table__))}
    staff, _lead = town.working()
    local = now.astimezone(SHANGHAI).replace(minute=0, second=0, microsecond=0)
    plan = (
        (
            "service_fair" if local.hour in WAKING else "safety_patrol",
            local - dt.timedelta(minutes=30),
            3,
        ),
        ("phone_class", local + dt.timedelta(hours=26), 2),
        ("round_table", local + dt.timedelta(hours=50), 2),
        ("elder_meal", local + dt.timedelta(hours=74), 2),
    )
    coming: list[_Coming] = []
    for (key, about, hours), many in zip(plan, SIGN_UPS, strict=True):
        template = templates[key]
        start = about if about.date() == local.date() else about.replace(hour=14)
        parts = tuple(
            PartOffered(part=part, places=places, rule=rule)  # type: ignore[arg-type]
            for part, places, rule in (
                ("take_part", template.take_part_places, template.take_part_rule),
                ("serve", template.serve_places, template.serve_rule),
            )
            if places != 0 and rule
        )
        done = builder.do(
            publish_activity,
            PublishActivity(
                key=f"today:{town.code}:{key}",
                community=town.code,
                template=key,
                title=template.name,
                kind=template.kind,
                scene=template.scene,
                summary=template.summary,
                bring=template.bring,
                place=f"{town.name.removesuffix('社区')}文化家园",
                open_to=template.open_to,
                sessions=((start, start + dt.timedelta(hours=hours)),),
                parts=parts,
            ),
            staff,
        )
        for citizen in builder.dice.sample([each for each in town.citizens if each.phone], many):
            part = parts[builder.dice.randrange(len(parts))].part
            actor = citizen_actor(town, citizen, persons[citizen.resident])
            wanted = ForResident(session=done.sessions[0], part=part, resident=citizen.resident)
            with contextlib.suppress(AppError):
                builder.do(sign_up, wanted, actor)
                coming += [_Coming(actor, wanted, start)] if about is plan[0][1] else []
    return coming


def _arrive(builder: Builder, coming: list[_Coming]) -> None:
    """Let most of those who signed up scan the venue's code within the first minutes."""
    for number, each in enumerate(coming[STAYED_AWAY:]):
        builder.go(each.start + dt.timedelta(minutes=number % 20 - 8))
        scan = CheckIn(
            session=each.wanted.session,
            part=each.wanted.part,
            phase="entry",
            at=builder.now,
            nonce=f"demo:{number}",
        )
        with contextlib.suppress(AppError):
            builder.do(check_in, scan, each.actor)


def _propose(builder: Builder, now: dt.datetime) -> None:
    """Let one admin propose a rate; it waits for the other."""
    with reading() as connection:
        admin = connection.execute(
            select(Grant.person).where(Grant.role == "district_admin").order_by(Grant.id),
        ).first()
    assert admin is not None  # noqa: S101 - bootstrapped
    builder.go(now - dt.timedelta(minutes=20))
    builder.do(
        propose_rate,
        ProposeRate(
            key="demo:rate",
            scope="subdistricts",
            home=HOME // 1000 * 1000,
            host=NEIGHBOUR // 1000 * 1000,
            rate=9000,
            valid_from=(now + dt.timedelta(days=8)).date(),
            document="上社建 2026 年第 18 号",
        ),
        Actor(person=admin.person, role="district_admin", scope_kind="district", place=DISTRICT),
    )
