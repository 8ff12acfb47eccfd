"""Shapes of moving house, of merging records, and of what somebody who died left."""

from __future__ import annotations

from marshmallow import fields, validate

from core.schema import Schema
from points.schemas import CENTIPOINTS
from residents.schemas import AddressSchema

MEMBERS_MAX = 20


class MoveHouseholdSchema(Schema):
    """Members of one household elsewhere who live in the actor's community now."""

    residents = fields.List(
        fields.UUID(), required=True, validate=validate.Length(min=1, max=MEMBERS_MAX)
    )
    household = fields.UUID(load_default=None, allow_none=True)
    address = fields.Nested(AddressSchema, load_default=None, allow_none=True)


class MovedSchema(Schema):
    """The household here, its new residents, and what came along."""

    household = fields.UUID()
    residents = fields.List(fields.UUID())
    service = fields.Integer(metadata=CENTIPOINTS)
    basic = fields.Integer(metadata=CENTIPOINTS)
    exists = fields.Boolean()


class MergeRecordsSchema(Schema):
    """Two records of one person: which one stays, and which one ends."""

    keep = fields.UUID(required=True)
    drop = fields.UUID(required=True)


class MergedSchema(Schema):
    """The record that stays, and what it took over."""

    resident = fields.UUID()
    service = fields.Integer(metadata=CENTIPOINTS)
    basic = fields.Integer(metadata=CENTIPOINTS)
    exists = fields.Boolean()


class DeathSchema(Schema):
    """Who has died."""

    resident = fields.UUID(required=True)


class DeathRecordedSchema(Schema):
    """Until when the household's adults may spend what is left."""

    resident = fields.UUID()
    keeps_until = fields.Date()
    exists = fields.Boolean()


class DeathLineSchema(Schema):
    """A death that was recorded: by whom, when, and until when the points stay."""

    resident = fields.UUID()
    name = fields.String()
    recorded_by = fields.String()
    recorded_at = fields.AwareDateTime()
    keeps_until = fields.Date()


class DeathTakenBackSchema(Schema):
    """The resident who lives here as before; ``exists``: nobody was recorded as dead."""

    resident = fields.UUID()
    exists = fields.Boolean()


class KeptSchema(Schema):
    """What somebody of the household who died left."""

    resident = fields.UUID()
    name = fields.String()
    amount = fields.Integer(metadata=CENTIPOINTS)
    until = fields.Date()
