"""Panels that the ledger puts onto pages of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template

from core.directory import directory
from core.work import business_day
from points.bulletins import lists
from points.earning.helping import asked_of
from points.wallet import wallet

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from core.panels import Viewer


def purse(connection: Connection, viewer: Viewer) -> str:
    """Show what can be spent, what waits, what lapses, and the title of honour."""
    return render_template("points/_wallet.html", wallet=wallet(connection, viewer))


def elder(connection: Connection, viewer: Viewer) -> str:
    """Say in a line what can be spent."""
    return render_template("points/_elder.html", wallet=wallet(connection, viewer))


def asked_help(connection: Connection, viewer: Viewer) -> str:
    """Ask whether a neighbour helped the viewer; empty where nobody says so."""
    asked = asked_of(connection, viewer.resident, viewer.now)
    if not asked:
        return ""
    names = directory().standings(connection, {each.helper for each in asked})
    rows = [
        {"id": each.id, "name": names[each.helper].name, "note": each.note, "day": each.day}
        for each in asked
        if each.helper in names
    ]
    return render_template("points/_help.html", asked=rows)


def bulletin(connection: Connection, viewer: Viewer) -> str:
    """Say that a month's list is out, as long as objections are taken."""
    months = lists.lists(connection, viewer.community, 1)
    if not months or not months[0].is_open(business_day(viewer.now)) or not months[0].lines:
        return ""
    return render_template("points/_bulletin.html", posted=months[0])
