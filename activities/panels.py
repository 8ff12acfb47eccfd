"""Pieces on the home page: what is next, what is near."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template

from activities import queries
from core.errors import N_
from core.work import business_day
from residents import queries as places

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.panels import Viewer


def _looker(connection: Connection, viewer: Viewer) -> queries.Looker:
    return queries.looker(connection, viewer.resident, viewer.community)


def next_session(connection: Connection, viewer: Viewer) -> str:
    """Show where one is as a helper, else the next session signed up for, if there is one."""
    card = queries.next_of_mine(connection, _looker(connection, viewer), viewer.now)
    return render_template("activities/_next.html", session=card) if card else ""


def nearby(connection: Connection, viewer: Viewer) -> str:
    """Show three sessions near."""
    home = places.place(connection, viewer.community)
    found = queries.near(connection, _looker(connection, viewer), viewer.now)
    noun = home.noun if home else N_("社区")
    return render_template("activities/_nearby.html", upcoming=found, noun=noun)


def today_in_a_line(connection: Connection, viewer: Viewer) -> str:
    """Say where one is as a helper, else the next session of today, for the elder version."""
    looker, today = _looker(connection, viewer), business_day(viewer.now)
    mine = queries.next_of_mine(connection, looker, viewer.now)
    stays = mine if mine and mine.mine and mine.mine.state == "arrived" else None
    # What began before midnight and is not over is today's as well.
    found = [stays] if stays else queries.near(connection, looker, viewer.now)
    card = next((card for card in found if business_day(card.starts_at) <= today), None)
    begun = card is not None and business_day(card.starts_at) < today
    return render_template("activities/_elder.html", session=card, stays=stays, begun=begun)
