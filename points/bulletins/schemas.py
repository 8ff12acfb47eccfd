"""Shapes of public lists in the API. Amounts are integer centipoints."""

from __future__ import annotations

from marshmallow import EXCLUDE, fields, validate

from core.schema import Schema
from points.schemas import CENTIPOINTS, POINTS_KIND, storable


class BulletinSchema(Schema):
    """A month's list."""

    month = fields.Date(metadata={"description": "first day of the month"})
    posted_at = fields.AwareDateTime()
    objections_until = fields.Date()
    lines = fields.Integer()
    service = fields.Integer(metadata=CENTIPOINTS)
    basic = fields.Integer(metadata=CENTIPOINTS)
    corrected_up = fields.Integer(metadata=CENTIPOINTS)
    corrected_down = fields.Integer(metadata=CENTIPOINTS)


class PageSchema(Schema):
    """Where a page of lines begins."""

    class Meta:
        """Query strings may carry what is not ours."""

        unknown = EXCLUDE

    after = fields.Integer(
        load_default=0,
        validate=validate.Range(min=0, max=2**31 - 1),
        metadata={"description": "position of the last line of the page before"},
    )


class BulletinLineSchema(Schema):
    """What one holder got by one rule; the name is masked unless its owner agreed."""

    id = fields.UUID()
    position = fields.Integer()
    name = fields.String()
    building = fields.String()
    kind = fields.String(attribute="points_kind", validate=POINTS_KIND)
    what = fields.String()
    times = fields.Integer()
    amount = fields.Integer(metadata=CENTIPOINTS)
    objection = fields.String(metadata={"description": "open, explained, adjusted, reversed or ''"})


class ObjectSchema(Schema):
    """What is wrong; ``resident``: whom staff write it down for."""

    words = fields.String(required=True, validate=(validate.Length(min=1, max=200), storable))
    resident = fields.UUID(load_default=None, allow_none=True)


class ObjectedSchema(Schema):
    """The request and the last day of its answer."""

    id = fields.UUID()
    answer_by = fields.Date()
    exists = fields.Boolean()
