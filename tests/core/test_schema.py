"""What was not understood is said in Chinese, beside the field, with what is expected."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import marshmallow
import pytest
from flask import Flask
from flask.testing import FlaskClient
from marshmallow import ValidationError, fields, validate

from core.schema import Schema
from tests.test_architecture import PACKAGES

V1 = "/api/v1"
BAD: tuple[Any, ...] = (None, True, -(10**30), 1.5, "", "没", "x" * 9000, [], [{}], {"a": 1}, "\0")
ENGLISH = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,}")


class TrialSchema(Schema):
    """A field of each kind that the house uses."""

    quantity = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=99))
    least = fields.Integer(validate=validate.Range(min=1))
    places = fields.Integer()
    name = fields.String(validate=validate.Length(min=1, max=20))
    lines = fields.List(fields.UUID(), validate=validate.Length(max=3))
    part = fields.String(validate=validate.OneOf(("take_part", "serve")))
    own = fields.String(required=True, error_messages={"required": "请填写姓名。"})


def refused(schema: Schema, given: Any) -> dict[str, Any]:
    """Return what is said of each field, or of the whole."""
    try:
        schema.load(given)
    except ValidationError as error:
        return error.messages if isinstance(error.messages, dict) else {"": error.messages}
    return {}


def sentences(found: Any) -> Iterator[str]:
    """Every text of an answer, however deep."""
    if isinstance(found, dict):
        for inner in found.values():
            yield from sentences(inner)
    elif isinstance(found, list):
        for inner in found:
            yield from sentences(inner)
    else:
        yield str(found)


def every_schema(start: type[Schema] = Schema) -> list[type[Schema]]:
    """Every schema of the product: they are all loaded with the application."""
    below = [each for child in start.__subclasses__() for each in (child, *every_schema(child))]
    return [each for each in below if not each.__module__.startswith("tests")]


@pytest.mark.parametrize(
    ("field", "given", "said"),
    [
        ("quantity", 0, "请填 1 到 99 之间的整数。"),
        ("quantity", 10**9, "请填 1 到 99 之间的整数。"),
        ("quantity", 1.5, "请填 1 到 99 之间的整数。"),
        ("quantity", "2", "请填 1 到 99 之间的整数。"),
        ("quantity", None, "请填写这一项。"),
        ("least", 0, "请填不小于 1 的整数。"),
        ("places", 1.5, "请填整数。"),
        ("name", "", "请填 1 到 20 个字。"),
        ("lines", ["x"], "这里请填编号（UUID，36 位）。"),
        ("lines", [None] * 4, "请填写这一项。"),
        ("part", "watch", "只能填其中之一：take_part、serve。"),
        (
            "quantty",
            1,
            "没有这一项，请去掉。可以填的有：quantity、least、places、name、lines、part、own。",
        ),
    ],
)
def test_each_text_says_what_is_expected(field: str, given: object, said: str) -> None:
    assert said in sentences(refused(TrialSchema(), {field: given}).get(field))


def test_a_text_of_the_fields_own_is_kept() -> None:
    assert refused(TrialSchema(), {"quantity": 1}) == {"own": ["请填写姓名。"]}


@pytest.mark.database("sqlite")
def test_no_schema_goes_past_the_houses_base(app: Flask) -> None:
    past = [each.__module__ for each in marshmallow.Schema.__subclasses__() if each is not Schema]

    assert [module for module in past if module.partition(".")[0] in PACKAGES] == []
    assert Schema in marshmallow.Schema.__subclasses__()


@pytest.mark.database("sqlite")
def test_no_schema_answers_in_english(app: Flask) -> None:
    schemas = every_schema()
    said: dict[str, str] = {}
    for schema in schemas:
        one = schema()
        tries = [{}, [], {"no_such_field": 1}]
        tries += [
            {field.data_key or name: bad} for name, field in one.load_fields.items() for bad in BAD
        ]
        for given in tries:
            said |= dict.fromkeys(sentences(refused(one, given)), schema.__name__)

    assert len(schemas) > 200
    assert {text: where for text, where in said.items() if ENGLISH.search(text)} == {}
    assert {text: where for text, where in said.items() if not text.endswith("。")} == {}
    assert ENGLISH.search(validate.OneOf.default_message)


@pytest.mark.database("sqlite")
def test_the_api_names_the_field_and_says_it_in_chinese(client: FlaskClient) -> None:
    few = client.post(f"{V1}/login-codes", json={"phone": 1, "client_nonce": "x", "tel": "1"})
    broken = client.post(f"{V1}/login-codes", data="{", content_type="application/json")

    assert few.status_code == 422
    assert few.get_json()["errors"]["json"] == {
        "phone": ["这里请填文字。"],
        "client_nonce": ["请填 16 到 200 个字。"],
        "tel": ["没有这一项，请去掉。可以填的有：phone、client_nonce。"],
    }
    assert broken.status_code == 400
    assert broken.get_json()["errors"] == {"json": ["请求体不是合法的 JSON，请检查后再提交。"]}
