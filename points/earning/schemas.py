"""Shapes of rules, of acts in lists, of neighbours' words and of deductions."""

from __future__ import annotations

import datetime as dt
from typing import Any

from marshmallow import EXCLUDE, ValidationError, fields, post_load, validate

from core.errors import N_
from core.schema import Schema
from core.work import present
from points.earning.act_sheets import CHUNK, ListedAct, listed
from points.earning.acts import NOTE_MAX
from points.earning.community_rules import CAP_MAX, POINTS_MOST, Caps
from points.earning.own_rules import NAME_MAX
from points.earning.own_rules import NOTE_MAX as RULE_NOTE_MAX
from points.earning.recorders import Act
from points.schemas import CENTIPOINTS, HOLDER_KIND, POINTS_KIND, UNIT, storable

UNITS_MAX = 10_000
POINTS = {"description": "centipoints per unit"}
PLACE = {"description": "code of the community"}
KEY = (validate.Length(min=1, max=60), storable)
NOTE = (validate.Length(max=NOTE_MAX), storable)
COMMUNITY_CODE = validate.Range(min=10**11, max=10**12)
POINTS_RANGE = validate.Range(min=-POINTS_MOST, max=POINTS_MOST)


def _cap() -> fields.Integer:
    return fields.Integer(
        load_default=None, allow_none=True, validate=validate.Range(min=1, max=CAP_MAX)
    )


class CapsSchema(Schema):
    """Caps in units, of each, and of the members of a household together; null is no cap."""

    per_act = _cap()
    per_day = _cap()
    per_month = _cap()
    per_year = _cap()
    household_per_day = _cap()
    household_per_month = _cap()
    household_per_year = _cap()

    @post_load
    def to_caps(self, data: dict[str, Any], **_: object) -> Caps:
        """Return the caps."""
        return Caps(**data)


class RuleSchema(Schema):
    """A rule as it holds at one's community, beside the district's base and band."""

    key = fields.String(attribute="rule.key")
    name = fields.String(attribute="rule.name")
    topic = fields.String()
    duty = fields.Boolean(attribute="is_duty")
    points_kind = fields.String(attribute="rule.points_kind", validate=POINTS_KIND)
    unit = fields.String(attribute="rule.unit", validate=UNIT)
    holder = fields.String(attribute="rule.holder", validate=HOLDER_KIND)
    points = fields.Integer(attribute="rule.amount", metadata=POINTS)
    cap_per_act = fields.Integer(attribute="rule.cap_per_act", allow_none=True)
    cap_per_day = fields.Integer(attribute="rule.cap_per_day", allow_none=True)
    cap_per_month = fields.Integer(attribute="rule.cap_per_month", allow_none=True)
    cap_per_year = fields.Integer(attribute="rule.cap_per_year", allow_none=True)
    household_cap_per_day = fields.Integer(attribute="rule.household_cap_per_day", allow_none=True)
    household_cap_per_month = fields.Integer(
        attribute="rule.household_cap_per_month", allow_none=True
    )
    household_cap_per_year = fields.Integer(
        attribute="rule.household_cap_per_year", allow_none=True
    )
    recorded_by = fields.Function(
        lambda line: line.rule.recorded_by.split("|"),
        metadata={"type": "array", "items": {"type": "string"}},
    )
    note = fields.String(attribute="rule.note")
    on = fields.Boolean(attribute="is_on")
    own = fields.Boolean(attribute="is_own")
    base = fields.Integer(metadata=POINTS)
    low = fields.Integer(metadata=POINTS)
    high = fields.Integer(metadata=POINTS)
    outside_band = fields.Boolean()
    since = fields.Date(allow_none=True)
    from_community = fields.Integer(allow_none=True, metadata=PLACE)


class SetRuleSchema(Schema):
    """How a rule shall be from a day on; ``points`` null switches it off."""

    valid_from = fields.Date(required=True)
    points = fields.Integer(
        required=True, allow_none=True, strict=True, validate=POINTS_RANGE, metadata=POINTS
    )
    caps = fields.Nested(CapsSchema, load_default=Caps)
    recorded_by = fields.List(
        fields.String(validate=KEY), required=True, validate=validate.Length(max=10)
    )


class AddRuleSchema(Schema):
    """A rule of one's own; its topic fixes the kind of points."""

    name = fields.String(required=True, validate=(validate.Length(max=NAME_MAX), storable))
    topic = fields.String(required=True, validate=KEY)
    points_kind = fields.String(required=True, validate=validate.OneOf(("basic", "service")))
    unit = fields.String(required=True, validate=UNIT)
    holder = fields.String(required=True, validate=validate.OneOf(("resident", "household")))
    points = fields.Integer(required=True, strict=True, validate=POINTS_RANGE, metadata=POINTS)
    caps = fields.Nested(CapsSchema, load_default=Caps)
    recorded_by = fields.List(
        fields.String(validate=KEY), required=True, validate=validate.Length(max=10)
    )
    note = fields.String(load_default="", validate=(validate.Length(max=RULE_NOTE_MAX), storable))
    valid_from = fields.Date(load_default=None, allow_none=True)


class TakeOverSchema(Schema):
    """Whose rule, and from when it shall hold here."""

    from_community = fields.Integer(
        required=True, strict=True, validate=COMMUNITY_CODE, metadata=PLACE
    )
    valid_from = fields.Date(load_default=None, allow_none=True)


class RuleSetSchema(Schema):
    """What holds from when."""

    rule = fields.String()
    valid_from = fields.Date()
    revision = fields.Integer()
    outside_band = fields.Boolean()
    exists = fields.Boolean()


