"""The staff desk."""

from __future__ import annotations

from flask import Blueprint

from core.identity import desk_only

bp = Blueprint("desk", __name__, url_prefix="/desk")
bp.before_request(desk_only)
