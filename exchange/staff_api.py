"""API of orders at the desk: the same use cases and reads as its pages."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask_smorest import Blueprint

from core.http_keys import idempotency_key
from core.identity import current_actor
from core.work import present, reader, transact
from exchange import desk, desk_counter, orders, schemas
from exchange import quote as quotes
from exchange import staff_answers as answers
from exchange.answers import OrderEndedSchema, RedeemedSchema
from exchange.basket import load_buyer
from exchange.counter import CounterRedemption, Redeemed, redeem_at_counter
from exchange.pickup import parse
from exchange.shared import asked_of
from exchange.story import OrderStory, story


def register(bp: Blueprint) -> None:
    """Add the endpoints to the package's blueprint."""
    _reads(bp)
    _decisions(bp)
    _counter(bp)


def _reads(bp: Blueprint) -> None:
    @bp.get("/staff/orders")
    @bp.arguments(schemas.ApprovalsQuerySchema, location="query")
    @bp.response(200, answers.ApprovalsSchema)
    def waiting(query: dict[str, Any]) -> desk.Approvals:
        """List the orders of the actor's station: waiting, ready or done."""
        actor = current_actor()
        actor.require("order.approve")
        return desk.approvals(reader(), actor, present(), query["show"], query["page"])

    @bp.get("/staff/orders/<uuid:order_id>")
    @bp.response(200, answers.OrderStorySchema)
    def one(order_id: UUID) -> OrderStory:
        """Show an order of the actor's station with all that helps to decide on it."""
        actor = current_actor()
        actor.require("order.approve")
        found = story(reader(), actor, order_id, present())
        if found is None:
            raise orders.OrderUnknown
        return found

    @bp.get("/staff/pickups")
    @bp.response(200, answers.ReadyOrderSchema(many=True))
    def ready() -> list[desk_counter.ReadyOrder]:
        """List what waits to be collected at the actor's station, the soonest to lapse first."""
        actor = current_actor()
        actor.require("order.hand_over")
        return list(desk_counter.ready_orders(reader(), actor, present()))

    @bp.get("/staff/pickups/<pickup>")
    @bp.response(200, answers.PickupOrderSchema)
    def opened(pickup: str) -> desk_counter.PickupOrder:
        """Show the order that six digits, or what a scanned code has after /P/, open here."""
        actor = current_actor()
        actor.require("order.hand_over")
        scanned = parse(pickup)
        digits = scanned[1] if scanned else orders.normal_code(pickup)
        found = desk_counter.pickup_order(reader(), actor, digits, present())
        if found is None:
            raise orders.PickupCodeUnknown
        return found


def _decisions(bp: Blueprint) -> None:
    @bp.post("/staff/orders/approve")
    @bp.arguments(schemas.ApproveOrdersSchema)
    @bp.response(200, answers.OrdersDecidedSchema)
    def approve(command: orders.ApproveOrders) -> orders.Decided:
        """Approve orders; each is answered by itself."""
        return transact(orders.approve_orders, command, current_actor())

    @bp.post("/staff/orders/refuse")
    @bp.arguments(schemas.RefuseOrderSchema)
    @bp.response(200, answers.OrderDecisionSchema)
    def refuse(command: orders.RefuseOrder) -> orders.Decision:
        """Refuse an order with a reason."""
        return transact(orders.refuse_order, command, current_actor())

    @bp.post("/staff/orders/undo")
    @bp.arguments(schemas.UndoApprovalsSchema)
    @bp.response(200, answers.OrdersDecidedSchema)
    def undo(command: orders.UndoApprovals) -> orders.Decided:
        """Take back approvals of the last ten seconds."""
        return transact(orders.undo_approvals, command, current_actor())

    @bp.post("/staff/orders/<uuid:order_id>/return")
    @bp.arguments(schemas.ReturnOrderSchema)
    @bp.response(200, OrderEndedSchema)
    def give_back(data: dict[str, Any], order_id: UUID) -> orders.Ended:
        """Take goods back: every transfer is reversed by its own figures."""
        command = orders.ReturnOrder(order=order_id, reason=data["reason"])
        return transact(orders.return_order, command, current_actor())

    @bp.post("/staff/pickups")
    @bp.arguments(schemas.HandOverSchema)
    @bp.response(200, answers.HandedOverSchema)
    def pickup(command: orders.HandOver) -> orders.HandedOver:
        """Hand over a ready order: by its six digits, or by its id to whom staff looked at."""
        return transact(orders.hand_over, command, current_actor())


def _counter(bp: Blueprint) -> None:
    @bp.get("/staff/counter/<uuid:resident_id>")
    @bp.response(200, answers.CounterSchema)
    def counter_of(resident_id: UUID) -> dict[str, Any]:
        """Show what a resident may take at the actor's counter."""
        actor, connection, now = current_actor(), reader(), present()
        actor.require("counter.redeem")
        person = load_buyer(connection, resident_id).person
        return {
            "items": desk_counter.counter_items(connection, resident_id, actor.place, {}, now),
            "family": desk_counter.family_at(connection, resident_id, actor.place, now),
            "shares": asked_of(connection, {person}, now),
        }

    @bp.post("/staff/counter-quotes")
    @bp.arguments(schemas.CounterQuoteRequestSchema)
    @bp.response(201, answers.CounterQuoteSchema)
    def counter_quote(data: dict[str, Any]) -> dict[str, Any]:
        """Say what it would cost a resident at the counter, and how they may agree."""
        actor, connection, now = current_actor(), reader(), present()
        actor.require("counter.redeem")
        offer = quotes.quote(connection, data["resident"], data["lines"], now)
        actor.require("counter.redeem", offer.host)
        shared = bool(desk_counter.family_at(connection, data["resident"], offer.host, now))
        ways = desk_counter.ways(connection, actor.place, offer, now, shared=shared)
        return {"quote": offer, "ways": ways}

    @bp.post("/staff/counter-redemptions")
    @bp.arguments(schemas.CounterRedemptionSchema)
    @bp.response(201, RedeemedSchema)
    def counter(data: dict[str, Any]) -> Redeemed:
        """Redeem at the counter; needs an Idempotency-Key."""
        command = CounterRedemption(
            key=idempotency_key(),
            resident=data["resident"],
            lines=tuple(data["lines"]),
            confirmation=data["confirmation"],
            confirm_resident=data["confirm_resident"],
            shown=data["shown"],
            shares=tuple(data["shares"]),
        )
        return transact(redeem_at_counter, command, current_actor())
