"""The district console."""

from __future__ import annotations

from flask import Blueprint

from core.identity import console_only

bp = Blueprint("console", __name__, url_prefix="/console")
bp.before_request(console_only)
