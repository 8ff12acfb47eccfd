"""What comes in and goes out at both edges."""

from __future__ import annotations

from typing import Any, get_args

from marshmallow import fields, post_load, validate

from activities.attendance import Outcome
from activities.codes import PHASES
from activities.entries import SheetRow
from activities.models import KINDS
from activities.publish import PARTS, PartOffered
from core.schema import Schema

PART = validate.OneOf(PARTS)
PHASE = validate.OneOf(PHASES)
OPEN_TO = validate.OneOf(("community", "district"))
KIND = validate.OneOf(KINDS)
SESSION_STATE = validate.OneOf(("open", "closed", "cancelled"))


class CodeSchema(Schema):
    """A scanned venue code: the sixteen characters after /V/."""

    code = fields.String(required=True)


class PresenceSchema(Schema):
    """A grant: good for one resident, ten minutes."""

    grant = fields.String()
    session = fields.UUID()
    phase = fields.String(validate=PHASE)
    at = fields.AwareDateTime()
    until = fields.AwareDateTime()


class CheckInSchema(Schema):
    """Check in by a grant, for one part."""

    grant = fields.String(required=True)
    part = fields.String(required=True, validate=validate.OneOf(PARTS))


class RecordedSchema(Schema):
    """What it came to; ``amount`` in centipoints is pending now."""

    session = fields.UUID()
    resident = fields.UUID()
    part = fields.String(validate=PART)
    outcome = fields.String(validate=validate.OneOf(get_args(Outcome)))
    at = fields.AwareDateTime()
    arrived_at = fields.AwareDateTime()
    amount = fields.Integer(allow_none=True, metadata={"description": "centipoints"})
    half_hours = fields.Integer(allow_none=True)
    due = fields.AwareDateTime(allow_none=True)
    elsewhere = fields.Integer(
        metadata={"description": "half hours that do not count: imported hours gave their points"}
    )


class PartSchema(Schema):
    """A part of a session; amounts in centipoints."""

    part = fields.String(validate=PART)
    amount = fields.Integer(allow_none=True)
    most = fields.Integer(allow_none=True)
    places = fields.Integer(allow_none=True)
    left = fields.Integer(allow_none=True)
    ahead = fields.Integer()


class MineSchema(Schema):
    """Where the viewer stands."""

    part = fields.String(validate=PART)
    state = fields.String(validate=validate.OneOf(("signed_up", "waiting", "arrived", "left")))
    ahead = fields.Integer()


class SessionCardSchema(Schema):
    """A session as residents see it."""

    activity_id = fields.UUID()
    session_id = fields.UUID()
    title = fields.String()
    kind = fields.String(validate=KIND)
    starts_at = fields.AwareDateTime()
    ends_at = fields.AwareDateTime()
    place = fields.String()
    host = fields.Integer()
    community = fields.String()
    open_to = fields.String(validate=OPEN_TO)
    state = fields.String(validate=SESSION_STATE)
    cancel_reason = fields.String(allow_none=True)
    parts = fields.List(fields.Nested(PartSchema))
    mine = fields.Nested(MineSchema, allow_none=True)


class ListSchema(Schema):
    """Which sessions: at home, open to the whole district, or those signed up for."""

    scope = fields.String(
        load_default="community", validate=validate.OneOf(("community", "district", "mine"))
    )
    kind = fields.String(load_default="", validate=validate.OneOf(("", *KINDS)))
    after = fields.UUID(
        load_default=None,
        metadata={"description": "``session_id`` of the last session of the page before"},
    )


class ActivityDetailSchema(Schema):
    """An activity with its sessions."""

    id = fields.UUID()
    title = fields.String()
    kind = fields.String(validate=KIND)
    community = fields.Integer()
    open_to = fields.String(validate=OPEN_TO)
    summary = fields.String()
    bring = fields.String()
    sessions = fields.List(fields.Nested(SessionCardSchema))


class SignUpSchema(Schema):
    """A part to sign up for; staff name the resident whom they act for."""

    part = fields.String(required=True, validate=validate.OneOf(PARTS))
    resident = fields.UUID(load_default=None, allow_none=True)


class SignedUpSchema(Schema):
    """Where one stands: signed_up, waiting (how many are ahead), cancelled."""

    session = fields.UUID()
    part = fields.String(validate=PART)
    state = fields.String(validate=validate.OneOf(("signed_up", "waiting", "cancelled")))
    ahead = fields.Integer()


