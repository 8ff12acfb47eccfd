"""The desk's counter: find the resident, tap the items, they agree, done."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import desk
from admin.forms import centipoints, identities, identity, number
from core.errors import AppError
from core.formats import points
from core.http_keys import form_key
from core.identity import current_actor
from core.work import present, reader, transact
from exchange import quote as quotes
from exchange.basket import Wanted
from exchange.counter import (
    CounterRedemption,
    PayerLacksPoints,
    redeem_at_counter,
)
from exchange.desk_counter import counter_items, family_at, ways
from exchange.desk_station import station_page
from exchange.known import KnownTooLarge, ShareTooLarge
from exchange.orders import AgreeToPay, ResidentUnconfirmed, Share, agree_to_pay
from exchange.orders.finish import asked_for
from exchange.orders.sharing import NotOfHousehold, SharesWrong
from exchange.prices import PAR
from exchange.shared import asked_of
from exchange.story import story
from points import queries as ledger
from points.ledger import InsufficientPoints
from residents import queries as people

BESIDE: dict[type[AppError], str] = {
    KnownTooLarge: "confirmation",
    ResidentUnconfirmed: "confirm_resident",
    NotOfHousehold: "shares",
    SharesWrong: "shares",
    ShareTooLarge: "shares",
    PayerLacksPoints: "shares",
}
"""Beside which field a refusal stands; the others stand above the form."""

SHARE = "share-"
"""How the fields begin that say what somebody of the family pays."""


def _basket() -> dict[UUID, int]:
    """Read the basket of the address or the form, with the tap that was just made."""
    items = identities(request.values.getlist("item"))
    quantities = [number(each) or 0 for each in request.values.getlist("quantity")]
    basket = dict(zip(items, quantities, strict=False))
    add, less = identity(request.values.get("add")), identity(request.values.get("less"))
    if add:
        basket[add] = basket.get(add, 0) + 1
    if less:
        basket[less] = max(0, basket.get(less, 0) - 1)
    return {item: quantity for item, quantity in basket.items() if quantity}


@desk.get("/counter")
def counter() -> ResponseReturnValue:
    """Redeem at the counter: find the resident, tap items, they agree."""
    current_actor().require("counter.redeem")
    return _counter(identity(request.args.get("resident")), _basket())


def _counter(
    resident: UUID | None,
    basket: dict[UUID, int],
    *,
    refusal: str | None = None,
    errors: dict[str, list[str]] | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    actor, connection = current_actor(), reader()
    q = request.args.get("q", "").strip()
    station = station_page(connection, actor.place)
    line = people.lines(connection, [resident]).get(resident) if resident else None
    nothing = ("items", "ways", "shares", "family")
    shown: dict[str, Any] = {"customer": None, "quote": None} | dict.fromkeys(nothing, ())
    if line is not None:
        shown = _customer(line, basket)
        shown["shares"] = asked_of(connection, {line.person}, present())
    page = render_template(
        "admin/counter.html",
        q=q,
        found=_found(actor.place, q) if q else (),
        done=_done(identity(request.args.get("done"))),
        station_name=station.name if station else "",
        refusal=refusal,
        errors=errors or {},
        key=form_key(),
        **shown,
    )
    return page, status


def _found(community: int, q: str) -> tuple[dict[str, Any], ...]:
    """Find residents of this community, or of another one by name and last four digits."""
    here = people.search(reader(), community, q)
    elsewhere = [line for line in people.anywhere(reader(), q) if line.community != community]
    return tuple(
        {
            "resident_id": line.resident,
            "name": line.name,
            "where": where_of(line, community),
            "foreign": line.community != community,
        }
        for line in [*here, *elsewhere]
    )


def where_of(line: people.ResidentLine, community: int) -> str:
    """Return the address of somebody from here, the community of somebody from elsewhere."""
    if line.community != community:
        place = people.place(reader(), line.community)
        return place.display_name if place else ""
    return line.address or _("住址待补")


def _shares() -> dict[UUID, int | None]:
    """Read what the family pays, in centipoints; None where it is no whole number of points."""
    found: dict[UUID, int | None] = {}
    for name, raw in request.values.items():
        resident = identity(name.removeprefix(SHARE)) if name.startswith(SHARE) else None
        if resident is not None:
            found[resident] = centipoints(raw) if raw.strip() else 0
    return found


def _customer(line: people.ResidentLine, basket: dict[UUID, int]) -> dict[str, Any]:
    actor, connection, now = current_actor(), reader(), present()
    wanted = tuple(Wanted(item=item, quantity=count) for item, count in basket.items())
    offer = quotes.quote(connection, line.resident, wanted, now) if wanted else None
    foreign = line.community != actor.place
    sample = offer or None
    family = family_at(connection, line.resident, actor.place, now) if offer else ()
    return {
        "customer": {
            "id": line.resident,
            "name": line.name,
            "where": where_of(line, actor.place),
            "foreign": foreign,
            # What somebody has at home is not for another station: it reads whether it is enough.
            "available": None
            if foreign
            else ledger.available(connection, line.resident, line.community),
            "has_phone": bool(line.phone_masked),
            "unconfirmed": line.state == "unconfirmed",
            "rate": sample.rate if sample and sample.rate != PAR else None,
            "rate_reason": sample.document if sample else "",
        },
        "items": counter_items(connection, line.resident, actor.place, basket, now),
        "quote": _quote(offer, shared=bool(family)) if offer else None,
        "family": family,
        "paid": _shares(),
        "ways": ways(connection, actor.place, offer, now, shared=bool(family)) if offer else (),
    }


def _quote(offer: quotes.Quote, *, shared: bool) -> dict[str, Any]:
    words = _("，").join(
        _("%(name)s %(count)s 件", name=line.name, count=line.quantity) for line in offer.lines
    )
    return {
        "price": offer.price,
        "cost": offer.cost,
        "left": None if offer.cross else offer.left,
        "words": words,
        "limit_words": "",
        "problem": offer.obstacle.sentence() if offer.obstacle else "",
        # Too few points of one's own end nothing where the family stands here, too.
        "stuck": bool(offer.obstacle)
        and not (shared and isinstance(offer.obstacle, InsufficientPoints)),
    }


def _done(order: UUID | None) -> dict[str, Any] | None:
    if order is None:
        return None
    found = story(reader(), current_actor(), order, present())
    if found is None:
        return None
    moments = [event.at for event in found.events if event.at is not None]
    until = moments[0] + asked_for() if found.state == "asked" else None
    return {
        "state": "lapsed" if until and until <= present() else found.state,
        "name": found.name,
        "words": _("，").join(f"{line.name} ×{line.quantity}" for line in found.lines),
        "cost": found.cost,
        "left": found.left,
        "until": until,
        "at": moments[-1],
    }


@desk.post("/counter/shares/<uuid:order_id>/<uuid:resident_id>")
def counter_agree(order_id: UUID, resident_id: UUID) -> ResponseReturnValue:
    """Agree to a share of an order for a resident who stands here and is known."""
    command = AgreeToPay(order=order_id, resident=resident_id)
    try:
        done = transact(agree_to_pay, command, current_actor())
    except AppError as refusal:
        return _counter(resident_id, {}, refusal=refusal.sentence(), status=int(refusal.status))
    words = _("已记下同意，预留 %(points)s 分。", points=points(done.amount))
    flash(words, "done")
    return redirect(url_for("desk.counter", resident=resident_id), code=303)


@desk.post("/counter")
def counter_redeem() -> ResponseReturnValue:
    """Order, approve and hand over at once; the resident's agreement is the second person."""
    resident, basket = identity(request.form.get("resident_id")), _basket()
    if resident is None or not basket:
        return _counter(resident, basket, refusal=_("请先找到居民，点好要换的东西。"), status=422)
    cost, shares = request.form.get("cost", ""), _shares()
    if None in shares.values():
        errors = {"shares": [_("每个人付的分要填整数；不付就留空。")]}
        return _counter(resident, basket, errors=errors, status=422)
    command = CounterRedemption(
        key=request.form.get("key", ""),
        resident=resident,
        lines=tuple(Wanted(item=item, quantity=count) for item, count in basket.items()),
        confirmation="known" if request.form.get("confirmation") == "known" else "device",
        confirm_resident=request.form.get("confirm_resident") == "1",
        shown=number(cost),
        shares=tuple(
            Share(resident=each, amount=amount) for each, amount in shares.items() if amount
        ),
    )
    try:
        done = transact(redeem_at_counter, command, current_actor())
    except AppError as refusal:
        field, sentence = BESIDE.get(type(refusal)), refusal.sentence()
        status = int(refusal.status)
        if field is None:
            return _counter(resident, basket, refusal=sentence, status=status)
        return _counter(resident, basket, errors={field: [sentence]}, status=status)
    return redirect(url_for("desk.counter", resident=resident, done=done.id), code=303)
