"""Shapes of the API's answers at the desk. Amounts are integer centipoints."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_dump, validate

from core.schema import Schema
from exchange import words
from exchange.answers import AskedShareSchema, OrderLineSchema, QuoteSchema, ShareViewSchema
from exchange.models import ORDER_STATES
from exchange.orders import Decision
from exchange.quote import Quote
from exchange.schemas import BASIS_POINTS, CENTIPOINTS, ITEM_SOURCE, ITEM_STATE, ORDER_STATE

WORDS_OR_NULL = {"type": ["string", "null"]}


class HandedOverSchema(Schema):
    """What was handed over."""

    id = fields.UUID()
    state = fields.String(validate=ORDER_STATE)
    words = fields.String()
    cost = fields.Integer(metadata=CENTIPOINTS)
    resident = fields.UUID()
    by_name = fields.Boolean(metadata={"description": "staff looked at the person, no code"})
    repeated = fields.Boolean()


class OrderDecisionSchema(Schema):
    """What became of one order: its state, and the refusal that left it so."""

    order = fields.UUID()
    state = fields.String(validate=validate.OneOf((*ORDER_STATES, "unknown")))
    done = fields.Boolean()
    code = fields.Method("name", allow_none=True, metadata=WORDS_OR_NULL)
    message = fields.Method("say", allow_none=True, metadata=WORDS_OR_NULL)

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
    resident_id = fields.UUID(allow_none=True)
    name = fields.String()
    where = fields.String()
    what = fields.String()
    cost = fields.Integer(metadata=CENTIPOINTS)
    price = fields.Integer(metadata=CENTIPOINTS)
    foreign = fields.Boolean()
    flag = fields.String(allow_none=True)
    lock = fields.String(allow_none=True)
    state = fields.String(validate=ORDER_STATE)
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
    template = fields.String(allow_none=True)
    source = fields.String(validate=ITEM_SOURCE)
    price = fields.Integer(metadata=CENTIPOINTS)
    on_hand = fields.Integer()
    reserved = fields.Integer()
    free = fields.Integer()
    full = fields.Integer()
    alert = fields.Integer()
    foreign_left = fields.Integer()
    foreign_share = fields.Integer(allow_none=True)
    foreign_share_percent = fields.Integer()
    home_first_days = fields.Integer()
    home_first_until = fields.Date(allow_none=True)
    limit = fields.Integer(allow_none=True)
    given_this_month = fields.Integer()
    state = fields.String(validate=ITEM_STATE)
    low = fields.Boolean()
    note = fields.String()


class StockMoveSchema(Schema):
    """Why a counter changed, and by how many pieces."""

    kind = fields.String(validate=validate.OneOf(("receipt", "given", "returned", "count")))
    name = fields.String()
    quantity = fields.Integer()
    at = fields.AwareDateTime()
    by = fields.String()


class StaffStationSchema(Schema):
    """A station as its staff see it: its door, what waits there, what moved last."""

    id = fields.UUID()
    name = fields.String()
    address = fields.String()
    hours = fields.String()
    opened_on = fields.Date()
    ready = fields.Integer()
    moves = fields.List(fields.Nested(StockMoveSchema))


class ItemTemplateSchema(Schema):
    """A ready-made item that the station does not offer yet."""

    key = fields.String()
    name = fields.String()
    category = fields.String()
    price = fields.Integer(metadata=CENTIPOINTS)
    source = fields.String(validate=ITEM_SOURCE)
    limit = fields.Integer(allow_none=True)
    note = fields.String()


class HouseholdOrderSchema(Schema):
    """An order of the same household this quarter; ``this``: the one that was asked for."""

    day = fields.AwareDateTime()
    name = fields.String()
    what = fields.String()
    cost = fields.Integer(metadata=CENTIPOINTS)
    state_words = fields.String()
    this = fields.Boolean()


class OrderEventSchema(Schema):
    """Something that happened to an order; without a moment, it is still to come."""

    at = fields.AwareDateTime(allow_none=True)
    words = fields.String()
    by = fields.String()


class OrderStorySchema(Schema):
    """An order with what helps to decide on it; ``lock`` says why somebody may not.

    What somebody from elsewhere has at home is null: the points of this order are held.
    """

    id = fields.UUID()
    number = fields.String()
    name = fields.String()
    where = fields.String()
    resident_id = fields.UUID(allow_none=True)
    state = fields.String(validate=ORDER_STATE)
    lock = fields.String(allow_none=True)
    look = fields.List(fields.String())
    lines = fields.List(fields.Nested(OrderLineSchema))
    price = fields.Integer(metadata=CENTIPOINTS)
    cost = fields.Integer(metadata=CENTIPOINTS)
    rate = fields.Integer(allow_none=True, metadata=BASIS_POINTS)
    available = fields.Integer(metadata=CENTIPOINTS, allow_none=True)
    held = fields.Integer(metadata=CENTIPOINTS, allow_none=True)
    left = fields.Integer(metadata=CENTIPOINTS, allow_none=True)
    household = fields.List(fields.Nested(HouseholdOrderSchema))
    events = fields.List(fields.Nested(OrderEventSchema))
    shares = fields.List(fields.Nested(ShareViewSchema))
    unconfirmed = fields.Boolean()


class ReadyOrderSchema(Schema):
    """An order that waits to be collected; its code is for whoever collects it to say."""

    id = fields.UUID()
    name = fields.String()
    what = fields.String()
    pickup_until = fields.AwareDateTime()


class PickupOrderSchema(Schema):
    """The order that six digits open, whatever became of it.

    ``where`` is for those who enter residents, and for whoever is to confirm this one.
    """

    id = fields.UUID()
    number = fields.String()
    name = fields.String()
    where = fields.String()
    resident_id = fields.UUID(allow_none=True)
    lines = fields.List(fields.Nested(OrderLineSchema))
    cost = fields.Integer(metadata=CENTIPOINTS)
    approved_by = fields.String()
    pickup_until = fields.AwareDateTime(allow_none=True)
    unconfirmed = fields.Boolean()
    state = fields.String(validate=ORDER_STATE)


class CounterItemSchema(Schema):
    """An item as one resident may take it at the counter; ``closed`` says why they may not."""

    id = fields.UUID()
    name = fields.String()
    category = fields.String()
    price = fields.Integer(metadata=CENTIPOINTS)
    left = fields.Integer()
    closed = fields.String()


class BesideSchema(Schema):
    """Somebody of the household who may pay a share; ``left``: they died and left this.

    Of a household from elsewhere the names are masked and what each has is null.
    """

    resident = fields.UUID()
    name = fields.String()
    left = fields.Boolean()
    available = fields.Integer(metadata=CENTIPOINTS, allow_none=True)


class CounterSchema(Schema):
    """What the counter needs about one resident.

    The items, who may pay beside them, and what the family asks them for.
    """

    items = fields.List(fields.Nested(CounterItemSchema))
    family = fields.List(fields.Nested(BesideSchema))
    shares = fields.List(fields.Nested(AskedShareSchema))


class WaySchema(Schema):
    """A way to agree at the counter, and whether it is open for this sum."""

    value = fields.String()
    title = fields.String()
    note = fields.String()
    allowed = fields.Boolean()


class CounterOfferSchema(QuoteSchema):
    """A quote as the counter reads it: what somebody from elsewhere has at home is null."""

    available = fields.Integer(metadata=CENTIPOINTS, allow_none=True)
    left = fields.Integer(metadata=CENTIPOINTS, allow_none=True)

    @post_dump(pass_original=True)
    def keep_home(self, data: dict[str, Any], quote: Quote, **_kwargs: Any) -> dict[str, Any]:
        """Leave out what is not this station's to read; ``obstacle`` says if it is too little."""
        return data | {"available": None, "left": None} if quote.cross else data


class CounterQuoteSchema(Schema):
    """What it would cost a resident, and how they may agree to it."""

    quote = fields.Nested(CounterOfferSchema)
    ways = fields.List(fields.Nested(WaySchema))


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
    state = fields.String(validate=ITEM_STATE)


class StockChangedSchema(Schema):
    """An item's counters."""

    item = fields.UUID()
    on_hand = fields.Integer()
    reserved = fields.Integer()
    foreign_left = fields.Integer()
