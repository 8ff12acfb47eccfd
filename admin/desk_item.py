"""The desk's page of one item: its terms, whether it is offered, what was counted on the shelf."""

from __future__ import annotations

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import desk
from admin.forms import centipoints, number
from core.errors import AppError
from core.formats import points
from core.http_keys import form_key
from core.identity import current_actor
from core.work import present, reader, transact
from exchange.desk_station import StationItem, station_items, stock_moves
from exchange.stations import (
    HOME_FIRST_DAYS_MAX,
    PERCENT_MAX,
    PRICE_MAX,
    QUANTITY_MAX,
    ChangeItem,
    ItemUnknown,
    change_item,
)
from exchange.stock import CountStock, count_stock

Errors = dict[str, list[str]]


def _of(item_id: UUID) -> StationItem:
    """Return an item of the actor's own station; raises ItemUnknown for any other."""
    for each in station_items(reader(), current_actor().place, present()):
        if each.id == item_id:
            return each
    raise ItemUnknown


@desk.get("/station/items/<uuid:item_id>")
def item(item_id: UUID) -> ResponseReturnValue:
    """Show an item with its terms and what moved."""
    return _item(_of(item_id))


def _item(
    shown: StationItem, errors: Errors | None = None, *, status: int = 200
) -> ResponseReturnValue:
    page = render_template(
        "admin/item.html",
        item=shown,
        moves=stock_moves(reader(), current_actor().place, shown.id),
        typed=request.form.to_dict(),
        errors=errors or {},
        key=form_key(),
    )
    return page, status


@desk.post("/station/items/<uuid:item_id>")
def item_change(item_id: UUID) -> ResponseReturnValue:
    """Change an item's terms; quotes already given keep their price."""
    shown, form = _of(item_id), request.form
    # A price set over the API may have a fraction: left as it is shown, it stays.
    kept = form.get("price", "") == points(shown.price)
    price = shown.price if kept else centipoints(form.get("price"))
    limit = number(form.get("limit", "").strip() or "0")
    days, share = number(form.get("days")), number(form.get("share"))
    errors: Errors = {}
    if price is None or not 0 < price <= PRICE_MAX:
        errors["price"] = [_("请填整数的分数，1 到 1000。")]
    if limit is None or limit > QUANTITY_MAX:
        errors["limit"] = [_("请填 1 到 10000 的整数；不限就留空。")]
    if days is None or days > HOME_FIRST_DAYS_MAX:
        errors["days"] = [_("请填 0 到 30 的整数；0 就是不设。")]
    if share is None or share > PERCENT_MAX:
        errors["share"] = [_("请填 0 到 100 的整数；0 就是只给本社区居民。")]
    if errors:
        return _item(shown, errors, status=422)
    command = ChangeItem(
        item=item_id,
        price=price,
        limit_per_household_month=limit,
        home_first_days=days,
        foreign_share_percent=share,
        note=form.get("note", "").strip(),
    )
    try:
        transact(change_item, command, current_actor())
    except AppError as refusal:
        return _item(shown, {"price": [refusal.sentence()]}, status=int(refusal.status))
    flash(_("已保存，以后的兑换按新的来"), "done")
    return redirect(url_for("desk.item", item_id=item_id), code=303)


@desk.post("/station/items/<uuid:item_id>/listing")
def item_listing(item_id: UUID) -> ResponseReturnValue:
    """Take an item off the list, or put it back."""
    listed = request.form.get("listed") == "1"
    transact(change_item, ChangeItem(item=_of(item_id).id, listed=listed), current_actor())
    flash(_("已重新上架，居民看得到了") if listed else _("已下架，居民看不到了"), "done")
    return redirect(url_for("desk.item", item_id=item_id), code=303)


@desk.post("/station/items/<uuid:item_id>/counts")
def item_count(item_id: UUID) -> ResponseReturnValue:
    """Set the shelf to what was counted."""
    shown, counted = _of(item_id), number(request.form.get("on_hand"))
    if counted is None or counted > QUANTITY_MAX:
        return _item(shown, {"on_hand": [_("请填数到的件数，0 到 10000 的整数。")]}, status=422)
    command = CountStock(key=request.form.get("key", ""), item=item_id, on_hand=counted)
    try:
        transact(count_stock, command, current_actor())
    except AppError as refusal:
        return _item(shown, {"on_hand": [refusal.sentence()]}, status=int(refusal.status))
    flash(_("已记下盘点：现有 %(count)s 件", count=counted), "done")
    return redirect(url_for("desk.item", item_id=item_id), code=303)
