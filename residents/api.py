"""API of signing in, places and people. What is public says so by its blueprint."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import request
from flask_babel import gettext as _
from flask_smorest import Blueprint

from core.http_keys import idempotency_key
from core.identity import current_actor, public, residents_only, signed_in_only
from core.work import business_day, present, reader, transact
from residents import acting, examples, homes, lists, people, queries, revoking, schemas, sign_in
from residents.amending import AmendResident, ResidentAmended, amend_resident
from residents.limits import limit_codes, limit_registrations, limit_tries, prove_number
from residents.modes import ChangeMode, change_mode
from residents.naming import NamingSet, SetNaming, set_naming
from residents.proofs import prove, proven
from residents.representations import (
    EndRepresentation,
    Represent,
    RepresentationEnded,
    Represented,
    end_representation,
    represent,
)
from residents.revealing import PhoneRevealed, show_phone

public_bp = Blueprint("residents_public_api", __name__, description="Signing in and places")
public_bp.before_request(public)
bp = Blueprint("residents_api", __name__, description="People")
bp.before_request(signed_in_only)


@public_bp.post("/login-codes")
@public_bp.arguments(schemas.LoginCodeSchema, example=examples.LOGIN_CODE)
@public_bp.response(201, schemas.CodeSentSchema, example=examples.CODE_SENT)
def ask_code(data: dict[str, Any]) -> sign_in.CodeSent:
    """Send a one-time code by SMS."""
    limit_codes(data["phone"], request.remote_addr or "")
    command = sign_in.AskCode(phone=data["phone"], browser=data["client_nonce"])
    return transact(sign_in.ask_code, command)


@public_bp.post("/login-codes/verify")
@public_bp.arguments(schemas.VerifySchema, example=examples.VERIFY)
@public_bp.response(200, schemas.VerifiedSchema, example=examples.VERIFIED)
def verify_code(data: dict[str, Any]) -> dict[str, Any]:
    """Prove the number; the proof signs in or registers within ten minutes."""
    limit_tries(data["phone"], request.remote_addr or "", data["client_nonce"])
    verified = prove_number(data["phone"], data["code"], data["client_nonce"])
    return {"proof": prove(verified.phone), "choices": verified.choices}


@public_bp.post("/sign-ins")
@public_bp.arguments(schemas.ChooseSchema, example=examples.CHOOSE)
@public_bp.response(201, schemas.TokenSchema, example=examples.TOKEN)
def choose(data: dict[str, Any]) -> sign_in.SignedInAs:
    """Sign in as one of the choices and get a token."""
    phone = proven(data["proof"])
    command = sign_in.Choose(phone=phone, id=data["id"], label=data["label"])
    return transact(sign_in.choose, command)


@public_bp.post("/residents")
@public_bp.arguments(schemas.RegisterSchema, example=examples.REGISTER)
@public_bp.response(201, schemas.ResidentEnteredSchema, example=examples.REGISTERED)
def register(data: dict[str, Any]) -> people.ResidentEntered:
    """Register with a proven number; then sign in with the resident's id."""
    phone = proven(data.pop("proof"))
    limit_registrations(phone)
    return transact(people.register, people.Register(phone=phone, **data))


@public_bp.get("/places")
@public_bp.response(200, schemas.CommunitySchema(many=True))
def places() -> list[queries.Place]:
    """Return the communities of the district."""
    return queries.places(reader())


@public_bp.get("/privacy")
@public_bp.response(200, schemas.PrivacySchema)
def privacy() -> dict[str, Any]:
    """Return the text that somebody who registers agrees to; show it beside ``consent``."""
    noun = _("社区")
    return {
        "version": people.PRIVACY_VERSION,
        "agreement": _(people.PRIVACY_AGREEMENT, noun=noun),
        "text": [_(each, noun=noun) for each in people.PRIVACY],
    }


@bp.get("/me")
@bp.response(200, schemas.MeSchema)
def me() -> dict[str, Any]:
    """Return who the token acts as."""
    actor, connection = current_actor(), reader()
    facts: dict[str, Any] = {
        "person": actor.person,
        "role": actor.role,
        "place": actor.place,
        "resident": actor.resident,
        "household": actor.household,
        "name": actor.name,
        **dict.fromkeys(("state", "phone_masked", "address", "mode")),
    }
    seen = queries.viewer(connection, actor)
    if seen is not None:
        card = queries.me(connection, seen.resident)
        facts |= {"state": card.state, "phone_masked": card.phone_masked}
        facts |= {"address": card.address, "mode": seen.mode}
    place = queries.place(connection, actor.place) or queries.district(connection)
    named = dict(queries.subdistricts(connection)).get(actor.place, place and place.short_name)
    return facts | {"place_name": named or "", "place_phone": place.phone if place else ""}


@bp.get("/sign-ins")
@bp.response(200, schemas.SignInSchema(many=True))
def sign_ins() -> list[queries.SignInRow]:
    """Return the sign-ins of one's own that hold."""
    return queries.sign_ins(reader(), current_actor(), present())


@bp.post("/me/mode")
@bp.arguments(schemas.ModeSchema)
@bp.response(200, schemas.ModeSchema)
def set_mode(data: dict[str, Any]) -> dict[str, str]:
    """Choose the standard or the elder version of the pages."""
    residents_only()
    return {"mode": transact(change_mode, ChangeMode(**data), current_actor()).state}


