"""Shapes of the API's answers. Amounts are integer centipoints."""

from __future__ import annotations

from marshmallow import Schema, fields

from exchange import words
from exchange.orders import Decision
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


class HandedOverSchema(Schema):
    """What was handed over."""

    id = fields.UUID()
    state = fields.String()
    words = fields.String()
    cost = fields.Integer(metadata=CENTIPOINTS)
    resident = fields.UUID()
    repeated = fields.Boolean()


class OrderDecisionSchema(Schema):
    """What became of one order: its state, and the refusal that left it so."""

    order = fields.UUID()
    state = fields.String()
    done = fields.Boolean()
    code = fields.Method("name", allow_none=True)
    message = fields.Method("say", allow_none=True)

    def name(self, decision: Decision) -> str | None:
        """Return the refusal's code."""
        return decision.refusal.code() if decision.refusal else None

    def say(self, decision: Decision) -> str | None:
        """Return the refusal's sentence."""
        return words.sentence(decision.refusal) if decision.refusal else None


class OrdersDecidedSchema(Schema):
    """One decision per order."""

    decisions = fields.List(fields.Nested(OrderDecisionSchema))
    done = fields.Integer()


class ApprovalCountsSchema(Schema):
    """How many orders of a station wait, are ready and are done."""

    waiting = fields.Integer()
    ready = fields.Integer()
    done = fields.Integer()
    clean = fields.Integer()
    look = fields.Integer()
    locked = fields.Integer()


class ApprovalRowSchema(Schema):
    """An order as the desk lists it; ``flag`` asks for a look, ``lock`` says who may not decide."""

    id = fields.UUID()
    submitted_at = fields.AwareDateTime()
    resident_id = fields.UUID()
    name = fields.String()
    where = fields.String()
    what = fields.String()
    cost = fields.Integer(metadata=CENTIPOINTS)
    price = fields.Integer(metadata=CENTIPOINTS)
    foreign = fields.Boolean()
    flag = fields.String(allow_none=True)
    lock = fields.String(allow_none=True)
    state = fields.String()
    pickup_until = fields.AwareDateTime(allow_none=True)


class ApprovalsSchema(Schema):
    """A station's orders."""

    counts = fields.Nested(ApprovalCountsSchema)
    rows = fields.List(fields.Nested(ApprovalRowSchema))
    has_more = fields.Boolean()


class StationItemSchema(Schema):
    """An item with its counters, in pieces."""

    id = fields.UUID()
    name = fields.String()
    category = fields.String()
    price = fields.Integer(metadata=CENTIPOINTS)
    on_hand = fields.Integer()
    reserved = fields.Integer()
    free = fields.Integer()
    foreign_left = fields.Integer()
    limit = fields.Integer(allow_none=True)
    state = fields.String()
    low = fields.Boolean()


class StationOpenedSchema(Schema):
    """A station that is open."""

    id = fields.UUID()
    community = fields.Integer()


class ItemChangedSchema(Schema):
    """An item as it is now."""

    id = fields.UUID()
    community = fields.Integer()
    name = fields.String()
    price = fields.Integer(metadata=CENTIPOINTS)
    state = fields.String()


class StockChangedSchema(Schema):
    """An item's counters."""

    item = fields.UUID()
    on_hand = fields.Integer()
    reserved = fields.Integer()
    foreign_left = fields.Integer()


class SubdistrictNameSchema(Schema):
    """A subdistrict."""

    code = fields.Integer()
    name = fields.String()


class RateRowSchema(Schema):
    """A row of the history of rates."""

    id = fields.UUID()
    scope = fields.String()
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
    scope = fields.String()
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


class RateProposedSchema(Schema):
    """A proposal."""

    id = fields.UUID()
    state = fields.String()


class RateConfirmedSchema(RateProposedSchema):
    """A rate that will hold."""

    valid_from = fields.AwareDateTime()


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
    state = fields.String()


class CrossOrdersSchema(Schema):
    """A page of orders between communities, the latest first."""

    rows = fields.List(fields.Nested(CrossOrderSchema))
    has_more = fields.Boolean()
