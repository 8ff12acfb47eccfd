"""Pages of the package; filled by its use cases."""

from __future__ import annotations

from flask import Blueprint

from core.identity import residents_only

bp = Blueprint("exchange", __name__, url_prefix="/exchange")
bp.before_request(residents_only)