class ElsewhereRuleSchema(Schema):
    """A rule that another community made, or set otherwise than the catalogue."""

    community = fields.Integer(metadata=PLACE)
    rule = fields.String()
    name = fields.String()
    unit = fields.String(validate=UNIT)
    points_kind = fields.String(validate=POINTS_KIND)
    points = fields.Integer(metadata=POINTS)
    low = fields.Integer(metadata=POINTS)
    high = fields.Integer(metadata=POINTS)
    own = fields.Boolean(attribute="is_own")
    note = fields.String()
    valid_from = fields.Date()


class ProposalSchema(Schema):
    """A rule as it might be, for a look at last month."""

    class Meta:
        """Query strings may carry what is not ours."""

        unknown = EXCLUDE

    points = fields.Integer(load_default=None, allow_none=True, validate=POINTS_RANGE)
    per_act = _cap()
    per_day = _cap()
    per_month = _cap()
    per_year = _cap()
    household_per_day = _cap()
    household_per_month = _cap()
    household_per_year = _cap()


class SimulationSchema(Schema):
    """Last month as it was, and as it would have been."""

    month = fields.Date()
    units = fields.Integer()
    awards = fields.Integer()
    awards_then = fields.Integer()
    holders = fields.Integer()
    holders_then = fields.Integer()
    points = fields.Integer(metadata=CENTIPOINTS)
    points_then = fields.Integer(metadata=CENTIPOINTS)


class ListedActSchema(Schema):
    """A row of a list: an act by a rule."""

    rule = fields.String(required=True, validate=KEY)
    holder_kind = fields.String(required=True, validate=validate.OneOf(("resident", "household")))
    holder_id = fields.UUID(required=True)
    units = fields.Integer(
        load_default=1, strict=True, validate=validate.Range(min=1, max=UNITS_MAX)
    )
    day = fields.Date(required=True)
    note = fields.String(load_default="", validate=NOTE)
    helped = fields.UUID(load_default=None, allow_none=True)

    @post_load
    def to_act(self, data: dict[str, Any], **_: object) -> Act:
        """Return the act."""
        return Act(**data)


def again() -> fields.AwareDateTime:
    """Return the field that has what was undone recorded once more."""
    words = "record once more what was cancelled or taken back before this moment, which has passed"
    return fields.AwareDateTime(
        load_default=None, allow_none=True, validate=_passed, metadata={"description": words}
    )


def _passed(moment: dt.datetime) -> None:
    # What will be undone later is not known yet: a repeat would record it, too.
    if moment > present():
        raise ValidationError(N_("这个时间还没有到。请填现在或以前的时间。"))


class ActListSchema(Schema):
    """Acts at once; with ``dry_run`` it is only said what would become of them."""

    acts = fields.List(
        fields.Nested(ListedActSchema), required=True, validate=validate.Length(min=1, max=CHUNK)
    )
    dry_run = fields.Boolean(load_default=False)
    undone_before = again()


def numbered(acts: list[Act], day: Any) -> tuple[ListedAct, ...]:
    """Return the acts of a request as rows, from 1."""
    return listed(enumerate(acts, start=1), day)


class ActRowSchema(Schema):
    """What became of a row."""

    number = fields.Integer()
    outcome = fields.String(validate=validate.OneOf(("recorded", "existed", "capped", "refused")))
    award = fields.UUID(allow_none=True)
    units = fields.Integer()
    amount = fields.Integer(metadata=CENTIPOINTS)
    waits = fields.Boolean(
        metadata={"description": "recorded now, and arrives when another has confirmed it"}
    )
    message = fields.String()
    undone = fields.Boolean(
        metadata={"description": "existed, and nothing of it is left: see undone_before"}
    )


class RowsRecordedSchema(Schema):
    """What became of each row, and what was awarded now."""

    amount = fields.Integer(metadata=CENTIPOINTS)
    rows = fields.List(fields.Nested(ActRowSchema))


class HelpSchema(Schema):
    """A help that waits for the helped one's word."""

    id = fields.UUID()
    helper = fields.UUID()
    helped = fields.UUID()
    day = fields.Date()
    note = fields.String()
    units = fields.Integer()


class AnswerHelpSchema(Schema):
    """Whether they really helped."""

    helped = fields.Boolean(required=True)


class HelpSaidSchema(Schema):
    """What was said, and what it gave."""

    help = fields.UUID()
    state = fields.String(validate=validate.OneOf(("asked", "confirmed", "declined")))
    amount = fields.Integer(metadata=CENTIPOINTS)
    award = fields.UUID(allow_none=True)
    exists = fields.Boolean()
    due = fields.AwareDateTime(
        allow_none=True,
        metadata={
            "description": "when it arrives; null: nothing does, or a second person confirms"
        },
    )


class ReminderSchema(Schema):
    """A reminder that a household got, today or in the last month."""

    household = fields.UUID(required=True)
    rule = fields.String(required=True, validate=KEY)
    day = fields.Date(required=True)
    note = fields.String(load_default="", validate=NOTE)


class RemindedSchema(Schema):
    """How many reminders count now."""

    reminders = fields.Integer()
    exists = fields.Boolean()


class DeductSchema(Schema):
    """What a household's basic points are taken for."""

    household = fields.UUID(required=True)
    rule = fields.String(required=True, validate=KEY)
    reason = fields.String(required=True, validate=NOTE)


class DeductedSchema(Schema):
    """The transfer; never more than there was."""

    id = fields.UUID()
    amount = fields.Integer(metadata=CENTIPOINTS)
    exists = fields.Boolean()
