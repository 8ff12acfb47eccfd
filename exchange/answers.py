"""Shapes of the API's answers. Amounts are integer centipoints."""

from __future__ import annotations

from marshmallow import fields, validate

from core.schema import Schema
from exchange import words
from exchange.schemas import BASIS_POINTS, CENTIPOINTS, ITEM_SOURCE, ORDER_STATE, RATE_SCOPE

CHANNEL = validate.OneOf(("phone", "counter"))
ASKED = {"description": "until when an asked order waits for a yes; null: it does not"}
SHARED = {"description": "whether several of the household pay it"}


class HostPlaceSchema(Schema):
    """A community."""

    code = fields.Integer()
    short_name = fields.String()
    subdistrict = fields.String()
    kind = fields.String(validate=validate.OneOf(("neighbourhood", "village")))
    phone = fields.String()


class OfferSchema(Schema):
    """An item as the asking resident may take it."""

    id = fields.UUID()
    name = fields.String()
    category = fields.String()
    template = fields.String(allow_none=True)
    price = fields.Integer(metadata=CENTIPOINTS)
    cost = fields.Integer(metadata=CENTIPOINTS)
    in_stock = fields.Integer(metadata={"description": "pieces that nobody has reserved"})
    left = fields.Integer(metadata={"description": "pieces that this resident may still take"})
    note = fields.String(metadata={"description": "why they may take none"})


class StationViewSchema(Schema):
    """A station with part of its shelf."""

    id = fields.UUID()
    name = fields.String()
    place = fields.Nested(HostPlaceSchema)
    at_home = fields.Boolean()
    hours = fields.String()
    address = fields.String()
    rate = fields.Integer(metadata=BASIS_POINTS)
    why = fields.String()
    document = fields.String()
    offers = fields.List(fields.Nested(OfferSchema))
    count = fields.Integer()


class ShelvesSchema(Schema):
    """The exchange as a resident enters it."""

    balance = fields.Integer(metadata=CENTIPOINTS)
    open_orders = fields.Integer()
    home = fields.Nested(StationViewSchema, allow_none=True)
    others = fields.List(fields.Nested(StationViewSchema))
    has_more = fields.Boolean()


class ItemViewSchema(Schema):
    """An item by itself."""

    id = fields.UUID()
    community = fields.Integer()
    name = fields.String()
    category = fields.String()
    template = fields.String(allow_none=True)
    source = fields.String(validate=ITEM_SOURCE)
    note = fields.String()
    limit = fields.Integer(
        allow_none=True, metadata={"description": "pieces per household and month; null: no limit"}
    )
    price = fields.Integer(
        metadata={"description": "centipoints per piece at its own station; a quote says the cost"}
    )
    in_stock = fields.Integer(metadata={"description": "pieces that nobody has reserved"})
    listed = fields.Boolean(metadata={"description": "false: it is not offered any more"})


class QuoteLineSchema(Schema):
    """An item as quoted."""

    item = fields.UUID()
    name = fields.String()
    quantity = fields.Integer()
    price = fields.Integer(metadata=CENTIPOINTS)


class QuoteLimitSchema(Schema):
    """The limit that binds first."""

    kind = fields.String(
        validate=validate.OneOf(
            ("stock", "foreign_share", "household", "order_points", "month_points")
        )
    )
    pieces = fields.Integer()
    left = fields.Integer(allow_none=True, metadata=CENTIPOINTS)


class ObstacleSchema(Schema):
    """What submitting would be refused for."""

    code = fields.Function(lambda found: found.code(), metadata={"type": "string"})
    message = fields.Function(words.sentence, metadata={"type": "string"})


class QuoteSchema(Schema):
    """What an order would cost; ``quote`` is the signed text to submit."""

    quote = fields.String(attribute="token")
    station = fields.UUID()
    station_name = fields.String()
    host = fields.Integer()
    host_name = fields.String()
    lines = fields.List(fields.Nested(QuoteLineSchema))
    price = fields.Integer(metadata=CENTIPOINTS)
    cost = fields.Integer(metadata=CENTIPOINTS)
    rate = fields.Integer(metadata=BASIS_POINTS)
    scope = fields.String(validate=RATE_SCOPE)
    document = fields.String()
    valid_until = fields.AwareDateTime()
    available = fields.Integer(metadata=CENTIPOINTS)
    left = fields.Integer(metadata=CENTIPOINTS)
    limit = fields.Nested(QuoteLimitSchema, allow_none=True)
    obstacle = fields.Nested(
        ObstacleSchema,
        allow_none=True,
        metadata={"description": "null: it can be ordered now"},
    )


