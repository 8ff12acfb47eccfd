"""Whether this process lives, and whether it can serve: for proxies and supervisors."""

from __future__ import annotations

import logging

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from core.identity import public
from core.work import reader

log = logging.getLogger(__name__)
bp = Blueprint("health", __name__)
bp.before_request(public)


@bp.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Answer: whoever gets no answer restarts the process. The database is not asked."""
    return {"status": "ok"}


@bp.get("/readyz")
def readyz() -> ResponseReturnValue:
    """Answer 200 where the database is there and migrated: else send nobody here."""
    try:
        reader().execute(text("SELECT version_num FROM alembic_version")).one()
    except SQLAlchemyError as error:
        log.warning("not ready: %s", error.__class__.__name__)
        return {"status": "unready"}, 503
    return {"status": "ok"}
