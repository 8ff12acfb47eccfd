"""Shapes of what comes in and goes out; page and API use the same. Amounts are centipoints."""

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, fields, post_load, validate

from core.schema import Schema
from exchange.basket import LINES_MAX, QUANTITY_MAX, Wanted
from exchange.counter import CONFIRMATIONS
from exchange.models import ORDER_STATES, RATE_MAX, SOURCES
from exchange.orders import ApproveOrders, HandOver, RefuseOrder, Share, UndoApprovals
from exchange.orders.decide import ORDERS_MAX, REASON_LENGTH_MAX
from exchange.orders.sharing import SHARES_MAX
from exchange.rates import LADDER
from exchange.rates.resolve import OWN
from exchange.stations import PERCENT_MAX, PRICE_MAX
from exchange.stations import QUANTITY_MAX as RECEIPT_MAX

CENTIPOINTS = {"description": "centipoints: 100 is one point"}
BASIS_POINTS = {"description": "basis points: 8000 is 0.8, 10000 is par"}
CODE_DIGITS_MAX = 20
ORDER_STATE = validate.OneOf(ORDER_STATES)
RATE_SCOPE = validate.OneOf((*LADDER, OWN.scope))
PROPOSAL_STATE = validate.OneOf(("proposed", "confirmed", "withdrawn"))
ITEM_SOURCE = validate.OneOf(SOURCES)
ITEM_STATE = validate.OneOf(("listed", "unlisted"))


class BasketLineSchema(Schema):
    """Pieces of one item."""

    item = fields.UUID(required=True)
    quantity = fields.Integer(
        required=True, strict=True, validate=validate.Range(min=1, max=QUANTITY_MAX)
    )

    @post_load
    def build(self, data: dict[str, Any], **_: object) -> Wanted:
        """Return what is wanted."""
        return Wanted(**data)


class BasketSchema(Schema):
    """A basket of one station."""

    lines = fields.List(
        fields.Nested(BasketLineSchema),
        required=True,
        validate=validate.Length(min=1, max=LINES_MAX),
    )


class ExchangePageSchema(Schema):
    """Which page of a list."""

    class Meta:
        """Query strings may carry what is not ours."""

        unknown = EXCLUDE

    page = fields.Integer(load_default=1, validate=validate.Range(min=1, max=1000))


class CrossOrdersQuerySchema(ExchangePageSchema):
    """Between which places: codes of subdistricts or communities; without one, all of them."""

    home = fields.Integer(load_default=None, allow_none=True)
    host = fields.Integer(load_default=None, allow_none=True)


class ApprovalsQuerySchema(ExchangePageSchema):
    """Which orders of a station."""

    show = fields.String(
        load_default="waiting", validate=validate.OneOf(("waiting", "ready", "done"))
    )


class QuoteRequestSchema(BasketSchema):
    """What is to be priced."""


class ShareSchema(Schema):
    """What somebody of the household is asked to pay."""

    resident = fields.UUID(required=True)
    amount = fields.Integer(
        required=True, strict=True, validate=validate.Range(min=1), metadata=CENTIPOINTS
    )

    @post_load
    def build(self, data: dict[str, Any], **_: object) -> Share:
        """Return the share."""
        return Share(**data)


class SubmitOrderSchema(Schema):
    """A quote that is agreed to; what others do not pay is the resident's own."""

    quote = fields.String(required=True, validate=validate.Length(min=1, max=8000))
    shares = fields.List(
        fields.Nested(ShareSchema), load_default=list, validate=validate.Length(max=SHARES_MAX)
    )


class OrderIdsSchema(Schema):
    """Orders that are decided together."""

    orders = fields.List(
        fields.UUID(), required=True, validate=validate.Length(min=1, max=ORDERS_MAX)
    )


class ApproveOrdersSchema(OrderIdsSchema):
    """Orders to approve."""

    @post_load
    def build(self, data: dict[str, Any], **_: object) -> ApproveOrders:
        """Return the command."""
        return ApproveOrders(orders=tuple(data["orders"]))


class UndoApprovalsSchema(OrderIdsSchema):
    """Approvals to take back."""

    @post_load
    def build(self, data: dict[str, Any], **_: object) -> UndoApprovals:
        """Return the command."""
        return UndoApprovals(orders=tuple(data["orders"]))


