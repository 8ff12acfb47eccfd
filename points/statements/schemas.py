"""Shapes of statements in the API. Amounts are integer centipoints, days are business days."""

from __future__ import annotations

from typing import get_args

from marshmallow import EXCLUDE, fields, validate

from core.schema import Schema
from points.schemas import ACT, CENTIPOINTS, POINTS_KIND, POSITION_MAX
from points.statements.periods import Of

HEADING_MAX = 400
"""Characters of a name, or of all names of a household."""


class SubjectSchema(Schema):
    """Whose statement, and over which days, both included."""

    class Meta:
        """Query strings may carry what is not ours."""

        unknown = EXCLUDE

    of = fields.String(
        load_default="resident",
        validate=validate.OneOf(("resident", "household", "community")),
    )
    kind = fields.String(
        load_default="service",
        validate=validate.OneOf(("service", "basic")),
        metadata={"description": "a household has basic points only"},
    )
    holder = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "resident or household, for staff; residents get their own"},
    )
    community = fields.Integer(
        load_default=None,
        allow_none=True,
        validate=validate.Range(min=1, max=POSITION_MAX),
        metadata={"description": "code of the community, for the district"},
    )
    first = fields.Date(required=True)
    last = fields.Date(required=True)


class IssueSchema(SubjectSchema):
    """The same, in a body."""

    class Meta:
        """A body says what is asked and nothing else."""


class SumsSchema(Schema):
    """opening + added - taken = closing."""

    opening = fields.Integer(metadata=CENTIPOINTS)
    added = fields.Integer(metadata=CENTIPOINTS)
    taken = fields.Integer(metadata=CENTIPOINTS)
    closing = fields.Integer(metadata=CENTIPOINTS)
    entries = fields.Integer()
    agrees = fields.Boolean(metadata={"description": "whether the books agree with themselves"})


class LineSchema(Schema):
    """What one act did to the account; ``amount`` signed, ``balance`` after it."""

    day = fields.Date()
    at = fields.AwareDateTime()
    act = fields.String(validate=ACT)
    reason = fields.String()
    place = fields.Integer(metadata={"description": "code of the community"})
    amount = fields.Integer(metadata=CENTIPOINTS)
    balance = fields.Integer(metadata=CENTIPOINTS)


class BookRowSchema(Schema):
    """A system account of a community's book."""

    purpose = fields.String()
    counterpart = fields.Integer(metadata={"description": "the other community of a clearing"})
    opening = fields.Integer(metadata=CENTIPOINTS)
    credited = fields.Integer(metadata=CENTIPOINTS)
    debited = fields.Integer(metadata=CENTIPOINTS)
    closing = fields.Integer(metadata=CENTIPOINTS)


class StatementSchema(Schema):
    """A statement: of a holder with its lines, of a community with its accounts."""

    sums = fields.Nested(SumsSchema)
    lines = fields.List(fields.Nested(LineSchema))
    more = fields.Integer(metadata={"description": "lines that this answer leaves out"})
    accounts = fields.List(fields.Nested(BookRowSchema))


class IssuedSchema(Schema):
    """The code on the paper; ``exists``: this very paper was handed out before."""

    code = fields.String()
    opening = fields.Integer(metadata=CENTIPOINTS)
    closing = fields.Integer(metadata=CENTIPOINTS)
    entries = fields.Integer()
    exists = fields.Boolean()


class CheckedLineSchema(Schema):
    """A line as it has to stand on the paper."""

    day = fields.Date()
    reason = fields.String(metadata={"description": "with the place, where that is another"})
    amount = fields.Integer(metadata=CENTIPOINTS)
    balance = fields.Integer(metadata=CENTIPOINTS)


class CheckedAccountSchema(Schema):
    """An account as it has to stand on a community's paper."""

    purpose = fields.String()
    counterpart = fields.Integer(metadata={"description": "the other community of a clearing"})
    credited = fields.Integer(metadata=CENTIPOINTS)
    debited = fields.Integer(metadata=CENTIPOINTS)


class CheckedSchema(Schema):
    """What was handed out under a code, and what the books say of it today.

    ``genuine``: they still give exactly what was handed out. Whether the paper does, whoever holds
    it sees by comparing the lines.
    """

    code = fields.String()
    genuine = fields.Boolean()
    name = fields.String(metadata={"description": "masked"})
    of = fields.String(validate=validate.OneOf(get_args(Of)))
    kind = fields.String(validate=POINTS_KIND)
    community = fields.Integer()
    first = fields.Date()
    last = fields.Date()
    opening = fields.Integer(metadata=CENTIPOINTS)
    closing = fields.Integer(metadata=CENTIPOINTS)
    entries = fields.Integer()
    issued_at = fields.AwareDateTime()
    lines = fields.List(fields.Nested(CheckedLineSchema))
    more = fields.Integer(metadata={"description": "lines that this answer leaves out"})
    accounts = fields.List(fields.Nested(CheckedAccountSchema))


class HeadingSchema(Schema):
    """What stands at the head of a holder's paper; what is not printed is left out."""

    name = fields.String(
        load_default="",
        validate=validate.Length(max=HEADING_MAX),
        metadata={"description": "of a household all names, in their order"},
    )
    address = fields.String(load_default="", validate=validate.Length(max=HEADING_MAX))


class HeadingAgreesSchema(Schema):
    """One answer for both: nobody guesses the address by itself."""

    name_agrees = fields.Boolean(
        allow_none=True, metadata={"description": "null: the paper names a community only"}
    )