class OrderedSchema(Schema):
    """An order just made."""

    id = fields.UUID()
    state = fields.String(validate=ORDER_STATE)
    price = fields.Integer(metadata=CENTIPOINTS)
    cost = fields.Integer(metadata=CENTIPOINTS)
    submitted_at = fields.AwareDateTime()


class RedeemedSchema(Schema):
    """A redemption at the counter."""

    id = fields.UUID()
    state = fields.String(validate=ORDER_STATE)
    price = fields.Integer(metadata=CENTIPOINTS)
    cost = fields.Integer(metadata=CENTIPOINTS)


class OrderLineSchema(Schema):
    """An item in an order."""

    item = fields.UUID()
    name = fields.String()
    category = fields.String()
    quantity = fields.Integer()
    price = fields.Integer(metadata=CENTIPOINTS)


class OrderViewSchema(Schema):
    """An order with what has happened to it."""

    id = fields.UUID()
    number = fields.String()
    state = fields.String(validate=ORDER_STATE)
    channel = fields.String(validate=CHANNEL)
    host = fields.Integer()
    home = fields.Integer()
    station = fields.String()
    station_address = fields.String()
    station_hours = fields.String()
    lines = fields.List(fields.Nested(OrderLineSchema))
    price = fields.Integer(metadata=CENTIPOINTS)
    cost = fields.Integer(metadata=CENTIPOINTS)
    rate = fields.Integer(metadata=BASIS_POINTS)
    submitted_at = fields.AwareDateTime()
    decided_at = fields.AwareDateTime(allow_none=True)
    refusal = fields.String(allow_none=True)
    pickup_code = fields.String(allow_none=True)
    pickup_url = fields.String(
        allow_none=True,
        metadata={"format": "uri", "description": "what the QR code of the 领取码 holds"},
    )
    pickup_until = fields.AwareDateTime(allow_none=True)
    asked_until = fields.AwareDateTime(allow_none=True, metadata=ASKED)
    shared = fields.Boolean(metadata=SHARED)
    closed_at = fields.AwareDateTime(allow_none=True)


class OrderBriefSchema(Schema):
    """A line of the list of orders."""

    id = fields.UUID()
    name = fields.String()
    station = fields.String()
    cost = fields.Integer(metadata=CENTIPOINTS)
    state = fields.String(validate=ORDER_STATE)
    channel = fields.String(validate=CHANNEL)
    at = fields.AwareDateTime()
    pickup_until = fields.AwareDateTime(allow_none=True)
    asked_until = fields.AwareDateTime(allow_none=True, metadata=ASKED)
    shared = fields.Boolean(metadata=SHARED)


class MyOrdersSchema(Schema):
    """A resident's orders."""

    open = fields.List(fields.Nested(OrderBriefSchema))
    closed = fields.List(fields.Nested(OrderBriefSchema))
    has_more = fields.Boolean()


class OrderEndedSchema(Schema):
    """An order that has ended."""

    id = fields.UUID()
    state = fields.String(validate=ORDER_STATE)
    cost = fields.Integer(metadata=CENTIPOINTS)


class NoticeLineSchema(Schema):
    """What one point counts for where, since when, by which document."""

    where = fields.String()
    rate = fields.Integer(metadata=BASIS_POINTS)
    why = fields.String()
    since = fields.AwareDateTime(allow_none=True)
    document = fields.String()


class NoticeSchema(Schema):
    """The rates that residents of a community read: those in force, and those published ahead."""

    rules = fields.List(fields.Nested(NoticeLineSchema))
    coming = fields.List(fields.Nested(NoticeLineSchema))


class RelativeSchema(Schema):
    """Who may pay beside the resident; ``available`` only of what somebody who died left."""

    resident = fields.UUID()
    name = fields.String()
    left = fields.Boolean()
    spoken_for = fields.Boolean()
    available = fields.Integer(allow_none=True, metadata=CENTIPOINTS)


class AskedShareSchema(Schema):
    """A share that the resident, or somebody they act for, is asked to pay."""

    order = fields.UUID()
    resident = fields.UUID()
    name = fields.String()
    by = fields.String()
    amount = fields.Integer(metadata=CENTIPOINTS)
    until = fields.AwareDateTime()


class ShareViewSchema(Schema):
    """Who pays what of an order."""

    resident = fields.UUID()
    name = fields.String()
    amount = fields.Integer(metadata=CENTIPOINTS)
    back = fields.Integer(metadata=CENTIPOINTS)
    agreed = fields.Boolean()
    mine = fields.Boolean()
    may_answer = fields.Boolean()


class AgreedSchema(Schema):
    """The order's state now, and the share."""

    id = fields.UUID()
    state = fields.String(validate=ORDER_STATE)
    amount = fields.Integer(metadata=CENTIPOINTS)
