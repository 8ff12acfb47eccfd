"""API of stations, items and stock: the same use cases and reads as the desk's pages."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask_smorest import Blueprint

from core.http_keys import idempotency_key
from core.identity import current_actor
from core.work import present, reader, transact
from exchange import desk_station, schemas, stations, stock
from exchange import staff_answers as answers


def register(bp: Blueprint) -> None:
    """Add the endpoints to the package's blueprint."""

    @bp.get("/staff/items")
    @bp.response(200, answers.StationItemSchema(many=True))
    def items() -> list[desk_station.StationItem]:
        """List the items of the actor's station with their counters."""
        actor = current_actor()
        actor.require("desk.read")
        return list(desk_station.station_items(reader(), actor.place, present()))

    @bp.get("/staff/item-templates")
    @bp.response(200, answers.ItemTemplateSchema(many=True))
    def templates() -> list[desk_station.ItemTemplateChoice]:
        """List the district's ready-made items that the actor's station does not offer yet."""
        actor = current_actor()
        actor.require("desk.read")
        return list(desk_station.template_choices(reader(), actor.place))

    @bp.get("/staff/stations/<int:community>")
    @bp.response(200, answers.StaffStationSchema)
    def station(community: int) -> dict[str, Any]:
        """Show a station as its staff see it: its door, what waits there, what moved last."""
        current_actor().require("desk.read", community)
        found = desk_station.station_page(reader(), community)
        if found is None:
            raise stations.StationUnknown
        return {**asdict(found), "moves": desk_station.stock_moves(reader(), community)}

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
