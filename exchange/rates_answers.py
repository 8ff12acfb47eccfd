"""Shapes of the API's answers about rates and orders between communities."""

from __future__ import annotations

from marshmallow import fields

from core.schema import Schema
from exchange.schemas import BASIS_POINTS, CENTIPOINTS, ORDER_STATE, PROPOSAL_STATE, RATE_SCOPE


class SubdistrictNameSchema(Schema):
    """A subdistrict."""

    code = fields.Integer()
    name = fields.String()


class RateRowSchema(Schema):
    """A row of the history of rates."""

    id = fields.UUID()
    scope = fields.String(validate=RATE_SCOPE)
    home = fields.Integer()
    host = fields.Integer()
    rate = fields.Integer(allow_none=True, metadata=BASIS_POINTS)
    valid_from = fields.AwareDateTime()
    document = fields.String()


class RateCellSchema(Schema):
    """Residents of a subdistrict at stations of another."""

    home = fields.Integer()
    host = fields.Integer()
    rate = fields.Integer(metadata=BASIS_POINTS)
    scope = fields.String(validate=RATE_SCOPE)
    document = fields.String()
    upcoming = fields.Nested(RateRowSchema, allow_none=True)
    proposed = fields.Boolean()
    proposed_rate = fields.Integer(allow_none=True, metadata=BASIS_POINTS)
    exceptions = fields.Integer()


class RateMatrixSchema(Schema):
    """The district's rates: ``rows[i][j]`` is home subdistrict i at host subdistrict j."""

    subdistricts = fields.List(fields.Nested(SubdistrictNameSchema))
    rows = fields.List(fields.List(fields.Nested(RateCellSchema)))
    default = fields.Integer(metadata=BASIS_POINTS)
    same_subdistrict = fields.Integer(metadata=BASIS_POINTS)


class RungSchema(Schema):
    """A step of the ladder; ``count``: how many rates of a narrower scope lie inside the cell."""

    scope = fields.String(validate=RATE_SCOPE)
    rate = fields.Integer(allow_none=True, metadata=BASIS_POINTS)
    count = fields.Integer()
    applies = fields.Boolean()
    holds = fields.Boolean()


class RateInForceSchema(Schema):
    """The rate that holds, and where it comes from."""

    rate = fields.Integer(metadata=BASIS_POINTS)
    scope = fields.String(validate=RATE_SCOPE)
    document = fields.String()


class RateCellDetailSchema(Schema):
    """Why two subdistricts have their rate, what it was before, and what comes."""

    home = fields.Nested(SubdistrictNameSchema)
    host = fields.Nested(SubdistrictNameSchema)
    in_force = fields.Nested(RateInForceSchema)
    ladder = fields.List(fields.Nested(RungSchema))
    history = fields.List(fields.Nested(RateRowSchema))
    upcoming = fields.List(fields.Nested(RateRowSchema))
    exceptions = fields.List(fields.Nested(RateRowSchema))


class RateProposalSchema(Schema):
    """A change of rate that waits for the second person, or is published ahead."""

    id = fields.UUID()
    scope = fields.String(validate=RATE_SCOPE)
    home = fields.Integer()
    host = fields.Integer()
    rate = fields.Integer(allow_none=True, metadata=BASIS_POINTS)
    rate_before = fields.Integer(allow_none=True, metadata=BASIS_POINTS)
    valid_from = fields.AwareDateTime()
    document = fields.String()
    proposed_by_name = fields.String()
    proposed_at = fields.AwareDateTime()
    state = fields.String(validate=PROPOSAL_STATE)
    withdraws = fields.UUID(
        allow_none=True, metadata={"description": "the published rate to be taken back"}
    )


class RateProposedSchema(Schema):
    """A proposal."""

    id = fields.UUID()
    state = fields.String(validate=PROPOSAL_STATE)


class RateConfirmedSchema(RateProposedSchema):
    """A rate that will hold, or one that was taken back before its day."""

    valid_from = fields.AwareDateTime()
    withdraws = fields.UUID(allow_none=True)


class CrossOrderSchema(Schema):
    """An order between communities; the name is masked."""

    id = fields.UUID()
    at = fields.AwareDateTime()
    name = fields.String()
    home = fields.String()
    host = fields.String()
    what = fields.String()
    price = fields.Integer(metadata=CENTIPOINTS)
    cost = fields.Integer(metadata=CENTIPOINTS)
    rate = fields.Integer(metadata=BASIS_POINTS)
    state = fields.String(validate=ORDER_STATE)


class CrossOrdersSchema(Schema):
    """A page of orders between communities, the latest first."""

    rows = fields.List(fields.Nested(CrossOrderSchema))
    has_more = fields.Boolean()
