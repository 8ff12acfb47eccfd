"""The two blueprints of this package, so that views of several subjects can stand on them."""

from __future__ import annotations

from flask import Blueprint

from core.identity import console_only, desk_only

desk = Blueprint("desk", __name__, url_prefix="/desk")
desk.before_request(desk_only)
console = Blueprint("console", __name__, url_prefix="/console")
console.before_request(console_only)
