"""API of the package."""

from __future__ import annotations

from flask_smorest import Blueprint

from core.identity import signed_in_only

bp = Blueprint("exchange_api", __name__, description="exchange")
bp.before_request(signed_in_only)
