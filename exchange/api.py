"""API of the exchange for residents; the desk and the district have their own modules."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask_smorest import Blueprint

from core.errors import Forbidden
from core.http_keys import idempotency_key
from core.identity import current_actor, signed_in_only
from core.work import present, reader, transact
from exchange import (
    answers,
    examples,
    notices,
    queries,
    rates_api,
    schemas,
    shared_api,
    staff_api,
    station_api,
)
from exchange import quote as quotes
from exchange.counter import ConfirmAsked, Redeemed, confirm_asked
from exchange.order_queries import MyOrders, OrderView, my_orders, order_view
from exchange.orders import (
    CancelOrder,
    Ended,
    Ordered,
    OrderUnknown,
    SubmitOrder,
    cancel_order,
    submit_order,
)
from exchange.stations import ItemUnknown, StationUnknown

bp = Blueprint("exchange_api", __name__, description="exchange")
bp.before_request(signed_in_only)
staff_api.register(bp)
station_api.register(bp)
rates_api.register(bp)
shared_api.register(bp)


def _resident() -> UUID:
    """Return the resident who is signed in; raises Forbidden for staff."""
    resident = current_actor().resident
    if resident is None:
        raise Forbidden
    return resident


@bp.get("/stations")
@bp.arguments(schemas.ExchangePageSchema, location="query")
@bp.response(200, answers.ShelvesSchema)
def stations(query: dict[str, Any]) -> queries.Shelves:
    """List stations: the resident's own first, then neighbours by nearness."""
    return queries.shelves(reader(), _resident(), present(), query["page"])


@bp.get("/stations/<int:community>")
@bp.response(200, answers.StationViewSchema)
def station(community: int) -> queries.StationView:
    """Show a community's whole shelf."""
    found = queries.station_view(reader(), _resident(), community, present())
    if found is None:
        raise StationUnknown
    return found[1]


@bp.get("/items/<uuid:item_id>")
@bp.response(200, answers.ItemViewSchema)
def item(item_id: UUID) -> queries.ItemView:
    """Show an item."""
    found = queries.item_view(reader(), item_id)
    if found is None:
        raise ItemUnknown
    return found


@bp.post("/quotes")
@bp.arguments(schemas.QuoteRequestSchema, example=examples.WANTED)
@bp.response(201, answers.QuoteSchema, example=examples.QUOTE)
def quote(data: dict[str, Any]) -> quotes.Quote:
    """Promise a price and a rate for some minutes; nothing is held."""
    return quotes.quote(reader(), _resident(), data["lines"], present())


@bp.post("/orders")
@bp.arguments(schemas.SubmitOrderSchema, example=examples.SUBMIT)
@bp.response(201, answers.OrderedSchema, example=examples.ORDERED)
def submit(data: dict[str, Any]) -> Ordered:
    """Order what a quote promised; needs an Idempotency-Key."""
    command = SubmitOrder(
        key=idempotency_key(),
        resident=_resident(),
        quote=data["quote"],
        shares=tuple(data["shares"]),
    )
    return transact(submit_order, command, current_actor())


@bp.get("/orders")
@bp.arguments(schemas.ExchangePageSchema, location="query")
@bp.response(200, answers.MyOrdersSchema)
def orders(query: dict[str, Any]) -> MyOrders:
    """List the resident's orders."""
    return my_orders(reader(), _resident(), query["page"])


@bp.get("/orders/<uuid:order_id>")
@bp.response(200, answers.OrderViewSchema)
def order(order_id: UUID) -> OrderView:
    """Show one of the resident's orders."""
    found = order_view(reader(), order_id, _resident())
    if found is None:
        raise OrderUnknown
    return found


@bp.post("/orders/<uuid:order_id>/cancel")
@bp.response(200, answers.OrderEndedSchema)
def cancel(order_id: UUID) -> Ended:
    """Cancel an order before it is picked up."""
    return transact(cancel_order, CancelOrder(order=order_id), current_actor())


@bp.post("/orders/<uuid:order_id>/agree")
@bp.response(200, answers.RedeemedSchema)
def agree(order_id: UUID) -> Redeemed:
    """Agree to what the counter asks, within five minutes."""
    return transact(confirm_asked, ConfirmAsked(order=order_id), current_actor())


@bp.get("/exchange-notice")
@bp.response(200, answers.NoticeSchema)
def notice() -> dict[str, Any]:
    """Show what the resident's points count for elsewhere, and what changes next."""
    community = queries.home_of(reader(), _resident())
    rules, coming = notices.notice(reader(), community, present())
    return {"rules": rules, "coming": coming}
