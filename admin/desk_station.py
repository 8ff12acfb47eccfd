"""The desk's station: items with their stock, receipts, new items."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import desk
from admin.forms import centipoints, identity, number, readable
from core.errors import AppError
from core.http_keys import form_key
from core.identity import current_actor
from core.work import present, reader, transact
from exchange.desk_station import station_items, station_page, stock_moves, template_choices
from exchange.stations import (
    QUANTITY_MAX,
    AddItem,
    ItemInvalid,
    OpenStation,
    add_item,
    open_station,
)
from exchange.stock import QuantityInvalid, ReceiveStock, receive_stock


@desk.get("/station")
def station() -> ResponseReturnValue:
    """Show the station's items with their stock."""
    return _station({})


def _station(
    errors: dict[str, list[str]],
    *,
    refusal: str | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    actor, connection, now = current_actor(), reader(), present()
    choices = template_choices(connection, actor.place)
    wanted = request.values.get("template", "")
    items = station_items(connection, actor.place, now)
    page = render_template(
        "admin/station.html",
        station=station_page(connection, actor.place),
        items=tuple(sorted(items, key=lambda item: (not item.low, item.name))),
        moves=stock_moves(connection, actor.place),
        templates=choices,
        chosen=identity(request.args.get("item")),
        template=next((each for each in choices if each.key == wanted), None),
        typed=request.form.to_dict(),
        errors=errors,
        refusal=refusal,
        key=form_key(),
        open_url=url_for("desk.station_open") if actor.may("item.change") else None,
    )
    return page, status


@desk.post("/station/open")
def station_open() -> ResponseReturnValue:
    """Open the community's station, which joins the exchange; or change what its door says."""
    form, actor = request.form, current_actor()
    errors = {
        name: [_("这一项要填，居民要照着来领取。")]
        for name in ("door_name", "address", "hours")
        if not form.get(name, "").strip()
    }
    if errors:
        return _station(errors, status=422)
    was_open = station_page(reader(), actor.place) is not None
    command = OpenStation(
        community=actor.place,
        name=form.get("door_name", ""),
        address=form.get("address", ""),
        hours=form.get("hours", ""),
    )
    try:
        transact(open_station, command, actor)
    except AppError as refusal:
        return _station({}, refusal=refusal.sentence(), status=int(refusal.status))
    said = _("已保存，居民马上看得到") if was_open else _("积分驿站开张了，接着上架兑换品吧")
    flash(said, "done")
    return redirect(url_for("desk.station"), code=303)


@desk.post("/station/receipts")
def receive_goods() -> ResponseReturnValue:
    """Add pieces that arrived."""
    item, quantity = identity(request.form.get("item_id")), number(request.form.get("quantity"))
    if item is None or quantity is None:
        return _station({"quantity": [_("请填收到的件数，要是正整数。")]}, status=422)
    command = ReceiveStock(key=request.form.get("key", ""), item=item, quantity=quantity)
    try:
        transact(receive_stock, command, current_actor())
    except AppError as refusal:
        return _station({"quantity": [refusal.sentence()]}, status=int(refusal.status))
    flash(_("已入库 %(count)s 件", count=quantity), "done")
    return redirect(url_for("desk.station"), code=303)


@desk.post("/station/items")
def item_add() -> ResponseReturnValue:
    """Offer an item from a template, with its first receipt."""
    form, actor = request.form, current_actor()
    errors = {
        name: [_("请填正整数，或者留空。")]
        for name in ("limit", "first")
        if not readable(form, name)
    }
    if centipoints(form.get("price")) is None:
        errors["price"] = [_("请填整数的分数，1 到 1000。")]
    if (number(form.get("first")) or 0) > QUANTITY_MAX:
        errors["first"] = [QuantityInvalid().sentence()]
    if errors:
        return _station(errors, status=422)
    command = AddItem(
        community=actor.place,
        template=form.get("template") or None,
        name=form.get("name") or None,
        price=centipoints(form.get("price")),
        limit_per_household_month=number(form.get("limit")),
    )
    try:
        made = transact(add_item, command, actor)
        quantity = number(form.get("first"))
        if quantity:
            key = f"first:{form.get('key', '')}"
            transact(receive_stock, ReceiveStock(key=key, item=made.id, quantity=quantity), actor)
    except AppError as refusal:
        field = "price" if isinstance(refusal, ItemInvalid) else "name"
        return _station({field: [refusal.sentence()]}, status=int(refusal.status))
    flash(_("已上架：%(name)s", name=made.name), "done")
    return redirect(url_for("desk.station"), code=303)
