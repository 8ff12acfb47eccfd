"""Panels that the exchange puts onto pages of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template
from sqlalchemy import and_, func, select

from core.work import business_day
from exchange.left import left_to
from exchange.models import Order, OrderPayment
from exchange.order_queries import lines_of, open_left, open_orders
from exchange.orders.finish import asked_for
from exchange.queries import arrivals as new_offers
from exchange.shared import asked_of, spoken_for
from residents.models import Resident

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.panels import Viewer


def arrivals(connection: Connection, viewer: Viewer) -> str:
    """Show what is new at the viewer's own station; nothing new is an empty string."""
    place, offers = new_offers(connection, viewer.resident, viewer.now)
    if not offers:
        return ""
    return render_template(
        "exchange/_arrivals.html", offers=offers, is_village=place.kind == "village"
    )


def asked(connection: Connection, viewer: Viewer) -> str:
    """Show what the counter asks the viewer to agree to right now; empty where nobody asks."""
    row = connection.execute(
        select(
            Order.id,
            # Others of the family may have agreed to their shares at the counter.
            func.coalesce(OrderPayment.amount, 0).label("cost"),
            Order.submitted_at,
        )
        .join(Resident, Resident.id == Order.resident)
        .outerjoin(
            OrderPayment,
            # By the order's own resident: the one who looks may act for them.
            and_(OrderPayment.order == Order.id, OrderPayment.payer == Resident.person),
        )
        .where(
            Order.resident == viewer.resident,
            Order.state == "asked",
            Order.channel == "counter",
            Order.submitted_at > viewer.now - asked_for(),
        )
        .order_by(Order.submitted_at.desc())
        .limit(1),
    ).first()
    if row is None:
        return ""
    return render_template(
        "exchange/_asked.html",
        order_id=row.id,
        cost=row.cost,
        lines=lines_of(connection, [row.id])[row.id],
        until=row.submitted_at + asked_for(),
    )


def shares_asked(connection: Connection, viewer: Viewer) -> str:
    """Show the shares of orders that the viewer, or somebody they act for, is asked to pay."""
    people = spoken_for(connection, viewer.person, viewer.now)
    found = asked_of(connection, people, viewer.now)
    return render_template("exchange/_shares_asked.html", shares=found) if found else ""


def ready(connection: Connection, viewer: Viewer) -> str:
    """Show what waits at a counter for the viewer, one tap from its 领取码; else nothing."""
    orders = [o for o in open_orders(connection, viewer.resident) if o.state == "ready"]
    return render_template("exchange/_ready.html", orders=orders) if orders else ""


def held(connection: Connection, viewer: Viewer) -> str:
    """Say until when each open order keeps its points."""
    orders = open_orders(connection, viewer.resident)
    return render_template("exchange/_held.html", orders=orders)


def kept(connection: Connection, viewer: Viewer) -> str:
    """Say what somebody of the household who died left, and until when; else nothing."""
    found = left_to(connection, viewer.household, business_day(viewer.now))
    orders = open_left(connection, viewer.resident)
    if not found and not orders:
        return ""
    return render_template("exchange/_kept.html", kept=found, orders=orders)
