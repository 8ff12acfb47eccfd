"""What comes in and goes out at both edges, pages and API."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_load, validate

from core.errors import N_
from core.schema import ROLE, Schema
from residents.addresses import Address
from residents.lists import ImportResidents
from residents.models import RESIDENT_STATES
from residents.people import EnterHousehold, EnterResident
from residents.representations import Represent

NAME = validate.Length(min=1, max=20, error=N_("请填写姓名，最多 20 个字。"))
PLACE_KIND = validate.OneOf(("neighbourhood", "village"))
STATE = validate.OneOf(RESIDENT_STATES)
MISSING = N_("请填写这一项。")
FILLED: dict[str, Any] = {"required": MISSING, "null": MISSING}


class LoginCodeSchema(Schema):
    """Ask for a one-time code."""

    phone = fields.String(required=True, error_messages=FILLED, metadata={"example": "13800000000"})
    client_nonce = fields.String(
        required=True,
        validate=validate.Length(min=16, max=200),
        metadata={"description": "A secret of this client; the same one verifies the code."},
    )


class CodeSentSchema(Schema):
    """The same answer for every number."""

    minutes = fields.Integer(metadata={"description": "How long the code holds."})


class VerifySchema(LoginCodeSchema):
    """The digits that were sent."""

    code = fields.String(required=True, error_messages=FILLED)


class ChoiceSchema(Schema):
    """Somebody whom the number may sign in as."""

    id = fields.UUID()
    kind = fields.String(validate=validate.OneOf(("resident", "grant")))
    name = fields.String()
    place = fields.String()
    role = fields.String(validate=ROLE)


class VerifiedSchema(Schema):
    """A proof of the number, good for ten minutes, and the choices."""

    proof = fields.String()
    choices = fields.List(fields.Nested(ChoiceSchema))


class ChooseSchema(Schema):
    """Sign in as one of the choices."""

    proof = fields.String(required=True)
    id = fields.UUID(required=True)
    label = fields.String(load_default="API", validate=validate.Length(max=80))


class TokenSchema(Schema):
    """A revocable token; it is shown once."""

    token = fields.String()
    sign_in = fields.UUID()
    role = fields.String(validate=ROLE)
    expires_at = fields.AwareDateTime()


class RegisterSchema(Schema):
    """Somebody registers themselves with a proven number."""

    proof = fields.String(required=True)
    name = fields.String(required=True, validate=NAME, error_messages=FILLED)
    community = fields.Integer(required=True, error_messages=FILLED)
    consent = fields.Boolean(
        required=True, metadata={"description": "to the text of ``GET /privacy`` in its version"}
    )
    is_fourteen = fields.Boolean(required=True)


class ResidentEnteredSchema(Schema):
    """Who it is now, and whether they had been there before."""

    resident = fields.UUID()
    household = fields.UUID()
    exists = fields.Boolean()


class AddressSchema(Schema):
    """小区 + 幢 + 单元 + 室, or 组 + 号."""

    estate = fields.String(required=True)
    building = fields.String(load_default="")
    unit = fields.String(load_default="")
    room = fields.String(load_default="")

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Address:
        """Build the address."""
        return Address(**data)


class ListRowSchema(Schema):
    """A row of a list; it is checked by itself, so that a bad one stops no other."""

    name = fields.String(required=True)
    phone = fields.String(load_default=None, allow_none=True)
    birth_year = fields.Integer(load_default=None, allow_none=True)
    address = fields.Nested(AddressSchema, load_default=None, allow_none=True)
    another_person = fields.Boolean(
        load_default=False,
        metadata={
            "description": "true: staff looked, and it is none of those who live here by this name"
        },
    )


class EnterResidentSchema(ListRowSchema):
    """A resident as staff type them."""

    community = fields.Integer(required=True)
    name = fields.String(required=True, validate=NAME, error_messages=FILLED)
    household = fields.UUID(load_default=None, allow_none=True)

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> EnterResident:
        """Build the command."""
        return EnterResident(**data)


class ListSchema(Schema):
    """A list of residents of one community."""

    community = fields.Integer(required=True)
    rows = fields.List(fields.Nested(ListRowSchema), required=True)

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> ImportResidents:
        """Build the command."""
        community = data["community"]
        rows = tuple(EnterResident(community=community, **row) for row in data["rows"])
        return ImportResidents(community=community, rows=rows)


class RowResultSchema(Schema):
    """What became of a row: added, existed, or refused with a sentence."""

    row = fields.Integer(metadata={"description": "Position in the list, from 0."})
    resident = fields.UUID(allow_none=True)
    household = fields.UUID(allow_none=True)
    outcome = fields.String(validate=validate.OneOf(("added", "existed", "refused")))
    message = fields.String()


class ListedSchema(Schema):
    """What became of each row."""

    added = fields.Integer()
    existed = fields.Integer()
    refused = fields.Integer()
    rows = fields.List(fields.Nested(RowResultSchema))


class EnterHouseholdSchema(Schema):
    """An address whose people nobody knows yet."""

    community = fields.Integer(required=True)
    address = fields.Nested(AddressSchema, required=True)

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> EnterHousehold:
        """Build the command."""
        return EnterHousehold(**data)


class HouseholdEnteredSchema(Schema):
    """The household at the address, and whether it had been there before."""

    household = fields.UUID()
    exists = fields.Boolean()


class HomeSchema(Schema):
    """A household with its address."""

    household = fields.UUID()
    community = fields.Integer()
    address = fields.String()


class RepresentSchema(Schema):
    """Somebody acts for somebody: both are persons, found by the desk's search."""

    principal = fields.UUID(required=True)
    agent = fields.UUID(required=True)
    kind = fields.String(required=True, metadata={"enum": ["family", "carer", "guardian"]})

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Represent:
        """Build the command."""
        return Represent(**data)