class RefuseOrderSchema(Schema):
    """An order that is refused, with the reason that the resident reads."""

    order = fields.UUID(required=True)
    reason = fields.String(required=True, validate=validate.Length(min=1, max=REASON_LENGTH_MAX))

    @post_load
    def build(self, data: dict[str, Any], **_: object) -> RefuseOrder:
        """Return the command."""
        return RefuseOrder(**data)


class HandOverSchema(Schema):
    """Six digits of a pickup code; ``order`` when a scanned code named it.

    An order alone is enough where ``confirm_resident`` says that staff looked at the person.
    """

    code = fields.String(load_default="", validate=validate.Length(max=CODE_DIGITS_MAX))
    order = fields.UUID(load_default=None, allow_none=True)
    confirm_resident = fields.Boolean(load_default=False)

    @post_load
    def build(self, data: dict[str, Any], **_: object) -> HandOver:
        """Return the command."""
        return HandOver(**data)


class CounterRedemptionSchema(BasketSchema):
    """A redemption at the counter."""

    resident = fields.UUID(required=True)
    confirmation = fields.String(required=True, validate=validate.OneOf(CONFIRMATIONS))
    shown = fields.Integer(strict=True, load_default=None, allow_none=True, metadata=CENTIPOINTS)
    confirm_resident = fields.Boolean(load_default=False)
    shares = fields.List(
        fields.Nested(ShareSchema), load_default=list, validate=validate.Length(max=SHARES_MAX)
    )


class CounterQuoteRequestSchema(BasketSchema):
    """What a resident would take at the counter."""

    resident = fields.UUID(required=True)


class ReturnOrderSchema(Schema):
    """Why goods come back."""

    reason = fields.String(required=True, validate=validate.Length(min=1, max=REASON_LENGTH_MAX))


class StationSchema(Schema):
    """A community's station, to open or to change."""

    community = fields.Integer(required=True, strict=True)
    name = fields.String(required=True, validate=validate.Length(min=1, max=40))
    address = fields.String(required=True, validate=validate.Length(min=1, max=80))
    hours = fields.String(required=True, validate=validate.Length(min=1, max=80))


class _Terms(Schema):
    price = fields.Integer(
        strict=True, validate=validate.Range(min=1, max=PRICE_MAX), metadata=CENTIPOINTS
    )
    limit_per_household_month = fields.Integer(
        strict=True,
        validate=validate.Range(min=0, max=RECEIPT_MAX),
        metadata={"description": "pieces; 0 is no limit"},
    )
    home_first_days = fields.Integer(strict=True, validate=validate.Range(min=0, max=30))
    foreign_share_percent = fields.Integer(
        strict=True, validate=validate.Range(min=0, max=PERCENT_MAX)
    )
    note = fields.String(validate=validate.Length(max=200))


class AddItemSchema(_Terms):
    """An item from a template, or of the station's own."""

    community = fields.Integer(required=True, strict=True)
    template = fields.String(validate=validate.Length(min=1, max=40))
    name = fields.String(validate=validate.Length(min=1, max=20))
    category = fields.String(validate=validate.Length(min=1, max=10))
    source = fields.String(validate=ITEM_SOURCE)


class ChangeItemSchema(_Terms):
    """New terms of an item."""

    listed = fields.Boolean()


class StockReceiptSchema(Schema):
    """Pieces that arrived."""

    item = fields.UUID(required=True)
    quantity = fields.Integer(
        required=True, strict=True, validate=validate.Range(min=1, max=RECEIPT_MAX)
    )


class CountStockSchema(Schema):
    """Pieces that were found on the shelf."""

    item = fields.UUID(required=True)
    on_hand = fields.Integer(
        required=True, strict=True, validate=validate.Range(min=0, max=RECEIPT_MAX)
    )


class ProposeRateSchema(Schema):
    """A change of rate; ``rate`` null: the wider scope holds again."""

    scope = fields.String(required=True, validate=validate.OneOf(LADDER))
    home = fields.Integer(strict=True, load_default=0)
    host = fields.Integer(strict=True, load_default=0)
    rate = fields.Integer(
        required=True,
        allow_none=True,
        strict=True,
        validate=validate.Range(min=1, max=RATE_MAX),
        metadata=BASIS_POINTS,
    )
    valid_from = fields.Date(required=True)
    document = fields.String(required=True, validate=validate.Length(min=1, max=100))
