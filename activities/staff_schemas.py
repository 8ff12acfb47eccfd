"""What staff read over the API; amounts in centipoints."""

from __future__ import annotations

from marshmallow import fields, validate

from activities.schemas import KIND, OPEN_TO, PART, SESSION_STATE
from core.schema import Schema
from points.schemas import POINTS_KIND, PROVENANCE


class TemplateSchema(Schema):
    """A ready-made activity; no places is no limit, 0 places: the part is not offered."""

    key = fields.String()
    name = fields.String()
    kind = fields.String(validate=KIND)
    scene = fields.String()
    summary = fields.String()
    bring = fields.String()
    season = fields.String()
    place_hint = fields.String()
    open_to = fields.String(validate=OPEN_TO)
    duration_minutes = fields.Integer()
    take_part_places = fields.Integer(allow_none=True)
    take_part_rule = fields.String(allow_none=True)
    serve_places = fields.Integer(allow_none=True)
    serve_rule = fields.String(allow_none=True)
    community = fields.Integer(
        allow_none=True, metadata={"description": "whose it is; null: the district's"}
    )
    from_template = fields.String(allow_none=True)
    from_community = fields.Integer(
        allow_none=True,
        metadata={"description": "whose ``from_template`` was; null: the district's"},
    )


class TemplateKeptSchema(Schema):
    """The template; ``rule_left_out``: it had a rule that its new community does not have."""

    template = fields.String()
    exists = fields.Boolean()
    rule_left_out = fields.Boolean()


class IdeaSchema(Schema):
    """An activity that another community did; ``came``: how many came in all."""

    id = fields.UUID()
    title = fields.String()
    kind = fields.String(validate=KIND)
    summary = fields.String()
    bring = fields.String()
    open_to = fields.String(validate=OPEN_TO)
    template = fields.String()
    community = fields.Integer()
    place = fields.String()
    came = fields.Integer()


class ShowSchema(Schema):
    """Which sessions, and which page of thirty."""

    show = fields.String(load_default="coming", validate=validate.OneOf(("coming", "past")))
    page = fields.Integer(load_default=1, validate=validate.Range(min=1, max=10_000))


class PartCountSchema(Schema):
    """How full a part is; no places is no limit."""

    taken = fields.Integer()
    places = fields.Integer(allow_none=True)
    waiting = fields.Integer()


class SessionRowSchema(Schema):
    """A session in the list; a part that is not offered is null."""

    id = fields.UUID()
    title = fields.String()
    kind = fields.String(validate=KIND)
    place = fields.String()
    starts_at = fields.AwareDateTime()
    ends_at = fields.AwareDateTime()
    open_to = fields.String(validate=OPEN_TO)
    state = fields.String(validate=SESSION_STATE)
    running = fields.Boolean()
    take_part = fields.Nested(PartCountSchema, allow_none=True)
    serve = fields.Nested(PartCountSchema, allow_none=True)
    arrived = fields.Integer()


class SessionsSchema(Schema):
    """A page of sessions; ``coming`` and ``past`` count them all."""

    coming = fields.Integer()
    past = fields.Integer()
    sessions = fields.List(fields.Nested(SessionRowSchema))
    has_more = fields.Boolean()


class PartPageSchema(PartCountSchema):
    """A part of a session; ``words`` is what it promises, as its card says it."""

    words = fields.String()
    arrived = fields.Integer()


class StaffSessionSchema(SessionRowSchema):
    """A session with its figures.

    ``epoch`` is what voiding its codes asks for; ``missing``: signed up and not come; above
    ``by_hand_limit`` percent, hours entered by hand wait for a second person.
    """

    class Meta:
        """What the list has and this has not."""

        exclude = ("arrived",)

    community = fields.Integer()
    cancel_reason = fields.String(allow_none=True)
    epoch = fields.Integer()
    take_part = fields.Nested(PartPageSchema, allow_none=True)
    serve = fields.Nested(PartPageSchema, allow_none=True)
    people = fields.Integer()
    verified = fields.Integer()
    recorded = fields.Integer()
    back_filled = fields.Integer()
    refused = fields.Integer()
    by_hand_percent = fields.Integer()
    by_hand_limit = fields.Integer()
    missing = fields.Integer()


class SignUpRowSchema(Schema):
    """Whoever is coming or waits.

    ``state``: signed_up, waiting (``turn`` 1 moves up next) or arrived; no ``phone``: no message
    reaches them.
    """

    resident = fields.UUID()
    name = fields.String()
    where = fields.String()
    phone = fields.String(metadata={"description": "masked"})
    part = fields.String(validate=PART)
    state = fields.String(validate=validate.OneOf(("signed_up", "waiting", "arrived")))
    turn = fields.Integer()
    since = fields.AwareDateTime()


class AttendanceRowSchema(Schema):
    """One resident's part in a session.

    ``state``: inside (serving, the exit still to come), second (a second person has to confirm the
    award), pending, done, or none (nothing was earned).
    """

    resident_id = fields.UUID()
    name = fields.String()
    where = fields.String()
    part = fields.String(validate=PART)
    entry_at = fields.AwareDateTime(allow_none=True)
    exit_at = fields.AwareDateTime(allow_none=True)
    half_hours = fields.Integer(allow_none=True)
    provenance = fields.String(validate=PROVENANCE)
    by = fields.String()
    reason = fields.String(allow_none=True)
    amount = fields.Integer(allow_none=True, metadata={"description": "centipoints"})
    points_kind = fields.String(validate=POINTS_KIND)
    state = fields.String(validate=validate.OneOf(("done", "second", "pending", "inside", "none")))
    award = fields.UUID(allow_none=True)


class SeenSchema(Schema):
    """A masked name, and when it came or the hours that count."""

    name = fields.String()
    words = fields.String()


class CountsSchema(Schema):
    """Who has come; the last five, the newest first."""

    arrived = fields.Integer()
    take_part = fields.Integer()
    serve = fields.Integer()
    left = fields.Integer()
    staying = fields.Integer()
    closed = fields.Boolean()
    arrivals = fields.List(fields.Nested(SeenSchema))
    exits = fields.List(fields.Nested(SeenSchema))


class VenueCountsSchema(Schema):
    """What the screen counts; ``edition`` changes when its codes have to be fetched anew."""

    server_now_ms = fields.Integer()
    edition = fields.String()
    counts = fields.Nested(CountsSchema)
