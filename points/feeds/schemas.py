"""Shapes of feeders and of their batches. What is not named here is refused, item by item."""

from __future__ import annotations

import datetime as dt
from typing import Any

from marshmallow import (
    ValidationError,
    fields,
    post_load,
    validate,
    validates_schema,
)

from core.errors import N_
from core.schema import Schema
from points.feeds.items import CHUNK, UNITS_MAX, Item, ItemUnreadable, refused
from points.feeds.meant import Meant
from points.schemas import CENTIPOINTS, storable

TEXT_MAX = 60
KEY_MAX = 100
WORDS = (validate.Length(min=1, max=TEXT_MAX), storable)
KEY = (validate.Length(min=1, max=KEY_MAX), storable)
COMMUNITY = validate.Range(min=10**11, max=10**12)
PLACE = {"description": "code of the community, subdistrict or district"}
WAYS = ({"id"}, {"address"}, {"name", "phone"})
SCOPE_KIND = validate.OneOf(("community", "subdistrict", "district"))
FEEDER_STATE = validate.OneOf(("waiting", "active", "stopped"))


class MeantSchema(Schema):
    """Whom: ``address`` of a home, ``name`` and whole ``phone``, or an ``id`` that staff gave."""

    community = fields.Integer(
        strict=True,
        validate=COMMUNITY,
        metadata={"description": "where the address is; a feeder of one community leaves it out"},
    )
    address = fields.String(
        validate=WORDS, metadata={"description": "as Linli shows it: 建国南苑 3-2-401"}
    )
    name = fields.String(validate=WORDS)
    phone = fields.String(validate=WORDS, metadata={"description": "all eleven digits"})
    id = fields.UUID(metadata={"description": "of a household or resident"})

    @validates_schema
    def one_way(self, data: dict[str, Any], **_: object) -> None:
        """Refuse none and several ways of saying who."""
        if set(data) - {"community"} not in WAYS:
            raise ValidationError(N_("请用住址、姓名加手机号、编号三种里的一种说明是谁。"))

    @post_load
    def to_meant(self, data: dict[str, Any], **_: object) -> Meant:
        """Return whom is meant."""
        return Meant(**data)


class ItemSchema(Schema):
    """An act: hours have ``at`` and ``until``, everything else ``at`` and ``units``."""

    key = fields.String(
        required=True,
        validate=KEY,
        metadata={"description": "the feeder's own and only name of this act"},
    )
    rule = fields.String(required=True, validate=WORDS)
    holder = fields.Nested(MeantSchema, required=True)
    at = fields.AwareDateTime(required=True, format="iso")
    units = fields.Integer(strict=True, validate=validate.Range(min=1, max=UNITS_MAX))
    until = fields.AwareDateTime(format="iso")

    @validates_schema
    def one_measure(self, data: dict[str, Any], **_: object) -> None:
        """Refuse hours that come with a count."""
        if "until" in data and "units" in data:
            raise ValidationError(N_("按时长的只写起止时间，不写数量。"))

    @post_load
    def to_item(self, data: dict[str, Any], **_: object) -> Item:
        """Return the item; the same moment in another zone is the same moment."""
        for name in ("at", "until"):
            if name in data:
                data[name] = data[name].astimezone(dt.UTC)
        return Item(**data)


class Each(fields.Nested):
    """An item that is refused by itself where it cannot be read; the others go on."""

    def deserialize(self, value: Any, attr: Any = None, data: Any = None, **more: Any) -> Any:
        """Return the item, or its refusal."""
        try:
            return super().deserialize(value, attr, data, **more)
        except (ValidationError, OverflowError):
            key = value.get("key") if isinstance(value, dict) else None
            is_key = isinstance(key, str) and len(key) <= KEY_MAX
            return refused(key if is_key else None, ItemUnreadable())


class BatchSchema(Schema):
    """Up to five hundred items; each is answered by itself."""

    items = fields.List(Each(ItemSchema), required=True, validate=validate.Length(min=1, max=CHUNK))


class ItemResultSchema(Schema):
    """What became of an item; ``code`` and ``message`` say why one was refused.

    ``message`` also says what was left out of one that counted in part, or not at all.
    """

    key = fields.String(allow_none=True)
    state = fields.String(validate=validate.OneOf(("recorded", "exists", "capped", "refused")))
    code = fields.String()
    message = fields.String()
    award = fields.UUID(allow_none=True)
    units = fields.Integer()
    amount = fields.Integer(metadata=CENTIPOINTS)


class BatchResultSchema(Schema):
    """What became of each item, in their order."""

    items = fields.List(fields.Nested(ItemResultSchema))


class MakeFeederSchema(Schema):
    """A feeder: what it is, where, and which rules it may record."""

    name = fields.String(required=True, validate=WORDS)
    kind = fields.String(required=True, validate=validate.OneOf(("device", "platform", "city")))
    scope_kind = fields.String(required=True, validate=SCOPE_KIND)
    place = fields.Integer(
        load_default=0, strict=True, validate=validate.Range(min=0, max=10**12), metadata=PLACE
    )
    rules = fields.List(
        fields.String(validate=WORDS), required=True, validate=validate.Length(min=1, max=50)
    )


class FeederSecretSchema(Schema):
    """The feeder; its secret is shown this once."""

    id = fields.UUID()
    state = fields.String(validate=FEEDER_STATE)
    secret = fields.String(allow_none=True)
    exists = fields.Boolean()


class FeederChangedSchema(Schema):
    """What state it is in now."""

    id = fields.UUID()
    state = fields.String(validate=FEEDER_STATE)


class FeederSchema(Schema):
    """A feeder with what it did; never its secret."""

    id = fields.UUID()
    name = fields.String()
    kind = fields.String(validate=validate.OneOf(("device", "platform", "city")))
    scope_kind = fields.String(validate=SCOPE_KIND)
    place = fields.Integer(metadata=PLACE)
    rules = fields.List(fields.String())
    state = fields.String(validate=FEEDER_STATE)
    made_at = fields.AwareDateTime()
    last_at = fields.AwareDateTime(allow_none=True)
    recorded = fields.Integer(metadata={"description": "items that gave points, in half a year"})


class FeedBatchSchema(Schema):
    """How a batch came out."""

    id = fields.UUID()
    feeder = fields.UUID()
    first_at = fields.AwareDateTime()
    last_at = fields.AwareDateTime()
    times = fields.Integer()
    recorded = fields.Integer()
    existed = fields.Integer()
    capped = fields.Integer()
    refused = fields.Integer()
    file = fields.String(
        allow_none=True,
        metadata={"description": "name of the file, where somebody brought one"},
    )
