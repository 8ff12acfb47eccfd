"""API of a community's grids, grid workers and building leads, and of the number to call."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask_smorest import Blueprint
from marshmallow import fields, validate

from core.identity import current_actor, signed_in_only
from core.schema import NO_NUL, Schema
from core.work import business_day, present, reader, transact
from residents import local_grants
from residents.grants import Granted
from residents.places import PhoneSet, SetPhone, set_phone

bp = Blueprint("residents_local_api", __name__, description="a community's grids and number")
bp.before_request(signed_in_only)


class BlockSchema(Schema):
    """A building or a grid."""

    id = fields.UUID()
    name = fields.String()
    grid = fields.UUID(allow_none=True)


class BlocksSchema(Schema):
    """Buildings and grids of one's community."""

    buildings = fields.List(fields.Nested(BlockSchema))
    grids = fields.List(fields.Nested(BlockSchema))


class SetGridSchema(Schema):
    """A grid by its name, with the buildings that it has from now on."""

    name = fields.String(required=True, validate=(validate.Length(max=60), NO_NUL))
    buildings = fields.List(fields.UUID(), required=True, validate=validate.Length(max=300))


class GridSetSchema(Schema):
    """The grid."""

    id = fields.UUID()
    exists = fields.Boolean()


class GrantLocalSchema(Schema):
    """Somebody as grid worker of a grid, or building lead of a building."""

    role = fields.String(required=True, validate=validate.OneOf(("grid_worker", "building_lead")))
    scope_id = fields.UUID(required=True)
    name = fields.String(required=True, validate=(validate.Length(max=60), NO_NUL))
    phone = fields.String(required=True, validate=(validate.Length(max=40), NO_NUL))
    valid_to = fields.Date(load_default=None, allow_none=True)


class LocalGrantedSchema(Schema):
    """The grant and whose it is."""

    id = fields.UUID()
    person = fields.UUID()
    exists = fields.Boolean()


class LocalGrantSchema(Schema):
    """A grant in force."""

    id = fields.UUID()
    name = fields.String()
    role = fields.String(validate=validate.OneOf(("grid_worker", "building_lead")))
    place = fields.String()
    valid_from = fields.Date()
    valid_to = fields.Date(allow_none=True)


class PhoneSchema(Schema):
    """The number that residents call, as they read it: 0571-8700 0000; empty for none."""

    phone = fields.String(required=True, validate=(validate.Length(max=40), NO_NUL))


class PhoneSetSchema(Schema):
    """The community or district whose number it is."""

    place = fields.Integer()


class DoorSchema(Schema):
    """A household of one's building or grid."""

    household = fields.UUID()
    address = fields.String()
    people = fields.Function(
        lambda door: [{"resident": str(one), "name": name} for one, name in door.people],
        metadata={
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "resident": {"type": "string", "format": "uuid"},
                    "name": {"type": "string"},
                },
            },
        },
    )


@bp.get("/staff/blocks")
@bp.response(200, BlocksSchema)
def blocks() -> dict[str, Any]:
    """List the buildings and grids of the actor's community."""
    actor = current_actor()
    actor.require("grant.local")
    return {
        "buildings": local_grants.buildings(reader(), actor.place),
        "grids": local_grants.grids(reader(), actor.place),
    }


@bp.post("/staff/grids")
@bp.arguments(SetGridSchema)
@bp.response(200, GridSetSchema)
def set_grid(data: dict[str, Any]) -> local_grants.GridSet:
    """Make a grid, or give it other buildings."""
    actor = current_actor()
    command = local_grants.SetGrid(
        community=actor.place, name=data["name"], buildings=tuple(data["buildings"])
    )
    return transact(local_grants.set_grid, command, actor)


@bp.get("/staff/local-grants")
@bp.response(200, LocalGrantSchema(many=True))
def local() -> list[local_grants.LocalGrant]:
    """List the grid workers and building leads of the actor's community."""
    actor = current_actor()
    actor.require("grant.local")
    return local_grants.local_grants(reader(), actor.place, business_day(present()))


@bp.post("/staff/local-grants")
@bp.arguments(GrantLocalSchema)
@bp.response(201, LocalGrantedSchema)
def grant(data: dict[str, Any]) -> Granted:
    """Make somebody grid worker or building lead; the same again is what it was."""
    actor = current_actor()
    command = local_grants.GrantLocal(**data, community=actor.place)
    return transact(local_grants.grant_local, command, actor)


@bp.post("/staff/local-grants/<uuid:grant_id>/end")
@bp.response(200, LocalGrantedSchema)
def end(grant_id: UUID) -> Granted:
    """Take the role back, and its sign-ins."""
    return transact(local_grants.end_local, local_grants.EndLocal(grant=grant_id), current_actor())


@bp.post("/staff/phone")
@bp.arguments(PhoneSchema)
@bp.response(200, PhoneSetSchema)
def community_phone(data: dict[str, str]) -> PhoneSet:
    """Set the number that the residents of the actor's community call; empty: the district's."""
    actor = current_actor()
    actor.require("setting.community")
    return transact(set_phone, SetPhone(place=actor.place, phone=data["phone"]), actor)


@bp.post("/district/phone")
@bp.arguments(PhoneSchema)
@bp.response(200, PhoneSetSchema)
def district_phone(data: dict[str, str]) -> PhoneSet:
    """Set the number of the district, which communities without one show, too."""
    actor = current_actor()
    actor.require("setting.district")
    return transact(set_phone, SetPhone(place=actor.place, phone=data["phone"]), actor)


@bp.get("/staff/doors")
@bp.response(200, DoorSchema(many=True))
def doors() -> list[local_grants.Door]:
    """List the households of the building or grid that the actor looks after."""
    actor = current_actor()
    actor.require("act.record")
    if actor.scope_id is None:
        return []
    return local_grants.doors(reader(), actor.scope_kind, actor.scope_id)
