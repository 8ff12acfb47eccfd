"""The desk's pages of orders: approvals and picking up."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin.blueprints import desk
from admin.forms import identities, identity, page_number
from core import settings
from core.errors import AppError
from core.identity import current_actor
from core.work import present, reader, transact
from exchange import desk as desk_queries
from exchange.desk_counter import pickup_order, ready_orders
from exchange.desk_station import station_page
from exchange.orders import (
    ApproveOrders,
    HandOver,
    OrderUnknown,
    PickupCodeNeeded,
    RefuseOrder,
    ResidentUnconfirmed,
    ReturnOrder,
    UndoApprovals,
    approve_orders,
    hand_over,
    normal_code,
    refuse_order,
    return_order,
    undo_approvals,
)
from exchange.orders.finish import CODE_LENGTH
from exchange.story import story

UNDO_SECONDS = 10
UNDO = "undo"


@desk.get("/approvals")
def approvals() -> ResponseReturnValue:
    """List orders that wait, are ready, or are done; one of them in the drawer."""
    return _approvals()


def _approvals(
    *,
    chosen: frozenset[UUID] | None = None,
    refusing: bool = False,
    errors: dict[str, list[str]] | None = None,
    refusal: str | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    actor, connection, now = current_actor(), reader(), present()
    actor.require("order.approve")
    show = request.values.get("show", "waiting")
    show = show if show in {"waiting", "ready", "done"} else "waiting"
    page = page_number(request.args.get("page"))
    found = desk_queries.approvals(connection, actor, now, show, page)
    clean = frozenset(row.id for row in found.rows if not row.flag and not row.lock)
    if chosen is None:
        chosen = clean if request.args.get("select") == "clean" else frozenset()
    wanted = identity(request.values.get("order") or request.form.get("order_id"))
    cost = {row.id: row.cost for row in found.rows}
    shown = render_template(
        "admin/approvals.html",
        show=show,
        counts=found.counts,
        orders=found.rows,
        chosen=chosen,
        chosen_cost=sum(cost.get(each, 0) for each in chosen),
        clean_cost=sum(cost[each] for each in clean),
        order=story(connection, actor, wanted, now) if wanted else None,
        undo=_undo(now.timestamp()),
        pickup_days=settings.integer(connection, "redeem.pickup_days", now, actor.place),
        returned=request.form.get("returned", ""),
        refusing=refusing or request.args.get("refusing") == "1",
        errors=errors or {},
        refusal=refusal,
        page=page,
        has_more=found.has_more,
    )
    return shown, status


def _undo(now: float) -> dict[str, Any] | None:
    """Return what may still be undone, for ten seconds after approving."""
    kept = session.get(UNDO)
    if not kept or now - kept["at"] >= UNDO_SECONDS:
        return None
    left = max(1, int(UNDO_SECONDS - (now - kept["at"])))
    ids = tuple(UUID(each) for each in kept["ids"])
    return {"ids": ids, "count": len(ids), "cost": kept["cost"], "seconds": left}


@desk.post("/approvals/approve")
def approve() -> ResponseReturnValue:
    """Approve the orders ticked; each that is refused says why."""
    ids = identities(request.form.getlist("order_ids"))
    if not ids:
        return _approvals(refusal=_("请先勾选要通过的兑换单。"), status=422)
    actor, now = current_actor(), present()
    rows = desk_queries.approvals(reader(), actor, now).rows
    done = transact(approve_orders, ApproveOrders(orders=ids), actor)
    ready = [each.order for each in done.decisions if each.state == "ready"]
    refused = [each.refusal.sentence() for each in done.decisions if each.refusal]
    if ready:
        cost = sum(row.cost for row in rows if row.id in ready)
        session[UNDO] = {"ids": [str(each) for each in ready], "cost": cost, "at": now.timestamp()}
        flash(_("已通过 %(count)s 单，领取码稍后发给居民", count=len(ready)), "done")
    for sentence in dict.fromkeys(refused):
        flash(sentence, "refused")
    return redirect(url_for("desk.approvals"), code=303)


@desk.post("/approvals/undo")
def undo_approval() -> ResponseReturnValue:
    """Take approvals back within ten seconds."""
    ids = identities(request.form.getlist("order_ids"))
    done = transact(undo_approvals, UndoApprovals(orders=ids), current_actor())
    session.pop(UNDO, None)
    flash(_("已撤销 %(count)s 单，回到等审核", count=done.done), "note")
    return redirect(url_for("desk.approvals"), code=303)


@desk.post("/approvals/refuse")
def refuse() -> ResponseReturnValue:
    """Refuse one order, with the reason that the resident reads."""
    order = identity(request.form.get("order_id"))
    reason = request.form.get("reason", "")
    reason = request.form.get("other", "") if reason == "other" else reason
    if order is None or not reason.strip():
        errors = {"reason": [_("请选一个原因，或自己写一句。")]}
        return _approvals(refusing=True, errors=errors, status=422)
    try:
        transact(refuse_order, RefuseOrder(order=order, reason=reason.strip()), current_actor())
    except AppError as refusal:
        return _approvals(
            refusing=True, errors={"reason": [refusal.sentence()]}, status=int(refusal.status)
        )
    flash(_("没有通过，积分已退回居民，原因写在兑换单上"), "note")
    return redirect(url_for("desk.approvals"), code=303)


@desk.post("/approvals/return")
def take_back() -> ResponseReturnValue:
    """Take goods back that were collected: the points return to who paid."""
    order = identity(request.form.get("order_id"))
    if order is None:
        raise OrderUnknown
    command = ReturnOrder(order=order, reason=request.form.get("returned", "").strip())
    try:
        transact(return_order, command, current_actor())
    except AppError as refusal:
        return _approvals(errors={"returned": [refusal.sentence()]}, status=int(refusal.status))
    flash(_("已退回，货放回了库存，积分退给了付分的人"), "note")
    return redirect(url_for("desk.approvals", show="done", order=order), code=303)


@desk.get("/pickup")
def pickup() -> ResponseReturnValue:
    """Show the order that six digits or a name of the list open, and all that is ready."""
    named = request.args.get("order", type=UUID)
    return _pickup(normal_code(request.args.get("code", ""))[:CODE_LENGTH], named)


def _pickup(
    code: str,
    named: UUID | None = None,
    *,
    refusal: str | None = None,
    errors: dict[str, list[str]] | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    actor, connection, now = current_actor(), reader(), present()
    by_code = pickup_order(connection, actor, code, now) if code else None
    order = by_code or (pickup_order(connection, actor, named, now) if named else None)
    station = station_page(connection, actor.place)
    unknown = _("没有找到这个领取码。请核对六位数字，或看看是不是别的驿站的。")
    page = render_template(
        "admin/pickup.html",
        code=code,
        refusal=refusal or (unknown if (code or named) and order is None else None),
        errors=errors or {},
        order=order,
        by_name=by_code is None,
        ready=ready_orders(connection, actor, now),
        station_name=station.name if station else "",
    )
    return page, status


@desk.post("/pickup/<uuid:order_id>")
def hand_over_order(order_id: UUID) -> ResponseReturnValue:
    """Hand the order over."""
    command = HandOver(
        code=request.form.get("code", ""),
        order=order_id,
        confirm_resident=request.form.get("confirm_resident") == "1",
    )
    code = normal_code(command.code)[:CODE_LENGTH]
    try:
        done = transact(hand_over, command, current_actor())
    except (PickupCodeNeeded, ResidentUnconfirmed) as refused:
        errors = {"confirm_resident": [refused.sentence()]}
        return _pickup(code, order_id, errors=errors, status=int(refused.status))
    except AppError as refused:
        return _pickup(code, order_id, refusal=refused.sentence(), status=int(refused.status))
    flash(_("已领取：%(words)s", words=done.words), "done")
    shown = {"order": order_id} if done.by_name else {"code": code}
    return redirect(url_for("desk.pickup", **shown), code=303)
