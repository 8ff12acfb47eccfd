"""Panels that the ledger puts onto pages of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template

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
