"""API of the public lists: the months of one's community, their lines, objections."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask_smorest import Blueprint

from core.identity import current_actor, signed_in_only
from core.work import reader, transact
from points.bulletins import lists, schemas
from points.bulletins.objecting import Object, object_to_line
from points.correcting.corrections import CorrectionOpened

bp = Blueprint("bulletins_api", __name__, description="public lists")
bp.before_request(signed_in_only)


@bp.get("/bulletins")
@bp.response(200, schemas.BulletinSchema(many=True))
def months() -> list[lists.Posted]:
    """List the months that were posted, the newest first."""
    return lists.lists(reader(), current_actor().place)


@bp.get("/bulletins/<month>/lines")
@bp.arguments(schemas.PageSchema, location="query")
@bp.response(200, schemas.BulletinLineSchema(many=True))
def month_lines(query: dict[str, Any], month: str) -> list[lists.ListLine]:
    """List lines of a month ("2026-10"), fifty at a time."""
    posted = lists.list_of(reader(), current_actor().place, lists.month_named(month))
    return lists.lines(reader(), posted, after=query["after"])


@bp.post("/bulletin-lines/<uuid:line_id>/objections")
@bp.arguments(schemas.ObjectSchema)
@bp.response(201, schemas.ObjectedSchema)
def object_now(data: dict[str, Any], line_id: UUID) -> CorrectionOpened:
    """Say that a line is wrong; the same words again are the same request."""
    return transact(object_to_line, Object(line=line_id, **data), current_actor())
