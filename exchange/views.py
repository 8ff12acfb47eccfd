"""Pages of the exchange for residents."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core import settings
from core.crypto import token_hash
from core.errors import AppError
from core.identity import actor_or_none, current_actor, public, residents_only
from core.qr import svg
from core.work import business_day, present, reader, transact
from exchange import notices, pickup, queries, words
from exchange import quote as quotes
from exchange.basket import Wanted
from exchange.counter import ConfirmAsked, confirm_asked
from exchange.gate import BasicPointsMissing
from exchange.order_queries import my_orders, order_view
from exchange.orders import (
    CancelOrder,
    OrderUnknown,
    PickupCodeUnknown,
    SubmitOrder,
    cancel_order,
    submit_order,
)
from exchange.quote import QuoteExpired
from exchange.shared import family_of, shares_of, spoken_for
from exchange.stations import ItemUnknown, StationUnknown
from points.ledger import InsufficientPoints
from residents.heirs import may_end

QUANTITIES_SHOWN = 9
DESK_PICKUP = "/desk/pickup"
"""The counter's page; it belongs to a package above this one."""

bp = Blueprint("exchange", __name__, url_prefix="/exchange")
bp.before_request(residents_only)
pickup_bp = Blueprint("pickup", __name__)
pickup_bp.before_request(public)


def _resident() -> UUID:
    resident = current_actor().resident
    if resident is None:
        raise OrderUnknown
    return resident


def _page() -> int:
    given = request.args.get("page", "1")
    return min(max(int(given[:9]), 1), 1000) if given.isdecimal() else 1


@bp.get("/")
def index() -> ResponseReturnValue:
    """Show my station first, then the neighbours; or one station's whole shelf."""
    community = request.args.get("station", type=int)
    if community is not None:
        return _only(community)
    found = queries.shelves(reader(), _resident(), present(), _page())
    older = url_for("exchange.index", page=_page() + 1) if found.has_more else ""
    return render_template(
        "exchange/index.html",
        balance=found.balance,
        open_orders=found.open_orders,
        home=found.home,
        others=found.others,
        only=None,
        older=older,
    )


def _only(community: int) -> ResponseReturnValue:
    found = queries.station_view(reader(), _resident(), community, present())
    if found is None:
        raise StationUnknown
    balance, station = found
    return render_template("exchange/index.html", balance=balance, only=station)


@bp.get("/items/<uuid:item_id>")
def item(item_id: UUID) -> ResponseReturnValue:
    """Show an item with its quote: the price is promised, nothing is held."""
    quantity = request.args.get("quantity", 1, type=int)
    return _item_page(item_id, min(max(quantity, 1), QUANTITIES_SHOWN))


def _item_page(
    item_id: UUID, quantity: int, *, refusal: AppError | None = None
) -> ResponseReturnValue:
    shown = queries.item_view(reader(), item_id)
    if shown is None:
        raise ItemUnknown
    now, resident = present(), _resident()
    quote = quotes.quote(reader(), resident, [Wanted(item=item_id, quantity=quantity)], now)
    found = queries.station_view(reader(), resident, shown.community, now)
    if found is None:
        raise StationUnknown
    if isinstance(refusal, QuoteExpired):
        # The page shows the price of now: it can be submitted at once.
        flash(words.sentence(refusal), "note")
    obstacle = quote.obstacle if refusal is None or isinstance(refusal, QuoteExpired) else refusal
    lacking = -quote.left if isinstance(obstacle, InsufficientPoints) and quote.left < 0 else 0
    page = render_template(
        "exchange/item.html",
        station=found[1],
        **_item_facts(shown, quote, found[1].why, quantity),
        pickup=_("通过后 %(days)s 天内领取", days=_pickup_days(shown.community)),
        family=bool(family_of(reader(), resident, now)),
        lacking=lacking,
        refusal=words.sentence(obstacle) if obstacle and not lacking else "",
        earns=isinstance(obstacle, BasicPointsMissing),
    )
    return page, int(refusal.status) if refusal else 200


def _pickup_days(community: int) -> int:
    return settings.integer(reader(), "redeem.pickup_days", present(), community)


