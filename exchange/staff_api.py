"""API of the desk and of the district: the same use cases as their pages."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask_smorest import Blueprint

from core.http_keys import idempotency_key
from core.identity import current_actor
from core.work import present, reader, transact
from exchange import answers, console, desk, desk_station, orders, rates, schemas, stations, stock
from exchange.counter import CounterRedemption, Redeemed, redeem_at_counter


def register(bp: Blueprint) -> None:
    """Add the endpoints of staff and district to the package's blueprint."""
    _orders(bp)
    _stations(bp)
    _rates(bp)


def _orders(bp: Blueprint) -> None:
    @bp.get("/staff/orders")
    @bp.arguments(schemas.ApprovalsQuerySchema, location="query")
    @bp.response(200, answers.ApprovalsSchema)
    def waiting(query: dict[str, Any]) -> desk.Approvals:
        """List the orders of the actor's station: waiting, ready or done."""
        actor = current_actor()
        actor.require("desk.read")
        return desk.approvals(reader(), actor, present(), query["show"], query["page"])

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
    @bp.response(200, answers.OrderEndedSchema)
    def give_back(data: dict[str, Any], order_id: UUID) -> orders.Ended:
        """Take goods back: every transfer is reversed by its own figures."""
        command = orders.ReturnOrder(order=order_id, reason=data["reason"])
        return transact(orders.return_order, command, current_actor())

    @bp.post("/staff/pickups")
    @bp.arguments(schemas.HandOverSchema)
    @bp.response(200, answers.HandedOverSchema)
    def pickup(command: orders.HandOver) -> orders.HandedOver:
        """Hand over a ready order by its six digits."""
        return transact(orders.hand_over, command, current_actor())

    @bp.post("/staff/counter-redemptions")
    @bp.arguments(schemas.CounterRedemptionSchema)
    @bp.response(201, answers.RedeemedSchema)
    def counter(data: dict[str, Any]) -> Redeemed:
        """Redeem at the counter; needs an Idempotency-Key."""
        command = CounterRedemption(
            key=idempotency_key(),
            resident=data["resident"],
            lines=tuple(data["lines"]),
            confirmation=data["confirmation"],
            confirm_resident=data["confirm_resident"],
            shown=data["shown"],
        )
        return transact(redeem_at_counter, command, current_actor())


def _stations(bp: Blueprint) -> None:
    @bp.get("/staff/items")
    @bp.response(200, answers.StationItemSchema(many=True))
    def items() -> list[desk_station.StationItem]:
        """List the items of the actor's station with their counters."""
        actor = current_actor()
        actor.require("desk.read")
        return list(desk_station.station_items(reader(), actor.place, present()))

    @bp.post("/staff/stations")
    @bp.arguments(schemas.StationSchema)
    @bp.response(201, answers.StationOpenedSchema)
    def open_station(data: dict[str, Any]) -> stations.StationOpened:
        """Open a community's station, or change what its door says."""
        return transact(stations.open_station, stations.OpenStation(**data), current_actor())

    @bp.post("/staff/items")
    @bp.arguments(schemas.AddItemSchema)
    @bp.response(201, answers.ItemChangedSchema)
    def add_item(data: dict[str, Any]) -> stations.ItemChanged:
        """List an item, with no stock until a receipt."""
        return transact(stations.add_item, stations.AddItem(**data), current_actor())

    @bp.post("/staff/items/<uuid:item_id>")
    @bp.arguments(schemas.ChangeItemSchema)
    @bp.response(200, answers.ItemChangedSchema)
    def change_item(data: dict[str, Any], item_id: UUID) -> stations.ItemChanged:
        """Change an item's terms, or take it off the list."""
        command = stations.ChangeItem(item=item_id, **data)
        return transact(stations.change_item, command, current_actor())

    @bp.post("/staff/stock-receipts")
    @bp.arguments(schemas.StockReceiptSchema)
    @bp.response(201, answers.StockChangedSchema)
    def receive(data: dict[str, Any]) -> stock.StockChanged:
        """Add pieces to the shelf; needs an Idempotency-Key."""
        command = stock.ReceiveStock(key=idempotency_key(), **data)
        return transact(stock.receive_stock, command, current_actor())

    @bp.post("/staff/stock-counts")
    @bp.arguments(schemas.CountStockSchema)
    @bp.response(201, answers.StockChangedSchema)
    def count(data: dict[str, Any]) -> stock.StockChanged:
        """Set the shelf to what was counted; needs an Idempotency-Key."""
        command = stock.CountStock(key=idempotency_key(), **data)
        return transact(stock.count_stock, command, current_actor())


def _rates(bp: Blueprint) -> None:
    @bp.get("/cross-orders")
    @bp.arguments(schemas.CrossOrdersQuerySchema, location="query")
    @bp.response(200, answers.CrossOrdersSchema)
    def cross_orders(query: dict[str, Any]) -> console.CrossOrders:
        """List the orders between communities, for the district."""
        actor = current_actor()
        actor.require("console.read")
        within = actor.place if actor.role == "subdistrict_reader" else None
        return console.cross_orders(reader(), **query, within=within)

    @bp.get("/rates")
    @bp.response(200, answers.RateMatrixSchema)
    def matrix() -> rates.Matrix:
        """Show the district's rates, subdistrict by subdistrict."""
        current_actor().require("console.read")
        return rates.matrix(reader(), present())

    @bp.post("/rate-proposals")
    @bp.arguments(schemas.ProposeRateSchema)
    @bp.response(201, answers.RateProposedSchema)
    def propose(data: dict[str, Any]) -> rates.RateProposed:
        """Propose a rate to the second person; needs an Idempotency-Key."""
        command = rates.ProposeRate(key=idempotency_key(), **data)
        return transact(rates.propose_rate, command, current_actor())

    @bp.post("/rate-proposals/<uuid:proposal_id>/confirm")
    @bp.response(200, answers.RateConfirmedSchema)
    def confirm(proposal_id: UUID) -> rates.RateConfirmed:
        """Confirm a proposal as the second person; it is published at once."""
        command = rates.ConfirmRate(proposal=proposal_id)
        return transact(rates.confirm_rate, command, current_actor())

    @bp.post("/rate-proposals/<uuid:proposal_id>/withdraw")
    @bp.response(200, answers.RateProposedSchema)
    def withdraw(proposal_id: UUID) -> rates.RateWithdrawn:
        """Take back a proposal, or a published rate before its day."""
        command = rates.WithdrawRate(proposal=proposal_id)
        return transact(rates.withdraw_rate, command, current_actor())
