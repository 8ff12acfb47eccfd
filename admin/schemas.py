"""What the desk and the console read over the API; amounts in centipoints."""

from __future__ import annotations

from marshmallow import fields, validate

from core.schema import Schema
from exchange.schemas import CENTIPOINTS, ExchangePageSchema
from residents.schemas import STATE


class MemberSchema(Schema):
    """A resident of a household, with their own points."""

    resident = fields.UUID()
    person = fields.UUID()
    name = fields.String()
    phone_masked = fields.String(metadata={"description": "empty: no phone"})
    birth_year = fields.Integer(allow_none=True)
    state = fields.String(validate=STATE)
    since = fields.AwareDateTime()
    available = fields.Integer(metadata=CENTIPOINTS)
    pending = fields.Integer(metadata=CENTIPOINTS)
    held = fields.Integer(metadata=CENTIPOINTS)
    basic = fields.Integer(metadata=CENTIPOINTS)


class HouseholdCardSchema(Schema):
    """A household as the desk's card shows it; empty where nobody in it is known."""

    household = fields.UUID()
    community = fields.Integer()
    address = fields.String(metadata={"description": "empty: not known yet"})
    basic = fields.Integer(metadata={"description": "centipoints, of all together"})
    members = fields.List(fields.Nested(MemberSchema))


class LosersQuerySchema(ExchangePageSchema):
    """Which page of whom."""

    show = fields.String(load_default="all", validate=validate.OneOf(("all", "no_phone")))


class LoserSchema(Schema):
    """Who loses points at this year's end."""

    resident = fields.UUID()
    name = fields.String()
    address = fields.String(metadata={"description": "empty: not known yet"})
    phone_masked = fields.String(metadata={"description": "empty: no phone, tell them in person"})
    amount = fields.Integer(metadata=CENTIPOINTS)


class DeskCountsSchema(Schema):
    """What waits, as numbers."""

    submitted = fields.Integer(metadata={"description": "orders to approve"})
    ready = fields.Integer(metadata={"description": "orders to hand over"})
    unconfirmed = fields.Integer(metadata={"description": "residents in 待核实"})
    corrections = fields.Integer(
        metadata={"description": "requests to answer, and proposals that one may decide"}
    )


class TodaySessionSchema(Schema):
    """A session of today."""

    id = fields.UUID()
    title = fields.String()
    place = fields.String()
    starts_at = fields.AwareDateTime()
    ends_at = fields.AwareDateTime()
    state = fields.String(validate=validate.OneOf(("soon", "running", "over")))
    arrived = fields.Integer()
    signed_up = fields.Integer()
    places = fields.Integer(allow_none=True)


class WeekSchema(Schema):
    """The week since Monday, with the last eight weeks."""

    attended = fields.Integer()
    people = fields.Integer()
    households = fields.Integer()
    attended_before = fields.Integer()
    issued = fields.Integer(metadata=CENTIPOINTS)
    pending = fields.Integer(metadata=CENTIPOINTS)
    redeemed = fields.Integer(metadata=CENTIPOINTS)
    orders_phone = fields.Integer()
    orders_counter = fields.Integer()
    attended_trend = fields.List(fields.Integer())
    issued_trend = fields.List(fields.Integer(metadata=CENTIPOINTS))
    redeemed_trend = fields.List(fields.Integer(metadata=CENTIPOINTS))


class TodaySchema(Schema):
    """The desk's first page."""

    waiting = fields.Nested(DeskCountsSchema)
    sessions = fields.List(fields.Nested(TodaySessionSchema))
    week = fields.Nested(WeekSchema)


class TotalsSchema(Schema):
    """A month of the district, or of the subdistrict that one reads."""

    residents = fields.Integer()
    newcomers = fields.Integer()
    people = fields.Integer()
    attended = fields.Integer()
    sessions = fields.Integer()
    issued = fields.Integer(metadata=CENTIPOINTS)
    redeemed = fields.Integer(metadata=CENTIPOINTS)
    orders = fields.Integer()
    crossed = fields.Integer()


class TownSchema(Schema):
    """A subdistrict's month so far."""

    code = fields.Integer()
    name = fields.String()
    communities = fields.Integer()
    residents = fields.Integer()
    people = fields.Integer()
    attended = fields.Integer()
    issued = fields.Integer(metadata=CENTIPOINTS)
    redeemed = fields.Integer(metadata=CENTIPOINTS)
    went_out = fields.Integer(metadata={"description": "hundredths of a standard point"})
    came_in = fields.Integer(metadata={"description": "hundredths of a standard point"})


class DistrictFiguresSchema(Schema):
    """The month so far, the same days of the last one, and each subdistrict."""

    this_month = fields.Nested(TotalsSchema)
    last_month = fields.Nested(TotalsSchema)
    subdistricts = fields.List(fields.Nested(TownSchema))
