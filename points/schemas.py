"""Shapes of what comes in and goes out. Amounts are integer centipoints."""

from __future__ import annotations

from typing import get_args

from marshmallow import EXCLUDE, ValidationError, fields, validate

from core.errors import N_
from core.schema import Schema
from points.accounts import PointsKind
from points.earning.acts import NOTE_MAX
from points.earning.awards import UNITS_MAX, Provenance
from points.earning.own_rules import UNITS
from points.models.ledger import ACTS, SOURCE_KINDS

CENTIPOINTS = {"description": "centipoints: 100 is one point"}
AWARDS_MAX = 200
POSITION_MAX = 2**63 - 1
ACT = validate.OneOf(ACTS)
POINTS_KIND = validate.OneOf(get_args(PointsKind))
HOLDER_KIND = validate.OneOf(("resident", "household"))
SOURCE_KIND = validate.OneOf(SOURCE_KINDS)
UNIT = validate.OneOf(UNITS)
PROVENANCE = validate.OneOf(get_args(Provenance))


def storable(value: str) -> None:
    """Refuse what no database stores as text: NUL, and halves of characters."""
    try:
        is_bad = b"\0" in value.encode()
    except UnicodeEncodeError:
        is_bad = True
    if is_bad:
        raise ValidationError(N_("这里有不能保存的字符，请重新输入。"))


class BalanceSchema(Schema):
    """What a resident has: service points, and the family's basic points of a life."""

    balance = fields.Integer(metadata=CENTIPOINTS)
    pending = fields.Integer(metadata=CENTIPOINTS)
    held = fields.Integer(metadata=CENTIPOINTS)
    lapsing = fields.Integer(metadata=CENTIPOINTS)
    lapsing_on = fields.Date()
    later = fields.Integer(metadata=CENTIPOINTS)
    later_on = fields.Date()
    overdue = fields.Integer(
        metadata={"description": "centipoints that came back after their year had ended"}
    )
    overdue_on = fields.Date()
    new_on = fields.Date(
        allow_none=True,
        metadata={"description": "when what arrives now lapses; null: never"},
    )
    basic = fields.Integer(metadata=CENTIPOINTS)
    title = fields.String()
    next_title = fields.String()
    missing = fields.Integer(metadata=CENTIPOINTS)


class TransfersQuerySchema(Schema):
    """Which transfers of one's own account."""

    class Meta:
        """Query strings may carry what is not ours."""

        unknown = EXCLUDE

    kind = fields.String(
        load_default="service",
        validate=validate.OneOf(("service", "basic", "household")),
        metadata={"description": "household: the basic points that the household has together"},
    )
    before = fields.Integer(
        load_default=None,
        validate=validate.Range(min=1, max=POSITION_MAX),
        metadata={"description": "position of the last line of the page before"},
    )


class TransferSchema(Schema):
    """A transfer of one's own account; ``amount`` is signed."""

    id = fields.UUID()
    act = fields.String(attribute="kind", validate=ACT)
    reason = fields.String()
    place = fields.Integer(metadata={"description": "code of the community"})
    amount = fields.Integer(metadata={"description": "centipoints, negative for a spending"})
    balance = fields.Integer(metadata={"description": "centipoints after this transfer"})
    at = fields.AwareDateTime()
    position = fields.Integer()


class EvidenceSchema(Schema):
    """Everything about one line of one's own; ``amount`` is signed, a spending's legs together."""

    id = fields.UUID()
    kind = fields.String(validate=POINTS_KIND)
    act = fields.String(validate=ACT)
    reason = fields.String()
    place = fields.Integer(metadata={"description": "code of the community"})
    amount = fields.Integer(metadata={"description": "centipoints, negative for a spending"})
    state = fields.String(
        validate=validate.OneOf(
            ("pending", "posted", "collected", "returned", "taken", "gone", "lapsed")
        )
    )
    event_at = fields.AwareDateTime()
    posted_at = fields.AwareDateTime(allow_none=True)
    due = fields.AwareDateTime(allow_none=True)
    recorded_by = fields.UUID(attribute="actor")
    rule = fields.String()
    unit = fields.String(validate=validate.OneOf((*UNITS, "")))
    units = fields.Integer()
    per_unit = fields.Integer(metadata=CENTIPOINTS)
    provenance = fields.String(validate=validate.OneOf((*get_args(Provenance), "")))
    source_kind = fields.String(validate=SOURCE_KIND)
    source_id = fields.UUID()


class AwardSchema(Schema):
    """An award that waits; ``due`` null: a second person has to confirm it first."""

    id = fields.UUID()
    reason = fields.String()
    place = fields.Integer(metadata={"description": "code of the community"})
    amount = fields.Integer(metadata=CENTIPOINTS)
    at = fields.AwareDateTime()
    due = fields.AwareDateTime(allow_none=True)


class WaitingAwardSchema(Schema):
    """An award that waits for a second person."""

    id = fields.UUID()
    rule = fields.String()
    reason = fields.String()
    units = fields.Integer()
    amount = fields.Integer(metadata=CENTIPOINTS)
    provenance = fields.String(validate=PROVENANCE)
    holder_id = fields.UUID()
    community = fields.Integer()
    recorded_by = fields.UUID()
    event_at = fields.AwareDateTime()


class RecordActSchema(Schema):
    """An act by a rule of the catalogue, of a resident or household of one's community."""

    rule = fields.String(required=True, validate=(validate.Length(min=1, max=60), storable))
    holder_kind = fields.String(required=True, validate=validate.OneOf(("resident", "household")))
    holder_id = fields.UUID(required=True)
    units = fields.Integer(
        required=True, strict=True, validate=validate.Range(min=1, max=UNITS_MAX)
    )
    day = fields.Date(load_default=None, allow_none=True)
    note = fields.String(load_default="", validate=(validate.Length(max=NOTE_MAX), storable))
    helped = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "help among neighbours: the resident who was helped"},
    )
    word = fields.String(
        load_default="told",
        validate=validate.OneOf(("told", "device")),
        metadata={"description": "told: they said so to you; device: ask them on their phone"},
    )


class AwardedSchema(Schema):
    """What it came to; ``id`` null: the rule's caps left nothing."""

    id = fields.UUID(allow_none=True)
    amount = fields.Integer(metadata=CENTIPOINTS)
    units = fields.Integer()
    due = fields.AwareDateTime(allow_none=True)
    capped = fields.Boolean()
    cap = fields.String(
        allow_none=True,
        metadata={"description": "which cap left units out: per_day, household_per_month, …"},
    )
    exists = fields.Boolean()
    asked = fields.Boolean(
        metadata={"description": "the helped neighbour is asked; nothing is given before a yes"}
    )


class AwardIdsSchema(Schema):
    """Awards that a second person confirms."""

    awards = fields.List(
        fields.UUID(), required=True, validate=validate.Length(min=1, max=AWARDS_MAX)
    )


class AwardsConfirmedSchema(Schema):
    """How many were confirmed now."""

    confirmed = fields.Integer()


class RushSchema(Schema):
    """What lapses in a community at a year's end."""

    community = fields.Integer()
    day = fields.Date()
    residents = fields.Integer()
    amount = fields.Integer(metadata=CENTIPOINTS)
