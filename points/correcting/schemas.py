"""Shapes of corrections, adjustments and holds. Amounts are integer centipoints."""

from __future__ import annotations

from typing import get_args

from marshmallow import fields, validate

from core.schema import ROLE, Schema
from points.correcting import adjustments, corrections
from points.models.correcting import ADJUSTED_MAX
from points.schemas import CENTIPOINTS, HOLDER_KIND, POINTS_KIND, SOURCE_KIND, storable

SIGNED = {"description": "centipoints, negative for what is taken"}
TOGETHER = {"description": "centipoints that it moves for all who paid the line together"}
CORRECTION_STATE = validate.OneOf(("open", "answered", "withdrawn"))
ADJUSTMENT_STATE = validate.OneOf(("proposed", "posted", "refused", "withdrawn", "waived"))
ADJUSTMENT_ACT = validate.OneOf(("adjustment", "reversal"))


def _words(most: int) -> fields.String:
    return fields.String(required=True, validate=(validate.Length(min=1, max=most), storable))


class OpenCorrectionSchema(Schema):
    """What is wrong with a line of one's own."""

    line = fields.UUID(required=True, metadata={"description": "a transfer, or an award"})
    words = _words(corrections.WORDS_MAX)


class OpenForResidentSchema(OpenCorrectionSchema):
    """What somebody without a phone says is wrong."""

    resident = fields.UUID(required=True)


class CorrectionOpenedSchema(Schema):
    """The request, and the last day of its answer."""

    id = fields.UUID()
    answer_by = fields.Date()
    exists = fields.Boolean()


class AnswerSchema(Schema):
    """The community's answer, in words."""

    answer = _words(corrections.WORDS_MAX)


class CorrectionMovedSchema(Schema):
    """The request's state now."""

    id = fields.UUID()
    state = fields.String(validate=CORRECTION_STATE)


class AdjustmentMovedSchema(Schema):
    """The proposal's state now."""

    id = fields.UUID()
    state = fields.String(validate=ADJUSTMENT_STATE)


class CorrectionSchema(Schema):
    """A request with its answer; ``effect`` names the adjustment or reversal that answered it."""

    id = fields.UUID()
    kind = fields.String(validate=validate.OneOf(get_args(corrections.Kind)))
    state = fields.String(validate=CORRECTION_STATE)
    community = fields.Integer()
    line = fields.UUID(attribute="subject")
    asked_by = fields.UUID()
    entered_by = fields.UUID(allow_none=True)
    words = fields.String()
    opened_at = fields.AwareDateTime()
    answer_by = fields.Date()
    outcome = fields.String(allow_none=True, validate=validate.OneOf(get_args(corrections.Outcome)))
    answer = fields.String(allow_none=True)
    answered_by = fields.UUID(allow_none=True)
    effect = fields.UUID(allow_none=True)
    closed_at = fields.AwareDateTime(allow_none=True)


class ProposalSchema(Schema):
    """Why, on what evidence, and which request it answers."""

    reason = _words(adjustments.WORDS_MAX)
    evidence = _words(adjustments.EVIDENCE_MAX)
    correction = fields.UUID(load_default=None, allow_none=True)


class ProposeAdjustmentSchema(ProposalSchema):
    """Points to give or to take."""

    holder_kind = fields.String(required=True, validate=validate.OneOf(("resident", "household")))
    holder_id = fields.UUID(required=True)
    points_kind = fields.String(required=True, validate=validate.OneOf(("basic", "service")))
    amount = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(min=-ADJUSTED_MAX, max=ADJUSTED_MAX),
        metadata=SIGNED,
    )


class ProposeReversalSchema(ProposalSchema):
    """A line to be undone: a transfer with all that its act posted, or an award that waits."""

    line = fields.UUID(required=True)
    amount = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(min=1),
        metadata={"description": "centipoints of what all paid for it; null: the rest"},
    )


class ProposedSchema(Schema):
    """What waits for a second person now."""

    id = fields.UUID()
    amount = fields.Integer(metadata=SIGNED)
    together = fields.Integer(metadata=TOGETHER)
    exists = fields.Boolean()


class DecideSchema(Schema):
    """A second person's word; a refusal says why."""

    approve = fields.Boolean(required=True)
    refusal = fields.String(
        load_default="", validate=(validate.Length(max=adjustments.WORDS_MAX), storable)
    )


class DecidedSchema(Schema):
    """What became of it."""

    id = fields.UUID()
    state = fields.String(validate=ADJUSTMENT_STATE)
    posted = fields.Integer(metadata=CENTIPOINTS)
    lapsed = fields.Integer(metadata=CENTIPOINTS)
    shortage = fields.Integer(metadata=CENTIPOINTS)
    voided = fields.Integer(metadata=CENTIPOINTS)


class WaiveSchema(Schema):
    """Why what is missing is let go."""

    reason = _words(adjustments.WORDS_MAX)


class CollectedSchema(Schema):
    """What was taken now, and what is still missing."""

    id = fields.UUID()
    amount = fields.Integer(metadata=CENTIPOINTS)
    missing = fields.Integer(metadata=CENTIPOINTS)


class AdjustmentQuerySchema(Schema):
    """Which of them."""

    show = fields.String(
        load_default="waiting", validate=validate.OneOf(("waiting", "short", "done"))
    )


class AdjustmentSchema(DecidedSchema):
    """A proposal with what became of it."""

    act = fields.String(validate=ADJUSTMENT_ACT)
    community = fields.Integer()
    holder_kind = fields.String(validate=HOLDER_KIND)
    holder_id = fields.UUID()
    points_kind = fields.String(validate=POINTS_KIND)
    amount = fields.Integer(metadata=SIGNED)
    together = fields.Integer(metadata=TOGETHER)
    line = fields.UUID(attribute="original", allow_none=True)
    reason = fields.String()
    evidence = fields.String()
    correction = fields.UUID(allow_none=True)
    maker = fields.UUID()
    maker_role = fields.String(validate=ROLE)
    proposed_at = fields.AwareDateTime()
    checker = fields.UUID(allow_none=True)
    checker_role = fields.String(allow_none=True, validate=ROLE)
    refusal = fields.String(allow_none=True)
    closed_at = fields.AwareDateTime(allow_none=True)
    missing = fields.Integer(metadata=CENTIPOINTS)


class LineAdjustmentSchema(Schema):
    """What two people did to a line of one's own."""

    id = fields.UUID()
    act = fields.String(validate=ADJUSTMENT_ACT)
    amount = fields.Integer(metadata=SIGNED)
    posted = fields.Integer(metadata=CENTIPOINTS)
    reason = fields.String()
    maker = fields.UUID()
    maker_role = fields.String(validate=ROLE)
    checker = fields.UUID(allow_none=True)
    checker_role = fields.String(allow_none=True, validate=ROLE)
    closed_at = fields.AwareDateTime(allow_none=True)


class AboutLineSchema(Schema):
    """What happened to a line since."""

    corrections = fields.List(fields.Nested(CorrectionSchema))
    adjustments = fields.List(fields.Nested(LineAdjustmentSchema))


class HoldSchema(Schema):
    """Points set aside: for what, since when, until when."""

    id = fields.UUID()
    reason = fields.String()
    amount = fields.Integer(metadata=CENTIPOINTS)
    source_kind = fields.String(validate=SOURCE_KIND)
    source_id = fields.UUID()
    since = fields.AwareDateTime()
    until = fields.AwareDateTime(
        allow_none=True, metadata={"description": "null: as long as what it is for"}
    )
