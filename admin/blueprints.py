"""The two blueprints of this package, so that views of several subjects can stand on them."""

from __future__ import annotations

from flask import Blueprint

from core.identity import console_only, current_actor, desk_only

desk = Blueprint("desk", __name__, url_prefix="/desk")
desk.before_request(desk_only)
console = Blueprint("console", __name__, url_prefix="/console")
console.before_request(console_only)


def within() -> int | None:
    """Return the subdistrict that somebody's reading ends at; None: they read the district."""
    actor = current_actor()
    return actor.place if actor.role == "subdistrict_reader" else None
