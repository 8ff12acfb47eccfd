"""API of roles: the district's admins grant them, confirm the powerful ones, and end them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask_smorest import Blueprint
from marshmallow import fields, post_load, validate

from core.identity import current_actor, signed_in_only
from core.schema import NO_NUL, ROLE, Schema
from core.work import business_day, present, reader, transact
from residents import grants
from residents.granted import GrantLine, list_grants

bp = Blueprint("residents_grants_api", __name__, description="roles and who holds them")
bp.before_request(signed_in_only)
PAGES_MAX = 10_000


class GrantsAskedSchema(Schema):
    """A page of grants; ``q`` is a name or a place."""

    q = fields.String(load_default="", validate=NO_NUL)
    page = fields.Integer(load_default=1, validate=validate.Range(1, PAGES_MAX))


class GrantLineSchema(Schema):
    """A role of a person at a place; a powerful one waits until a second admin confirms it."""

    id = fields.UUID()
    person = fields.UUID()
    name = fields.String()
    phone_masked = fields.String()
    role = fields.String(validate=ROLE)
    place = fields.Integer()
    place_name = fields.String()
    valid_from = fields.Date()
    valid_to = fields.Date(allow_none=True)
    granted_by = fields.UUID()
    confirmed_by = fields.UUID(allow_none=True)
    is_ended = fields.Boolean()
    is_waiting = fields.Boolean()


class GrantRoleSchema(Schema):
    """Give somebody a role; whoever has this name and number is known or made."""

    name = fields.String(required=True, validate=(validate.Length(max=60), NO_NUL))
    phone = fields.String(required=True, validate=(validate.Length(max=40), NO_NUL))
    role = fields.String(required=True, validate=validate.OneOf(grants.GRANTED))
    place = fields.Integer(
        required=True,
        metadata={"description": "Code of the community, subdistrict or district it fits."},
    )
    valid_from = fields.Date(load_default=None, allow_none=True)
    valid_to = fields.Date(load_default=None, allow_none=True)

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> grants.GrantRole:
        """Build the command."""
        return grants.GrantRole(**data)


class GrantedSchema(Schema):
    """The grant, whose it is, and whether it was so before."""

    id = fields.UUID()
    person = fields.UUID()
    exists = fields.Boolean()


@bp.get("/district/grants")
@bp.arguments(GrantsAskedSchema, location="query")
@bp.response(200, GrantLineSchema(many=True))
def all_grants(data: dict[str, Any]) -> list[GrantLine]:
    """List grants: those that wait first, then in force, then ended; forty a page."""
    actor = current_actor()
    actor.require("console.read")
    within = actor.place if actor.role == "subdistrict_reader" else None
    today = business_day(present())
    return list(list_grants(reader(), today, data["q"], data["page"], within=within).rows)


@bp.post("/district/grants")
@bp.arguments(GrantRoleSchema)
@bp.response(201, GrantedSchema)
def grant(command: grants.GrantRole) -> grants.Granted:
    """Give a role from a day on; the same again is what it was."""
    return transact(grants.grant_role, command, current_actor())


@bp.post("/district/grants/<uuid:grant_id>/confirm")
@bp.response(200, GrantedSchema)
def confirm(grant_id: UUID) -> grants.Granted:
    """Say the second person's word for a powerful role."""
    return transact(grants.confirm_grant, grants.ConfirmGrant(grant=grant_id), current_actor())


@bp.post("/district/grants/<uuid:grant_id>/end")
@bp.response(200, GrantedSchema)
def end(grant_id: UUID) -> grants.Granted:
    """Take a role back from today on, and its sign-ins at once."""
    return transact(grants.end_grant, grants.EndGrant(grant=grant_id), current_actor())