class PartOfferedSchema(Schema):
    """A part of each session; no places is no limit, no rule no points."""

    part = fields.String(required=True, validate=validate.OneOf(PARTS))
    places = fields.Integer(load_default=None, allow_none=True)
    rule = fields.String(load_default=None, allow_none=True)

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> PartOffered:
        """Build the part."""
        return PartOffered(**data)


class WindowSchema(Schema):
    """When a session starts and ends."""

    starts_at = fields.AwareDateTime(required=True)
    ends_at = fields.AwareDateTime(required=True)


class PublishSchema(Schema):
    """An activity to publish with its sessions."""

    community = fields.Integer(required=True)
    template = fields.String(load_default=None, allow_none=True)
    copied_from = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "the activity, mostly of another community, that this one copies"},
    )
    title = fields.String(required=True)
    kind = fields.String(required=True, validate=KIND)
    scene = fields.String(load_default="")
    summary = fields.String(load_default="")
    bring = fields.String(load_default="")
    place = fields.String(required=True)
    open_to = fields.String(required=True, validate=validate.OneOf(("community", "district")))
    sessions = fields.List(fields.Nested(WindowSchema), required=True)
    parts = fields.List(fields.Nested(PartOfferedSchema), required=True)


class PublishedSchema(Schema):
    """The activity and its sessions, by time."""

    activity = fields.UUID()
    sessions = fields.List(fields.UUID())


class ByHandSchema(Schema):
    """Staff enter a resident: entry, exit or both, with the reason."""

    resident = fields.UUID(required=True)
    part = fields.String(required=True, validate=validate.OneOf(PARTS))
    entry = fields.AwareDateTime(load_default=None, allow_none=True)
    exit = fields.AwareDateTime(load_default=None, allow_none=True)
    reason = fields.String(required=True)


class SheetRowSchema(Schema):
    """A line of a paper sheet; a time that is not written is the session's.

    Whoever serves without an exit stayed until it ended, or until now while it goes on.
    """

    resident = fields.UUID(required=True)
    part = fields.String(required=True, validate=validate.OneOf(PARTS))
    entry = fields.AwareDateTime(load_default=None, allow_none=True)
    exit = fields.AwareDateTime(load_default=None, allow_none=True)

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> SheetRow:
        """Build the line."""
        return SheetRow(**data)


class SheetSchema(Schema):
    """The lines of a sheet."""

    rows = fields.List(
        fields.Nested(SheetRowSchema),
        required=True,
        validate=validate.Length(min=1, max=200),
    )


class SheetLineSchema(Schema):
    """What became of a line; ``message``: why it was refused, or does not count in full."""

    row = fields.Integer()
    outcome = fields.String(validate=validate.OneOf((*get_args(Outcome), "refused")))
    message = fields.String()
    award = fields.UUID(allow_none=True)


class SheetEnteredSchema(Schema):
    """What became of each line."""

    entered = fields.Integer()
    refused = fields.Integer()
    lines = fields.List(fields.Nested(SheetLineSchema))


class VoidSchema(Schema):
    """The epoch that was seen: a repeat voids nothing more."""

    epoch = fields.Integer(required=True)


class SteeredSchema(Schema):
    """The session's state now."""

    session = fields.UUID()
    state = fields.String(validate=SESSION_STATE)
    epoch = fields.Integer()


class CancelSessionSchema(Schema):
    """Why a session does not take place, in twenty characters: whoever was coming is told."""

    reason = fields.String(required=True)


class CancelledSchema(Schema):
    """How many were told, and how many of those who were coming have no phone to be told on."""

    session = fields.UUID()
    state = fields.String(validate=SESSION_STATE)
    told = fields.Integer()
    without_phone = fields.Integer()


class FromStepSchema(Schema):
    """From which step on codes are wanted."""

    from_step = fields.Integer(load_default=None, allow_none=True, data_key="from")


class VenueCodeSchema(Schema):
    """A code of the screen and the step in which it is shown."""

    step = fields.Integer()
    url = fields.String()
    phase = fields.String(validate=PHASE)


class VenueCodesSchema(Schema):
    """The next codes; ``edition`` changes when those handed out before are wrong."""

    server_now_ms = fields.Integer()
    step_seconds = fields.Integer()
    edition = fields.String()
    codes = fields.List(fields.Nested(VenueCodeSchema))
