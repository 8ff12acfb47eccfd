"""Shapes of the API's answers. Amounts are integer centipoints."""

from __future__ import annotations

from marshmallow import fields

from core.schema import Schema
from exchange import words
from exchange.quote import Quote
from exchange.schemas import BASIS_POINTS, CENTIPOINTS


class HostPlaceSchema(Schema):
    """A community."""

    code = fields.Integer()
    short_name = fields.String()
    subdistrict = fields.String()
    kind = fields.String()
    phone = fields.String()


class OfferSchema(Schema):
    """An item as the asking resident may take it."""

    id = fields.UUID()
    name = fields.String()
    category = fields.String()
    template = fields.String(allow_none=True)
    price = fields.Integer(metadata=CENTIPOINTS)
    cost = fields.Integer(metadata=CENTIPOINTS)
    left = fields.Integer()
    note = fields.String()


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
    source = fields.String()
    note = fields.String()
    limit = fields.Integer(allow_none=True)


class QuoteLineSchema(Schema):
    """An item as quoted."""

    item = fields.UUID()
    name = fields.String()
    quantity = fields.Integer()
    price = fields.Integer(metadata=CENTIPOINTS)


class QuoteLimitSchema(Schema):
    """The limit that binds first."""

    kind = fields.String()
    pieces = fields.Integer()
    left = fields.Integer(allow_none=True, metadata=CENTIPOINTS)


class ObstacleSchema(Schema):
    """What submitting would be refused for."""

    code = fields.String()
    message = fields.String()


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
    scope = fields.String()
    document = fields.String()
    valid_until = fields.AwareDateTime()
    available = fields.Integer(metadata=CENTIPOINTS)
    left = fields.Integer(metadata=CENTIPOINTS)
    limit = fields.Nested(QuoteLimitSchema, allow_none=True)
    obstacle = fields.Method("explain")

    def explain(self, quote: Quote) -> dict[str, str] | None:
        """Return the obstacle's code and sentence."""
        found = quote.obstacle
        if found is None:
            return None
        return {"code": found.code(), "message": words.sentence(found)}


class OrderedSchema(Schema):
    """An order just made."""

    id = fields.UUID()
    state = fields.String()
    price = fields.Integer(metadata=CENTIPOINTS)
    cost = fields.Integer(metadata=CENTIPOINTS)
    submitted_at = fields.AwareDateTime()


class RedeemedSchema(Schema):
    """A redemption at the counter."""

    id = fields.UUID()
    state = fields.String()
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
    state = fields.String()
    channel = fields.String()
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
    pickup_until = fields.AwareDateTime(allow_none=True)
    closed_at = fields.AwareDateTime(allow_none=True)


class OrderBriefSchema(Schema):
    """A line of the list of orders."""

    id = fields.UUID()
    name = fields.String()
    station = fields.String()
    cost = fields.Integer(metadata=CENTIPOINTS)
    state = fields.String()
    at = fields.AwareDateTime()
    pickup_until = fields.AwareDateTime(allow_none=True)


class MyOrdersSchema(Schema):
    """A resident's orders."""

    open = fields.List(fields.Nested(OrderBriefSchema))
    closed = fields.List(fields.Nested(OrderBriefSchema))
    has_more = fields.Boolean()


class OrderEndedSchema(Schema):
    """An order that has ended."""

    id = fields.UUID()
    state = fields.String()
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
