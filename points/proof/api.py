"""API of the proof: each invariant's last look for the district, and every community's chain."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint
from marshmallow import EXCLUDE, fields, validate
from sqlalchemy import select

from core.identity import current_actor, signed_in_only
from core.schema import Schema
from core.work import reader
from points.models import Seal
from points.proof import proving

BLOCKS = 100
bp = Blueprint("proofs_api", __name__, description="proofs and seals")
bp.before_request(signed_in_only)


class ProofSchema(Schema):
    """An invariant at its last look; ``times`` 0: it held."""

    check = fields.String()
    at = fields.AwareDateTime()
    scope = fields.String(
        validate=validate.OneOf(("all", "changed")),
        metadata={"description": "all, or what changed since the look before"},
    )
    rows = fields.Integer()
    milliseconds = fields.Integer()
    times = fields.Integer(metadata={"description": "how many rows break it"})
    table = fields.String(allow_none=True, metadata={"description": "of the first broken row"})
    row = fields.String(allow_none=True)
    community = fields.Integer(allow_none=True)
    day = fields.Date(allow_none=True)


class SealsQuerySchema(Schema):
    """Which blocks of a chain."""

    class Meta:
        """Query strings may carry what is not ours."""

        unknown = EXCLUDE

    before = fields.Date(
        load_default=None, metadata={"description": "day of the last block of the page before"}
    )


class SealSchema(Schema):
    """A block, with all that it takes to compute its head again (decision 007)."""

    community = fields.Integer()
    day = fields.Date()
    rows = fields.Integer()
    digest = fields.String()
    previous = fields.String()
    head = fields.String()


@bp.get("/proofs")
@bp.response(200, ProofSchema(many=True))
def proofs() -> list[proving.LastProof]:
    """List each invariant's last look; for readers of the district."""
    current_actor().require("console.read")
    return sorted(proving.last_proofs(reader()).values(), key=lambda proof: proof.check)


@bp.get("/seals/<int:community>")
@bp.arguments(SealsQuerySchema, location="query")
@bp.response(200, SealSchema(many=True))
def seals(query: dict[str, Any], community: int) -> list[Any]:
    """List the blocks of a community's chain, newest first; 0 is the district's own."""
    wanted = select(Seal.__table__).where(Seal.community == community)
    if query["before"] is not None:
        wanted = wanted.where(Seal.day < query["before"])
    return list(reader().execute(wanted.order_by(Seal.day.desc()).limit(BLOCKS)))
