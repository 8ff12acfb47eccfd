"""API of orders that a family pays together."""

from __future__ import annotations

from uuid import UUID

from flask_smorest import Blueprint

from core.errors import Forbidden
from core.identity import current_actor
from core.work import present, reader, transact
from exchange.answers import AgreedSchema, AskedShareSchema, RelativeSchema, ShareViewSchema
from exchange.order_queries import order_view
from exchange.orders import (
    Agreed,
    AgreeToPay,
    DeclineToPay,
    OrderUnknown,
    agree_to_pay,
    decline_to_pay,
)
from exchange.payers import Relative
from exchange.shared import AskedShare, ShareView, asked_of, family_of, shares_of, spoken_for


def register(bp: Blueprint) -> None:
    """Add the endpoints to the package's blueprint."""

    @bp.get("/payers")
    @bp.response(200, RelativeSchema(many=True))
    def payers() -> list[Relative]:
        """List who of the household may pay a share of the resident's order."""
        resident = current_actor().resident
        if resident is None:
            raise Forbidden
        return list(family_of(reader(), resident, present()))

    @bp.get("/shares")
    @bp.response(200, AskedShareSchema(many=True))
    def asked() -> list[AskedShare]:
        """List the shares that the resident is asked to pay now."""
        now = present()
        people = spoken_for(reader(), current_actor().person, now)
        return list(asked_of(reader(), people, now))

    @bp.get("/orders/<uuid:order_id>/shares")
    @bp.response(200, ShareViewSchema(many=True))
    def shares(order_id: UUID) -> list[ShareView]:
        """Show who pays an order of the resident, or one that they pay a share of."""
        now, resident = present(), current_actor().resident
        people = spoken_for(reader(), current_actor().person, now)
        if resident is None or order_view(reader(), order_id, resident, people) is None:
            raise OrderUnknown
        return list(shares_of(reader(), order_id, people, resident, now))

    @bp.post("/orders/<uuid:order_id>/shares/<uuid:resident_id>/agree")
    @bp.response(200, AgreedSchema)
    def agree(order_id: UUID, resident_id: UUID) -> Agreed:
        """Agree to a share: the payer, whom they let act, or staff who know them."""
        command = AgreeToPay(order=order_id, resident=resident_id)
        return transact(agree_to_pay, command, current_actor())

    @bp.post("/orders/<uuid:order_id>/shares/<uuid:resident_id>/decline")
    @bp.response(200, AgreedSchema)
    def decline(order_id: UUID, resident_id: UUID) -> Agreed:
        """Say no to a share: the order ends, and everybody has theirs back."""
        command = DeclineToPay(order=order_id, resident=resident_id)
        return transact(decline_to_pay, command, current_actor())