@bp.post("/sign-ins/<uuid:identity>/revoke")
@bp.response(200, schemas.RevokedSchema)
def revoke(identity: UUID) -> revoking.Revoked:
    """End a sign-in of one's own at once."""
    return transact(revoking.revoke, revoking.Revoke(sign_in=identity), current_actor())


@bp.post("/staff/residents")
@bp.arguments(schemas.EnterResidentSchema)
@bp.response(201, schemas.ResidentEnteredSchema)
def enter_resident(command: people.EnterResident) -> people.ResidentEntered:
    """Enter a resident, with or without a phone."""
    command = replace(command, key=idempotency_key())
    return transact(people.enter_resident, command, current_actor())


@bp.post("/staff/residents/list")
@bp.arguments(schemas.ListSchema)
@bp.response(200, schemas.ListedSchema)
def enter_list(command: lists.ImportResidents) -> lists.ResidentsImported:
    """Enter a list of residents of one community; each row is answered by itself."""
    command = replace(command, key=idempotency_key())
    return transact(lists.import_residents, command, current_actor())


@bp.post("/staff/households")
@bp.arguments(schemas.EnterHouseholdSchema)
@bp.response(201, schemas.HouseholdEnteredSchema)
def enter_household(command: people.EnterHousehold) -> people.HouseholdEntered:
    """Enter an address whose people nobody knows yet."""
    return transact(people.enter_household, command, current_actor())


@bp.get("/staff/households")
@bp.arguments(schemas.SearchSchema, location="query")
@bp.response(200, schemas.HomeSchema(many=True))
def search_homes(data: dict[str, Any]) -> list[homes.Home]:
    """Find by their address households of a community in which nobody is known."""
    current_actor().require("resident.enter", data["community"])
    return homes.unknown_homes(reader(), data["community"], data["q"])


@bp.post("/staff/representations")
@bp.arguments(schemas.RepresentSchema)
@bp.response(201, schemas.RepresentedSchema)
def let_act(command: Represent) -> Represented:
    """Let a person act for another, by consent on paper that staff have seen."""
    return transact(represent, command, current_actor())


@bp.post("/representations/<uuid:representation>/end")
@bp.response(200, schemas.RepresentationEndedSchema)
def end_acting(representation: UUID) -> RepresentationEnded:
    """End that somebody acts for somebody: by either of the two, a child's guardian, or staff."""
    command = EndRepresentation(id=representation)
    return transact(end_representation, command, current_actor())


@bp.get("/me/representations")
@bp.response(200, schemas.ActsForSchema(many=True))
def my_acting() -> list[acting.ActsFor]:
    """List who acts for the resident acted as, and for whom they act."""
    residents_only()
    seen = queries.viewer(reader(), current_actor())
    return acting.acting(reader(), seen.person, _today()) if seen else []


@bp.get("/staff/residents/<uuid:resident_id>/representations")
@bp.response(200, schemas.ActsForSchema(many=True))
def acting_of(resident_id: UUID) -> list[acting.ActsFor]:
    """List who acts for a resident of one's community, and for whom they act."""
    current_actor().require("resident.enter")
    line = queries.lines(reader(), [resident_id]).get(resident_id)
    if line is None:
        raise people.ResidentUnknown
    current_actor().require("resident.enter", line.community)
    return acting.acting(reader(), line.person, _today())


def _today() -> dt.date:
    return business_day(present())


@bp.post("/staff/residents/<uuid:resident>/confirm")
@bp.response(200, schemas.ConfirmedSchema)
def confirm_resident(resident: UUID) -> people.Confirmed:
    """Confirm that a resident is who they say."""
    command = people.ConfirmResident(resident=resident)
    return transact(people.confirm_resident, command, current_actor())


@bp.post("/staff/residents/<uuid:resident>/amend")
@bp.arguments(schemas.AmendResidentSchema)
@bp.response(200, schemas.ResidentAmendedSchema)
def amend(data: dict[str, Any], resident: UUID) -> ResidentAmended:
    """Amend name, number, year of birth or address; another number ends the sign-ins by it."""
    command = AmendResident(resident=resident, **data)
    return transact(amend_resident, command, current_actor())


@bp.post("/staff/residents/<uuid:resident>/phone")
@bp.response(200, schemas.PhoneRevealedSchema)
def reveal(resident: UUID) -> PhoneRevealed:
    """Show a resident's whole number, to be called; who looked is written down."""
    return show_phone(resident, current_actor())


@bp.get("/staff/residents")
@bp.arguments(schemas.SearchSchema, location="query")
@bp.response(200, schemas.ResidentLineSchema(many=True))
def search(data: dict[str, Any]) -> list[queries.ResidentLine]:
    """Find residents of a community."""
    current_actor().require("resident.enter", data["community"])
    return queries.search(reader(), data["community"], data["q"])


@bp.get("/staff/residents/anywhere")
@bp.arguments(schemas.AnywhereSchema, location="query")
@bp.response(200, schemas.ElsewhereSchema(many=True))
def search_anywhere(data: dict[str, Any]) -> list[queries.ResidentLine]:
    """Find somebody who comes to the counter from anywhere in the district."""
    current_actor().require("counter.redeem")
    return queries.anywhere(reader(), data["q"])


@bp.post("/me/naming")
@bp.arguments(schemas.NamingSchema)
@bp.response(200, schemas.NamingSchema)
def naming(data: dict[str, Any]) -> NamingSet:
    """Agree to be named in public lists, or be masked again."""
    residents_only()
    return transact(set_naming, SetNaming(**data), current_actor())
