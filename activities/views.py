"""Pages of the package; filled by its use cases."""

from __future__ import annotations

from flask import Blueprint

from core.identity import residents_only

bp = Blueprint("activities", __name__, url_prefix="/activities")
bp.before_request(residents_only)