def _item_facts(
    shown: queries.ItemView,
    quote: quotes.Quote,
    why: str,
    quantity: int,
) -> dict[str, object]:
    """Return the item, its quote and its limit as the page names them."""
    pieces = max(quote.limit.pieces, 0) if quote.limit else 0
    limit = None
    if quote.limit:
        limit = words.limit_words(quote.limit, shown.share, shown.limit, shown.in_stock)
    return {
        "item": {**asdict(shown), "left": pieces},
        "quote": {
            "token": quote.token,
            "price": quote.price,
            "cost": quote.cost,
            "rate": quote.rate,
            "why": why,
            "document": quote.document,
            "balance": quote.available,
            "remaining": quote.left,
            "until": quote.valid_until,
            "quantity": quantity,
        },
        "quantities": list(range(1, max(min(pieces, QUANTITIES_SHOWN), quantity) + 1)),
        "limit": limit,
    }


@bp.post("/orders")
def submit() -> ResponseReturnValue:
    """Order what the quote promised; a second tap leads to the same order."""
    token = request.form.get("quote", "")
    # A quote is ordered once: it is its own key.
    command = SubmitOrder(key=token_hash(token)[:32], resident=_resident(), quote=token)
    try:
        made = transact(submit_order, command, current_actor())
    except AppError as refusal:
        wanted = quotes.peek(token)
        if wanted is None:
            raise
        return _item_page(wanted.item, wanted.quantity, refusal=refusal)
    return redirect(url_for("exchange.order", order_id=made.id), code=303)


@bp.get("/orders")
def orders() -> ResponseReturnValue:
    """List my orders."""
    found = my_orders(reader(), _resident(), _page())
    older = url_for("exchange.orders", page=_page() + 1) if found.has_more else ""
    return render_template(
        "exchange/orders.html", open=found.open, closed=found.closed, older=older
    )


@bp.get("/orders/<uuid:order_id>")
def order(order_id: UUID) -> ResponseReturnValue:
    """Show one order: what happens, and the code to collect it with."""
    now, resident = present(), _resident()
    people = spoken_for(reader(), current_actor().person, now)
    found = order_view(reader(), order_id, resident, people)
    if found is None:
        raise OrderUnknown
    drawn = None
    if found.pickup_code:
        drawn = svg(pickup.address(found.id, found.pickup_code), _("领取码"))
    places = queries.places(reader(), [found.host, found.home])
    return render_template(
        "exchange/order.html",
        host=places[found.host],
        home=places[found.home],
        station=found.door,
        order=found,
        pickup_svg=drawn,
        shares=shares_of(reader(), order_id, people, resident, now),
        balance=queries.balance(reader(), resident),
        may_cancel=found.state in queries.OPEN_STATES
        and may_end(reader(), resident, found.resident, business_day(now)),
        elsewhere="",
    )


@bp.post("/orders/<uuid:order_id>/cancel")
def cancel(order_id: UUID) -> ResponseReturnValue:
    """Cancel my order before it is picked up."""
    transact(cancel_order, CancelOrder(order=order_id), current_actor())
    return redirect(url_for("exchange.order", order_id=order_id), code=303)


@bp.post("/orders/<uuid:order_id>/agree", endpoint="confirm_asked")
def agree(order_id: UUID) -> ResponseReturnValue:
    """Agree to what the counter asks."""
    transact(confirm_asked, ConfirmAsked(order=order_id), current_actor())
    return redirect(url_for("exchange.order", order_id=order_id), code=303)


@bp.get("/notice")
def notice() -> ResponseReturnValue:
    """Show what my points count for elsewhere, and what changes next."""
    community = queries.home_of(reader(), _resident())
    rules, coming = notices.notice(reader(), community, present())
    return render_template("exchange/notice.html", rules=rules, coming=coming)


@pickup_bp.get("/P/<token>")
def short(token: str) -> ResponseReturnValue:
    """Open a scanned pickup code: staff come to the counter's page, others read what it is."""
    found = pickup.parse(token)
    if found is None:
        raise PickupCodeUnknown
    actor = actor_or_none()
    if actor is not None and actor.may("order.hand_over"):
        return redirect(f"{DESK_PICKUP}?code={found[1]}", code=303)
    return render_template("exchange/pickup_code.html", code=found[1])
