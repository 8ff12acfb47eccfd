"""API of rates and of orders between communities, for the district."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask_smorest import Blueprint

from core.http_keys import idempotency_key
from core.identity import current_actor
from core.work import present, reader, transact
from exchange import console, rates, schemas
from exchange import rates_answers as answers


def register(bp: Blueprint) -> None:
    """Add the endpoints to the package's blueprint."""

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

    @bp.get("/rates/<int:home>/<int:host>")
    @bp.response(200, answers.RateCellDetailSchema)
    def cell(home: int, host: int) -> rates.CellDetail:
        """Show why two subdistricts have their rate, what it was before, and what comes."""
        current_actor().require("console.read")
        found = rates.cell(reader(), home, host, present())
        if found is None:
            raise rates.ScopeMismatch
        return found

    @bp.get("/rate-proposals")
    @bp.response(200, answers.RateProposalSchema(many=True))
    def proposals() -> list[rates.Proposal]:
        """List the changes of rate that wait for the second person."""
        current_actor().require("console.read")
        return list(rates.proposals(reader(), present()))

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
        """Confirm a proposal as the second person; it is published, or taken back, at once."""
        command = rates.ConfirmRate(proposal=proposal_id)
        return transact(rates.confirm_rate, command, current_actor())

    @bp.post("/rate-proposals/<uuid:proposal_id>/withdraw")
    @bp.response(200, answers.RateProposedSchema)
    def withdraw(proposal_id: UUID) -> rates.RateWithdrawn:
        """Take back a proposal; for a published rate, propose it to the second person."""
        command = rates.WithdrawRate(proposal=proposal_id)
        return transact(rates.withdraw_rate, command, current_actor())
