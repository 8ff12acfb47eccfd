"""What people redeem: orders on the phone, at the counter, pick-ups, and weekly deliveries."""

from __future__ import annotations

import contextlib
import datetime as dt
from functools import partial
from uuid import UUID

from sqlalchemy import select

from admin.demo.town import HOME, NEIGHBOUR, Builder, Citizen, Story, Town, moment
from core.acts import Actor
from core.errors import AppError
from core.work import reading
from exchange import quote as quotes
from exchange.basket import Wanted
from exchange.counter import (
    ConfirmAsked,
    Confirmation,
    CounterRedemption,
    confirm_asked,
    redeem_at_counter,
)
from exchange.models import Item, Order, Stock
from exchange.orders import (
    ApproveOrders,
    CancelOrder,
    HandOver,
    RefuseOrder,
    SubmitOrder,
    UndoApprovals,
    approve_orders,
    cancel_order,
    hand_over,
    refuse_order,
    submit_order,
    undo_approvals,
)
from exchange.stock import ReceiveStock, receive_stock
from points.accounts import resident_account
from points.models import Account

ORDERS_A_DAY = 5
COUNTERS_A_DAY = 4
POINT = 100
CANCELS, UNDONE, ON_OWN_PHONE = 0.05, 0.1, 0.4
"""Shares: orders that are cancelled, approvals taken back at once, 同意 tapped at the counter."""


def restock(builder: Builder, day: dt.date) -> None:
    """Fill up what runs low, once a week, as a delivery does."""
    with reading() as connection:
        low = connection.execute(
            select(Item.id, Item.community, Stock.full, Stock.on_hand)
            .join(Stock, Stock.item == Item.id)
            .where((Stock.on_hand - Stock.reserved) * 5 <= Stock.full * 2)
            .order_by(Item.community, Item.name),
        ).all()
    for row in low:
        staff, _lead = builder.towns[row.community].working()
        quantity = row.full - row.on_hand
        command = ReceiveStock(key=f"{day}:{row.id}", item=row.id, quantity=quantity)
        builder.do(receive_stock, command, staff)


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


def redeem(builder: Builder, story: Story, day: dt.date) -> None:
    """Let people order on the phone and at the counter; staff approve before noon."""
    rich = [each for each in _rich(builder, 6 * POINT) if each[1].resident not in story.saving]
    submitted: dict[int, list[tuple[UUID, dt.date]]] = {}
    for town, citizen, has in rich[:ORDERS_A_DAY]:
        if citizen.phone is None:
            continue
        host = _station_for(builder, town)
        item = _affordable(builder, host, has)
        actor = story.actor(town, citizen)
        made = order(builder, actor, citizen, item) if item else None
        if made is None:
            continue
        if builder.dice.random() < CANCELS:
            builder.do(cancel_order, CancelOrder(order=made), actor)
            continue
        wait = day + dt.timedelta(days=1 + builder.dice.randrange(4))
        submitted.setdefault(host.code, []).append((made, wait))
    for town, citizen, has in rich[ORDERS_A_DAY : ORDERS_A_DAY + COUNTERS_A_DAY]:
        _at_counter(builder, story, town, citizen, has)
    for code, orders in submitted.items():
        decide = partial(_decide, builder, story, builder.towns[code], orders)
        builder.plan(moment(day, 10, 50), decide)


def _affordable(builder: Builder, host: Town, most: int) -> UUID | None:
    items = [item for item, price in host.items if price * 5 // 4 <= most]
    return builder.dice.choice(items) if items else None


def order(builder: Builder, actor: Actor, citizen: Citizen, item: UUID) -> UUID | None:
    """Order one piece on the phone; None where a limit or the shelf says no."""
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


def _at_counter(builder: Builder, story: Story, town: Town, citizen: Citizen, has: int) -> None:
    """Redeem at the counter: on a staff member's word, or with a tap on one's own phone."""
    host = town if town.items else builder.towns[HOME]
    item = _affordable(builder, host, min(has, 24 * POINT))
    if item is None:
        return
    staff, _lead = host.working()
    taps = citizen.phone is not None and builder.dice.random() < ON_OWN_PHONE
    confirmation: Confirmation = "device" if taps else "known"
    command = CounterRedemption(
        key=f"demo:{builder.calls}",
        resident=citizen.resident,
        lines=(Wanted(item=item, quantity=1),),
        confirmation=confirmation,
    )
    with contextlib.suppress(AppError):
        done = builder.do(redeem_at_counter, command, staff)
        if taps:
            builder.do(confirm_asked, ConfirmAsked(order=done.id), story.actor(town, citizen))


def _decide(
    builder: Builder,
    story: Story,
    host: Town,
    orders: list[tuple[UUID, dt.date]],
) -> None:
    """Approve what was ordered; now and then one is refused with a reason."""
    _staff, lead = host.working()
    if builder.dice.random() < 0.04:  # noqa: PLR2004 - one in twenty-five
        unlucky, _wait = orders.pop()
        builder.do(
            refuse_order, RefuseOrder(order=unlucky, reason="这一批已经领完，月底补货"), lead
        )
    if not orders:
        return
    ids = tuple(made for made, _wait in orders)
    done = builder.do(approve_orders, ApproveOrders(orders=ids), lead)
    if builder.dice.random() < UNDONE:
        # One tap too many: taken back within the ten seconds, looked at, and given again.
        builder.do(undo_approvals, UndoApprovals(orders=ids[-1:]), lead)
        builder.do(approve_orders, ApproveOrders(orders=ids[-1:]), lead)
    ready = {decision.order for decision in done.decisions if decision.state == "ready"}
    story.to_collect += [(wait, host, made) for made, wait in orders if made in ready]


def collect(builder: Builder, story: Story, day: dt.date) -> None:
    """Hand over what is fetched this morning."""
    due = [entry for entry in story.to_collect if entry[0] <= day]
    story.to_collect = [entry for entry in story.to_collect if entry[0] > day]
    for _day, town, made in due:
        if builder.dice.random() < 0.95:  # noqa: PLR2004 - some forget
            fetch(builder, town, made)


def fetch(builder: Builder, town: Town, made: UUID) -> None:
    """Hand over an order that is ready, by its code."""
    with reading() as connection:
        ready = select(Order.pickup_code).where(Order.id == made, Order.state == "ready")
        code = connection.scalar(ready)
    staff, _lead = town.working()
    if code is not None:
        with contextlib.suppress(AppError):
            command = HandOver(code=code, order=made, confirm_resident=True)
            builder.do(hand_over, command, staff)