class RepresentedSchema(Schema):
    """The representation's row."""

    id = fields.UUID()
    exists = fields.Boolean()


class RepresentationEndedSchema(Schema):
    """The representation that holds no longer, and whether it had ended before."""

    id = fields.UUID()
    exists = fields.Boolean()


class ActsForSchema(Schema):
    """Who acts for whom, and as what; a resident is null where the person lives nowhere here."""

    id = fields.UUID()
    principal = fields.UUID()
    principal_name = fields.String()
    principal_resident = fields.UUID(allow_none=True)
    agent = fields.UUID()
    agent_name = fields.String()
    agent_resident = fields.UUID(allow_none=True)
    kind = fields.String(metadata={"enum": ["family", "carer", "guardian"]})
    since = fields.Date()


class AmendResidentSchema(Schema):
    """What is right from now on; a phone that is left out stays, an address, too."""

    name = fields.String(required=True, validate=NAME, error_messages=FILLED)
    birth_year = fields.Integer(
        required=True, allow_none=True, metadata={"description": "null: not known"}
    )
    phone = fields.String(load_default=None, allow_none=True)
    no_phone = fields.Boolean(
        load_default=False, metadata={"description": "true: the resident has none any more"}
    )
    address = fields.Nested(AddressSchema, load_default=None, allow_none=True)


class ResidentAmendedSchema(Schema):
    """The resident, and whether all had been so before."""

    resident = fields.UUID()
    exists = fields.Boolean()


class PhoneRevealedSchema(Schema):
    """A resident's whole number."""

    resident = fields.UUID()
    phone = fields.String()


class ConfirmedSchema(Schema):
    """The resident's state now."""

    resident = fields.UUID()
    state = fields.String(validate=STATE)


class CommunitySchema(Schema):
    """A community."""

    code = fields.Integer()
    short_name = fields.String()
    display_name = fields.String()
    subdistrict = fields.String()
    kind = fields.String(validate=PLACE_KIND)
    phone = fields.String()


class ModeSchema(Schema):
    """How pages look: standard or elder."""

    mode = fields.String(required=True, validate=validate.OneOf(("standard", "elder")))


class SignInSchema(Schema):
    """A signed-in device or program of one's own."""

    id = fields.UUID()
    label = fields.String()
    created_at = fields.AwareDateTime()
    last_seen = fields.AwareDateTime()
    current = fields.Boolean()


class MeSchema(Schema):
    """Who the token acts as; what only residents have is null for others."""

    person = fields.UUID()
    role = fields.String(validate=ROLE)
    place = fields.Integer()
    place_name = fields.String(metadata={"description": "of a resident the community's short name"})
    place_phone = fields.String(metadata={"description": "the number to call; empty: none"})
    resident = fields.UUID(allow_none=True)
    household = fields.UUID(allow_none=True)
    name = fields.String()
    state = fields.String(
        allow_none=True,
        validate=STATE,
        metadata={"description": "unconfirmed: staff have not seen the person yet"},
    )
    phone_masked = fields.String(allow_none=True, metadata={"description": "empty: no phone"})
    address = fields.String(allow_none=True)
    mode = fields.String(
        allow_none=True,
        validate=validate.OneOf(("standard", "elder")),
        metadata={"description": "elder: large type and few things on a page"},
    )


class PrivacySchema(Schema):
    """What ``consent`` of ``POST /residents`` agrees to."""

    version = fields.String()
    agreement = fields.String(metadata={"description": "the sentence beside the box to tick"})
    text = fields.List(fields.String(), metadata={"description": "its paragraphs"})


class ResidentLineSchema(Schema):
    """A resident as the desk lists them; the number is masked."""

    resident = fields.UUID()
    person = fields.UUID()
    household = fields.UUID()
    community = fields.Integer()
    name = fields.String()
    phone_masked = fields.String()
    address = fields.String()
    state = fields.String(validate=STATE)


class SearchSchema(Schema):
    """Name, address (3-2-401) or last four digits, in one community."""

    q = fields.String(required=True)
    community = fields.Integer(required=True)


class AnywhereSchema(Schema):
    """Full name, a blank, and the last four digits of the number: 王秀英 8001."""

    q = fields.String(required=True)


class ElsewhereSchema(Schema):
    """A resident of any community, as its counter needs to know them."""

    resident = fields.UUID()
    name = fields.String()
    community = fields.Integer()


class RevokedSchema(Schema):
    """The sign-in that holds no longer."""

    sign_in = fields.UUID()


class NamingSchema(Schema):
    """Whether one is named in public lists; masked otherwise."""

    agreed = fields.Boolean(required=True)
