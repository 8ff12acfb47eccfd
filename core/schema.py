"""The base of all schemas: what was not understood is said in Chinese, with what is expected."""

from __future__ import annotations

from typing import Any, get_args

import marshmallow
from marshmallow import fields, pre_load, validate
from marshmallow.validate import Length, Range

from core.acts import Role
from core.errors import N_

FILL = N_("请填写这一项。")
OBJECT = N_("这里请填一组字段（对象）。")
UNKNOWN = N_("没有这一项，请去掉。可以填的有：{names}。")
MOMENT = N_("请填带时区的时间，如 2026-11-24T14:00:00+08:00。")
DAY = N_("请填日期，如 2026-11-24。")
TEXTS: tuple[tuple[type[fields.Field[Any]], dict[str, str]], ...] = (
    (
        fields.Field,
        {"required": FILL, "null": FILL, "validator_failed": N_("这里填得不对，请检查。")},
    ),
    (fields.String, {"invalid": N_("这里请填文字。"), "invalid_utf8": N_("这里请填文字。")}),
    (fields.UUID, {"invalid_uuid": N_("这里请填编号（UUID，36 位）。")}),
    (fields.Integer, {"invalid": N_("请填整数。"), "too_large": N_("这个数太大了。")}),
    (fields.Boolean, {"invalid": N_("这里只能填 true 或 false。")}),
    (fields.DateTime, {"invalid": MOMENT, "invalid_awareness": MOMENT}),
    (fields.Date, {"invalid": DAY}),
    (fields.List, {"invalid": N_("这里请填列表（数组）。")}),
    (fields.Dict, {"invalid": OBJECT}),
    (fields.Nested, {"type": OBJECT}),
)
"""Texts by the kind of field; a later line that fits says it more exactly."""

Bound = tuple[str, str, str]
WHOLE: Bound = (
    N_("请填 {min} 到 {max} 之间的整数。"),
    N_("请填不小于 {min} 的整数。"),
    N_("请填不大于 {max} 的整数。"),
)
LETTERS: Bound = (
    N_("请填 {min} 到 {max} 个字。"),
    N_("至少填 {min} 个字。"),
    N_("最多填 {max} 个字。"),
)
MEMBERS: Bound = (
    N_("请给 {min} 到 {max} 项。"),
    N_("至少给 {min} 项。"),
    N_("最多给 {max} 项。"),
)
ROLE = validate.OneOf(get_args(Role))
NO_NUL = validate.Regexp(r"[^\x00\ud800-\udfff]*\Z", error=N_("这里有不能保存的字符，请重新输入。"))
"""Refuses what no database stores as text: NUL, and halves of characters."""


class Schema(marshmallow.Schema):
    """What every schema of the house derives from."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        names = "、".join(field.data_key or name for name, field in self.load_fields.items())
        self.error_messages |= {"type": OBJECT, "unknown": UNKNOWN.format(names=names)}

    @pre_load
    def keep_fractions(self, data: Any, **_: object) -> Any:
        """Let a whole number's field see a fraction as it was typed; it would cut it off."""
        if not isinstance(data, dict):
            return data
        whole = {
            field.data_key or name
            for name, field in self.load_fields.items()
            if isinstance(field, fields.Integer)
        }
        return {
            key: str(value) if isinstance(value, float) and key in whole else value
            for key, value in data.items()
        }

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Give a field the house's texts, but where it has been given its own."""
        super().on_bind_field(field_name, field_obj)
        _speak(field_obj)


def _speak(field: fields.Field[Any]) -> None:
    inner = (getattr(field, part, None) for part in ("inner", "key_field", "value_field"))
    for each in filter(None, inner):
        _speak(each)
    usual: dict[str, str] = {}
    for kind in reversed(type(field).__mro__):
        usual |= getattr(kind, "default_error_messages", {})
    ours: dict[str, str] = {}
    for kind, texts in TEXTS:
        if isinstance(field, kind):
            ours |= texts
    for validator in field.validators:
        _expect(validator, field, ours)
    for key, text in ours.items():
        if field.error_messages.get(key) == usual.get(key):
            field.error_messages[key] = text


def _expect(validator: object, field: fields.Field[Any], ours: dict[str, str]) -> None:
    """Let a validator, and a number's own text, say what is expected."""
    if isinstance(validator, Range):
        validator.error = validator.error or _bounds(validator, WHOLE)
        ours["invalid"] = validator.error.format(min=validator.min, max=validator.max)
        ours["too_large"] = ours["invalid"]
    elif isinstance(validator, Length):
        counted = MEMBERS if isinstance(field, fields.List) else LETTERS
        validator.error = validator.error or _bounds(validator, counted)
    elif (
        isinstance(validator, validate.OneOf) and validator.error == validate.OneOf.default_message
    ):
        validator.error = N_("只能填其中之一：{choices}。")
        validator.choices_text = "、".join(str(choice) for choice in validator.choices)


def _bounds(validator: Range | Length, texts: Bound) -> str:
    both, least, most = texts
    if validator.min is None:
        return most
    return least if validator.max is None else both
