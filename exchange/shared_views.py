"""Pages of orders that a family pays together: who pays what, and 同意."""

from __future__ import annotations

import re
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from core.crypto import token_hash
from core.errors import AppError, Forbidden
from core.identity import current_actor, residents_only
from core.work import present, reader, transact
from exchange import queries, words
from exchange import quote as quotes
from exchange.basket import POINT, Wanted
from exchange.known import AGREE_HOURS
from exchange.orders import (
    AgreeToPay,
    DeclineToPay,
    Share,
    SubmitOrder,
    agree_to_pay,
    decline_to_pay,
    submit_order,
)
from exchange.orders.sharing import SharesWrong
from exchange.quote import QuoteInvalid
from exchange.shared import family_of, proposed
from exchange.stations import ItemUnknown

FIELD = re.compile(r"share-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
POINTS = re.compile(r"[0-9]{1,6}")

bp = Blueprint("shared", __name__, url_prefix="/exchange")
bp.before_request(residents_only)


def _resident() -> UUID:
    resident = current_actor().resident
    if resident is None:
        raise Forbidden
    return resident


def _typed() -> dict[UUID, int | None] | None:
    """Return the shares of the form in centipoints; None where nothing was typed yet."""
    found: dict[UUID, int | None] = {}
    for name, raw in request.values.items():
        field = FIELD.fullmatch(name)
        if field:
            value = raw.strip() or "0"
            found[UUID(field[1])] = int(value) * POINT if POINTS.fullmatch(value) else None
    return found or None


@bp.get("/items/<uuid:item_id>/together")
def together(item_id: UUID) -> ResponseReturnValue:
    """Choose who of the family pays how much; what nobody else pays is one's own."""
    quantity = request.args.get("quantity", 1, type=int)
    return _page(Wanted(item=item_id, quantity=max(quantity, 1)))


def _page(wanted: Wanted, refusal: AppError | None = None) -> ResponseReturnValue:
    shown = queries.item_view(reader(), wanted.item)
    if shown is None:
        raise ItemUnknown
    now, resident = present(), _resident()
    quote = quotes.quote(reader(), resident, [wanted], now)
    family = family_of(reader(), resident, now)
    shares = _typed()
    if shares is None:
        shares = dict(proposed(family, quote.cost, quote.available))
    own = quote.cost - sum(shares.get(each.resident) or 0 for each in family)
    if refusal is None and (own < 0 or None in shares.values()):
        refusal = SharesWrong(cost=quote.cost // POINT)
    page = render_template(
        "exchange/together.html",
        item=shown,
        quote=quote,
        quantity=wanted.quantity,
        family=family,
        shares=shares,
        own=max(own, 0),
        hours=AGREE_HOURS,
        refusal=words.sentence(refusal) if refusal else "",
    )
    return page, int(refusal.status) if refusal else 200


@bp.post("/orders/together")
def submit_together() -> ResponseReturnValue:
    """Order, and ask the others for their shares; a second tap leads to the same order."""
    token = request.form.get("quote", "")
    shares = tuple(
        Share(resident=each, amount=-1 if amount is None else amount)
        for each, amount in (_typed() or {}).items()
        if amount != 0
    )
    key = token_hash(token)[:32]
    command = SubmitOrder(key=key, resident=_resident(), quote=token, shares=shares)
    try:
        made = transact(submit_order, command, current_actor())
    except AppError as refusal:
        wanted = quotes.peek(token)
        if wanted is None:
            raise QuoteInvalid from refusal
        return _page(wanted, refusal)
    return redirect(url_for("exchange.order", order_id=made.id), code=303)


@bp.post("/orders/<uuid:order_id>/shares/<uuid:resident_id>/agree")
def agree(order_id: UUID, resident_id: UUID) -> ResponseReturnValue:
    """Agree to a share."""
    transact(agree_to_pay, AgreeToPay(order=order_id, resident=resident_id), current_actor())
    return redirect(url_for("exchange.order", order_id=order_id), code=303)


@bp.post("/orders/<uuid:order_id>/shares/<uuid:resident_id>/decline")
def decline(order_id: UUID, resident_id: UUID) -> ResponseReturnValue:
    """Say no to a share."""
    transact(decline_to_pay, DeclineToPay(order=order_id, resident=resident_id), current_actor())
    return redirect(url_for("exchange.order", order_id=order_id), code=303)
