"""API of moving house, of merging records, of a death, and of what was left to the household."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask_smorest import Blueprint

from core.errors import Forbidden
from core.http_keys import idempotency_key
from core.identity import current_actor, signed_in_only
from core.work import business_day, present, reader, transact
from exchange import left, moving
from exchange import moving_schemas as schemas
from residents import deaths as recorded
from residents.addresses import Address
from residents.endings import DeathRecorded, RecordDeath, record_death

bp = Blueprint("moving_api", __name__, description="Moving house and other ends")
bp.before_request(signed_in_only)


@bp.post("/staff/moves")
@bp.arguments(schemas.MoveHouseholdSchema)
@bp.response(201, schemas.MovedSchema)
def move(data: dict[str, Any]) -> moving.Moved:
    """Let people live in the actor's community, with their points; needs an Idempotency-Key."""
    actor = current_actor()
    address = data["address"]
    command = moving.MoveHousehold(
        key=idempotency_key(),
        community=actor.place,
        residents=tuple(data["residents"]),
        household=data["household"],
        address=Address(**address) if isinstance(address, dict) else address,
    )
    return transact(moving.move_household, command, actor)


@bp.post("/staff/merges")
@bp.arguments(schemas.MergeRecordsSchema)
@bp.response(201, schemas.MergedSchema)
def merge(data: dict[str, Any]) -> moving.Merged:
    """Make one record of two of one person; needs an Idempotency-Key."""
    command = moving.MergeRecords(key=idempotency_key(), **data)
    return transact(moving.merge_records, command, current_actor())


@bp.post("/staff/deaths")
@bp.arguments(schemas.DeathSchema)
@bp.response(201, schemas.DeathRecordedSchema)
def death(data: dict[str, Any]) -> DeathRecorded:
    """Record that a resident has died; the household may spend the points for a time."""
    return transact(record_death, RecordDeath(**data), current_actor())


@bp.get("/staff/deaths")
@bp.response(200, schemas.DeathLineSchema(many=True))
def deaths() -> list[recorded.Death]:
    """List the deaths recorded in the actor's community that can be taken back."""
    actor = current_actor()
    actor.require("resident.enter")
    return recorded.deaths(reader(), actor.place, business_day(present()))


@bp.post("/staff/deaths/<uuid:resident_id>/take-back")
@bp.response(200, schemas.DeathTakenBackSchema)
def take_back(resident_id: UUID) -> recorded.DeathTakenBack:
    """Take a death back that was recorded by mistake: the resident lives here as before."""
    command = recorded.TakeBackDeath(resident=resident_id)
    return transact(recorded.take_back_death, command, current_actor())


@bp.get("/household/kept")
@bp.response(200, schemas.KeptSchema(many=True))
def kept() -> list[left.Left]:
    """List what members of the household who died left, as long as it can be spent."""
    actor = current_actor()
    if actor.household is None:
        raise Forbidden
    return left.left_to(reader(), actor.household, business_day(present()))
